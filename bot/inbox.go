package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	telegram "github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"lightsout/store"
)

// handleTime bounds the handling of one update: handlers touch the store and small files, nothing else.
const handleTime = 30 * time.Second

// updateKey names what an update has brought about.
func updateKey(update int64, what string) string {
	return "update:" + strconv.FormatInt(update, 10) + ":" + what
}

// attend handles what the inbox holds, one after the other, until ctx ends: what came before a crash first, then what
// the transport keeps. Handling is the same for both, and nothing else handles.
func (b *Bot) attend(ctx context.Context) {
	select {
	case <-b.named: // before that, a command to another bot could not be told from ours
	case <-ctx.Done():
		return
	}
	for {
		err := b.drain(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := 10 * time.Minute // nudged when there is something
		if err != nil {
			b.Log.Error("could not handle what was received; trying again", "error", b.scrub(err))
			wait = 2 * time.Second
		}
		if !waitFor(ctx, wait, b.inbox) {
			return
		}
	}
}

// drain handles every update that is kept and not handled.
func (b *Bot) drain(ctx context.Context) error {
	for {
		updates, err := b.Store.Unhandled(ctx)
		if err != nil || len(updates) == 0 {
			return err
		}
		for _, u := range updates {
			if err := b.handle(ctx, u); err != nil {
				return fmt.Errorf("update %d: %w", u.ID, err)
			}
		}
	}
}

// handle makes of one update what is to be made of it, and closes it together with its answer. An error leaves it open,
// to be handled again; what the handler has written by then carries the update's key or bears repeating.
func (b *Bot) handle(ctx context.Context, u store.Update) error {
	var said []store.Outgoing
	var toast func(context.Context) error
	problem := ""
	d, err := b.safely(ctx, u)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if b.again(u.ID) && !errors.Is(err, errPanicked) {
			return err
		}
		problem = b.scrub(err).Error()
		b.Log.Error("a command failed", "update", u.ID, "error", problem)
	}
	if d.call != nil {
		if err != nil {
			d.answer = b.failed(*d.call, problem)
		}
		if said, err = b.answers(ctx, *d.call, d.answer); err != nil {
			return err
		}
		if d.tapID != "" {
			toast = b.toast(d.tapID, d.answer)
		}
	}
	if err := b.Store.MarkHandled(ctx, u.ID, problem, said...); err != nil {
		return err
	}
	nudge(b.outbox)
	if toast != nil {
		b.soon(toast)
	}
	return nil
}

// handleTries is how often an update is handled at most: what fails is the store or the rules file, and may be busy.
const handleTries = 3

// again counts a failure of the update that is being handled, and tells whether to try once more.
func (b *Bot) again(update int64) bool {
	if b.trying != update {
		b.trying, b.tries = update, 0
	}
	b.tries++
	return b.tries < handleTries
}

var errPanicked = errors.New("the handler panicked")

// safely handles an update; a handler that panics loses its own update alone.
func (b *Bot) safely(ctx context.Context, u store.Update) (d deed, err error) {
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			b.Log.Error("a handler panicked", "update", u.ID, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanicked, r)
		}
	}()
	var update models.Update
	if err := json.Unmarshal([]byte(u.Body), &update); err != nil {
		return d, fmt.Errorf("read it: %w", err)
	}
	switch {
	case update.Message != nil:
		err = b.typed(ctx, u, update.Message, &d)
	case update.CallbackQuery != nil:
		err = b.tapped(ctx, u, update.CallbackQuery, &d)
	}
	return d, err
}

// deed is what came of an update. It is filled step by step, so that a panic leaves behind whom to tell.
type deed struct {
	call   *call // nil when nobody is to be answered
	answer answer
	tapID  string // the callback query to close
}

// failed is the answer to a command that could not be carried out.
func (b *Bot) failed(c call, problem string) answer {
	text, err := b.line("⚠️", "That went wrong", "/"+c.Name, clip(200, problem))
	if err != nil {
		text = "⚠️ That went wrong"
	}
	return answer{text: text, toast: "That went wrong: see below", alert: true}
}

// answers turns an answer into the calls that bring it to the person.
func (b *Bot) answers(ctx context.Context, c call, a answer) ([]store.Outgoing, error) {
	if a.text == "" && a.file == "" {
		return nil, nil
	}
	out := store.Outgoing{Key: c.key("answer"), Chat: c.chat, Thread: c.thread, Kind: store.Send, Topic: a.topic, Pull: a.pull,
		Text: a.text, Buttons: a.buttons, ReplyTo: c.message, Silent: true}
	if a.file != "" {
		out.Kind, out.Document, out.DocumentName = store.SendFile, b.redact(a.file), a.fileName
	}
	if a.edit && c.tap != nil {
		row, err := b.Store.MessageRow(ctx, c.chat, c.message)
		if err == nil {
			out.Kind, out.TargetRow, out.ReplyTo = store.Edit, row.ID, 0
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return []store.Outgoing{fit(out)}, nil
}

// toast closes a tap and says at the button what came of it.
func (b *Bot) toast(tapID string, a answer) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := b.api.AnswerCallbackQuery(ctx, &telegram.AnswerCallbackQueryParams{CallbackQueryID: tapID,
			Text: clip(maxToast, oneLine(b.redact(a.toast))), ShowAlert: a.alert})
		return err
	}
}

// glance says with a reaction that a command has arrived.
func (b *Bot) glance(chat, message int64) {
	b.soon(func(ctx context.Context) error {
		_, err := b.api.SetMessageReaction(ctx, &telegram.SetMessageReactionParams{ChatID: chat, MessageID: int(message),
			Reaction: []models.ReactionType{{Type: models.ReactionTypeTypeEmoji, ReactionTypeEmoji: &models.ReactionTypeEmoji{Emoji: "👀"}}}})
		return err
	})
}
