package agents

import (
	"fmt"
	"testing"
	"time"

	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// many is more than one page of anything that GitHub lists.
const many = 130

func TestWhatStandsBehindTheFirstPageCounts(t *testing.T) {
	journey(t, func(o *options) {
		o.settings.Reviewers = []string{robot}
		o.hub.Required = []string{"test", manual}
	}, func(r *rig) {
		r.hub.AddPerson("ana", "MEMBER")
		_, pull := r.given(1, nil)
		shown, _ := r.hub.Pull(pull)
		status := func(name, state string) { must(t, r.hub.SetStatus("acme", shown.Head, name, state, "")) }
		review := func(author, state, remark string) {
			said := forgetest.Review{Author: author, State: state, Body: "Hm."}
			if remark != "" {
				said.Comments = []forgetest.ReviewComment{{Path: "part1.sh", Line: 1, Body: remark}}
			}
			must(t, r.hub.AddReview(pull, said))
		}
		for n := range many {
			status(fmt.Sprintf("z%03d", n), "success")
			review("acme", "COMMENTED", fmt.Sprintf("remark %d", n))
			must(t, r.hub.AddComment("acme", pull, fmt.Sprintf("comment %d", n)))
		}
		status(manual, "success") // the newest
		r.fix()
		r.stands(pull, store.Ready, fmt.Sprintf("CI %d/%d", 2, 2))

		review("ana", "CHANGES_REQUESTED", "")
		r.fixNothing()
		r.stands(pull, store.Rejected, "ana")
		review("ana", "APPROVED", "")
		r.fix()
		r.stands(pull, store.Ready, "")

		review(robot, "COMMENTED", "the last one")
		r.fixNothing()
		r.stands(pull, store.Rejected, "the last one")

		must(t, r.hub.AddComment("lightsout-bot", pull, visibleClaim{Generation: 7, Holder: "elsewhere", Until: r.store.Now().Add(time.Hour)}.mark()))
		r.fix()
		if r.cli.asked() != 0 {
			t.Error("a claim behind the first page of comments was not seen")
		}
		r.tells(1, store.Trouble, 0, otherDaemon(pull))
	})
}

func TestManyOpenPullRequestsAreAllRead(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, first := r.given(1, nil)
		for n := range many {
			r.forked("eve/parts", fmt.Sprintf("patch-%d", n), map[string]string{fmt.Sprintf("eve%d.txt", n): "x\n"})
		}
		_, last := r.given(2, red)
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(first, store.Ready, "")
		r.stands(last, store.Ready, "")
	})
}
