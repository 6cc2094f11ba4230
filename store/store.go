// Package store remembers: everything the factory must still know after a crash lives here, in one SQLite file.
//
// Exported methods open their own transaction; unexported helpers take one and compose. A method that changes the
// state of something writes the event that tells of it in the same transaction, so that neither exists without the
// other. Times come from the clock handed to Open and are kept as unix milliseconds.
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite", without cgo
)

// ErrNotFound is returned where one row was asked for and there is none.
var ErrNotFound = errors.New("not in the store")

// Options say whose rows a Store reads and writes, and what time it is.
type Options struct {
	Repo string           // "owner/name"; every row about a repository carries it
	Now  func() time.Time // the clock; nil means time.Now
}

// Store is one open database: a single writing connection with immediate transactions, and readers apart.
// It is safe for concurrent use.
type Store struct {
	repo  string
	path  string
	now   func() time.Time
	write *sql.DB
	read  *sql.DB

	recorded sync.Map // the running *sql.Tx that have written an event
	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when events have been committed
}

// readers is how many connections read at the same time: the bot, a role, the status page and one to spare.
const readers = 4

// Open opens or creates the database at path and brings it to the newest schema.
// It refuses a file that SQLite's quick_check finds damaged and a file written by a newer version.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.Repo == "" {
		return nil, errors.New("open store: no repository named")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	// The file holds chat texts and private diffs' names: it belongs to its owner alone.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{repo: o.Repo, path: path, now: o.Now, changed: make(chan struct{})}
	if s.write, err = connect(path, 1, false); err != nil {
		return nil, err
	}
	if s.read, err = connect(path, readers, true); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect opens a pool of n connections. busy_timeout (ms) covers a foreign lock such as a backup tool's.
func connect(path string, n int, queryOnly bool) (*sql.DB, error) {
	v := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		// 2 MiB of page cache a connection: the daemon is to stay small, and its rows are few.
		"cache_size(-2048)",
	}}
	if queryOnly {
		v.Add("_pragma", "query_only(1)")
		v.Set("_txlock", "deferred")
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: v.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	db.SetMaxOpenConns(n)
	return db, nil
}

func (s *Store) prepare(ctx context.Context) error {
	var verdict string
	if err := s.write.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("open store %s: check: %w; put a backup in its place (README, back up and restore)", s.path, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("open store %s: the file is damaged: %s; put a backup in its place (README, back up and restore)", s.path, verdict)
	}
	return s.migrate(ctx)
}

// Close waits for running statements and closes the database.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// Repo is the repository whose rows this store reads and writes.
func (s *Store) Repo() string { return s.repo }

// Now is the store's clock, cut to the millisecond that it can keep.
func (s *Store) Now() time.Time { return fromMillis(millis(s.now())) }

// Backup writes a consistent copy to dir, named after the day, replacing that day's earlier copy.
func (s *Store) Backup(ctx context.Context, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("back up store: %w", err)
	}
	name := filepath.Join(dir, "lightsout-"+s.Now().UTC().Format("2006-01-02")+".db")
	temporary := name + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("back up store: %w", err)
	}
	if _, err := s.write.ExecContext(ctx, "VACUUM INTO ?", temporary); err != nil {
		return "", fmt.Errorf("back up store: %w", err)
	}
	if err := os.Rename(temporary, name); err != nil {
		return "", fmt.Errorf("back up store: %w", err)
	}
	return name, nil
}

// update runs f in one immediate transaction. what names the deed in errors.
func (s *Store) update(ctx context.Context, what string, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer s.recorded.Delete(tx)
	if err := f(tx); err != nil {
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			err = errors.Join(err, back)
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	s.announce(tx)
	return nil
}

// announce tells of the events of a transaction that has been committed. Each is asked for its own: the next one may have
// begun by now.
func (s *Store) announce(tx *sql.Tx) {
	if _, some := s.recorded.LoadAndDelete(tx); !some {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed returns a channel that is closed when this process has committed an event after the call. Whoever takes the
// channel, then reads the events, then waits, misses none; events of other processes are found by looking now and then.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// queryer is what *sql.DB and *sql.Tx share, so that a reading helper serves both.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// all reads every row of a query with scan.
func all[T any](ctx context.Context, q queryer, scan func(func(...any) error) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// one reads the first row of a query, or ErrNotFound.
func one[T any](ctx context.Context, q queryer, scan func(func(...any) error) (T, error), query string, args ...any) (T, error) {
	rows, err := all(ctx, q, scan, query, args...)
	var none T
	switch {
	case err != nil:
		return none, err
	case len(rows) == 0:
		return none, ErrNotFound
	}
	return rows[0], nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// moment scans a column of unix milliseconds into a time.
type moment struct{ to *time.Time }

func (m moment) Scan(v any) error {
	ms, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is %T, not an integer", v)
	}
	*m.to = fromMillis(ms)
	return nil
}

// document scans a column of JSON into a value.
type document struct{ to any }

func (d document) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("a document is %T, not text", v)
	}
	return json.Unmarshal([]byte(text), d.to)
}

// encode renders a value for a column of JSON. What the store is given can always be encoded: slices, maps and
// structs of strings and numbers; an error here is a defect and reaches the caller as one.
func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	if string(b) == "null" {
		return "[]", nil
	}
	return string(b), nil
}
