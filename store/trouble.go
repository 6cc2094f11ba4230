package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Problem is something that keeps the factory, or a part of it, from working, as long as it lasts.
type Problem struct {
	What   string // names it: "base red", "GitHub unreadable"; unique
	Reason string
	Cure   string // what a person can do
	Since  time.Time
}

const troublePrefix = "trouble "

// Trouble says that a problem lasts. It is told when it begins, not again while it goes on, however its reason changes.
func (s *Store) Trouble(ctx context.Context, p Problem) error {
	return s.update(ctx, "tell of "+p.What, func(tx *sql.Tx) error {
		name := s.repo + " " + troublePrefix + p.What
		old, err := setting(ctx, tx, name)
		if err != nil || old != "" {
			return err
		}
		value, err := encode(map[string]any{"reason": p.Reason, "cure": p.Cure, "since": millis(s.now())})
		if err != nil {
			return err
		}
		if err := setSetting(ctx, tx, name, value); err != nil {
			return err
		}
		return s.record(ctx, tx, Event{Kind: Trouble, Data: map[string]string{"what": p.What, "reason": p.Reason, "cure": p.Cure}})
	})
}

// Settled says that a problem is over. Where there was none, nothing happens.
func (s *Store) Settled(ctx context.Context, what string) error {
	name := s.repo + " " + troublePrefix + what
	// Most calls find nothing to settle: they are made after every good tick. They look before they lock.
	if old, err := setting(ctx, s.read, name); err != nil || old == "" {
		return err
	}
	return s.update(ctx, "settle "+what, func(tx *sql.Tx) error {
		removed, err := touches(tx.ExecContext(ctx, "DELETE FROM setting WHERE name=?", name))
		if err != nil || !removed {
			return err
		}
		return s.record(ctx, tx, Event{Kind: TroubleOver, Data: map[string]string{"what": what}})
	})
}

// Problems returns what keeps the factory from working now.
func (s *Store) Problems(ctx context.Context) ([]Problem, error) {
	prefix := s.repo + " " + troublePrefix
	problems, err := all(ctx, s.read, func(scan func(...any) error) (Problem, error) {
		var name string
		var body struct {
			Reason, Cure string
			Since        int64
		}
		err := scan(&name, document{&body})
		return Problem{What: strings.TrimPrefix(name, prefix), Reason: body.Reason, Cure: body.Cure, Since: fromMillis(body.Since)}, err
	}, "SELECT name, value FROM setting WHERE substr(name, 1, ?)=? ORDER BY name", len(prefix), prefix)
	if err != nil {
		return nil, fmt.Errorf("read problems: %w", err)
	}
	return problems, nil
}
