package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lightsout/agents/forge"
	"lightsout/store"
)

// The kinds of effect that another step asks for by name.
const (
	pushKind    = "push"
	mergeKind   = "merge"
	updateKind  = "update from the base"
	commentKind = "comment"
	replyKind   = "reply"
)

// deed is one change of the world outside. Its key makes it happen once: it is logged before it is tried, looked for
// before it is repeated, and read back after.
type deed struct {
	key    string
	kind   string
	claim  *store.Claim // asked right before the deed; nil where no claim guards it
	detail string
	// patience is how long the world may take to show a deed that may have been done; until then it is not repeated. repeated
	// is called when it then is.
	patience time.Duration
	repeated func(context.Context) error
	// marked tells a deed that find recognises by what it carries, whoever did it and when: it is looked for before the
	// first try too, so that nothing is done twice when its row has been forgotten.
	marked bool
	// find asks the world whether the deed has happened already, and with what result.
	find func(context.Context) (result string, done bool, err error)
	// do changes the world and returns what it read back.
	do func(context.Context) (result string, err error)
}

// errNotYet is met when a deed was asked for and cannot be seen yet: it is looked for again at the next tick.
var errNotYet = errors.New("not to be seen yet")

// once performs a deed, or finds that it has been performed, and returns its result. An error leaves it in doubt: the
// next attempt under the same key asks the world first.
func (f *Factory) once(ctx context.Context, d deed) (string, error) {
	e := store.Effect{Key: d.key, Kind: d.kind, Detail: d.detail}
	if d.claim != nil {
		e.Ticket, e.Generation = d.claim.Ticket, d.claim.Generation
	}
	standing, known, err := f.Store.Intend(ctx, e)
	if err != nil {
		return "", err
	}
	if standing.Done {
		return standing.Result, nil
	}
	if known || d.marked {
		result, done, err := d.find(ctx)
		if err != nil {
			return "", fmt.Errorf("%s: ask whether it has happened: %w", d.kind, err)
		}
		if done {
			return result, f.Store.Complete(ctx, d.key, result)
		}
		if waited := f.Store.Now().Sub(standing.IntendedAt); known && waited < d.patience {
			return "", fmt.Errorf("%s: asked for %s ago: %w", d.kind, waited.Round(time.Second), errNotYet)
		}
		if known && d.patience > 0 {
			if err := f.anew(ctx, d, e); err != nil {
				return "", err
			}
		}
	}
	if d.claim != nil {
		if err := f.Store.Holds(ctx, *d.claim); err != nil {
			return "", fmt.Errorf("%s: %w", d.kind, err)
		}
	}
	result, err := d.do(ctx)
	if err != nil && inDoubt(err) {
		// The answer was lost, not necessarily the deed: ask before giving up.
		if found, done, ask := d.find(ctx); ask == nil && done {
			result, err = found, nil
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", d.kind, err)
		if d.patience > 0 && !mayBeDone(err) {
			err = errors.Join(err, f.Store.Forget(ctx, d.key)) // nothing to wait for
		}
		return "", err
	}
	return result, f.Store.Complete(ctx, d.key, result)
}

// anew begins a deed again that was waited for in vain; this time is waited for as long again.
func (f *Factory) anew(ctx context.Context, d deed, e store.Effect) error {
	if d.repeated != nil {
		if err := d.repeated(ctx); err != nil {
			return err
		}
	}
	if err := f.Store.Forget(ctx, d.key); err != nil {
		return err
	}
	_, _, err := f.Store.Intend(ctx, e)
	return err
}

// settleDoubts closes effects of the given kinds on a ticket that were left in doubt, once the world has shown what
// became of them: a merge whose answer was lost, when the pull request says merged. The effect with the key except is
// left as it is; "" excepts none.
func (f *Factory) settleDoubts(ctx context.Context, ticket int, result, except string, kinds ...string) error {
	doubts, err := f.Store.InDoubt(ctx)
	if err != nil {
		return err
	}
	for _, e := range doubts {
		if e.Ticket == ticket && e.Key != except && slices.Contains(kinds, e.Kind) {
			if err := f.Store.Complete(ctx, e.Key, result); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropDoubts forgets effects of the given kinds on a ticket's pull request that were left in doubt, once the world shows
// that nobody wants them any more. What is under way right now is left to whoever is at it.
func (f *Factory) dropDoubts(ctx context.Context, ticket int, kinds ...string) error {
	if ticket == 0 || f.desk.taken(ticket) {
		return nil
	}
	doubts, err := f.Store.InDoubt(ctx)
	if err != nil {
		return err
	}
	for _, e := range doubts {
		if e.Ticket == ticket && slices.Contains(kinds, e.Kind) {
			if err := f.Store.Forget(ctx, e.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropWords forgets comments and replies in doubt that nobody is at any more: the claim they belong to has ended, and the
// pull request may want them no more, since a person has it now. They are marked: who wants one again finds it.
func (f *Factory) dropWords(ctx context.Context) error {
	doubts, err := f.Store.InDoubt(ctx)
	if err != nil {
		return err
	}
	for _, e := range doubts {
		if e.Kind != commentKind && e.Kind != replyKind {
			continue
		}
		if e.Ticket != 0 && f.desk.taken(e.Ticket) {
			continue
		}
		if err := f.Store.Forget(ctx, e.Key); err != nil {
			return err
		}
	}
	return nil
}

// inDoubt tells errors after which the deed may have happened.
func inDoubt(err error) bool {
	var lost *forge.Unreachable
	return errors.As(err, &lost)
}

// mayBeDone is inDoubt less what can never have reached GitHub.
func mayBeDone(err error) bool {
	var lost *forge.Unreachable
	return errors.As(err, &lost) && lost.MayHaveCommitted
}
