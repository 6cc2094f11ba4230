package agents

import (
	"testing"
	"time"

	"lightsout/agents/forge"
	"lightsout/store"
)

// combination is one way in which facts can stand together, each part chosen by a number.
type combination struct{ state, base, draft, held, pushed, word, review, conflict, check, inherited, approved, current, rest, overdue int }

// combinationOf is the k-th of all; ok is false when there is none any more.
func combinationOf(k int) (c combination, ok bool) {
	for _, part := range []struct {
		chosen *int
		among  int
	}{{&c.state, 3}, {&c.base, 2}, {&c.draft, 2}, {&c.held, 3}, {&c.pushed, 2}, {&c.word, 2}, {&c.review, 4}, {&c.conflict, 2}, {&c.check, 12},
		{&c.inherited, 3}, {&c.approved, 2}, {&c.current, 2}, {&c.rest, 3}, {&c.overdue, 2}} {
		*part.chosen, k = k%part.among, k/part.among
	}
	return c, k == 0
}

// plain tells that nothing stands before the health of a pull request: only then do the finer points of CI matter.
func (c combination) plain() bool { return c.state+c.base+c.draft+c.held == 0 }

func (c combination) facts() Facts {
	f := green()
	f.PR.State = []string{"open", "closed", "closed"}[c.state]
	f.PR.Merged = c.state == 2
	f.PR.BaseRef = []string{"main", "release"}[c.base]
	f.PR.Draft = c.draft == 1
	f.Working, f.GivenUp = c.held == 1, c.held == 2
	f.Pushed = []string{headSHA, otherSHA}[c.pushed]
	f.Reject = []string{"", "no"}[c.word]
	review := forge.Review{ID: 1, Author: "ana", AuthorAssociation: "MEMBER", State: "CHANGES_REQUESTED", CommitID: headSHA}
	switch c.review {
	case 1:
		f.Reviews = []forge.Review{review}
	case 2:
		review.CommitID = otherSHA
		f.Reviews = []forge.Review{review}
	case 3:
		f.Reviews = []forge.Review{review, {ID: 2, Author: "ana", AuthorAssociation: "MEMBER", State: "APPROVED", CommitID: headSHA}}
	}
	if c.conflict == 1 {
		f.Conflicts = []string{"csv.go"}
	}
	switch states := []forge.CheckState{forge.Success, forge.Failure, forge.TimedOut, forge.Errored, forge.Pending, forge.Neutral, forge.Skipped, forge.Cancelled, forge.ActionRequired}; c.check {
	case 9: // of another commit
		f.Checks[1].SHA = otherSHA
	case 10: // by another app
		f.Required[1].AppID, f.Checks[1].AppID = 15368, 99
	case 11: // missing
		f.Checks = f.Checks[:1]
	default:
		f.Checks[1].State = states[c.check]
	}
	also := []forge.Check{{Name: "lint", State: forge.Failure, SHA: otherSHA}}
	switch c.inherited {
	case 1:
		f.BaseChecks = also
	case 2:
		f.ForkChecks = also
	}
	f.Approved, f.Current = c.approved == 1, c.current == 0
	f.Parked = []string{"", "cancelled by ana", ""}[c.rest]
	f.Reverts = []int{0, 0, 41}[c.rest]
	if c.overdue == 1 {
		f.Patience, f.HeadSince = time.Hour, f.Now.Add(-2*time.Hour)
	}
	return f
}

// want is the same judgement in another way: not by precedence, but by what each word promises.
func (c combination) want() map[string]bool {
	open := c.state == 0 && c.base == 0 && c.draft == 0 && c.held == 0
	red := c.check >= 1 && c.check <= 3
	objected := c.word == 1 || c.review == 1
	ours := c.pushed == 0 && c.rest == 0
	green := open && !objected && c.review != 2 && c.conflict == 0 && c.check == 0
	settled := open && !objected && c.conflict == 0 && red                         // only the checks are wrong
	lacking := (c.check == 9 || c.check == 11) && c.overdue == 1 && c.current == 1 // for long, and main may have what it needs
	return map[string]bool{
		store.Approval: green && c.approved == 1 && c.current == 0,
		store.Landing:  green && c.approved == 1 && c.current == 1,
		store.Ready:    green && c.approved == 0,
		store.Landed:   c.state == 2 && c.base == 0,
		store.Closed:   c.state == 1 && c.base == 0 || c.state != 0 && c.base == 1,
		store.Running:  c.state == 0 && c.base == 0 && c.held == 1,
		store.GivenUp:  c.state == 0 && c.base == 0 && c.held == 2,
		store.Draft:    c.state == 0 && c.base == 0 && c.held == 0 && c.draft == 1,
		store.Rejected: open && ours && objected,
		store.Conflict: open && ours && !objected && c.conflict == 1,
		store.Red:      settled && ours && c.inherited == 0,
		store.BaseRed:  settled && c.inherited == 1,
		store.Behind:   settled && c.inherited == 2 || open && !objected && c.conflict == 0 && lacking,
		store.Waiting:  open && !objected && c.conflict == 0 && !red && !green && !lacking,
		store.Parked:   open && c.rest != 0 && (objected || c.conflict == 1 || settled && c.inherited == 0),
		store.Foreign:  c.state == 0 && c.base == 1 || open && c.rest == 0 && c.pushed == 1 && (objected || c.conflict == 1 || settled && c.inherited == 0),
	}
}

func TestEveryCombinationOfFactsHasTheOneWordItDeserves(t *testing.T) {
	judged, wrong := 0, 0
	for k := 0; ; k++ {
		c, ok := combinationOf(k)
		if !ok {
			break
		}
		if !c.plain() && (c.check > 1 || c.inherited+c.overdue > 0) {
			continue
		}
		judged++
		if !c.holds(t, wrong < 10) {
			wrong++
		}
	}
	t.Logf("%d combinations, %d wrong", judged, wrong)
}

func (c combination) holds(t *testing.T, tell bool) bool {
	v := Judge(c.facts())
	fine := v.Reason != "" || v.Word == store.Landed
	for word, promised := range c.want() {
		fine = fine && promised == (v.Word == word)
	}
	if !fine {
		t.Fail()
		if tell {
			t.Errorf("%+v is %s (%s), deserved is %v", c, v.Word, v.Reason, c.want())
		}
	}
	return fine
}
