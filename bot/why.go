package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lightsout/store"
)

const (
	// chapters is how many events of a story are told.
	chapters = 12
	// storyRead is how many are read for them: most of what is kept of a pull request are readings that changed nothing to tell.
	storyRead = 60
)

// why tells why a ticket was picked or passed over, the story of it and its pull request, and when it is looked at next.
func (b *Bot) why(ctx context.Context, c call) (answer, error) {
	n, _, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if n == 0 {
		return b.tell("💬", "Why what?", "/why 31")
	}
	p, t, err := b.about(ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		return b.nothingOf(n)
	}
	if err != nil {
		return answer{}, err
	}
	said := ""
	if p.Number != 0 {
		shown, _, err := b.readCard(ctx, p.Number)
		if err != nil {
			return answer{}, err
		}
		said = shown.Said
	}
	picked, err := b.picked(ctx, t)
	if err != nil {
		return answer{}, err
	}
	events, err := b.Store.Story(ctx, t.Number, p.Number, storyRead)
	if err != nil {
		return answer{}, err
	}
	next, err := b.nextLook(ctx, p, t)
	if err != nil {
		return answer{}, err
	}
	text, err := b.pages.render("why", map[string]any{"Pull": p, "Ticket": t, "Said": said, "Picked": picked, "Waits": t.Status == "Todo" && t.Parked == "",
		"Story": story(events, b.Store.Now()), "Next": next})
	return answer{text: text, pull: n}, err
}

// picked is what spoke for a ticket when its last run began; empty when none has.
func (b *Bot) picked(ctx context.Context, t store.Ticket) ([]string, error) {
	if t.Number == 0 {
		return nil, nil
	}
	runs, err := b.Store.RunsOf(ctx, t.Number)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(runs) {
		if r.Role != implementer {
			continue
		}
		begun, err := b.Store.RunBegun(ctx, r)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if score := begun.Data["score"]; score != "" {
			return append([]string{"score " + score}, strings.Split(begun.Data["why"], "; ")...), nil
		}
	}
	return nil, nil
}

// nextLook is which role comes back to a pull request or ticket, and when, or which pause keeps it from that; "" when none does by itself.
func (b *Bot) nextLook(ctx context.Context, p store.Pull, t store.Ticket) (string, error) {
	role := ""
	switch p.Verdict {
	case store.Approval, store.Landing:
		role = merger
	case store.Waiting, store.Red, store.Conflict, store.Rejected, store.Behind, store.BaseRed, store.Unknown:
		role = fixer
	case "", store.GivenUp, store.Closed:
		if t.Status == "Todo" && t.Parked == "" {
			role = implementer
		}
	}
	if role == "" {
		return "", nil
	}
	pause, paused, err := b.Store.PausedFor(ctx, role)
	if err != nil {
		return "", err
	}
	if paused {
		return fmt.Sprintf("%s is paused %s, by %s", title(role), untilWords(pause.Until, b.Store.Now()), pause.ByName), nil
	}
	if b.Next == nil {
		return "", nil
	}
	at := b.Next()[role]
	if at.IsZero() {
		return "", nil
	}
	return title(role) + " looks again at " + clock(at, b.Store.Now()), nil
}

// story writes events as lines, the last of them, without those that say nothing that another does not say.
func story(events []store.Event, now time.Time) []string {
	var lines []string
	for _, e := range events {
		if e.Kind == store.ClaimReleased || e.Kind == store.PullRead && e.Data["from"] == e.Data["to"] {
			continue
		}
		lines = append(lines, clock(e.At, now)+" "+chapter(e))
	}
	return lines[max(len(lines)-chapters, 0):]
}

// chapter is one event of a story in words.
func chapter(e store.Event) string {
	d := func(key string) string { return clip(100, oneLine(e.Data[key])) }
	sentence := func(what string, because ...string) string {
		if reason := join(because); reason != "" {
			return what + ": " + reason
		}
		return what
	}
	switch e.Kind {
	case store.RunStarted:
		return sentence("Implementer began", fmt.Sprintf("attempt %s/%d", d("attempt"), repairs), d("engine"))
	case store.FixerClaimed:
		return sentence("Fixer took it", d("check"), d("detail"))
	case store.RunEnded:
		return sentence(title(e.Data["role"])+" ended", d("outcome"), d("reason"))
	case store.ProofRefused:
		return sentence("proof refused", d("policy"), d("detail"))
	case store.ProofRenewed:
		return sentence("proved anew", d("proof"))
	case store.ReviewSentBack:
		return sentence("review found a real bug", d("detail"))
	case store.PullOpened:
		return "pull request opened"
	case store.PullUpdated:
		return sentence("new commit", short(e.Data["head"]), d("why"), d("role"))
	case store.PullRead:
		return sentence(d("to"), d("reason"))
	case store.Approved:
		return "approved by " + d("by")
	case store.ApprovalEnded:
		return sentence("approval "+d("state"), d("reason"))
	case store.MergeRefused:
		return sentence("not merged", d("reason"))
	case store.Merged:
		return join([]string{"merged as " + short(e.Data["sha"]), "approved by " + d("by")})
	case store.TicketParked:
		return sentence("parked", d("reason"))
	case store.TicketUnparked:
		return sentence("in the queue again", d("reason"))
	case store.RequestAnswered:
		return sentence("answered", d("answer"))
	}
	return sentence(e.Kind, d("check"), d("reason"), d("detail"), d("last"), short(e.Data["sha"]), d("by"))
}
