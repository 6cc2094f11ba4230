package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Session is one session of one coding CLI within a run.
type Session struct {
	ID     int64
	Run    int64
	Role   string // of whoever asked for it: implementer, fixer, one of the reviewers
	Ticket int
	Engine string
}

// Spend is what sessions have used.
type Spend struct {
	Sessions int
	Turns    int
	Input    int64 // tokens read afresh, without the cached
	Cached   int64
	Output   int64
	CostUSD  float64
	Time     time.Duration // from start to end, all sessions together
}

// Tokens are those that count against a budget: read afresh, and written.
func (s Spend) Tokens() int64 { return s.Input + s.Output }

// EngineSpend is what the sessions of one coding CLI have used.
type EngineSpend struct {
	Engine string
	Spend
}

// Total adds up what all of them have used.
func Total(engines []EngineSpend) Spend {
	var all Spend
	for _, e := range engines {
		all.Sessions, all.Turns, all.Time = all.Sessions+e.Sessions, all.Turns+e.Turns, all.Time+e.Time
		all.Input, all.Cached, all.Output, all.CostUSD = all.Input+e.Input, all.Cached+e.Cached, all.Output+e.Output, all.CostUSD+e.CostUSD
	}
	return all
}

// BeginSession keeps a session before it starts. Its run is from now on the work of that coding CLI.
func (s *Store) BeginSession(ctx context.Context, x Session) (Session, error) {
	err := s.update(ctx, "begin session", func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO session (repo, run, role, ticket, engine, outcome, reason, started_at, ended_at,
			turns, input_tokens, cached_tokens, output_tokens, cost_usd) VALUES (?,?,?,?,?,'','',?,0,0,0,0,0,0)`,
			s.repo, x.Run, x.Role, x.Ticket, x.Engine, millis(s.now()))
		if err != nil {
			return err
		}
		if x.ID, err = result.LastInsertId(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE run SET engine=?, doing='' WHERE id=?", x.Engine, x.Run)
		return err
	})
	return x, err
}

// Progress keeps what a session is doing and has used so far, in it and in its run. It is no transition and writes no
// event.
func (s *Store) Progress(ctx context.Context, x Session, doing string, used Spend) error {
	return s.update(ctx, "keep progress", func(tx *sql.Tx) error {
		if err := spend(ctx, tx, x, used); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE run SET doing=?, step_at=? WHERE id=? AND ended_at=0", doing, millis(s.now()), x.Run)
		return err
	})
}

// EndSession keeps how a session ended and all that it has used.
func (s *Store) EndSession(ctx context.Context, x Session, outcome, reason string, used Spend) error {
	return s.update(ctx, "end session", func(tx *sql.Tx) error {
		if err := spend(ctx, tx, x, used); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE session SET outcome=?, reason=?, ended_at=? WHERE id=?", outcome, reason, millis(s.now()), x.ID)
		return err
	})
}

// spend sets what a session has used, and adds to its run what it had not used before.
func spend(ctx context.Context, tx *sql.Tx, x Session, used Spend) error {
	_, err := tx.ExecContext(ctx, `UPDATE run SET turns=run.turns+?-s.turns, input_tokens=run.input_tokens+?-s.input_tokens,
		cached_tokens=run.cached_tokens+?-s.cached_tokens, output_tokens=run.output_tokens+?-s.output_tokens, cost_usd=max(0, run.cost_usd+?-s.cost_usd)
		FROM session s WHERE s.id=? AND run.id=s.run`, used.Turns, used.Input, used.Cached, used.Output, used.CostUSD, x.ID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE session SET turns=?, input_tokens=?, cached_tokens=?, output_tokens=?, cost_usd=? WHERE id=?",
		used.Turns, used.Input, used.Cached, used.Output, used.CostUSD, x.ID)
	return err
}

const spendColumns = "COUNT(*), COALESCE(SUM(turns),0), COALESCE(SUM(input_tokens),0), COALESCE(SUM(cached_tokens),0), COALESCE(SUM(output_tokens),0), COALESCE(SUM(cost_usd),0.0)," +
	" COALESCE(SUM(CASE WHEN ended_at>0 THEN ended_at-started_at ELSE 0 END),0)"

func (s *Spend) fields(ms *int64) []any {
	return []any{&s.Sessions, &s.Turns, &s.Input, &s.Cached, &s.Output, &s.CostUSD, ms}
}

func scanSpend(scan func(...any) error) (Spend, error) {
	var spent Spend
	var ms int64
	err := scan(spent.fields(&ms)...)
	spent.Time = time.Duration(ms) * time.Millisecond
	return spent, err
}

func scanEngineSpend(scan func(...any) error) (EngineSpend, error) {
	var e EngineSpend
	var ms int64
	err := scan(append([]any{&e.Engine}, e.fields(&ms)...)...)
	e.Time = time.Duration(ms) * time.Millisecond
	return e, err
}

// SpentSince is what the sessions that started at or after t have used, by coding CLI, those that work now with what
// they have used so far.
func (s *Store) SpentSince(ctx context.Context, t time.Time) ([]EngineSpend, error) {
	spent, err := all(ctx, s.read, scanEngineSpend, "SELECT engine, "+spendColumns+" FROM session WHERE repo=? AND started_at>=? GROUP BY engine ORDER BY engine", s.repo, millis(t))
	if err != nil {
		return nil, fmt.Errorf("read spend: %w", err)
	}
	return spent, nil
}

// SpentToday is what has been used since Midnight.
func (s *Store) SpentToday(ctx context.Context) ([]EngineSpend, error) {
	return s.SpentSince(ctx, Midnight(s.Now()))
}

// Midnight is when the day of t began, in UTC, as schedules are: the day of a budget.
func Midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// SpentOn is what sessions have used on a ticket since it was last unparked: a person who has it tried again grants it its
// whole budget again.
func (s *Store) SpentOn(ctx context.Context, ticket int) (Spend, error) {
	spent, err := one(ctx, s.read, scanSpend, "SELECT "+spendColumns+` FROM session WHERE repo=?1 AND ticket=?2
		AND started_at>=(SELECT COALESCE(MAX(at),0) FROM event WHERE repo=?1 AND ticket=?2 AND kind=?3)`, s.repo, ticket, TicketUnparked)
	if err != nil {
		return Spend{}, fmt.Errorf("read spend on #%d: %w", ticket, err)
	}
	return spent, nil
}

// EndedAlike counts the newest sessions of a coding CLI that ended one like the other, 16 at the most.
func (s *Store) EndedAlike(ctx context.Context, engine string) (int, error) {
	outcomes, err := all(ctx, s.read, func(scan func(...any) error) (string, error) {
		var outcome string
		return outcome, scan(&outcome)
	}, "SELECT outcome FROM session WHERE repo=? AND engine=? AND ended_at>0 ORDER BY id DESC LIMIT 16", s.repo, engine)
	if err != nil {
		return 0, fmt.Errorf("read sessions of %s: %w", engine, err)
	}
	for i := range outcomes {
		if outcomes[i] != outcomes[0] {
			return i, nil
		}
	}
	return len(outcomes), nil
}
