package review

import "lightsout/rules"

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

// The marks that a role gets for a finding. Precision is the share of right among right and wrong, recall the share of right
// among right and missed.
const (
	Right   = "right"   // it said so, and it was so: a bug, a false alarm (Adversary), a bug ruled real (Referee)
	Wrong   = "wrong"   // it said so, and it was not
	Missed  = "missed"  // it was so, and it did not say so
	Unknown = "unknown" // nothing has come to light yet
	Silent  = "silent"  // it did not say so, and it was not so
)

// Mark is how one role did by one finding.
type Mark struct {
	Role   string
	Engine string
	Mark   string
	Points int // what the role is paid and fined, as its prompt says; the Referee gets one for being right, and loses one
}

// Marks judges, by what has happened, each role that spoke of a finding, in the order of the debate.
//
// The Enthusiast is right about each bug that it raised, wrong about the rest, and has missed what came to light
// elsewhere. The Adversary is right when it refutes what was no bug. The Referee is right when it rules a real bug real;
// what it noted only and was a bug, it missed. Rulings that were not its own count neither for nor against it, and trouble
// that nobody raised is the Enthusiast's to have found.
func (b Booked) Marks() []Mark {
	var list []Mark
	add := func(role, engine, mark string, points int) {
		if engine != "" { // else nobody spoke
			list = append(list, Mark{role, engine, mark, points})
		}
	}
	if b.Missed {
		add(rules.Enthusiast, b.Enthusiast, Missed, 0)
		return list
	}
	if b.By == factory && b.Ruling == FalsePositive { // it was about nothing: only the Enthusiast has seen it
		add(rules.Enthusiast, b.Enthusiast, Wrong, 0)
		return list
	}
	real, known := b.real()
	if !known {
		add(rules.Enthusiast, b.Enthusiast, Unknown, 0)
		add(rules.Adversary, b.Adversary, Unknown, 0)
		if b.By == rules.Referee {
			add(rules.Referee, b.Referee, Unknown, 0)
		}
		return list
	}
	worth := b.Severity.points()
	mark, points := judged(true, real, worth, 0)
	add(rules.Enthusiast, b.Enthusiast, mark, points)
	mark, points = judged(b.Refuted, !real, worth, 2*worth)
	add(rules.Adversary, b.Adversary, mark, points)
	if b.By == rules.Referee {
		mark, points = judged(b.Ruling == RealBug, real, 1, 1)
		add(rules.Referee, b.Referee, mark, points)
	}
	return list
}

// judged marks one judgement: said is whether it said so, so is whether it was.
func judged(said, so bool, pay, fine int) (mark string, points int) {
	switch {
	case said && so:
		return Right, pay
	case said:
		return Wrong, -fine
	case so:
		return Missed, 0
	}
	return Silent, 0
}
