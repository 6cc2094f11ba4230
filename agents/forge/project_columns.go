package forge

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// optionColor paints the columns we create; GitHub wants a colour for each.
var optionColor = map[string]string{Todo: "GRAY", InProgress: "YELLOW", InReview: "BLUE", Done: "GREEN"}

func (b *projectBoard) missing(ctx context.Context, c *Client) ([]string, error) {
	p, err := b.project(ctx, c.Fresh())
	if err != nil {
		return nil, err
	}
	return b.lacking(p), nil
}

func (b *projectBoard) lacking(p *project) []string {
	var names []string
	for _, column := range b.columns {
		if _, ok := p.option(column.theirs); !ok {
			names = append(names, column.theirs)
		}
	}
	return names
}

// create makes the field, or adds to one that no item has a value of.
func (b *projectBoard) create(ctx context.Context, c *Client) ([]string, error) {
	p, err := b.project(ctx, c.Fresh())
	if err != nil {
		return nil, err
	}
	names := b.lacking(p)
	if len(names) == 0 {
		return nil, nil
	}
	if c.options.ReadOnly {
		return nil, ErrReadOnly
	}
	defer b.forget()
	if p.Field == nil {
		return names, c.mutate(ctx, graphCall{document: "create_field", into: &struct{}{}, variables: map[string]any{
			"project": p.ID, "name": b.field, "options": b.options(nil)}})
	}
	items, err := b.items(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if it.Status != nil {
			return nil, &Refused{Status: http.StatusConflict, Message: fmt.Sprintf(
				"add %s to the field %s of %s by hand: tickets stand in its columns, and would lose them",
				strings.Join(names, ", "), b.field, p.URL)}
		}
	}
	return names, c.mutate(ctx, graphCall{document: "update_field", into: &struct{}{}, variables: map[string]any{
		"field": p.Field.ID, "options": b.options(p.Field.Options)}})
}

// options are the columns that are there, in their order, each of ours that is missing put behind the one it follows.
func (b *projectBoard) options(have []option) []option {
	all := make([]option, 0, len(have)+len(b.columns))
	for _, o := range have {
		o.ID = "" // GitHub gives new ones
		all = append(all, o)
	}
	behind := 0
	for _, column := range b.columns {
		at := -1
		for i, o := range all {
			if strings.EqualFold(o.Name, column.theirs) {
				at = i
			}
		}
		if at < 0 {
			at = behind
			all = append(all[:at], append([]option{{Name: column.theirs, Color: optionColor[column.ours]}}, all[at:]...)...)
		}
		behind = at + 1
	}
	return all
}
