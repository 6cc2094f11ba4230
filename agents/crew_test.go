package agents

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/engine/enginetest"
	"lightsout/store"
)

// second puts another coding CLI behind the first.
func (r *rig) second(name string) *script {
	other := &script{name: name}
	r.factory.Engines = append(r.factory.Engines, other)
	return other
}

func refusing(outcome engine.Outcome, resets time.Time) turn {
	return ending(engine.Result{Outcome: outcome, Reason: "usage limit reached", ResetAt: resets, Turns: 1, Usage: engine.Usage{Input: 10, Output: 1, CostUSD: 0.01}})
}

func TestTheNextCodingCLITakesOverWhileTheFirstRests(t *testing.T) {
	journey(t, nil, func(r *rig) {
		other := r.second("other")
		resets := r.store.Now().Add(2 * time.Hour)
		r.cli.next(refusing(engine.Quota, resets))
		ticket := r.ticket(1)
		r.implement()
		r.onBoard(ticket, "In Review")
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if len(runs) != 1 || runs[0].Outcome != "done" || runs[0].Engine != "other" || runs[0].Attempt != 1 || runs[0].InputTokens != 10 {
			t.Errorf("runs %+v", runs)
		}
		r.tells(1, store.EngineRests, 0, "next:other")

		// What rests is not asked, in this life of the daemon and in the next.
		r.ticket(2)
		r.implement()
		r.again()
		third := r.ticket(3)
		r.implement()
		r.onBoard(third, "In Review")
		if r.cli.asked() != 1 || other.asked() != 3 {
			t.Errorf("%d and %d sessions, want 1 and 3", r.cli.asked(), other.asked())
		}
		r.tells(1, store.EngineRests, 0, "")

		virtualWait(2 * time.Hour)
		fourth := r.ticket(4)
		r.implement()
		r.onBoard(fourth, "In Review")
		if r.cli.asked() != 2 {
			t.Error("after its rest the first was not asked")
		}
		r.tells(1, store.EngineBack, 0, "script")
	})
}

func TestWhenAllRestNothingBeginsAndNoAttemptIsSpent(t *testing.T) {
	journey(t, nil, func(r *rig) {
		other := r.second("other")
		ticket := r.ticket(1)
		// Four times in a row: other causes would have the ticket parked by then.
		for range 4 {
			r.cli.next(refusing(engine.Overloaded, time.Time{}))
			other.next(refusing(engine.Quota, r.store.Now().Add(time.Minute)))
			r.implement()
			r.onBoard(ticket, "Todo")
			if said := r.implement().Said; !strings.Contains(said, "script rests until") || !strings.Contains(said, "other rests until") {
				t.Errorf("the Implementer said %q", said)
			}
			virtualWait(time.Hour)
		}
		if r.cli.asked() != 4 || other.asked() != 4 {
			t.Errorf("%d and %d sessions, want 4 each", r.cli.asked(), other.asked())
		}
		r.parked(ticket, "")
		r.implement()
		r.onBoard(ticket, "In Review")
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if last := runs[len(runs)-1]; last.Attempt != 1 {
			t.Errorf("attempt %d, want 1: nothing of the code had failed", last.Attempt)
		}
	})
}

func TestARoleMayHaveCodingCLIsOfItsOwn(t *testing.T) {
	journey(t, nil, func(r *rig) {
		mender := &script{name: "mender"}
		r.factory.RoleEngines = map[string][]Runner{FixerRole: {mender}}
		r.given(1, red)
		mender.next(leaving(clean))
		r.fix()
		if r.cli.asked() != 0 || mender.asked() != 1 {
			t.Errorf("%d and %d sessions, want 0 and 1", r.cli.asked(), mender.asked())
		}
		r.fix()
	})
}

func TestRefusedCredentialsRestUntilThePersonHasSeenToThem(t *testing.T) {
	journey(t, nil, func(r *rig) {
		r.cli.next(refusing(engine.Authentication, time.Time{}))
		ticket := r.ticket(1)
		r.implement()
		virtualWait(time.Hour)
		r.implement()
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions with credentials that were refused", r.cli.asked())
		}
		r.again() // a person who has seen to them starts the factory anew
		r.implement()
		r.onBoard(ticket, "In Review")
	})
}

func TestOnlyAProvidersRefusalIsAReasonToRest(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		outcome engine.Outcome
		inARow  int
		resets  time.Duration
		want    time.Duration // 0: no rest
	}{
		{engine.Quota, 1, 0, time.Hour},
		{engine.Quota, 1, 7 * time.Hour, 7 * time.Hour},
		{engine.Quota, 1, -time.Hour, time.Hour}, // a reset time that is over
		{engine.Overloaded, 1, 0, 5 * time.Minute},
		{engine.Overloaded, 2, 0, 10 * time.Minute},
		{engine.Overloaded, 4, 0, 40 * time.Minute},
		{engine.Overloaded, 16, 0, time.Hour},
		{engine.Authentication, 1, 0, 6 * time.Hour},
		{engine.Done, 1, 0, 0}, {engine.Failed, 1, 0, 0}, {engine.Denied, 1, 0, 0}, {engine.Stalled, 1, 0, 0}, {engine.Timeout, 1, 0, 0}, {engine.Cancelled, 1, 0, 0},
	} {
		result := engine.Result{Engine: "a", Outcome: c.outcome, Reason: "why"}
		if c.resets != 0 {
			result.ResetAt = now.Add(c.resets)
		}
		rest, ok := restAfter(result, c.inARow, now)
		if ok != (c.want > 0) || ok && (!rest.Until.Equal(now.Add(c.want)) || rest.Engine != "a" || rest.Reason != "why") {
			t.Errorf("%s, %d in a row, resets in %v: %+v, %v", c.outcome, c.inARow, c.resets, rest, ok)
		}
	}
}

func TestTheFirstThatDoesNotRestIsChosen(t *testing.T) {
	engines := []Runner{&script{name: "a"}, &script{name: "b"}, &script{name: "c"}}
	until := func(name string, hours int) store.Rest {
		return store.Rest{Engine: name, Until: time.Date(2026, 3, 1, hours, 0, 0, 0, time.UTC)}
	}
	for _, c := range []struct {
		rests []store.Rest
		want  string
		first string // that is back first, when all rest
	}{
		{nil, "a", ""},
		{[]store.Rest{until("a", 1)}, "b", ""},
		{[]store.Rest{until("c", 1), until("sold", 2)}, "a", ""},
		{[]store.Rest{until("a", 1), until("b", 2)}, "c", ""},
		{[]store.Rest{until("a", 3), until("b", 1), until("c", 2)}, "", "b"},
	} {
		chosen, first := choose(engines, c.rests)
		got := ""
		if chosen != nil {
			got = chosen.Name()
		}
		if got != c.want || first.Engine != c.first {
			t.Errorf("with %v: %q, back first %q; want %q, %q", c.rests, got, first.Engine, c.want, c.first)
		}
	}
}

// TestARealProcessThatIsOutOfQuotaHandsItsWorkOn has the scripted CLI speak as claude does: what is read off its stream
// decides.
func TestARealProcessThatIsOutOfQuotaHandsItsWorkOn(t *testing.T) {
	journey(t, nil, func(r *rig) {
		binary, err := os.Executable()
		must(t, err)
		scripts := filepath.Join(r.dir, "scripts")
		must(t, enginetest.Record(scripts, "Part 1 prints zero", 1, enginetest.Solution{Files: partFiles(1), Say: "done", Text: "## What\n\nIt prints its number.\n\n## Why\n\nIt printed zero.\n"}))
		resets := r.store.Now().Add(3 * time.Hour).Truncate(time.Second)
		var engines []Runner
		for name, mode := range map[string]string{"1": fmt.Sprint("--mode=quota ", resets.Unix()), "2": "--mode=wait 1ms"} {
			program := filepath.Join(r.dir, "claude-"+name)
			must(t, enginetest.Wrap(program, binary, scripts, mode))
			e, err := engine.New(engine.Config{Name: name, Kind: "claude", Path: program})
			must(t, err)
			if engines = append(engines, e); name == "1" && len(engines) == 2 {
				engines[0], engines[1] = engines[1], engines[0]
			}
		}
		r.factory.Engines = engines
		ticket := r.ticket(1)
		r.implement()
		r.onBoard(ticket, "In Review")
		rests, err := r.store.Rests(r.ctx)
		must(t, err)
		if len(rests) != 1 || rests[0].Engine != "1" || rests[0].Outcome != "quota" {
			t.Errorf("rests %+v", rests)
		}
		spent, err := r.store.SpentToday(r.ctx)
		must(t, err)
		if len(spent) != 2 || spent[0].Sessions != 1 || spent[1].Engine != "2" || spent[1].Output == 0 || spent[1].CostUSD == 0 {
			t.Errorf("spent %+v", spent)
		}
	})
}
