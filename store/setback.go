package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// The causes of a setback that say nothing about a pull request's code. Each has a counter of its own beside the three
// attempts.
const (
	CauseFlaky          = "flaky"          // a check failed for no reason to be seen; it is asked for once more a head
	CauseInfrastructure = "infrastructure" // CI or the way there broke
	CauseTimeout        = "timeout"        // a session of ours ran out of time
	CauseQuota          = "quota"          // the coding CLI's provider had enough
)

// Setback counts how often one head of a pull request was set back for one cause.
type Setback struct {
	Pull   int
	Cause  string
	Head   string
	Count  int
	Reason string // of the last
	Mark   string // of the last: the same mark is counted once; "" is counted every time
	At     time.Time
	Until  time.Time // nothing is tried again before; zero: at once
}

const setbackColumns = "pull, cause, head, count, reason, mark, at, until"

func scanSetback(scan func(...any) error) (Setback, error) {
	var b Setback
	return b, scan(&b.Pull, &b.Cause, &b.Head, &b.Count, &b.Reason, &b.Mark, moment{&b.At}, moment{&b.Until})
}

// Setbacks returns what has set back a head of a pull request. What is known of its earlier heads counts no more.
func (s *Store) Setbacks(ctx context.Context, pull int, head string) ([]Setback, error) {
	list, err := all(ctx, s.read, scanSetback, "SELECT "+setbackColumns+" FROM setback WHERE repo=? AND pull=? AND head=? ORDER BY cause", s.repo, pull, head)
	if err != nil {
		return nil, fmt.Errorf("read setbacks of #%d: %w", pull, err)
	}
	return list, nil
}

// SetBack counts one more setback of b.Pull's b.Head for b.Cause. pause says how long nothing is tried again, from how
// often it has happened by now. The events are written beside it.
func (s *Store) SetBack(ctx context.Context, b Setback, pause func(count int) time.Duration, events ...Event) (Setback, error) {
	err := s.update(ctx, fmt.Sprintf("count a setback of #%d", b.Pull), func(tx *sql.Tx) error {
		old, err := one(ctx, tx, scanSetback, "SELECT "+setbackColumns+" FROM setback WHERE repo=? AND pull=? AND cause=? AND head=?", s.repo, b.Pull, b.Cause, b.Head)
		if err != nil && !isNotFound(err) {
			return err
		}
		if b.Mark != "" && b.Mark == old.Mark {
			b = old
			return nil
		}
		b.Count, b.At = old.Count+1, s.Now()
		if b.Until = (time.Time{}); pause(b.Count) > 0 {
			b.Until = b.At.Add(pause(b.Count))
		}
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO setback (repo, "+setbackColumns+") VALUES (?,?,?,?,?,?,?,?,?)",
			s.repo, b.Pull, b.Cause, b.Head, b.Count, b.Reason, b.Mark, millis(b.At), millis(b.Until))
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := s.record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	return b, err
}

// forgetSetbacks lets a ticket's pull requests begin anew.
func (s *Store) forgetSetbacks(ctx context.Context, tx *sql.Tx, ticket int) (forgotten bool, err error) {
	return touches(tx.ExecContext(ctx, "DELETE FROM setback WHERE repo=? AND pull IN (SELECT number FROM pull WHERE repo=? AND ticket=? AND ticket>0)", s.repo, s.repo, ticket))
}
