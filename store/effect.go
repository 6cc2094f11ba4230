package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Effect is one intended change of the world outside: logged before it is tried, so that a restart can ask the world
// whether it happened. Its key makes it happen once.
type Effect struct {
	Key        string
	Kind       string // push, open pull request, merge, comment …
	Ticket     int
	Generation int64
	Detail     string
	Done       bool
	Result     string
	IntendedAt time.Time
	DoneAt     time.Time
}

const effectColumns = "key, kind, ticket, generation, detail, state='done', result, intended_at, done_at"

func scanEffect(scan func(...any) error) (Effect, error) {
	var e Effect
	return e, scan(&e.Key, &e.Kind, &e.Ticket, &e.Generation, &e.Detail, &e.Done, &e.Result, moment{&e.IntendedAt}, moment{&e.DoneAt})
}

// Intend logs an effect before it is tried. known is true when the key was logged before: then the effect returned is
// the one that stands there, done or in doubt, and the caller must ask the world before it tries again.
func (s *Store) Intend(ctx context.Context, e Effect) (standing Effect, known bool, err error) {
	err = s.update(ctx, "intend "+e.Key, func(tx *sql.Tx) error {
		old, err := one(ctx, tx, scanEffect, "SELECT "+effectColumns+" FROM effect WHERE repo=? AND key=?", s.repo, e.Key)
		if err == nil {
			standing, known = old, true
			return nil
		}
		if !isNotFound(err) {
			return err
		}
		e.IntendedAt = s.Now()
		standing = e
		_, err = tx.ExecContext(ctx, "INSERT INTO effect (repo, key, kind, ticket, generation, detail, state, result, intended_at, done_at) VALUES (?,?,?,?,?,?,'intended','',?,0)",
			s.repo, e.Key, e.Kind, e.Ticket, e.Generation, e.Detail, millis(e.IntendedAt))
		return err
	})
	return standing, known, err
}

// Complete keeps the result that was read back.
func (s *Store) Complete(ctx context.Context, key, result string) error {
	return s.update(ctx, "complete "+key, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE effect SET state='done', result=?, done_at=? WHERE repo=? AND key=?", result, millis(s.now()), s.repo, key)
		return err
	})
}

// Forget removes an effect that provably did not happen and will not be tried again under this key.
func (s *Store) Forget(ctx context.Context, key string) error {
	return s.update(ctx, "forget "+key, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM effect WHERE repo=? AND key=? AND state='intended'", s.repo, key)
		return err
	})
}

// InDoubt returns the effects that were intended and not completed.
func (s *Store) InDoubt(ctx context.Context) ([]Effect, error) {
	effects, err := all(ctx, s.read, scanEffect, "SELECT "+effectColumns+" FROM effect WHERE repo=? AND state='intended' ORDER BY intended_at, key", s.repo)
	if err != nil {
		return nil, fmt.Errorf("read effects: %w", err)
	}
	return effects, nil
}
