package agents

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"lightsout/agents/engine"
)

// unpacked is what a compressed log holds, as far as it goes.
func unpacked(t *testing.T, name string) string {
	t.Helper()
	file, err := os.Open(name)
	must(t, err)
	defer file.Close()
	zip, err := gzip.NewReader(file)
	must(t, err)
	text, err := io.ReadAll(zip)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheLogOfARunReadsLikeAStoryAndHoldsNoSecret(t *testing.T) {
	journey(t, nil, func(r *rig) {
		const canary = "sk-canary-0123456789"
		r.factory.Redact = func(s string) string { return strings.ReplaceAll(s, canary, "[redacted]") }
		ticket := r.ticket(1)
		r.cli.next(func(ctx context.Context, s engine.Session) (engine.Result, error) {
			for _, e := range []engine.Event{
				{Kind: engine.KindMessage, Text: "I look at part1.sh first.\nThen I repair it."},
				{Kind: engine.KindTool, Tool: "Bash", Call: "1", Text: `{"command":"cat part1.sh","description":"look"}`},
				{Kind: engine.KindResult, Call: "1", Text: `[{"type":"text","text":"part1() { echo 0; } # ` + canary + `"}]`},
				{Kind: engine.KindUsage, Turns: 3, Usage: engine.Usage{Input: 1234, Cached: 5, Output: 67, CostUSD: 0.02}},
				{Kind: engine.KindError, Text: "call 1 of 3 was refused (529), trying again"},
			} {
				s.OnEvent(e)
			}
			_, err := fmt.Fprintln(s.Log, `{"type":"assistant","secret":"`+canary+`"}`)
			must(t, err)
			// It can be read while the session works.
			running, err := r.store.Running(ctx)
			must(t, err)
			if so := unpacked(t, running[0].LogPath); !strings.Contains(so, "implementer asks script") {
				t.Errorf("while it works the log holds %q", so)
			}
			return solve(ctx, s)
		})
		r.implement()
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		events, output := unpacked(t, runs[0].LogPath), unpacked(t, outputPath(runs[0].LogPath))
		for _, words := range []string{"■ implementer asks script", "   I look at part1.sh first.\n           Then I repair it.", "→ Bash command: cat part1.sh\n", "description: look",
			"← part1() { echo 0; } # [redacted]", "· turn 3, tokens: 1,234 read, 5 from a cache, 67 written, $0.02", "! call 1 of 3 was refused", "■ script: done after 1 s", "■ proof of "} {
			if !strings.Contains(events, words) {
				t.Errorf("the log lacks %q:\n%s", words, events)
			}
		}
		if strings.Contains(events+output, canary) || !strings.Contains(output, `"secret":"[redacted]"`) {
			t.Errorf("output:\n%s", output)
		}
	})
}

func TestWhatASessionIsAtIsSaidInAFewWords(t *testing.T) {
	for _, c := range []struct{ tool, text, want string }{
		{"Edit", `{"file_path":"/w/t/internal/a.go","old_string":"x"}`, "Edit internal/a.go"},
		{"Bash", `{"command":"cd /w/t/sub && go test ./...\n","description":"run the tests"}`, "Bash cd sub && go test ./..."},
		{"shell", `{"command":["bash","-lc","go vet ./..."]}`, "shell go vet ./..."},
		{"Write", `{"file_path":"/w/t/a.txt","content":"cut off here and no`, "Write a.txt"},
		{"Grep", `{"pattern":"func main"}`, "Grep func main"},
		{"Think", `{"thought":"hm"}`, "Think"},
		{"run", "ls -l", "run ls -l"},
		{"", "I look  at it\nfirst.", "I look at it first."},
		{"Bash", `{"command":"` + strings.Repeat("é", 200) + `"}`, "Bash " + strings.Repeat("é", 84) + "…"},
	} {
		if got := Doing(engine.Progress{Tool: c.tool, Text: c.text}, "/w/t"); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.tool, c.text, got, c.want)
		}
	}
}

func FuzzLegible(f *testing.F) {
	for _, text := range []string{`{"a":1,"b":[null,{"text":"x"}]}`, `"word"`, "plain", `[`, `{"command":["a",1]}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := legible(text); len(got) > 40*len(text)+40 {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
		if got := []rune(Doing(engine.Progress{Tool: "t", Text: text}, "/w")); len(got) > maxDoing {
			t.Errorf("%d characters", len(got))
		}
	})
}
