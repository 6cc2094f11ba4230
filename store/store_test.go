package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that a test moves by hand.
type clock struct {
	mutex sync.Mutex
	at    time.Time
}

func (c *clock) now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.at = c.at.Add(d)
}

// open makes a store of its own for a test, and the clock it goes by.
func open(t *testing.T) (*Store, *clock) {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), Options{Repo: "acme/stockroom", Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

// must ends a test at its first error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kinds lists what the events since the cursor tell, and moves it.
func kinds(t *testing.T, s *Store, after *int64) []string {
	t.Helper()
	events, err := s.Events(t.Context(), *after, 1000)
	must(t, err)
	var out []string
	for _, e := range events {
		out = append(out, e.Kind)
		*after = e.ID
	}
	return out
}

func TestOpenKeepsWhatAnEarlierLifeWrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	for life := range 2 {
		s, err := Open(t.Context(), path, Options{Repo: "acme/stockroom"})
		must(t, err)
		got, err := s.Setting(t.Context(), "life")
		must(t, err)
		if want := []string{"", "first"}[life]; got != want {
			t.Errorf("life %d found %q, want %q", life, got, want)
		}
		must(t, s.SetSetting(t.Context(), "life", "first"))
		must(t, s.Close())
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the database is %v, want it to be its owner's alone", info.Mode().Perm())
	}
}

func TestOpenRefusesADatabaseOfANewerProgram(t *testing.T) {
	s, _ := open(t)
	_, err := s.write.ExecContext(t.Context(), "PRAGMA user_version = 999")
	must(t, err)
	_, err = Open(t.Context(), s.path, Options{Repo: "acme/stockroom"})
	if err == nil || !strings.Contains(err.Error(), "newer lightsout") {
		t.Errorf("Open() = %v, want a refusal that names the newer program", err)
	}
}

func TestOpenRefusesADamagedDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := Open(t.Context(), path, Options{Repo: "acme/stockroom"})
	must(t, err)
	for range 200 {
		must(t, s.Record(t.Context(), Event{Kind: Heartbeat, Data: map[string]string{"line": strings.Repeat("x", 300)}}))
	}
	must(t, s.Close())
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = file.WriteAt([]byte(strings.Repeat("\xff", 4096*4)), 4096*3)
	must(t, errors.Join(err, file.Close()))
	if s, err := Open(t.Context(), path, Options{Repo: "acme/stockroom"}); err == nil {
		must(t, s.Close())
		t.Error("a damaged database was opened")
	} else if !strings.Contains(err.Error(), "backup") {
		t.Errorf("Open() = %v, want the cure to be named", err)
	}
}

func TestBackupIsACompleteStore(t *testing.T) {
	s, _ := open(t)
	must(t, s.SetSetting(t.Context(), "kept", "yes"))
	for range 2 { // a second one on the same day replaces the first
		name, err := s.Backup(t.Context(), t.TempDir())
		must(t, err)
		copied, err := Open(t.Context(), name, Options{Repo: "acme/stockroom"})
		must(t, err)
		got, err := copied.Setting(t.Context(), "kept")
		must(t, errors.Join(err, copied.Close()))
		if got != "yes" {
			t.Errorf("the backup says %q", got)
		}
	}
}

func TestAFailedTransitionLeavesNoEvent(t *testing.T) {
	s, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Pause(ctx, "", time.Time{}, "ana"); err == nil {
		t.Fatal("a cancelled transition went through")
	}
	var cursor int64
	if got := kinds(t, s, &cursor); len(got) != 0 {
		t.Errorf("events %v tell of what did not happen", got)
	}
}

func TestConcurrentWritersLoseNothing(t *testing.T) {
	s, _ := open(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				if _, err := s.UpdatePull(t.Context(), 7, func(p *Pull) { p.Attempts++ }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	p, err := s.Pull(t.Context(), 7)
	must(t, err)
	if p.Attempts != 200 {
		t.Errorf("200 updates left %d", p.Attempts)
	}
}

// closed tells whether a channel has been closed.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestEveryCommittedEventIsAnnounced(t *testing.T) {
	s, _ := open(t)
	begin := func() *sql.Tx {
		tx, err := s.write.BeginTx(t.Context(), nil)
		must(t, err)
		must(t, s.record(t.Context(), tx, Event{Kind: Heartbeat}))
		return tx
	}
	// The second transaction has written its event when the first comes to telling of its own.
	first := begin()
	must(t, first.Commit())
	second := begin()
	before := s.Changed()
	s.announce(first)
	if !closed(before) {
		t.Error("the first event was not announced")
	}
	before = s.Changed()
	must(t, second.Commit())
	s.announce(second)
	if !closed(before) {
		t.Error("the second event was not announced: its notice went with the first")
	}
}

func TestWhatWasRolledBackIsNotAnnounced(t *testing.T) {
	s, _ := open(t)
	before := s.Changed()
	err := s.update(t.Context(), "write and fail", func(tx *sql.Tx) error {
		return errors.Join(s.record(t.Context(), tx, Event{Kind: Heartbeat}), errors.New("changed my mind"))
	})
	if err == nil {
		t.Fatal("the transaction did not fail")
	}
	must(t, s.SetSetting(t.Context(), "a", "b"))
	if closed(before) {
		t.Error("an event that was rolled back was announced")
	}
	must(t, s.Record(t.Context(), Event{Kind: Heartbeat}))
	if !closed(before) {
		t.Error("an event was not announced")
	}
}
