package agents

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"lightsout/agents/forge"
	"lightsout/store"
)

// land merges one pull request. Everything is read again, past the cache, right before.
func (m *Merger) land(ctx context.Context, snap Snapshot, s Standing, g store.Grant) (Report, error) {
	number := s.Pull.Number
	if m.Settings.Observe {
		return m.wouldHave(ctx, s, "merge")
	}
	claim, leave, err := m.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: MergerRole}, updateLease)
	if errors.Is(err, store.ErrClaimed) {
		return Report{Said: fmt.Sprintf("#%d is being worked on", number)}, nil
	}
	if err != nil {
		return Report{}, err
	}
	defer leave()
	sha, err := m.merge(ctx, snap, s, g, claim)
	release := func(why string) error { return m.Store.Release(context.WithoutCancel(ctx), claim, why) }
	switch reason, refused := refusal(err); {
	case errors.Is(err, errNotNow):
		return Report{Said: fmt.Sprintf("#%d did not merge: %v", number, err)}, release("merge put off")
	case refused:
		// The world changed between the look and the merge, or GitHub has a rule of its own: nothing happened.
		return Report{Said: fmt.Sprintf("#%d did not merge: %s", number, reason)}, errors.Join(m.refuse(ctx, s, g, reason), release("merge refused"))
	case err != nil:
		return Report{}, errors.Join(fmt.Errorf("merge: %w", err), release("merge in doubt"))
	}
	merged, err := m.Forge.Fresh().PullRequest(ctx, number)
	if err != nil {
		return Report{}, errors.Join(err, release("merged")) // the next snapshot meets it as merged
	}
	_, err = m.Store.LandPull(ctx, number, func(p *store.Pull) {
		p.Verdict, p.Reason, p.MergedSHA, p.MergedBy, p.MergedAt = store.Landed, "", sha, g.ByName, merged.MergedAt
	}, m.mergedEvent(sha, g.ByName, s.Pull))
	return Report{Acted: true, Said: fmt.Sprintf("merged #%d as %.7s", number, sha)}, errors.Join(err, release("merged"))
}

// changed is met when a pull request was found to be no longer what may land: a person must hear of it.
type changed struct{ verdict Verdict }

func (c *changed) Error() string { return "it is " + c.verdict.Word + " by now" }

// errNotNow is met when the base moved between the look and the merge, and a later tick brings the branch up to date
// first; or when a person has just taken the approval back or paused the factory, and knows.
var (
	errNotNow    = errors.New("not now")
	errBaseMoved = fmt.Errorf("%w: the base has moved", errNotNow)
)

// refusal says, for a person, why a merge provably did not happen; refused is false for every other error.
func refusal(err error) (reason string, refused bool) {
	var answer *forge.Refused
	var other *changed
	switch {
	case errors.As(err, &other):
		return cmp.Or(other.verdict.Reason, other.Error()), true // in the words of the next tick, so that it is told once
	case errors.Is(err, forge.ErrHeadMoved):
		return "the branch moved between the last look and the merge, so what stands there is not what was approved", true
	case errors.As(err, &answer):
		return "GitHub will not merge it: " + answer.Message, true
	case errors.Is(err, forge.ErrNotMergeable):
		return err.Error(), true
	}
	return "", false
}

// merge asks GitHub for the merge of exactly the head that was judged, once, and reads back that it has happened.
func (m *Merger) merge(ctx context.Context, snap Snapshot, s Standing, g store.Grant, claim store.Claim) (string, error) {
	number, head := s.Pull.Number, s.Facts.PR.Head
	key := fmt.Sprintf("merge #%d %s approval %d", number, head, g.ID)
	sha, err := m.once(ctx, deed{key: key, kind: mergeKind, claim: &claim, detail: g.ByName,
		find: func(ctx context.Context) (string, bool, error) {
			pr, err := m.Forge.Fresh().PullRequest(ctx, number)
			return pr.MergeSHA, pr.Merged, err
		},
		do: func(ctx context.Context) (string, error) {
			if err := m.lookAgain(ctx, snap, s, g); err != nil {
				return "", err
			}
			if _, err := m.Forge.Merge(ctx, number, forge.MergeRequest{SHA: head, Method: m.Settings.MergeMethod}); err != nil {
				return m.understand(ctx, snap, s, err)
			}
			pr, err := m.Forge.Fresh().PullRequest(ctx, number)
			if err == nil && (!pr.Merged || pr.MergeSHA == "") {
				err = &forge.Unreachable{Op: "read back the merge", Err: errors.New("the pull request does not say merged yet")}
			}
			return pr.MergeSHA, err
		}})
	if _, refused := refusal(err); refused || errors.Is(err, errNotNow) {
		return "", errors.Join(err, m.Store.Forget(ctx, key))
	}
	return sha, err
}

// understand looks what is behind a 405. The pull request may be merged already, at this very head, by a person or by a
// daemon that lost its claim to us: then it is what was wanted. Or the base has moved meanwhile, GitHub refuses what is out
// of date, and a later tick brings it up to date. Everything else a person must hear of.
func (m *Merger) understand(ctx context.Context, snap Snapshot, s Standing, refused error) (string, error) {
	if !errors.Is(refused, forge.ErrNotMergeable) {
		return "", refused
	}
	pr, err := m.Forge.Fresh().PullRequest(ctx, s.Pull.Number)
	if err == nil && pr.Merged && pr.Head == s.Facts.PR.Head {
		return pr.MergeSHA, nil
	}
	if base, err := m.Forge.Fresh().Branch(ctx, m.Settings.Base); err == nil && base != snap.BaseSHA {
		return "", errBaseMoved
	}
	return "", refused
}

// lookAgain reads everything that a merge depends on past the cache, at the moment of merging, and judges it anew: the
// base, which checks are required, the pull request with its checks and reviews, the approval, the pauses.
func (m *Merger) lookAgain(ctx context.Context, snap Snapshot, s Standing, g store.Grant) error {
	fresh := m.Forge.Fresh()
	current, _, err := m.survey(ctx, fresh)
	if err != nil {
		return err
	}
	if current.BaseSHA != snap.BaseSHA {
		return errBaseMoved
	}
	now, err := m.stand(ctx, fresh, current, s.Pull.Number)
	if err != nil {
		return err
	}
	grant, err := m.Store.Grant(ctx, s.Pull.Number)
	if errors.Is(err, store.ErrNotFound) || err == nil && grant.ID != g.ID {
		return fmt.Errorf("%w: the approval stands no more", errNotNow)
	}
	if err != nil {
		return err
	}
	pause, paused, err := m.Store.PausedFor(ctx, MergerRole)
	if err != nil {
		return err
	}
	if paused {
		return fmt.Errorf("%w: paused by %s", errNotNow, pause.ByName)
	}
	// The claim of this very landing is no session at work.
	if now.Verdict.Word != store.Approval || now.Facts.PR.Head != s.Facts.PR.Head {
		return &changed{now.Verdict}
	}
	return nil
}
