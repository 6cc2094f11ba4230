package enginetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// gemini is Google's protocol.
type gemini struct{}

func (gemini) read(r *http.Request, body []byte) (question, error) {
	var call struct {
		Tools []struct {
			FunctionDeclarations []struct {
				Name                 string
				Parameters           schema
				ParametersJSONSchema schema `json:"parametersJsonSchema"`
			}
		}
		Contents []struct {
			Parts []struct{ FunctionResponse json.RawMessage }
		}
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return question{}, fmt.Errorf("read gemini call: %w", err)
	}
	q := question{model: "gemini", stream: strings.HasSuffix(r.URL.Path, ":streamGenerateContent")}
	for _, tools := range call.Tools {
		for _, tool := range tools.FunctionDeclarations {
			s := tool.ParametersJSONSchema
			if len(s.Properties) == 0 {
				s = tool.Parameters
			}
			q.tools = append(q.tools, offer{name: tool.Name, schema: s})
		}
	}
	for _, content := range call.Contents {
		for _, part := range content.Parts {
			if len(part.FunctionResponse) > 0 {
				q.results++
			}
		}
	}
	return q, nil
}

func (gemini) answer(w *wire, q question, a answer) {
	part := object{"text": a.text}
	if a.tool != "" {
		part = object{"functionCall": object{"name": a.tool, "args": a.input}}
	}
	body := object{
		"candidates": []object{{"content": object{"role": "model", "parts": []object{part}}, "index": 0}},
		"usageMetadata": object{"promptTokenCount": FreshTokens + CachedTokens, "cachedContentTokenCount": CachedTokens,
			"candidatesTokenCount": OutputTokens, "totalTokenCount": FreshTokens + CachedTokens + OutputTokens},
		"modelVersion": q.model, "responseId": "response-" + a.id,
	}
	end := object{"candidates": []object{{"content": object{"role": "model", "parts": []object{{"text": ""}}}, "finishReason": "STOP", "index": 0}},
		"usageMetadata": body["usageMetadata"], "modelVersion": q.model, "responseId": "response-" + a.id}
	if !w.stream {
		body["candidates"].([]object)[0]["finishReason"] = "STOP"
		w.whole(body)
		return
	}
	if w.left > 0 {
		w.left = 1 // this stream is but two events long
	}
	w.event("", body)
	w.event("", end)
}

func (gemini) refuse(status int, _, message string) object {
	words := map[int]string{http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusTooManyRequests: "RESOURCE_EXHAUSTED", http.StatusInternalServerError: "INTERNAL"}
	return object{"error": object{"code": status, "message": message, "status": words[status]}}
}
