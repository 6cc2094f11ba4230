package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The states of an approval.
const (
	ApprovalActive    = "active"
	ApprovalWithdrawn = "withdrawn" // by a person
	ApprovalVoid      = "void"      // the diff changed
	ApprovalUsed      = "used"      // it merged
)

// ErrStale is returned by Approve when what the person saw is no longer what stands there.
var ErrStale = errors.New("the pull request has changed since")

// Approve's other refusals.
var (
	ErrNotOpen = errors.New("the pull request is not open")
	ErrAlready = errors.New("already so")
)

// Grant is a person's approval of one diff: it binds head and patch-id.
type Grant struct {
	ID      int64
	Pull    int
	Head    string
	PatchID string
	BaseSHA string
	ByID    int64
	ByName  string
	At      time.Time
	State   string
	Reason  string
	EndedAt time.Time
}

const grantColumns = "id, pull, head, patch_id, base_sha, by_id, by_name, at, state, reason, ended_at"

func scanGrant(scan func(...any) error) (Grant, error) {
	var g Grant
	return g, scan(&g.ID, &g.Pull, &g.Head, &g.PatchID, &g.BaseSHA, &g.ByID, &g.ByName, moment{&g.At}, &g.State, &g.Reason, moment{&g.EndedAt})
}

// Approve keeps a person's approval of the diff they were shown: head and patchID, as the card had them. The store
// compares them with the pull request as last read and returns ErrStale when the diff is another by now (a head that
// moved with the same patch-id is the same diff), ErrNotOpen when it is merged, closed or given up, and ErrAlready
// with the standing approval when the very same diff is approved already.
func (s *Store) Approve(ctx context.Context, pull int, head, patchID string, byID int64, byName string) (Grant, error) {
	var g Grant
	err := s.update(ctx, fmt.Sprintf("approve #%d", pull), func(tx *sql.Tx) error {
		p, err := s.pull(ctx, tx, pull)
		if err != nil {
			return err
		}
		switch {
		case p.Verdict == Landed || p.Verdict == Closed || p.Verdict == GivenUp || p.Verdict == Foreign:
			return fmt.Errorf("%w: it is %s", ErrNotOpen, p.Verdict)
		case p.PatchID == "":
			return fmt.Errorf("%w: its diff has not been read yet", ErrStale)
		case p.Head != head && p.PatchID != patchID:
			return ErrStale
		}
		standing, err := s.grant(ctx, tx, pull)
		if err == nil && standing.PatchID == p.PatchID {
			g = standing
			return ErrAlready
		}
		if err != nil && !isNotFound(err) {
			return err
		}
		if err == nil {
			if err := s.endGrant(ctx, tx, standing, ApprovalVoid, "approved anew", ""); err != nil {
				return err
			}
		}
		g = Grant{Pull: pull, Head: p.Head, PatchID: p.PatchID, BaseSHA: p.BaseSHA, ByID: byID, ByName: byName, At: s.Now(), State: ApprovalActive}
		result, err := tx.ExecContext(ctx, "INSERT INTO approval (repo, pull, head, patch_id, base_sha, by_id, by_name, at, state, reason, ended_at) VALUES (?,?,?,?,?,?,?,?,?,'',0)",
			s.repo, pull, g.Head, g.PatchID, g.BaseSHA, byID, byName, millis(g.At), g.State)
		if err != nil {
			return err
		}
		if g.ID, err = result.LastInsertId(); err != nil {
			return err
		}
		return s.record(ctx, tx, Event{Kind: Approved, Ticket: p.Ticket, Pull: pull, Data: map[string]string{"by": byName, "head": g.Head}})
	})
	return g, err
}

// Grant returns the active approval of a pull request, or ErrNotFound.
func (s *Store) Grant(ctx context.Context, pull int) (Grant, error) {
	return s.grant(ctx, s.read, pull)
}

func (s *Store) grant(ctx context.Context, q queryer, pull int) (Grant, error) {
	return one(ctx, q, scanGrant, "SELECT "+grantColumns+" FROM approval WHERE repo=? AND pull=? AND state='active'", s.repo, pull)
}

// Grants returns the active approvals, oldest first.
func (s *Store) Grants(ctx context.Context) ([]Grant, error) {
	grants, err := all(ctx, s.read, scanGrant, "SELECT "+grantColumns+" FROM approval WHERE repo=? AND state='active' ORDER BY at, id", s.repo)
	if err != nil {
		return nil, fmt.Errorf("read approvals: %w", err)
	}
	return grants, nil
}

// EndGrant ends the active approval of a pull request as withdrawn, void or used. Only an active one can end; where
// there is none it returns ErrNotFound.
func (s *Store) EndGrant(ctx context.Context, pull int, state, reason string) error {
	return s.update(ctx, fmt.Sprintf("end approval of #%d", pull), func(tx *sql.Tx) error {
		g, err := s.grant(ctx, tx, pull)
		if err != nil {
			return err
		}
		return s.endGrant(ctx, tx, g, state, reason, "")
	})
}

// VoidGrant ends the active approval of a pull request whose diff has become another. changes is what became of it, for
// people; "" when that is not known. ErrNotFound where no approval is active.
func (s *Store) VoidGrant(ctx context.Context, pull int, reason, changes string) error {
	return s.update(ctx, fmt.Sprintf("void the approval of #%d", pull), func(tx *sql.Tx) error {
		g, err := s.grant(ctx, tx, pull)
		if err != nil {
			return err
		}
		return s.endGrant(ctx, tx, g, ApprovalVoid, reason, changes)
	})
}

func (s *Store) endGrant(ctx context.Context, tx *sql.Tx, g Grant, state, reason, changes string) error {
	if _, err := tx.ExecContext(ctx, "UPDATE approval SET state=?, reason=?, ended_at=? WHERE id=? AND state='active'", state, reason, millis(s.now()), g.ID); err != nil {
		return err
	}
	p, err := s.pull(ctx, tx, g.Pull)
	if err != nil {
		return err
	}
	data := map[string]string{"state": state, "reason": reason, "head": g.Head, "by": g.ByName, "now": p.Head}
	if changes != "" {
		data["changes"] = changes
	}
	return s.record(ctx, tx, Event{Kind: ApprovalEnded, Ticket: p.Ticket, Pull: g.Pull, Data: data})
}
