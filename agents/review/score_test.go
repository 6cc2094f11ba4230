package review

import (
	"slices"
	"testing"

	"lightsout/rules"
)

func TestEveryRoleIsPaidForWhatLaterProvedRight(t *testing.T) {
	heard := func(b Booked) Booked {
		b.Enthusiast, b.Adversary, b.Referee = "claude", "codex", "claude"
		return b
	}
	bookings := []Booked{
		heard(Booked{Severity: High, Ruling: RealBug, By: rules.Referee, Reproduced: true, Outcome: Repaired}),
		heard(Booked{Severity: Medium, Ruling: FalsePositive, By: rules.Referee, Refuted: true, Outcome: Nothing}),
		heard(Booked{Severity: Medium, Ruling: FalsePositive, By: rules.Referee, Refuted: true, Outcome: CheckFail}), // both dismissed a real one
		heard(Booked{Severity: Low, Ruling: FalsePositive, By: rules.Adversary, Refuted: true, Outcome: Nothing}),
		heard(Booked{Severity: Low, Ruling: WorthNoting, By: rules.Referee, Outcome: Objected}),
		heard(Booked{Severity: Low, Ruling: WorthNoting, By: factory, Outcome: Nothing}), // the reproduction passed
		heard(Booked{Severity: Critical, Ruling: FalsePositive, By: factory, Outcome: Pending}),
		heard(Booked{Severity: Low, Ruling: WorthNoting, By: rules.Referee, Outcome: Pending}),
		heard(Booked{Severity: Low, Ruling: WorthNoting, By: rules.Referee, Outcome: Abandoned}),
		{Enthusiast: "claude", Missed: true, Outcome: Reverted},
		{Enthusiast: "claude", Severity: High, Ruling: WorthNoting, By: factory, Outcome: Nothing}, // the others were silent
	}
	want := []Score{
		{Role: rules.Enthusiast, Engine: "claude", Points: 5 + 3 + 1, Right: 3, Wrong: 5, Missed: 1, Unknown: 2},
		{Role: rules.Adversary, Engine: "codex", Points: 3 - 6 + 1, Right: 2, Wrong: 1, Missed: 1, Unknown: 2},
		{Role: rules.Referee, Engine: "claude", Points: 1, Right: 1, Missed: 2, Unknown: 2},
	}
	got := Scores(bookings)
	if !slices.Equal(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
	if share, ok := got[0].Precision(); !ok || share != 3.0/8 {
		t.Errorf("precision %v %v", share, ok)
	}
	if share, ok := got[0].Recall(); !ok || share != 3.0/4 {
		t.Errorf("recall %v %v", share, ok)
	}
	if _, ok := (Score{}).Precision(); ok {
		t.Error("a precision of nothing")
	}
	if Scores(nil) != nil {
		t.Error("scores of nobody")
	}
}
