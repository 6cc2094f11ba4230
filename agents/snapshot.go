package agents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
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
	Required   []forge.Required
	Standings  []Standing
	Others     []forge.PullRequest // open pull requests that are not the factory's
}

// snapshot reads the base and the open pull requests, judges each, and keeps it all in the store. Where the base or the
// list cannot be read it fails as a whole; one pull request that cannot be read is unknown, and the others go on.
func (f *Factory) snapshot(ctx context.Context, c *forge.Client) (Snapshot, error) {
	snap, listed, err := f.survey(ctx, c)
	if err != nil {
		return snap, fmt.Errorf("snapshot: %w", err)
	}
	known, err := f.Store.Pulls(ctx)
	if err != nil {
		return snap, err
	}
	numbers := map[int]bool{}
	for _, p := range known {
		numbers[p.Number] = true // open as we know it: it is read whether it is still on the list or not
	}
	for _, pr := range listed {
		switch {
		case numbers[pr.Number]:
		case f.ours(pr) && pr.BaseRef == f.Settings.Base:
			numbers[pr.Number] = true
		default:
			snap.Others = append(snap.Others, pr)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(numbers)) {
		standing, err := f.stand(ctx, c, snap, number)
		if err != nil && f.stopsSnapshot(ctx, c, err) {
			return snap, fmt.Errorf("snapshot: pull request #%d: %w", number, err)
		}
		if err != nil {
			standing, err = f.unreadable(ctx, number, err)
			if err != nil {
				return snap, err
			}
		}
		if word := standing.Verdict.Word; word != store.Landed && word != store.Closed {
			snap.Standings = append(snap.Standings, standing)
		}
	}
	return snap, nil
}

// survey reads what every verdict needs: the base as it stands, and the list of open pull requests.
func (f *Factory) survey(ctx context.Context, c *forge.Client) (snap Snapshot, listed []forge.PullRequest, err error) {
	snap.At = f.Store.Now()
	if snap.BaseSHA, err = c.Branch(ctx, f.Settings.Base); err != nil {
		return snap, nil, fmt.Errorf("base %s: %w", f.Settings.Base, err)
	}
	if err := f.need(ctx, snap.BaseSHA); err != nil {
		return snap, nil, fmt.Errorf("base %s: %w", f.Settings.Base, err)
	}
	if snap.BaseChecks, err = c.Checks(ctx, snap.BaseSHA); err != nil {
		return snap, nil, fmt.Errorf("checks of %s: %w", f.Settings.Base, err)
	}
	if snap.BaseChecks, err = f.withoutDeployments(ctx, c, snap.BaseChecks); err != nil {
		return snap, nil, fmt.Errorf("checks of %s: %w", f.Settings.Base, err)
	}
	if snap.Required, err = c.RequiredChecks(ctx, f.Settings.Base); err != nil {
		return snap, nil, fmt.Errorf("required checks: %w", err)
	}
	listed, err = c.PullRequests(ctx)
	return snap, listed, err
}

// ours tells the pull requests that the factory opened: from a branch of its own, in this very repository. Anybody can
// name a branch of a fork as we do.
func (f *Factory) ours(pr forge.PullRequest) bool {
	_, named := ticketOf(pr.HeadRef)
	return named && strings.EqualFold(pr.HeadRepo, f.Store.Repo())
}

// stopsAll tells the errors that say nothing about one pull request, but about GitHub or the way there.
func (f *Factory) stopsAll(err error) bool {
	var limited *forge.RateLimited
	var lost *forge.Unreachable
	return errors.As(err, &limited) || errors.As(err, &lost) || errors.Is(err, forge.ErrUnauthorized)
}

// stopsSnapshot tells whether a pull request's reading failed for a reason that the others would meet as well. GitHub has
// pages that it cannot make, ever; so where no answer came, it is asked for something else.
func (f *Factory) stopsSnapshot(ctx context.Context, c *forge.Client, problem error) bool {
	var lost *forge.Unreachable
	if errors.As(problem, &lost) {
		_, err := c.Fresh().Branch(ctx, f.Settings.Base)
		return err != nil
	}
	return ctx.Err() != nil || f.stopsAll(problem)
}

// unreadable keeps a pull request whose reading failed: unknown is never green. What was given up stays so.
func (f *Factory) unreadable(ctx context.Context, number int, problem error) (Standing, error) {
	var s Standing
	s.Verdict = Verdict{Word: store.Unknown, Reason: "could not be read: " + firstLine(problem.Error())}
	var err error
	s.Pull, err = f.Store.UpdatePull(ctx, number, func(p *store.Pull) {
		switch p.Verdict {
		case store.Landed, store.Closed, store.GivenUp:
		default:
			p.Verdict, p.Reason = s.Verdict.Word, s.Verdict.Reason
		}
	})
	return s, err
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
