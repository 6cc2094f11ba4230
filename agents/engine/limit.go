package engine

import (
	"fmt"
	"hash/maphash"
	"time"
)

const (
	// maxRefusals is how many errors in a row, with no work between, a session may
	// name. A CLI has its own cap, a few calls as a rule; codex has none while
	// the network is away, opencode has none at all.
	maxRefusals = 8
	// maxQuotaRefusals is the same for a quota, which does not come back in a
	// minute, and maxKeyRefusals for credentials, which do not get better.
	maxQuotaRefusals = 5
	maxKeyRefusals   = 3
	// maxCalls and maxStates bound what the guard remembers of a session.
	maxCalls  = 256
	maxStates = 4096

	defaultProgress = 5 * time.Second
)

// breach is a limit that a session broke: what it is ended for.
type breach struct {
	outcome Outcome // "" means that the reader's trouble is the outcome
	reason  string
	over    *Result // of a session that was over and lived on
}

func (b *breach) Error() string { return "ended by us: " + b.reason }

// guard holds a session to the limits that its own words tell of.
type guard struct {
	turns    int
	tokens   int64
	cost     float64
	circle   circle
	refusals int
	over     bool // a breach was told
}

func newGuard(s Session) guard {
	return guard{turns: s.MaxTurns, tokens: s.MaxTokens, cost: s.MaxCostUSD, circle: circle{most: s.MaxRepeats, seed: maphash.MakeSeed()}}
}

// see returns the breach that an event makes, once for a session; refused is what
// the provider's refusal is, if that is what the event tells.
func (g *guard) see(e Event, refused Outcome) *breach {
	if g.over {
		return nil
	}
	b := g.judge(e, refused)
	g.over = b != nil
	return b
}

func (g *guard) judge(e Event, refused Outcome) *breach {
	switch e.Kind {
	case KindError:
		most := maxRefusals
		switch refused {
		case Quota:
			most = maxQuotaRefusals
		case Authentication:
			most = maxKeyRefusals
		}
		if g.refusals++; g.refusals >= most {
			return &breach{reason: fmt.Sprintf("%d errors in a row", g.refusals)}
		}
		return nil
	case KindMessage, KindTool:
		g.refusals = 0
	}
	if n, tool := g.circle.see(e); n > 0 {
		return &breach{outcome: Stalled, reason: fmt.Sprintf("it goes round in circles: %s gave the same result to the same call %d times, with nothing new between", tool, n)}
	}
	if e.Kind != KindUsage || e.last {
		return nil // what finished work has used is spent: to throw the work away would only have it done again
	}
	u := e.Usage
	switch {
	case g.turns > 0 && e.Turns > g.turns:
		return &breach{outcome: Failed, reason: fmt.Sprintf("more than %d turns", g.turns)}
	case g.tokens > 0 && u.Input+u.Output > g.tokens:
		return &breach{outcome: Failed, reason: fmt.Sprintf("more than %d tokens", g.tokens)}
	case g.cost > 0 && u.CostUSD > g.cost:
		return &breach{outcome: Failed, reason: fmt.Sprintf("more than $%.2f", g.cost)}
	}
	return nil
}

// circle notices a session that goes round in circles: a state, which is a tool
// call with its result, comes again and again, and between no state that is new.
// A test that fails the same way after every edit is no circle: the edits differ.
type circle struct {
	most  int // 0: none is noticed
	seed  maphash.Seed
	calls map[string]call // that have no result yet, by their id
	known map[[2]uint64]tally
	round int // how many states were new
}

// tally is how often a state came in the round that it came last.
type tally struct{ round, times int }

type call struct {
	hash uint64
	tool string
}

// see returns how often the state that e completes has come, and its tool, when
// that is too often.
func (c *circle) see(e Event) (int, string) {
	if c.most <= 0 {
		return 0, ""
	}
	switch e.Kind {
	case KindTool:
		if c.calls == nil || len(c.calls) >= maxCalls {
			c.calls = map[string]call{}
		}
		c.calls[e.Call] = call{maphash.String(c.seed, e.Tool+"\x00"+e.Text), clip(e.Tool, maxName)}
	case KindResult:
		made, ok := c.calls[e.Call]
		if !ok {
			return 0, ""
		}
		delete(c.calls, e.Call)
		return c.state([2]uint64{made.hash, maphash.String(c.seed, e.Text)}), made.tool
	}
	return 0, ""
}

// state counts a state and returns the count when it is too high.
func (c *circle) state(s [2]uint64) int {
	seen, ok := c.known[s]
	if !ok {
		if c.known == nil || len(c.known) >= maxStates {
			c.known = map[[2]uint64]tally{}
		}
		c.round++
	}
	if seen.round != c.round {
		seen = tally{round: c.round}
	}
	seen.times++
	c.known[s] = seen
	if seen.times >= max(c.most, 2) {
		return seen.times
	}
	return 0
}

// Price is what a model costs, for a CLI that names no cost: US dollars per
// million tokens.
type Price struct {
	Input  float64 // read afresh
	Cached float64 // read from a cache
	Output float64
}

func (p Price) valid() bool { return p.Input >= 0 && p.Cached >= 0 && p.Output >= 0 }

// apply fills in a cost that is not named.
func (p Price) apply(u Usage) Usage {
	if u.CostUSD == 0 {
		u.CostUSD = (p.Input*float64(u.Input) + p.Cached*float64(u.Cached) + p.Output*float64(u.Output)) / 1e6
	}
	return u
}

// Progress is how far a session is, for watching it live.
type Progress struct {
	Elapsed time.Duration
	Turns   int
	Tool    string // that it called last
	Text    string // the last that it said or called with, one line, at most 200 bytes
	Usage   Usage
}

// progress tells it, no oftener than is wanted.
type progress struct {
	tell  func(Progress)
	every time.Duration
	began time.Time
	told  time.Time
	state Progress
}

func newProgress(s Session, now time.Time) progress {
	p := progress{tell: s.OnProgress, every: s.ProgressEvery, began: now}
	if p.every <= 0 {
		p.every = defaultProgress
	}
	return p
}

// due is whether somebody waits to be told now.
func (p *progress) due(now time.Time) bool {
	return p.tell != nil && (p.told.IsZero() || now.Sub(p.told) >= p.every)
}

func (p *progress) see(e Event, now time.Time) {
	if p.tell == nil {
		return
	}
	switch e.Kind {
	case KindUsage:
		p.state.Turns, p.state.Usage = e.Turns, e.Usage
	case KindTool:
		p.state.Tool, p.state.Text = clip(e.Tool, maxName), clip(oneLine(clip(e.Text, maxEvent)), maxProgress)
	case KindMessage, KindError:
		p.state.Text = clip(oneLine(clip(e.Text, maxEvent)), maxProgress)
	default:
		return
	}
	if !p.due(now) {
		return
	}
	p.told, p.state.Elapsed = now, now.Sub(p.began)
	p.tell(p.state)
}
