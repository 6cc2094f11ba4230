package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// dispatched is the result of a dispatch that GitHub has said yes to without a word of the run it became, until that is
// listed.
const dispatched = "dispatched"

// mostUnlisted bounds how long a run is looked for whose dispatch was interrupted. GitHub promises nothing; runs have been seen
// to be listed minutes late.
const mostUnlisted = 10 * time.Minute

// patience is how long that run is looked for before it is dispatched again: a third of a deployment's time, so that the
// second has time left.
func (s Staging) patience() time.Duration {
	if s.Limit <= 0 {
		return mostUnlisted
	}
	return min(s.Limit/3, mostUnlisted)
}

// dispatch starts the staging workflow and returns which run that is. GitHub takes no key by which it would know a
// repetition. So one whose answer was lost is looked for with patience, and only then asked for again, which is said: should
// the first come about all the same, the same commit is deployed twice.
func (m *Merger) dispatch(ctx context.Context, p store.Pull) (string, error) {
	staging := m.Settings.Staging
	inputs := map[string]string{}
	for name, value := range staging.Inputs {
		inputs[name] = strings.ReplaceAll(value, "{sha}", p.MergedSHA)
	}
	find := func(ctx context.Context) (string, bool, error) { return m.findDeployment(ctx, p) }
	run, err := m.once(ctx, deed{key: stagingKey(p), kind: "start staging", detail: staging.Workflow, find: find, patience: staging.patience(),
		repeated: func(ctx context.Context) error {
			_, err := m.Store.RecordChange(ctx, store.Event{Kind: store.Intake, Pull: p.Number, Ticket: p.Ticket, Data: map[string]string{"reason": fmt.Sprintf(
				"staging of %.7s is asked for once more: the answer to the first request was lost, and GitHub shows no run of it after %s", p.MergedSHA, staging.patience())}})
			return err
		},
		do: func(ctx context.Context) (string, error) {
			run, err := m.Forge.Dispatch(ctx, forge.Workflow{File: staging.Workflow, Ref: m.Settings.Base, Inputs: inputs})
			if err != nil || run == 0 {
				return dispatched, err
			}
			return strconv.FormatInt(run, 10), nil
		}})
	if err != nil || run != dispatched {
		return run, err
	}
	// It has said yes: it is not asked again.
	run, listed, err := find(ctx)
	if err == nil && !listed {
		err = errNotYet
	}
	return run, err
}

// findDeployment finds the run that deploys a merged commit among those that nobody else's merge counts as its own.
func (m *Merger) findDeployment(ctx context.Context, p store.Pull) (run string, found bool, err error) {
	runs, err := m.Forge.WorkflowRuns(ctx, m.Settings.Staging.Workflow, p.MergedAt)
	if err != nil {
		return "", false, err
	}
	taken, err := m.stagingRuns(ctx)
	if err != nil {
		return "", false, err
	}
	fits := func(r forge.WorkflowRun) (bool, error) {
		if taken[r.ID] || r.HeadBranch != m.Settings.Base {
			return false, nil
		}
		// Later merges stand on this one, earlier ones do not hold it: their runs are not ours.
		if err := m.need(ctx, r.HeadSHA); err != nil {
			return false, unlessGone(err)
		}
		return m.Mirror.IsAncestor(ctx, p.MergedSHA, r.HeadSHA)
	}
	for _, r := range slices.Backward(runs) { // the oldest that fits, unless one was begun right on the merge or names it
		ok, err := fits(r)
		if err != nil {
			return "", false, err
		}
		if !ok {
			continue
		}
		if named := r.HeadSHA == p.MergedSHA || strings.Contains(r.Title, p.MergedSHA); named || !found {
			run, found = strconv.FormatInt(r.ID, 10), true
			if named {
				break
			}
		}
	}
	return run, found, nil
}

// unlessGone lets pass that a commit is nowhere any more: a base that was pushed over.
func unlessGone(err error) error {
	if errors.Is(err, worktree.ErrNoRevision) {
		return nil
	}
	return err
}

// withoutDeployments leaves out of the base's checks those of a deployment, whoever began it: what it says is about a host, not
// about the commit.
func (f *Factory) withoutDeployments(ctx context.Context, c *forge.Client, checks []forge.Check) ([]forge.Check, error) {
	ours, err := f.stagingRuns(ctx)
	if err != nil {
		return nil, err
	}
	var kept []forge.Check
	for _, check := range checks {
		deploys := ours[check.WorkflowRunID]
		if !deploys && isFailure(check.State) && check.WorkflowRunID != 0 && f.Settings.Staging.Workflow != "" {
			run, err := c.WorkflowRun(ctx, check.WorkflowRunID)
			if err != nil && !permanent(err) {
				return nil, err
			}
			// The same file may test what is pushed.
			deploys = err == nil && run.File == f.Settings.Staging.Workflow && run.Event == "workflow_dispatch"
		}
		if !deploys {
			kept = append(kept, check)
		}
	}
	return kept, nil
}

// stagingRuns are the workflow runs that merged commits count as their deployments.
func (f *Factory) stagingRuns(ctx context.Context) (map[int64]bool, error) {
	pulls, err := f.Store.AllPulls(ctx)
	taken := map[int64]bool{}
	for _, p := range pulls {
		if p.StagingRun != 0 {
			taken[p.StagingRun] = true
		}
	}
	return taken, err
}
