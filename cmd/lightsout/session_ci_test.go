//go:build ci

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"lightsout/agents/engine/enginetest"
)

// TestRealCLIWorksThroughTheSessionCommand calls each as a person would whose provider is at an address of its own.
func TestRealCLIWorksThroughTheSessionCommand(t *testing.T) {
	for kind, arguments := range map[string]func(place, base string) []string{
		"claude": func(string, string) []string { return []string{"--pass", "ANTHROPIC_BASE_URL"} },
		"codex": func(_, base string) []string {
			return []string{"--model", "scripted", "--arg=-cmodel_provider=scripted",
				fmt.Sprintf(`--arg=-cmodel_providers.scripted={name="scripted",base_url="%s/v1",env_key="OPENAI_API_KEY",wire_api="responses"}`, base)}
		},
		"gemini": func(string, string) []string {
			return []string{"--model", "gemini-2.5-pro", "--pass", "GOOGLE_GEMINI_BASE_URL"}
		},
		"opencode": func(place, base string) []string {
			must(t, os.WriteFile(filepath.Join(place, "opencode.json"), fmt.Appendf(nil, `{"autoupdate":false,"share":"disabled","permission":"allow","provider":{"scripted":{"npm":"@ai-sdk/openai-compatible",
				"options":{"baseURL":"%s/v1","apiKey":"k"},"models":{"m":{"tool_call":true}}}}}`, base), 0o600))
			return []string{"--model", "scripted/m", "--home-file", ".config/opencode/opencode.json=" + filepath.Join(place, "opencode.json")}
		},
		"pi": func(place, base string) []string {
			must(t, os.WriteFile(filepath.Join(place, "models.json"), fmt.Appendf(nil, `{"providers":{"anthropic":{"baseUrl":%q}}}`, base), 0o600))
			return []string{"--model", "anthropic/claude-sonnet-4-5", "--home-file", ".pi/agent/models.json=" + filepath.Join(place, "models.json")}
		},
		"qwen": func(string, string) []string { return []string{"--model", "qwen3-coder", "--pass", "OPENAI_BASE_URL"} },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir, place := t.TempDir(), t.TempDir()
			model := enginetest.NewModel("All done.", enginetest.Step{Write: filepath.Join(dir, "made.txt"), Content: "hello\n"}, enginetest.Step{Run: "cat made.txt && echo ran > ran.txt"})
			server := httptest.NewServer(model)
			defer server.Close()
			defer model.Close()
			must(t, os.WriteFile(filepath.Join(place, "prompt.md"), []byte("# Make the file\n"), 0o600))
			environ := []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k", "GEMINI_API_KEY=k",
				"ANTHROPIC_BASE_URL=" + server.URL, "GOOGLE_GEMINI_BASE_URL=" + server.URL, "OPENAI_BASE_URL=" + server.URL + "/v1"}
			var out, errs bytes.Buffer
			code := run(t.Context(), append([]string{"session", "--engine", kind, "--path", filepath.Join(moduleRoot(t), ".ci", "node_modules", ".bin", kind), "--dir", dir,
				"--prompt", filepath.Join(place, "prompt.md"), "--limit", "4m", "--json"}, arguments(place, server.URL)...), console{out: &out, err: &errs, environ: environ})
			var result sessionResult
			if err := json.Unmarshal(out.Bytes(), &result); err != nil || code != exitYes || result.Outcome != "done" || result.Text != "All done." || result.Turns != 3 ||
				result.InputTokens != 300 || result.CachedTokens != 3000 || result.OutputTokens != 150 || result.Survivors != 0 {
				t.Errorf("exit %d, %v\n%s\n%s", code, err, out.String(), errs.String())
			}
			for name, want := range map[string]string{"made.txt": "hello\n", "ran.txt": "ran\n"} {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
		})
	}
}
