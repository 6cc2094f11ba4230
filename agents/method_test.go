package agents

import (
	"testing"

	"lightsout/store"
)

func TestSquashedAndRebasedPullRequestsLandOneAfterTheOther(t *testing.T) {
	for _, method := range []string{"squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			journey(t, func(o *options) { o.settings.MergeMethod = method }, func(r *rig) {
				var tickets, pulls []int
				for n := range 3 {
					ticket, pull := r.given(n+1, nil)
					tickets, pulls = append(tickets, ticket), append(pulls, pull)
				}
				r.push(pulls[2], map[string]string{"more.txt": "a second commit\n"})
				r.fix()
				for _, pull := range pulls {
					r.approve(pull)
				}
				for range 8 {
					r.land()
				}
				for k, pull := range pulls {
					p := r.stands(pull, store.Landed, "")
					if p.Staging != stagingUp || p.MergedBy != "Ana" {
						t.Errorf("#%d: merged by %q, staging %q", pull, p.MergedBy, p.Staging)
					}
					r.onBoard(tickets[k], "Done")
					landed, err := r.git("rev-parse", p.MergedSHA+"^{tree}")
					must(t, err)
					seen, err := r.git("rev-parse", p.Head+"^{tree}")
					must(t, err)
					if landed != seen {
						t.Errorf("#%d landed as a tree that CI has not seen", pull)
					}
				}
				r.does(3, "pull.merge", "")
				r.does(2, "pull.update-branch", "")
				r.does(3, "branch.delete", "")
				r.tells(0, store.ApprovalEnded, 0, "state:void")
				r.tells(0, store.MergeRefused, 0, "")
			})
		})
	}
}
