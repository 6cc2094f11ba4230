package forge

import (
	"context"
	"sync"
	"time"
)

// budget is one of the budgets that GitHub counts apart from each other.
type budget int

const (
	restBudget budget = iota
	graphQLBudget
	budgets // how many there are
)

const (
	// limitWindow is GitHub's: primary limits are counted by the hour. A reset further away than that comes from two
	// clocks that disagree.
	limitWindow = time.Hour
	// leastRest is how long GitHub asks to wait when it says neither Retry-After nor a reset in the future.
	leastRest = time.Minute
)

// gate decides whether a request may leave. What it knows of a limit outlives the call that met it, so that the calls
// after it return at once and the network is left alone until the reset.
type gate struct {
	now      func() time.Time
	interval time.Duration
	turn     chan struct{} // one token: GitHub asks for writes one after another. Held over waits, so no mutex.
	last     time.Time     // start of the last write, by the monotonic clock; belongs to whoever has the turn

	mu    sync.Mutex
	limit [budgets]*RateLimited
}

func newGate(now func() time.Time, interval time.Duration) *gate {
	if interval == 0 {
		interval = defaultWriteInterval
	}
	return &gate{now: now, interval: interval, turn: make(chan struct{}, 1)}
}

// open returns the limit that still holds for b, or nil.
func (g *gate) open(b budget) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l := g.limit[b]; l != nil {
		if g.now().Before(l.Until) {
			return l
		}
		g.limit[b] = nil
	}
	return nil
}

// shut remembers a limit. Secondary limits are counted over REST and GraphQL together. A later end wins.
func (g *gate) shut(b budget, l *RateLimited) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.limit {
		if i != int(b) && !l.Secondary {
			continue
		}
		if have := g.limit[i]; have == nil || have.Until.Before(l.Until) {
			g.limit[i] = l
		}
	}
}

// take waits for the turn to write. done gives it back.
func (g *gate) take(ctx context.Context) (done func(), err error) {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	done = func() { <-g.turn }
	var wait time.Duration
	if !g.last.IsZero() {
		wait = g.interval - time.Since(g.last)
	}
	if err := pause(ctx, wait); err != nil {
		done()
		return nil, err
	}
	g.last = time.Now()
	return done, nil
}

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bounded takes a time of GitHub's clock to one that is sensible by ours.
func bounded(until, now time.Time) time.Time {
	switch {
	case !until.After(now):
		return now.Add(leastRest)
	case until.After(now.Add(limitWindow)):
		return now.Add(limitWindow)
	}
	return until
}
