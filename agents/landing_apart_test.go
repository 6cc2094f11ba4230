package agents

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

func TestABranchThatMayNotBeDeletedKeepsNothingFromStaging(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.ready(1)
		r.approve(pull)
		_, err := r.git("config", "receive.denyDeletes", "true")
		must(t, err)
		r.land()
		r.land()
		if p := r.stands(pull, store.Landed, ""); p.Staging != stagingUp {
			t.Errorf("staging %q", p.Staging)
		}
		r.onBoard(ticket, "Done")
		r.does(0, "branch.delete", "")
		r.tells(1, store.Intake, pull, "does not let us delete it")
	})
}

func TestADeploymentThatCannotBeFollowedAnyMoreFails(t *testing.T) {
	for name, row := range map[string]struct {
		fault forgetest.Fault
		after time.Duration
	}{
		"its run was deleted":       {forgetest.Fault{Status: 404, Body: `{"message":"Not Found"}`}, 15 * time.Minute},
		"its run is not there yet":  {forgetest.Fault{Status: 404, Body: `{"message":"Not Found"}`, Times: 1}, time.Second},
		"it is never to be read":    {forgetest.Fault{Status: 500}, 2 * time.Hour},
		"it is not to be read once": {forgetest.Fault{Status: 500, Times: 3}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				_, pull := r.ready(1)
				r.approve(pull)
				f := row.fault
				f.Kind, f.Method, f.Path = forgetest.Status, http.MethodGet, `/actions/runs/\d+$`
				if f.Times == 0 {
					f.Times = -1
				}
				r.hub.Fault(f)
				for range 3 {
					if _, err := (&Merger{r.factory}).Run(r.ctx); err != nil {
						t.Logf("the tick: %v", err)
					}
					virtualWait(row.after)
				}
				r.settle()
				want := stagingFailed
				if f.Times > 0 {
					want = stagingUp
				}
				if p := r.pull(pull); p.Staging != want {
					t.Errorf("staging %q, want %q", p.Staging, want)
				}
			})
		})
	}
}

func TestWhyAnApprovedPullRequestDoesNotLandIsSaidOnceHoweverLongItLasts(t *testing.T) {
	t.Run("CI never begins", func(t *testing.T) {
		journey(t, nil, func(r *rig) {
			_, pull := r.ready(1)
			r.approve(pull)
			r.wire.show(func(q *http.Request, b []byte) []byte {
				if strings.HasSuffix(q.URL.Path, "/check-runs") {
					return []byte(`{"total_count":0,"check_runs":[]}`)
				}
				return b
			})
			for range 12 {
				r.land()
				virtualWait(13 * time.Minute)
			}
			r.tells(1, store.MergeRefused, pull, "is CI set up for main?")
			r.tells(1, store.MergeRefused, pull, "")
		})
	})
	t.Run("it cannot be read", func(t *testing.T) {
		journey(t, nil, func(r *rig) {
			_, pull := r.ready(1)
			r.approve(pull)
			for k := range 4 {
				lift := r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: http.MethodGet, Path: fmt.Sprintf("/pulls/%d$", pull), Times: -1, Status: 500 + k, Body: `{"message":"try ` + strings.Repeat("again ", k) + `"}`})
				r.land()
				lift()
			}
			r.tells(1, store.MergeRefused, pull, "could not be read")
			r.tells(1, store.MergeRefused, pull, "")
		})
	})
}

func TestAnUpdateThatGitHubRefusesIsToldOnceAndLetsTheOthersLand(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, first := r.ready(1)
		_, second := r.ready(2)
		r.approve(first)
		r.approve(second)
		r.baseMoves("one")
		path := fmt.Sprintf("/pulls/%d/update-branch$", first)
		r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Path: path, Status: 403, Times: -1,
			Body: `{"message":"refusing to allow a Personal Access Token to create or update workflow without workflow scope"}`})
		for range 5 {
			r.land()
		}
		r.stands(second, store.Landed, "")
		r.stands(first, store.Landing, "")
		r.tells(1, store.Intake, first, "without workflow scope")
	})
}
