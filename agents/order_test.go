package agents

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lightsout/store"
)

func TestAPullRequestThatFreesATicketLandsBeforeAnOlderApproval(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, older := r.ready(1)
		_, freeing := r.ready(2)
		r.approve(older)
		r.approve(freeing)
		must(t, r.store.SaveTickets(r.ctx, []store.Ticket{{Number: 31, Title: "Part 2 is slow", Status: "Todo", Open: true, Refused: "overlaps #4 in part2.sh", Files: []string{"part2.sh"}}}))
		r.land()
		r.stands(freeing, store.Landed, "")
		r.does(0, "pull.merge", ref(older))
		r.tells(1, store.Intake, freeing, fmt.Sprintf("lands before #%d: it frees ticket #31", older))
		for range 3 {
			r.land()
		}
		r.stands(older, store.Landed, "")
	})
}

func TestApprovedPullRequestsLandInTheOrderThatSetsMostFree(t *testing.T) {
	start := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	approved := func(pull, minute int, files ...string) contender {
		return contender{Pull: pull, ApprovedAt: start.Add(time.Duration(minute) * time.Minute), Files: files}
	}
	flying := func(c contender) contender { c.InFlight = true; return c }
	repairing := func(c contender) contender { c.Repairs = []string{"test"}; return c }
	for _, row := range []struct {
		name     string
		approved []contender
		others   map[int][]string // open and not approved
		waiting  map[int][]string
		want     string
		reason   string // of the first
	}{
		{"nobody", nil, nil, nil, "", ""},
		{"the oldest approval first, whatever its number", []contender{approved(7, 2), approved(9, 1), approved(8, 3)}, nil, nil, "9 7 8", "the oldest approval"},
		{"approved at one moment: by number", []contender{approved(9, 1), approved(7, 1)}, nil, nil, "7 9", "the oldest approval"},
		{"one that frees a ticket before an older one", []contender{approved(7, 1, "a"), approved(8, 2, "b")}, nil, map[int][]string{31: {"b"}}, "8 7", "it frees ticket #31"},
		{"the one that frees more", []contender{approved(7, 1, "a"), approved(8, 2, "b")}, nil, map[int][]string{31: {"a"}, 32: {"b"}, 33: {"b"}}, "8 7", "it frees tickets #32, #33"},
		{"a ticket that waits for two is freed by neither", []contender{approved(7, 1, "a"), approved(8, 2, "b")}, nil, map[int][]string{31: {"a", "b"}}, "7 8", "the oldest approval"},
		{"a ticket that waits for an unapproved one too", []contender{approved(7, 1, "a"), approved(8, 2, "b")}, map[int][]string{6: {"b"}}, map[int][]string{31: {"b"}}, "8 7", "pull request #6 must be brought up to date with it"},
		{"one that an unapproved one must be brought up to date with", []contender{approved(7, 1, "a"), approved(8, 2, "b")}, map[int][]string{9: {"b", "c"}}, nil, "8 7", "pull request #9 must be brought up to date with it"},
		{"two that meet in a file hold each other up alike", []contender{approved(8, 2, "a"), approved(7, 1, "a")}, nil, nil, "7 8", "pull request #8 must"},
		{"one that meets two others before one that meets one", []contender{approved(7, 1, "a"), approved(8, 2, "b", "c"), approved(9, 3, "c")}, map[int][]string{6: {"b"}}, nil, "8 9 7", "pull requests #6, #9 must"},
		{"what repairs the base before all that waits", []contender{approved(7, 1, "a"), repairing(approved(8, 2, "b"))}, nil, map[int][]string{31: {"a"}}, "8 7", "it repairs test"},
		{"what is on its way is not overtaken", []contender{flying(approved(7, 2, "a")), repairing(approved(8, 1, "b")), approved(9, 0)}, nil, nil, "7 8 9", "it was brought up to date"},
		{"a ticket that wants other files changes nothing", []contender{approved(7, 1, "a"), approved(8, 2, "b")}, nil, map[int][]string{31: {"z"}}, "7 8", "the oldest approval"},
	} {
		open := map[int][]string{}
		for n, files := range row.others {
			open[n] = files
		}
		for _, c := range row.approved {
			open[c.Pull] = c.Files
		}
		order := landingOrder(queue{Approved: row.approved, Open: open, Waiting: row.waiting})
		var got []string
		for _, p := range order {
			got = append(got, fmt.Sprint(p.Pull))
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: order %v, want %s", row.name, got, row.want)
		}
		if len(order) > 0 && !strings.HasPrefix(order[0].Reason, row.reason) {
			t.Errorf("%s: #%d is first because %q, want %q", row.name, order[0].Pull, order[0].Reason, row.reason)
		}
	}
}
