package review

import (
	"cmp"
	"slices"

	"lightsout/rules"
)

// Outcome is what later happened to a finding, or to a change at a place that no finding named.
type Outcome string

// The outcomes that are booked.
const (
	Pending   Outcome = ""           // nothing is known yet
	Nothing   Outcome = "nothing"    // merged, and nothing came of it in the time that is waited
	Repaired  Outcome = "repaired"   // the author was sent back for it, and changed it
	CheckFail Outcome = "ci failed"  // a check failed there
	Objected  Outcome = "rejected"   // a person rejected the change for it
	Reverted  Outcome = "reverted"   // it was taken back after the merge for it
	Abandoned Outcome = "not merged" // the change went nowhere, so nobody will know
)

// Booked is one finding with what became of it, as the store keeps it. A booking with Missed set is no finding, but
// trouble that came to light later at a place that nobody had named.
type Booked struct {
	Missed     bool
	Severity   Severity
	Refuted    bool // by the Adversary, with a place that exists
	Ruling     Ruling
	By         string // whose ruling it is, as in Finding
	Reproduced bool
	Outcome    Outcome

	// The engines that spoke in its round, as configured; "" when the role was not asked or stayed silent.
	Enthusiast, Adversary, Referee string
}

// real says whether a finding was a bug, as far as is known by now.
func (b Booked) real() (real, known bool) {
	switch b.Outcome {
	case CheckFail, Objected, Reverted:
		return true, true
	case Repaired:
		return b.Reproduced || b.Ruling == RealBug, true
	case Nothing:
		return b.Reproduced, true
	}
	return b.Reproduced, b.Reproduced // a test that failed is a bug whatever follows
}

// Score is how one engine does in one role.
type Score struct {
	Role   string
	Engine string
	Points int // what the role is paid and fined, as its prompt says

	Right  int // it said so, and it was so: a bug, a false alarm (Adversary), a bug ruled real (Referee)
	Wrong  int // it said so, and it was not
	Missed int // it was so, and it did not say so

	Unknown int // nothing has come to light yet
}

// Precision is the share of what it said that was right: 0 to 1; ok is false when it said nothing that is known.
func (s Score) Precision() (share float64, ok bool) { return ratio(s.Right, s.Right+s.Wrong) }

// Recall is the share of what it could have said that it said: 0 to 1; ok is false when there was nothing.
func (s Score) Recall() (share float64, ok bool) { return ratio(s.Right, s.Right+s.Missed) }

func ratio(part, whole int) (float64, bool) {
	if whole == 0 {
		return 0, false
	}
	return float64(part) / float64(whole), true
}

// Scores judges every role and engine by what happened, in the order of the debate and then by name.
//
// The Enthusiast is right about each bug among what it raised, wrong about the rest, and has missed what came to light
// elsewhere. The Adversary is right when it refutes what was no bug. The Referee is right when it rules a real bug real;
// what it noted only and was a bug, it missed. Rulings that were not its own count neither for nor against it, and trouble
// that nobody raised is the Enthusiast's to have found.
func Scores(bookings []Booked) []Score {
	type who struct{ role, engine string }
	all := map[who]*Score{}
	get := func(role, engine string) *Score {
		if engine == "" {
			return &Score{} // nobody spoke: what is booked here is thrown away
		}
		if all[who{role, engine}] == nil {
			all[who{role, engine}] = &Score{Role: role, Engine: engine}
		}
		return all[who{role, engine}]
	}
	for _, b := range bookings {
		enthusiast := get(rules.Enthusiast, b.Enthusiast)
		if b.Missed {
			enthusiast.Missed++
			continue
		}
		adversary, referee := get(rules.Adversary, b.Adversary), get(rules.Referee, b.Referee)
		if b.By == factory && b.Ruling == FalsePositive { // it was about nothing: only the Enthusiast has seen it
			enthusiast.Wrong++
			continue
		}
		real, known := b.real()
		if !known {
			enthusiast.Unknown++
			adversary.Unknown++
			referee.Unknown++
			continue
		}
		worth := b.Severity.points()
		enthusiast.book(true, real, worth, 0)
		adversary.book(b.Refuted, !real, worth, 2*worth)
		if b.By == rules.Referee {
			referee.book(b.Ruling == RealBug, real, 1, 1)
		}
	}
	var list []Score
	for _, s := range all {
		list = append(list, *s)
	}
	order := []string{rules.Enthusiast, rules.Adversary, rules.Referee}
	slices.SortFunc(list, func(a, b Score) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Role), slices.Index(order, b.Role)), cmp.Compare(a.Engine, b.Engine))
	})
	return list
}

// book counts one judgement: said is whether it said so, so is whether it was.
func (s *Score) book(said, so bool, pay, fine int) {
	switch {
	case said && so:
		s.Right++
		s.Points += pay
	case said:
		s.Wrong++
		s.Points -= fine
	case so:
		s.Missed++
	}
}
