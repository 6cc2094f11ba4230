package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"testing"
	"time"
)

// foreign is another program at the same file, such as a backup tool or a person with a shell.
func foreign(t *testing.T, s *Store) *sql.DB {
	t.Helper()
	db, err := connect(s.path, 1, false)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func TestAForeignLockIsWaitedFor(t *testing.T) {
	s, _ := open(t)
	held, err := foreign(t, s).BeginTx(t.Context(), nil)
	must(t, err)
	const hold = 150 * time.Millisecond
	began := time.Now()
	let := time.AfterFunc(hold, func() { _ = held.Rollback() })
	defer let.Stop()
	must(t, s.Record(t.Context(), Event{Kind: Heartbeat}))
	if waited := time.Since(began); waited < hold {
		t.Errorf("the event was written after %s, beside a lock that was held for %s", waited, hold)
	}
	events, err := s.Events(t.Context(), 0, 10)
	if err != nil || len(events) != 1 {
		t.Errorf("%d events, %v; want the one", len(events), err)
	}
}

func TestALockThatIsNotGivenUpFailsTheWriteAndNothingElse(t *testing.T) {
	t.Parallel() // SQLite waits for all of its five seconds
	s, _ := open(t)
	must(t, s.Pause(t.Context(), "fixer", time.Time{}, "ana"))
	held, err := foreign(t, s).BeginTx(t.Context(), nil)
	must(t, err)
	impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Resume(impatient, "fixer", "ana"); err == nil {
		t.Error("a write went through a foreign lock")
	}
	if _, paused, err := s.PausedFor(t.Context(), "fixer"); err != nil || !paused {
		t.Errorf("reading beside a foreign lock: paused %v, %v", paused, err)
	}
	must(t, held.Rollback())
	_, err = s.Resume(t.Context(), "fixer", "ana")
	must(t, err)
	var cursor int64
	if got := kinds(t, s, &cursor); strings.Join(got, ", ") != "paused, resumed" {
		t.Errorf("events %q", got)
	}
}

func TestAFullDiskFailsTheTransitionAsAWholeAndIsOverWithTheDisk(t *testing.T) {
	s, _ := open(t)
	limit := func(pages int) {
		t.Helper()
		// SQLite answers the same as for a disk that is full.
		_, err := s.write.ExecContext(t.Context(), "PRAGMA max_page_count = "+strconv.Itoa(pages))
		must(t, err)
	}
	var pages int
	must(t, s.write.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
	limit(pages + 8)
	written := 0
	var full error
	for ; full == nil && written < 1000; written++ {
		_, full = s.UpdatePull(t.Context(), 7, func(p *Pull) { p.Attempts++ }, Event{Kind: Heartbeat, Data: map[string]string{"line": strings.Repeat("x", 500)}})
	}
	written--
	if full == nil || !strings.Contains(full.Error(), "full") {
		t.Fatalf("after %d writes to a full disk: %v", written, full)
	}
	whole := func(want int) {
		t.Helper()
		p, err := s.Pull(t.Context(), 7)
		must(t, err)
		events, err := s.Events(t.Context(), 0, 2000)
		must(t, err)
		told := 0
		for _, e := range events {
			if e.Kind == Heartbeat {
				told++
			}
		}
		if p.Attempts != want || told != want {
			t.Errorf("%d changes are kept and %d of their events, want %d of both", p.Attempts, told, want)
		}
	}
	whole(written)
	limit(1 << 30)
	_, err := s.UpdatePull(t.Context(), 7, func(p *Pull) { p.Attempts++ }, Event{Kind: Heartbeat})
	must(t, err)
	whole(written + 1)
}
