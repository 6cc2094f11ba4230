package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"
)

// NewIssue is a ticket to be filed.
type NewIssue struct {
	Title, Body string
	Labels      []string
	Milestone   int // its number; 0 = none
}

// CreateIssue files a ticket. It is in no column yet: Move puts it on the board.
func (c *Client) CreateIssue(ctx context.Context, n NewIssue) (Ticket, error) {
	request := &github.IssueRequest{Title: &n.Title, Body: &n.Body}
	if len(n.Labels) > 0 {
		request.Labels = &n.Labels
	}
	if n.Milestone != 0 {
		request.Milestone = &n.Milestone
	}
	issue, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.Issue, *github.Response, error) {
		return c.rest.Issues.Create(ctx, c.owner, c.repo, request)
	})
	if err != nil {
		return Ticket{}, fmt.Errorf("create issue %q: %w", n.Title, err)
	}
	return ticketOf(issue), nil
}

// Move puts a ticket into a column, and on the board first where it is missing. It returns the ticket as the board says
// it stands now. Moving a ticket to where it is already changes nothing.
func (c *Client) Move(ctx context.Context, t Ticket, status string) (Ticket, error) {
	if !isStatus(status) {
		return Ticket{}, fmt.Errorf("move ticket #%d: %q is not a column of ours", t.Number, status)
	}
	moved, err := c.board.move(ctx, c, t, status)
	if err == nil && moved.Status != status {
		err = &Refused{Status: http.StatusUnprocessableEntity, Message: fmt.Sprintf("the board says %q after the move", moved.Status)}
	}
	if err != nil {
		return Ticket{}, fmt.Errorf("move ticket #%d to %s: %w", t.Number, status, err)
	}
	return moved, nil
}

// Comment says something below an issue or a pull request.
func (c *Client) Comment(ctx context.Context, number int, body string) (Comment, error) {
	comment, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.IssueComment, *github.Response, error) {
		return c.rest.Issues.CreateComment(ctx, c.owner, c.repo, number, &github.IssueComment{Body: &body})
	})
	if err != nil {
		return Comment{}, fmt.Errorf("comment on #%d: %w", number, err)
	}
	return commentOf(comment), nil
}

// EditComment replaces the text of a comment.
func (c *Client) EditComment(ctx context.Context, id int64, body string) (Comment, error) {
	comment, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.IssueComment, *github.Response, error) {
		return c.rest.Issues.EditComment(ctx, c.owner, c.repo, id, &github.IssueComment{Body: &body})
	})
	if err != nil {
		return Comment{}, fmt.Errorf("edit comment %d: %w", id, err)
	}
	return commentOf(comment), nil
}

// AddLabels returns all labels that are there afterwards. GitHub creates those it does not know.
func (c *Client) AddLabels(ctx context.Context, number int, labels ...string) ([]string, error) {
	list, err := write(ctx, c, restBudget, func(ctx context.Context) ([]*github.Label, *github.Response, error) {
		return c.rest.Issues.AddLabelsToIssue(ctx, c.owner, c.repo, number, labels)
	})
	if err != nil {
		return nil, fmt.Errorf("add labels %s to #%d: %w", strings.Join(labels, ", "), number, err)
	}
	return labelNames(list), nil
}

// RemoveLabel takes a label off; one that is not there is off already.
func (c *Client) RemoveLabel(ctx context.Context, number int, label string) error {
	err := writeOnly(ctx, c, func(ctx context.Context) (*github.Response, error) {
		// go-github puts the name into the path as it is: what follows a question mark would name no label.
		return c.rest.Issues.RemoveLabelForIssue(ctx, c.owner, c.repo, number, url.PathEscape(label))
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("remove label %s from #%d: %w", label, number, err)
	}
	return nil
}

// Assign adds people to a ticket and returns all who are assigned afterwards: GitHub passes in silence over those who
// may not be.
func (c *Client) Assign(ctx context.Context, number int, people ...string) ([]string, error) {
	issue, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.Issue, *github.Response, error) {
		return c.rest.Issues.AddAssignees(ctx, c.owner, c.repo, number, people)
	})
	if err != nil {
		return nil, fmt.Errorf("assign #%d to %s: %w", number, strings.Join(people, ", "), err)
	}
	return logins(issue.Assignees), nil
}

// CloseTicket closes a ticket as done. One that is closed already stays so.
func (c *Client) CloseTicket(ctx context.Context, number int) error {
	state, reason := "closed", "completed"
	_, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.Issue, *github.Response, error) {
		return c.rest.Issues.Edit(ctx, c.owner, c.repo, number, &github.IssueRequest{State: &state, StateReason: &reason})
	})
	if err != nil {
		return fmt.Errorf("close #%d: %w", number, err)
	}
	return nil
}
