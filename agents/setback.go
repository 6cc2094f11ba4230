package agents

import (
	"errors"
	"fmt"
	"time"

	"lightsout/agents/engine"
)

// setback is why a piece of work came to nothing. Whether it spends one of the attempts depends on its cause: only a
// failure of the code does.
type setback struct {
	outcome string // one of the engine's outcomes, or "refused" (proof), "no change", "base red", "ticket changed", "foreign push"
	reason  string
	code    bool      // the code failed: an attempt is spent
	resetAt time.Time // for quota: when the engine can be used again
}

func (s *setback) Error() string { return s.outcome + ": " + s.reason }

// cause reads the setback out of an error; any other error is the factory's or the world's own fault.
func cause(err error) *setback {
	var s *setback
	if errors.As(err, &s) {
		return s
	}
	return &setback{outcome: "error", reason: err.Error()}
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
