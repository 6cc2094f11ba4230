package enginetest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine/enginetest"
)

// talk is how a client of one protocol asks: the path, a call with so many tool
// results behind it, and what it must find in the answers.
type talk struct {
	path string
	body func(results int, stream bool) string
}

func repeat(n int, text string) string { return strings.Repeat(","+text, n) }

var talks = map[string]talk{
	"messages": {"/v1/messages", func(n int, stream bool) string {
		return fmt.Sprintf(`{"model":"m","stream":%v,"tools":[{"name":"Bash","input_schema":{"properties":{"command":{"type":"string"}},"required":["command"]}},
			{"name":"Write","input_schema":{"properties":{"file_path":{"type":"string"},"content":{"type":"string"}}}}],"messages":[{"role":"user","content":"do"}%s]}`,
			stream, repeat(n, `{"role":"user","content":[{"type":"tool_result"}]}`))
	}},
	"responses": {"/v1/responses", func(n int, stream bool) string {
		return fmt.Sprintf(`{"model":"m","stream":%v,"tools":[{"type":"custom","name":"shell"},{"type":"function","name":"exec_command","parameters":{"properties":{"cmd":{"type":"string"},"login":{"type":"boolean"}},"required":["cmd","login"]}}],
			"input":[{"type":"message"}%s]}`, stream, repeat(n, `{"type":"function_call_output"}`))
	}},
	"chat": {"/openai/v1/chat/completions", func(n int, stream bool) string {
		return fmt.Sprintf(`{"model":"m","stream":%v,"tools":[{"type":"function","function":{"name":"run_shell_command","parameters":{"properties":{"command":{"type":"array"}}}}}],"messages":[{"role":"user"}%s]}`,
			stream, repeat(n, `{"role":"tool"}`))
	}},
	"gemini": {"/v1beta/models/m:streamGenerateContent", func(n int, _ bool) string {
		return fmt.Sprintf(`{"tools":[{"functionDeclarations":[{"name":"write_file","parametersJsonSchema":{"properties":{"file_path":{"type":"string"}}}},{"name":"run_shell_command","parametersJsonSchema":{"properties":{"command":{"type":"string"}}}}]}],
			"contents":[{"parts":[{"text":"do"}%s]}]}`, repeat(n, `{"functionResponse":{"name":"x"}}`))
	}},
}

func serve(t *testing.T, m *enginetest.Model) string {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	t.Cleanup(m.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return server.URL
}

func say(t *testing.T, url, body string) (status int, answer string, err error) {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

func TestModelGoesThroughItsStepsInEveryProtocol(t *testing.T) {
	for name, c := range talks {
		for _, stream := range []bool{true, false} {
			m := enginetest.NewModel("All done.", enginetest.Step{Write: "/w/made.txt", Content: "hello"}, enginetest.Step{Run: "go test"})
			url := serve(t, m) + c.path
			for results, want := range []string{"/w/made.txt", "go test", "All done."} {
				status, answer, err := say(t, url, c.body(results, stream))
				if err != nil || status != http.StatusOK || !strings.Contains(answer, want) {
					t.Errorf("%s, streamed %v, after %d results: %d %v %s; want %q", name, stream, results, status, err, answer, want)
				}
				if results < 2 && strings.Contains(answer, "All done.") {
					t.Errorf("%s, streamed %v: says the last words after %d results", name, stream, results)
				}
				for line := range strings.Lines(answer) {
					if data, ok := strings.CutPrefix(line, "data: "); ok && strings.TrimSpace(data) != "[DONE]" && !json.Valid([]byte(data)) {
						t.Errorf("%s: event %q is no JSON", name, data)
					}
				}
			}
			if asked := m.Asked(); len(asked) != 3 || asked[0] != "POST "+c.path {
				t.Errorf("%s: asked %q", name, asked)
			}
			if len(m.Tools()) == 0 {
				t.Errorf("%s: no tools", name)
			}
		}
	}
}

func TestModelFillsInWhatTheToolsWant(t *testing.T) {
	m := enginetest.NewModel("", enginetest.Step{Run: "ls"})
	url := serve(t, m)
	for name, want := range map[string]string{
		"responses": `{\"cmd\":\"ls\",\"login\":false}`,
		"chat":      `{\"command\":[\"bash\",\"-c\",\"ls\"]}`,
		"messages":  `{\"command\":\"ls\"}`,
	} {
		if _, answer, err := say(t, url+talks[name].path, talks[name].body(0, true)); err != nil || !strings.Contains(answer, want) {
			t.Errorf("%s: %v %s; want %s", name, err, answer, want)
		}
	}
	_, answer, err := say(t, url+"/v1/messages", `{"tools":[{"name":"Think"}],"messages":[]}`)
	if err != nil || !strings.Contains(answer, "none of the tools is a shell") {
		t.Errorf("without a shell: %v %s", err, answer)
	}
}

func TestQuestionsWithoutToolsAreAnsweredInWords(t *testing.T) {
	m := enginetest.NewModel("A title", enginetest.Step{Run: "ls"})
	if _, answer, err := say(t, serve(t, m)+"/v1/messages", `{"messages":[{"role":"user","content":"name this"}]}`); err != nil || !strings.Contains(answer, "A title") || strings.Contains(answer, "tool_use") {
		t.Errorf("%v %s", err, answer)
	}
}

func TestModelFailsAsProvidersDo(t *testing.T) {
	for name, c := range talks {
		for kind, want := range map[enginetest.FaultKind]int{enginetest.Unauthorized: 401, enginetest.OutOfQuota: 429, enginetest.Broken: 500} {
			m := enginetest.NewModel("All done.", enginetest.Step{Run: "ls"})
			m.Fault = enginetest.Fault{Kind: kind, At: 1}
			url := serve(t, m) + c.path
			if status, _, err := say(t, url, c.body(0, true)); err != nil || status != http.StatusOK {
				t.Errorf("%s, %s: before the fault %d %v", name, kind, status, err)
			}
			status, answer, err := say(t, url, c.body(1, true))
			var body struct{ Error struct{ Message string } }
			if err != nil || status != want || json.Unmarshal([]byte(answer), &body) != nil || body.Error.Message == "" {
				t.Errorf("%s, %s: %d %v %s", name, kind, status, err, answer)
			}
		}
		m := enginetest.NewModel("All done.", enginetest.Step{Run: "ls"})
		m.Fault.Kind = enginetest.Dropped
		status, answer, err := say(t, serve(t, m)+c.path, c.body(0, true))
		if !errors.Is(err, io.ErrUnexpectedEOF) || status != http.StatusOK || answer == "" {
			t.Errorf("%s, dropped: %d %v %q", name, status, err, answer)
		}
	}
}

func TestModelHangsUntilItIsClosed(t *testing.T) {
	m := enginetest.NewModel("All done.")
	m.Fault.Kind = enginetest.Hanging
	url := serve(t, m)
	client := &http.Client{Timeout: 50 * time.Millisecond}
	response, err := client.Post(url+"/v1/messages", "application/json", bytes.NewReader([]byte(`{}`)))
	if err == nil {
		response.Body.Close()
		t.Errorf("answered %d", response.StatusCode)
	}
}

func TestModelRefusesWhatItDoesNotServe(t *testing.T) {
	url := serve(t, enginetest.NewModel("All done."))
	for path, want := range map[string]int{"/v1/messages": 400, "/v1/embeddings": 404, "/v1/messages/count_tokens": 200, "/v1beta/models/m:countTokens": 200} {
		if status, _, err := say(t, url+path, "no JSON"); err != nil || status != want {
			t.Errorf("%s: %d %v, want %d", path, status, err, want)
		}
	}
}
