package agents

import (
	"strings"
	"testing"

	"lightsout/store"
)

func TestATicketGoesFromTheBoardToStaging(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.opened(1)
		r.onBoard(ticket, "In Review")
		shown, _ := r.hub.Pull(pull)
		for _, part := range []string{"## Why", "Closes " + ref(ticket)} {
			if !strings.Contains(shown.Body, part) {
				t.Errorf("the text lacks %q:\n%s", part, shown.Body)
			}
		}
		r.fix()
		r.stands(pull, store.Ready, "CI 1/1")
		r.tells(1, store.PullOpened, pull, "")
		r.tells(1, store.Heartbeat, 0, "All PRs green")

		r.land()
		r.does(0, "pull.merge", "")
		r.approve(pull)
		r.land()
		r.land() // staging ends after the tick that started it
		landed := r.stands(pull, store.Landed, "")
		if landed.MergedBy != "Ana" || landed.Staging != stagingUp {
			t.Errorf("merged by %q, staging %q", landed.MergedBy, landed.Staging)
		}
		r.onBoard(ticket, "Done")
		r.does(1, "branch.delete", "")
		if d := r.hub.Deployments(); len(d) != 1 || d[0].SHA != landed.MergedSHA {
			t.Errorf("deployed %v, want %s once", d, landed.MergedSHA)
		}
		r.tells(1, store.Merged, pull, "by:Ana")
		r.tells(1, store.Staged, pull, landed.MergedSHA)
		r.land()
		r.does(1, "dispatch", "")
	})
}
