package forge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// PullRequest is one pull request as GitHub tells it. Listings leave Mergeable, MergeableState, the counts and Files empty.
type PullRequest struct {
	Number            int
	NodeID            string
	Title, Body       string
	URL               string
	Author            string
	AuthorAssociation string
	State             string // open or closed
	Merged, Draft     bool
	Head, HeadRef     string // commit and branch
	HeadRepo          string // OWNER/REPO that the branch is in; "" when that repository is gone
	Base, BaseRef     string // commit that GitHub compares with, and branch
	MergeSHA          string // the commit on the base; "" until merged
	Mergeable         *bool  // nil = GitHub does not know yet: ask again
	MergeableState    string // clean, dirty, behind, blocked, unstable, draft, unknown
	Additions         int
	Deletions         int
	ChangedFiles      int
	Labels            []string
	CreatedAt         time.Time
	UpdatedAt         time.Time
	MergedAt          time.Time // zero until merged
	Files             []File
}

// File is one changed file. GitHub lists 3,000 at most: ChangedFiles tells the true count.
type File struct {
	Path         string
	Status       string // added, removed, modified, renamed, copied, changed, unchanged
	Additions    int
	Deletions    int
	PreviousPath string // of a renamed or copied file
}

// Review is what somebody decided about a pull request.
type Review struct {
	ID                int64
	Author            string
	AuthorAssociation string
	State             string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING
	Body              string
	CommitID          string // the head it was given on
	SubmittedAt       time.Time
}

// PullRequests returns the open ones, oldest first. They are listed, not searched: the search leaves some out.
func (c *Client) PullRequests(ctx context.Context) ([]PullRequest, error) {
	list, err := c.pulls(ctx, github.PullRequestListOptions{State: "open"})
	if err != nil {
		return nil, fmt.Errorf("list open pull requests: %w", err)
	}
	return list, nil
}

// PullRequestsByHead returns those of a branch of this repository, in any state, oldest first. GitHub is asked by the owner
// of the branch alone, who may have a fork of it besides.
func (c *Client) PullRequestsByHead(ctx context.Context, branch string) ([]PullRequest, error) {
	list, err := c.pulls(ctx, github.PullRequestListOptions{State: "all", Head: c.owner + ":" + branch})
	if err != nil {
		return nil, fmt.Errorf("list pull requests of %s: %w", branch, err)
	}
	return slices.DeleteFunc(list, func(p PullRequest) bool { return !strings.EqualFold(p.HeadRepo, c.owner+"/"+c.repo) }), nil
}

func (c *Client) pulls(ctx context.Context, options github.PullRequestListOptions) ([]PullRequest, error) {
	options.Sort, options.Direction = "created", "asc"
	list, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		options.ListOptions = page
		return c.rest.PullRequests.List(ctx, c.owner, c.repo, &options)
	})
	if err != nil {
		return nil, err
	}
	pulls := make([]PullRequest, len(list))
	for i, pull := range list {
		pulls[i] = pullOf(pull)
	}
	return pulls, nil
}

// PullRequest returns one with its files. The files may be of a newer head when somebody pushes in between: whoever
// needs them to agree reads again until Head stays.
func (c *Client) PullRequest(ctx context.Context, number int) (PullRequest, error) {
	raw, _, err := read(ctx, c, restBudget, func(ctx context.Context) (*github.PullRequest, *github.Response, error) {
		return c.rest.PullRequests.Get(ctx, c.owner, c.repo, number)
	})
	if err != nil {
		return PullRequest{}, fmt.Errorf("read pull request #%d: %w", number, err)
	}
	pull := pullOf(raw)
	files, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.CommitFile, *github.Response, error) {
		return c.rest.PullRequests.ListFiles(ctx, c.owner, c.repo, number, &page)
	})
	if err != nil {
		return PullRequest{}, fmt.Errorf("list files of pull request #%d: %w", number, err)
	}
	for _, f := range files {
		pull.Files = append(pull.Files, File{Path: f.GetFilename(), Status: f.GetStatus(), Additions: f.GetAdditions(),
			Deletions: f.GetDeletions(), PreviousPath: f.GetPreviousFilename()})
	}
	return pull, nil
}

// Reviews returns all reviews of a pull request, oldest first; of one person the last that decides counts.
func (c *Client) Reviews(ctx context.Context, number int) ([]Review, error) {
	list, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.PullRequestReview, *github.Response, error) {
		return c.rest.PullRequests.ListReviews(ctx, c.owner, c.repo, number, &page)
	})
	if err != nil {
		return nil, fmt.Errorf("list reviews of pull request #%d: %w", number, err)
	}
	reviews := make([]Review, len(list))
	for i, r := range list {
		reviews[i] = Review{ID: r.GetID(), Author: r.GetUser().GetLogin(), AuthorAssociation: r.GetAuthorAssociation(),
			State: r.GetState(), Body: r.GetBody(), CommitID: r.GetCommitID(), SubmittedAt: r.GetSubmittedAt().Time}
	}
	return reviews, nil
}

func pullOf(p *github.PullRequest) PullRequest {
	pull := PullRequest{
		Number: p.GetNumber(), NodeID: p.GetNodeID(), Title: p.GetTitle(), Body: p.GetBody(), URL: p.GetHTMLURL(),
		Author: p.GetUser().GetLogin(), AuthorAssociation: p.GetAuthorAssociation(), State: p.GetState(),
		Merged: p.GetMerged() || p.MergedAt != nil, // listings tell only the time
		Draft:  p.GetDraft(),
		Head:   p.GetHead().GetSHA(), HeadRef: p.GetHead().GetRef(), HeadRepo: p.GetHead().GetRepo().GetFullName(),
		Base: p.GetBase().GetSHA(), BaseRef: p.GetBase().GetRef(),
		Mergeable: p.Mergeable, MergeableState: p.GetMergeableState(),
		Additions: p.GetAdditions(), Deletions: p.GetDeletions(), ChangedFiles: p.GetChangedFiles(),
		Labels: labelNames(p.Labels), CreatedAt: p.GetCreatedAt().Time, UpdatedAt: p.GetUpdatedAt().Time, MergedAt: p.GetMergedAt().Time,
	}
	if pull.Merged { // before that the field holds GitHub's own trial merge
		pull.MergeSHA = p.GetMergeCommitSHA()
	}
	return pull
}
