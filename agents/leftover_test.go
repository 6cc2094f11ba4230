package agents

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/store"
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

// hoarding leaves a file that is longer than any commit may be.
func hoarding(_ context.Context, s engine.Session) (engine.Result, error) {
	name := filepath.Join(s.Dir, "core.dump")
	return engine.Result{Outcome: engine.Done, Turns: 1}, errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, 600<<20))
}

func TestASessionThatLeavesTooMuchIsToldSo(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		with := partFiles(1)
		with["core.dump"] = ""
		r.cli.next(hoarding, leaving(with))
		r.implement()
		if r.cli.asked() != 2 || !strings.Contains(r.cli.last(), "512 MB") || !strings.Contains(r.cli.last(), "core.dump") {
			t.Errorf("session %d was asked\n%s", r.cli.asked(), r.cli.last())
		}
		r.onBoard(ticket, "In Review")
	})
}

func TestWhatCannotBeTakenSpendsAnAttempt(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		r.savedTickets()
		removing := func(_ context.Context, s engine.Session) (engine.Result, error) {
			return engine.Result{Outcome: engine.Done, Turns: 1}, os.RemoveAll(s.Dir)
		}
		r.cli.next(hoarding, hoarding)
		r.fix()
		r.cli.next(removing)
		r.fix()
		if p := r.pull(pull); p.Attempts != 2 || r.cli.asked() != 3 {
			t.Errorf("%d attempts spent by %d sessions, want 2 by 3", p.Attempts, r.cli.asked())
		}
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
		r.parked(ticket, "")
	})
}

func TestSessionsThatErrorsEndAreNotSentForEver(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		other, _ := r.given(2, red)
		r.savedTickets()
		broken := func(context.Context, engine.Session) (engine.Result, error) {
			return engine.Result{}, errors.New("no such program")
		}
		for _, run := range []func(context.Context) (Report, error){(&Implementer{r.factory}).Run, (&Fixer{r.factory}).Run} {
			before := r.cli.asked()
			for range repeatsAllowed {
				r.cli.next(broken)
				if _, err := run(r.ctx); err == nil {
					t.Error("the error was kept quiet")
				}
				r.settle()
			}
			r.good(run(r.ctx))
			if sent := r.cli.asked() - before; sent != repeatsAllowed {
				t.Errorf("%d sessions were sent, want %d", sent, repeatsAllowed)
			}
		}
		for _, n := range []int{ticket, other} {
			r.parked(n, "no such program")
		}
	})
}

func TestATextThatCannotBeReadIsTheSessionsFailure(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	must(t, os.WriteFile(home, []byte("a file where the folder was"), 0o600))
	_, err := readText(filepath.Join(home, "pull-request.md"))
	if s := unusable(err); s == nil || !s.code || !strings.Contains(s.reason, "pull request text") {
		t.Errorf("%v is judged as %v", err, s)
	}
}
