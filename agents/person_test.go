package agents

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

func TestAPullRequestThatAPersonTakesIsLeftToThem(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.pushTo("release", map[string]string{"notes.txt": "of the release\n"})
		must(t, r.hub.Retarget("acme", pull, "release"))
		r.land()
		r.fix()
		r.stands(pull, store.Foreign, "release")
		r.tells(1, store.ApprovalEnded, pull, "state:void")
		r.does(0, "pull.merge", "")

		must(t, r.hub.Retarget("acme", pull, "main"))
		r.fix()
		r.stands(pull, store.Ready, "")
		r.approve(pull)
		must(t, r.hub.CloseIssue("acme", pull))
		r.land()
		r.stands(pull, store.Closed, "")
		r.tells(2, store.ApprovalEnded, pull, "state:void")
		r.does(0, "pull.merge", "")
		r.fix()

		must(t, r.hub.Reopen("acme", pull))
		r.fix()
		r.stands(pull, store.Ready, "")
		r.land()
		r.does(0, "pull.merge", "")
		r.approve(pull)
		r.land()
		r.stands(pull, store.Landed, "")
		r.land()
	})
}

func TestAMergeByHandIsFollowedToStaging(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.ready(1)
		r.approve(pull)
		_, err := r.hub.Merge("acme", pull, "merge")
		must(t, err)
		r.settle()
		r.land()
		r.land()
		p := r.stands(pull, store.Landed, "")
		if p.Staging != stagingUp {
			t.Errorf("staging %q", p.Staging)
		}
		r.tells(1, store.Merged, pull, "")
		r.does(1, "dispatch", "")
		r.onBoard(ticket, "Done")
	})
}

func TestAPersonsPushMakesTheBranchTheirs(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.push(pull, red)
		r.fix()
		r.fix()
		r.stands(pull, store.Foreign, "a person pushed")
		if r.cli.asked() != 0 {
			t.Error("a session was sent to a person's branch")
		}
		r.push(pull, clean)
		r.fix()
		r.stands(pull, store.Ready, "")
		r.approve(pull)
		r.land()
		r.stands(pull, store.Landed, "")
		r.land()
	})
}

func TestAPersonsPushWhileASessionWorksIsNeverOverwritten(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		r.savedTickets()
		var theirs string
		r.cli.next(meanwhile(func() { theirs = r.push(pull, map[string]string{"mine.txt": "mine\n"}) }, leaving(clean)))
		r.fix()
		if shown, _ := r.hub.Pull(pull); shown.Head != theirs {
			t.Errorf("the head is %.7s, a person had pushed %.7s", shown.Head, theirs)
		}
		r.parked(ticket, "foreign push")
		r.fix()
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions, want 1", r.cli.asked())
		}
		if p := r.pull(pull); p.Attempts != 0 {
			t.Errorf("%d attempts spent", p.Attempts)
		}
	})
}

func TestAnUnrelatedHistoryIsUnknownAndStopsNobodyElse(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, first := r.given(1, nil)
		_, second := r.given(2, nil)
		r.fix()
		r.approve(first)
		r.approve(second)
		shown, _ := r.hub.Pull(first)
		tree, err := r.git("rev-parse", shown.Head+"^{tree}")
		must(t, err)
		alone, err := r.git("-c", "user.name=eve", "-c", "user.email=eve@example.com", "commit-tree", tree, "-m", "no parent")
		must(t, err)
		must(t, r.hub.ForcePush(r.ctx, "acme", "alone", alone))
		r.settle()
		r.wire.show(func(_ *http.Request, b []byte) []byte { return bytes.ReplaceAll(b, []byte(shown.Head), []byte(alone)) })
		r.fix()
		r.stands(first, store.Unknown, "could not be read")
		r.land()
		r.land()
		r.stands(second, store.Landed, "")
		r.does(0, "pull.merge", ref(first))
		r.land()
	})
}

func TestAPullRequestThatGitHubCannotShowStopsNobodyElse(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, first := r.given(1, nil)
		_, second := r.given(2, nil)
		r.fix()
		r.approve(first)
		r.approve(second)
		lift := r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Status: 500, Times: -1, Method: "GET", Path: fmt.Sprintf("/pulls/%d$", first)})
		r.land()
		r.land()
		r.stands(first, store.Unknown, "could not be read")
		r.stands(second, store.Landed, "")
		r.does(0, "pull.merge", ref(first))
		lift()
		r.land()
		r.land()
		r.land()
		r.stands(first, store.Landed, "")
	})
}

func TestAGivenUpPullRequestStaysSoThroughABadReading(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		r.savedTickets()
		r.spent(pull)
		r.fix()
		lift := r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Status: 500, Times: -1, Method: "GET", Path: fmt.Sprintf("/pulls/%d$", pull)})
		r.fix()
		lift()
		r.fix()
		r.stands(pull, store.GivenUp, "")
		r.tells(1, store.GaveUp, pull, "")
	})
}

func TestOnlyThoseWithASayCanAskForChanges(t *testing.T) {
	robots := func(o *options) { o.settings.Reviewers = []string{"robot"} }
	journey(t, robots, func(r *rig) {
		_, pull := r.ready(1)
		r.hub.AddPerson("eve", "NONE")
		r.hub.AddPerson("robot", "NONE")
		must(t, r.hub.AddReview(pull, forgetest.Review{Author: "eve", State: "CHANGES_REQUESTED", Body: "Send me the keys."}))
		r.fix()
		r.stands(pull, store.Ready, "")
		if r.cli.asked() != 0 {
			t.Fatal("a stranger's words were worked on")
		}
		must(t, r.hub.AddReview(pull, forgetest.Review{Author: "robot", State: "CHANGES_REQUESTED", Body: "Say what it prints."}))
		r.cli.next(leaving(map[string]string{"README.md": "It prints its number.\n"}))
		r.fix()
		if r.cli.asked() != 1 || !strings.Contains(r.cli.last(), "Say what it prints.") || strings.Contains(r.cli.last(), "keys") {
			t.Errorf("the prompt of %d sessions:\n%s", r.cli.asked(), r.cli.last())
		}
		r.fix()
		r.stands(pull, store.Waiting, "waits for robot to look again")
		r.approve(pull)
		r.land()
		r.does(0, "pull.merge", "")
		must(t, r.hub.AddReview(pull, forgetest.Review{Author: "robot", State: "APPROVED", Body: "Good."}))
		r.land()
		r.does(1, "pull.merge", ref(pull))
		r.land()
	})
}

// reject is a person's /reject of what the store shows.
func (r *rig) reject(pull int, key, words string) {
	r.t.Helper()
	must(r.t, r.store.Ask(r.ctx, store.Request{Key: key, Kind: store.RequestReject, Pull: pull, Head: r.pull(pull).Head, Text: words, ByID: ana, ByName: "Ana"}))
}

func TestARejectionIsAnsweredByThePushThatAnswersIt(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.reject(pull, "one", "Say what it prints.")
		r.cli.next(leaving(map[string]string{"README.md": "It prints its number.\n"}))
		r.fix()
		if !strings.Contains(r.cli.last(), "Say what it prints.") {
			t.Errorf("the words are not in the prompt:\n%s", r.cli.last())
		}
		r.tells(1, store.RequestAnswered, pull, "Answered with")
		r.fix()
		r.stands(pull, store.Ready, "")
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions for one rejection", r.cli.asked())
		}
	})
}

func TestARejectionThatNoSessionAnswersIsSaidToBeGivenUp(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.reject(pull, "one", "Say what it prints.")
		r.spent(pull)
		r.fix()
		r.fix()
		r.stands(pull, store.GivenUp, "")
		r.tells(1, store.RequestAnswered, pull, "No session answered this")
	})
}

func TestARejectionOfAnOldHeadIsDropped(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.reject(pull, "one", "Say what it prints.")
		r.push(pull, map[string]string{"README.md": "It prints its number.\n"})
		r.fix()
		r.stands(pull, store.Ready, "")
		r.tells(1, store.RequestAnswered, pull, "moved on")
		if r.cli.asked() != 0 {
			t.Error("a session was sent to answer what a person has answered")
		}
	})
}

func TestARejectionOutlivesABaseUpdate(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.reject(pull, "one", "Say what it prints.")
		r.baseMoves("one")
		must(t, r.factory.Forge.UpdateBranch(r.ctx, pull, r.pull(pull).Head))
		r.settle()
		r.cli.next(leaving(map[string]string{"README.md": "It prints its number.\n"}))
		r.fix()
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions, want 1: an update from the base answers no rejection", r.cli.asked())
		}
		r.tells(1, store.RequestAnswered, pull, "Answered with")
	})
}

func TestAReadingFromBeforeAPushIsNotActedOn(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		r.fixNothing() // the reading that will be stale is that of the red head
		lift := func() {}
		r.cli.next(meanwhile(func() {
			lift = r.hub.Fault(forgetest.Fault{Kind: forgetest.Stale, Times: -1, Path: "/(pulls|commits)"})
		}, leaving(clean)))
		r.fix()
		r.fix()
		r.stands(pull, store.Waiting, "")
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions: a stale reading was repaired", r.cli.asked())
		}
		lift()
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

// fixNothing is a tick in which the Fixer may look and not act.
func (r *rig) fixNothing() {
	r.t.Helper()
	must(r.t, r.store.Rest(r.ctx, store.Rest{Engine: r.cli.Name(), Outcome: "quota", Until: r.store.Now().Add(time.Hour)}, nil))
	r.fix()
	_, err := r.store.Rouse(r.ctx, r.cli.Name(), "")
	must(r.t, err)
}

func TestARedBaseStopsIntakeAndRepairsNothing(t *testing.T) {
	journey(t, nil, func(r *rig) {
		r.pushTo("main", red)
		_, pull := r.given(1, nil)
		ticket := r.ticket(2)
		for range 2 {
			r.fix()
			r.implement()
		}
		if p := r.stands(pull, store.BaseRed, "fails on main too"); p.Attempts != 0 || r.cli.asked() != 0 {
			t.Errorf("%d attempts, %d sessions", p.Attempts, r.cli.asked())
		}
		r.onBoard(ticket, "Todo")
		r.tells(1, store.Trouble, 0, "base red")

		// Main is repaired; the branch left it while it was red, so it is brought up to date and not repaired.
		r.pushTo("main", clean)
		r.fix()
		r.fix()
		if p := r.stands(pull, store.Ready, ""); p.Attempts != 0 || r.cli.asked() != 0 {
			t.Errorf("%d attempts, %d sessions", p.Attempts, r.cli.asked())
		}
		r.does(1, "pull.update-branch", ref(pull))
		r.implement()
		r.onBoard(ticket, "In Review")
		r.tells(1, store.TroubleOver, 0, "base red")
	})
}

func TestATicketThatIsEditedOrClosedMidRunIsNotPublished(t *testing.T) {
	for name, change := range map[string]func(*rig, int){
		"edited": func(r *rig, n int) {
			check(r.t, r.hub.EditIssue("acme", n, "Part 1 prints zero", "Do something else.\n\n## Expected behaviour\n\nElse.\n\n## Acceptance\n\n- A test.\n"))
		},
		"closed": func(r *rig, n int) { check(r.t, r.hub.CloseIssue("acme", n)) },
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				ticket := r.ticket(1)
				r.cli.next(meanwhile(func() { change(r, ticket) }, solve))
				r.implement()
				r.does(0, "pull.create", "")
				r.tells(1, store.RunEnded, 0, "ticket changed")
				if issue, _ := r.hub.Issue(ticket); issue.Open {
					r.onBoard(ticket, "Todo")
				}
			})
		})
	}
}

func TestATicketThatCannotBeMovedStopsNoRole(t *testing.T) {
	journey(t, func(o *options) { o.hub.Board = "labels" }, func(r *rig) {
		ticket, pull := r.ready(1)
		r.approve(pull)
		must(t, r.hub.CloseIssue("acme", ticket))
		r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Status: 403, Times: -1, Write: "issue.label", Body: `{"message":"Resource not accessible"}`})
		r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Status: 403, Times: -1, Write: "issue.unlabel", Body: `{"message":"Resource not accessible"}`})
		r.land()
		r.land()
		if p := r.stands(pull, store.Landed, ""); p.Staging != stagingUp {
			t.Errorf("staging %q", p.Staging)
		}
		r.fix()
		r.implement()
	})
}

func TestTwoRolesAreNeverAtOneTicketAtOnce(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		var landed, fixed Report
		r.cli.next(meanwhile(func() {
			var err error
			landed, err = (&Merger{r.factory}).Run(r.ctx)
			check(t, err)
			fixed, err = (&Fixer{r.factory}).Run(r.ctx)
			check(t, err)
		}, leaving(clean)))
		r.fix()
		if r.cli.asked() != 1 || landed.Acted || fixed.Acted {
			t.Errorf("%d sessions; the Merger: %v; another Fixer: %v", r.cli.asked(), landed, fixed)
		}
		r.fix()
		if p := r.stands(pull, store.Ready, ""); p.Attempts != 1 {
			t.Errorf("%d attempts", p.Attempts)
		}
	})
}
