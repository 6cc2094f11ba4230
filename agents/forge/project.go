package forge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// projectBoard is a Projects v2 board: the column is the value of a single select field of the item.
type projectBoard struct {
	owner   string
	number  int
	field   string
	columns columns

	mu    sync.Mutex
	known *project // ids change only when somebody rebuilds the board; forgotten when GitHub does not accept them
}

// project is what a move must name.
type project struct {
	ID    string       `json:"id"`
	Title string       `json:"title"`
	URL   string       `json:"url"`
	Field *statusField `json:"field"` // nil when there is none of that name
}

type statusField struct {
	ID      string   `json:"id"`
	Options []option `json:"options"`
}

type option struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name"`
	Color       string `json:"color"`
	Description string `json:"description"`
}

// item is a ticket's place on the board.
type item struct {
	ID         string `json:"id"`
	IsArchived bool   `json:"isArchived"`
	Project    struct {
		ID string `json:"id"`
	} `json:"project"`
	Status *struct {
		Name string `json:"name"`
	} `json:"fieldValueByName"` // nil when it has none
	Content *struct { // nil when we may not see it; empty when it is no issue
		Number     int `json:"number"`
		Repository struct {
			NameWithOwner string `json:"nameWithOwner"`
		} `json:"repository"`
	} `json:"content"`
}

func newProject(o Options) *projectBoard {
	b := &projectBoard{owner: o.Board.ProjectOwner, number: o.Board.ProjectNumber, field: o.Board.StatusField,
		columns: columnsOf(o.Board.Columns, columns{{Todo, Todo}, {InProgress, InProgress}, {InReview, InReview}, {Done, Done}})}
	if b.owner == "" {
		b.owner = o.Owner
	}
	if b.field == "" {
		b.field = "Status"
	}
	return b
}

func (b *projectBoard) placeAll(ctx context.Context, c *Client, tickets []Ticket) error {
	items, err := b.items(ctx, c)
	if err != nil {
		return err
	}
	type place struct {
		item     item
		position int
	}
	ours := map[int]place{}
	full := c.owner + "/" + c.repo
	for i, it := range items {
		if it.Content != nil && !it.IsArchived && strings.EqualFold(it.Content.Repository.NameWithOwner, full) {
			ours[it.Content.Number] = place{it, i + 1}
		}
	}
	for i := range tickets {
		if at, ok := ours[tickets[i].Number]; ok {
			b.put(&tickets[i], at.item)
			tickets[i].Position = at.position
		}
	}
	return nil
}

// items reads the board to its end. An item whose issue we may not read is still an item, with a place of its own.
func (b *projectBoard) items(ctx context.Context, c *Client) ([]item, error) {
	var all []item
	var after *string
	for range maxPages {
		var data struct {
			RepositoryOwner *struct {
				ProjectV2 *struct {
					Items struct {
						PageInfo struct {
							HasNextPage bool   `json:"hasNextPage"`
							EndCursor   string `json:"endCursor"`
						} `json:"pageInfo"`
						Nodes []*item `json:"nodes"`
					} `json:"items"`
				} `json:"projectV2"`
			} `json:"repositoryOwner"`
		}
		err := c.query(ctx, graphCall{document: "project_items", into: &data, optional: "content", variables: map[string]any{
			"owner": b.owner, "number": b.number, "field": b.field, "after": after}})
		if err != nil {
			return nil, err
		}
		if data.RepositoryOwner == nil || data.RepositoryOwner.ProjectV2 == nil {
			return nil, b.absent()
		}
		page := data.RepositoryOwner.ProjectV2.Items
		for _, node := range page.Nodes {
			if node != nil {
				all = append(all, *node)
			}
		}
		if !page.PageInfo.HasNextPage {
			return all, nil
		}
		after = &page.PageInfo.EndCursor
	}
	return nil, fmt.Errorf("project %d of %s is longer than %d pages", b.number, b.owner, maxPages)
}

func (b *projectBoard) place(ctx context.Context, c *Client, t *Ticket) error {
	p, err := b.project(ctx, c)
	if err != nil {
		return err
	}
	var data struct {
		Repository *struct {
			Issue *struct {
				ID           string `json:"id"`
				ProjectItems struct {
					Nodes []*item `json:"nodes"`
				} `json:"projectItems"`
			} `json:"issue"`
		} `json:"repository"`
	}
	err = c.query(ctx, graphCall{document: "issue_items", into: &data, optional: "project", variables: map[string]any{
		"owner": c.owner, "repo": c.repo, "issue": t.Number, "field": b.field}})
	if err != nil {
		return err
	}
	if data.Repository == nil || data.Repository.Issue == nil {
		return fmt.Errorf("issue #%d: %w", t.Number, ErrNotFound)
	}
	t.NodeID, t.ItemID, t.Status = data.Repository.Issue.ID, "", ""
	for _, it := range data.Repository.Issue.ProjectItems.Nodes {
		if it != nil && it.Project.ID == p.ID {
			b.put(t, *it)
		}
	}
	return nil
}

func (b *projectBoard) put(t *Ticket, it item) {
	t.ItemID, t.Status = it.ID, ""
	if it.Status != nil {
		t.Status = b.columns.ours(it.Status.Name)
	}
}

func (b *projectBoard) move(ctx context.Context, c *Client, t Ticket, status string) (Ticket, error) {
	moved, err := b.moveOnce(ctx, c, t, status)
	if err != nil {
		b.forget() // ids that GitHub does not accept are read again the next time
	}
	return moved, err
}

func (b *projectBoard) moveOnce(ctx context.Context, c *Client, t Ticket, status string) (Ticket, error) {
	if c.options.ReadOnly {
		return Ticket{}, ErrReadOnly
	}
	p, err := b.project(ctx, c)
	if err != nil {
		return Ticket{}, err
	}
	column := b.columns.theirs(status)
	chosen, ok := p.option(column)
	if !ok {
		return Ticket{}, fmt.Errorf("column %q of the board: %w", column, ErrNotFound)
	}
	if t.ItemID == "" {
		if t.NodeID == "" {
			return Ticket{}, errors.New("a ticket without node id: it was not read from GitHub")
		}
		if t.ItemID, err = b.add(ctx, c, p, t.NodeID); err != nil {
			return Ticket{}, err
		}
	}
	var data struct {
		Update struct {
			Item item `json:"projectV2Item"`
		} `json:"updateProjectV2ItemFieldValue"`
	}
	err = c.mutate(ctx, graphCall{document: "move_item", into: &data, variables: map[string]any{
		"project": p.ID, "item": t.ItemID, "field": p.Field.ID, "option": chosen.ID, "name": b.field}})
	if err != nil {
		return Ticket{}, err
	}
	b.put(&t, data.Update.Item)
	return t, nil
}

// add is idempotent at GitHub: an issue is on a board once.
func (b *projectBoard) add(ctx context.Context, c *Client, p *project, contentID string) (itemID string, err error) {
	var data struct {
		Add struct {
			Item item `json:"item"`
		} `json:"addProjectV2ItemById"`
	}
	err = c.mutate(ctx, graphCall{document: "add_item", into: &data, variables: map[string]any{"project": p.ID, "content": contentID}})
	return data.Add.Item.ID, err
}

// project returns the ids, asking for them once.
func (b *projectBoard) project(ctx context.Context, c *Client) (*project, error) {
	b.mu.Lock()
	known := b.known
	b.mu.Unlock()
	if known != nil && !c.fresh {
		return known, nil
	}
	var data struct {
		RepositoryOwner *struct {
			ProjectV2 *project `json:"projectV2"`
		} `json:"repositoryOwner"`
	}
	err := c.query(ctx, graphCall{document: "project", into: &data, variables: map[string]any{
		"owner": b.owner, "number": b.number, "field": b.field}})
	if err != nil {
		return nil, fmt.Errorf("project %d of %s: %w", b.number, b.owner, err)
	}
	if data.RepositoryOwner == nil || data.RepositoryOwner.ProjectV2 == nil {
		return nil, b.absent()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = data.RepositoryOwner.ProjectV2
	return b.known, nil
}

func (b *projectBoard) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known = nil
}

func (b *projectBoard) absent() error {
	return fmt.Errorf("project %d of %s: %w", b.number, b.owner, ErrNotFound)
}

func (p *project) option(name string) (option, bool) {
	if p.Field == nil {
		return option{}, false
	}
	for _, o := range p.Field.Options {
		if strings.EqualFold(o.Name, name) {
			return o, true
		}
	}
	return option{}, false
}
