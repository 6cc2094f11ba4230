package agents

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lightsout/store"
)

// checkLogPath is where the failing log of a pull request is kept for a person who asks for it.
func (f *Factory) checkLogPath(pull int) string {
	return filepath.Join(f.Dir, "logs", fmt.Sprintf("pull-%d-checks.log", pull))
}

// giveUp puts a pull request that three attempts did not repair to rest: the story goes on the ticket, the ticket to
// Todo, parked, and the pull request becomes a draft. Nothing is closed and nothing is deleted.
func (x *Fixer) giveUp(ctx context.Context, s Standing, claim store.Claim) error {
	ticket := s.Pull.Ticket
	runs, err := x.Store.RunsOf(ctx, ticket)
	if err != nil {
		return err
	}
	var story []string
	cost := 0.0
	for _, r := range runs {
		story = append(story, fmt.Sprintf("%s %d, %s: %s: %s", r.Role, r.Attempt, r.StartedAt.UTC().Format("2006-01-02 15:04"), r.Outcome, r.Reason))
		cost += r.CostUSD
	}
	// The key names the last head, so that a later giving up, after a /retry, writes its own comment.
	key := fmt.Sprintf("gave up #%d %.12s", s.Pull.Number, s.Pull.Head)
	mark := "<!-- lightsout " + key + " -->"
	log, err := os.ReadFile(x.checkLogPath(s.Pull.Number))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	body := fill("gave_up.md", map[string]any{"Mark": mark, "Pull": s.Pull.Number, "Attempts": s.Pull.Attempts, "Reason": s.Verdict.Reason, "Branch": s.Pull.Branch,
		"Head": fmt.Sprintf("%.7s", s.Pull.Head), "Story": story, "Log": strings.ReplaceAll(limitEnd(string(log), failingLog), "```", "'''")})
	_, err = x.once(ctx, deed{key: key, kind: "comment", claim: &claim,
		find: func(ctx context.Context) (string, bool, error) {
			comments, err := x.Forge.Comments(ctx, ticket)
			for _, c := range comments {
				if strings.Contains(c.Body, mark) {
					return c.URL, true, nil
				}
			}
			return "", false, err
		},
		do: func(ctx context.Context) (string, error) {
			c, err := x.Forge.Comment(ctx, ticket, body)
			return c.URL, err
		}})
	if err != nil {
		return err
	}
	if !s.Facts.PR.Draft {
		if err := x.Forge.ConvertToDraft(ctx, s.Facts.PR); err != nil {
			return fmt.Errorf("make it a draft: %w", err)
		}
	}
	if err := x.Store.Park(ctx, ticket, fmt.Sprintf("gave up on #%d after %d attempts", s.Pull.Number, s.Pull.Attempts), map[string]string{"quiet": "yes"}); err != nil {
		return err
	}
	if err := x.move(ctx, ticket, "Todo"); err != nil {
		return err
	}
	_, err = x.Store.UpdatePull(ctx, s.Pull.Number, func(p *store.Pull) {
		p.Verdict, p.Reason = store.GivenUp, s.Verdict.Reason
	}, store.Event{Kind: store.GaveUp, Data: map[string]string{"attempts": strconv.Itoa(s.Pull.Attempts), "last": s.Verdict.Reason, "cost": fmt.Sprintf("%.2f", cost)}})
	return err
}
