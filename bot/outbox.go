package bot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	telegram "github.com/go-telegram/bot"

	"lightsout/store"
)

const (
	// idleLook is how often the outbox is looked at when nothing wakes the sender.
	idleLook = 10 * time.Minute
	// maxBackoff bounds the wait after failures that have no time of their own.
	maxBackoff = 2 * time.Minute
)

// send makes the calls of the outbox until ctx ends: of each chat one after the other, in order, with the distance that the
// chat service asks for. A call stays queued until it is known to have arrived.
func (b *Bot) send(ctx context.Context) {
	for {
		wait, err := b.sendDue(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			b.Log.Error("could not read or settle the outbox; trying again", "error", b.scrub(err))
			wait = 2 * time.Second
		}
		if wait > 0 && !waitFor(ctx, wait, b.outbox) {
			return
		}
	}
}

// sendDue makes the calls that may leave now, one of each chat, and tells how long until the next may.
func (b *Bot) sendDue(ctx context.Context) (wait time.Duration, err error) {
	queued, err := b.Store.NextOutgoing(ctx)
	if err != nil {
		return 0, err
	}
	wait = idleLook
	for _, o := range queued {
		if left := b.dueIn(o, b.Store.Now()); left > 0 {
			wait = min(wait, left)
			continue
		}
		if err := b.sendOne(ctx, o.ID); err != nil {
			return 0, err
		}
		b.spoke[o.Chat] = b.Store.Now()
		wait = 0 // the next of this chat is due some time; look
	}
	return wait, nil
}

// dueIn is how long a call has to wait yet: for the distance to the one before it, and for the time that the chat service
// named. A clock that was set back does not make the distance longer.
func (b *Bot) dueIn(o store.Outgoing, now time.Time) time.Duration {
	left := min(b.spoke[o.Chat].Add(b.distance(o.Chat)).Sub(now), b.distance(o.Chat))
	return max(left, o.NotBefore.Sub(now))
}

// distance is the least time between two calls for a chat. Groups have negative ids.
func (b *Bot) distance(chat int64) time.Duration {
	if chat < 0 {
		return b.PerGroup
	}
	return b.PerChat
}

// sendOne makes one call and keeps what came of it.
func (b *Bot) sendOne(ctx context.Context, id int64) error {
	o, err := b.Store.Depart(ctx, id)
	if err != nil {
		return err
	}
	message, err := b.deliver(ctx, o)
	if ctx.Err() != nil {
		return ctx.Err() // in doubt: it stays queued
	}
	v := b.judgeFailure(o, err)
	switch {
	case v.sent:
		return b.Store.MarkSent(ctx, o.ID, message)
	case v.moved != 0:
		b.Log.Info("a chat has moved", "from", o.Chat, "to", v.moved)
		return b.Store.MoveChat(ctx, o.Chat, v.moved)
	case v.anew:
		b.Log.Info("a message cannot be edited; saying it anew", "row", o.ID, "key", o.Key, "error", v.problem)
		return b.Store.SendAnew(ctx, o.ID, v.problem)
	case v.dead:
		b.Log.Warn("a message was refused for good", "row", o.ID, "key", o.Key, "error", v.problem)
		return b.Store.MarkDead(ctx, o.ID, v.problem)
	}
	b.Log.Warn("a message did not leave; trying again", "row", o.ID, "attempt", o.Attempts, "wait", v.wait.String(), "error", v.problem)
	return b.Store.MarkRetry(ctx, o.ID, b.Store.Now().Add(v.wait), v.problem)
}

// outcome is what is to become of a call after it was tried.
type outcome struct {
	sent    bool
	dead    bool
	anew    bool          // the edited message is gone: say it in one of its own
	moved   int64         // the chat's new id
	wait    time.Duration // before the next try
	problem string
}

// judgeFailure decides what becomes of a call. What it does not know is tried again: a message said twice is better than
// one not said.
func (b *Bot) judgeFailure(o store.Outgoing, err error) outcome {
	if err == nil {
		return outcome{sent: true}
	}
	v := outcome{problem: clip(300, oneLine(b.redact(err.Error())))}
	var tooMany *telegram.TooManyRequestsError
	var migrated *telegram.MigrateError
	var hopeless *hopelessError
	switch {
	case errors.As(err, &tooMany):
		v.wait = time.Duration(max(tooMany.RetryAfter, 1))*time.Second + jitter(500*time.Millisecond)
	case errors.As(err, &migrated):
		v.moved = int64(migrated.MigrateToChatID)
	case errors.As(err, &hopeless):
		v.dead = true
	case errors.Is(err, telegram.ErrorForbidden):
		v.dead = true // blocked, or thrown out
	case errors.Is(err, telegram.ErrorBadRequest):
		// "not modified": it says already what it should. Something to delete that is gone needs no deleting.
		v.sent = strings.Contains(err.Error(), "message is not modified") || o.Kind == store.Delete
		v.anew = o.Kind == store.Edit && !v.sent && uneditable(err.Error())
		v.dead = !v.sent && !v.anew
	default: // 5xx, a proxy's page, a timeout, no network; a token that is refused, until there is a good one
		v.wait = backoff(o.Attempts)
	}
	return v
}

// uneditable tells a refusal that is about the message to edit from one about the edit: a person deleted it, it is too
// old, or it is a file.
func uneditable(problem string) bool {
	problem = strings.ToLower(problem)
	return strings.Contains(problem, "message to edit not found") || strings.Contains(problem, "message can't be edited") || strings.Contains(problem, "no text in the message")
}

// backoff grows from a second, with jitter, so that many clients do not come back together.
func backoff(attempts int) time.Duration {
	wait := time.Second << min(max(attempts-1, 0), 10)
	wait = min(wait, maxBackoff)
	return wait/2 + jitter(wait/2)
}

func jitter(upTo time.Duration) time.Duration { return rand.N(upTo + 1) }

// hopelessError says that a call can never be made.
type hopelessError struct{ reason string }

func (e *hopelessError) Error() string { return e.reason }

// deliver makes a call and returns the id of the message that it made, 0 for others.
func (b *Bot) deliver(ctx context.Context, o store.Outgoing) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	target := int64(0)
	if o.TargetRow != 0 {
		row, err := b.Store.Outgoing(ctx, o.TargetRow)
		if err != nil {
			return 0, err
		}
		if row.MessageID == 0 {
			return 0, &hopelessError{fmt.Sprintf("the message it is about is %s", row.State)}
		}
		target = row.MessageID
	}
	d := dispatch{Outgoing: o, target: target, reply: o.ReplyTo, html: true}
	if o.ReplyRow != 0 {
		row, err := b.Store.Outgoing(ctx, o.ReplyRow)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
		d.reply = row.MessageID
	}
	for range 3 { // each remedy below is tried once
		message, err := b.call(ctx, d)
		if !errors.Is(err, telegram.ErrorBadRequest) {
			return message, err
		}
		switch reason := strings.ToLower(err.Error()); {
		case d.html && strings.Contains(reason, "can't parse entities"):
			b.Log.Error("a message was no HTML for the chat service; sending it plain", "row", o.ID, "key", o.Key, "error", b.scrub(err))
			d.html = false
		case d.Thread != 0 && strings.Contains(reason, "thread not found"):
			d.Thread = 0
		default:
			return message, err
		}
	}
	return 0, &hopelessError{"no form of it is accepted"}
}
