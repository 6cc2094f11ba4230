package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"lightsout/agents/forge"
	"lightsout/agents/worktree"
	"lightsout/store"
)

const revertKind = "revert"

// reversal is a revert on its way out. It is logged whole before its first outside effect, so that a restart finishes
// this one instead of making another on a base that has moved.
type reversal struct {
	Pull   int    `json:"pull"` // that is taken back
	Branch string `json:"branch"`
	Head   string `json:"head"`
}

// revertAll prepares the reverts that people have asked for. One that meets an error is tried again at the next tick.
func (m *Merger) revertAll(ctx context.Context, snap Snapshot) (acted bool, err error) {
	if m.Settings.Observe {
		return false, nil
	}
	asked, err := m.Store.Asked(ctx, store.RequestRevert)
	if err != nil {
		return false, err
	}
	var failures []error
	for _, r := range asked {
		if err := m.revert(ctx, snap, r); err != nil {
			failures = append(failures, fmt.Errorf("revert #%d: %w", r.Pull, err))
		}
	}
	return len(asked) > 0, errors.Join(failures...)
}

// revert prepares one, and answers who asked for it.
func (m *Merger) revert(ctx context.Context, snap Snapshot, r store.Request) error {
	p, err := m.Store.Pull(ctx, r.Pull)
	if err != nil {
		return err
	}
	begun, err := m.reversals(ctx)
	if err != nil {
		return err
	}
	way, known := begun[revertKey(r)]
	if !known {
		pulls, err := m.Store.AllPulls(ctx)
		if err != nil {
			return err
		}
		for _, other := range pulls {
			if other.Reverts == p.Number && other.Verdict != store.Closed {
				return m.Store.Answer(ctx, r.ID, fmt.Sprintf("#%d takes #%d back already.", other.Number, p.Number))
			}
		}
	}
	claim, leave, err := m.claim(ctx, store.Claim{Ticket: p.Ticket, Role: MergerRole}, updateLease)
	if errors.Is(err, store.ErrClaimed) {
		return nil // somebody works on its ticket: the next tick tries again
	}
	if err != nil {
		return err
	}
	defer leave()
	if !known {
		way, err = m.reversal(ctx, snap, r, p, claim)
	}
	number := 0
	if err == nil {
		number, err = m.publishRevert(ctx, way, r, p, claim)
	}
	release := m.Store.Release(context.WithoutCancel(ctx), claim, "revert prepared")
	if why, hopeless := cannotRevert(err); hopeless {
		return errors.Join(release, m.Store.Forget(ctx, revertKey(r)), m.Store.Answer(ctx, r.ID, fmt.Sprintf("#%d cannot be taken back by itself: %s.", p.Number, why)))
	}
	if err != nil {
		return errors.Join(err, release)
	}
	return errors.Join(release, m.Store.Answer(ctx, r.ID, fmt.Sprintf("#%d takes #%d back. Approve it when CI is green.", number, p.Number)))
}

// revertKey names the revert that one request asks for; another request, after the first one's was closed, is another.
func revertKey(r store.Request) string {
	return fmt.Sprintf("%s #%d request %d", revertKind, r.Pull, r.ID)
}

// errWhichCommits is met when a merge that was rebased by somebody cannot be told from what lies below it.
var errWhichCommits = errors.New("it cannot be told which commits of the base are its own; revert it by hand")

// cannotRevert says, for a person, why there will be no revert however often it is tried.
func cannotRevert(err error) (why string, hopeless bool) {
	var conflict *worktree.RevertConflict
	var push *worktree.PushRejected
	switch {
	case errors.As(err, &conflict):
		return "what came after it stands in the way, " + conflict.Error() + "; revert that first, or do it by hand", true
	case errors.Is(err, worktree.ErrUnrelated):
		return "the base does not hold it any more", true
	case errors.Is(err, worktree.ErrNoChange):
		return "nothing of it is left in the base", true
	case errors.Is(err, errWhichCommits):
		return err.Error(), true
	case errors.As(err, &push):
		return push.Error() + "; somebody has pushed there", true
	case permanent(err):
		return reasonOf(err), true
	}
	return "", false
}

// publishRevert pushes the commit on a branch of the factory's and opens the pull request, each once.
func (m *Merger) publishRevert(ctx context.Context, way reversal, r store.Request, p store.Pull, claim store.Claim) (int, error) {
	out := publication{Role: MergerRole, Ticket: p.Ticket, Branch: way.Branch, Head: way.Head}
	if err := m.push(ctx, out, claim); err != nil {
		return 0, err
	}
	pr, err := m.openRevert(ctx, out, p, r, claim)
	if err != nil {
		return 0, err
	}
	_, err = m.Store.UpdatePull(ctx, pr.Number, func(q *store.Pull) {
		q.Ticket, q.Title, q.URL, q.Branch, q.Base = p.Ticket, pr.Title, pr.URL, way.Branch, pr.BaseRef
		q.Head, q.Pushed, q.Reverts = way.Head, way.Head, p.Number
		if q.Verdict == "" {
			q.Verdict, q.Reason, q.OpenedAt = store.Waiting, "waiting for CI", pr.CreatedAt
		}
	}, store.Event{Kind: store.PullOpened, Data: map[string]string{"title": pr.Title, "url": pr.URL, "reverts": strconv.Itoa(p.Number)}})
	if err != nil {
		return 0, err
	}
	return pr.Number, m.Store.Complete(ctx, revertKey(r), strconv.Itoa(pr.Number))
}

// reversal makes the commit that takes a merge back on the base as it stands, and logs it.
func (m *Merger) reversal(ctx context.Context, snap Snapshot, r store.Request, p store.Pull, claim store.Claim) (reversal, error) {
	var way reversal
	before, err := m.beforeMerge(ctx, p)
	if err != nil {
		return way, err
	}
	way.Head, err = m.Mirror.Revert(ctx, snap.BaseSHA, before, p.MergedSHA, fmt.Sprintf("%s\n\nThis reverts commit %s, the merge of #%d.\n", revertTitle(p), p.MergedSHA, p.Number))
	if err != nil {
		return way, err
	}
	way.Pull, way.Branch = p.Number, fmt.Sprintf("%s%d-revert-%d-%d", branchPrefix, p.Ticket, p.Number, r.ID)
	detail, err := json.Marshal(way)
	if err != nil {
		return way, err
	}
	_, _, err = m.Store.Intend(ctx, store.Effect{Key: revertKey(r), Kind: revertKind, Ticket: p.Ticket, Generation: claim.Generation, Detail: string(detail)})
	return way, err
}

// reversals are the reverts on their way out, by their keys.
func (f *Factory) reversals(ctx context.Context) (map[string]reversal, error) {
	doubts, err := f.Store.InDoubt(ctx)
	if err != nil {
		return nil, err
	}
	begun := map[string]reversal{}
	for _, e := range doubts {
		if e.Kind != revertKind {
			continue
		}
		var way reversal
		if err := json.Unmarshal([]byte(e.Detail), &way); err != nil {
			return nil, fmt.Errorf("read %s: %w", e.Key, err)
		}
		begun[e.Key] = way
	}
	return begun, nil
}

// takenBack is the pull request that a branch of the factory's takes back, while its revert is on its way out; 0 for none.
// A daemon that died between opening a revert and writing that down knows it by this.
func (f *Factory) takenBack(ctx context.Context, branch string) (int, error) {
	begun, err := f.reversals(ctx)
	for _, way := range begun {
		if way.Branch == branch {
			return way.Pull, err
		}
	}
	return 0, err
}

func revertTitle(p store.Pull) string { return fmt.Sprintf("Revert %q", tame(firstLine(p.Title))) }

// mostRebased is how many commits of one pull request are looked through for where it begins.
const mostRebased = 250

// beforeMerge is the commit that the base stood at before a merge. A merge commit and a squash say it themselves; of a
// rebase it is the one from which its commits make the diff that was approved.
func (m *Merger) beforeMerge(ctx context.Context, p store.Pull) (string, error) {
	if err := m.need(ctx, p.MergedSHA); err != nil {
		return "", err
	}
	parents, err := m.Mirror.Parents(ctx, p.MergedSHA)
	if err != nil {
		return "", err
	}
	if len(parents) > 1 || m.Settings.MergeMethod == "squash" && len(parents) == 1 {
		return parents[0], nil
	}
	for tries := 0; len(parents) == 1 && tries < mostRebased; tries++ {
		patch, err := m.Mirror.PatchID(ctx, parents[0], p.MergedSHA)
		if err != nil {
			return "", err
		}
		if patch == p.PatchID {
			return parents[0], nil
		}
		if parents, err = m.Mirror.Parents(ctx, parents[0]); err != nil {
			return "", err
		}
	}
	return "", errWhichCommits
}

// openRevert opens the pull request of a revert, or finds the one that is open.
func (m *Merger) openRevert(ctx context.Context, out publication, p store.Pull, r store.Request, claim store.Claim) (forge.PullRequest, error) {
	why, err := m.whyRevert(ctx, p)
	if err != nil {
		return forge.PullRequest{}, err
	}
	out.Title = m.redact(revertTitle(p))
	body := m.redact(fill("revert.md", map[string]any{"Pull": p.Number, "Title": tame(firstLine(p.Title)), "SHA": p.MergedSHA, "Why": tame(why), "By": tame(r.ByName)}))
	return m.pullRequest(ctx, out, body, claim)
}

// whyRevert is what is known to be wrong with a merge.
func (m *Merger) whyRevert(ctx context.Context, p store.Pull) (string, error) {
	story, err := m.Store.Story(ctx, 0, p.Number, 200)
	if err != nil {
		return "", err
	}
	why := "A person wants it out of the base."
	for _, e := range story {
		if e.Kind == store.StagingFailed && e.Data["reason"] != "" {
			why = "Staging, with it: " + e.Data["reason"] + "."
		}
	}
	return why, nil
}

// tellReverted tells, once, that a merge was taken back.
func (m *Merger) tellReverted(ctx context.Context, revert store.Pull) error {
	p, err := m.Store.Pull(ctx, revert.Reverts)
	if err != nil {
		return err
	}
	_, err = m.Store.RecordChange(ctx, store.Event{Kind: store.Reverted, Pull: p.Number, Ticket: p.Ticket,
		Data: map[string]string{"sha": p.MergedSHA, "by": strconv.Itoa(revert.Number), "as": revert.MergedSHA}})
	return err
}
