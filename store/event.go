package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// The kinds of event. The bot turns each into what a chat should see; the events of one ticket, read in order, are
// its story.
const (
	RunStarted       = "run started"
	RunEnded         = "run ended"
	PullOpened       = "pull opened"
	PullRead         = "pull read"    // its verdict, head or checks changed; Data: from, to, reason, head, patch
	PullUpdated      = "pull updated" // a session or a base update moved the head; Data: head, why
	FixerClaimed     = "fixer claimed"
	Rerun            = "rerun" // a failed check was asked for once more; Data: check, reason
	Flaky            = "flaky" // a check failed and passed on one head; Data: check, head
	GaveUp           = "gave up"
	TicketParked     = "ticket parked" // Data: reason
	TicketUnparked   = "ticket unparked"
	ProofRefused     = "proof refused"    // Data: round, evidence; the session is asked again
	ProofRenewed     = "proof renewed"    // after an update from the base; Data: head, base, proof, proven
	ReviewSentBack   = "review sent back" // Data: round, line, detail: a real bug; the session is asked again
	Approved         = "approved"         // Data: by, head
	ApprovalEnded    = "approval ended"
	MergeRefused     = "merge refused" // Data: reason
	Merged           = "merged"        // Data: sha, by
	StagingStarted   = "staging started"
	Staged           = "staged"         // Data: sha
	StagingFailed    = "staging failed" // Data: sha, reason
	Reverted         = "reverted"       // a merge was taken back by another; Data: sha, by (the pull request), as (its commit)
	Heartbeat        = "heartbeat"      // Data: line, open, ready, fixing, queue, running, rate
	Trouble          = "trouble"        // Data: what, reason; said once until it is over
	TroubleOver      = "trouble over"
	Paused           = "paused"
	Resumed          = "resumed"
	RulesChanged     = "rules changed"
	RequestAnswered  = "request answered" // Data: request, kind, answer
	PersonPaired     = "person paired"
	PersonRemoved    = "person removed"
	ClaimReleased    = "claim released"
	Intake           = "intake" // why the Implementer took nothing; Data: reason
	StrangerRefused  = "stranger refused"
	LeftoverSessions = "leftover sessions ended"
	EngineRests      = "engine rests" // Data: engine, outcome, reason, until, next
	EngineBack       = "engine back"  // Data: engine, by
)

// Event is one thing that happened.
type Event struct {
	ID     int64
	At     time.Time
	Kind   string
	Ticket int
	Pull   int
	Run    int64
	Data   map[string]string
}

func scanEvent(scan func(...any) error) (Event, error) {
	var e Event
	return e, scan(&e.ID, moment{&e.At}, &e.Kind, &e.Ticket, &e.Pull, &e.Run, document{&e.Data})
}

const eventColumns = "id, at, kind, ticket, pull, run, data"

// record writes an event beside the change it tells of.
func (s *Store) record(ctx context.Context, tx *sql.Tx, e Event) error {
	s.recorded.Store(tx, true)
	data := "{}"
	if len(e.Data) > 0 {
		var err error
		if data, err = encode(e.Data); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO event (at, repo, kind, ticket, pull, run, data) VALUES (?,?,?,?,?,?,?)",
		millis(s.now()), s.repo, e.Kind, e.Ticket, e.Pull, e.Run, data)
	return err
}

// Record writes an event that changes nothing else: a heartbeat, a refusal, a reason for standing still.
func (s *Store) Record(ctx context.Context, e Event) error {
	return s.update(ctx, "record "+e.Kind, func(tx *sql.Tx) error { return s.record(ctx, tx, e) })
}

// RecordChange writes e unless the newest event of its kind, ticket and pull says the same: a state that lasts is told
// once, not at every tick. It reports whether e was written.
func (s *Store) RecordChange(ctx context.Context, e Event) (written bool, err error) {
	err = s.update(ctx, "record "+e.Kind, func(tx *sql.Tx) error {
		last, err := one(ctx, tx, scanEvent, "SELECT "+eventColumns+" FROM event WHERE repo=? AND kind=? AND ticket=? AND pull=? ORDER BY id DESC LIMIT 1",
			s.repo, e.Kind, e.Ticket, e.Pull)
		switch {
		case err == nil && sameData(last.Data, e.Data):
			return nil
		case err != nil && err != ErrNotFound:
			return err
		}
		written = true
		return s.record(ctx, tx, e)
	})
	return written, err
}

func sameData(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// Events returns at most limit events with an id above after, oldest first.
func (s *Store) Events(ctx context.Context, after int64, limit int) ([]Event, error) {
	events, err := all(ctx, s.read, scanEvent, "SELECT "+eventColumns+" FROM event WHERE repo=? AND id>? ORDER BY id LIMIT ?", s.repo, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// Story returns the newest limit events about a ticket and its pull request, oldest first.
func (s *Store) Story(ctx context.Context, ticket, pull, limit int) ([]Event, error) {
	events, err := all(ctx, s.read, scanEvent, "SELECT * FROM (SELECT "+eventColumns+
		" FROM event WHERE repo=? AND ((ticket=? AND ticket>0) OR (pull=? AND pull>0)) ORDER BY id DESC LIMIT ?) ORDER BY id", s.repo, ticket, pull, limit)
	if err != nil {
		return nil, fmt.Errorf("read story: %w", err)
	}
	return events, nil
}

// RunBegun returns the event that told of the start of a run, or ErrNotFound.
func (s *Store) RunBegun(ctx context.Context, r Run) (Event, error) {
	return one(ctx, s.read, scanEvent, "SELECT "+eventColumns+" FROM event WHERE repo=? AND ticket=? AND run=? AND kind IN (?,?) ORDER BY id LIMIT 1",
		s.repo, r.Ticket, r.ID, RunStarted, FixerClaimed)
}
