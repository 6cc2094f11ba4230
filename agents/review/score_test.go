package review

import (
	"slices"
	"testing"

	"lightsout/rules"
)

func TestEveryRoleIsPaidForWhatLaterProvedRight(t *testing.T) {
	const e, a, r = rules.Enthusiast, rules.Adversary, rules.Referee
	for name, row := range map[string]struct {
		booked Booked
		want   []Mark
	}{
		"a bug that was repaired": {Booked{Severity: High, Ruling: RealBug, By: r, Reproduced: true, Outcome: Repaired},
			[]Mark{{e, "claude", Right, 5}, {a, "codex", Silent, 0}, {r, "qwen", Right, 1}}},
		"a bug that a test shows, whatever follows": {Booked{Severity: Low, Ruling: RealBug, By: r, Reproduced: true, Outcome: Abandoned},
			[]Mark{{e, "claude", Right, 1}, {a, "codex", Silent, 0}, {r, "qwen", Right, 1}}},
		"a false alarm": {Booked{Severity: Medium, Ruling: FalsePositive, By: r, Refuted: true, Outcome: Nothing},
			[]Mark{{e, "claude", Wrong, 0}, {a, "codex", Right, 3}, {r, "qwen", Silent, 0}}},
		"a dismissal by both that CI refutes": {Booked{Severity: Medium, Ruling: FalsePositive, By: r, Refuted: true, Outcome: CheckFail},
			[]Mark{{e, "claude", Right, 3}, {a, "codex", Wrong, -6}, {r, "qwen", Missed, 0}}},
		"a mild one that the referee never saw": {Booked{Severity: Low, Ruling: FalsePositive, By: a, Refuted: true, Outcome: Nothing},
			[]Mark{{e, "claude", Wrong, 0}, {a, "codex", Right, 1}}},
		"a note that a person took for a bug": {Booked{Severity: Low, Ruling: WorthNoting, By: r, Outcome: Objected},
			[]Mark{{e, "claude", Right, 1}, {a, "codex", Silent, 0}, {r, "qwen", Missed, 0}}},
		"a real bug of which nothing came": {Booked{Severity: Critical, Ruling: RealBug, By: r, Outcome: Nothing},
			[]Mark{{e, "claude", Wrong, 0}, {a, "codex", Missed, 0}, {r, "qwen", Wrong, -1}}},
		"a reproduction that passed": {Booked{Severity: Low, Ruling: WorthNoting, By: factory, Outcome: Nothing},
			[]Mark{{e, "claude", Wrong, 0}, {a, "codex", Missed, 0}}},
		"a file that is not there": {Booked{Severity: Critical, Ruling: FalsePositive, By: factory, Outcome: Pending},
			[]Mark{{e, "claude", Wrong, 0}}},
		"nothing has come to light": {Booked{Severity: Low, Ruling: WorthNoting, By: r, Outcome: Pending},
			[]Mark{{e, "claude", Unknown, 0}, {a, "codex", Unknown, 0}, {r, "qwen", Unknown, 0}}},
		"nobody will ever know": {Booked{Severity: Low, Ruling: FalsePositive, By: a, Refuted: true, Outcome: Abandoned},
			[]Mark{{e, "claude", Unknown, 0}, {a, "codex", Unknown, 0}}},
		"trouble that nobody raised": {Booked{Missed: true, Outcome: Reverted}, []Mark{{e, "claude", Missed, 0}}},
	} {
		row.booked.Enthusiast, row.booked.Adversary, row.booked.Referee = "claude", "codex", "qwen"
		if got := row.booked.Marks(); !slices.Equal(got, row.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, row.want)
		}
	}
}

func TestWhoStayedSilentGetsNoMark(t *testing.T) {
	b := Booked{Enthusiast: "claude", Severity: High, Ruling: WorthNoting, By: factory, Outcome: Nothing}
	if got := b.Marks(); !slices.Equal(got, []Mark{{rules.Enthusiast, "claude", Wrong, 0}}) {
		t.Errorf("%+v", got)
	}
}
