package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"
)

// NewPullRequest is a pull request to be opened: Head and Base are branches of this repository.
type NewPullRequest struct {
	Title, Body string
	Head, Base  string
	Draft       bool
}

// PullRequestEdit is what changes; nil stays as it is.
type PullRequestEdit struct {
	Title, Body *string
	State       *string // open or closed
}

// MergeRequest says exactly what is merged.
type MergeRequest struct {
	SHA     string // the head that was approved; GitHub merges no other. Must be set.
	Method  string // merge, squash or rebase; "" = merge
	Title   string // of the commit; "" = GitHub's
	Message string // "" = GitHub's
}

// OpenPullRequest returns the pull request, or *Duplicate with the one that is open for that head.
func (c *Client) OpenPullRequest(ctx context.Context, n NewPullRequest) (PullRequest, error) {
	pull, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.PullRequest, *github.Response, error) {
		return c.rest.PullRequests.Create(ctx, c.owner, c.repo, &github.NewPullRequest{
			Title: &n.Title, Body: &n.Body, Head: &n.Head, Base: &n.Base, Draft: &n.Draft})
	})
	if refusedFor(err, "already exists") {
		err = c.duplicate(ctx, n.Head, err)
	}
	if err != nil {
		return PullRequest{}, fmt.Errorf("open pull request of %s: %w", n.Head, err)
	}
	return pullOf(pull), nil
}

// duplicate finds the pull request that stands in the way.
func (c *Client) duplicate(ctx context.Context, branch string, refused error) error {
	list, err := c.Fresh().PullRequestsByHead(ctx, branch)
	if err != nil {
		return errors.Join(refused, err)
	}
	for _, pull := range list {
		if pull.State == "open" {
			return &Duplicate{pull}
		}
	}
	return refused
}

// EditPullRequest changes title, text or state.
func (c *Client) EditPullRequest(ctx context.Context, number int, e PullRequestEdit) (PullRequest, error) {
	pull, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.PullRequest, *github.Response, error) {
		return c.rest.PullRequests.Edit(ctx, c.owner, c.repo, number, &github.PullRequest{Title: e.Title, Body: e.Body, State: e.State})
	})
	if err != nil {
		return PullRequest{}, fmt.Errorf("edit pull request #%d: %w", number, err)
	}
	return pullOf(pull), nil
}

// ConvertToDraft takes a pull request back from its readers. One that is a draft already stays one.
func (c *Client) ConvertToDraft(ctx context.Context, pull PullRequest) error {
	if err := c.setDraft(ctx, pull, "convert_to_draft", true); err != nil {
		return fmt.Errorf("convert pull request #%d to a draft: %w", pull.Number, err)
	}
	return nil
}

// MarkReady hands a draft to its readers. One that is no draft stays as it is.
func (c *Client) MarkReady(ctx context.Context, pull PullRequest) error {
	if err := c.setDraft(ctx, pull, "mark_ready", false); err != nil {
		return fmt.Errorf("mark pull request #%d ready for review: %w", pull.Number, err)
	}
	return nil
}

// setDraft runs one of the two mutations, whose documents name their answer alike, and reads back what it did.
func (c *Client) setDraft(ctx context.Context, pull PullRequest, document string, draft bool) error {
	var data struct {
		Changed struct {
			PullRequest struct {
				IsDraft bool `json:"isDraft"`
			} `json:"pullRequest"`
		} `json:"changed"`
	}
	err := c.mutate(ctx, graphCall{document: document, into: &data, variables: map[string]any{"pull": pull.NodeID}})
	if err == nil && data.Changed.PullRequest.IsDraft != draft {
		err = &Refused{Status: http.StatusUnprocessableEntity, Message: fmt.Sprintf("its draft state is %v after the change", !draft)}
	}
	return err
}

// UpdateBranch merges the base into the branch, if its head is still the one expected. GitHub does it soon after it has
// answered: read the pull request until its head has moved. Nothing to update is no error. ErrHeadMoved, and
// ErrNotMergeable when the two conflict.
func (c *Client) UpdateBranch(ctx context.Context, number int, expectedHead string) error {
	err := writeOnly(ctx, c, func(ctx context.Context) (*github.Response, error) {
		_, resp, err := c.rest.PullRequests.UpdateBranch(ctx, c.owner, c.repo, number,
			&github.PullRequestBranchUpdateOptions{ExpectedHeadSHA: &expectedHead})
		var accepted *github.AcceptedError
		if errors.As(err, &accepted) {
			return resp, nil
		}
		return resp, err
	})
	switch {
	case err == nil, refusedFor(err, "no new commits on the base"):
		return nil
	case refusedFor(err, "expected head sha"):
		err = fmt.Errorf("%w: %w", ErrHeadMoved, err)
	case refusedFor(err, "conflict"):
		err = fmt.Errorf("%w: %w", ErrNotMergeable, err)
	}
	return fmt.Errorf("update branch of pull request #%d: %w", number, err)
}

// Merge merges exactly m.SHA and returns the commit that the base has now. ErrHeadMoved when the head is another (409),
// ErrNotMergeable when GitHub will not have it as it is: conflicts, missing checks or reviews, a draft, or merged
// already (405).
func (c *Client) Merge(ctx context.Context, number int, m MergeRequest) (mergeSHA string, err error) {
	if m.SHA == "" {
		return "", fmt.Errorf("merge pull request #%d: without the head that was approved", number)
	}
	result, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.PullRequestMergeResult, *github.Response, error) {
		return c.rest.PullRequests.Merge(ctx, c.owner, c.repo, number, m.Message,
			&github.PullRequestOptions{SHA: m.SHA, MergeMethod: m.Method, CommitTitle: m.Title})
	})
	var refused *Refused
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusConflict:
			err = fmt.Errorf("%w: %w", ErrHeadMoved, err)
		case http.StatusMethodNotAllowed:
			err = fmt.Errorf("%w: %w", ErrNotMergeable, err)
		}
	}
	if err == nil && !result.GetMerged() {
		err = fmt.Errorf("%w: %s", ErrNotMergeable, result.GetMessage())
	}
	if err != nil {
		return "", fmt.Errorf("merge pull request #%d: %w", number, err)
	}
	return result.GetSHA(), nil
}

// refusedFor tells GitHub's 422s apart, by their words: there is nothing else.
func refusedFor(err error, words string) bool {
	var refused *Refused
	return errors.As(err, &refused) && refused.Status == http.StatusUnprocessableEntity &&
		strings.Contains(strings.ToLower(refused.Message), words)
}
