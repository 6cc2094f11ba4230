//go:build ci

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lightsout/agents/engine/enginetest"
)

// realCLIs are the arguments with which a person calls each whose provider is at an address of its own.
func realCLIs(t *testing.T) map[string]func(place, base string) []string {
	return map[string]func(place, base string) []string{
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
	}
}

// realSession is what `lightsout session` says of one of them in a folder.
func realSession(ctx context.Context, t *testing.T, kind, dir string, model *enginetest.Model, more ...string) (code int, result sessionResult, said string) {
	t.Helper()
	place := t.TempDir()
	server := httptest.NewServer(model)
	defer server.Close()
	defer model.Close()
	must(t, os.WriteFile(filepath.Join(place, "prompt.md"), []byte("# Make the file\n"), 0o600))
	environ := []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k", "GEMINI_API_KEY=k",
		"ANTHROPIC_BASE_URL=" + server.URL, "GOOGLE_GEMINI_BASE_URL=" + server.URL, "OPENAI_BASE_URL=" + server.URL + "/v1"}
	arguments := slices.Concat([]string{"session", "--engine", kind, "--path", filepath.Join(moduleRoot(t), ".ci", "node_modules", ".bin", kind), "--dir", dir,
		"--prompt", filepath.Join(place, "prompt.md"), "--limit", "4m", "--json"}, realCLIs(t)[kind](place, server.URL), more)
	var out, errs bytes.Buffer
	code = run(ctx, arguments, console{out: &out, err: &errs, environ: environ})
	said = out.String() + "\n" + errs.String()
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Errorf("exit %d, %v\n%s", code, err, said)
	}
	return code, result, said
}

func TestRealCLIWorksThroughTheSessionCommand(t *testing.T) {
	for kind := range realCLIs(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			model := enginetest.NewModel("All done.", enginetest.Step{Write: filepath.Join(dir, "made.txt"), Content: "hello\n"}, enginetest.Step{Run: "cat made.txt && echo ran > ran.txt"})
			code, result, said := realSession(t.Context(), t, kind, dir, model)
			if code != exitYes || result.Outcome != "done" || result.Text != "All done." || result.Turns != 3 ||
				result.InputTokens != 300 || result.CachedTokens != 3000 || result.OutputTokens != 150 || result.Survivors != 0 {
				t.Errorf("exit %d\n%s", code, said)
			}
			for name, want := range map[string]string{"made.txt": "hello\n", "ran.txt": "ran\n"} {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
		})
	}
}

func TestRealCLIsTroubleIsToldByTheSessionCommand(t *testing.T) {
	for kind := range realCLIs(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for fault, want := range map[enginetest.FaultKind]string{
				enginetest.Unauthorized: "authentication", enginetest.OutOfQuota: "quota", enginetest.Broken: "overloaded",
				enginetest.Dropped: "overloaded", enginetest.Hanging: "stalled",
			} {
				t.Run(string(fault), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					model := enginetest.NewModel("All done.", enginetest.Step{Write: filepath.Join(dir, "made.txt"), Content: "hello\n"})
					model.Fault = enginetest.Fault{Kind: fault, At: 1}
					var more []string
					if fault == enginetest.Unauthorized {
						model.Fault.At = 0
					}
					if fault == enginetest.Hanging {
						more = []string{"--silence", "20s"}
					}
					code, result, said := realSession(t.Context(), t, kind, dir, model, more...)
					if code != exitNo || result.Outcome != want || result.Reason == "" || result.Survivors != 0 {
						t.Errorf("exit %d, %s %q, %d survivors, want %s\n%s", code, result.Outcome, result.Reason, result.Survivors, want, said[max(0, len(said)-4000):])
					}
				})
			}
		})
	}
}

// TestRealCLIThatIsInterruptedLeavesNothing ends the command as Ctrl-C does, while a shell tool runs with detached children.
func TestRealCLIThatIsInterruptedLeavesNothing(t *testing.T) {
	for kind := range realCLIs(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			hold := filepath.Join(dir, "hold")
			model := enginetest.NewModel("All done.", enginetest.Hold(hold))
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			watched := make(chan struct{})
			go func() {
				defer close(watched)
				for ctx.Err() == nil && len(enginetest.Holders(hold)) < enginetest.Held {
					time.Sleep(100 * time.Millisecond)
				}
				interrupt()
			}()
			code, result, said := realSession(ctx, t, kind, dir, model)
			interrupt()
			<-watched
			if code != exitNo || result.Outcome != "cancelled" || result.Survivors != 0 {
				t.Errorf("exit %d, %s, %d survivors\n%s", code, result.Outcome, result.Survivors, said[max(0, len(said)-4000):])
			}
			if left := enginetest.Holders(hold); len(left) > 0 {
				t.Errorf("still alive: %q", left)
			}
		})
	}
}
