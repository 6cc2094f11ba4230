package agents

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/forge"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// setback is why a piece of work came to nothing. Whether it spends one of the attempts depends on its cause: only a
// failure of the code does.
type setback struct {
	outcome string // one of the engine's outcomes, or "refused" (proof), "no change", "base red", "ticket changed", "foreign push"
	reason  string
	code    bool      // the code failed: an attempt is spent
	person  bool      // a person ended it: nothing is tried again until a person says so
	resetAt time.Time // for quota: when the engine can be used again
}

func (s *setback) Error() string { return s.outcome + ": " + s.reason }

// counter names what counts a setback of a repair, beside the three attempts; "" for the attempts themselves, and for what a
// person ended.
func (s *setback) counter() string {
	switch engine.Outcome(s.outcome) {
	case engine.Timeout, engine.Stalled:
		return store.CauseTimeout
	case engine.Quota, engine.Overloaded:
		return store.CauseQuota
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
	s := &setback{outcome: string(r.Outcome), reason: r.Reason, resetAt: r.ResetAt}
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

// permanent tells the refusals that asking again would meet again: what is not there, what GitHub's rules forbid.
func permanent(err error) bool {
	var refused *forge.Refused
	var push *worktree.PushRefused
	return errors.Is(err, forge.ErrNotFound) || errors.As(err, &refused) || errors.As(err, &push)
}

// repeatsAllowed is how often in a row a ticket's sessions may come to nothing for a reason that is not their code's
// before a person is asked: each of them costs a session all the same.
const repeatsAllowed = 3

// repeated tells that the newest runs of a ticket have all ended as this one did.
func (f *Factory) repeated(ctx context.Context, ticket int, outcome string) (bool, error) {
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

// restDefault is how long an engine rests that does not say when its quota or its provider is back.
const restDefault = 15 * time.Minute

// rest keeps the engine from being asked again before its quota is back. It spends no attempt.
func (f *Factory) rest(ctx context.Context, why *setback) error {
	if why.outcome != string(engine.Quota) && why.outcome != string(engine.Overloaded) {
		return nil
	}
	until := why.resetAt
	if !until.After(f.Store.Now()) {
		until = f.Store.Now().Add(restDefault)
	}
	if err := f.Store.SetSetting(ctx, f.restKey(), until.UTC().Format(time.RFC3339)); err != nil {
		return err
	}
	return f.Store.Trouble(ctx, store.Problem{What: f.Engine.Name() + " rests", Reason: why.reason, Cure: "it is asked again at " + until.UTC().Format("15:04 UTC on 2 January")})
}

func (f *Factory) restKey() string { return "rest " + f.Engine.Name() }

// resting tells until when the engine rests; zero when it can work.
func (f *Factory) resting(ctx context.Context) (time.Time, error) {
	value, err := f.Store.Setting(ctx, f.restKey())
	if err != nil || value == "" {
		return time.Time{}, err
	}
	until, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, fmt.Errorf("read until when %s rests: %w", f.Engine.Name(), err)
	}
	if until.After(f.Store.Now()) {
		return until, nil
	}
	return time.Time{}, errors.Join(f.Store.SetSetting(ctx, f.restKey(), ""), f.Store.Settled(ctx, f.Engine.Name()+" rests"))
}
