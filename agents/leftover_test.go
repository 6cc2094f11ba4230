package agents

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"lightsout/agents/engine"
	"lightsout/agents/process"
)

// committing commits what the session left, in its own words, as a coding CLI may.
func committing(message string, then turn) turn {
	return func(ctx context.Context, s engine.Session) (engine.Result, error) {
		result, err := then(ctx, s)
		for _, args := range [][]string{{"git", "add", "-A"}, {"git", "commit", "--quiet", "-m", message}} {
			if err == nil {
				_, err = process.Output(ctx, process.Command{Args: args, Dir: s.Dir, Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Home}})
			}
		}
		return result, err
	}
}

func TestWhatASessionTookBackNeverLeavesTheMachine(t *testing.T) {
	journey(t, nil, func(r *rig) {
		const token = "ghp_aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY2zA4"
		ticket, other := r.ticket(1), 2
		with, without := partFiles(1), partFiles(1)
		with["notes.txt"], without["notes.txt"] = "The key is "+token+"\n", ""
		words := fmt.Sprintf("Fixes #%d [skip ci]", other)
		r.cli.next(committing(words, leaving(with)), committing(words, leaving(maps.Clone(without))))
		r.implement()
		if r.cli.asked() != 2 {
			t.Errorf("%d sessions, want one with the token and one without it", r.cli.asked())
		}
		shown, _ := r.hub.Pull(r.pullOf(ticket))
		log, err := r.git("log", "-p", "--format=%an: %B", "main.."+shown.Head)
		must(t, err)
		for _, word := range []string{token, "Fixes", "[skip ci]"} {
			if strings.Contains(log, word) {
				t.Errorf("%q was pushed:\n%s", word, log)
			}
		}
		if count, err := r.git("rev-list", "--count", "main.."+shown.Head); err != nil || count != "1" {
			t.Errorf("%s commits were pushed, want 1 (%v)", count, err)
		}
	})
}

func TestATitleDoesNothingOnGitHub(t *testing.T) {
	for title, want := range map[string]string{
		"Print the number":              "Print the number",
		"Fix #12 of the printer":        "Fix ticket 12 of the printer",
		"Skip the docs [skip ci]":       "Skip the docs (skip ci)",
		"[No CI] is ignored":            "(No CI) is ignored",
		"Ask @ana\nabout it":            "Ask @\u2060ana about it",
		"Read the <!-- hidden --> part": "Read the part",
	} {
		if got := subject(title); got != want {
			t.Errorf("%q became %q, want %q", title, got, want)
		}
	}
}
