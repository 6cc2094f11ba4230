package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"lightsout/store"
)

const (
	// consumer names the bot's place in the events.
	consumer = "chat"
	// lookout is how often the events of other processes are looked for, such as a pairing that was confirmed on the host. Events
	// of this process wake the loop at once.
	lookout = 5 * time.Second
	// composeTries is how often an event is composed before it is told in the plainest form.
	composeTries = 3
)

// compose turns events into messages until ctx ends, each event once: its messages and the place reached are kept in one
// transaction.
func (b *Bot) compose(ctx context.Context) {
	failures := 0
	var shown time.Time
	for {
		changed := b.Store.Changed()
		err := b.tellAll(ctx, failures >= composeTries)
		if now := b.Store.Now(); err == nil && now.Sub(shown) >= b.LiveEvery {
			shown = now
			if problem := b.showRunning(ctx); problem != nil && ctx.Err() == nil {
				b.Log.Error("could not show what runs", "error", b.scrub(problem))
			}
		}
		if ctx.Err() != nil {
			return
		}
		wait := min(lookout, b.LiveEvery)
		if err != nil {
			failures++
			b.Log.Error("could not tell of an event; trying again", "error", b.scrub(err))
			if !waitFor(ctx, time.Second) {
				return
			}
			continue
		}
		failures = 0
		if !waitFor(ctx, wait, changed, b.events) {
			return
		}
	}
}

// tellAll composes every event that has not been told. bare tells the first of them in the plainest form, for one that
// could not be told otherwise.
func (b *Bot) tellAll(ctx context.Context, bare bool) error {
	for {
		after, err := b.Store.Cursor(ctx, consumer)
		if err != nil {
			return err
		}
		events, err := b.Store.Events(ctx, after, 100)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			out, err := b.telling(ctx, e, bare)
			if err != nil {
				return fmt.Errorf("event %d, %s: %w", e.ID, e.Kind, err)
			}
			if err := b.Store.Publish(ctx, consumer, e.ID, out); err != nil {
				return err
			}
			if len(out) > 0 {
				nudge(b.outbox)
			}
			if e.Kind == store.PersonPaired || e.Kind == store.PersonRemoved {
				b.offerMenus(ctx)
			}
			bare = false
		}
	}
}

// telling is everything that one event says in all chats. A panic in the making becomes an error: the event is tried again.
func (b *Bot) telling(ctx context.Context, e store.Event, bare bool) (out []store.Outgoing, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	people, err := b.Store.People(ctx)
	if err != nil {
		return nil, err
	}
	if bare {
		return b.barely(e, people)
	}
	if e.Kind == store.RequestAnswered {
		return b.replied(e)
	}
	s, err := b.subject(ctx, e)
	if err != nil {
		return nil, err
	}
	n, err := b.notice(e, s)
	if err != nil {
		return nil, err
	}
	if e.Pull != 0 {
		if out, err = b.strip(ctx, e, s); err != nil {
			return nil, err
		}
	}
	for _, p := range people {
		if p.Chat == 0 {
			continue
		}
		rows, err := b.tellOne(ctx, e, s, n, p, signature(people, p))
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// tellOne is what one event says to one person.
func (b *Bot) tellOne(ctx context.Context, e store.Event, s *subject, n *notice, p store.Person, sign string) ([]store.Outgoing, error) {
	var out []store.Outgoing
	if s.card != nil {
		row, err := b.cardRow(ctx, fmt.Sprintf("card:%d:%d", e.Pull, e.ID), s, p)
		if err != nil {
			return nil, err
		}
		out = append(out, row...)
	}
	if e.Kind == store.RunEnded {
		row, err := b.runRow(ctx, inChat(fmt.Sprintf("%s:ended", runKey(e.Run)), p.Chat), e.Run, s.runText, p)
		if err != nil {
			return nil, err
		}
		out = append(out, row...)
	}
	if n == nil || n.by == sign && sign != "" || n.owners && p.Role != store.Owner && n.whom != strconv.FormatInt(p.ID, 10) {
		return out, nil
	}
	o := store.Outgoing{Key: inChat(n.key, p.Chat), Chat: p.Chat, Kind: store.Send, Topic: n.topic, Pull: either0(e.Pull, e.Ticket), Text: n.text, Silent: n.silent}
	if n.key == "" {
		o.Key = inChat("event:"+strconv.FormatInt(e.ID, 10), p.Chat)
	}
	if n.buttons != nil {
		o.Buttons = n.buttons(p.Role)
	}
	if n.reply {
		card, err := b.Store.Card(ctx, p.Chat, e.Pull)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		o.ReplyRow = card.ID
	}
	switch {
	case n.edits != "":
		row, err := b.Store.Keyed(ctx, inChat(n.edits, p.Chat))
		switch {
		case err == nil && row.State != store.Dead:
			o.Kind, o.TargetRow, o.ReplyRow = store.Edit, row.ID, 0
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return nil, err
		case n.editOnly:
			return out, nil
		case err != nil:
			o.Key = inChat(n.edits, p.Chat) // what comes next edits this one
		}
	case n.topic == heartbeatTopic:
		rows, err := b.placeHeartbeat(ctx, o)
		return append(out, rows...), err
	}
	return append(out, fit(o)), nil
}

func either0(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// inChat makes a key one of a chat.
func inChat(key string, chat int64) string { return key + "@" + strconv.FormatInt(chat, 10) }

// cardRow brings the live card of a pull request up to what is known, where it reads otherwise.
func (b *Bot) cardRow(ctx context.Context, key string, s *subject, p store.Person) ([]store.Outgoing, error) {
	pull := s.Event.Pull
	o := store.Outgoing{Key: inChat(key, p.Chat), Chat: p.Chat, Kind: store.Send, Topic: store.CardTopic, Pull: pull,
		Text: s.cardText, Buttons: cardButtons(s.card.Pull, s.grant, p.Role), Silent: true}
	row, err := b.Store.Card(ctx, p.Chat, pull)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.State == store.Dead {
		if decided(s.card.Pull) {
			return nil, nil // it came and went before this person did
		}
		return []store.Outgoing{fit(o)}, nil
	}
	if err != nil {
		return nil, err
	}
	versions, err := b.Store.Versions(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	if last := versions[len(versions)-1]; last.Text == o.Text && sameButtons(last.Buttons, o.Buttons) {
		return nil, nil
	}
	o.Kind, o.TargetRow = store.Edit, row.ID
	return []store.Outgoing{fit(o)}, nil
}

// sameButtons tells whether two keyboards offer the same.
func sameButtons(x, y [][]store.Button) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if len(x[i]) != len(y[i]) {
			return false
		}
		for j := range x[i] {
			a, b := x[i][j], y[i][j]
			a.Nonce, b.Nonce = "", ""
			if a != b {
				return false
			}
		}
	}
	return true
}

// strip takes the buttons about a pull request off the messages in which they have lost their meaning: it has been decided, or
// they are bound to a diff that is gone. Cards are apart: they are edited as a whole.
func (b *Bot) strip(ctx context.Context, e store.Event, s *subject) ([]store.Outgoing, error) {
	if s.card == nil {
		return nil, nil
	}
	p := s.card.Pull
	alive := func(button store.Button) bool {
		same := diffSeen{head: button.Head, patch: button.PatchID}.same(diffSeen{head: p.Head, patch: p.PatchID})
		return approvable(p, s.grant) && same
	}
	var out []store.Outgoing
	done := map[int64]bool{}
	for _, verb := range []string{"approve", "confirm"} {
		rows, err := b.Store.Offered(ctx, p.Number, verb)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if done[row.ID] || row.Kind != store.Send || row.State == store.Dead {
				continue
			}
			done[row.ID] = true
			versions, err := b.Store.Versions(ctx, row.ID)
			if err != nil {
				return nil, err
			}
			last := versions[len(versions)-1]
			kept, fewer := without(last.Buttons, func(button store.Button) bool {
				return button.Pull == p.Number && (button.Verb == "approve" || button.Verb == "confirm") && !alive(button)
			})
			if fewer {
				out = append(out, store.Outgoing{Key: fmt.Sprintf("strip:%d:%d", row.ID, e.ID), Chat: row.Chat, Kind: store.Edit, Topic: row.Topic, Pull: row.Pull,
					Text: last.Text, Buttons: kept, TargetRow: row.ID})
			}
		}
	}
	return out, nil
}

// without drops buttons, and tells whether there were any to drop.
func without(rows [][]store.Button, drop func(store.Button) bool) (kept [][]store.Button, fewer bool) {
	for _, row := range rows {
		var line []store.Button
		for _, button := range row {
			if drop(button) {
				fewer = true
				continue
			}
			line = append(line, button)
		}
		if len(line) > 0 {
			kept = append(kept, line)
		}
	}
	return kept, fewer
}

// replied brings the answer of a request to where it was asked.
func (b *Bot) replied(e store.Event) ([]store.Outgoing, error) {
	chat, err := strconv.ParseInt(e.Data["chat"], 10, 64)
	if err != nil || chat == 0 {
		return nil, nil // it was asked on the host
	}
	message, err := strconv.ParseInt(e.Data["message"], 10, 64)
	if err != nil {
		message = 0
	}
	text, err := b.pages.render("answered", e)
	if err != nil {
		return nil, err
	}
	return []store.Outgoing{fit(store.Outgoing{Key: inChat("event:"+strconv.FormatInt(e.ID, 10), chat), Chat: chat, Kind: store.Send,
		Pull: either0(e.Pull, e.Ticket), Text: text, ReplyTo: message, Silent: true})}, nil
}

// barely tells of an event that could not be told well: nothing that happened goes unsaid.
func (b *Bot) barely(e store.Event, people []store.Person) ([]store.Outgoing, error) {
	var out []store.Outgoing
	for _, p := range people {
		if p.Chat != 0 {
			out = append(out, fit(store.Outgoing{Key: inChat("event:"+strconv.FormatInt(e.ID, 10), p.Chat), Chat: p.Chat, Kind: store.Send,
				Text: "⚠️ " + b.pages.escape(clip(1000, oneLine(fmt.Sprintf("%s #%d %v", e.Kind, either0(e.Pull, e.Ticket), e.Data))))}))
		}
	}
	return out, nil
}

// fit brings a call under the chat service's limits: a long message becomes a file, a long edit or caption is cut.
func fit(o store.Outgoing) store.Outgoing {
	escaper := markupOnly() // what comes here has been redacted, or is on its way out
	length := units(plain(o.Text))
	switch {
	case o.Kind == store.SendFile && length > maxCaption:
		o.Text = escaper.escape(cut(maxCaption, plain(o.Text)))
	case o.Kind == store.Edit && length > maxText:
		o.Text = escaper.escape(cut(maxText, plain(o.Text)))
	case o.Kind == store.Send && length > maxText:
		whole := plain(o.Text)
		o.Kind, o.Document, o.DocumentName = store.SendFile, whole, "message.txt"
		o.Text = escaper.escape(cut(maxCaption/2, whole))
	}
	return o
}
