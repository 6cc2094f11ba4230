package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// did is a tool call and what it gave back.
func did(call, result string) []Event {
	return []Event{{Kind: KindTool, Tool: "shell", Text: call, Call: "1"}, {Kind: KindResult, Text: result, Call: "1"}}
}

func watch(s Session, events []Event) (told []*breach) {
	g := newGuard(s)
	for _, e := range events {
		if b := g.see(e, ""); b != nil {
			told = append(told, b)
		}
	}
	return told
}

func TestSessionThatGoesRoundInCirclesIsNoticed(t *testing.T) {
	var same, pair, edits, polls, odd []Event
	for i := range 6 {
		same = append(same, did("go test", "FAIL")...)
		pair = append(append(pair, did("go test", "FAIL")...), did("cat a", "x")...)
		edits = append(append(edits, did(fmt.Sprint("edit ", i), "ok")...), did("go test", "FAIL")...)
		polls = append(polls, did("cat log", fmt.Sprint("line ", i))...)
		odd = append(odd, Event{Kind: KindResult, Text: "x", Call: "never called"})
	}
	for _, c := range []struct {
		name   string
		events []Event
		most   int
		want   bool
	}{
		{"the same call with the same result", same, 4, true},
		{"two calls in turn", pair, 4, true},
		{"fewer times than that", same, 7, false},
		{"a test that fails after each of many edits", edits, 4, false},
		{"a call with new results", polls, 4, false},
		{"results of no call", odd, 4, false},
		{"no limit", same, 0, false},
	} {
		got := watch(Session{MaxRepeats: c.most}, c.events)
		if (len(got) == 1) != c.want || len(got) > 1 {
			t.Errorf("%s: %d breaches", c.name, len(got))
		} else if c.want && (got[0].outcome != Stalled || !strings.Contains(got[0].reason, "shell gave the same result to the same call 4 times")) {
			t.Errorf("%s: %+v", c.name, got[0])
		}
	}
}

func TestWhatTheGuardRemembersIsBounded(t *testing.T) {
	g := newGuard(Session{MaxRepeats: 3})
	for i := range 3 * maxStates {
		g.see(Event{Kind: KindTool, Text: fmt.Sprint(i), Call: fmt.Sprint("lost ", i)}, "")
		for _, e := range did(fmt.Sprint(i), "x") {
			g.see(e, "")
		}
	}
	if len(g.circle.calls) > maxCalls || len(g.circle.known) > maxStates {
		t.Errorf("%d calls and %d states are remembered", len(g.circle.calls), len(g.circle.known))
	}
}

func TestSessionIsHeldToItsLimits(t *testing.T) {
	used := func(turns int, tokens int64, cost float64) []Event {
		return []Event{{Kind: KindUsage, Turns: turns, Usage: Usage{Input: tokens - 1, Output: 1, Cached: 1e9, CostUSD: cost}}}
	}
	for _, c := range []struct {
		name    string
		session Session
		events  []Event
		want    string
	}{
		{"no limits", Session{}, used(1e6, 1e9, 1e6), ""},
		{"all within", Session{MaxTurns: 5, MaxTokens: 100, MaxCostUSD: 1}, used(5, 100, 1), ""},
		{"turns", Session{MaxTurns: 5}, used(6, 1, 0), "ended by us: more than 5 turns"},
		{"tokens", Session{MaxTokens: 100}, used(1, 101, 0), "ended by us: more than 100 tokens"},
		{"money", Session{MaxCostUSD: 1.5}, used(1, 1, 1.51), "ended by us: more than $1.50"},
		{"what is told with the end", Session{MaxTurns: 1, MaxTokens: 1, MaxCostUSD: 1}, []Event{{Kind: KindUsage, Turns: 9, Usage: Usage{Input: 9, CostUSD: 9}, last: true}}, ""},
		{"told once", Session{MaxTurns: 1}, append(used(2, 1, 0), used(3, 1, 0)...), "ended by us: more than 1 turns"},
	} {
		got := watch(c.session, c.events)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || got[0].Error() != c.want || got[0].outcome != Failed) {
			t.Errorf("%s: %+v, want %q", c.name, got, c.want)
		}
	}
}

func TestErrorsInARowAreEnoughOnlyWithNoWorkBetween(t *testing.T) {
	var row, mixed []Event
	for range maxRefusals {
		row = append(row, Event{Kind: KindError}, Event{Kind: KindUsage})
		mixed = append(mixed, Event{Kind: KindError}, Event{Kind: KindTool})
	}
	if got := watch(Session{}, row); len(got) != 1 || got[0].outcome != "" {
		t.Errorf("errors in a row: %+v", got)
	}
	if got := watch(Session{}, mixed); len(got) != 0 {
		t.Errorf("errors that were got over: %+v", got)
	}
	for refused, most := range map[Outcome]int{Authentication: maxKeyRefusals, Quota: maxQuotaRefusals, Overloaded: maxRefusals, Failed: maxRefusals} {
		g := newGuard(Session{})
		for i := range most {
			if b := g.see(Event{Kind: KindError}, refused); (b != nil) != (i == most-1) {
				t.Errorf("%s: error %d gives %+v", refused, i+1, b)
			}
		}
	}
}

func TestPriceFillsInACostThatIsNotNamed(t *testing.T) {
	p := Price{Input: 3, Cached: 0.3, Output: 15}
	if got := p.apply(Usage{Input: 1e6, Cached: 2e6, Output: 1e5}).CostUSD; math.Abs(got-5.1) > 1e-9 {
		t.Errorf("cost %v, want 5.1", got)
	}
	if got := p.apply(Usage{Input: 1e6, CostUSD: 2}).CostUSD; got != 2 {
		t.Errorf("a cost of 2 became %v", got)
	}
	for price, want := range map[Price]bool{{}: true, p: true, {Cached: -1}: false, {Output: math.NaN()}: false} {
		if price.valid() != want {
			t.Errorf("%+v: valid %v", price, !want)
		}
	}
}

func TestProgressIsToldAtABoundedRate(t *testing.T) {
	var told []Progress
	p := newProgress(Session{OnProgress: func(p Progress) { told = append(told, p) }, ProgressEvery: 10 * time.Second}, noon())
	for i := range 61 { // one event a second
		p.see(Event{Kind: KindTool, Tool: "shell", Text: fmt.Sprintf("ls\n%d", i)}, noon().Add(time.Duration(i)*time.Second))
		p.see(Event{Kind: KindUsage, Turns: i, Usage: Usage{Output: int64(i)}}, noon().Add(time.Duration(i)*time.Second))
	}
	if len(told) != 7 {
		t.Fatalf("told %d times in a minute", len(told))
	}
	if got, want := told[6], (Progress{Elapsed: time.Minute, Turns: 59, Tool: "shell", Text: "ls 60", Usage: Usage{Output: 59}}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	newProgress := newProgress(Session{}, noon())
	newProgress.see(Event{Kind: KindTool}, noon()) // nobody listens
}
