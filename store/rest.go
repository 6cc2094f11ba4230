package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Rest says that a coding CLI is not asked for a while, because its provider refuses it. It outlives restarts.
type Rest struct {
	Engine  string
	Outcome string // quota, overloaded or authentication
	Reason  string
	Since   time.Time
	Until   time.Time
}

const restColumns = "engine, outcome, reason, since, until"

func scanRest(scan func(...any) error) (Rest, error) {
	var r Rest
	return r, scan(&r.Engine, &r.Outcome, &r.Reason, moment{&r.Since}, moment{&r.Until})
}

// Rest keeps a rest and tells of it; data goes into the event. Of a coding CLI that rests already nothing is told again.
func (s *Store) Rest(ctx context.Context, r Rest, data map[string]string) error {
	return s.update(ctx, "rest "+r.Engine, func(tx *sql.Tx) error {
		_, err := one(ctx, tx, scanRest, "SELECT "+restColumns+" FROM rest WHERE repo=? AND engine=?", s.repo, r.Engine)
		known := err == nil
		if err != nil && !isNotFound(err) {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO rest (repo, engine, outcome, reason, since, until) VALUES (?,?,?,?,?,?)
			ON CONFLICT (repo, engine) DO UPDATE SET outcome=excluded.outcome, reason=excluded.reason, until=excluded.until`,
			s.repo, r.Engine, r.Outcome, r.Reason, millis(s.now()), millis(r.Until))
		if err != nil || known {
			return err
		}
		all := map[string]string{"engine": r.Engine, "outcome": r.Outcome, "reason": r.Reason, "until": r.Until.UTC().Format(time.RFC3339)}
		for k, v := range data {
			all[k] = v
		}
		return s.record(ctx, tx, Event{Kind: EngineRests, Data: all})
	})
}

// Rests returns the rests that are not over, the soonest over first.
func (s *Store) Rests(ctx context.Context) ([]Rest, error) {
	rests, err := all(ctx, s.read, scanRest, "SELECT "+restColumns+" FROM rest WHERE repo=? AND until>? ORDER BY until, engine", s.repo, millis(s.now()))
	if err != nil {
		return nil, fmt.Errorf("read rests: %w", err)
	}
	return rests, nil
}

// Rouse ends a rest before its time, with the name of who wants it. It reports whether there was one.
func (s *Store) Rouse(ctx context.Context, engine, by string) (roused bool, err error) {
	err = s.update(ctx, "rouse "+engine, func(tx *sql.Tx) error {
		roused, err = s.rouse(ctx, tx, by, "engine=?", engine)
		return err
	})
	return roused, err
}

// RouseRested ends the rests that are over.
func (s *Store) RouseRested(ctx context.Context) error {
	// Most calls find nothing: they are made at every tick. They look before they lock.
	over, err := all(ctx, s.read, scanRest, "SELECT "+restColumns+" FROM rest WHERE repo=? AND until<=?", s.repo, millis(s.now()))
	if err != nil || len(over) == 0 {
		return err
	}
	return s.update(ctx, "rouse", func(tx *sql.Tx) error {
		_, err := s.rouse(ctx, tx, "", "until<=?", millis(s.now()))
		return err
	})
}

// RouseRefused ends the rests of those whose credentials were refused: whoever starts the factory anew may have seen to it.
func (s *Store) RouseRefused(ctx context.Context, outcome string) error {
	return s.update(ctx, "rouse", func(tx *sql.Tx) error {
		_, err := s.rouse(ctx, tx, "", "outcome=?", outcome)
		return err
	})
}

func (s *Store) rouse(ctx context.Context, tx *sql.Tx, by, where string, value any) (bool, error) {
	rested, err := all(ctx, tx, scanRest, "DELETE FROM rest WHERE repo=? AND "+where+" RETURNING "+restColumns, s.repo, value)
	for _, r := range rested {
		if err == nil {
			err = s.record(ctx, tx, Event{Kind: EngineBack, Data: map[string]string{"engine": r.Engine, "by": by}})
		}
	}
	return len(rested) > 0, err
}
