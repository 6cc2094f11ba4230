package forge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Board says where tickets stand.
type Board struct {
	Kind          string            // "project" (Projects v2) or "labels" (`status: …` labels, where a repository has no board)
	ProjectOwner  string            // organization or user; "" = the repository's owner
	ProjectNumber int               // as in its address
	StatusField   string            // the single select field that holds the column; "" = "Status"
	Columns       map[string]string // our word -> the board's column or label; those left out have the usual names
}

// board is what both kinds can do. They are handed the client with each call, because a fresh view has its own.
type board interface {
	// placeAll fills in status, item and position of tickets that were read just now; place those of one, without its
	// position.
	placeAll(ctx context.Context, c *Client, tickets []Ticket) error
	place(ctx context.Context, c *Client, t *Ticket) error
	// move returns the ticket as the board says it stands afterwards.
	move(ctx context.Context, c *Client, t Ticket, status string) (Ticket, error)
	// missing names what the board lacks; create makes it and names what was made.
	missing(ctx context.Context, c *Client) (names []string, err error)
	create(ctx context.Context, c *Client) (names []string, err error)
}

func isStatus(word string) bool {
	return slices.Contains([]string{Todo, InProgress, InReview, Done}, word)
}

func newBoard(o Options) (board, error) {
	for _, ours := range slices.Sorted(maps.Keys(o.Board.Columns)) {
		if !isStatus(ours) || o.Board.Columns[ours] == "" {
			return nil, fmt.Errorf("forge: board column %q: want one of %s, %s, %s, %s and the board's name for it",
				ours, Todo, InProgress, InReview, Done)
		}
	}
	switch o.Board.Kind {
	case "project":
		if o.Board.ProjectNumber <= 0 {
			return nil, fmt.Errorf("forge: board kind %q needs the project's number", o.Board.Kind)
		}
		return newProject(o), nil
	case "labels":
		return newLabels(o), nil
	}
	return nil, fmt.Errorf("forge: board kind %q: want %q or %q", o.Board.Kind, "project", "labels")
}

// columns are our words and the board's, in the order of the road a ticket takes.
type columns []column

type column struct{ ours, theirs string }

func columnsOf(chosen map[string]string, usual columns) columns {
	named := slices.Clone(usual)
	for i, c := range named {
		if theirs, ok := chosen[c.ours]; ok {
			named[i].theirs = theirs
		}
	}
	return named
}

func (c columns) theirs(ours string) string {
	for _, one := range c {
		if one.ours == ours {
			return one.theirs
		}
	}
	return ""
}

// ours gives a column that is none of ours its own name: a ticket in "Backlog" is somewhere, and not ours to take.
func (c columns) ours(theirs string) string {
	for _, one := range c {
		if strings.EqualFold(one.theirs, theirs) {
			return one.ours
		}
	}
	return theirs
}

// Missing names the columns or status labels that the board lacks; EnsureColumns would make them.
func (c *Client) Missing(ctx context.Context) ([]string, error) {
	names, err := c.board.missing(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read board's columns: %w", err)
	}
	return names, nil
}

// EnsureColumns makes the columns or status labels that the board lacks, and names those it made. Columns of a Projects v2
// board on which tickets stand are left alone, with an error that says what to add by hand: GitHub can only
// overwrite all columns together, and every item would lose its own.
func (c *Client) EnsureColumns(ctx context.Context) ([]string, error) {
	names, err := c.board.create(ctx, c)
	if err != nil {
		return names, fmt.Errorf("create board's columns: %w", err)
	}
	return names, nil
}
