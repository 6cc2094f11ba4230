package agents

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lightsout/agents/engine"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// clashing are two pull requests that change one line each in its own way; the first has landed.
func (r *rig) clashing() (second int) {
	r.t.Helper()
	_, first := r.given(1, map[string]string{"part9.sh": "part9() { echo nine; }\n"})
	_, second = r.given(2, map[string]string{"part9.sh": "part9() { echo 9 2>/dev/null; }\n"})
	r.fix()
	r.approve(first)
	r.land()
	r.stands(first, store.Landed, "")
	return second
}

// settling is a session that finds both sides in a file and leaves its own.
func settling(t *testing.T, name, settled string) turn {
	return func(_ context.Context, s engine.Session) (engine.Result, error) {
		text, err := os.ReadFile(filepath.Join(s.Dir, name))
		if err != nil || !worktree.Marked(text) {
			t.Errorf("the session finds no conflict in %s: %v\n%s", name, err, text)
		}
		return leave(s, map[string]string{name: settled})
	}
}

func TestAConflictOfTwoTicketsOnTheSameLinesIsSettledByMergingTheBaseIn(t *testing.T) {
	journey(t, nil, func(r *rig) {
		second := r.clashing()
		before, _ := r.hub.Pull(second)
		r.cli.next(settling(t, "part9.sh", "part9() { echo nine 2>/dev/null; }\n"))
		r.fix()
		for _, part := range []string{
			"echo 9 2>/dev/null", "echo nine", "<<<<<<< this pull request", ">>>>>>> main", // both sides
			"In its own words: It printed zero.", "#2 Part 1 prints zero: It printed zero.", // both intents
		} {
			if !strings.Contains(r.cli.last(), part) {
				t.Errorf("the prompt lacks %q:\n%s", part, r.cli.last())
			}
		}
		after, _ := r.hub.Pull(second)
		parents, err := r.git("rev-list", "--parents", "-1", after.Head)
		must(t, err)
		main, err := r.git("rev-parse", "main")
		must(t, err)
		if parents != after.Head+" "+before.Head+" "+main {
			t.Errorf("the new head has parents %s, want %s and %s", parents, before.Head, main)
		}
		r.fix()
		if p := r.stands(second, store.Ready, ""); p.Attempts != 0 {
			t.Errorf("a conflict has spent %d attempts", p.Attempts)
		}
		r.approve(second)
		r.land()
		r.stands(second, store.Landed, "")
		if text, err := r.git("show", "main:part9.sh"); err != nil || text != "part9() { echo nine 2>/dev/null; }" {
			t.Errorf("main has %q, %v", text, err)
		}
		r.land()
	})
}

func TestConflictMarkersAreNotPushed(t *testing.T) {
	journey(t, nil, func(r *rig) {
		second := r.clashing()
		r.cli.next(leaving(nil), settling(t, "part9.sh", "part9() { echo nine; }\n"))
		r.fix()
		r.tells(1, store.ProofRefused, second, "conflict markers are left in part9.sh")
		if r.cli.asked() != 2 || !strings.Contains(r.cli.last(), "conflict markers are left in part9.sh") {
			t.Errorf("%d sessions; the last was told\n%s", r.cli.asked(), r.cli.last())
		}
		r.fix()
		r.stands(second, store.Ready, "")
	})
}

func TestAConflictInAPersonsBranchIsTheirs(t *testing.T) {
	journey(t, nil, func(r *rig) {
		second := r.clashing()
		r.push(second, map[string]string{"mine.txt": "mine\n"})
		r.fix()
		r.stands(second, store.Foreign, "conflicts with main in part9.sh")
		if r.cli.asked() != 0 {
			t.Errorf("%d sessions", r.cli.asked())
		}
	})
}

func TestOnlyTheConflictsOfAFileAreShown(t *testing.T) {
	text := strings.Repeat("before\n", 10) + "<<<<<<< a\nmine\n=======\ntheirs\n>>>>>>> b\n" + strings.Repeat("after\n", 10)
	want := "before\nbefore\nbefore\n<<<<<<< a\nmine\n=======\ntheirs\n>>>>>>> b\nafter\nafter\nafter\n[…]"
	if got := clashOnly(text); got != want {
		t.Errorf("clashOnly() = %q, want %q", got, want)
	}
}

func TestTheReasonIsReadOffAPullRequestsText(t *testing.T) {
	for text, want := range map[string]string{
		"## What\n\nA.\n\n## Why\n\nB\nand C.\n\n## Tests\n\nD.\n": "B and C.", "# why #\nB.": "B.", "## What\n\nA.\n": "", "": "",
	} {
		if got := why(text); got != want {
			t.Errorf("why(%q) = %q, want %q", text, got, want)
		}
	}
}
