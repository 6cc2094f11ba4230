package agents

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lightsout/agents/forge/forgetest"
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

// interruptions are how a write fails: the answer is lost, or the write was refused before it was done.
func interruptions() []forgetest.FaultKind {
	if everything {
		return []forgetest.FaultKind{forgetest.DropAfter, forgetest.Status}
	}
	return []forgetest.FaultKind{forgetest.DropAfter}
}

func TestAnInterruptionAtAnyWriteOfTheRoadIsMadeUpFor(t *testing.T) {
	for _, write := range []string{"project.move", "pull.create"} {
		for skip := range 2 {
			for _, kind := range interruptions() {
				if write == "pull.create" && skip > 0 || write == "project.move" && skip == 0 && !everything {
					continue // there is one pull request, and the first move has the least behind it
				}
				t.Run(fmt.Sprint(write, skip, " ", kind), func(t *testing.T) {
					journey(t, nil, func(r *rig) {
						ticket := r.ticket(1)
						r.hub.Fault(forgetest.Fault{Kind: kind, Write: write, Skip: skip})
						if _, err := (&Implementer{r.factory}).Run(r.ctx); err != nil {
							t.Logf("the interrupted tick: %v", err)
						}
						r.again()
						for range 2 {
							r.implement()
						}
						pull := r.pullOf(ticket)
						r.onBoard(ticket, "In Review")
						r.does(1, "pull.create", "")
						r.tells(1, store.PullOpened, pull, "")
						r.fix()
						r.stands(pull, store.Ready, "")
					})
				})
			}
		}
	}
}

func TestALimitOfGitHubStopsARoleAndSpendsNothing(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		r.hub.Fault(forgetest.Fault{Kind: forgetest.RateLimit, Path: "/pulls", RetryAfter: time.Minute})
		if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
			t.Error("a tick that was limited says that it went well")
		}
		if r.cli.asked() != 0 {
			t.Errorf("%d sessions", r.cli.asked())
		}
		virtualWait(2 * time.Minute)
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}
