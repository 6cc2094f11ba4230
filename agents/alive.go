package agents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"lightsout/agents/engine"
	"lightsout/store"
)

// cancelPoll is how often a run looks whether a person wants it ended.
const cancelPoll = 2 * time.Second

// keepAlive renews the claim while the work goes on, and ends the work when the run's time is over, the claim is lost
// or a person cancels it or pauses its role. release ends the watching and returns what ended the work early, if that did.
func (f *Factory) keepAlive(ctx context.Context, claim store.Claim, run store.Run) (kept context.Context, release func() error) {
	kept, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		limit := time.NewTimer(f.Settings.RunLimit)
		defer limit.Stop()
		poll := time.NewTicker(cancelPoll)
		defer poll.Stop()
		renewed := f.Store.Now()
		for {
			select {
			case <-kept.Done():
				return
			case <-limit.C:
				cancel(&setback{outcome: string(engine.Timeout), reason: "the run's " + f.Settings.RunLimit.String() + " are over", code: true})
				return
			case <-poll.C:
			}
			if err := cmp.Or(f.cancelled(kept, run), f.paused(kept, run)); err != nil {
				cancel(err)
				return
			}
			if now := f.Store.Now(); now.Sub(renewed) >= f.Settings.Lease/3 {
				if err := f.Store.Renew(kept, claim, f.Settings.Lease); err != nil {
					cancel(fmt.Errorf("renew the claim: %w", err))
					return
				}
				renewed = now
			}
		}
	}()
	return kept, func() error {
		cancel(nil)
		<-done
		if err := context.Cause(kept); !errors.Is(err, context.Canceled) {
			return err
		}
		if ctx.Err() != nil {
			return &setback{outcome: string(engine.Cancelled), reason: "the daemon stops"}
		}
		return nil
	}
}

// cancelled answers a /cancel of this run and returns it as a setback.
func (f *Factory) cancelled(ctx context.Context, run store.Run) error {
	requests, err := f.Store.Asked(ctx, store.RequestCancel)
	if err != nil {
		return err
	}
	for _, r := range requests {
		if r.Run != run.ID {
			continue
		}
		rest := fmt.Sprintf("ticket #%d goes back to Todo and is not picked until /retry %d", run.Ticket, run.Ticket)
		if run.Role == store.Prover {
			rest = fmt.Sprintf("#%d stands as it did, and its checks judge it", run.Pull)
		} else if run.Pull != 0 {
			rest = fmt.Sprintf("#%d is left alone until /retry %d", run.Pull, run.Pull)
		}
		if err := f.Store.Answer(ctx, r.ID, fmt.Sprintf("Stopped run %d; %s.", run.ID, rest)); err != nil {
			return err
		}
		return &setback{outcome: string(engine.Cancelled), reason: "cancelled by " + r.ByName, person: true}
	}
	return nil
}

// paused returns a pause of the run's role as a setback: nothing of it goes on under a pause, and after it the work does.
func (f *Factory) paused(ctx context.Context, run store.Run) error {
	pause, paused, err := f.Store.PausedFor(ctx, run.Role)
	if err != nil || !paused {
		return err
	}
	return &setback{outcome: string(engine.Cancelled), reason: "paused by " + pause.ByName}
}
