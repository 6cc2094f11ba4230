package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// How long an engine rests when nobody said for how long.
const (
	quotaRest      = time.Hour        // most plans count in windows of hours
	overloadRest   = 5 * time.Minute  // the CLI itself has tried for a while
	credentialRest = 30 * time.Minute // a person has to see to it
)

// Rest says that an engine is not asked for a while, and why.
type Rest struct {
	Engine  string
	Outcome Outcome // Quota, Overloaded or Authentication
	Reason  string
	Until   time.Time
}

// Roster is a list of engines, the preferred first. One that its provider refused
// rests until it is said to be served again, and the next takes over. It is an
// engine itself to those who run sessions, and may be used concurrently.
type Roster struct {
	engines []*Engine
	now     func() time.Time
	onRest  func(Rest)

	mu    sync.Mutex
	rests map[string]Rest
}

// NewRoster makes a roster of engines with names of their own. onRest, which may
// be nil, is told of every rest as it begins, for the record and the chat; it is
// called from the goroutine that runs the session.
func NewRoster(engines []*Engine, now func() time.Time, onRest func(Rest)) (*Roster, error) {
	if len(engines) == 0 {
		return nil, errors.New("roster: no engines")
	}
	seen := map[string]bool{}
	for _, e := range engines {
		if seen[e.Name()] {
			return nil, fmt.Errorf("roster: two engines are called %s", e.Name())
		}
		seen[e.Name()] = true
	}
	return &Roster{engines: engines, now: now, onRest: onRest, rests: map[string]Rest{}}, nil
}

// Restore takes up rests that an earlier daemon recorded. Those that are over, or
// of engines that are not in the list, are passed over.
func (r *Roster) Restore(rests []Rest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rest := range rests {
		if slices.Contains(r.names(), rest.Engine) && rest.Until.After(r.now()) {
			r.rests[rest.Engine] = rest
		}
	}
}

// Rests are the rests in force, in the order of the list.
func (r *Roster) Rests() []Rest {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rests []Rest
	for _, name := range r.names() {
		if rest := r.rests[name]; rest.Until.After(r.now()) {
			rests = append(rests, rest)
		}
	}
	return rests
}

// Name is the name of the engine that would run a session now, or be the first to
// do so when all rest.
func (r *Roster) Name() string {
	i, first := r.choose()
	if i < 0 {
		return first.Engine
	}
	return r.engines[i].Name()
}

// Run runs a session with the first engine that does not rest, and goes on with
// the next, in the same worktree, when its provider refuses it. The Result is the
// last engine's, which it names; usage and seconds are those of all. When every
// engine rests, nothing runs: the Result then says why and until when. Limits are
// of each session.
func (r *Roster) Run(ctx context.Context, s Session) (Result, error) {
	var spent Result
	for ran := false; ; ran = true {
		i, first := r.choose()
		if i < 0 {
			return waiting(spent, ran, first), nil
		}
		result, err := r.engines[i].Run(ctx, s)
		result.Usage, result.Seconds = result.Usage.plus(spent.Usage), result.Seconds+spent.Seconds
		rest, tired := restAfter(result, r.now())
		if err != nil || !tired {
			return result, err
		}
		r.mu.Lock()
		r.rests[rest.Engine] = rest
		r.mu.Unlock()
		if r.onRest != nil {
			r.onRest(rest)
		}
		if ctx.Err() != nil {
			return result, nil
		}
		spent = result
	}
}

// waiting is the result when no engine is left: the last one's refusal, or that of
// the one that is back first when none ran.
func waiting(last Result, ran bool, first Rest) Result {
	if !ran {
		last = Result{Engine: first.Engine, Outcome: first.Outcome, ExitCode: -1,
			Reason: clip(fmt.Sprintf("no engine is to be had; %s rests the shortest: %s", first.Engine, first.Reason), maxReason)}
	}
	last.ResetAt = first.Until
	return last
}

// restAfter is the rest that a session's end asks for, if any.
func restAfter(result Result, now time.Time) (Rest, bool) {
	spans := map[Outcome]time.Duration{Quota: quotaRest, Overloaded: overloadRest, Authentication: credentialRest}
	span, ok := spans[result.Outcome]
	if !ok {
		return Rest{}, false
	}
	until := now.Add(span)
	if result.ResetAt.After(now) {
		until = result.ResetAt
	}
	return Rest{Engine: result.Engine, Outcome: result.Outcome, Reason: result.Reason, Until: until}, true
}

// choose asks pick about this instant.
func (r *Roster) choose() (int, Rest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return pick(r.names(), r.rests, r.now())
}

// pick is the first engine that does not rest at now. When all do it is -1, and
// the rest that is over first.
func pick(names []string, rests map[string]Rest, now time.Time) (int, Rest) {
	var first Rest
	for i, name := range names {
		rest := rests[name]
		if !rest.Until.After(now) {
			return i, Rest{}
		}
		if i == 0 || rest.Until.Before(first.Until) {
			first = rest
		}
	}
	return -1, first
}

func (r *Roster) names() []string {
	names := make([]string, len(r.engines))
	for i, e := range r.engines {
		names[i] = e.Name()
	}
	return names
}
