package agents

import (
	"errors"
	"strings"
	"testing"

	"lightsout/store"
)

// forked opens somebody's pull request from a fork, with the branch, the title and the words of the factory's own.
func (r *rig) forked(fork, branch string, files map[string]string) int {
	r.t.Helper()
	content := map[string][]byte{}
	for name, text := range files {
		content[name] = []byte(text)
	}
	number, err := r.hub.OpenFromFork(r.ctx, fork, branch, content, "Part 1 prints zero", "## Why\n\nIt printed zero.\n\nCloses #1\n")
	must(r.t, err)
	r.settle()
	return number
}

func TestAForksPullRequestIsNeverTheFactorys(t *testing.T) {
	for name, row := range map[string]struct {
		fork string
		gone bool
	}{
		"a stranger's":            {fork: "eve/parts"},
		"a stranger's, deleted":   {fork: "eve/parts", gone: true},
		"the owner's own fork":    {fork: "acme/parts-2"},
		"the owner's, deleted":    {fork: "acme/parts-2", gone: true},
		"a member's of that name": {fork: "ana/parts"},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				r.hub.AddPerson("ana", "MEMBER")
				ticket := r.ticket(1)
				red := map[string]string{redMark: "red\n"} // no file of the ticket's, and CI refuses it
				theirs := r.forked(row.fork, "lightsout/1-part-1-prints-zero", red)
				if row.gone {
					must(t, r.hub.DeleteFork(r.ctx, theirs))
				}
				before, _ := r.hub.Pull(theirs)
				r.fix()
				r.tells(1, store.Heartbeat, 0, "No open PRs")
				if _, err := r.store.Approve(r.ctx, theirs, before.Head, "", ana, "Ana"); err == nil {
					t.Error("a fork's pull request was approved")
				}
				must(t, r.store.Ask(r.ctx, store.Request{Key: "reject", Kind: store.RequestReject, Pull: theirs, Head: before.Head, Text: "No.", ByID: ana, ByName: "Ana"}))
				must(t, r.store.Ask(r.ctx, store.Request{Key: "back", Kind: store.RequestHandBack, Pull: theirs, Head: before.Head, ByID: ana, ByName: "Ana"}))
				r.fix()
				r.implement() // the ticket is free, and its own branch and pull request are to be had
				r.onBoard(ticket, "In Review")
				ours := r.pullOf(ticket)
				if ours == theirs {
					t.Fatal("the fork's pull request was taken for the ticket's")
				}
				r.fix()
				r.approve(ours)
				r.land()
				r.land()
				r.stands(ours, store.Landed, "")
				r.does(0, "pull.merge", ref(theirs))
				if _, err := r.store.Pull(r.ctx, theirs); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("the fork's pull request is kept: %v", err)
				}
				after, _ := r.hub.Pull(theirs)
				if !after.Open || after.Draft || after.Head != before.Head || after.Title != before.Title || after.Body != before.Body || len(after.Labels)+len(after.Comments) != 0 {
					t.Errorf("the fork's pull request was touched: %+v", after)
				}
				if r.cli.asked() != 1 {
					t.Errorf("%d sessions, want that of the ticket", r.cli.asked())
				}
			})
		})
	}
}

func TestAStrangersPullRequestKeepsNoTicketWaiting(t *testing.T) {
	journey(t, nil, func(r *rig) {
		r.hub.AddPerson("ana", "MEMBER")
		r.forked("eve/parts", "everything", partFiles(1))
		first := r.ticket(1)
		r.implement()
		r.onBoard(first, "In Review")
		r.forked("ana/parts", "mine", partFiles(2))
		second := r.ticket(2)
		r.implement()
		r.onBoard(second, "Todo")
		row, err := r.store.Ticket(r.ctx, second)
		must(t, err)
		if !strings.HasPrefix(row.Refused, "overlaps ") {
			t.Errorf("#%d is refused as %q", second, row.Refused)
		}
	})
}
