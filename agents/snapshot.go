package agents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// branchPrefix marks the branches that are the factory's own.
const branchPrefix = "lightsout/"

// Standing is one pull request of the factory with everything its verdict was made from.
type Standing struct {
	Pull    store.Pull
	Facts   Facts
	Verdict Verdict
	Reject  *store.Request // the /reject behind a rejected verdict
	seen    time.Time      // when the row that this reading started from was written
}

// Snapshot is one reading of the world: the base and every open pull request of the factory.
type Snapshot struct {
	At         time.Time
	BaseSHA    string
	BaseChecks []forge.Check
	Required   []string
	Standings  []Standing
	Others     []forge.PullRequest // open pull requests that are not the factory's
}

// snapshot reads the base and the open pull requests, judges each, and keeps it all in the store. It fails as a whole
// where GitHub or git cannot be read: a verdict from half a reading would be a guess.
func (f *Factory) snapshot(ctx context.Context, c *forge.Client) (Snapshot, error) {
	snap := Snapshot{At: f.Store.Now()}
	var err error
	if snap.BaseSHA, err = c.Branch(ctx, f.Settings.Base); err != nil {
		return snap, fmt.Errorf("snapshot: base %s: %w", f.Settings.Base, err)
	}
	if err := f.need(ctx, snap.BaseSHA); err != nil {
		return snap, fmt.Errorf("snapshot: base %s: %w", f.Settings.Base, err)
	}
	if snap.BaseChecks, err = c.Checks(ctx, snap.BaseSHA); err != nil {
		return snap, fmt.Errorf("snapshot: checks of %s: %w", f.Settings.Base, err)
	}
	if snap.Required, err = c.RequiredChecks(ctx, f.Settings.Base); err != nil {
		return snap, fmt.Errorf("snapshot: required checks: %w", err)
	}
	listed, err := c.PullRequests(ctx)
	if err != nil {
		return snap, fmt.Errorf("snapshot: %w", err)
	}
	known, err := f.Store.Pulls(ctx)
	if err != nil {
		return snap, err
	}
	open := map[int]bool{}
	for _, pr := range listed {
		open[pr.Number] = true
		if _, ours := ticketOf(pr.HeadRef); !ours || pr.BaseRef != f.Settings.Base {
			snap.Others = append(snap.Others, pr)
			continue
		}
		standing, err := f.stand(ctx, c, snap, pr.Number)
		if err != nil {
			return snap, fmt.Errorf("snapshot: pull request #%d: %w", pr.Number, err)
		}
		snap.Standings = append(snap.Standings, standing)
	}
	for _, p := range known {
		if open[p.Number] {
			continue
		}
		// It is open in the store and not on the list: merged or closed while nobody looked.
		if _, err := f.stand(ctx, c, snap, p.Number); err != nil {
			return snap, fmt.Errorf("snapshot: pull request #%d: %w", p.Number, err)
		}
	}
	return snap, nil
}

// need sees to it that the mirror has a commit that GitHub has named, and fetches only when it has not.
func (f *Factory) need(ctx context.Context, sha string) error {
	_, err := f.Mirror.Resolve(ctx, sha)
	if !errors.Is(err, worktree.ErrNoRevision) {
		return err
	}
	if err := f.Mirror.Fetch(ctx); err != nil {
		return err
	}
	_, err = f.Mirror.Resolve(ctx, sha)
	return err
}

// stand reads one pull request, judges it and keeps both.
func (f *Factory) stand(ctx context.Context, c *forge.Client, snap Snapshot, number int) (Standing, error) {
	var s Standing
	pr, err := c.PullRequest(ctx, number)
	if err != nil {
		return s, err
	}
	old, err := f.Store.Pull(ctx, number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return s, err
	}
	s.seen = old.ReadAt
	s.Facts = Facts{Now: snap.At, PR: pr, BaseChecks: snap.BaseChecks, Required: snap.Required, Pushed: old.Pushed,
		GivenUp: old.Verdict == store.GivenUp, HeadSince: old.OpenedAt, Patience: f.Settings.ChecksPatience}
	if pr.State == "open" {
		if err := f.readOpen(ctx, c, snap, &s, old); err != nil {
			return s, err
		}
	}
	s.Verdict = Judge(s.Facts)
	s.Pull, err = f.keep(ctx, snap, s, old)
	return s, err
}

// readOpen fills in what only an open pull request has.
func (f *Factory) readOpen(ctx context.Context, c *forge.Client, snap Snapshot, s *Standing, old store.Pull) error {
	facts, pr := &s.Facts, s.Facts.PR
	var err error
	if err = f.need(ctx, pr.Head); err != nil {
		return err
	}
	if facts.Checks, err = c.Checks(ctx, pr.Head); err != nil {
		return err
	}
	if facts.Reviews, err = c.Reviews(ctx, pr.Number); err != nil {
		return err
	}
	if facts.Current, err = f.Mirror.IsAncestor(ctx, snap.BaseSHA, pr.Head); err != nil {
		return err
	}
	if !facts.Current {
		if facts.Conflicts, err = f.Mirror.Conflicts(ctx, snap.BaseSHA, pr.Head); err != nil {
			return err
		}
	}
	s.Pull.PatchID, err = f.Mirror.PatchID(ctx, snap.BaseSHA, pr.Head)
	if err != nil {
		return err
	}
	if old.Head != "" && old.Head == facts.Pushed && pr.Head != old.Head && s.Pull.PatchID == old.PatchID {
		// The diff is the same to the letter and the head descends from ours: a clean update from the base.
		if ours, err := f.Mirror.IsAncestor(ctx, old.Head, pr.Head); err != nil {
			return err
		} else if ours {
			facts.Pushed = pr.Head
		}
	}
	if err := f.bind(ctx, s, old); err != nil {
		return err
	}
	rejects, err := f.Store.Asked(ctx, store.RequestReject)
	if err != nil {
		return err
	}
	for _, r := range rejects {
		if r.Pull == pr.Number {
			facts.Reject, s.Reject = r.Text, &r
			break
		}
	}
	runs, err := f.Store.Running(ctx)
	if err != nil {
		return err
	}
	facts.Working = slices.ContainsFunc(runs, func(r store.Run) bool { return r.Pull == pr.Number })
	return nil
}

// bind tells whether a person's approval still binds, and ends it when the diff is another by now.
func (f *Factory) bind(ctx context.Context, s *Standing, old store.Pull) error {
	pr := s.Facts.PR
	grant, err := f.Store.Grant(ctx, pr.Number)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	same := grant.PatchID == s.Pull.PatchID && s.Pull.PatchID != ""
	if same && grant.Head != pr.Head {
		if same, err = f.Mirror.IsAncestor(ctx, grant.Head, pr.Head); err != nil {
			return err
		}
	}
	if same {
		s.Facts.Approved = true
		return nil
	}
	// The row must show the new head before the approval's end is told: a person answers what they are shown.
	row, err := f.Store.UpdatePull(ctx, pr.Number, func(p *store.Pull) { p.Head, p.PatchID = pr.Head, s.Pull.PatchID })
	if err != nil {
		return err
	}
	s.seen = row.ReadAt
	reason := fmt.Sprintf("the approved diff was %.7s, the branch is at %.7s by now", grant.Head, pr.Head)
	err = f.Store.EndGrant(ctx, pr.Number, store.ApprovalVoid, reason)
	if errors.Is(err, store.ErrNotFound) {
		return nil // withdrawn by a person in between
	}
	return err
}

// keep writes what was read of a pull request.
func (f *Factory) keep(ctx context.Context, snap Snapshot, s Standing, old store.Pull) (store.Pull, error) {
	pr := s.Facts.PR
	diff := old.DiffPath
	if pr.State == "open" && (old.Head != pr.Head || diff == "") {
		var err error
		if diff, err = f.writeDiff(ctx, pr, snap.BaseSHA); err != nil {
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
	return f.Store.UpdatePull(ctx, pr.Number, func(p *store.Pull) {
		if p.ReadAt != s.seen || p.Verdict == store.Landed {
			return // another role wrote since this reading began, or the story is over: the next tick reads again
		}
		ticket, _ := ticketOf(pr.HeadRef)
		p.Ticket, p.Title, p.URL, p.Branch, p.Base = ticket, pr.Title, pr.URL, pr.HeadRef, pr.BaseRef
		p.Verdict, p.Reason = s.Verdict.Word, s.Verdict.Reason
		p.Additions, p.Deletions = pr.Additions, pr.Deletions
		if p.OpenedAt.IsZero() {
			p.OpenedAt = pr.CreatedAt
		}
		if pr.Merged {
			p.MergedSHA, p.MergedAt, p.MergedBy = pr.MergeSHA, pr.MergedAt, by
		}
		if pr.State != "open" {
			return
		}
		p.Head, p.BaseSHA, p.PatchID, p.DiffPath, p.Pushed = pr.Head, snap.BaseSHA, s.Pull.PatchID, diff, s.Facts.Pushed
		p.Files = nil
		for _, file := range pr.Files {
			p.Files = append(p.Files, file.Path)
		}
		p.Checks = nil
		for _, c := range s.Facts.Checks {
			p.Checks = append(p.Checks, store.Check{Name: c.Name, State: string(c.State), URL: c.URL, Required: slices.Contains(snap.Required, c.Name)})
		}
	}, events...)
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

// writeDiff keeps the diff of a pull request as a file, for a person who asks for it.
func (f *Factory) writeDiff(ctx context.Context, pr forge.PullRequest, base string) (string, error) {
	diff, err := f.Mirror.Diff(ctx, base, pr.Head)
	if err != nil {
		return "", err
	}
	name := filepath.Join(f.Dir, "diffs", strconv.Itoa(pr.Number)+".diff")
	return name, writeFile(name, diff)
}

// writeFile replaces a private file as a whole, so that a reader never meets half of it.
func writeFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = bytes.NewReader(content).WriteTo(temporary)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

// ticketOf reads the ticket's number off a branch of the factory.
func ticketOf(branch string) (int, bool) {
	rest, ours := strings.CutPrefix(branch, branchPrefix)
	if !ours {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, "-")
	n, err := strconv.Atoi(number)
	return n, err == nil && n > 0
}

// ticketName names a ticket's folders.
func ticketName(ticket int) string { return "ticket-" + strconv.Itoa(ticket) }

// textHash pins a ticket's text, so that a change of it after the claim is seen.
func textHash(t forge.Ticket) string {
	sum := sha256.Sum256([]byte(t.Title + "\x00" + t.Body))
	return hex.EncodeToString(sum[:])
}
