package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// The verdicts on a pull request: one word each, the same in code, store and chat.
const (
	Running  = "running"  // a session works on it
	Waiting  = "waiting"  // for CI
	Ready    = "ready"    // for a person
	Approval = "approved" // by a person, not landed yet
	Landing  = "landing"
	Landed   = "merged"
	Red      = "red"
	Conflict = "conflict"
	Rejected = "rejected"
	Behind   = "behind"
	BaseRed  = "base red"
	GivenUp  = "gave up"
	Parked   = "parked"
	Foreign  = "foreign" // a person took it
	Draft    = "draft"
	Closed   = "closed"
	Unknown  = "unknown" // could not be read
)

// Check is one check of a pull request's head as it was last read.
type Check struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	URL      string `json:"url,omitempty"`
	Required bool   `json:"required,omitempty"`
}

// Pull is a pull request of the factory as it was last read, and what the factory made of it.
type Pull struct {
	Number     int
	Ticket     int
	Title      string
	URL        string
	Branch     string
	Head       string // sha
	Base       string // branch
	BaseSHA    string // where the base stood
	PatchID    string // of base..head
	Verdict    string
	Reason     string
	Checks     []Check
	Additions  int
	Deletions  int
	Files      []string
	Proof      string // the receipt in one line
	Receipt    string // the receipt as JSON
	DiffPath   string // file that holds the diff of Head
	LogPath    string // file that holds the newest log about it
	Pushed     string // the last head that the factory itself pushed
	Attempts   int    // repairs spent, of three
	OpenedAt   time.Time
	HeadAt     time.Time // when Head was first met
	ReadAt     time.Time
	MergedAt   time.Time
	MergedSHA  string
	MergedBy   string // who approved it
	Staging    string // "", started, checking, up, failed, handed over, none
	StagingRun int64  // workflow run
	StagingAt  time.Time
	Reverts    int // the merged pull request that it takes back; 0 for none
}

const pullColumns = `number, ticket, title, url, branch, head, base, base_sha, patch_id, verdict, reason, checks, additions, deletions, files, proof, receipt,
	diff_path, log_path, pushed, attempts, opened_at, head_at, read_at, merged_at, merged_sha, merged_by, staging, staging_run, staging_at, reverts`

func scanPull(scan func(...any) error) (Pull, error) {
	var p Pull
	return p, scan(&p.Number, &p.Ticket, &p.Title, &p.URL, &p.Branch, &p.Head, &p.Base, &p.BaseSHA, &p.PatchID, &p.Verdict, &p.Reason,
		document{&p.Checks}, &p.Additions, &p.Deletions, document{&p.Files}, &p.Proof, &p.Receipt, &p.DiffPath, &p.LogPath, &p.Pushed, &p.Attempts,
		moment{&p.OpenedAt}, moment{&p.HeadAt}, moment{&p.ReadAt}, moment{&p.MergedAt}, &p.MergedSHA, &p.MergedBy, &p.Staging, &p.StagingRun, moment{&p.StagingAt}, &p.Reverts)
}

func (s *Store) pull(ctx context.Context, q queryer, number int) (Pull, error) {
	return one(ctx, q, scanPull, "SELECT "+pullColumns+" FROM pull WHERE repo=? AND number=?", s.repo, number)
}

// Pull returns one pull request.
func (s *Store) Pull(ctx context.Context, number int) (Pull, error) {
	p, err := s.pull(ctx, s.read, number)
	if err != nil {
		return p, fmt.Errorf("read pull request #%d: %w", number, err)
	}
	return p, nil
}

// Pulls returns the pull requests that are neither merged nor closed, oldest first.
func (s *Store) Pulls(ctx context.Context) ([]Pull, error) {
	return s.pulls(ctx, "verdict NOT IN ('merged', 'closed')")
}

// AllPulls returns every pull request the factory has known, oldest first.
func (s *Store) AllPulls(ctx context.Context) ([]Pull, error) { return s.pulls(ctx, "1=1") }

// Unstaged returns the merged pull requests whose staging has not come to its end.
func (s *Store) Unstaged(ctx context.Context) ([]Pull, error) {
	return s.pulls(ctx, "verdict='merged' AND staging IN ('', 'started', 'checking')")
}

func (s *Store) pulls(ctx context.Context, where string) ([]Pull, error) {
	pulls, err := all(ctx, s.read, scanPull, "SELECT "+pullColumns+" FROM pull WHERE repo=? AND "+where+" ORDER BY number", s.repo)
	if err != nil {
		return nil, fmt.Errorf("read pull requests: %w", err)
	}
	return pulls, nil
}

// UpdatePull changes a pull request's row with f and writes the events beside it: those given, and PullRead when
// verdict, reason, head or checks differ from what stood there; of a new row unless it only waits. A row that is
// not there yet starts empty, with its number set; so the first UpdatePull of a number creates it, and it alone can tell
// that the pull request was opened.
func (s *Store) UpdatePull(ctx context.Context, number int, f func(*Pull), events ...Event) (Pull, error) {
	return s.updatePull(ctx, number, func(Pull) bool { return true }, f, events)
}

// ReadPull is UpdatePull for a reading of GitHub that began when the row was as it was written at seen. Where another
// role has written since, or the pull request is merged already, nothing is changed and nothing told: the next reading
// knows better. The row is returned as it stands.
func (s *Store) ReadPull(ctx context.Context, number int, seen time.Time, f func(*Pull), events ...Event) (Pull, error) {
	return s.updatePull(ctx, number, func(p Pull) bool { return p.ReadAt.Equal(seen) && p.Verdict != Landed }, f, events)
}

// LandPull is UpdatePull for a merge: one that is known already is neither written nor told again, whoever met it first.
func (s *Store) LandPull(ctx context.Context, number int, f func(*Pull), told Event) (Pull, error) {
	return s.updatePull(ctx, number, func(p Pull) bool { return p.Verdict != Landed }, f, []Event{told})
}

func (s *Store) updatePull(ctx context.Context, number int, current func(Pull) bool, f func(*Pull), events []Event) (Pull, error) {
	var p Pull
	err := s.update(ctx, fmt.Sprintf("keep pull request #%d", number), func(tx *sql.Tx) error {
		old, err := s.pull(ctx, tx, number)
		fresh := isNotFound(err)
		if err != nil && !fresh {
			return err
		}
		p = old
		if !current(old) {
			return nil
		}
		p.Number = number
		f(&p)
		p.ReadAt = s.Now()
		if p.Head != old.Head {
			p.HeadAt = p.ReadAt
		}
		if err := s.putPull(ctx, tx, p); err != nil {
			return err
		}
		for _, e := range events {
			e.Pull, e.Ticket = number, p.Ticket
			if !fresh && e.Kind == PullOpened {
				e.Kind = PullUpdated // a role that read GitHub in between has told of its opening already
			}
			// Every event beside a reading says which diff it was about, so that what a person had seen can be told.
			data := map[string]string{"head": p.Head, "patch": p.PatchID}
			maps.Copy(data, e.Data)
			e.Data = data
			if err := s.record(ctx, tx, e); err != nil {
				return err
			}
		}
		if fresh && p.Verdict == Waiting || !fresh && samePull(old, p) {
			return nil // what waits is told by its opening
		}
		return s.record(ctx, tx, Event{Kind: PullRead, Ticket: p.Ticket, Pull: number, Data: map[string]string{
			"from": old.Verdict, "to": p.Verdict, "reason": p.Reason, "head": p.Head, "patch": p.PatchID, "attempts": strconv.Itoa(p.Attempts)}})
	})
	return p, err
}

// samePull tells whether the card of a pull request would read the same.
func samePull(a, b Pull) bool {
	if a.Verdict != b.Verdict || a.Reason != b.Reason || a.Head != b.Head || a.PatchID != b.PatchID || a.Staging != b.Staging || a.Title != b.Title || len(a.Checks) != len(b.Checks) {
		return false
	}
	for i := range a.Checks {
		if a.Checks[i] != b.Checks[i] {
			return false
		}
	}
	return true
}

func (s *Store) putPull(ctx context.Context, tx *sql.Tx, p Pull) error {
	checks, err := encode(p.Checks)
	if err != nil {
		return err
	}
	files, err := encode(p.Files)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO pull (repo, "+pullColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		s.repo, p.Number, p.Ticket, p.Title, p.URL, p.Branch, p.Head, p.Base, p.BaseSHA, p.PatchID, p.Verdict, p.Reason, checks, p.Additions, p.Deletions, files,
		p.Proof, p.Receipt, p.DiffPath, p.LogPath, p.Pushed, p.Attempts, millis(p.OpenedAt), millis(p.HeadAt), millis(p.ReadAt), millis(p.MergedAt), p.MergedSHA, p.MergedBy,
		p.Staging, p.StagingRun, millis(p.StagingAt), p.Reverts)
	return err
}
