package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/store"
)

// Recover puts an earlier life of the daemon to rest, once, before the first tick: processes that it left are ended by
// their marker, and runs that it left open are closed. It asks nothing of the network.
func (f *Factory) Recover(ctx context.Context, marker string) error {
	ended, err := process.EndMarked(ctx, marker)
	if err != nil {
		return fmt.Errorf("end what an earlier daemon left running: %w", err)
	}
	if ended > 0 {
		err := f.Store.Record(ctx, store.Event{Kind: store.LeftoverSessions, Data: map[string]string{"ended": fmt.Sprint(ended)}})
		if err != nil {
			return err
		}
	}
	if err := f.Store.RouseRefused(ctx, string(engine.Authentication)); err != nil {
		return err
	}
	runs, err := f.Store.Running(ctx)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if err := f.Store.EndRun(ctx, r.ID, "interrupted", "the daemon ended while it ran"); err != nil {
			return err
		}
	}
	return nil
}

// reconcile finishes or takes back what was claimed and not brought to an end: by a daemon that died, or by a tick of
// this one that met an error outside. Every role does it first; the claim's generation keeps two of them apart.
func (f *Factory) reconcile(ctx context.Context) error {
	if f.Settings.Observe {
		return nil
	}
	unreleased, err := f.Store.Unreleased(ctx)
	if err != nil {
		return err
	}
	for _, old := range unreleased {
		rested, err := f.recoverClaim(ctx, old)
		what := fmt.Sprintf("ticket #%d cannot be brought to rest", old.Ticket)
		switch {
		case err == nil && rested:
			err = f.Store.Settled(ctx, what)
		case err == nil:
		case ctx.Err() == nil && !f.stopsAll(err):
			// One ticket that resists must not keep the role from all the others.
			err = f.Store.Trouble(ctx, store.Problem{What: what, Reason: f.redact(err.Error()), Cure: "it is tried again at every tick; the others go on"})
		}
		if err != nil {
			return fmt.Errorf("reconcile ticket #%d: %w", old.Ticket, err)
		}
	}
	return f.dropWords(ctx)
}

// recoverClaim brings one to rest; rested is false while another role is at it.
func (f *Factory) recoverClaim(ctx context.Context, old store.Claim) (rested bool, err error) {
	if !f.desk.enter(old.Ticket) {
		return false, nil
	}
	defer f.desk.leave(old.Ticket)
	claim, err := f.Store.TakeOver(ctx, old, f.Instance, f.Settings.Lease)
	if errors.Is(err, store.ErrLost) {
		return true, nil // released by its holder since it was listed
	}
	if err != nil {
		return false, err
	}
	return true, f.finish(ctx, old, claim)
}

// finish ends what was begun under a claim, and gives the claim up.
func (f *Factory) finish(ctx context.Context, old, claim store.Claim) error {
	doubts, err := f.Store.InDoubt(ctx)
	if err != nil {
		return err
	}
	for _, e := range doubts {
		if e.Ticket == old.Ticket && e.Kind == publishKind {
			return f.finishPublication(ctx, e, claim)
		}
	}
	if old.Role == ImplementerRole {
		status, err := f.restingStatus(ctx, old.Ticket)
		if err != nil {
			return err
		}
		if err := f.move(ctx, old.Ticket, status); err != nil && !permanent(err) {
			return err
		}
	}
	return f.Store.Release(ctx, claim, "interrupted")
}

// finishPublication brings a proven change, whose way out was interrupted, to GitHub.
func (f *Factory) finishPublication(ctx context.Context, e store.Effect, claim store.Claim) error {
	var p publication
	if err := json.Unmarshal([]byte(e.Detail), &p); err != nil {
		return fmt.Errorf("read the publication %s: %w", e.Key, err)
	}
	_, err := f.publish(ctx, p, claim)
	var back *setback
	switch {
	case errors.As(err, &back) && p.Role == ImplementerRole:
		t, err := f.Store.Ticket(ctx, p.Ticket)
		if err != nil {
			return err
		}
		return f.giveBack(ctx, t, claim, back)
	case errors.As(err, &back):
		return f.Store.Release(ctx, claim, back.Error())
	case err != nil:
		return err
	}
	return f.Store.Release(ctx, claim, "published after an interruption")
}

// restingStatus is where a ticket belongs that nobody works on: In Review while a pull request for it is open.
func (f *Factory) restingStatus(ctx context.Context, ticket int) (string, error) {
	pulls, err := f.Store.Pulls(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range pulls {
		if p.Ticket == ticket && p.Verdict != store.GivenUp {
			return "In Review", nil
		}
	}
	return "Todo", nil
}
