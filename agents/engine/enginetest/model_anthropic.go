package enginetest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// messages is Anthropic's protocol, which claude speaks.
type messages struct{}

func (messages) read(_ *http.Request, body []byte) (question, error) {
	var call struct {
		Model  string
		Stream bool
		Tools  []struct {
			Name        string
			InputSchema schema `json:"input_schema"`
		}
		Messages []struct{ Content json.RawMessage }
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return question{}, fmt.Errorf("read messages call: %w", err)
	}
	q := question{model: call.Model, stream: call.Stream}
	for _, tool := range call.Tools {
		q.tools = append(q.tools, offer{name: tool.Name, schema: tool.InputSchema})
	}
	for _, message := range call.Messages {
		var blocks []struct{ Type string }
		if json.Unmarshal(message.Content, &blocks) != nil {
			continue // a plain string
		}
		for _, block := range blocks {
			if block.Type == "tool_result" {
				q.results++
			}
		}
	}
	return q, nil
}

func (messages) answer(w *wire, q question, a answer) {
	block, delta, stop := object{"type": "text", "text": ""}, object{"type": "text_delta", "text": a.text}, "end_turn"
	if a.tool != "" {
		input, _ := json.Marshal(a.input) // our own object
		block = object{"type": "tool_use", "id": "toolu_" + a.id, "name": a.tool, "input": object{}}
		delta, stop = object{"type": "input_json_delta", "partial_json": string(input)}, "tool_use"
	}
	usage := object{"input_tokens": FreshTokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": CachedTokens, "output_tokens": OutputTokens}
	message := object{"id": "msg_" + a.id, "type": "message", "role": "assistant", "model": q.model, "content": []object{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage}
	if !w.stream {
		if a.tool != "" {
			block["input"] = a.input
		} else {
			block["text"] = a.text
		}
		message["content"], message["stop_reason"] = []object{block}, stop
		w.whole(message)
		return
	}
	w.event("message_start", object{"type": "message_start", "message": message})
	w.event("content_block_start", object{"type": "content_block_start", "index": 0, "content_block": block})
	w.event("content_block_delta", object{"type": "content_block_delta", "index": 0, "delta": delta})
	w.event("content_block_stop", object{"type": "content_block_stop", "index": 0})
	w.event("message_delta", object{"type": "message_delta", "delta": object{"stop_reason": stop, "stop_sequence": nil}, "usage": usage})
	w.event("message_stop", object{"type": "message_stop"})
}

func (messages) refuse(_ int, kind, message string) object {
	return object{"type": "error", "error": object{"type": kind, "message": message}}
}
