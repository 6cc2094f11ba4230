//go:build ci

package review

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
	"lightsout/rules"
)

// realCLI is a coding CLI as npm has it (.ci/package.json), whose model runs a command and then says the words.
func realCLI(t *testing.T, kind, command, words string) *engine.Engine {
	t.Helper()
	model := enginetest.NewModel(words, enginetest.Step{Run: command})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	t.Cleanup(model.Close)
	config := map[string]engine.Config{
		"claude": {Env: map[string]string{"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.URL, "CLAUDE_CODE_MAX_RETRIES": "1"}},
		"codex": {Model: "scripted", Env: map[string]string{"OPENAI_API_KEY": "k"}, Args: []string{"-c", "model_provider=scripted",
			"-c", fmt.Sprintf(`model_providers.scripted={name="scripted",base_url="%s/v1",env_key="OPENAI_API_KEY",wire_api="responses"}`, server.URL)}},
	}[kind]
	config.Kind, config.Path = kind, filepath.Join(root(t), ".ci", "node_modules", ".bin", kind)
	e, err := engine.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("no go.mod above the test")
	return ""
}

func TestTheTrioOfRealCLIsReadsTheChangeAndCannotWriteIt(t *testing.T) {
	if process.LandlockABI() < 2 {
		t.Fatal("this kernel has no Landlock, which this test is about")
	}
	for _, kind := range []string{"claude", "codex"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			file := filepath.Join(s.request.Dir, "pages", "list.go")
			meddle := "grep -c 'n / size' " + file + "; echo '// mine' >> " + file
			var log bytes.Buffer
			sessions := Sessions{Dir: s.request.Dir, Homes: t.TempDir(), Marker: fmt.Sprintf("reviewtest-%d-%s", os.Getpid(), kind),
				Engines: Engines{
					Enthusiast: realCLI(t, kind, meddle, "Looked.\n"+lostPage),
					Adversary:  realCLI(t, kind, meddle, answer("F1", "handled elsewhere", "show/show.go:4")),
					Referee:    realCLI(t, kind, meddle, rulesOn("F1", RealBug, withTrace)),
				},
				Session: engine.Session{Env: []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"}, Contain: true, Log: &log,
					Limits: process.Limits{Wall: 3 * time.Minute, Grace: time.Second}}}
			s.request.Ask = sessions.Ask
			v, err := Run(t.Context(), s.request)
			if err != nil {
				t.Fatal(err)
			}
			if v.Line() != "1 raised, 1 open" || len(v.Silent) != 0 || len(v.Turns) != 3 {
				t.Errorf("%s, silent %q, %d sessions", v.Line(), v.Silent, len(v.Turns))
			}
			for i, role := range roles {
				if turn := v.Turns[i]; turn.Role != role || !strings.Contains(turn.Note, "refused what it tried with ") || turn.Usage.Output == 0 {
					t.Errorf("%+v: an attempt to write was not reported", turn)
				}
			}
			if content, err := os.ReadFile(file); err != nil || string(content) != listFile {
				t.Errorf("the change is altered: %q %v", content, err)
			}
			if v.Findings[0].By != rules.Referee {
				t.Errorf("%+v", v.Findings[0])
			}
			if t.Failed() {
				text := log.String()
				t.Logf("%s\nlog:\n%s", v.Debate(), text[max(0, len(text)-6000):])
			}
		})
	}
}
