package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrClaimed is returned by Claim while somebody else's lease is running.
var ErrClaimed = errors.New("claimed by another run")

// ErrLost is returned to a holder whose claim has ended: its lease ran out and the ticket was taken anew, or it was
// released. Such a holder must change nothing outside any more.
var ErrLost = errors.New("the claim is no longer held")

// Claim is the lease of one role on one ticket. The generation number grows with every claim of the ticket, so that a
// late holder can be told from the present one.
type Claim struct {
	Ticket     int
	Generation int64
	Holder     string // the daemon's instance id
	Role       string
	Files      []string // predicted, so that overlapping tickets are not taken beside it
	AcquiredAt time.Time
	ExpiresAt  time.Time
}

const claimColumns = "ticket, generation, holder, role, files, acquired_at, expires_at"

func scanClaim(scan func(...any) error) (Claim, error) {
	var c Claim
	return c, scan(&c.Ticket, &c.Generation, &c.Holder, &c.Role, document{&c.Files}, moment{&c.AcquiredAt}, moment{&c.ExpiresAt})
}

// Claim takes the lease on a ticket for the given time, or returns ErrClaimed.
func (s *Store) Claim(ctx context.Context, c Claim, lease time.Duration) (Claim, error) {
	err := s.update(ctx, fmt.Sprintf("claim ticket #%d", c.Ticket), func(tx *sql.Tx) error {
		now := s.Now()
		old, err := one(ctx, tx, scanClaim, "SELECT "+claimColumns+" FROM claim WHERE repo=? AND ticket=?", s.repo, c.Ticket)
		if err != nil && !isNotFound(err) {
			return err
		}
		held, err := s.held(ctx, tx, c.Ticket, now)
		if err != nil {
			return err
		}
		if held {
			return ErrClaimed
		}
		c.Generation, c.AcquiredAt, c.ExpiresAt = old.Generation+1, now, now.Add(lease)
		files, err := encode(c.Files)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO claim (repo, ticket, generation, holder, role, files, acquired_at, expires_at, released_at) VALUES (?,?,?,?,?,?,?,?,0)
			ON CONFLICT (repo, ticket) DO UPDATE SET generation=excluded.generation, holder=excluded.holder, role=excluded.role, files=excluded.files,
			acquired_at=excluded.acquired_at, expires_at=excluded.expires_at, released_at=0`,
			s.repo, c.Ticket, c.Generation, c.Holder, c.Role, files, millis(c.AcquiredAt), millis(c.ExpiresAt))
		return err
	})
	return c, err
}

func (s *Store) held(ctx context.Context, q queryer, ticket int, now time.Time) (bool, error) {
	_, err := one(ctx, q, scanClaim, "SELECT "+claimColumns+" FROM claim WHERE repo=? AND ticket=? AND released_at=0 AND expires_at>?", s.repo, ticket, millis(now))
	if isNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// Renew extends a held lease from now, or returns ErrLost.
func (s *Store) Renew(ctx context.Context, c Claim, lease time.Duration) error {
	return s.update(ctx, fmt.Sprintf("renew claim on #%d", c.Ticket), func(tx *sql.Tx) error {
		now := s.Now()
		return touched(tx.ExecContext(ctx, "UPDATE claim SET expires_at=? WHERE repo=? AND ticket=? AND generation=? AND released_at=0 AND expires_at>?",
			millis(now.Add(lease)), s.repo, c.Ticket, c.Generation, millis(now)))
	})
}

// Holds returns nil while the claim is in force, else ErrLost. It is asked right before every outside effect.
func (s *Store) Holds(ctx context.Context, c Claim) error {
	_, err := one(ctx, s.write, scanClaim, "SELECT "+claimColumns+" FROM claim WHERE repo=? AND ticket=? AND generation=? AND released_at=0 AND expires_at>?",
		s.repo, c.Ticket, c.Generation, millis(s.now()))
	if isNotFound(err) {
		return fmt.Errorf("ticket #%d, generation %d: %w", c.Ticket, c.Generation, ErrLost)
	}
	return err
}

// Release ends a claim. Releasing one that is no longer held is no error: it is free, which is what was wanted.
func (s *Store) Release(ctx context.Context, c Claim, why string) error {
	return s.update(ctx, fmt.Sprintf("release ticket #%d", c.Ticket), func(tx *sql.Tx) error {
		err := touched(tx.ExecContext(ctx, "UPDATE claim SET released_at=? WHERE repo=? AND ticket=? AND generation=? AND released_at=0",
			millis(s.now()), s.repo, c.Ticket, c.Generation))
		if errors.Is(err, ErrLost) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, Event{Kind: ClaimReleased, Ticket: c.Ticket, Data: map[string]string{"role": c.Role, "reason": why}})
	})
}

// Claims returns the claims in force.
func (s *Store) Claims(ctx context.Context) ([]Claim, error) {
	claims, err := all(ctx, s.read, scanClaim, "SELECT "+claimColumns+" FROM claim WHERE repo=? AND released_at=0 AND expires_at>? ORDER BY ticket", s.repo, millis(s.now()))
	if err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	return claims, nil
}

// Unreleased returns the claims that nobody has released, whether or not their lease has run out. One that nobody in
// the only daemon of this store works on is stranded.
func (s *Store) Unreleased(ctx context.Context) ([]Claim, error) {
	claims, err := all(ctx, s.read, scanClaim, "SELECT "+claimColumns+" FROM claim WHERE repo=? AND released_at=0 ORDER BY ticket", s.repo)
	if err != nil {
		return nil, fmt.Errorf("read unreleased claims: %w", err)
	}
	return claims, nil
}

// TakeOver gives a stranded claim to a new holder under the next generation, so that its old holder, should it still
// live, can change nothing any more. It returns ErrLost when the claim has been released or taken over since.
func (s *Store) TakeOver(ctx context.Context, c Claim, holder string, lease time.Duration) (Claim, error) {
	old := c.Generation
	now := s.Now()
	c.Generation, c.Holder, c.AcquiredAt, c.ExpiresAt = old+1, holder, now, now.Add(lease)
	err := s.update(ctx, fmt.Sprintf("take over the claim on #%d", c.Ticket), func(tx *sql.Tx) error {
		return touched(tx.ExecContext(ctx, "UPDATE claim SET generation=?, holder=?, acquired_at=?, expires_at=? WHERE repo=? AND ticket=? AND generation=? AND released_at=0",
			c.Generation, holder, millis(c.AcquiredAt), millis(c.ExpiresAt), s.repo, c.Ticket, old))
	})
	return c, err
}

// touched turns an update that met no row into ErrLost.
func touched(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return ErrLost
	}
	return err
}
