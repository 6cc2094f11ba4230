package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Pause stops a role, or everything. It outlives restarts.
type Pause struct {
	Scope  string    // a role, or "" for everything, merges too
	Until  time.Time // zero: until /resume
	ByName string
	At     time.Time
}

func scanPause(scan func(...any) error) (Pause, error) {
	var p Pause
	return p, scan(&p.Scope, moment{&p.Until}, &p.ByName, moment{&p.At})
}

// Pause stops a scope until the given time, or for good when it is zero.
func (s *Store) Pause(ctx context.Context, scope string, until time.Time, byName string) error {
	return s.update(ctx, "pause", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO pause (repo, scope, until, by_name, at) VALUES (?,?,?,?,?)", s.repo, scope, millis(until), byName, millis(s.now()))
		if err != nil {
			return err
		}
		data := map[string]string{"scope": scope, "by": byName}
		if !until.IsZero() {
			data["until"] = until.UTC().Format(time.RFC3339)
		}
		return s.record(ctx, tx, Event{Kind: Paused, Data: data})
	})
}

// Resume lifts the pause of a scope, and every pause when scope is "". It reports whether there was one.
func (s *Store) Resume(ctx context.Context, scope, byName string) (lifted bool, err error) {
	err = s.update(ctx, "resume", func(tx *sql.Tx) error {
		lifted, err = touches(tx.ExecContext(ctx, "DELETE FROM pause WHERE repo=? AND (scope=? OR ?='')", s.repo, scope, scope))
		if err != nil || !lifted {
			return err
		}
		return s.record(ctx, tx, Event{Kind: Resumed, Data: map[string]string{"scope": scope, "by": byName}})
	})
	return lifted, err
}

// Pauses returns the pauses in force.
func (s *Store) Pauses(ctx context.Context) ([]Pause, error) {
	pauses, err := all(ctx, s.write, scanPause, "SELECT scope, until, by_name, at FROM pause WHERE repo=? AND (until=0 OR until>?) ORDER BY scope", s.repo, millis(s.now()))
	if err != nil {
		return nil, fmt.Errorf("read pauses: %w", err)
	}
	return pauses, nil
}

// PausedFor returns the pause that stops a role, if there is one: its own, or that of everything.
func (s *Store) PausedFor(ctx context.Context, role string) (Pause, bool, error) {
	pauses, err := s.Pauses(ctx)
	for _, p := range pauses {
		if p.Scope == "" || p.Scope == role {
			return p, true, nil
		}
	}
	return Pause{}, false, err
}
