package agents

import (
	"context"
	"fmt"
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

// conflictAfterAllRepairs is a pull request that is good after as many repairs as there may be, and then conflicts with main.
func (r *rig) conflictAfterAllRepairs() (pull int) {
	r.t.Helper()
	_, pull = r.given(2, red)
	r.cli.next(leaving(clean))
	r.fix()
	r.fix()
	r.stands(pull, store.Ready, "")
	r.spent(pull)
	r.pushTo("main", map[string]string{"part2.sh": "part2() { echo 0; } # by hand\n"})
	return pull
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
				pull := r.conflictAfterAllRepairs()
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

func TestAnInterruptedSettlementOfAConflictIsNotTheLastStraw(t *testing.T) {
	quota := func(context.Context, engine.Session) (engine.Result, error) {
		return engine.Result{Outcome: engine.Quota, Reason: "limit reached", ResetAt: time.Now().Add(2 * time.Hour)}, nil
	}
	for name, interrupt := range map[string]func(*rig) turn{
		"by a pause": func(r *rig) turn {
			return meanwhile(func() { must(r.t, r.store.Pause(r.ctx, FixerRole, noTime, "Ana")) }, hanging)
		},
		"by a quota":  func(*rig) turn { return quota },
		"by its time": func(*rig) turn { return ending(engine.Result{Outcome: engine.Timeout}) },
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				pull := r.conflictAfterAllRepairs()
				r.cli.next(interrupt(r))
				r.fix()
				_, err := r.store.Resume(r.ctx, FixerRole, "Ana")
				must(t, err)
				virtualWait(3 * time.Hour)
				r.cli.next(leaving(partFiles(2)))
				r.fix()
				r.fix()
				r.stands(pull, store.Ready, "")
			})
		})
	}
}

func TestAConflictThatWasPublishedLateDoesNotMakeTheNextOneTheLast(t *testing.T) {
	journey(t, nil, func(r *rig) {
		pull := r.conflictAfterAllRepairs()
		var lift func()
		r.cli.next(meanwhile(func() {
			lift = r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: http.MethodGet, Path: "/pulls/" + strings.TrimPrefix(ref(pull), "#") + "$", Times: -1})
		}, leaving(partFiles(2))))
		if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
			t.Fatal("published while GitHub did not answer")
		}
		lift()
		r.again()
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
		r.pushTo("main", map[string]string{"part2.sh": "part2() { echo 0; } # by hand again\n"})
		r.cli.next(leaving(partFiles(2)))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

func TestAHeadThatHoldsANewerBaseThanWasReadIsReadAgain(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		r.fixNothing()
		r.approve(pull)
		fixer := &Fixer{r.factory}
		snap, _, err := fixer.look(r.ctx)
		must(t, err)
		s := snap.Standings[0]
		r.pushTo("main", map[string]string{"notes.txt": "one\n"})
		must(t, r.factory.Forge.UpdateBranch(r.ctx, pull, s.Facts.PR.Head)) // as by a person's click
		r.settle()
		if _, err := fixer.mend(r.ctx, snap, s); err != nil {
			t.Fatal(err)
		}
		r.tells(0, store.ApprovalEnded, pull, "")
		if p := r.pull(pull); p.Verdict == store.Foreign {
			t.Errorf("it is said to be a person's: %s", p.Reason)
		}
		r.cli.next(leaving(clean))
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

func TestADeploymentInTheWorkflowThatTestsHidesNoRedBase(t *testing.T) {
	journey(t, nil, func(r *rig) {
		r.factory.Settings.Staging.Workflow = "ci.yml"
		r.pushTo("main", red)
		_, pull := r.given(1, nil)
		r.fixNothing()
		r.stands(pull, store.BaseRed, "")
	})
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

func TestABranchThatAPersonSetsBackIsSeenAsItStands(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		before, _ := r.hub.Pull(pull)
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
		r.approve(pull)
		must(t, r.hub.ForcePush(r.ctx, "acme", before.HeadRef, before.Head))
		r.settle()
		r.fix()
		r.stands(pull, store.Foreign, "a person pushed to the branch")
		r.tells(1, store.ApprovalEnded, pull, "state:void")
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions", r.cli.asked())
		}
	})
}

func TestATicketThatResistsIsToldOfOnceWhileAnotherRoleIsAtIt(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, _ := r.given(1, nil)
		claim, err := r.store.Claim(r.ctx, store.Claim{Ticket: ticket, Role: FixerRole, Holder: "a life before"}, time.Hour)
		must(t, err)
		unreadable := store.Effect{Key: "publish", Kind: publishKind, Ticket: ticket, Generation: claim.Generation, Detail: "{"}
		_, _, err = r.store.Intend(r.ctx, unreadable)
		must(t, err)
		r.fix()
		r.tells(1, store.Trouble, 0, "cannot be brought to rest")
		r.factory.desk.enter(ticket)
		r.fix()
		r.factory.desk.leave(ticket)
		r.tells(0, store.TroubleOver, 0, "")
		must(t, r.store.Forget(r.ctx, unreadable.Key))
		r.fix()
		r.tells(1, store.Trouble, 0, "cannot be brought to rest")
		r.tells(1, store.TroubleOver, 0, "cannot be brought to rest")
	})
}

func TestARepairThatCannotBeLookedAtAgainIsNotThrownAway(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		lift := func() {}
		r.cli.next(meanwhile(func() {
			lift = r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: http.MethodGet, Path: fmt.Sprintf("/pulls/%d$", pull), Status: 403, Body: `{"message":"Your IP address is not permitted"}`, Times: -1})
		}, leaving(clean)))
		if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
			t.Error("the tick says that it went well")
		}
		lift()
		r.fix()
		r.fix()
		if p := r.stands(pull, store.Ready, ""); p.Attempts != 1 || r.cli.asked() != 1 {
			t.Errorf("%d attempts, %d sessions", p.Attempts, r.cli.asked())
		}
	})
}

func TestAGivingUpThatAPersonComesBetweenLeavesNoDoubt(t *testing.T) {
	for name, takes := range map[string]func(*rig, int){
		"closes it":       func(r *rig, pull int) { must(r.t, r.hub.CloseIssue("acme", pull)) },
		"pushes to it":    func(r *rig, pull int) { r.push(pull, map[string]string{"mine.txt": "mine\n"}) },
		"merges it":       func(r *rig, pull int) { _, err := r.hub.Merge("acme", pull, "merge"); must(r.t, err) },
		"points it away":  func(r *rig, pull int) { r.pushTo("release", red); must(r.t, r.hub.Retarget("acme", pull, "release")) },
		"leaves it alone": func(*rig, int) {},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				_, pull := r.given(1, red)
				r.savedTickets()
				r.spent(pull)
				r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Write: "pull.draft"})
				if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
					t.Fatal("the giving up was not interrupted")
				}
				takes(r, pull)
				r.again()
				r.fix()
				r.land()
				r.land()
			}) // which holds that nothing is in doubt
		})
	}
}

func TestARenamedBaseMergesNothingAndIsNamed(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		main, err := r.git("rev-parse", "main")
		must(t, err)
		must(t, r.hub.ForcePush(r.ctx, "acme", "trunk", main)) // GitHub points the pull requests at the new name
		must(t, r.hub.Retarget("acme", pull, "trunk"))
		must(t, r.hub.DeleteBranch(r.ctx, "acme", "main"))
		for _, run := range []func(context.Context) (Report, error){(&Merger{r.factory}).Run, (&Fixer{r.factory}).Run, (&Implementer{r.factory}).Run} {
			if _, err := run(r.ctx); err == nil || !strings.Contains(err.Error(), "base main") {
				t.Errorf("the tick ended with %v", err)
			}
		}
		r.does(0, "pull.merge", "")
		if p, _ := r.hub.Pull(pull); !p.Open || len(p.Comments)+len(p.Labels) != 0 {
			t.Errorf("the pull request was touched: %+v", p)
		}
		r.factory.Settings.Base = "trunk" // a person has seen to it
		r.land()
		r.stands(pull, store.Landed, "")
		r.land()
	})
}

func TestAnOutageAtTheEndOfASessionCostsNoSession(t *testing.T) {
	for name, row := range map[string]struct {
		begin func(*rig) int
		run   func(*rig) error
	}{
		"of the Implementer's": {func(r *rig) int { return r.ticket(1) }, func(r *rig) error { _, err := (&Implementer{r.factory}).Run(r.ctx); return err }},
		"of the Fixer's": {func(r *rig) int { ticket, _ := r.given(1, red); return ticket },
			func(r *rig) error { _, err := (&Fixer{r.factory}).Run(r.ctx); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				ticket := row.begin(r)
				lift := func() {}
				work := partFiles(1)
				if name == "of the Fixer's" {
					work[redMark] = ""
				}
				r.cli.next(meanwhile(func() { lift = r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Times: -1}) }, leaving(work)))
				if err := row.run(r); err == nil {
					t.Error("the tick says that it went well")
				}
				lift()
				r.settle()
				r.again()
				must(t, row.run(r))
				r.settle()
				r.fix()
				r.stands(r.pullOf(ticket), store.Ready, "")
				if r.cli.asked() != 1 {
					t.Errorf("%d sessions", r.cli.asked())
				}
				r.onBoard(ticket, "In Review")
			})
		})
	}
}

func TestAPullRequestWhoseTicketIsGoneIsLeftToAPerson(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		r.savedTickets()
		r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: http.MethodGet, Path: fmt.Sprintf("/issues/%d$", ticket), Status: 410, Body: `{"message":"This issue was deleted"}`, Times: -1})
		for range 3 {
			r.fix()
		}
		r.stands(pull, store.Parked, "its ticket #1 is gone")
		r.parked(ticket, "is gone")
		if p := r.pull(pull); p.Attempts != 0 || r.cli.asked() != 0 {
			t.Errorf("%d attempts, %d sessions", p.Attempts, r.cli.asked())
		}
	})
}
