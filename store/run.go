package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// Prover is the role of a run in which no session works: the proof of an open pull request, made again. Its row is there so that what runs is to be seen and
// to be ended; nothing is told of it, and it is none of its ticket's runs.
const Prover = "prover"

// Run is one session of a coding CLI and the factory's work around it.
type Run struct {
	ID           int64
	Role         string // implementer, fixer, Prover
	Ticket       int
	Pull         int // 0 while there is none
	Generation   int64
	Engine       string // the one that works, or worked last
	Attempt      int
	Marker       string // in the environment of every process of the session
	Step         string // what it is doing: session, proof, push …
	Doing        string // what its session is at: a tool it calls, or words
	Outcome      string // "" while it runs
	Reason       string
	StartedAt    time.Time
	StepAt       time.Time
	EndedAt      time.Time
	Limit        time.Duration
	PromptBytes  int
	Turns        int
	InputTokens  int64 // fresh, without the cached
	CachedTokens int64
	OutputTokens int64
	CostUSD      float64
	LogPath      string
}

const runColumns = `id, role, ticket, pull, generation, engine, attempt, marker, step, doing, outcome, reason, started_at, step_at, ended_at,
	limit_ms, prompt_bytes, turns, input_tokens, cached_tokens, output_tokens, cost_usd, log_path`

func scanRun(scan func(...any) error) (Run, error) {
	var r Run
	var limit int64
	err := scan(&r.ID, &r.Role, &r.Ticket, &r.Pull, &r.Generation, &r.Engine, &r.Attempt, &r.Marker, &r.Step, &r.Doing, &r.Outcome, &r.Reason,
		moment{&r.StartedAt}, moment{&r.StepAt}, moment{&r.EndedAt}, &limit, &r.PromptBytes, &r.Turns, &r.InputTokens, &r.CachedTokens,
		&r.OutputTokens, &r.CostUSD, &r.LogPath)
	r.Limit = time.Duration(limit) * time.Millisecond
	return r, err
}

// StartRun keeps a run before its session starts and tells of it. data goes into the event.
func (s *Store) StartRun(ctx context.Context, r Run, data map[string]string) (Run, error) {
	err := s.update(ctx, "start run", func(tx *sql.Tx) error {
		r.StartedAt, r.StepAt = s.Now(), s.Now()
		result, err := tx.ExecContext(ctx, `INSERT INTO run (repo, role, ticket, pull, generation, engine, attempt, marker, step, outcome, reason, started_at,
			step_at, ended_at, limit_ms, prompt_bytes, turns, input_tokens, cached_tokens, output_tokens, cost_usd, log_path)
			VALUES (?,?,?,?,?,?,?,?,?,'','',?,?,0,?,?,0,0,0,0,0,?)`,
			s.repo, r.Role, r.Ticket, r.Pull, r.Generation, r.Engine, r.Attempt, r.Marker, r.Step, millis(r.StartedAt), millis(r.StepAt),
			r.Limit.Milliseconds(), r.PromptBytes, r.LogPath)
		if err != nil {
			return err
		}
		if r.ID, err = result.LastInsertId(); err != nil {
			return err
		}
		if r.Role == Prover {
			return nil
		}
		kind := RunStarted
		if r.Role == "fixer" {
			kind = FixerClaimed
		}
		all := map[string]string{"role": r.Role, "engine": r.Engine, "attempt": strconv.Itoa(r.Attempt), "limit": r.Limit.String()}
		for k, v := range data {
			all[k] = v
		}
		return s.record(ctx, tx, Event{Kind: kind, Ticket: r.Ticket, Pull: r.Pull, Run: r.ID, Data: all})
	})
	return r, err
}

// Step says what a run is doing now. A step is progress, not a transition: it writes no event.
func (s *Store) Step(ctx context.Context, run int64, step string) error {
	return s.update(ctx, "keep step", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE run SET step=?, doing='', step_at=? WHERE id=? AND ended_at=0", step, millis(s.now()), run)
		return err
	})
}

// EndRun keeps how a run ended, and answers a /cancel of it that came too late. A run that has ended stays as it is.
func (s *Store) EndRun(ctx context.Context, run int64, outcome, reason string) error {
	return s.update(ctx, "end run", func(tx *sql.Tx) error {
		r, err := one(ctx, tx, scanRun, "SELECT "+runColumns+" FROM run WHERE id=?", run)
		if err != nil || !r.EndedAt.IsZero() {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE run SET outcome=?, reason=?, ended_at=? WHERE id=?", outcome, reason, millis(s.now()), run); err != nil {
			return err
		}
		// A session that is open still was cut short together with the daemon.
		if _, err := tx.ExecContext(ctx, "UPDATE session SET outcome=?, reason=?, ended_at=? WHERE run=? AND ended_at=0", outcome, reason, millis(s.now()), run); err != nil {
			return err
		}
		late, err := all(ctx, tx, scanRequest, "SELECT "+requestColumns+" FROM request WHERE repo=? AND kind=? AND run=? AND answered_at=0", s.repo, RequestCancel, run)
		if err != nil {
			return err
		}
		for _, q := range late { // it came too late to be met by the run itself
			if err := s.answer(ctx, tx, q, fmt.Sprintf("Run %d had ended: %s", run, outcome)); err != nil {
				return err
			}
		}
		if r.Role == Prover {
			return nil
		}
		return s.record(ctx, tx, Event{Kind: RunEnded, Ticket: r.Ticket, Pull: r.Pull, Run: run,
			Data: map[string]string{"role": r.Role, "outcome": outcome, "reason": reason}})
	})
}

// Running returns the runs that have not ended.
func (s *Store) Running(ctx context.Context) ([]Run, error) {
	return s.runs(ctx, "ended_at=0")
}

// RunsOf returns every run of a ticket in which sessions worked, oldest first.
func (s *Store) RunsOf(ctx context.Context, ticket int) ([]Run, error) {
	return s.runs(ctx, "ticket=? AND role<>?", ticket, Prover)
}

// Run returns one run.
func (s *Store) Run(ctx context.Context, id int64) (Run, error) {
	runs, err := s.runs(ctx, "id=?", id)
	if err == nil && len(runs) == 0 {
		return Run{}, fmt.Errorf("read run %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return Run{}, err
	}
	return runs[0], nil
}

func (s *Store) runs(ctx context.Context, where string, args ...any) ([]Run, error) {
	runs, err := all(ctx, s.read, scanRun, "SELECT "+runColumns+" FROM run WHERE repo=? AND "+where+" ORDER BY id", append([]any{s.repo}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	return runs, nil
}
