package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// TestObservingDecidesAndSaysEverythingAndChangesNothingOutside holds what `run --observe` promises to who tries it on a
// repository in use: a ticket to take, a pull request that a person approves and one whose CI is red, and nothing moves.
func TestObservingDecidesAndSaysEverythingAndChangesNothingOutside(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.see("one pull request that waits for a person", func() bool { return slices.Contains(r.verdicts(), store.Ready) })
	r.stop()
	_, err := r.forge.AddIssue(forgetest.Issue{Title: "README names no currency", Body: "`README.md` does not say what a price is in.\n\n## Expected behaviour\n\nIt says: euros.\n\n## Acceptance\n\n- `README.md` names euros.\n", Milestone: 1, Status: "Todo"})
	must(t, err)
	pulls, err := r.store.AllPulls(t.Context())
	must(t, err)
	before, refs := len(r.forge.Mutations()), r.branches()

	r.start("--observe")
	r.see("what it would do", func() bool {
		r.tapReady(r.tapped)
		return r.wasTold("Implementer took nothing · would take #3 README names no currency (observing only)", "would merge (observing only)")
	})
	r.stop()
	if !r.heardToast("nothing merges: I am observing only") {
		t.Errorf("the tap was answered as if it merged:\n%s", r.story())
	}
	if after := r.forge.Mutations(); len(after) != before {
		t.Errorf("GitHub was changed: %+v", after[before:])
	}
	if now := r.branches(); !slices.Equal(now, refs) {
		t.Errorf("branches %v, before %v", now, refs)
	}
	if now, err := r.store.Pull(t.Context(), pulls[0].Number); err != nil || now.MergedSHA != "" {
		t.Errorf("merged as %s, %v", now.MergedSHA, err)
	}
}

// see waits until something holds.
func (r *rig) see(what string, holds func() bool) {
	r.t.Helper()
	for begun := time.Now(); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			r.t.Fatalf("no sight of %s after a minute:\n%s", what, r.story())
		}
	}
}

func (r *rig) verdicts() (all []string) {
	pulls, err := r.store.AllPulls(r.t.Context())
	must(r.t, err)
	for _, p := range pulls {
		all = append(all, p.Verdict)
	}
	return all
}

// wasTold tells whether the chat has said all of these.
func (r *rig) wasTold(words ...string) bool {
	for _, message := range r.chat.Messages(1001) {
		words = slices.DeleteFunc(words, func(w string) bool { return strings.Contains(message.Plain, w) })
	}
	return len(words) == 0
}

func (r *rig) heardToast(words string) bool {
	for _, message := range r.chat.Messages(1001) {
		for _, tap := range message.Taps {
			if strings.Contains(tap.Answer, words) {
				return true
			}
		}
	}
	return false
}
