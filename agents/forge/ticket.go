package forge

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"
)

// Where a ticket stands, in our words. The board may call them otherwise: Board.Columns.
const (
	Todo       = "Todo"
	InProgress = "In Progress"
	InReview   = "In Review"
	Done       = "Done"
)

// Ticket is an issue and where it stands on the board.
type Ticket struct {
	Number            int
	NodeID            string
	ItemID            string // of the Projects v2 item; "" when it is on no such board
	Title, Body       string
	URL               string
	Author            string
	AuthorAssociation string // OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE, …
	Labels            []string
	Milestone         string // its title
	Status            string // one of ours; a column that is none of ours by its own name; "" when it is in no column
	Open              bool
	Assignees         []string
	CreatedAt         time.Time
	UpdatedAt         time.Time
	Position          int // from the top of the board, 1 first; 0 when unknown. Set by Tickets alone.
}

// Milestone is what is worked on.
type Milestone struct {
	Number int
	Title  string
	DueOn  time.Time // zero when it has no date
}

// Comment is one comment below an issue or a pull request.
type Comment struct {
	ID                int64
	Author            string
	AuthorAssociation string
	Body              string
	URL               string
	CreatedAt         time.Time
}

// Milestone returns the current one: the configured title, else the open one due soonest; those without a date come
// last, older ones first. ErrNotFound when there is none.
func (c *Client) Milestone(ctx context.Context) (Milestone, error) {
	state := "open"
	if c.options.Milestone != "" {
		state = "all" // a configured milestone that was closed by mistake is still the one meant
	}
	list, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.Milestone, *github.Response, error) {
		return c.rest.Issues.ListMilestones(ctx, c.owner, c.repo, &github.MilestoneListOptions{State: state, ListOptions: page})
	})
	if err != nil {
		return Milestone{}, fmt.Errorf("list milestones: %w", err)
	}
	found, ok := current(list, c.options.Milestone)
	if !ok {
		if c.options.Milestone != "" {
			return Milestone{}, fmt.Errorf("milestone %q: %w", c.options.Milestone, ErrNotFound)
		}
		return Milestone{}, fmt.Errorf("open milestone: %w", ErrNotFound)
	}
	return found, nil
}

// current chooses among milestones.
func current(list []*github.Milestone, title string) (Milestone, bool) {
	var fitting []Milestone
	for _, m := range list {
		if title == "" || m.GetTitle() == title {
			fitting = append(fitting, Milestone{Number: m.GetNumber(), Title: m.GetTitle(), DueOn: m.GetDueOn().Time})
		}
	}
	if len(fitting) == 0 {
		return Milestone{}, false
	}
	return slices.MinFunc(fitting, func(a, b Milestone) int {
		switch {
		case a.DueOn.Equal(b.DueOn):
			return a.Number - b.Number
		case a.DueOn.IsZero():
			return 1
		case b.DueOn.IsZero():
			return -1
		}
		return a.DueOn.Compare(b.DueOn)
	}), true
}

// Tickets returns all tickets of the current milestone, open and closed, from the top of the board to its bottom; those
// that are not on the board follow in the order of their numbers.
func (c *Client) Tickets(ctx context.Context) ([]Ticket, error) {
	milestone, err := c.Milestone(ctx)
	if err != nil {
		return nil, err
	}
	list, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.Issue, *github.Response, error) {
		return c.rest.Issues.ListByRepo(ctx, c.owner, c.repo, &github.IssueListByRepoOptions{
			Milestone: fmt.Sprint(milestone.Number), State: "all", Sort: "created", Direction: "asc", ListOptions: page})
	})
	if err != nil {
		return nil, fmt.Errorf("list tickets of milestone %q: %w", milestone.Title, err)
	}
	tickets := make([]Ticket, 0, len(list))
	for _, issue := range list {
		if !issue.IsPullRequest() { // GitHub lists pull requests among the issues
			tickets = append(tickets, ticketOf(issue))
		}
	}
	if err := c.board.placeAll(ctx, c, tickets); err != nil {
		return nil, fmt.Errorf("read board: %w", err)
	}
	slices.SortFunc(tickets, func(a, b Ticket) int {
		switch {
		case a.Position == b.Position:
			return a.Number - b.Number
		case a.Position == 0:
			return 1
		case b.Position == 0:
			return -1
		}
		return a.Position - b.Position
	})
	return tickets, nil
}

// Ticket returns one, whatever its milestone. A pull request's number is ErrNotFound.
func (c *Client) Ticket(ctx context.Context, number int) (Ticket, error) {
	issue, _, err := read(ctx, c, restBudget, func(ctx context.Context) (*github.Issue, *github.Response, error) {
		return c.rest.Issues.Get(ctx, c.owner, c.repo, number)
	})
	if err == nil && issue.IsPullRequest() {
		err = fmt.Errorf("%w: it is a pull request", ErrNotFound)
	}
	if err != nil {
		return Ticket{}, fmt.Errorf("read ticket #%d: %w", number, err)
	}
	ticket := ticketOf(issue)
	if err := c.board.place(ctx, c, &ticket); err != nil {
		return Ticket{}, fmt.Errorf("read ticket #%d on the board: %w", number, err)
	}
	return ticket, nil
}

// Comments returns what was said below an issue or a pull request, oldest first.
func (c *Client) Comments(ctx context.Context, number int) ([]Comment, error) {
	list, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.IssueComment, *github.Response, error) {
		return c.rest.Issues.ListComments(ctx, c.owner, c.repo, number, &github.IssueListCommentsOptions{ListOptions: page})
	})
	if err != nil {
		return nil, fmt.Errorf("list comments of #%d: %w", number, err)
	}
	comments := make([]Comment, len(list))
	for i, comment := range list {
		comments[i] = commentOf(comment)
	}
	return comments, nil
}

func ticketOf(issue *github.Issue) Ticket {
	return Ticket{
		Number: issue.GetNumber(), NodeID: issue.GetNodeID(), Title: issue.GetTitle(), Body: issue.GetBody(),
		URL: issue.GetHTMLURL(), Author: issue.GetUser().GetLogin(), AuthorAssociation: issue.GetAuthorAssociation(),
		Labels: labelNames(issue.Labels), Milestone: issue.GetMilestone().GetTitle(), Open: issue.GetState() == "open",
		Assignees: logins(issue.Assignees), CreatedAt: issue.GetCreatedAt().Time, UpdatedAt: issue.GetUpdatedAt().Time,
	}
}

func commentOf(comment *github.IssueComment) Comment {
	return Comment{ID: comment.GetID(), Author: comment.GetUser().GetLogin(), AuthorAssociation: comment.GetAuthorAssociation(),
		Body: comment.GetBody(), URL: comment.GetHTMLURL(), CreatedAt: comment.GetCreatedAt().Time}
}

func labelNames(labels []*github.Label) []string {
	names := make([]string, len(labels))
	for i, label := range labels {
		names[i] = label.GetName()
	}
	return names
}

func logins(users []*github.User) []string {
	names := make([]string, len(users))
	for i, user := range users {
		names[i] = user.GetLogin()
	}
	return names
}
