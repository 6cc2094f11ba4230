package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Tick is one due moment of one job. There is one row a moment, so a job runs once for it, whoever ticks.
type Tick struct {
	Job         string
	ScheduledAt time.Time
	StartedAt   time.Time
	EndedAt     time.Time
	Error       string
}

func scanTick(scan func(...any) error) (Tick, error) {
	var t Tick
	return t, scan(&t.Job, moment{&t.ScheduledAt}, moment{&t.StartedAt}, moment{&t.EndedAt}, &t.Error)
}

const tickColumns = "job, scheduled_at, started_at, ended_at, error"

// BeginTick takes a due moment of a job. first is false when it was taken before.
func (s *Store) BeginTick(ctx context.Context, job string, scheduledAt time.Time) (first bool, err error) {
	err = s.update(ctx, "begin tick of "+job, func(tx *sql.Tx) error {
		first, err = touches(tx.ExecContext(ctx, "INSERT OR IGNORE INTO schedule (repo, job, scheduled_at, started_at, ended_at, error) VALUES (?,?,?,?,0,'')",
			s.repo, job, millis(scheduledAt), millis(s.now())))
		return err
	})
	return first, err
}

// EndTick keeps how a tick ended; problem is "" when it ended well.
func (s *Store) EndTick(ctx context.Context, job string, scheduledAt time.Time, problem string) error {
	return s.update(ctx, "end tick of "+job, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE schedule SET ended_at=?, error=? WHERE repo=? AND job=? AND scheduled_at=?", millis(s.now()), problem, s.repo, job, millis(scheduledAt))
		return err
	})
}

// LastTick returns the newest tick of a job, or ErrNotFound.
func (s *Store) LastTick(ctx context.Context, job string) (Tick, error) {
	t, err := one(ctx, s.read, scanTick, "SELECT "+tickColumns+" FROM schedule WHERE repo=? AND job=? ORDER BY scheduled_at DESC LIMIT 1", s.repo, job)
	if err != nil {
		return t, fmt.Errorf("read last tick of %s: %w", job, err)
	}
	return t, nil
}

// DropTicksAfter forgets ticks that a clock which was ahead has recorded in what is still the future, so that they do
// not keep a job from running until then.
func (s *Store) DropTicksAfter(ctx context.Context, job string, after time.Time) error {
	return s.update(ctx, "drop ticks of the future", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM schedule WHERE repo=? AND job=? AND scheduled_at>?", s.repo, job, millis(after))
		return err
	})
}
