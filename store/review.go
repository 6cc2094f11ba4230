package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Review is the debate on what one run made, as it stood when the run last went on.
type Review struct {
	Run     int64
	Ticket  int
	Pull    int    // 0 until what was reviewed is published
	Head    string // the commit that was looked at last
	Line    string // the counts, as on a card
	Points  []ReviewPoint
	Stands  string // the worst real bug that is not repaired, in a line; "" for none
	Verdict string // JSON, whole
	Debate  string // the same to read, in Markdown
	At      time.Time
}

// ReviewPoint is what became of one finding, as a card has room for it.
type ReviewPoint struct {
	Fate  string `json:"fate"`
	Place string `json:"place"`
	Claim string `json:"claim"`
}

// Finding is one thing that a review raised, or, when Missed, trouble that came to light where it had raised nothing.
type Finding struct {
	ID         int64
	Run        int64 // in which it was raised
	Ticket     int
	Pull       int    // 0 until what was reviewed is published
	Name       string // F1, F2, … within the debate
	Missed     bool
	File       string
	Line       int
	Severity   string
	Claim      string
	Refuted    bool
	Ruling     string
	RuledBy    string
	Reproduced bool
	Enthusiast string // the engines that spoke in its round; "" for who did not
	Adversary  string
	Referee    string
	RaisedAt   time.Time
	Outcome    string // "" while nothing has come to light
	Because    string // what showed it
	BookedAt   time.Time

	Marks []Mark // written, not read: Tallies sums them
}

// Mark is how one role did by one finding.
type Mark struct {
	Role   string
	Engine string
	Mark   string // right, wrong, missed, silent, unknown
	Points int
}

const reviewColumns = "run, ticket, pull, head, line, points, stands, verdict, debate, at"

func scanReview(scan func(...any) error) (Review, error) {
	var r Review
	return r, scan(&r.Run, &r.Ticket, &r.Pull, &r.Head, &r.Line, document{&r.Points}, &r.Stands, &r.Verdict, &r.Debate, moment{&r.At})
}

const findingColumns = `id, run, ticket, pull, name, missed, file, line, severity, claim, refuted, ruling, ruled_by, reproduced, enthusiast, adversary, referee,
	raised_at, outcome, because, booked_at`

func scanFinding(scan func(...any) error) (Finding, error) {
	var f Finding
	return f, scan(&f.ID, &f.Run, &f.Ticket, &f.Pull, &f.Name, &f.Missed, &f.File, &f.Line, &f.Severity, &f.Claim, &f.Refuted, &f.Ruling, &f.RuledBy, &f.Reproduced,
		&f.Enthusiast, &f.Adversary, &f.Referee, moment{&f.RaisedAt}, &f.Outcome, &f.Because, moment{&f.BookedAt})
}

// KeepReview keeps where the debate on a run's change stands, with the findings that the run has raised, in place of what
// stood there, and the events that tell of it.
func (s *Store) KeepReview(ctx context.Context, r Review, findings []Finding, events ...Event) error {
	return s.update(ctx, "keep review", func(tx *sql.Tx) error {
		points, err := encode(r.Points)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO review (repo, "+reviewColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?)",
			s.repo, r.Run, r.Ticket, r.Pull, r.Head, r.Line, points, r.Stands, r.Verdict, r.Debate, millis(s.now()))
		if err != nil {
			return err
		}
		for _, f := range findings {
			f.Run, f.Ticket, f.Pull = r.Run, r.Ticket, r.Pull
			if err := s.putFinding(ctx, tx, f); err != nil {
				return err
			}
		}
		for _, e := range events {
			if err := s.record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// putFinding writes a finding under its run and name, and its marks anew. When it was raised first stays.
func (s *Store) putFinding(ctx context.Context, tx *sql.Tx, f Finding) error {
	booked := int64(0)
	if f.Outcome != "" {
		booked = millis(s.now())
	}
	id, err := one(ctx, tx, scanID, `INSERT INTO finding (repo, run, ticket, pull, name, missed, file, line, severity, claim, refuted, ruling, ruled_by, reproduced,
			enthusiast, adversary, referee, raised_at, outcome, because, booked_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (repo, run, name) DO UPDATE SET severity=excluded.severity, claim=excluded.claim, refuted=excluded.refuted, ruling=excluded.ruling,
			ruled_by=excluded.ruled_by, reproduced=excluded.reproduced, enthusiast=excluded.enthusiast, adversary=excluded.adversary, referee=excluded.referee,
			outcome=excluded.outcome, because=excluded.because, booked_at=excluded.booked_at RETURNING id`,
		s.repo, f.Run, f.Ticket, f.Pull, f.Name, f.Missed, f.File, f.Line, f.Severity, f.Claim, f.Refuted, f.Ruling, f.RuledBy, f.Reproduced,
		f.Enthusiast, f.Adversary, f.Referee, millis(s.now()), f.Outcome, f.Because, booked)
	if err != nil {
		return err
	}
	return s.putMarks(ctx, tx, id, f.Marks)
}

func scanID(scan func(...any) error) (int64, error) {
	var id int64
	return id, scan(&id)
}

func (s *Store) putMarks(ctx context.Context, tx *sql.Tx, finding int64, marks []Mark) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM score WHERE finding=?", finding); err != nil {
		return err
	}
	for _, m := range marks {
		if _, err := tx.ExecContext(ctx, "INSERT INTO score (finding, role, engine, mark, points) VALUES (?,?,?,?,?)", finding, m.Role, m.Engine, m.Mark, m.Points); err != nil {
			return err
		}
	}
	return nil
}

// PublishReview says under which pull request what a run made was published. Without a review of that run nothing changes.
func (s *Store) PublishReview(ctx context.Context, run int64, pull int) error {
	return s.update(ctx, "publish review", func(tx *sql.Tx) error {
		for _, table := range []string{"review", "finding"} {
			if _, err := tx.ExecContext(ctx, "UPDATE "+table+" SET pull=? WHERE repo=? AND run=?", pull, s.repo, run); err != nil {
				return err
			}
		}
		return nil
	})
}

// Review returns the newest debate on what was published as a pull request, or ErrNotFound.
func (s *Store) Review(ctx context.Context, pull int) (Review, error) {
	return s.review(ctx, "pull=? AND pull>0", pull)
}

// ReviewOfTicket returns the newest debate on a ticket, published or not, or ErrNotFound.
func (s *Store) ReviewOfTicket(ctx context.Context, ticket int) (Review, error) {
	return s.review(ctx, "ticket=? AND ticket>0", ticket)
}

// ReviewOfHead returns the newest debate whose last look was at that commit, or ErrNotFound.
func (s *Store) ReviewOfHead(ctx context.Context, head string) (Review, error) {
	return s.review(ctx, "head=?", head)
}

func (s *Store) review(ctx context.Context, where string, arg any) (Review, error) {
	r, err := one(ctx, s.read, scanReview, "SELECT "+reviewColumns+" FROM review WHERE repo=? AND "+where+" ORDER BY run DESC LIMIT 1", s.repo, arg)
	if err != nil {
		return r, fmt.Errorf("read review: %w", err)
	}
	return r, nil
}

// OpenFindings returns the findings of which nothing has come to light, oldest first.
func (s *Store) OpenFindings(ctx context.Context) ([]Finding, error) {
	return s.findings(ctx, "outcome=''")
}

// FindingsOf returns what was ever raised about a pull request, and what was missed, oldest first.
func (s *Store) FindingsOf(ctx context.Context, pull int) ([]Finding, error) {
	return s.findings(ctx, "pull=? AND pull>0", pull)
}

func (s *Store) findings(ctx context.Context, where string, args ...any) ([]Finding, error) {
	list, err := all(ctx, s.read, scanFinding, "SELECT "+findingColumns+" FROM finding WHERE repo=? AND "+where+" ORDER BY id", append([]any{s.repo}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	return list, nil
}

// BookFinding keeps what came to light about a finding, with what its roles earned by it: its Outcome, Because and Marks.
// One that is not there yet (ID 0) was missed by the review, and is kept under its run and name.
func (s *Store) BookFinding(ctx context.Context, f Finding) error {
	return s.update(ctx, "book finding", func(tx *sql.Tx) error {
		if f.ID == 0 {
			return s.putFinding(ctx, tx, f)
		}
		_, err := tx.ExecContext(ctx, "UPDATE finding SET outcome=?, because=?, booked_at=? WHERE repo=? AND id=?", f.Outcome, f.Because, millis(s.now()), s.repo, f.ID)
		if err != nil {
			return err
		}
		return s.putMarks(ctx, tx, f.ID, f.Marks)
	})
}

// Tally is how one engine has done in one role, summed over its findings.
type Tally struct {
	Role    string
	Engine  string
	Points  int
	Right   int
	Wrong   int
	Missed  int
	Unknown int // nothing has come to light yet
}

// Precision is the share of what it said that was right: 0 to 1; ok is false when it said nothing that is known.
func (t Tally) Precision() (share float64, ok bool) { return ratio(t.Right, t.Right+t.Wrong) }

// Recall is the share of what it could have said that it said: 0 to 1; ok is false when there was nothing.
func (t Tally) Recall() (share float64, ok bool) { return ratio(t.Right, t.Right+t.Missed) }

func ratio(part, whole int) (float64, bool) {
	if whole == 0 {
		return 0, false
	}
	return float64(part) / float64(whole), true
}

// Tallies sums the marks of every role and engine for findings raised at or after since, in the order of the debate and
// then by name.
func (s *Store) Tallies(ctx context.Context, since time.Time) ([]Tally, error) {
	list, err := all(ctx, s.read, func(scan func(...any) error) (Tally, error) {
		var t Tally
		return t, scan(&t.Role, &t.Engine, &t.Points, &t.Right, &t.Wrong, &t.Missed, &t.Unknown)
	}, `SELECT role, engine, SUM(points), SUM(mark='right'), SUM(mark='wrong'), SUM(mark='missed'), SUM(mark='unknown')
		FROM score JOIN finding ON finding.id=score.finding WHERE repo=? AND raised_at>=?
		GROUP BY role, engine ORDER BY CASE role WHEN 'enthusiast' THEN 1 WHEN 'adversary' THEN 2 ELSE 3 END, engine`, s.repo, millis(since))
	if err != nil {
		return nil, fmt.Errorf("read scores: %w", err)
	}
	return list, nil
}

// Outcomes counts what has come of the findings raised at or after since, by outcome; "" is what is not known yet.
func (s *Store) Outcomes(ctx context.Context, since time.Time) (map[string]int, error) {
	type row struct {
		outcome string
		count   int
	}
	rows, err := all(ctx, s.read, func(scan func(...any) error) (row, error) {
		var r row
		return r, scan(&r.outcome, &r.count)
	}, "SELECT outcome, COUNT(*) FROM finding WHERE repo=? AND raised_at>=? AND missed=0 GROUP BY outcome", s.repo, millis(since))
	if err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.outcome] = r.count
	}
	return counts, nil
}
