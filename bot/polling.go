package bot

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	telegram "github.com/go-telegram/bot"

	"lightsout/store"
)

const (
	// conflictAlarm is how long somebody else must poll before it is an alarm: a restart overlaps with the last poll of
	// the life before, which ends within a minute.
	conflictAlarm = 90 * time.Second
	// conflictOver is how long nobody must have interfered: two pollers disturb each other at every poll.
	conflictOver    = 3 * time.Minute
	conflictTrouble = "two pollers of one bot"
)

// polling is what is known of the long poll.
type polling struct {
	mu            sync.Mutex
	started       time.Time
	last          time.Time // it was answered well
	failing       bool
	conflictSince time.Time
	conflictLast  time.Time
}

// lastPolled is when the chat service last answered well, zero when it has not.
func (b *Bot) lastPolled() time.Time {
	b.polling.mu.Lock()
	defer b.polling.mu.Unlock()
	return b.polling.last
}

// polled notes an answered poll.
func (b *Bot) polled(ctx context.Context) {
	now := b.Store.Now()
	p := &b.polling
	p.mu.Lock()
	recovered := p.failing
	p.last, p.failing = now, false
	peace := now.Sub(p.started) > conflictOver && now.Sub(p.conflictLast) > conflictOver
	p.mu.Unlock()
	if recovered {
		b.Log.Info("the chat service answers again")
	}
	if !peace {
		return
	}
	if err := b.Store.Settled(ctx, conflictTrouble); err != nil {
		b.Log.Error("could not keep that a trouble is over", "error", err)
	}
}

// pollFailed is told by the library what went wrong; the library tries again by itself.
func (b *Bot) pollFailed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	conflict := errors.Is(err, telegram.ErrorConflict)
	first, lasts := b.polling.fail(b.Store.Now(), conflict)
	if first {
		b.Log.Warn("polling the chat service failed", "error", b.scrub(err))
	}
	if conflict && strings.Contains(err.Error(), "webhook") {
		b.soon(b.dropWebhook)
	}
	if lasts < conflictAlarm {
		return
	}
	trouble := store.Problem{What: conflictTrouble, Reason: "for " + took(lasts) + " another program has been reading what is sent to this bot",
		Cure: "stop the other program; if you know of none, have BotFather revoke the token and give me the new one"}
	if err := b.Store.Trouble(ctx, trouble); err != nil {
		b.Log.Error("could not keep a trouble", "error", err)
	}
}

// fail notes a failed poll. first is true for the first after a good one; lasts is how long conflicts have gone on.
func (p *polling) fail(now time.Time, conflict bool) (first bool, lasts time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, p.failing = !p.failing, true
	if !conflict {
		return first, 0
	}
	if now.Sub(p.conflictLast) > conflictOver {
		p.conflictSince = now
	}
	p.conflictLast = now
	return first, now.Sub(p.conflictSince)
}
