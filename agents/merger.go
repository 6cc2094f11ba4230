package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"lightsout/agents/forge"
	"lightsout/store"
)

// Merger lands what a person approved, one after the other, and stays with each until staging has it.
type Merger struct{ *Factory }

// Run is one tick.
func (m *Merger) Run(ctx context.Context) (Report, error) {
	if pause, paused, err := m.Store.PausedFor(ctx, MergerRole); err != nil || paused {
		return Report{Said: "paused by " + pause.ByName}, err
	}
	if err := m.reconcile(ctx); err != nil {
		return Report{}, err
	}
	if idle, err := m.idle(ctx); err != nil || idle {
		return Report{Said: "no pull request is open"}, err
	}
	report := Report{Said: "nothing approved waits to land"}
	snap, err := m.snapshot(ctx, m.Forge)
	if err == nil {
		report, err = m.landNext(ctx, snap)
	}
	// What has merged is followed to staging whatever became of the others.
	followed, followErr := m.followAll(ctx)
	report.Acted = report.Acted || followed
	return report, errors.Join(err, followErr)
}

// idle tells whether the store knows of nothing that could land or be followed: then GitHub need not be asked.
func (m *Merger) idle(ctx context.Context) (bool, error) {
	open, err := m.Store.Pulls(ctx)
	if err != nil {
		return false, err
	}
	merged, err := m.Store.Unstaged(ctx)
	return len(open)+len(merged) == 0, err
}

// landNext works on the oldest approval that can go on. Only one pull request is landed or updated at a tick: each
// landing moves the base under the others, and each update restarts a CI. One that is refused lets the next go first.
func (m *Merger) landNext(ctx context.Context, snap Snapshot) (Report, error) {
	grants, err := m.Store.Grants(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Said: "nothing approved waits to land"}
	var failures []error
	for _, g := range grants {
		i := slices.IndexFunc(snap.Standings, func(s Standing) bool { return s.Pull.Number == g.Pull })
		if i < 0 {
			continue // merged or closed: the snapshot has told
		}
		next, hold, err := m.advance(ctx, snap, snap.Standings[i], g)
		if err != nil {
			failures = append(failures, fmt.Errorf("pull request #%d: %w", g.Pull, err))
			continue
		}
		report = next
		if hold || next.Acted {
			break
		}
	}
	return report, errors.Join(failures...)
}

// advance takes one approved pull request as far as it can go now. hold means that it is on its way, and that updating
// another one meanwhile would only have to be done again.
func (m *Merger) advance(ctx context.Context, snap Snapshot, s Standing, g store.Grant) (report Report, hold bool, err error) {
	switch s.Verdict.Word {
	case store.Approval:
		report, err = m.land(ctx, snap, s, g)
		return report, false, err
	case store.Landing:
		report, err = m.updateBranch(ctx, snap, s, MergerRole)
		return report, false, err
	}
	report.Said = fmt.Sprintf("#%d is approved and cannot land yet: %s", g.Pull, s.Verdict.Reason)
	onItsWay := s.Verdict.Word == store.Waiting && !s.Facts.overdue() || s.Verdict.Word == store.Running
	if onItsWay {
		return report, s.Facts.Current, nil
	}
	_, err = m.Store.RecordChange(ctx, store.Event{Kind: store.MergeRefused, Pull: s.Pull.Number, Ticket: s.Pull.Ticket,
		Data: map[string]string{"reason": s.Verdict.Reason, "approval": strconv.FormatInt(g.ID, 10)}})
	return report, false, err
}

// land merges one pull request. Everything is read again, past the cache, right before.
func (m *Merger) land(ctx context.Context, snap Snapshot, s Standing, g store.Grant) (Report, error) {
	number := s.Pull.Number
	if m.Settings.Observe {
		return Report{Said: fmt.Sprintf("would be merging #%d", number)}, nil
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
	switch {
	case errors.Is(err, forge.ErrHeadMoved), errors.Is(err, forge.ErrNotMergeable), errors.Is(err, errChanged):
		// The world changed between the look and the merge, and nothing happened.
		_, tell := m.Store.RecordChange(ctx, store.Event{Kind: store.MergeRefused, Pull: number, Ticket: s.Pull.Ticket,
			Data: map[string]string{"reason": err.Error(), "approval": strconv.FormatInt(g.ID, 10)}})
		return Report{Said: fmt.Sprintf("#%d did not merge: %v", number, err)}, errors.Join(tell, release("merge refused"))
	case errors.Is(err, errLater):
		return Report{Said: fmt.Sprintf("#%d merges later: %v", number, err)}, release("merge put off")
	case err != nil:
		return Report{}, errors.Join(fmt.Errorf("merge: %w", err), release("merge in doubt"))
	}
	merged, err := m.Forge.Fresh().PullRequest(ctx, number)
	if err != nil {
		return Report{}, errors.Join(err, release("merged")) // the next snapshot meets it as merged
	}
	_, err = m.Store.UpdatePull(ctx, number, func(p *store.Pull) {
		p.Verdict, p.Reason, p.MergedSHA, p.MergedBy, p.MergedAt = store.Landed, "", sha, g.ByName, merged.MergedAt
	}, m.mergedEvent(sha, g.ByName, s.Pull))
	return Report{Acted: true, Said: fmt.Sprintf("merged #%d as %.7s", number, sha)}, errors.Join(err, release("merged"))
}

// errChanged is met when what a person decided, or the pull request itself, changed between the look and the merge;
// errLater when the base did: a later tick brings the branch up to date first.
var (
	errChanged = errors.New("it was changed at the last moment")
	errLater   = errors.New("the base has moved")
)

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
				return "", err
			}
			pr, err := m.Forge.Fresh().PullRequest(ctx, number)
			if err == nil && !pr.Merged {
				err = &forge.Unreachable{Op: "read back the merge", Err: errors.New("the pull request does not say merged yet")}
			}
			return pr.MergeSHA, err
		}})
	if errors.Is(err, forge.ErrHeadMoved) || errors.Is(err, forge.ErrNotMergeable) || errors.Is(err, errChanged) || errors.Is(err, errLater) {
		return "", errors.Join(err, m.Store.Forget(ctx, key))
	}
	return sha, err
}

// lookAgain reads everything that a merge depends on past the cache, at the moment of merging, and judges it anew.
func (m *Merger) lookAgain(ctx context.Context, snap Snapshot, s Standing, g store.Grant) error {
	fresh := m.Forge.Fresh()
	base, err := fresh.Branch(ctx, m.Settings.Base)
	if err != nil {
		return err
	}
	if base != snap.BaseSHA {
		return errLater
	}
	now, err := m.stand(ctx, fresh, snap, s.Pull.Number)
	if err != nil {
		return err
	}
	// The claim of this very landing is no session at work.
	if now.Verdict.Word != store.Approval || now.Facts.PR.Head != s.Facts.PR.Head {
		return fmt.Errorf("%w: it is %s, %s", errChanged, now.Verdict.Word, now.Verdict.Reason)
	}
	if grant, err := m.Store.Grant(ctx, s.Pull.Number); errors.Is(err, store.ErrNotFound) || err == nil && grant.ID != g.ID {
		return fmt.Errorf("%w: the approval was withdrawn", errChanged)
	} else if err != nil {
		return err
	}
	if _, paused, err := m.Store.PausedFor(ctx, MergerRole); err != nil {
		return err
	} else if paused {
		return fmt.Errorf("%w: the factory was paused", errChanged)
	}
	return nil
}
