package agents

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lightsout/agents/forge"
	"lightsout/store"
)

const giveUpKind = "give up"

// checkLogPath is where the failing log of a pull request is kept for a person who asks for it.
func (f *Factory) checkLogPath(pull int) string {
	return filepath.Join(f.Dir, "logs", fmt.Sprintf("pull-%d-checks.log", pull))
}

// giveUpKey names one giving up. It holds the head, so that a later one, after a /retry, is another.
func giveUpKey(p store.Pull) string { return fmt.Sprintf("%s #%d %.12s", giveUpKind, p.Number, p.Head) }

// giveUp puts a pull request that three attempts did not repair to rest. It is told at once; what it changes outside
// follows, and is finished by later ticks where something comes between.
func (x *Fixer) giveUp(ctx context.Context, s Standing, claim store.Claim) error {
	if _, _, err := x.Store.Intend(ctx, store.Effect{Key: giveUpKey(s.Pull), Kind: giveUpKind, Ticket: s.Pull.Ticket, Generation: claim.Generation, Detail: s.Verdict.Reason}); err != nil {
		return err
	}
	runs, err := x.Store.RunsOf(ctx, s.Pull.Ticket)
	if err != nil {
		return err
	}
	cost := 0.0
	for _, r := range runs {
		cost += r.CostUSD
	}
	reason := s.Verdict.Reason
	p, err := x.Store.UpdatePull(ctx, s.Pull.Number, func(p *store.Pull) { p.Verdict, p.Reason = store.GivenUp, reason },
		store.Event{Kind: store.GaveUp, Data: map[string]string{"attempts": strconv.Itoa(s.Pull.Attempts), "last": reason, "cost": fmt.Sprintf("%.2f", cost)}})
	if err != nil {
		return err
	}
	s.Pull = p
	return x.layDown(ctx, s, claim)
}

// finishGivingUp goes on with a giving up that was told and not finished.
func (x *Fixer) finishGivingUp(ctx context.Context, snap Snapshot, s Standing) (Report, error) {
	doubts, err := x.Store.InDoubt(ctx)
	if err != nil || x.Settings.Observe {
		return Report{}, err
	}
	key := giveUpKey(s.Pull)
	open := false
	for _, e := range doubts {
		open = open || e.Key == key
	}
	if !open {
		return Report{}, nil
	}
	claim, s, leave, err := x.seize(ctx, snap, s, updateLease)
	if passOver(err) {
		return Report{}, nil
	}
	if err != nil {
		return Report{}, err
	}
	defer leave()
	if err := x.layDown(ctx, s, claim); err != nil {
		return Report{}, err
	}
	return Report{Acted: true, Said: fmt.Sprintf("finished giving up on #%d", s.Pull.Number)}, x.Store.Release(ctx, claim, "given up")
}

// layDown writes the story on the ticket, makes the pull request a draft, and puts the ticket back into Todo, parked.
// Nothing is closed and nothing is deleted. Each step may be repeated.
func (x *Fixer) layDown(ctx context.Context, s Standing, claim store.Claim) error {
	if err := x.tellStory(ctx, s, claim); err != nil && !permanent(err) {
		return err
	}
	words := fmt.Sprintf("🔴 The factory has given up on this after %d attempts: %s. The story stands on #%d; branch and logs are kept. `/retry %d` in the chat, or a change of the ticket's text, begins anew.",
		s.Pull.Attempts, tame(firstLine(s.Pull.Reason)), s.Pull.Ticket, s.Pull.Number)
	if err := x.withdraw(ctx, s, claim, words); err != nil {
		return err
	}
	if _, err := x.Forge.AddLabels(ctx, s.Pull.Number, gaveUpLabel); err != nil && !permanent(err) {
		return err
	}
	if !s.Facts.PR.Draft {
		// Drafts are not to be had in every private repository; the ticket's story does not depend on them.
		var refused *forge.Refused
		if err := x.Forge.ConvertToDraft(ctx, s.Facts.PR); err != nil && !errors.As(err, &refused) {
			return fmt.Errorf("make it a draft: %w", err)
		}
	}
	ticket := s.Pull.Ticket
	if err := x.Store.Park(ctx, ticket, fmt.Sprintf("gave up on #%d after %d attempts", s.Pull.Number, s.Pull.Attempts), map[string]string{"quiet": "yes"}); err != nil {
		return err
	}
	if err := x.move(ctx, ticket, "Todo"); err != nil && !permanent(err) {
		return err
	}
	return x.Store.Complete(ctx, giveUpKey(s.Pull), "laid down")
}

// tellStory comments on the ticket what was tried and what failed.
func (x *Fixer) tellStory(ctx context.Context, s Standing, claim store.Claim) error {
	runs, err := x.Store.RunsOf(ctx, s.Pull.Ticket)
	if err != nil {
		return err
	}
	var story []string
	for _, r := range runs {
		story = append(story, fmt.Sprintf("%s %d, %s: %s: %s", r.Role, r.Attempt, r.StartedAt.UTC().Format("2006-01-02 15:04"), r.Outcome, tame(firstLine(r.Reason))))
	}
	log, err := os.ReadFile(x.checkLogPath(s.Pull.Number))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	mark := "<!-- lightsout " + giveUpKey(s.Pull) + " -->"
	body := x.redact(fill("gave_up.md", map[string]any{"Mark": mark, "Pull": s.Pull.Number, "Attempts": s.Pull.Attempts, "Reason": s.Pull.Reason, "Branch": s.Pull.Branch,
		"Head": fmt.Sprintf("%.7s", s.Pull.Head), "Story": story, "Log": strings.ReplaceAll(limitEnd(string(log), failingLog), "```", "'''")}))
	_, err = x.once(ctx, deed{key: "story of " + giveUpKey(s.Pull), kind: commentKind, marked: true, claim: &claim,
		find: func(ctx context.Context) (string, bool, error) {
			comments, err := x.Forge.Comments(ctx, s.Pull.Ticket)
			for _, c := range comments {
				if strings.Contains(c.Body, mark) {
					return c.URL, true, nil
				}
			}
			return "", false, err
		},
		do: func(ctx context.Context) (string, error) {
			c, err := x.Forge.Comment(ctx, s.Pull.Ticket, body)
			return c.URL, err
		}})
	return err
}
