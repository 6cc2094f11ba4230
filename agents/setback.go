package agents

import (
	"context"
	"errors"
	"fmt"

	"lightsout/agents/engine"
	"lightsout/agents/forge"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// setback is why a piece of work came to nothing. Whether it spends one of the attempts depends on its cause: only a
// failure of the code does.
type setback struct {
	outcome string // one of the engine's outcomes, or "refused" (proof), "no change", "base red", "ticket changed", "foreign push", "over budget"
	reason  string
	code    bool // the code failed: an attempt is spent
	person  bool // nothing is tried again until a person says so
}

func (s *setback) Error() string { return s.outcome + ": " + s.reason }

// counter names what counts a setback of a repair, beside the three attempts; "" for the attempts themselves, and for what a
// person, a pause or the daemon's end stopped.
func (s *setback) counter() string {
	switch engine.Outcome(s.outcome) {
	case engine.Timeout, engine.Stalled:
		return store.CauseTimeout
	case engine.Quota, engine.Overloaded:
		return store.CauseQuota
	case engine.Cancelled:
		return ""
	}
	if s.code || s.person {
		return ""
	}
	return store.CauseInfrastructure
}

// cause reads the setback out of an error; any other error is the factory's or the world's own fault.
func cause(err error) *setback {
	var s *setback
	if errors.As(err, &s) {
		return s
	}
	return &setback{outcome: runError, reason: err.Error()}
}

// runError is the outcome of a run that an error ended which is nobody's setback.
const runError = "error"

// unusable is the setback of a session whose work cannot be taken as it left it; nil for every other error.
func unusable(err error) *setback {
	var left *worktree.TakeRefused
	if !errors.As(err, &left) {
		return nil
	}
	return &setback{outcome: "refused", reason: "what the session left cannot be taken: " + left.Error(), code: true}
}

// sessionSetback judges how a session ended. nil means that its work is worth looking at: a session that failed by its
// own exit code may still have done the work, and one that says "done" may not; git and the proof decide.
func sessionSetback(r engine.Result) *setback {
	s := &setback{outcome: string(r.Outcome), reason: r.Reason}
	switch r.Outcome {
	case engine.Done:
		return nil
	case engine.Failed, engine.Stalled, engine.Timeout, engine.Denied:
		s.code = true
	}
	if s.reason == "" {
		s.reason = fmt.Sprintf("the session ended after %.0f s", r.Seconds)
	}
	return s
}

// failures counts the runs whose code failed: those that have spent an attempt.
func failures(runs []store.Run) int {
	n := 0
	for _, r := range runs {
		switch r.Outcome {
		case string(engine.Failed), string(engine.Stalled), string(engine.Timeout), string(engine.Denied), "no change", "refused", "refused by GitHub":
			n++
		}
	}
	return n
}

// permanent tells the refusals that asking again would meet again: what is not there, what GitHub's rules forbid.
func permanent(err error) bool {
	var refused *forge.Refused
	var push *worktree.PushRefused
	return errors.Is(err, forge.ErrNotFound) || errors.As(err, &refused) || errors.As(err, &push)
}

// repeatsAllowed is how often in a row a ticket's sessions may come to nothing for a reason that is not their code's
// before a person is asked: each of them costs a session all the same.
const repeatsAllowed = 3

// repeated tells that the newest runs of a ticket have all ended as this one did. A coding CLI that is not served, a
// budget and a stop say nothing of the ticket, however often.
func (f *Factory) repeated(ctx context.Context, ticket int, outcome string) (bool, error) {
	switch outcome {
	case string(engine.Quota), string(engine.Overloaded), string(engine.Authentication), string(engine.Cancelled), overBudget:
		return false, nil
	}
	runs, err := f.Store.RunsOf(ctx, ticket)
	if err != nil || len(runs) < repeatsAllowed {
		return false, err
	}
	for _, r := range runs[len(runs)-repeatsAllowed:] {
		if r.Outcome != outcome {
			return false, nil
		}
	}
	return true, nil
}

// parkFailing parks a ticket whose runs are ended by errors again and again: they are nobody's setback, so nothing else
// counts them, but each has cost a session.
func (f *Factory) parkFailing(ctx context.Context, t store.Ticket, err error) error {
	again, asked := f.repeated(ctx, t.Number, runError)
	if asked != nil || !again {
		return asked
	}
	reason := fmt.Sprintf("%d runs in a row were ended by errors, the last by: %s", repeatsAllowed, firstLine(err.Error()))
	return f.Store.Park(ctx, t.Number, f.redact(reason), map[string]string{"title": t.Title, "url": t.URL})
}
