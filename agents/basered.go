package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lightsout/agents/forge"
	"lightsout/store"
)

const (
	baseRed       = "base red"        // the problem's name
	baseRedTicket = "base red ticket" // setting that holds the number of the one that was filed
	fileKind      = "file a ticket"
)

// redOnBase names the checks that fail on the base itself: of those that are required, where some are.
func redOnBase(snap Snapshot) []string {
	var red []string
	for _, c := range snap.BaseChecks {
		wanted := len(snap.Required) == 0 || slices.ContainsFunc(snap.Required, func(r forge.Required) bool { return r.Is(c) })
		if wanted && isFailure(c.State) {
			red = appendNew(red, c.Name)
		}
	}
	return red
}

// tellBase says, once, that the base itself is red, and when that is over. It returns why nothing is taken; "" when the
// base is no reason.
func (f *Factory) tellBase(ctx context.Context, snap Snapshot) (string, error) {
	red := redOnBase(snap)
	if len(red) == 0 {
		return "", f.Store.Settled(ctx, baseRed)
	}
	reason := strings.Join(red, ", ") + " fails on " + f.Settings.Base
	return baseRed + ": " + reason, f.Store.Trouble(ctx, store.Problem{What: baseRed, Reason: reason, Cure: "repair " + f.Settings.Base + "; the factory takes no ticket until then"})
}

// watchBase tells of a red base and keeps the one ticket about it, where that is wanted: filed when it turns red, closed
// when it is green. Only the Fixer does, so that there is never a second one.
func (x *Fixer) watchBase(ctx context.Context, snap Snapshot) error {
	reason, err := x.tellBase(ctx, snap)
	if err != nil || !x.Settings.BaseRedTicket || x.Settings.Observe {
		return err
	}
	filed, err := x.Store.Setting(ctx, baseRedTicket)
	switch {
	case err != nil:
		return err
	case reason != "" && filed == "":
		return x.fileBaseRed(ctx, snap)
	case reason == "" && filed != "":
		return x.closeBaseRed(ctx, snap, filed)
	case reason == "":
		return x.settleBaseRed(ctx, snap)
	}
	return nil
}

// settleBaseRed closes a ticket whose filing was left in doubt, by a crash or a lost answer, until the base was green
// again: then nobody files it any more.
func (x *Fixer) settleBaseRed(ctx context.Context, snap Snapshot) error {
	doubts, err := x.Store.InDoubt(ctx)
	if err != nil {
		return err
	}
	for _, e := range doubts {
		if e.Kind != fileKind {
			continue
		}
		number, filed, err := x.findBaseRed(ctx)
		switch {
		case err != nil:
			return err
		case !filed:
			return x.Store.Forget(ctx, e.Key)
		}
		return errors.Join(x.Store.Complete(ctx, e.Key, number), x.closeBaseRed(ctx, snap, number))
	}
	return nil
}

// baseRedTitle is what the ticket is called, and found by.
func (x *Fixer) baseRedTitle() string { return x.Settings.Base + " is red" }

// findBaseRed looks for an open ticket that says that the base is red.
func (x *Fixer) findBaseRed(ctx context.Context) (number string, filed bool, err error) {
	tickets, err := x.Forge.Fresh().Tickets(ctx)
	if errors.Is(err, forge.ErrNotFound) {
		return "", false, nil // no milestone: nothing to look through
	}
	i := slices.IndexFunc(tickets, func(t forge.Ticket) bool { return t.Open && t.Title == x.baseRedTitle() })
	if err != nil || i < 0 {
		return "", false, err
	}
	return strconv.Itoa(tickets[i].Number), true, nil
}

// fileBaseRed files the ticket. It stands in no column, so that no session takes it: a red base is for people.
func (x *Fixer) fileBaseRed(ctx context.Context, snap Snapshot) error {
	milestone, err := x.Forge.Milestone(ctx)
	if err != nil && !errors.Is(err, forge.ErrNotFound) {
		return err
	}
	body := fill("base_red.md", map[string]any{"Checks": "`" + strings.Join(redOnBase(snap), "`, `") + "`", "Base": x.Settings.Base, "SHA": snap.BaseSHA})
	number, err := x.once(ctx, deed{key: fmt.Sprintf("%s at %.12s", baseRedTicket, snap.BaseSHA), kind: fileKind, find: x.findBaseRed,
		do: func(ctx context.Context) (string, error) {
			if number, ok, err := x.findBaseRed(ctx); err != nil || ok {
				return number, err
			}
			t, err := x.Forge.CreateIssue(ctx, forge.NewIssue{Title: x.baseRedTitle(), Body: body, Milestone: milestone.Number})
			return strconv.Itoa(t.Number), err
		}})
	if err != nil {
		return unlessPermanent(err)
	}
	return x.Store.SetSetting(ctx, baseRedTicket, number)
}

func (x *Fixer) closeBaseRed(ctx context.Context, snap Snapshot, filed string) error {
	number, err := strconv.Atoi(filed)
	if err != nil {
		return fmt.Errorf("read the number of the ticket about %s: %w", x.Settings.Base, err)
	}
	t, err := x.Forge.Ticket(ctx, number)
	if err == nil && t.Open {
		said := fmt.Sprintf("%s is green again at %s.", x.Settings.Base, snap.BaseSHA)
		_, err = x.once(ctx, deed{key: fmt.Sprintf("%s %d is over at %.12s", baseRedTicket, number, snap.BaseSHA), kind: commentKind, marked: true,
			find: func(ctx context.Context) (string, bool, error) {
				comments, err := x.Forge.Fresh().Comments(ctx, number)
				return "", slices.ContainsFunc(comments, func(c forge.Comment) bool { return c.Body == said }), err
			},
			do: func(ctx context.Context) (string, error) {
				c, err := x.Forge.Comment(ctx, number, said)
				return c.URL, err
			}})
		if err == nil {
			err = x.Forge.CloseTicket(ctx, number)
		}
	}
	if err != nil && !permanent(err) {
		return err
	}
	return x.Store.SetSetting(ctx, baseRedTicket, "")
}
