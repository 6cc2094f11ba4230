package agents

import (
	"context"
	"errors"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/store"
)

func TestALeaseIsRenewedWhileItsSessionLives(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		held := 0
		r.cli.next(func(ctx context.Context, s engine.Session) (engine.Result, error) {
			for range 5 { // three times as long as the lease
				virtualWait(10 * time.Minute)
				claims, err := r.store.Claims(r.ctx)
				if check(t, err); len(claims) == 1 && claims[0].Ticket == ticket {
					held++
				}
				if _, err := r.store.Claim(r.ctx, store.Claim{Ticket: ticket, Role: FixerRole, Holder: "somebody else"}, time.Minute); !errors.Is(err, store.ErrClaimed) {
					t.Errorf("somebody else got the claim: %v", err)
				}
			}
			return leave(s, clean)
		})
		r.fix()
		if held != 5 || r.cli.asked() != 1 {
			t.Errorf("the claim was held at %d of 5 looks, by %d sessions", held, r.cli.asked())
		}
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

func TestASessionWhoseClaimWasLostChangesNothing(t *testing.T) {
	for name, wait := range map[string]time.Duration{"it ends before that is noticed": 0, "it works on": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				_, pull := r.given(1, red)
				before, _ := r.hub.Pull(pull)
				ended := false
				r.cli.next(func(ctx context.Context, s engine.Session) (engine.Result, error) {
					claims, err := r.store.Claims(r.ctx)
					must(t, err)
					_, err = r.store.TakeOver(r.ctx, claims[0], "a second daemon", time.Minute)
					must(t, err)
					if wait > 0 {
						select {
						case <-ctx.Done():
							ended = true
						case <-time.After(wait):
						}
					}
					return leave(s, clean)
				})
				if report, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
					t.Errorf("the tick says that it went well: %s", report.Said)
				}
				r.settle()
				if after, _ := r.hub.Pull(pull); after.Head != before.Head || ended != (wait > 0) {
					t.Errorf("the head is %.7s, it was %.7s; the session was ended: %v", after.Head, before.Head, ended)
				}
				r.cli.next(leaving(clean)) // whoever has it by now begins anew, or ends what is proven
				r.fix()
				r.fix()
				r.stands(pull, store.Ready, "")
			})
		})
	}
}
