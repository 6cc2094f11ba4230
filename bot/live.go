package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"lightsout/store"
)

// liveEvery is how often the message of a running session is brought up to date: often enough to see it move, and one of
// four of the messages that a chat may get in a minute.
const liveEvery = 15 * time.Second

// runKey names the message that tells of a run and shows how far it is.
func runKey(run int64) string { return "run:" + strconv.FormatInt(run, 10) }

// showRunning brings the messages and cards of running sessions up to date. It is called by the goroutine that tells of
// events, so that what a run came to is never overwritten by what it was at before.
func (b *Bot) showRunning(ctx context.Context) error {
	running, err := b.Store.Running(ctx)
	if err != nil || len(running) == 0 {
		return err
	}
	people, err := b.Store.People(ctx)
	if err != nil {
		return err
	}
	for _, r := range running {
		begun, err := b.Store.RunBegun(ctx, r)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		s, err := b.subject(ctx, begun)
		if err != nil {
			return err
		}
		n, err := b.notice(begun, s)
		if err != nil {
			return err
		}
		for _, p := range people {
			if p.Chat == 0 {
				continue
			}
			if err := b.showOne(ctx, s, n, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// runText is what the message that tells of a run says now.
func (b *Bot) runText(ctx context.Context, r store.Run) (string, error) {
	begun, err := b.Store.RunBegun(ctx, r)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	s, err := b.subject(ctx, begun)
	if err != nil {
		return "", err
	}
	n, err := b.notice(begun, s)
	if err != nil {
		return "", err
	}
	return n.text, nil
}

// showOne edits what one person sees of a run, where it reads otherwise by now.
func (b *Bot) showOne(ctx context.Context, s *subject, n *notice, p store.Person) error {
	now := strconv.FormatInt(s.Now.UnixMilli(), 10)
	var out []store.Outgoing
	if s.card != nil {
		rows, err := b.cardRow(ctx, fmt.Sprintf("card:%d:live:%s", s.Event.Pull, now), s, p)
		if err != nil {
			return err
		}
		out = rows
	}
	edit, err := b.runRow(ctx, inChat(runKey(s.Event.Run)+":"+now, p.Chat), s.Event.Run, n.text, p)
	if err != nil {
		return err
	}
	if out = append(out, edit...); len(out) == 0 {
		return nil
	}
	nudge(b.outbox)
	return b.Store.Enqueue(ctx, out...)
}

// runRow edits the message of a run, where there is one and it reads otherwise.
func (b *Bot) runRow(ctx context.Context, key string, run int64, text string, p store.Person) ([]store.Outgoing, error) {
	row, err := b.Store.Keyed(ctx, inChat(runKey(run), p.Chat))
	if errors.Is(err, store.ErrNotFound) || err == nil && row.State == store.Dead {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	versions, err := b.Store.Versions(ctx, row.ID)
	if err != nil || versions[len(versions)-1].Text == text {
		return nil, err
	}
	return []store.Outgoing{fit(store.Outgoing{Key: key, Chat: p.Chat, Kind: store.Edit, Topic: store.LiveTopic, TargetRow: row.ID, Pull: row.Pull, Text: text, Silent: true})}, nil
}

// Live is how far the run of an event is, or what it came to, in one line.
func (s *subject) Live() []string {
	r := s.Run
	if r.Step == "" || r.Step == "preparing" && r.EndedAt.IsZero() {
		return nil
	}
	facts := []string{r.Step, took(s.Now.Sub(r.StartedAt))}
	if !r.EndedAt.IsZero() {
		facts = []string{"ended: " + r.Outcome, took(r.EndedAt.Sub(r.StartedAt))}
	}
	return append(facts, used(r)...)
}

// Doing is what the session of a run is at, "" when none works or it has not said.
func (s *subject) Doing() string {
	if !s.Run.EndedAt.IsZero() {
		return ""
	}
	return s.Run.Doing
}

// used are the turns, tokens and money of a run so far.
func used(r store.Run) []string {
	facts := []string{"", tokens(r.InputTokens + r.OutputTokens), money(r.CostUSD)}
	if r.Turns > 0 {
		facts[0] = count(r.Turns, "turn")
	}
	return facts
}

// tokens writes a number of tokens as people say it: 950, 84k, 1.2M; "" for none.
func tokens(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 1000:
		return strconv.FormatInt(n, 10) + " tokens"
	case n < 999_500:
		return strconv.FormatInt((n+500)/1000, 10) + "k tokens"
	}
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + "M tokens"
}
