package agents

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lightsout/agents/forge"
	"lightsout/store"
)

// updatePatience is how long GitHub may take to bring a branch up to date after it has said yes.
const updatePatience = 10 * time.Minute

// updateLease is how long a handful of requests to GitHub about one pull request may hold its ticket.
const updateLease = 5 * time.Minute

// wouldHave tells, once, what would be done about a pull request if this were not observing only.
func (f *Factory) wouldHave(ctx context.Context, s Standing, what string) (Report, error) {
	reason := fmt.Sprintf("would %s (observing only)", what)
	_, err := f.Store.RecordChange(ctx, store.Event{Kind: store.Intake, Pull: s.Pull.Number, Ticket: s.Pull.Ticket, Data: map[string]string{"reason": reason}})
	return Report{Said: fmt.Sprintf("#%d: %s", s.Pull.Number, reason)}, err
}

// updateBranch has GitHub merge the base into a branch. CI starts again on the new head; a later tick meets it.
func (f *Factory) updateBranch(ctx context.Context, snap Snapshot, s Standing, role string) (Report, error) {
	said := fmt.Sprintf("updating #%d from %s", s.Pull.Number, f.Settings.Base)
	if f.Settings.Observe {
		return f.wouldHave(ctx, s, "update from "+f.Settings.Base)
	}
	claim, leave, err := f.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: role}, updateLease)
	if errors.Is(err, store.ErrClaimed) {
		return Report{Said: fmt.Sprintf("#%d is being worked on", s.Pull.Number)}, nil
	}
	if err != nil {
		return Report{}, err
	}
	defer leave()
	head := s.Facts.PR.Head
	// GitHub promises an update and makes it later. One that it has forgotten is asked for again after a while; asking
	// twice does no harm, since it names the head it is meant for.
	key := fmt.Sprintf("update #%d %s from %s at %d", s.Pull.Number, head, snap.BaseSHA, snap.At.Truncate(updatePatience).Unix())
	// Another update that is still in doubt belongs to a head or a base that is no more.
	err = f.settleDoubts(ctx, s.Pull.Ticket, head, key, updateKind)
	if err == nil {
		_, err = f.once(ctx, deed{key: key, kind: updateKind, claim: &claim,
			find: func(ctx context.Context) (string, bool, error) {
				pr, err := f.Forge.Fresh().PullRequest(ctx, s.Pull.Number)
				return pr.Head, pr.Head != head, err
			},
			do: func(ctx context.Context) (string, error) { return head, f.Forge.UpdateBranch(ctx, s.Pull.Number, head) }})
	}
	if err == nil {
		err = f.takeReceiptBack(ctx, s.Facts.PR, claim)
	}
	release := f.Store.Release(context.WithoutCancel(ctx), claim, "updated from the base")
	if errors.Is(err, forge.ErrHeadMoved) || errors.Is(err, forge.ErrNotMergeable) {
		return Report{Said: fmt.Sprintf("%s: %v", said, err)}, errors.Join(f.Store.Forget(ctx, key), release)
	}
	if err != nil && permanent(err) { // a right that is missing: told, and no reason for the role to rest, which others wait for
		reason := fmt.Sprintf("it cannot be brought up to date with %s: %s", f.Settings.Base, reasonOf(err))
		_, told := f.Store.RecordChange(ctx, store.Event{Kind: store.Intake, Pull: s.Pull.Number, Ticket: s.Pull.Ticket, Data: map[string]string{"reason": reason}})
		return Report{Said: fmt.Sprintf("#%d: %s", s.Pull.Number, reason)}, errors.Join(told, f.Store.Forget(ctx, key), release)
	}
	return Report{Acted: err == nil, Said: said}, errors.Join(err, release)
}

// takeReceiptBack says in a pull request's text that its receipt is of the head before. It is the same text however often it is done.
func (f *Factory) takeReceiptBack(ctx context.Context, pr forge.PullRequest, claim store.Claim) error {
	body := voidReceipt(pr.Body, f.Settings.Base)
	if body == pr.Body {
		return nil
	}
	if err := f.Store.Holds(ctx, claim); err != nil {
		return err
	}
	if _, err := f.Forge.EditPullRequest(ctx, pr.Number, forge.PullRequestEdit{Body: &body}); err != nil {
		return fmt.Errorf("take the receipt of #%d back: %w", pr.Number, err)
	}
	return nil
}
