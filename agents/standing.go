package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// stand reads one pull request, judges it and keeps both.
func (f *Factory) stand(ctx context.Context, c *forge.Client, snap Snapshot, number int) (Standing, error) {
	var s Standing
	// The row first: whatever another role writes while GitHub is asked is then seen to be newer than this reading.
	old, err := f.Store.Pull(ctx, number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return s, err
	}
	pr, err := c.PullRequest(ctx, number)
	if err != nil {
		return s, err
	}
	s.seen = old.ReadAt
	s.Pull.Ticket, _ = ticketOf(pr.HeadRef)
	s.Facts = Facts{Now: snap.At, PR: pr, Base: f.Settings.Base, BaseChecks: snap.BaseChecks, Required: snap.Required, Pushed: old.Pushed, Reviewers: f.Settings.Reviewers,
		GivenUp: old.Verdict == store.GivenUp && old.Head == pr.Head, HeadSince: old.HeadAt, Patience: f.Settings.ChecksPatience}
	if s.Facts.Reverts = old.Reverts; old.Number == 0 {
		if s.Facts.Reverts, err = f.takenBack(ctx, pr.HeadRef); err != nil {
			return s, err
		}
	}
	if s.Facts.Doubt, err = f.doubt(ctx, pr.Head); err != nil {
		return s, err
	}
	if pr.State == "open" && pr.BaseRef == f.Settings.Base {
		stale, err := f.readOpen(ctx, c, snap, &s, old)
		if err != nil {
			return s, err
		}
		if stale {
			s.Pull, s.Verdict = old, Verdict{Word: store.Waiting, Reason: "it was read while it was moving on, and is read again"}
			return s, nil
		}
	}
	s.Verdict = Judge(s.Facts)
	if err := f.settle(ctx, snap, &s); err != nil {
		return s, err
	}
	s.Pull, err = f.keep(ctx, snap, s, old)
	return s, err
}

// settle ends what a verdict makes void: the approval of what was closed or pointed elsewhere, the rejection that nobody
// can answer any more, and the doubt about a merge or an update that did not come.
func (f *Factory) settle(ctx context.Context, snap Snapshot, s *Standing) error {
	word := s.Verdict.Word
	if word == store.Landed || word == store.Closed {
		for _, what := range []string{stoppedWhat(s.Facts.PR.Number), otherDaemon(s.Facts.PR.Number)} {
			if err := f.Store.Settled(ctx, what); err != nil {
				return err
			}
		}
	}
	if word != store.Red && len(s.Verdict.Stopped) == 0 {
		if err := f.dropDoubts(ctx, s.Pull.Ticket, rerunKind); err != nil { // another run has begun, or is wanted no more
			return err
		}
	}
	switch word {
	case store.Approval, store.Landing, store.Behind, store.Landed: // it is still wanted, or its end is followed
	default:
		if err := f.dropDoubts(ctx, s.Pull.Ticket, mergeKind, updateKind); err != nil {
			return err
		}
	}
	if word != store.GivenUp && word != store.Unknown {
		if err := f.dropDoubts(ctx, s.Pull.Ticket, giveUpKind); err != nil { // a person has taken it meanwhile
			return err
		}
	}
	if over := word == store.Closed || s.Facts.PR.BaseRef != f.Settings.Base; over {
		err := f.Store.EndGrant(ctx, s.Facts.PR.Number, store.ApprovalVoid, "the pull request is "+word+": "+s.Verdict.Reason)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	rejects, err := f.Store.Asked(ctx, store.RequestReject)
	if err != nil {
		return err
	}
	for _, r := range rejects {
		if r.Pull != s.Facts.PR.Number {
			continue
		}
		stands := true
		if s.Facts.PR.State == "open" && s.Facts.PR.BaseRef == f.Settings.Base {
			if stands, err = f.stillMeant(ctx, snap, r, s.Facts.PR.Head); err != nil {
				return err
			}
		}
		if !stands || word == store.Landed || word == store.Closed || word == store.GivenUp {
			said := fmt.Sprintf("#%d has moved on since: %s", r.Pull, word)
			if stands && word == store.GivenUp {
				said = fmt.Sprintf("No session answered this: #%d is given up.", r.Pull)
			}
			if err := f.Store.Answer(ctx, r.ID, said); err != nil {
				return err
			}
		}
	}
	return nil
}

// readOpen fills in what only an open pull request has. stale means that nothing can be concluded: GitHub's answer is older than
// our own push, or the base that it would be judged by is older than the head.
func (f *Factory) readOpen(ctx context.Context, c *forge.Client, snap Snapshot, s *Standing, old store.Pull) (stale bool, err error) {
	facts, pr := &s.Facts, s.Facts.PR
	if old.Head != "" && old.Head != pr.Head {
		// A new head may hold what the base has got since it was read. Judged by the old base that would be a person's work, and
		// void an approval.
		base, err := f.Forge.Fresh().Branch(ctx, f.Settings.Base)
		if err != nil || base != snap.BaseSHA {
			return err == nil, err
		}
	}
	if err = f.need(ctx, pr.Head); err != nil {
		return false, err
	}
	if old.Pushed != "" && old.Pushed != pr.Head {
		known, err := f.has(ctx, old.Pushed)
		if err == nil && known {
			stale, err = f.Mirror.IsAncestor(ctx, pr.Head, old.Pushed)
		}
		if err == nil && stale { // unless a person has set the branch back: git itself shows no old head
			at, _, asked := f.Mirror.Remote(ctx, pr.HeadRef)
			stale, err = at != pr.Head, asked
		}
		if err != nil || stale {
			return stale, err
		}
	}
	if facts.Checks, err = c.Checks(ctx, pr.Head); err != nil {
		return false, err
	}
	if facts.Reviews, err = c.Reviews(ctx, pr.Number); err != nil {
		return false, err
	}
	if len(facts.Reviews) > 0 { // what is said about a line is part of a review
		if facts.Threads, err = c.Threads(ctx, pr.Number); err != nil {
			return false, err
		}
	}
	if facts.SameWork, err = f.sameWork(ctx, snap, *facts); err != nil {
		return false, err
	}
	if err := f.compare(ctx, c, snap, s); err != nil {
		return false, err
	}
	if old.Pushed != "" && old.Pushed != pr.Head && s.Pull.PatchID == old.PatchID {
		if clean, err := f.cleanlyUpdated(ctx, old.Pushed, pr.Head, snap.BaseSHA); err != nil {
			return false, err
		} else if clean {
			facts.Pushed = pr.Head
		}
	}
	if err := f.bind(ctx, snap, s); err != nil {
		return false, err
	}
	return false, f.readAsked(ctx, snap, s)
}

// compare asks git how the head stands to the base. It asks from where the branch left the base, which stays the same
// while the base moves on: git then has to look at a diff once a head, not once a head and base.
func (f *Factory) compare(ctx context.Context, c *forge.Client, snap Snapshot, s *Standing) error {
	facts, head := &s.Facts, s.Facts.PR.Head
	fork, err := f.Mirror.MergeBase(ctx, snap.BaseSHA, head)
	if err != nil {
		return err
	}
	facts.Current = fork == snap.BaseSHA
	if s.Pull.PatchID, err = f.Mirror.PatchID(ctx, fork, head); err != nil || facts.Current {
		return err
	}
	if facts.Conflicts, err = f.Mirror.Conflicts(ctx, snap.BaseSHA, head); err != nil {
		return err
	}
	if slices.ContainsFunc(facts.Checks, func(c forge.Check) bool { return isFailure(c.State) }) {
		facts.ForkChecks, err = c.Checks(ctx, fork)
	}
	return err
}

// has tells whether the mirror holds a commit that is remembered from earlier. One that was pushed over on GitHub is lost
// with a mirror that had to be made anew.
func (f *Factory) has(ctx context.Context, sha string) (bool, error) {
	_, err := f.Mirror.Resolve(ctx, sha)
	if errors.Is(err, worktree.ErrNoRevision) {
		return false, nil
	}
	return err == nil, err
}

// onlyUpdated tells that what leads from one head of a branch to another is nothing but merges of the base. Nothing leads
// from a head that is not to be had any more.
func (f *Factory) onlyUpdated(ctx context.Context, from, to, base string) (bool, error) {
	if known, err := f.has(ctx, from); err != nil || !known {
		return false, err
	}
	if descends, err := f.Mirror.IsAncestor(ctx, from, to); err != nil || !descends {
		return false, err
	}
	added, err := f.Mirror.Added(ctx, from, to, base)
	return added == 0, err
}

// cleanlyUpdated is onlyUpdated where git made the merges by itself. A merge can carry a change of its own, and one that puts
// the same lines to another place does not even show in the patch-id.
func (f *Factory) cleanlyUpdated(ctx context.Context, from, to, base string) (bool, error) {
	if only, err := f.onlyUpdated(ctx, from, to, base); err != nil || !only {
		return false, err
	}
	taken, err := f.Mirror.MergeBase(ctx, base, to)
	if err != nil {
		return false, err
	}
	return f.Mirror.CleanMerge(ctx, to, from, taken)
}

// sameWork finds the heads that were reviewed and differ from the present one by updates from the base alone: what was
// said of them has not been answered.
func (f *Factory) sameWork(ctx context.Context, snap Snapshot, facts Facts) ([]string, error) {
	var same []string
	for _, r := range facts.Reviews {
		if r.CommitID == "" || r.CommitID == facts.PR.Head || slices.Contains(same, r.CommitID) {
			continue
		}
		updated, err := f.onlyUpdated(ctx, r.CommitID, facts.PR.Head, snap.BaseSHA)
		if err != nil {
			return nil, err
		}
		if updated {
			same = append(same, r.CommitID)
		}
	}
	return same, nil
}

// stillMeant tells that a rejection is about what stands there: the head that the person was shown, or that head brought
// up to date with the base, which answers nothing.
func (f *Factory) stillMeant(ctx context.Context, snap Snapshot, r store.Request, head string) (bool, error) {
	if r.Head == "" || r.Head == head {
		return true, nil
	}
	return f.onlyUpdated(ctx, r.Head, head, snap.BaseSHA)
}

// readAsked fills in what people have asked of a pull request, and whether a session works on it.
func (f *Factory) readAsked(ctx context.Context, snap Snapshot, s *Standing) error {
	rejects, err := f.Store.Asked(ctx, store.RequestReject)
	if err != nil {
		return err
	}
	for _, r := range rejects {
		if r.Pull != s.Facts.PR.Number {
			continue
		}
		stands, err := f.stillMeant(ctx, snap, r, s.Facts.PR.Head)
		if err != nil {
			return err
		}
		if stands {
			s.Facts.Reject, s.Reject = r.Text, &r
			break
		}
	}
	if ticket, _ := ticketOf(s.Facts.PR.HeadRef); ticket != 0 {
		t, err := f.Store.Ticket(ctx, ticket)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		s.Facts.Parked = t.Parked
	}
	runs, err := f.Store.Running(ctx)
	s.Facts.Working = slices.ContainsFunc(runs, func(r store.Run) bool { return r.Pull == s.Facts.PR.Number && r.Role != store.Prover })
	return err
}

// keep writes what was read of a pull request.
func (f *Factory) keep(ctx context.Context, snap Snapshot, s Standing, old store.Pull) (store.Pull, error) {
	pr := s.Facts.PR
	read := pr.State == "open" && pr.BaseRef == f.Settings.Base // as far as git was asked
	diff := f.diffPath(pr.Number, pr.Head)
	if read && (old.DiffPath != diff || missing(diff)) { // a person may have tidied it away
		if err := f.writeDiff(ctx, diff, snap.BaseSHA, pr.Head); err != nil {
			return s.Pull, err
		}
	}
	var events []store.Event
	by := old.MergedBy
	if s.Verdict.Word == store.Landed && old.Verdict != store.Landed {
		// The Merger records its own merges itself; what is met here was merged by somebody else, or the merge's
		// answer was lost with the process that asked for it.
		var err error
		if by, err = f.approver(ctx, pr.Number); err != nil {
			return s.Pull, err
		}
		events = append(events, f.mergedEvent(pr.MergeSHA, by, old))
	}
	if old.Number == 0 {
		events = append(events, store.Event{Kind: store.PullOpened, Data: map[string]string{"title": pr.Title, "url": pr.URL}})
	}
	return f.Store.ReadPull(ctx, pr.Number, s.seen, func(p *store.Pull) {
		ticket, _ := ticketOf(pr.HeadRef)
		p.Ticket, p.Title, p.URL, p.Branch, p.Base = ticket, pr.Title, pr.URL, pr.HeadRef, pr.BaseRef
		p.Verdict, p.Reason, p.Reverts = s.Verdict.Word, s.Verdict.Reason, s.Facts.Reverts
		p.Additions, p.Deletions = pr.Additions, pr.Deletions
		if p.OpenedAt.IsZero() {
			p.OpenedAt = pr.CreatedAt
		}
		if pr.Merged {
			p.MergedSHA, p.MergedAt, p.MergedBy = pr.MergeSHA, pr.MergedAt, by
		}
		if !read {
			return
		}
		p.Head, p.BaseSHA, p.PatchID, p.DiffPath, p.Pushed = pr.Head, snap.BaseSHA, s.Pull.PatchID, diff, s.Facts.Pushed
		p.Files = filePaths(pr)
		p.Proof = proofLine(p.Receipt, pr.Head)
		p.Checks = nil
		for _, c := range s.Facts.Checks {
			p.Checks = append(p.Checks, store.Check{Name: c.Name, State: string(c.State), URL: c.URL, Required: slices.ContainsFunc(snap.Required, func(r forge.Required) bool { return r.Is(c) })})
		}
	}, events...)
}

func filePaths(pr forge.PullRequest) []string {
	var out []string
	for _, file := range pr.Files {
		out = append(out, file.Path)
	}
	return out
}

// approver is who approved a pull request; "" when nobody did, as with one that a person merged on GitHub.
func (f *Factory) approver(ctx context.Context, pull int) (string, error) {
	g, err := f.Store.Grant(ctx, pull)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return g.ByName, err
}

// mergedEvent tells of a merge and of the person whose approval it used.
func (f *Factory) mergedEvent(sha, by string, p store.Pull) store.Event {
	data := map[string]string{"sha": sha, "by": by}
	if !p.OpenedAt.IsZero() {
		data["age"] = f.Store.Now().Sub(p.OpenedAt).Round(time.Second).String()
	}
	return store.Event{Kind: store.Merged, Data: data}
}
