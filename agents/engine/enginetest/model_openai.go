package enginetest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// responses is OpenAI's protocol of today, which codex speaks.
type responses struct{}

func (responses) read(_ *http.Request, body []byte) (question, error) {
	var call struct {
		Model  string
		Stream bool
		Tools  []struct {
			Type       string
			Name       string
			Parameters schema
		}
		Input json.RawMessage
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return question{}, fmt.Errorf("read responses call: %w", err)
	}
	q := question{model: call.Model, stream: call.Stream}
	for _, tool := range call.Tools {
		q.tools = append(q.tools, offer{name: tool.Name, schema: tool.Parameters, freeform: tool.Type != "function"})
	}
	var items []struct{ Type string }
	if json.Unmarshal(call.Input, &items) == nil { // else a plain string
		for _, item := range items {
			if item.Type == "function_call_output" {
				q.results++
			}
		}
	}
	return q, nil
}

func (responses) answer(w *wire, q question, a answer) {
	item := object{"type": "message", "id": "msg_" + a.id, "role": "assistant", "status": "completed",
		"content": []object{{"type": "output_text", "text": a.text, "annotations": []object{}}}}
	if a.tool != "" {
		input, _ := json.Marshal(a.input) // our own object
		item = object{"type": "function_call", "id": "fc_" + a.id, "call_id": "call_" + a.id, "name": a.tool, "arguments": string(input), "status": "completed"}
	}
	response := object{"id": "resp_" + a.id, "object": "response", "model": q.model, "status": "completed", "output": []object{item},
		"usage": object{"input_tokens": FreshTokens + CachedTokens, "input_tokens_details": object{"cached_tokens": CachedTokens},
			"output_tokens": OutputTokens, "output_tokens_details": object{"reasoning_tokens": 0}, "total_tokens": FreshTokens + CachedTokens + OutputTokens}}
	if !w.stream {
		w.whole(response)
		return
	}
	w.event("response.created", object{"type": "response.created", "response": object{"id": "resp_" + a.id, "object": "response", "model": q.model, "status": "in_progress", "output": []object{}}})
	w.event("response.output_item.added", object{"type": "response.output_item.added", "output_index": 0, "item": item})
	if a.tool == "" {
		w.event("response.output_text.delta", object{"type": "response.output_text.delta", "item_id": item["id"], "output_index": 0, "content_index": 0, "delta": a.text})
	} else {
		w.event("response.function_call_arguments.done", object{"type": "response.function_call_arguments.done", "item_id": item["id"], "output_index": 0, "arguments": item["arguments"]})
	}
	w.event("response.output_item.done", object{"type": "response.output_item.done", "output_index": 0, "item": item})
	w.event("response.completed", object{"type": "response.completed", "response": response})
}

func (responses) refuse(status int, kind, message string) object {
	return openAIError(status, kind, message)
}

// chat is OpenAI's older protocol, which most gateways and open models speak.
type chat struct{}

func (chat) read(_ *http.Request, body []byte) (question, error) {
	var call struct {
		Model  string
		Stream bool
		Tools  []struct {
			Function struct {
				Name       string
				Parameters schema
			}
		}
		Messages []struct{ Role string }
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return question{}, fmt.Errorf("read chat call: %w", err)
	}
	q := question{model: call.Model, stream: call.Stream}
	for _, tool := range call.Tools {
		q.tools = append(q.tools, offer{name: tool.Function.Name, schema: tool.Function.Parameters})
	}
	for _, message := range call.Messages {
		if message.Role == "tool" {
			q.results++
		}
	}
	return q, nil
}

func (chat) answer(w *wire, q question, a answer) {
	message, finish := object{"role": "assistant", "content": a.text}, "stop"
	if a.tool != "" {
		input, _ := json.Marshal(a.input) // our own object
		message["content"], finish = nil, "tool_calls"
		message["tool_calls"] = []object{{"index": 0, "id": "call_" + a.id, "type": "function", "function": object{"name": a.tool, "arguments": string(input)}}}
	}
	usage := object{"prompt_tokens": FreshTokens + CachedTokens, "completion_tokens": OutputTokens, "total_tokens": FreshTokens + CachedTokens + OutputTokens,
		"prompt_tokens_details": object{"cached_tokens": CachedTokens}}
	base := func(kind string, choices ...object) object {
		return object{"id": "chatcmpl-" + a.id, "object": kind, "created": 1, "model": q.model, "choices": choices}
	}
	if !w.stream {
		body := base("chat.completion", object{"index": 0, "message": message, "finish_reason": finish})
		body["usage"] = usage
		w.whole(body)
		return
	}
	const kind = "chat.completion.chunk"
	w.event("", base(kind, object{"index": 0, "delta": object{"role": "assistant", "content": ""}, "finish_reason": nil}))
	w.event("", base(kind, object{"index": 0, "delta": message, "finish_reason": nil}))
	w.event("", base(kind, object{"index": 0, "delta": object{}, "finish_reason": finish}))
	last := base(kind)
	last["choices"], last["usage"] = []object{}, usage
	w.event("", last)
	fmt.Fprint(w.w, "data: [DONE]\n\n")
}

func (chat) refuse(status int, kind, message string) object {
	return openAIError(status, kind, message)
}

// openAIError has words of its own for what Anthropic calls by other names.
func openAIError(status int, kind, message string) object {
	code := any(nil)
	switch status {
	case http.StatusUnauthorized:
		kind, code, message = "invalid_request_error", "invalid_api_key", "Incorrect API key provided: "+message
	case http.StatusTooManyRequests:
		kind, code = "insufficient_quota", "insufficient_quota"
	case http.StatusInternalServerError:
		kind = "server_error"
	}
	return object{"error": object{"message": message, "type": kind, "param": nil, "code": code}}
}
