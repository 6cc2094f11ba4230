package agents

import (
	"testing"
	"time"

	"lightsout/agents/review"
	"lightsout/store"
)

// noted has the first ticket published with a note at its first line, and red.txt in it.
func (r *rig) noted(three *trio) (ticket, pull int) {
	r.t.Helper()
	ticket = r.ticket(1)
	three.enthusiast.next(saying(finding("medium", "The argument of the part is lost on the way.")))
	three.adversary.next(saying(`{"answers":[{"id":"F1","kind":"wrong","place":"part1.sh:1","reason":"it takes none"}]}`))
	three.referee.next(saying(ruling("worth noting")))
	files := partFiles(1)
	files[redMark] = "red\n"
	r.cli.next(leaving(files))
	r.implement()
	return ticket, r.pullOf(ticket)
}

// booked are the outcomes of what was raised about a pull request, by name.
func (r *rig) booked(pull int) map[string]string {
	r.t.Helper()
	rows, err := r.store.FindingsOf(r.ctx, pull)
	must(r.t, err)
	all := map[string]string{}
	for _, row := range rows {
		all[row.Name] = row.Outcome
	}
	return all
}

// tally is what a role has earned.
func (r *rig) tally(role string) store.Tally {
	r.t.Helper()
	all, err := r.store.Tallies(r.ctx, noTime)
	must(r.t, err)
	for _, t := range all {
		if t.Role == role {
			return t
		}
	}
	return store.Tally{}
}

func TestWhatCIAndAPersonSayIsBookedToTheReviewers(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		_, pull := r.noted(&three)
		three.enthusiast.next(saying(nothing))
		r.cli.next(leaving(clean))
		r.fix() // CI is red for a file that nobody had raised anything about
		if got := r.booked(pull); got["F1"] != "" || got["missed: ci failed "+redMark] != "ci failed" {
			t.Errorf("%v", got)
		}
		r.fix()
		r.stands(pull, store.Ready, "")
		must(t, r.store.Ask(r.ctx, store.Request{Key: "reject", Kind: store.RequestReject, Pull: pull, Head: r.pull(pull).Head, Text: "the argument of part1 is lost on the way", ByName: "Ana"}))
		three.enthusiast.next(saying(nothing))
		r.cli.next(leaving(better()))
		r.fix()
		if got := r.booked(pull); got["F1"] != "rejected" || len(got) != 2 {
			t.Errorf("%v", got)
		}
		if e, a := r.tally("enthusiast"), r.tally("adversary"); e.Points != 3 || e.Right != 1 || e.Missed != 1 || a.Points != -6 || a.Wrong != 1 {
			t.Errorf("enthusiast %+v, adversary %+v", e, a)
		}
	})
}

func TestWhatComesOfAMergedChangeIsBookedWhenItIsOver(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		_, pull := r.noted(&three)
		keep := func() {
			t.Helper()
			_, err := (&Housekeeper{r.factory}).Run(r.ctx)
			must(t, err)
		}
		land := func(number, reverts int, at time.Time) {
			t.Helper()
			_, err := r.store.UpdatePull(r.ctx, number, func(p *store.Pull) {
				p.Verdict, p.MergedAt, p.Reverts, p.Title = store.Landed, at, reverts, "Revert: the argument of the part is lost on the way"
			})
			must(t, err)
		}
		land(pull, 0, r.store.Now())
		keep()
		if got := r.booked(pull); got["F1"] != "" {
			t.Errorf("booked at once: %v", got)
		}
		virtualWait(quiet + time.Hour)
		keep()
		if got := r.booked(pull); got["F1"] != "nothing" || r.tally("adversary").Points != 3 {
			t.Errorf("%v, %+v", got, r.tally("adversary"))
		}
		land(pull+1, pull, r.store.Now())
		keep()
		keep()
		if got := r.booked(pull); got["F1"] != "reverted" || len(got) != 1 || r.tally("adversary").Points != -6 {
			t.Errorf("%v, %+v", got, r.tally("adversary"))
		}
	})
}

func TestAFindingIsOpenUntilItsChangeIsOver(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		pull                store.Pull
		unpublished, atWork bool
		want                review.Outcome
	}{
		"open":               {store.Pull{Verdict: store.Waiting}, false, false, review.Pending},
		"given up":           {store.Pull{Verdict: store.GivenUp}, false, false, review.Pending},
		"merged today":       {store.Pull{Verdict: store.Landed, MergedAt: now}, false, false, review.Pending},
		"merged long ago":    {store.Pull{Verdict: store.Landed, MergedAt: now.Add(-quiet)}, false, false, review.Nothing},
		"closed":             {store.Pull{Verdict: store.Closed}, false, false, review.Abandoned},
		"still at work":      {store.Pull{}, true, true, review.Pending},
		"came to nothing":    {store.Pull{}, true, false, review.Abandoned},
		"not known any more": {store.Pull{}, false, false, review.Pending},
	} {
		if got, because := over(row.pull, row.unpublished, row.atWork, now); got != row.want || (because == "") != (got == review.Pending) {
			t.Errorf("%s: %q because %q, want %q", name, got, because, row.want)
		}
	}
}
