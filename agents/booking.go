package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"lightsout/agents/review"
	"lightsout/store"
)

// quiet is how long a merged change has to have been left alone until its findings count as having come to nothing.
const quiet = 14 * 24 * time.Hour

// book keeps what words about a reviewed pull request (a failing log, a rejection) mean for what its reviewers said: which
// finding they bear out, and where they show what nobody raised. It errs towards saying nothing.
func (f *Factory) book(ctx context.Context, p store.Pull, outcome review.Outcome, words string) error {
	kept, err := f.Store.Review(ctx, p.Number)
	if errors.Is(err, store.ErrNotFound) {
		return nil // nobody has looked, so nobody has missed anything
	}
	if err != nil {
		return err
	}
	rows, err := f.Store.FindingsOf(ctx, p.Number)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(row store.Finding) bool { return row.Missed || row.Outcome == string(review.Repaired) })
	var suspects []review.Suspect
	for _, row := range rows {
		suspects = append(suspects, review.Suspect{File: row.File, Line: row.Line, Claim: row.Claim})
	}
	meant, missed := review.Blame(words, p.Files, suspects)
	for _, i := range meant {
		if was := rows[i].Outcome; was == "" || was == string(review.Nothing) {
			if err := f.bookAs(ctx, rows[i], outcome, limitLine(words, 200)); err != nil {
				return err
			}
		}
	}
	for _, file := range missed {
		if err := f.bookMissed(ctx, p, kept, outcome, file, words); err != nil {
			return err
		}
	}
	return nil
}

// bookWord books why a pull request goes to the Fixer, where that says something about the code.
func (f *Factory) bookWord(ctx context.Context, s Standing, words string) error {
	switch s.Verdict.Word {
	case store.Red:
		return f.book(ctx, s.Pull, review.CheckFail, words)
	case store.Rejected:
		return f.book(ctx, s.Pull, review.Objected, words)
	}
	return nil
}

func (f *Factory) bookAs(ctx context.Context, row store.Finding, outcome review.Outcome, because string) error {
	row.Outcome, row.Because = string(outcome), f.redact(because)
	row.Marks = marksOf(row)
	return f.Store.BookFinding(ctx, row)
}

// bookMissed keeps that trouble came to light where the Enthusiast had raised nothing, once for each file and kind.
func (f *Factory) bookMissed(ctx context.Context, p store.Pull, kept store.Review, outcome review.Outcome, file, words string) error {
	var v review.Verdict
	if err := json.Unmarshal([]byte(kept.Verdict), &v); err != nil {
		return fmt.Errorf("read what was said of #%d: %w", p.Number, err)
	}
	row := store.Finding{Run: kept.Run, Ticket: p.Ticket, Pull: p.Number, Name: "missed: " + string(outcome) + " " + file, Missed: true, File: file, Outcome: string(outcome),
		Because: f.redact(limitLine(words, 200)), Enthusiast: spoke(v, 0).Enthusiast}
	row.Marks = marksOf(row)
	return f.Store.BookFinding(ctx, row)
}

// bookOver settles the findings of what is over: taken back, merged and left alone, closed, or never published.
func (f *Factory) bookOver(ctx context.Context) error {
	open, err := f.Store.OpenFindings(ctx)
	if err != nil {
		return err
	}
	pulls, err := f.Store.AllPulls(ctx)
	if err != nil {
		return err
	}
	running, err := f.Store.Running(ctx)
	if err != nil {
		return err
	}
	known := map[int]store.Pull{}
	for _, p := range pulls {
		known[p.Number] = p
	}
	for _, p := range pulls {
		if p.Reverts == 0 || p.Verdict != store.Landed {
			continue
		}
		if err := f.bookReverted(ctx, known[p.Reverts], p); err != nil {
			return err
		}
	}
	for _, row := range open {
		atWork := slices.ContainsFunc(running, func(r store.Run) bool { return r.ID == row.Run })
		outcome, because := over(known[row.Pull], row.Pull == 0, atWork, f.Store.Now())
		if outcome == review.Pending {
			continue
		}
		if err := f.bookAs(ctx, row, outcome, because); err != nil {
			return err
		}
	}
	return nil
}

// over says what it means for an open finding that its change has come to an end; review.Pending while it has not.
func over(p store.Pull, unpublished, atWork bool, now time.Time) (outcome review.Outcome, because string) {
	switch {
	case unpublished && !atWork:
		return review.Abandoned, "what was reviewed was not published"
	case p.Verdict == store.Closed:
		return review.Abandoned, "closed without a merge"
	case p.Verdict == store.Landed && !p.MergedAt.IsZero() && now.Sub(p.MergedAt) >= quiet:
		return review.Nothing, fmt.Sprintf("merged, and nothing came of it in %d days", quiet/(24*time.Hour))
	}
	return review.Pending, ""
}

// bookReverted books that a merged change was taken back: to the findings that the reason is about, or else as missed.
func (f *Factory) bookReverted(ctx context.Context, p, by store.Pull) error {
	kept, err := f.Store.Review(ctx, p.Number)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	rows, err := f.Store.FindingsOf(ctx, p.Number)
	if err != nil || slices.ContainsFunc(rows, func(row store.Finding) bool { return row.Outcome == string(review.Reverted) }) {
		return err
	}
	reason := fmt.Sprintf("taken back by #%d: %s %s", by.Number, by.Title, p.Reason)
	if err := f.book(ctx, p, review.Reverted, reason); err != nil {
		return err
	}
	after, err := f.Store.FindingsOf(ctx, p.Number)
	if err != nil || slices.ContainsFunc(after, func(row store.Finding) bool { return row.Outcome == string(review.Reverted) }) {
		return err
	}
	return f.bookMissed(ctx, p, kept, review.Reverted, "", reason)
}
