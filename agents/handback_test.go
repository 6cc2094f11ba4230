package agents

import (
	"fmt"
	"strings"
	"testing"

	"lightsout/store"
)

// handBack is a person's /retry of a pull request that is theirs.
func (r *rig) handBack(ticket, pull int, head string) {
	r.t.Helper()
	must(r.t, r.store.Unpark(r.ctx, ticket, "asked by Ana"))
	must(r.t, r.store.Ask(r.ctx, store.Request{Key: fmt.Sprint("hand back ", r.store.Now()), Kind: store.RequestHandBack, Role: FixerRole, Ticket: ticket, Pull: pull, Head: head, ByID: ana, ByName: "Ana"}))
}

func TestABranchThatAPersonPushedToIsHandedBack(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.ready(1)
		theirs := r.push(pull, red)
		r.fix()
		r.stands(pull, store.Foreign, "a person pushed")
		r.handBack(ticket, pull, strings.Repeat("1", 40))
		r.fix()
		r.stands(pull, store.Foreign, "a person pushed")
		r.tells(1, store.RequestAnswered, pull, "has moved on")

		r.handBack(ticket, pull, theirs)
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		p := r.stands(pull, store.Ready, "")
		if _, err := r.git("merge-base", "--is-ancestor", theirs, p.Head); err != nil || p.Head == theirs {
			t.Errorf("the repair %.7s is not on what the person pushed: %v", p.Head, err)
		}
		r.tells(1, store.RequestAnswered, pull, "is the factory's again")
	})
}

func TestAPersonsPushMidRepairIsHandedBackAndRepaired(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		r.savedTickets()
		var theirs string
		r.cli.next(meanwhile(func() { theirs = r.push(pull, map[string]string{"mine.txt": "mine\n"}) }, leaving(clean)))
		r.fix()
		r.parked(ticket, store.ForeignPush)
		r.shows(pull, false, "⏸ The Fixer came to no repair, attempt 1 of 3: foreign push")
		r.handBack(ticket, pull, "")
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		p := r.stands(pull, store.Ready, "")
		if _, err := r.git("merge-base", "--is-ancestor", theirs, p.Head); err != nil || r.cli.asked() != 2 {
			t.Errorf("%d sessions; the repair is not on what the person pushed: %v", r.cli.asked(), err)
		}
	})
}

func TestAPullRequestThatAPersonTakesMidRepairIsLeftToThem(t *testing.T) {
	for name, row := range map[string]struct {
		take    func(*rig, int)
		verdict string
		back    func(*rig, int) // on GitHub, where /retry cannot do it
	}{
		"closed":     {func(r *rig, n int) { check(r.t, r.hub.CloseIssue("acme", n)) }, store.Closed, func(r *rig, n int) { check(r.t, r.hub.Reopen("acme", n)) }},
		"retargeted": {func(r *rig, n int) { check(r.t, r.hub.Retarget("acme", n, "release")) }, store.Foreign, func(r *rig, n int) { check(r.t, r.hub.Retarget("acme", n, "main")) }},
		"a draft": {func(r *rig, n int) {
			pr, err := r.factory.Forge.PullRequest(r.ctx, n)
			check(r.t, err)
			check(r.t, r.factory.Forge.ConvertToDraft(r.ctx, pr))
		}, store.Draft, nil},
	} {
		if !everything && row.verdict != store.Draft {
			continue
		}
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				r.pushTo("release", map[string]string{"notes.txt": "of the release\n"})
				ticket, pull := r.given(1, red)
				r.savedTickets()
				before, _ := r.hub.Pull(pull)
				r.cli.next(meanwhile(func() { row.take(r, pull) }, leaving(clean)))
				r.fix()
				r.fix()
				r.stands(pull, row.verdict, "")
				r.parked(ticket, "pull request taken")
				if shown, _ := r.hub.Pull(pull); shown.Head != before.Head || r.cli.asked() != 1 || r.pull(pull).Attempts != 0 {
					t.Errorf("head %.7s after %.7s, %d sessions, %d attempts", shown.Head, before.Head, r.cli.asked(), r.pull(pull).Attempts)
				}
				r.handBack(ticket, pull, before.Head)
				r.cli.next(leaving(clean))
				if row.back != nil {
					r.fix()
					r.stands(pull, row.verdict, "")
					row.back(r, pull)
				}
				r.fix()
				r.fix()
				r.stands(pull, store.Ready, "")
				if shown, _ := r.hub.Pull(pull); shown.Draft {
					t.Error("it is a draft still")
				}
			})
		})
	}
}
