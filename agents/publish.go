package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/proof"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// publication is a proven change on its way out. It is logged whole before its first outside effect, so that a restart
// can finish it: everything it needs is in it, in the mirror, or on GitHub.
type publication struct {
	Role    string        `json:"role"`
	Ticket  int           `json:"ticket"`
	Pull    int           `json:"pull"` // 0: to be opened
	Branch  string        `json:"branch"`
	Head    string        `json:"head"`
	Lease   string        `json:"lease"` // what the remote branch must be at; "" = it must not exist
	Title   string        `json:"title"`
	Text    string        `json:"text"`
	Hash    string        `json:"hash"` // of the ticket's text at the claim
	Receipt proof.Receipt `json:"receipt"`
	Review  string        `json:"review"` // what the reviewers came to, in Markdown; "" when nobody has looked
	Draft   bool          `json:"draft"`  // a real bug stands in it
	Run     int64         `json:"run"`
	Log     string        `json:"log"`    // path of the run's log
	Cause   string        `json:"cause"`  // the verdict that this repairs; "" for a first version
	Reject  int64         `json:"reject"` // the /reject that this answers; 0 for none
	Answers []answer      `json:"answers"`
	Seconds float64       `json:"seconds"`
	CostUSD float64       `json:"cost_usd"`
}

// spends tells whether it uses up one of the three attempts. A conflict is no failure of the code: the base has moved.
func (p publication) spends() bool { return p.Role == FixerRole && p.Cause != store.Conflict }

const publishKind = "publish"

func (p publication) key() string { return publishKind + " " + p.Branch + " " + p.Head }

func (p publication) pullKey() string { return "pull request " + p.Branch + " " + p.Head }
func (p publication) pushKey() string { return pushKind + " " + p.Branch + " " + p.Head }

// publish takes a proven change to GitHub: push, pull request, board. Each step asks the world before it repeats
// itself, so publish may be called again with the same publication after any crash.
func (f *Factory) publish(ctx context.Context, p publication, claim store.Claim) (int, error) {
	number, err := f.publishSteps(ctx, p, claim)
	var why *setback
	var moved *worktree.PushRejected
	switch {
	case err == nil || errors.As(err, &why):
	case errors.As(err, &moved):
		// A person has pushed to the branch: it is theirs, and nothing of theirs is overwritten.
		why = &setback{outcome: store.ForeignPush, reason: err.Error(), person: true}
	case errors.Is(err, errUnread): // nothing was asked for yet that could have been refused
	case permanent(err):
		why = &setback{outcome: "refused by GitHub", reason: err.Error(), code: true}
	}
	if why == nil {
		return number, err
	}
	return 0, errors.Join(why, f.Store.Forget(ctx, p.pushKey()), f.Store.Forget(ctx, p.pullKey()), f.Store.Forget(ctx, p.key()))
}

func (f *Factory) publishSteps(ctx context.Context, p publication, claim store.Claim) (int, error) {
	detail, err := json.Marshal(p)
	if err != nil {
		return 0, err
	}
	// A stop does not come before this: nothing else names what was proven.
	_, known, err := f.Store.Intend(context.WithoutCancel(ctx), store.Effect{Key: p.key(), Kind: publishKind, Ticket: p.Ticket, Generation: claim.Generation, Detail: string(detail)})
	if err != nil {
		return 0, err
	}
	// From here on the publication is what is gone on with: work kept from before it must not be laid over what it becomes.
	if err := f.dropKept(ctx, p.Ticket); err != nil {
		return 0, err
	}
	if err := errors.Join(f.stillAsked(ctx, p, known), f.stillWanted(ctx, p)); err != nil {
		return 0, err
	}
	if err := f.push(ctx, p, claim); err != nil {
		return 0, err
	}
	pr, err := f.pullRequest(ctx, p, f.redact(p.body()), claim)
	if err != nil {
		return 0, err
	}
	receipt, err := json.Marshal(p.Receipt)
	if err != nil {
		return 0, err
	}
	event := store.Event{Kind: store.PullUpdated, Run: p.Run, Data: map[string]string{"head": p.Head, "role": p.Role, "proof": p.Receipt.Line()}}
	if p.Pull == 0 {
		event.Kind = store.PullOpened
		event.Data = map[string]string{"title": pr.Title, "url": pr.URL, "proof": p.Receipt.Line(), "seconds": strconv.Itoa(int(p.Seconds)), "cost": fmt.Sprintf("%.2f", p.CostUSD)}
	}
	patch, err := f.Mirror.PatchID(ctx, p.Receipt.Base, p.Head)
	if err != nil {
		return 0, err
	}
	if err := f.Store.PublishReview(ctx, p.Run, pr.Number); err != nil {
		return 0, err
	}
	standing, err := f.Store.Pull(ctx, pr.Number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	doubt, err := f.doubt(ctx, standing.Head)
	if err != nil {
		return 0, err
	}
	switch {
	case p.Draft && !pr.Draft:
		if err := f.Forge.ConvertToDraft(ctx, pr); err != nil {
			return 0, err
		}
	case !p.Draft && pr.Draft && (standing.Verdict == store.GivenUp || doubt != ""):
		// The factory itself made it a draft; a person has had the ticket tried again, and it is good now.
		if err := f.Forge.MarkReady(ctx, pr); err != nil {
			return 0, err
		}
	}
	var events []store.Event
	if standing.Receipt != string(receipt) { // else this was recorded before a crash
		events = append(events, event)
	}
	_, err = f.Store.UpdatePull(ctx, pr.Number, func(q *store.Pull) {
		q.Ticket, q.Title, q.URL, q.Branch, q.Base = p.Ticket, pr.Title, pr.URL, p.Branch, pr.BaseRef
		q.Head, q.Pushed, q.BaseSHA, q.PatchID = p.Head, p.Head, p.Receipt.Base, patch
		q.Additions, q.Deletions = pr.Additions, pr.Deletions
		q.Files = filePaths(pr)
		q.Proof, q.Receipt, q.LogPath = p.Receipt.Line(), string(receipt), p.Log
		q.Verdict, q.Reason, q.Checks, q.DiffPath = store.Waiting, "waiting for CI", nil, ""
		if q.OpenedAt.IsZero() {
			q.OpenedAt = pr.CreatedAt
		}
		if p.spends() && len(events) > 0 {
			q.Attempts++
		}
	}, events...)
	if err != nil {
		return 0, err
	}
	if p.Reject != 0 {
		if err := f.Store.Answer(ctx, p.Reject, fmt.Sprintf("Answered with %.7s; CI runs on it now.", p.Head)); err != nil {
			return 0, err
		}
	}
	if err := f.speak(ctx, p, claim); err != nil {
		return 0, err
	}
	if err := f.move(ctx, p.Ticket, "In Review"); err != nil {
		return 0, err
	}
	return pr.Number, f.Store.Complete(ctx, p.key(), strconv.Itoa(pr.Number))
}

// errUnread is met when a ticket, or a pull request, cannot be looked at before a change is published: what was proven waits.
var errUnread = errors.New("look at it once more")

// stillAsked refuses to publish for a ticket that was edited, closed or deleted meanwhile. What has been pushed before an
// interruption is brought to its end all the same.
func (f *Factory) stillAsked(ctx context.Context, p publication, interrupted bool) error {
	if interrupted {
		sha, _, err := f.Mirror.Remote(ctx, p.Branch)
		if err != nil || sha == p.Head {
			return err
		}
	}
	now, err := f.Forge.Fresh().Ticket(ctx, p.Ticket)
	gone := errors.Is(err, forge.ErrNotFound)
	if err != nil && !gone {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	if gone || !now.Open || textHash(now) != p.Hash {
		return &setback{outcome: "ticket changed", reason: "the ticket was edited or closed while the session worked on it"}
	}
	return nil
}

// stillWanted refuses to publish into a pull request that a person has closed, merged, made a draft or pointed elsewhere
// meanwhile: it is never reopened, and no second one is opened in its place.
func (f *Factory) stillWanted(ctx context.Context, p publication) error {
	if p.Pull == 0 {
		return nil
	}
	pr, err := f.Forge.Fresh().PullRequest(ctx, p.Pull)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	if pr.Draft {
		return &setback{outcome: "pull request taken", reason: fmt.Sprintf("#%d was made a draft while the session worked on it", p.Pull), person: true}
	}
	if pr.State != "open" || pr.BaseRef != f.Settings.Base {
		return &setback{outcome: "pull request taken", reason: fmt.Sprintf("#%d was closed or pointed at %s while the session worked on it", p.Pull, pr.BaseRef), person: true}
	}
	return nil
}

func (f *Factory) push(ctx context.Context, p publication, claim store.Claim) error {
	_, err := f.once(ctx, deed{key: p.pushKey(), kind: pushKind, claim: &claim, detail: p.Lease,
		find: func(ctx context.Context) (string, bool, error) {
			sha, ok, err := f.Mirror.Remote(ctx, p.Branch)
			return sha, ok && sha == p.Head, err
		},
		do: func(ctx context.Context) (string, error) {
			// What stands there already was pushed before a crash: pushing it again would fail its own lease.
			if sha, ok, err := f.Mirror.Remote(ctx, p.Branch); err != nil || ok && sha == p.Head {
				return sha, err
			}
			if err := f.Mirror.Push(ctx, p.Branch, p.Head, p.Lease); err != nil {
				return "", err
			}
			sha, ok, err := f.Mirror.Remote(ctx, p.Branch)
			if err == nil && (!ok || sha != p.Head) {
				err = &forge.Unreachable{Op: "read back the push of " + p.Branch, Err: fmt.Errorf("the branch is at %.7q", sha)}
			}
			return sha, err
		}})
	return err
}

// pullRequest opens the pull request of a publication, or finds the one that is open, and gives it the new text.
func (f *Factory) pullRequest(ctx context.Context, p publication, body string, claim store.Claim) (forge.PullRequest, error) {
	open := func(ctx context.Context) (string, bool, error) {
		prs, err := f.Forge.PullRequestsByHead(ctx, p.Branch)
		for _, pr := range prs {
			if pr.State == "open" {
				return strconv.Itoa(pr.Number), true, nil
			}
		}
		return "", false, err
	}
	number, err := f.once(ctx, deed{key: p.pullKey(), kind: "open the pull request", claim: &claim, find: open,
		do: func(ctx context.Context) (string, error) {
			if standing, ok, err := open(ctx); err != nil || ok {
				return standing, err
			}
			if p.Pull != 0 {
				return "", &setback{outcome: "pull request taken", reason: fmt.Sprintf("#%d was closed at the last moment", p.Pull), person: true}
			}
			pr, err := f.Forge.OpenPullRequest(ctx, forge.NewPullRequest{Title: f.redact(p.Title), Body: body, Head: p.Branch, Base: f.Settings.Base, Draft: p.Draft})
			var twice *forge.Duplicate
			if errors.As(err, &twice) {
				return strconv.Itoa(twice.PullRequest.Number), nil
			}
			return strconv.Itoa(pr.Number), err
		}})
	if err != nil {
		return forge.PullRequest{}, err
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return forge.PullRequest{}, fmt.Errorf("pull request of %s: number %q: %w", p.Branch, number, err)
	}
	pr, err := f.opened(ctx, n)
	if err != nil || pr.Body == body {
		return pr, err
	}
	if err := f.Store.Holds(ctx, claim); err != nil {
		return pr, err
	}
	// The text carries the receipt of this head: setting it again is the same text.
	if _, err := f.Forge.EditPullRequest(ctx, n, forge.PullRequestEdit{Body: &body}); err != nil {
		return pr, fmt.Errorf("set the text of #%d: %w", n, err)
	}
	return pr, nil
}

// For a moment GitHub may not find what it has just made: it is asked again after a second, then after twice as long each
// time, half a minute in all.
const (
	openedPause = time.Second
	openedTries = 5
)

// opened reads a pull request that is known to be there. That it is not found is no refusal, after which its publication
// would be forgotten and the pull request nobody's: the next tick goes on with it.
func (f *Factory) opened(ctx context.Context, number int) (forge.PullRequest, error) {
	for try := range openedTries {
		pr, err := f.Forge.PullRequest(ctx, number)
		if !errors.Is(err, forge.ErrNotFound) {
			return pr, err
		}
		again := time.NewTimer(openedPause << try)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return pr, context.Cause(ctx)
		}
	}
	return forge.PullRequest{}, fmt.Errorf("read back #%d: %w", number, errNotYet)
}

// move sets a ticket's status on the board. It is the same however often it is done, so it needs no log of its own.
func (f *Factory) move(ctx context.Context, ticket int, status string) error {
	t, err := f.Forge.Ticket(ctx, ticket)
	if err != nil {
		return fmt.Errorf("move #%d to %s: %w", ticket, status, err)
	}
	if t.Status == status || !t.Open && status != "Done" {
		return nil // a closed ticket has left the board's road; only its end may still be written
	}
	if _, err := f.Forge.Move(ctx, t, status); err != nil {
		return fmt.Errorf("move #%d to %s: %w", ticket, status, err)
	}
	return nil
}

// elapsed is the time a run has taken so far, in seconds.
func (f *Factory) elapsed(run store.Run) float64 {
	return f.Store.Now().Sub(run.StartedAt).Round(time.Second).Seconds()
}
