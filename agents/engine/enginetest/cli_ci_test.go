//go:build ci

package enginetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
)

// realCLIs are the coding CLIs as npm has them (.ci/package.json), each configured
// as a person would whose provider is at base.
func realCLIs(base string) map[string]engine.Config {
	return map[string]engine.Config{
		"claude": {Env: map[string]string{"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": base, "CLAUDE_CODE_MAX_RETRIES": "1"}},
		"codex": {Model: "scripted", Env: map[string]string{"OPENAI_API_KEY": "k"}, Args: []string{"-c", "model_provider=scripted",
			"-c", fmt.Sprintf(`model_providers.scripted={name="scripted",base_url="%s/v1",env_key="OPENAI_API_KEY",wire_api="responses",request_max_retries=1,stream_max_retries=1}`, base)}},
		"pi": {Model: "anthropic/claude-sonnet-4-5", Env: map[string]string{"ANTHROPIC_API_KEY": "k"}, Files: map[string]string{
			".pi/agent/models.json": fmt.Sprintf(`{"providers":{"anthropic":{"baseUrl":%q}}}`, base)}},
		"gemini": {Model: "gemini-2.5-pro", Env: map[string]string{"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": base}},
		"qwen":   {Model: "qwen3-coder", Env: map[string]string{"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": base + "/v1"}},
		"opencode": {Model: "scripted/m", Env: map[string]string{"OPENAI_API_KEY": "k"}, Files: map[string]string{".config/opencode/opencode.json": fmt.Sprintf(
			`{"autoupdate":false,"share":"disabled","permission":"allow","provider":{"scripted":{"npm":"@ai-sdk/openai-compatible","name":"scripted","options":{"baseURL":"%s/v1","apiKey":"k"},"models":{"m":{"name":"m","tool_call":true}}}}}`, base)}},
	}
}

// play is one session of a real CLI with a scripted model.
type play struct {
	dir, home string
	model     *enginetest.Model
	engine    *engine.Engine
	session   engine.Session
	log       bytes.Buffer
}

func newPlay(t *testing.T, kind string) *play {
	t.Helper()
	p := &play{dir: t.TempDir(), home: t.TempDir()}
	p.model = enginetest.NewModel("All done.",
		enginetest.Step{Write: filepath.Join(p.dir, "made.txt"), Content: "hello\n"},
		enginetest.Step{Run: "cat made.txt && echo ran > ran.txt"})
	server := httptest.NewServer(p.model)
	t.Cleanup(server.Close)
	t.Cleanup(p.model.Close)
	config := realCLIs(server.URL)[kind]
	bin := filepath.Join(root(t), ".ci", "node_modules", ".bin")
	config.Kind, config.Path = kind, filepath.Join(bin, kind)
	var err error
	if p.engine, err = engine.New(config); err != nil {
		t.Fatal(err)
	}
	if _, err := process.Output(t.Context(), process.Command{Args: []string{"git", "init", "-q"}, Dir: p.dir, Env: []string{"PATH=" + os.Getenv("PATH")}}); err != nil {
		t.Fatal(err)
	}
	p.session = engine.Session{
		Prompt: "# Make the file\n\nMake made.txt and read it.\n", Dir: p.dir, Home: p.home,
		Marker:  fmt.Sprintf("enginetest-%d-%s", os.Getpid(), t.Name()),
		Env:     []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8"},
		Limits:  process.Limits{Wall: 4 * time.Minute, Grace: time.Second},
		Contain: true, Log: &p.log,
	}
	return p
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Fatal("no go.mod above the test")
	return ""
}

func (p *play) run(ctx context.Context, t *testing.T) engine.Result {
	t.Helper()
	r, err := p.engine.Run(ctx, p.session)
	if err != nil {
		t.Errorf("%v", err)
	}
	if r.Survivors != 0 {
		t.Errorf("%d survivors", r.Survivors)
	}
	if r.Contained != (process.LandlockABI() >= 2) {
		t.Errorf("contained: %v", r.Contained)
	}
	t.Logf("%s: %s %q, %d turns, %+v, %.1f s", p.engine.Name(), r.Outcome, r.Reason, r.Turns, r.Usage, r.Seconds)
	return r
}

func (p *play) explain(t *testing.T) {
	t.Helper()
	log := p.log.String()
	t.Logf("tools %q\nasked %q\nlog:\n%s", p.model.Tools(), p.model.Asked(), log[max(0, len(log)-4000):])
}

func eachRealCLI(t *testing.T, test func(t *testing.T, kind string)) {
	for _, kind := range engine.Kinds() {
		if kind != "command" {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				test(t, kind)
			})
		}
	}
}

func TestRealCLIEditsAFileAndRunsACommand(t *testing.T) {
	eachRealCLI(t, func(t *testing.T, kind string) {
		p := newPlay(t, kind)
		var tools int
		p.session.OnEvent = func(e engine.Event) {
			if e.Kind == engine.KindTool {
				tools++
			}
		}
		r := p.run(t.Context(), t)
		usage := engine.Usage{Input: 3 * enginetest.FreshTokens, Cached: 3 * enginetest.CachedTokens, Output: 3 * enginetest.OutputTokens, CostUSD: r.Usage.CostUSD}
		if r.Outcome != engine.Done || r.Text != "All done." || r.Turns != 3 || r.Usage != usage || tools != 2 {
			t.Errorf("%d tools, %+v; want 2, 3 turns, %+v", tools, r, usage)
		}
		for name, want := range map[string]string{"made.txt": "hello\n", "ran.txt": "ran\n"} {
			if got, err := os.ReadFile(filepath.Join(p.dir, name)); err != nil || string(got) != want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if t.Failed() {
			p.explain(t)
		}
	})
}

func TestRealCLIReportsWhatItsProviderRefused(t *testing.T) {
	for _, c := range []struct {
		fault enginetest.Fault
		want  engine.Outcome
	}{
		{enginetest.Fault{Kind: enginetest.Unauthorized}, engine.Authentication},
		{enginetest.Fault{Kind: enginetest.OutOfQuota, At: 1}, engine.Quota},
		{enginetest.Fault{Kind: enginetest.Broken, At: 1}, engine.Overloaded},
		{enginetest.Fault{Kind: enginetest.Dropped, At: 1}, engine.Overloaded},
	} {
		t.Run(string(c.fault.Kind), func(t *testing.T) {
			eachRealCLI(t, func(t *testing.T, kind string) {
				p := newPlay(t, kind)
				p.model.Fault = c.fault
				// opencode would ask for ever, and is ended for it. qwen asks seven times with
				// waits of 1.5 to 30 s, which no setting of it changes, and says nothing meanwhile.
				if r := p.run(t.Context(), t); r.Outcome != c.want || r.Reason == "" {
					t.Errorf("%s %q, want %s", r.Outcome, r.Reason, c.want)
					p.explain(t)
				}
			})
		})
	}
}

func TestRealCLIWhoseProviderHangsIsStalled(t *testing.T) {
	eachRealCLI(t, func(t *testing.T, kind string) {
		p := newPlay(t, kind)
		p.model.Fault = enginetest.Fault{Kind: enginetest.Hanging, At: 1}
		p.session.Limits.Silence = 20 * time.Second
		if r := p.run(t.Context(), t); r.Outcome != engine.Stalled {
			t.Errorf("%s %q, want stalled", r.Outcome, r.Reason)
			p.explain(t)
		}
	})
}

func TestNothingOfARealCLIOutlivesItsEnd(t *testing.T) {
	eachRealCLI(t, func(t *testing.T, kind string) { endAmidst(t, kind, false) })
}

func TestNothingOfARealCLIOutlivesItsNamespace(t *testing.T) {
	tree := process.Tree{Args: []string{"/bin/true"}, Dir: "/", Marker: fmt.Sprintf("enginetest-%d-%s", os.Getpid(), t.Name()), Contain: &process.Containment{Namespace: true}}
	if _, err := tree.Run(t.Context()); err != nil {
		t.Logf("not on this machine: %v", err)
		return
	}
	eachRealCLI(t, func(t *testing.T, kind string) { endAmidst(t, kind, true) })
}

// endAmidst ends a session while its shell tool runs, with detached children.
func endAmidst(t *testing.T, kind string, namespace bool) {
	p := newPlay(t, kind)
	p.session.Namespace = namespace
	hold := filepath.Join(p.dir, "hold")
	p.model.Steps = []enginetest.Step{enginetest.Hold(hold)}
	ctx, cancel := context.WithCancelCause(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			if len(enginetest.Holders(hold)) == enginetest.Held {
				cancel(errors.New("cancelled by Ana"))
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	r := p.run(ctx, t)
	cancel(nil)
	<-watched
	if r.Outcome != engine.Cancelled || r.Reason != "ended by us: cancelled by Ana" {
		t.Errorf("%s %q", r.Outcome, r.Reason)
		p.explain(t)
	}
	if left := enginetest.Holders(hold); len(left) > 0 {
		t.Errorf("still alive: %q", left)
	}
}
