package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// Update is one update of the chat service as it came, before anything was made of it.
type Update struct {
	ID         int64
	Body       string // JSON
	ReceivedAt time.Time
	HandledAt  time.Time
	Error      string // of its handling
}

func scanUpdate(scan func(...any) error) (Update, error) {
	var u Update
	return u, scan(&u.ID, &u.Body, moment{&u.ReceivedAt}, moment{&u.HandledAt}, &u.Error)
}

const updateColumns = "update_id, body, received_at, handled_at, error"

// Receive keeps updates and moves the offset past them, in one transaction: only then may the chat service be told
// that they have arrived. An update that is there already is left as it is.
func (s *Store) Receive(ctx context.Context, updates []Update) error {
	if len(updates) == 0 {
		return nil
	}
	return s.update(ctx, "receive updates", func(tx *sql.Tx) error {
		now, highest := millis(s.now()), int64(0)
		for _, u := range updates {
			if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO inbox (update_id, body, received_at, handled_at, error) VALUES (?,?,?,0,'')", u.ID, u.Body, now); err != nil {
				return err
			}
			highest = max(highest, u.ID)
		}
		old, err := offset(ctx, tx)
		if err != nil {
			return err
		}
		next := max(old, highest+1)
		if old-highest > idsAnew {
			next = highest + 1
		}
		return setSetting(ctx, tx, "inbox offset", strconv.FormatInt(next, 10))
	})
}

// idsAnew is how far below the last update a new one lies when the ids have begun anew: after a week without an update the
// Bot API chooses the next id at random. To ask on from the old one would lose everything that is said from then on. What
// comes late or twice lies closer, and moves nothing.
const idsAnew = 100_000

// Offset is the lowest update id that has not been received, 0 before the first.
func (s *Store) Offset(ctx context.Context) (int64, error) { return offset(ctx, s.read) }

func offset(ctx context.Context, q queryer) (int64, error) {
	value, err := setting(ctx, q, "inbox offset")
	if err != nil || value == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read inbox offset: %w", err)
	}
	return n, nil
}

// Unhandled returns received updates that nothing was made of yet, oldest first.
func (s *Store) Unhandled(ctx context.Context) ([]Update, error) {
	updates, err := all(ctx, s.read, scanUpdate, "SELECT "+updateColumns+" FROM inbox WHERE handled_at=0 ORDER BY update_id")
	if err != nil {
		return nil, fmt.Errorf("read inbox: %w", err)
	}
	return updates, nil
}

// Handled reports whether an update has been handled; ErrNotFound when it was never received.
func (s *Store) Handled(ctx context.Context, id int64) (bool, error) {
	u, err := one(ctx, s.write, scanUpdate, "SELECT "+updateColumns+" FROM inbox WHERE update_id=?", id)
	return !u.HandledAt.IsZero(), err
}

// MarkHandled closes an update and queues what is answered to it, in one transaction; problem is what went wrong in
// handling it, "" when nothing did.
func (s *Store) MarkHandled(ctx context.Context, id int64, problem string, answers ...Outgoing) error {
	return s.update(ctx, "close update", func(tx *sql.Tx) error {
		if err := s.enqueue(ctx, tx, answers); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE inbox SET handled_at=?, error=? WHERE update_id=? AND handled_at=0", millis(s.now()), problem, id)
		return err
	})
}
