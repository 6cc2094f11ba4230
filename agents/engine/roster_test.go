package engine

import (
	"testing"
	"time"
)

func TestRosterPicksTheFirstThatDoesNotRest(t *testing.T) {
	names := []string{"a", "b", "c"}
	until := func(hours int) Rest { return Rest{Until: noon().Add(time.Duration(hours) * time.Hour)} }
	for _, c := range []struct {
		name  string
		rests map[string]Rest
		want  int
		first time.Time
	}{
		{"nobody rests", nil, 0, time.Time{}},
		{"the first rests", map[string]Rest{"a": until(1)}, 1, time.Time{}},
		{"a rest that is over", map[string]Rest{"a": until(0)}, 0, time.Time{}},
		{"all but the last rest", map[string]Rest{"a": until(1), "b": until(2)}, 2, time.Time{}},
		{"all rest", map[string]Rest{"a": until(3), "b": until(1), "c": until(2)}, -1, noon().Add(time.Hour)},
	} {
		if got, first := pick(names, c.rests, noon()); got != c.want || !first.Until.Equal(c.first) {
			t.Errorf("%s: %d until %v, want %d until %v", c.name, got, first.Until, c.want, c.first)
		}
	}
}

func TestOnlyAProvidersRefusalIsAReasonToRest(t *testing.T) {
	for outcome, want := range map[Outcome]time.Duration{
		Quota: time.Hour, Overloaded: 5 * time.Minute, Authentication: 30 * time.Minute,
		Done: 0, Failed: 0, Denied: 0, Stalled: 0, Timeout: 0, Cancelled: 0,
	} {
		rest, ok := restAfter(Result{Engine: "a", Outcome: outcome, Reason: "why"}, noon())
		if ok != (want > 0) || ok && (!rest.Until.Equal(noon().Add(want)) || rest.Engine != "a" || rest.Reason != "why") {
			t.Errorf("%s: %+v, %v", outcome, rest, ok)
		}
	}
	reset := noon().Add(7 * time.Hour)
	if rest, _ := restAfter(Result{Outcome: Quota, ResetAt: reset}, noon()); !rest.Until.Equal(reset) {
		t.Errorf("a quota that resets at %v rests until %v", reset, rest.Until)
	}
	if rest, _ := restAfter(Result{Outcome: Quota, ResetAt: noon().Add(-time.Hour)}, noon()); !rest.Until.After(noon()) {
		t.Errorf("a reset time that is over: rests until %v", rest.Until)
	}
}
