package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents/process"
)

// TestASessionThatIsOverAndLivesOnIsEndedAsWhatItWas lets a CLI say all of a recorded session and then hang.
func TestASessionThatIsOverAndLivesOnIsEndedAsWhatItWas(t *testing.T) {
	working := map[string]string{
		"claude":   `{"type":"assistant","message":{"id":"later","content":[{"type":"text","text":"more"}]}}`,
		"codex":    `{"type":"item.started","item":{"id":"later","type":"command_execution","command":"ls"}}`,
		"gemini":   `{"type":"tool_use","tool_name":"ls","tool_id":"later"}`,
		"opencode": `{"type":"tool_use","part":{"tool":"bash","callID":"later"}}`,
		"pi":       `{"type":"tool_execution_start","toolName":"bash","toolCallId":"later"}`,
		"qwen":     `{"type":"assistant","message":{"id":"later","content":[{"type":"text","text":"more"}]}}`,
	}
	for name, c := range map[string]struct {
		recorded string
		want     Outcome
	}{"done": {"success", Done}, "refused": {"quota", Quota}} {
		for kind, more := range working {
			recorded := c.recorded
			if kind == "claude" && recorded == "quota" {
				recorded = "rate-limit"
			}
			if (kind == "codex" || kind == "opencode" || kind == "pi") && c.want == Quota {
				continue // nothing of theirs says that a refused session is over
			}
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancelCause(t.Context())
				w := newWatcher(adapterOf(kind).reader(noon), Session{}, Price{}, stop)
				say := func(text string) {
					for line := range strings.Lines(text) {
						w.stdout([]byte(strings.TrimSpace(line)), false)
					}
				}
				alive := func(wait time.Duration) bool {
					time.Sleep(wait)
					synctest.Wait()
					return ctx.Err() == nil
				}
				say(stream(t, kind, recorded))
				if c.want == Done {
					say(more)
					if !alive(9 * time.Minute) {
						t.Fatalf("%s, %s: ended while it works on", kind, name)
					}
					say(stream(t, kind, recorded))
				}
				if !alive(maxLinger - time.Second) {
					t.Fatalf("%s, %s: ended at once", kind, name)
				}
				say("bye")
				if !alive(maxLinger - time.Second) {
					t.Fatalf("%s, %s: ended in the midst of its words", kind, name)
				}
				if alive(2 * time.Second) {
					t.Fatalf("%s, %s: it lives on", kind, name)
				}
				say(stream(t, kind, "authentication")) // what it answers to being ended counts for nothing
				r := w.judge(ctx, process.Result{Cause: process.CauseCancelled, Code: 1}, process.Limits{}, nil)
				if r.Outcome != c.want || (r.Reason == "") != (c.want == Done) {
					t.Errorf("%s, %s: %+v", kind, name, r)
				}
			})
		}
	}
}
