package agents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// Staging says how a merge is brought to staging, and how it is known to be there. The zero value does nothing.
type Staging struct {
	Workflow    string            // file to dispatch; "" for none
	Inputs      map[string]string // its inputs; "{sha}" stands for the merged commit
	Webhook     string            // address that is told of a merge instead; "" for none
	Secret      string            // of the webhook's signature
	Limit       time.Duration     // after which a deployment that has not begun or not ended counts as failed; 0 for never
	Health      string            // address that names the commit staging runs; "" for none
	HealthField string            // where in its JSON, names with dots between them; "" for anywhere on the page
	HealthLimit time.Duration     // how long a deployment may take to show after it has ended
	HTTP        *http.Client      // for webhook and health; nil: a plain one
}

// The states of a merged pull request's staging deployment.
const (
	stagingStarted  = "started"
	stagingChecking = "checking" // deployed, and not seen to be up yet
	stagingUp       = "up"
	stagingFailed   = "failed"
	stagingHanded   = "handed over" // the webhook took it, and nobody says what became of it
	stagingNone     = "none"        // no staging is configured
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
	switch p.Staging {
	case stagingStarted:
		return m.watch(ctx, p)
	case stagingChecking:
		return m.checkHealth(ctx, p)
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
	if p.Reverts != 0 {
		if err := m.tellReverted(ctx, p); err != nil {
			return err
		}
	} else if err := m.finishTicket(ctx, p); err != nil && !permanent(err) {
		return err
	}
	if m.Settings.Staging.Workflow == "" && m.Settings.Staging.Webhook == "" {
		return m.deployed(ctx, p, stagingNone) // what deploys itself can still be looked at
	}
	return m.deploy(ctx, p)
}

// finishTicket brings the ticket of a merge to its end. GitHub closes it by itself where the base is the repository's
// default branch.
func (m *Merger) finishTicket(ctx context.Context, p store.Pull) error {
	if err := m.move(ctx, p.Ticket, forge.Done); err != nil {
		return err
	}
	t, err := m.Forge.Fresh().Ticket(ctx, p.Ticket)
	if err != nil || !t.Open {
		return err
	}
	return m.Forge.CloseTicket(ctx, p.Ticket)
}

// removeBranch deletes the merged branch, unless somebody has pushed to it since: their commits are not ours to lose. One that
// GitHub's rules keep stays as well.
func (m *Merger) removeBranch(ctx context.Context, p store.Pull) error {
	err := m.Mirror.DeleteRemote(ctx, p.Branch, p.Head)
	var moved *worktree.PushRejected
	var refused *worktree.PushRefused
	reason := ""
	switch {
	case errors.As(err, &moved):
		reason = fmt.Sprintf("the branch %s has commits after the merge; it is kept", p.Branch)
	case errors.As(err, &refused):
		reason = fmt.Sprintf("the branch %s is kept: GitHub does not let us delete it", p.Branch)
	default:
		return err
	}
	_, err = m.Store.RecordChange(ctx, store.Event{Kind: store.Intake, Pull: p.Number, Ticket: p.Ticket, Data: map[string]string{"reason": reason}})
	return err
}

// deploy has a merged commit brought to staging, once, and keeps by what it can be followed.
func (m *Merger) deploy(ctx context.Context, p store.Pull) error {
	trigger := m.dispatch
	if m.Settings.Staging.Webhook != "" {
		trigger = m.callWebhook
	}
	follow, err := trigger(ctx, p)
	var refused *hookRefused
	switch {
	case err == nil:
		return m.begun(ctx, p, follow)
	case errors.As(err, &refused), permanent(err):
		err = errors.Join(m.Store.Forget(ctx, stagingKey(p)), m.fail(ctx, p, "", "it could not be started: "+reasonOf(err)))
		return err
	case !p.StagingAt.IsZero() && m.late(p.StagingAt):
		return errors.Join(m.Store.Complete(ctx, stagingKey(p), "given up"), m.fail(ctx, p, "", "it could not be started: "+reasonOf(err)))
	}
	if p.StagingAt.IsZero() {
		m.Log.Warn("staging could not be started; trying again", "pull", p.Number, "error", err)
		if _, kept := m.Store.UpdatePull(ctx, p.Number, func(q *store.Pull) { q.StagingAt = m.Store.Now() }); kept != nil {
			return errors.Join(err, kept)
		}
	}
	if errors.Is(err, errNotYet) || m.Settings.Staging.Webhook != "" {
		return nil // it is tried again at the next tick, until its time is over
	}
	return err
}

// stagingKey makes the deployment of a merged commit happen once.
func stagingKey(p store.Pull) string { return "staging " + p.MergedSHA }

// late tells that something about staging has taken longer than it may.
func (m *Merger) late(since time.Time) bool {
	return m.Settings.Staging.Limit > 0 && m.Store.Now().Sub(since) > m.Settings.Staging.Limit
}

// reasonOf is the innermost sentence of an error, for a person.
func reasonOf(err error) string {
	var answer *forge.Refused
	if errors.As(err, &answer) {
		return answer.Message
	}
	return firstLine(err.Error())
}

// begun keeps what a deployment is followed by: a run of the workflow, or what the webhook answered.
func (m *Merger) begun(ctx context.Context, p store.Pull, follow string) error {
	switch follow {
	case hookDone:
		return m.deployed(ctx, p, stagingUp)
	case hookTaken:
		return m.deployed(ctx, p, stagingHanded)
	}
	run, err := strconv.ParseInt(follow, 10, 64)
	if err != nil {
		run = 0 // an address; callWebhook returns it again
	}
	_, err = m.Store.UpdatePull(ctx, p.Number, func(q *store.Pull) {
		q.Staging, q.StagingRun, q.StagingAt = stagingStarted, run, m.Store.Now()
	}, store.Event{Kind: store.StagingStarted, Data: map[string]string{"sha": p.MergedSHA}})
	return err
}

// watch looks at a running deployment.
func (m *Merger) watch(ctx context.Context, p store.Pull) error {
	now, err := m.look(ctx, p)
	switch young := m.Store.Now().Sub(p.StagingAt) < m.Settings.Staging.patience(); {
	case err == nil:
	case permanent(err) && young:
		return nil // GitHub may not find yet what it has just begun
	case permanent(err), m.late(p.StagingAt):
		return m.fail(ctx, p, "", "it cannot be followed: "+reasonOf(err))
	default:
		return err
	}
	switch {
	case now.state == forge.Success:
		return m.deployed(ctx, p, stagingUp)
	case now.state != forge.Pending:
		return m.fail(ctx, p, now.address, now.reason)
	case m.late(p.StagingAt):
		return m.fail(ctx, p, now.address, "it has not ended after "+m.Settings.Staging.Limit.String()+colon(now.reason))
	}
	return nil
}

// progress is how a deployment stands.
type progress struct {
	state   forge.CheckState
	reason  string // of a failure, or why nothing could be learnt
	address string // for people
}

// look asks how a deployment stands: the run of the workflow, or the address that the webhook named.
func (m *Merger) look(ctx context.Context, p store.Pull) (progress, error) {
	if p.StagingRun != 0 {
		run, err := m.Forge.WorkflowRun(ctx, p.StagingRun)
		if err != nil {
			return progress{}, fmt.Errorf("look at the staging run: %w", err)
		}
		now := progress{state: run.State, address: run.URL}
		if run.State != forge.Pending {
			now.reason = "the workflow ended with " + string(run.State)
		}
		return now, nil
	}
	follow, err := m.callWebhook(ctx, p) // it was told: this only finds what it answered
	if err != nil {
		return progress{}, err
	}
	d, err := m.Settings.Staging.ask(ctx, follow)
	switch {
	case err != nil: // it may be there at the next look; the limit ends it
		return progress{state: forge.Pending, reason: err.Error()}, nil
	case d.State == "success":
		return progress{state: forge.Success, address: d.URL}, nil
	case d.State == "failure", d.State == "error":
		return progress{state: forge.Failure, reason: "the deployment failed" + colon(d.Reason), address: d.URL}, nil
	}
	return progress{state: forge.Pending, address: d.URL}, nil
}

func colon(words string) string {
	if words == "" {
		return ""
	}
	return ": " + firstLine(words)
}

// deployed goes on from the end of a deployment: where a health address is configured, staging must show the commit.
func (m *Merger) deployed(ctx context.Context, p store.Pull, state string) error {
	if m.Settings.Staging.Health != "" {
		p, err := m.Store.UpdatePull(ctx, p.Number, func(q *store.Pull) { q.Staging, q.StagingAt = stagingChecking, m.Store.Now() })
		if err != nil {
			return err
		}
		return m.checkHealth(ctx, p)
	}
	if state == stagingNone {
		return m.staged(ctx, p, state, nil)
	}
	return m.staged(ctx, p, state, &store.Event{Kind: store.Staged, Data: map[string]string{"sha": p.MergedSHA}})
}

// fail tells that a merged commit is not on staging, and where to look.
func (m *Merger) fail(ctx context.Context, p store.Pull, address, reason string) error {
	return m.staged(ctx, p, stagingFailed, &store.Event{Kind: store.StagingFailed, Data: map[string]string{"sha": p.MergedSHA, "url": address, "reason": reason}})
}

func (m *Merger) staged(ctx context.Context, p store.Pull, state string, e *store.Event) error {
	var events []store.Event
	if e != nil {
		events = append(events, *e)
	}
	_, err := m.Store.UpdatePull(ctx, p.Number, func(q *store.Pull) { q.Staging, q.StagingAt = state, m.Store.Now() }, events...)
	return err
}
