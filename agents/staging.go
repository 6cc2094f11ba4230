package agents

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// The states of a merged pull request's staging deployment.
const (
	stagingStarted = "started"
	stagingUp      = "up"
	stagingFailed  = "failed"
	stagingNone    = "none" // no staging is configured
)

// followAll brings every merged pull request to its end: approval used up, branch removed, ticket Done, staging
// deployed. It works from what the store says, so that a merge whose teller died is finished by the next tick.
func (m *Merger) followAll(ctx context.Context) (acted bool, err error) {
	if m.Settings.Observe {
		return false, nil
	}
	merged, err := m.Store.Unstaged(ctx)
	if err != nil {
		return false, err
	}
	var failures []error
	for _, p := range merged {
		if err := m.follow(ctx, p); err != nil {
			failures = append(failures, fmt.Errorf("after the merge of #%d: %w", p.Number, err))
		}
	}
	return len(merged) > 0, errors.Join(failures...)
}

func (m *Merger) follow(ctx context.Context, p store.Pull) error {
	if p.Staging == stagingStarted {
		return m.watch(ctx, p)
	}
	if err := m.Store.EndGrant(ctx, p.Number, store.ApprovalUsed, fmt.Sprintf("merged as %.7s", p.MergedSHA)); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := m.settleDoubts(ctx, p.Ticket, p.MergedSHA, "", mergeKind, updateKind); err != nil {
		return err
	}
	if err := m.removeBranch(ctx, p); err != nil {
		return err
	}
	if err := m.move(ctx, p.Ticket, "Done"); err != nil && !permanent(err) {
		return err
	}
	if m.Settings.Staging == "" {
		return m.staged(ctx, p, stagingNone, nil)
	}
	return m.deploy(ctx, p)
}

// removeBranch deletes the merged branch, unless somebody has pushed to it since: their commits are not ours to lose.
func (m *Merger) removeBranch(ctx context.Context, p store.Pull) error {
	err := m.Mirror.DeleteRemote(ctx, p.Branch, p.Head)
	var moved *worktree.PushRejected
	if errors.As(err, &moved) {
		_, err = m.Store.RecordChange(ctx, store.Event{Kind: store.Intake, Pull: p.Number, Ticket: p.Ticket,
			Data: map[string]string{"reason": fmt.Sprintf("the branch %s has commits after the merge; it is kept", p.Branch)}})
	}
	return err
}

// dispatchPatience is how long a dispatched workflow may take to be listed before it is dispatched again.
const dispatchPatience = 10 * time.Second

// deploy starts the staging workflow for a merged commit, once, and keeps which run that is.
func (m *Merger) deploy(ctx context.Context, p store.Pull) error {
	inputs := map[string]string{}
	for name, value := range m.Settings.StagingInputs {
		inputs[name] = strings.ReplaceAll(value, "{sha}", p.MergedSHA)
	}
	find := func(ctx context.Context) (string, bool, error) {
		runs, err := m.Forge.WorkflowRuns(ctx, m.Settings.Staging, p.MergedAt)
		if err != nil {
			return "", false, err
		}
		taken, err := m.takenRuns(ctx)
		for _, r := range runs {
			if !taken[r.ID] {
				return strconv.FormatInt(r.ID, 10), true, err
			}
		}
		return "", false, err
	}
	id, err := m.once(ctx, deed{key: "staging " + p.MergedSHA, kind: "start staging", detail: m.Settings.Staging, find: find, patience: dispatchPatience,
		do: func(ctx context.Context) (string, error) {
			if err := m.Forge.Dispatch(ctx, forge.Workflow{File: m.Settings.Staging, Ref: m.Settings.Base, Inputs: inputs}); err != nil {
				return "", err
			}
			found, ok, err := find(ctx)
			if err == nil && !ok {
				err = errNotYet // GitHub lists a dispatched run a little after it has said yes
			}
			return found, err
		}})
	if errors.Is(err, errNotYet) {
		return nil
	}
	if err != nil {
		return err
	}
	run, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return fmt.Errorf("staging run %q: %w", id, err)
	}
	_, err = m.Store.UpdatePull(ctx, p.Number, func(q *store.Pull) {
		q.Staging, q.StagingRun, q.StagingAt = stagingStarted, run, m.Store.Now()
	}, store.Event{Kind: store.StagingStarted, Data: map[string]string{"sha": p.MergedSHA}})
	return err
}

// takenRuns are the workflow runs that other merged commits already count as theirs.
func (m *Merger) takenRuns(ctx context.Context) (map[int64]bool, error) {
	pulls, err := m.Store.AllPulls(ctx)
	taken := map[int64]bool{}
	for _, p := range pulls {
		if p.StagingRun != 0 {
			taken[p.StagingRun] = true
		}
	}
	return taken, err
}

// watch looks at a running deployment.
func (m *Merger) watch(ctx context.Context, p store.Pull) error {
	run, err := m.Forge.WorkflowRun(ctx, p.StagingRun)
	if err != nil {
		return fmt.Errorf("look at the staging run: %w", err)
	}
	data := map[string]string{"sha": p.MergedSHA, "url": run.URL}
	switch {
	case run.State == forge.Success:
		return m.staged(ctx, p, stagingUp, &store.Event{Kind: store.Staged, Data: data})
	case run.State != forge.Pending:
		data["reason"] = "the workflow ended with " + string(run.State)
		return m.staged(ctx, p, stagingFailed, &store.Event{Kind: store.StagingFailed, Data: data})
	case m.Settings.StagingLimit > 0 && m.Store.Now().Sub(p.StagingAt) > m.Settings.StagingLimit:
		data["reason"] = "it has not ended after " + m.Settings.StagingLimit.String()
		return m.staged(ctx, p, stagingFailed, &store.Event{Kind: store.StagingFailed, Data: data})
	}
	return nil
}

func (m *Merger) staged(ctx context.Context, p store.Pull, state string, e *store.Event) error {
	var events []store.Event
	if e != nil {
		events = append(events, *e)
	}
	_, err := m.Store.UpdatePull(ctx, p.Number, func(q *store.Pull) { q.Staging, q.StagingAt = state, m.Store.Now() }, events...)
	return err
}
