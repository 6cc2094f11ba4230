package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Ticket is a ticket as it was last read, what isolation said of it, and what the factory decided about it.
type Ticket struct {
	Number    int
	Title     string
	URL       string
	BodyHash  string // sha256 of title and body, hex
	Status    string // Todo, In Progress, In Review, Done or "" when it is not on the board
	Milestone string
	Position  int // on the board, from the top
	Open      bool
	ReadAt    time.Time
	Score     float64  // 0 to 100, higher is more isolated
	Refused   string   // why isolation would not pick it; "" when it would
	Reasons   []string // of the score
	Files     []string // predicted
	Branch    string   // of its first claim, kept for good
	Parked    string   // why it is not picked until a person or a changed ticket says so; "" when it is not parked
	ParkHash  string   // BodyHash at the time of parking: another hash unparks
	ParkedAt  time.Time
}

const ticketColumns = "number, title, url, body_hash, status, milestone, position, open, read_at, score, refused, reasons, files, branch, parked, park_hash, parked_at"

func scanTicket(scan func(...any) error) (Ticket, error) {
	var t Ticket
	return t, scan(&t.Number, &t.Title, &t.URL, &t.BodyHash, &t.Status, &t.Milestone, &t.Position, &t.Open, moment{&t.ReadAt},
		&t.Score, &t.Refused, document{&t.Reasons}, document{&t.Files}, &t.Branch, &t.Parked, &t.ParkHash, moment{&t.ParkedAt})
}

// SaveTickets keeps one reading of the board. Tickets it does not name are marked closed and off the board; what the
// factory decided about a ticket is left alone, except that a parked ticket whose text changed since is unparked.
func (s *Store) SaveTickets(ctx context.Context, tickets []Ticket) error {
	return s.update(ctx, "keep the board", func(tx *sql.Tx) error {
		now := millis(s.now())
		for _, t := range tickets {
			reasons, err := encode(t.Reasons)
			if err != nil {
				return err
			}
			files, err := encode(t.Files)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO ticket (repo, number, title, url, body_hash, status, milestone, position, open, read_at, score, refused, reasons, files)
				VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)
				ON CONFLICT (repo, number) DO UPDATE SET title=excluded.title, url=excluded.url, body_hash=excluded.body_hash, status=excluded.status,
				milestone=excluded.milestone, position=excluded.position, open=excluded.open, read_at=excluded.read_at, score=excluded.score,
				refused=excluded.refused, reasons=excluded.reasons, files=excluded.files`,
				s.repo, t.Number, t.Title, t.URL, t.BodyHash, t.Status, t.Milestone, t.Position, t.Open, now, t.Score, t.Refused, reasons, files)
			if err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "UPDATE ticket SET open=0, status='', read_at=? WHERE repo=? AND read_at<?", now, s.repo, now); err != nil {
			return err
		}
		changed, err := all(ctx, tx, scanTicket, "SELECT "+ticketColumns+" FROM ticket WHERE repo=? AND parked<>'' AND park_hash<>body_hash AND read_at=? AND open=1", s.repo, now)
		if err != nil {
			return err
		}
		for _, t := range changed {
			if err := s.unpark(ctx, tx, t.Number, "its text changed"); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tickets returns the open tickets of the last reading in board order.
func (s *Store) Tickets(ctx context.Context) ([]Ticket, error) {
	tickets, err := all(ctx, s.read, scanTicket, "SELECT "+ticketColumns+" FROM ticket WHERE repo=? AND open=1 ORDER BY position, number", s.repo)
	if err != nil {
		return nil, fmt.Errorf("read tickets: %w", err)
	}
	return tickets, nil
}

// Ticket returns one ticket, open or not.
func (s *Store) Ticket(ctx context.Context, number int) (Ticket, error) {
	t, err := one(ctx, s.read, scanTicket, "SELECT "+ticketColumns+" FROM ticket WHERE repo=? AND number=?", s.repo, number)
	if err != nil {
		return t, fmt.Errorf("read ticket #%d: %w", number, err)
	}
	return t, nil
}

// SetBranch keeps the branch of a ticket's first claim. A ticket that has one keeps it; the one in force is returned.
func (s *Store) SetBranch(ctx context.Context, number int, branch string) (string, error) {
	err := s.update(ctx, "keep branch", func(tx *sql.Tx) error {
		t, err := one(ctx, tx, scanTicket, "SELECT "+ticketColumns+" FROM ticket WHERE repo=? AND number=?", s.repo, number)
		if err != nil {
			return err
		}
		if t.Branch != "" {
			branch = t.Branch
			return nil
		}
		_, err = tx.ExecContext(ctx, "UPDATE ticket SET branch=? WHERE repo=? AND number=?", branch, s.repo, number)
		return err
	})
	return branch, err
}

// ForeignPush begins the reason of parking a ticket to whose branch a person pushed while a session worked on it.
const ForeignPush = "foreign push"

// Park keeps a ticket from being picked until a person or a changed text says otherwise. data goes into the event
// beside the reason. Parking again for the same reason writes nothing.
func (s *Store) Park(ctx context.Context, number int, reason string, data map[string]string) error {
	return s.update(ctx, fmt.Sprintf("park ticket #%d", number), func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE ticket SET parked=?, park_hash=body_hash, parked_at=? WHERE repo=? AND number=? AND parked<>?",
			reason, millis(s.now()), s.repo, number, reason)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		all := map[string]string{"reason": reason}
		for k, v := range data {
			all[k] = v
		}
		return s.record(ctx, tx, Event{Kind: TicketParked, Ticket: number, Data: all})
	})
}

// Unpark lets a ticket be picked again, with all its attempts. Where there is nothing to lift, nothing happens.
func (s *Store) Unpark(ctx context.Context, number int, why string) error {
	return s.update(ctx, fmt.Sprintf("unpark ticket #%d", number), func(tx *sql.Tx) error { return s.unpark(ctx, tx, number, why) })
}

func (s *Store) unpark(ctx context.Context, tx *sql.Tx, number int, why string) error {
	parked, err := touches(tx.ExecContext(ctx, "UPDATE ticket SET parked='', park_hash='', parked_at=0 WHERE repo=? AND number=? AND parked<>''", s.repo, number))
	if err != nil {
		return err
	}
	spent, err := touches(tx.ExecContext(ctx, "UPDATE pull SET attempts=0 WHERE repo=? AND ticket=? AND ticket>0 AND attempts>0", s.repo, number))
	if err != nil {
		return err
	}
	eased, err := s.forgetSetbacks(ctx, tx, number)
	if err != nil || !parked && !spent && !eased {
		return err
	}
	return s.record(ctx, tx, Event{Kind: TicketUnparked, Ticket: number, Data: map[string]string{"reason": why}})
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
