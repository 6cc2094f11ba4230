package agents

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lightsout/store"
)

// bind tells whether a person's approval still binds, and ends it when the diff is another by now, or when commits were
// added that are no clean update from the base, even ones that cancel each other out.
func (f *Factory) bind(ctx context.Context, snap Snapshot, s *Standing) error {
	pr := s.Facts.PR
	grant, err := f.Store.Grant(ctx, pr.Number)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	same := grant.PatchID == s.Pull.PatchID && s.Pull.PatchID != ""
	if same && grant.Head != pr.Head {
		if same, err = f.cleanlyUpdated(ctx, grant.Head, pr.Head, snap.BaseSHA); err != nil {
			return err
		}
	}
	if same {
		s.Facts.Approved = true
		return nil
	}
	// The row must show the new head before the approval's end is told: a person answers what they are shown.
	row, err := f.Store.UpdatePull(ctx, pr.Number, func(p *store.Pull) {
		p.Head, p.PatchID, p.DiffPath = pr.Head, s.Pull.PatchID, ""
		if p.Verdict == store.Approval || p.Verdict == store.Landing {
			p.Verdict, p.Reason = store.Waiting, "changed since it was approved"
		}
	})
	if err != nil {
		return err
	}
	s.seen = row.ReadAt
	reason := fmt.Sprintf("the approved diff was %.7s, the branch is at %.7s by now", grant.Head, pr.Head)
	err = f.Store.VoidGrant(ctx, pr.Number, reason, f.changes(ctx, snap, grant.Head, pr.Head))
	if errors.Is(err, store.ErrNotFound) {
		return nil // withdrawn by a person in between
	}
	return err
}

// mostChanges bounds what a message shows of a changed diff, in bytes: a chat's message holds 4,096 characters.
const mostChanges = 2400

// changes shows what became of an approved diff. An approval that is void is void whether that can be shown or not, so a
// failure leaves it out.
func (f *Factory) changes(ctx context.Context, snap Snapshot, approved, now string) string {
	text, err := f.Mirror.RangeDiff(ctx, snap.BaseSHA, approved, now)
	if err != nil {
		f.Log.Warn("could not show what became of an approved diff", "approved", approved, "now", now, "error", err)
		return ""
	}
	return limitStart(text, mostChanges)
}

// limitStart keeps the first n bytes or so, up to the end of a line, and says how much more there is.
func limitStart(s string, n int) string {
	if len(s) <= n {
		return strings.TrimRight(s, "\n")
	}
	kept := s[:n]
	if i := strings.LastIndexByte(kept, '\n'); i > 0 {
		kept = kept[:i]
	}
	return fmt.Sprintf("%s\n[… %d more lines]", strings.ToValidUTF8(kept, "\uFFFD"), strings.Count(s[len(kept):], "\n")-1)
}
