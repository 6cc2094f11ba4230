package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// The kinds of request that a person makes of a role.
const (
	RequestRun      = "run"
	RequestCancel   = "cancel"
	RequestReject   = "reject"
	RequestHandBack = "hand back" // a pull request that a person had taken
	RequestRevert   = "revert"    // Head: the merged commit
)

// Request is what a person asked of a role. It is answered in the same row, so that neither is lost.
type Request struct {
	ID         int64
	Key        string // makes it once: the update that brought it
	Kind       string
	Role       string
	Ticket     int
	Pull       int
	Run        int64
	Head       string // what the person was shown, for a rejection
	Text       string
	ByID       int64
	ByName     string
	Chat       int64 // where the answer goes
	Message    int64 // what it replies to
	At         time.Time
	Answer     string
	AnsweredAt time.Time
}

const requestColumns = "id, key, kind, role, ticket, pull, run, head, text, by_id, by_name, chat, message, at, answer, answered_at"

func scanRequest(scan func(...any) error) (Request, error) {
	var r Request
	return r, scan(&r.ID, &r.Key, &r.Kind, &r.Role, &r.Ticket, &r.Pull, &r.Run, &r.Head, &r.Text, &r.ByID, &r.ByName, &r.Chat, &r.Message,
		moment{&r.At}, &r.Answer, moment{&r.AnsweredAt})
}

// Ask keeps a request. A key that stands there already is the same request: nothing is written.
func (s *Store) Ask(ctx context.Context, r Request) error {
	return s.update(ctx, "keep request "+r.Kind, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO request (repo, key, kind, role, ticket, pull, run, head, text, by_id, by_name, chat, message, at, answer, answered_at)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,'',0)`, s.repo, r.Key, r.Kind, r.Role, r.Ticket, r.Pull, r.Run, r.Head, r.Text, r.ByID, r.ByName, r.Chat, r.Message, millis(s.now()))
		return err
	})
}

// Asked returns the unanswered requests of a kind, oldest first.
func (s *Store) Asked(ctx context.Context, kind string) ([]Request, error) {
	requests, err := all(ctx, s.read, scanRequest, "SELECT "+requestColumns+" FROM request WHERE repo=? AND answered_at=0 AND kind=? ORDER BY id", s.repo, kind)
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	return requests, nil
}

// Unanswered returns the unanswered requests of every kind, oldest first.
func (s *Store) Unanswered(ctx context.Context) ([]Request, error) {
	requests, err := all(ctx, s.read, scanRequest, "SELECT "+requestColumns+" FROM request WHERE repo=? AND answered_at=0 ORDER BY id", s.repo)
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	return requests, nil
}

// Answer keeps what came of a request, once, and tells of it.
func (s *Store) Answer(ctx context.Context, id int64, answer string) error {
	return s.update(ctx, "answer request", func(tx *sql.Tx) error {
		r, err := one(ctx, tx, scanRequest, "SELECT "+requestColumns+" FROM request WHERE id=?", id)
		if err != nil || !r.AnsweredAt.IsZero() {
			return err
		}
		return s.answer(ctx, tx, r, answer)
	})
}

func (s *Store) answer(ctx context.Context, tx *sql.Tx, r Request, answer string) error {
	if _, err := tx.ExecContext(ctx, "UPDATE request SET answer=?, answered_at=? WHERE id=?", answer, millis(s.now()), r.ID); err != nil {
		return err
	}
	return s.record(ctx, tx, Event{Kind: RequestAnswered, Ticket: r.Ticket, Pull: r.Pull, Run: r.Run, Data: map[string]string{
		"kind": r.Kind, "answer": answer, "chat": strconv.FormatInt(r.Chat, 10), "message": strconv.FormatInt(r.Message, 10)}})
}
