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

// Merger lands what a person approved, one after the other, and stays with each until staging has it.
type Merger struct{ *Factory }

// landingLease is how long landing one pull request may hold its ticket: a handful of requests to GitHub.
const landingLease = 5 * time.Minute

// updatePatience is how long GitHub may take to bring a branch up to date after it has said yes.
const updatePatience = 10 * time.Minute

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
	// What cannot be undone is decided on what GitHub says now, not on what it said before.
	snap, err := m.snapshot(ctx, m.Forge.Fresh())
	if err != nil {
		return Report{}, err
	}
	report, err := m.landNext(ctx, snap)
	if err != nil {
		return report, err
	}
	followed, err := m.followAll(ctx)
	if report.Said == "" {
		report.Said = "nothing approved waits to land"
	}
	report.Acted = report.Acted || followed
	return report, err
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
// landing moves the base under the others, and each update restarts a CI.
func (m *Merger) landNext(ctx context.Context, snap Snapshot) (Report, error) {
	grants, err := m.Store.Grants(ctx)
	if err != nil {
		return Report{}, err
	}
	var said string
	for _, g := range grants {
		i := slices.IndexFunc(snap.Standings, func(s Standing) bool { return s.Pull.Number == g.Pull })
		if i < 0 {
			continue // merged or closed: followAll and the snapshot have told
		}
		s := snap.Standings[i]
		switch s.Verdict.Word {
		case store.Approval:
			return m.land(ctx, s, g)
		case store.Landing:
			return m.catchUp(ctx, snap, s)
		}
		if err := m.refuse(ctx, s); err != nil {
			return Report{}, err
		}
		said = fmt.Sprintf("#%d is approved and cannot land yet: %s", g.Pull, s.Verdict.Reason)
		if s.Verdict.Word == store.Waiting && s.Facts.Current {
			// It was brought up to date and its CI runs: updating another one now would only have to be done again.
			return Report{Said: said}, nil
		}
	}
	return Report{Said: said}, nil
}

// refuse tells, once for each reason, why an approved pull request does not land. Waiting for CI is no refusal.
func (m *Merger) refuse(ctx context.Context, s Standing) error {
	if s.Verdict.Word == store.Waiting || s.Verdict.Word == store.Running {
		return nil
	}
	_, err := m.Store.RecordChange(ctx, store.Event{Kind: store.MergeRefused, Pull: s.Pull.Number, Ticket: s.Pull.Ticket,
		Data: map[string]string{"reason": s.Verdict.Reason, "head": s.Pull.Head}})
	return err
}

// catchUp brings the base into an approved branch. CI starts again on the new head; a later tick lands it.
func (m *Merger) catchUp(ctx context.Context, snap Snapshot, s Standing) (Report, error) {
	said := fmt.Sprintf("updating #%d from %s", s.Pull.Number, m.Settings.Base)
	if m.Settings.Observe {
		return Report{Said: "would be " + said}, nil
	}
	claim, leave, err := m.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: MergerRole}, landingLease)
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
	if err := m.settleDoubts(ctx, s.Pull.Ticket, head, key, updateKind); err != nil {
		return Report{}, err
	}
	_, err = m.once(ctx, deed{key: key, kind: updateKind, claim: &claim,
		find: func(ctx context.Context) (string, bool, error) {
			pr, err := m.Forge.Fresh().PullRequest(ctx, s.Pull.Number)
			return pr.Head, pr.Head != head, err
		},
		do: func(ctx context.Context) (string, error) {
			// GitHub does it some time after it has said yes: the new head is met at a later tick.
			return head, m.Forge.UpdateBranch(ctx, s.Pull.Number, head)
		}})
	release := m.Store.Release(context.WithoutCancel(ctx), claim, "updated from the base")
	if errors.Is(err, forge.ErrHeadMoved) {
		return Report{Said: said + ": it moved meanwhile"}, release
	}
	return Report{Acted: true, Said: said}, errors.Join(err, release)
}

// land merges one pull request whose every condition held in this tick's fresh reading.
func (m *Merger) land(ctx context.Context, s Standing, g store.Grant) (Report, error) {
	number, head := s.Pull.Number, s.Facts.PR.Head
	said := fmt.Sprintf("merging #%d", number)
	if m.Settings.Observe {
		return Report{Said: "would be " + said}, nil
	}
	claim, leave, err := m.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: MergerRole}, landingLease)
	if errors.Is(err, store.ErrClaimed) {
		return Report{Said: fmt.Sprintf("#%d is being worked on", number)}, nil
	}
	if err != nil {
		return Report{}, err
	}
	defer leave()
	sha, err := m.merge(ctx, s, g, claim)
	release := func(why string) error { return m.Store.Release(context.WithoutCancel(ctx), claim, why) }
	switch {
	case errors.Is(err, forge.ErrHeadMoved), errors.Is(err, forge.ErrNotMergeable), errors.Is(err, errChangedMind):
		// The world changed between the look and the merge, and GitHub or the store refused: nothing happened.
		_, tell := m.Store.RecordChange(ctx, store.Event{Kind: store.MergeRefused, Pull: number, Ticket: s.Pull.Ticket,
			Data: map[string]string{"reason": err.Error(), "head": head}})
		return Report{Said: fmt.Sprintf("#%d did not merge: %v", number, err)}, errors.Join(tell, release("merge refused"))
	case err != nil:
		return Report{}, errors.Join(fmt.Errorf("merge #%d: %w", number, err), release("merge in doubt"))
	}
	_, err = m.Store.UpdatePull(ctx, number, func(p *store.Pull) {
		p.Verdict, p.Reason, p.MergedSHA, p.MergedBy, p.MergedAt = store.Landed, "", sha, g.ByName, m.Store.Now()
	}, m.mergedEvent(sha, g.ByName, s.Pull))
	return Report{Acted: true, Said: fmt.Sprintf("merged #%d as %.7s", number, sha)}, errors.Join(err, release("merged"))
}

// errChangedMind is met when a person withdrew the approval, or paused, between the look and the merge.
var errChangedMind = errors.New("the approval was withdrawn or the factory was paused at the last moment")

func (m *Merger) merge(ctx context.Context, s Standing, g store.Grant, claim store.Claim) (string, error) {
	number, head := s.Pull.Number, s.Facts.PR.Head
	key := fmt.Sprintf("merge #%d %s approval %d", number, head, g.ID)
	sha, err := m.once(ctx, deed{key: key, kind: mergeKind, claim: &claim, detail: g.ByName,
		find: func(ctx context.Context) (string, bool, error) {
			pr, err := m.Forge.Fresh().PullRequest(ctx, number)
			return pr.MergeSHA, pr.Merged, err
		},
		do: func(ctx context.Context) (string, error) {
			if now, err := m.Store.Grant(ctx, number); err != nil || now.ID != g.ID {
				return "", errChangedMind
			}
			if _, paused, err := m.Store.PausedFor(ctx, MergerRole); err != nil || paused {
				return "", errors.Join(errChangedMind, err)
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
	if errors.Is(err, forge.ErrHeadMoved) || errors.Is(err, forge.ErrNotMergeable) || errors.Is(err, errChangedMind) {
		return "", errors.Join(err, m.Store.Forget(ctx, key))
	}
	return sha, err
}
