package forge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"
)

// labelBoard keeps the column in a label of the issue; Done is the closed issue.
type labelBoard struct{ columns columns }

func newLabels(o Options) *labelBoard {
	return &labelBoard{columnsOf(o.Board.Columns, columns{
		{Todo, "status: todo"}, {InProgress, "status: in progress"}, {InReview, "status: in review"},
	})}
}

func (b *labelBoard) placeAll(ctx context.Context, c *Client, tickets []Ticket) error {
	for i := range tickets {
		if err := b.place(ctx, c, &tickets[i]); err != nil {
			return err
		}
		tickets[i].Position = i + 1
	}
	return nil
}

// place takes the column furthest along when a ticket carries several labels, as it does between the two writes of a
// move: a ticket in work twice is worse than one that waits.
func (b *labelBoard) place(_ context.Context, _ *Client, t *Ticket) error {
	t.Status = ""
	if !t.Open {
		t.Status = Done
		return nil
	}
	for _, column := range b.columns {
		if carries(t.Labels, column.theirs) {
			t.Status = column.ours
		}
	}
	return nil
}

// move adds before it removes: cut short in between, the ticket is on the board still, and moving it again ends it.
func (b *labelBoard) move(ctx context.Context, c *Client, t Ticket, status string) (Ticket, error) {
	if status == Done {
		if err := c.CloseTicket(ctx, t.Number); err != nil {
			return Ticket{}, err
		}
		t.Open = false
	} else {
		labels, err := c.AddLabels(ctx, t.Number, b.columns.theirs(status))
		if err != nil {
			return Ticket{}, err
		}
		t.Labels = labels
	}
	for _, column := range b.columns {
		if column.ours != status && carries(t.Labels, column.theirs) {
			if err := c.RemoveLabel(ctx, t.Number, column.theirs); err != nil {
				return Ticket{}, err
			}
			t.Labels = slices.DeleteFunc(slices.Clone(t.Labels), func(l string) bool { return strings.EqualFold(l, column.theirs) })
		}
	}
	err := b.place(ctx, c, &t)
	return t, err
}

func (b *labelBoard) missing(ctx context.Context, c *Client) ([]string, error) {
	have, err := c.labels(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, column := range b.columns {
		if !carries(have, column.theirs) {
			names = append(names, column.theirs)
		}
	}
	return names, nil
}

func (b *labelBoard) create(ctx context.Context, c *Client) ([]string, error) {
	var want []string
	for _, column := range b.columns {
		want = append(want, column.theirs)
	}
	return c.EnsureLabels(ctx, want...)
}

// EnsureLabels creates those labels of the repository that it lacks, and names those it created.
func (c *Client) EnsureLabels(ctx context.Context, names ...string) ([]string, error) {
	have, err := c.labels(ctx)
	if err != nil {
		return nil, err
	}
	var created []string
	for _, name := range names {
		if carries(have, name) {
			continue
		}
		_, err := write(ctx, c, restBudget, func(ctx context.Context) (*github.Label, *github.Response, error) {
			return c.rest.Issues.CreateLabel(ctx, c.owner, c.repo, &github.Label{Name: &name})
		})
		var refused *Refused
		if errors.As(err, &refused) && strings.Contains(refused.Message, "already_exists") {
			continue // somebody was faster
		}
		if err != nil {
			return created, fmt.Errorf("create label %q: %w", name, err)
		}
		created = append(created, name)
	}
	return created, nil
}

func (c *Client) labels(ctx context.Context) ([]string, error) {
	list, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.Label, *github.Response, error) {
		return c.rest.Issues.ListLabels(ctx, c.owner, c.repo, &page)
	})
	if err != nil {
		return nil, fmt.Errorf("list labels: %w", err)
	}
	return labelNames(list), nil
}

// carries compares as GitHub does: label names differ in more than case.
func carries(labels []string, name string) bool {
	return slices.ContainsFunc(labels, func(l string) bool { return strings.EqualFold(l, name) })
}
