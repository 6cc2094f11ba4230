package agents

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// red is what a change carries that CI alone refuses; clean is its repair.
var (
	red   = map[string]string{redMark: "red\n"}
	clean = map[string]string{redMark: ""}
)

func TestARedCheckIsRepairedFromItsLog(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		before, _ := r.hub.Pull(pull)
		r.cli.next(leaving(clean))
		r.fix()
		if !strings.Contains(r.cli.last(), redMark+" must not be here") {
			t.Errorf("the failing log is not in the prompt:\n%s", r.cli.last())
		}
		r.fix()
		p := r.stands(pull, store.Ready, "CI 1/1")
		if p.Attempts != 1 || p.Head == before.Head || p.Pushed != p.Head {
			t.Errorf("attempts %d, head %.7s after %.7s, pushed %.7s", p.Attempts, p.Head, before.Head, p.Pushed)
		}
		r.onBoard(ticket, "In Review")
		r.tells(1, store.PullUpdated, pull, "")
		r.does(1, "pull.create", "")
	})
}

func TestARefusedProofGoesBackWithItsEvidence(t *testing.T) {
	journey(t, nil, func(r *rig) {
		r.cli.next(leaving(map[string]string{"part1.sh": "part1() { echo 1; }\n"})) // without a test
		ticket, pull := r.opened(1)
		if r.cli.asked() != 2 {
			t.Fatalf("%d sessions, want 2", r.cli.asked())
		}
		r.tells(1, store.ProofRefused, 0, "round:1")
		r.onBoard(ticket, "In Review")
		r.stands(pull, store.Waiting, "")
	})
}

func TestASessionWithoutAChangeParksItsTicket(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		idle := ending(engine.Result{Outcome: engine.Done})
		r.cli.next(idle, idle)
		r.implement()
		r.onBoard(ticket, "Todo")
		r.parked(ticket, "no change")
		r.implement()
		if r.cli.asked() != 2 {
			t.Errorf("%d sessions: a parked ticket was taken again", r.cli.asked())
		}
		r.does(0, "push", "lightsout/1-part-1-prints-zero")
	})
}

func TestAnExhaustedQuotaRestsTheEngineAndSpendsNoAttempt(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		spent := ending(engine.Result{Outcome: engine.Quota, Reason: "limit reached", ResetAt: time.Now().Add(2 * time.Hour)})
		r.cli.next(spent)
		r.fix()
		r.fix()
		if p := r.stands(pull, store.Red, ""); p.Attempts != 0 || r.cli.asked() != 1 {
			t.Errorf("%d attempts and %d sessions, want 0 and 1", p.Attempts, r.cli.asked())
		}
		ticket := r.ticket(2)
		if said := r.implement().Said; !strings.Contains(said, "rests until") {
			t.Errorf("the Implementer said %q", said)
		}
		r.onBoard(ticket, "Todo")
		r.tells(1, store.EngineRests, 0, "engine:script")

		virtualWait(3 * time.Hour)
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
		r.tells(1, store.EngineBack, 0, "engine:script")
	})
}

func TestACancelledRunIsParkedUntilAPersonAsks(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		r.cli.next(meanwhile(func() { r.cancelRunning() }, hanging))
		r.implement()
		r.onBoard(ticket, "Todo")
		r.parked(ticket, "cancelled by Ana")
		r.tells(1, store.RequestAnswered, 0, "Stopped run")
		r.implement()
		if r.cli.asked() != 1 {
			t.Fatal("a cancelled ticket was taken again")
		}
		must(t, r.store.Unpark(r.ctx, ticket, "asked by Ana"))
		r.implement()
		r.onBoard(ticket, "In Review")
	})
}

func TestACancelledRepairLeavesThePullRequestAlone(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		r.savedTickets()
		r.cli.next(meanwhile(func() { r.cancelRunning() }, hanging))
		r.fix()
		r.parked(ticket, "cancelled by Ana")
		r.fix()
		r.stands(pull, store.Parked, "cancelled by Ana")
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions, want 1", r.cli.asked())
		}
		must(t, r.store.Unpark(r.ctx, ticket, "asked by Ana"))
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

// cancelRunning is a person's /cancel of the run that goes on.
func (r *rig) cancelRunning() {
	runs, err := r.store.Running(r.ctx)
	check(r.t, err)
	for _, run := range runs {
		check(r.t, r.store.Ask(r.ctx, store.Request{Key: "cancel", Kind: store.RequestCancel, Ticket: run.Ticket, Run: run.ID, ByID: ana, ByName: "Ana"}))
	}
}

// savedTickets has the Implementer read the board, and nothing more.
func (r *rig) savedTickets() {
	r.t.Helper()
	_, err := (&Implementer{r.factory}).Rank(r.ctx)
	must(r.t, err)
}

// spendAll spends the three attempts on a red pull request.
func (r *rig) spendAll() {
	r.t.Helper()
	for range MaxAttempts {
		idle := ending(engine.Result{Outcome: engine.Failed, Reason: "exit status 1"})
		r.cli.next(idle)
		r.fix()
	}
}

// spent is a pull request whose attempts are spent already.
func (r *rig) spent(pull int) {
	r.t.Helper()
	_, err := r.store.UpdatePull(r.ctx, pull, func(p *store.Pull) { p.Attempts = MaxAttempts })
	must(r.t, err)
}

func TestThreeFailuresGoBackToTodoWithTheStory(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		r.savedTickets()
		r.spendAll()
		r.fix()
		r.fix()
		p := r.stands(pull, store.GivenUp, "")
		if p.Attempts != MaxAttempts || r.cli.asked() != MaxAttempts {
			t.Errorf("%d attempts, %d sessions", p.Attempts, r.cli.asked())
		}
		r.onBoard(ticket, "Todo")
		r.parked(ticket, "gave up on "+ref(pull))
		shown, _ := r.hub.Pull(pull)
		if !shown.Draft || !shown.Open || !slices.Equal(shown.Labels, []string{gaveUpLabel}) {
			t.Errorf("draft %v, open %v, labels %q", shown.Draft, shown.Open, shown.Labels)
		}
		r.shows(pull, false, fmt.Sprintf("🔴 The factory has given up on this after 3 attempts: failed: test. The story stands on %s; branch and logs are kept.", ref(ticket)))
		issue, _ := r.hub.Issue(ticket)
		if len(issue.Comments) != 1 || !strings.Contains(issue.Comments[0].Body, redMark+" must not be here") || strings.Count(issue.Comments[0].Body, "fixer") != MaxAttempts {
			t.Errorf("the story on the ticket: %v", issue.Comments)
		}
		r.tells(1, store.GaveUp, pull, "")
		r.implement()
		if r.cli.asked() != MaxAttempts {
			t.Error("a ticket that was given up was picked")
		}

		// A person asks for it: the branch and the pull request are gone on with, and the draft is ready again.
		must(t, r.store.Unpark(r.ctx, ticket, "asked by Ana"))
		r.cli.next(leaving(clean))
		r.implement()
		r.fix()
		if p := r.stands(pull, store.Ready, ""); p.Attempts != 0 {
			t.Errorf("%d attempts spent after a /retry", p.Attempts)
		}
		if shown, _ := r.hub.Pull(pull); shown.Draft || len(shown.Labels) != 0 {
			t.Errorf("draft %v, labels %q after a /retry", shown.Draft, shown.Labels)
		}
		r.does(1, "pull.create", "")
		r.onBoard(ticket, "In Review")
	})
}

func TestGivingUpIsFinishedAfterAnInterruptionAtAnyStep(t *testing.T) {
	for _, write := range []string{"issue.comment", "pull.draft", "project.move"} {
		for _, kind := range interruptions() {
			t.Run(write+" "+string(kind), func(t *testing.T) {
				journey(t, nil, func(r *rig) {
					ticket, pull := r.given(1, red)
					r.savedTickets()
					r.spent(pull)
					r.hub.Fault(forgetest.Fault{Kind: kind, Write: write})
					if _, err := (&Fixer{r.factory}).Run(r.ctx); err != nil {
						t.Logf("the interrupted tick: %v", err)
					}
					r.again()
					r.fix()
					r.fix()
					r.onBoard(ticket, "Todo")
					r.parked(ticket, "gave up")
					r.does(1, "issue.comment", ref(ticket))
					r.does(1, "issue.comment", ref(pull))
					r.tells(1, store.GaveUp, pull, "")
					if shown, _ := r.hub.Pull(pull); !shown.Draft {
						t.Error("it is no draft")
					}
					r.stands(pull, store.GivenUp, "")
				})
			})
		}
	}
}

func TestARepairMayNotWeakenWhatWasProven(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		before, err := r.git("show", "lightsout/1-part-1-prints-zero:tests/part1_test.sh")
		must(t, err)
		r.cli.next(leaving(map[string]string{redMark: "", "tests/part1_test.sh": ". ./part1.sh\npart1 >/dev/null\n"}), leaving(map[string]string{"tests/part1_test.sh": before + "\n"}))
		r.fix()
		if refused := r.told(store.ProofRefused, pull); len(refused) != 1 {
			t.Errorf("refused %v", refused)
		}
		shown, _ := r.hub.Pull(pull)
		if after, err := r.git("show", shown.Head+":tests/part1_test.sh"); err != nil || after != before {
			t.Errorf("the test became %q, %v", after, err)
		}
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}
