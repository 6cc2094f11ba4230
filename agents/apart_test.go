package agents

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

func TestATickThatCanRepairNothingReadsTheWorldOnce(t *testing.T) {
	journey(t, nil, func(r *rig) {
		for n := range 4 {
			r.given(n+1, red)
		}
		must(t, r.store.Rest(r.ctx, store.Rest{Engine: r.cli.Name(), Outcome: "quota", Until: r.store.Now().Add(time.Hour)}, nil))
		var listed atomic.Int32
		r.wire.beforeEach(func(q *http.Request) {
			if strings.HasSuffix(q.URL.Path, "/pulls") {
				listed.Add(1)
			}
		})
		r.fix()
		if n := listed.Load(); n != 1 {
			t.Errorf("the open pull requests were read %d times in one tick", n)
		}
	})
}

func TestAnotherDaemonIsToldOfOnceBesideOwnRepairs(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, theirs := r.given(1, red)
		_, ours := r.given(2, red)
		must(t, r.hub.AddComment("lightsout-bot", theirs, visibleClaim{Generation: 7, Holder: "elsewhere", Until: r.store.Now().Add(100 * time.Hour)}.mark()))
		_, err := r.factory.Forge.AddLabels(r.ctx, theirs, fixingLabel)
		must(t, err)
		r.cli.next(ending(engine.Result{Outcome: engine.Failed}), ending(engine.Result{Outcome: engine.Failed}), leaving(clean))
		for range 5 {
			r.fix()
		}
		r.stands(ours, store.Ready, "")
		r.tells(1, store.Trouble, 0, otherDaemon(theirs))
		r.tells(0, store.TroubleOver, 0, "another daemon")
		_, err = r.factory.Forge.AddLabels(r.ctx, ours, fixingLabel) // as an interrupted Fixer leaves it
		must(t, err)
		r.fix()
		if p, _ := r.hub.Pull(ours); len(p.Labels) != 0 {
			t.Errorf("#%d has the labels %q", ours, p.Labels)
		}
		must(t, r.hub.CloseIssue("acme", theirs))
		r.fix()
		r.tells(1, store.TroubleOver, 0, otherDaemon(theirs))
	})
}

func TestALogThatMayNotBeReadIsMadeDoWithout(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Path: `/jobs/\d+/logs$`, Status: 403, Body: `{"message":"Resource not accessible by personal access token"}`, Times: -1})
		r.fix() // nothing ties the failure to the change without a log: it is asked for once more
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

func TestAHandBackThatFailsKeepsNobodyFromTheirRepair(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, draft := r.ready(1)
		pr, err := r.factory.Forge.Fresh().PullRequest(r.ctx, draft)
		must(t, err)
		must(t, r.factory.Forge.ConvertToDraft(r.ctx, pr))
		_, broken := r.given(2, red)
		r.handBack(ticket, draft, pr.Head)
		lift := r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Write: "pull.ready", Times: -1})
		r.cli.next(leaving(clean))
		if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil || !strings.Contains(err.Error(), "take back "+ref(draft)) {
			t.Errorf("the tick ended with %v", err)
		}
		r.settle()
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions for %s", r.cli.asked(), ref(broken))
		}
		lift()
		r.fix()
		r.stands(draft, store.Ready, "")
		r.stands(broken, store.Ready, "")
	})
}

func TestAConflictIsSettledHoweverManyRepairsThereWere(t *testing.T) {
	for name, row := range map[string]struct {
		settles turn
		word    string
	}{
		"it is settled":             {leaving(partFiles(2)), store.Ready},
		"it cannot be settled: end": {ending(engine.Result{Outcome: engine.Failed}), store.GivenUp},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				_, pull := r.given(2, red)
				r.cli.next(leaving(clean))
				r.fix()
				r.fix()
				r.stands(pull, store.Ready, "")
				r.spent(pull)
				r.pushTo("main", map[string]string{"part2.sh": "part2() { echo 0; } # by hand\n"})
				r.cli.next(row.settles)
				for range 3 {
					r.fix()
				}
				r.stands(pull, row.word, "")
				if r.cli.asked() != 2 {
					t.Errorf("%d sessions, want the repair and one for the conflict", r.cli.asked())
				}
			})
		})
	}
}

func TestAnotherRunIsThatOfAllThatWereAskedFor(t *testing.T) {
	before := []forge.Check{{Name: "test", App: "actions", RunID: 1, WorkflowRunID: 10}, {Name: "lint", App: "actions", RunID: 2, WorkflowRunID: 20}}
	now := []forge.Check{{Name: "test", App: "actions", RunID: 3, WorkflowRunID: 10}, before[1]}
	if anotherRun(before, now) {
		t.Error("one of two workflows was left out")
	}
	now[1].State = forge.Pending
	if !anotherRun(before, now) {
		t.Error("both run again")
	}
}
