package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// Repository is what the factory must know of the repository it works on.
type Repository struct {
	FullName      string
	URL           string
	DefaultBranch string
	Private       bool
	Archived      bool
	CanPush       bool     // the token's rights
	CanAdmin      bool     // the token's rights
	MergeMethods  []string // of merge, squash and rebase, those allowed
}

// Probe is what doctor asks: who are we, what may we do, is the board there. What could not be read is empty.
type Probe struct {
	Login      string   // "" for tokens that belong to no user
	Scopes     []string // of a classic token; nil for tokens that have permissions instead
	Repository Repository
	Milestone  Milestone
	Missing    []string      // columns or status labels that the board lacks
	Skew       time.Duration // how far our clock is ahead of GitHub's, to the second
	Rate       Rate
}

// Repository returns the repository.
func (c *Client) Repository(ctx context.Context) (Repository, error) {
	repo, _, err := read(ctx, c, restBudget, func(ctx context.Context) (*github.Repository, *github.Response, error) {
		return c.rest.Repositories.Get(ctx, c.owner, c.repo)
	})
	if err != nil {
		return Repository{}, fmt.Errorf("read repository %s/%s: %w", c.owner, c.repo, err)
	}
	var methods []string
	for _, m := range []struct {
		name    string
		allowed bool
	}{{"merge", repo.GetAllowMergeCommit()}, {"squash", repo.GetAllowSquashMerge()}, {"rebase", repo.GetAllowRebaseMerge()}} {
		if m.allowed {
			methods = append(methods, m.name)
		}
	}
	return Repository{FullName: repo.GetFullName(), URL: repo.GetHTMLURL(), DefaultBranch: repo.GetDefaultBranch(),
		Private: repo.GetPrivate(), Archived: repo.GetArchived(), CanPush: repo.GetPermissions()["push"],
		CanAdmin: repo.GetPermissions()["admin"], MergeMethods: methods}, nil
}

// Branch returns the commit a branch is at, or ErrNotFound.
func (c *Client) Branch(ctx context.Context, name string) (string, error) {
	ref, _, err := read(ctx, c, restBudget, func(ctx context.Context) (*github.Reference, *github.Response, error) {
		return c.rest.Git.GetRef(ctx, c.owner, c.repo, "heads/"+name)
	})
	if err != nil {
		return "", fmt.Errorf("read branch %s: %w", name, err)
	}
	return ref.GetObject().GetSHA(), nil
}

// DeleteBranch deletes a branch wherever it is: GitHub has no condition for this, so look with Branch right before. One
// that is gone is deleted already.
func (c *Client) DeleteBranch(ctx context.Context, name string) error {
	err := writeOnly(ctx, c, func(ctx context.Context) (*github.Response, error) {
		return c.rest.Git.DeleteRef(ctx, c.owner, c.repo, "heads/"+name)
	})
	if err != nil && !errors.Is(err, ErrNotFound) && !refusedFor(err, "does not exist") {
		return fmt.Errorf("delete branch %s: %w", name, err)
	}
	return nil
}

// Probe asks all of it and returns every fault it met, joined: the rest of the answer is good all the same.
func (c *Client) Probe(ctx context.Context) (Probe, error) {
	c = c.Fresh()
	var p Probe
	var faults []error
	note := func(what string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", what, err))
		}
	}
	user, resp, err := read(ctx, c, restBudget, func(ctx context.Context) (*github.User, *github.Response, error) {
		return c.rest.Users.Get(ctx, "")
	})
	var refused *Refused
	switch {
	case err == nil:
		p.Login = user.GetLogin()
		p.Scopes = scopes(resp.Header)
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			p.Skew = c.now().Truncate(time.Second).Sub(date)
		}
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden: // a GitHub App's token is nobody's
	default:
		note("token", err)
	}
	p.Repository, err = c.Repository(ctx)
	note("repository", err)
	p.Milestone, err = c.Milestone(ctx)
	note("milestone", err)
	p.Missing, err = c.Missing(ctx)
	note("board", err)
	p.Rate = c.Rate()
	return p, errors.Join(faults...)
}

func scopes(h http.Header) []string {
	var list []string
	for scope := range strings.SplitSeq(h.Get("X-Oauth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			list = append(list, scope)
		}
	}
	return list
}
