package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-telegram/bot/models"

	"lightsout/store"
)

// reasonTopic marks the message that asks why a pull request is rejected: the reply to it is the reason.
const reasonTopic = "reason"

// strangers counts who wrote to the bot without a right to.
type strangers struct {
	refused int // since the start
	untold  int // since the last event
	told    time.Time
}

// strangerEvents is how often at most the store is told of strangers.
const strangerEvents = 10 * time.Minute

// who finds out who acts, by the numeric id alone. It is asked for every message and every tap, before anything is made of
// them; what the person may then do is for allowed to say.
func (b *Bot) who(ctx context.Context, id int64) (p store.Person, known bool, err error) {
	p, err = b.Store.Person(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Person{}, false, nil
	}
	return p, err == nil, err
}

// refuseStranger counts somebody unknown, who hears nothing.
func (b *Bot) refuseStranger(ctx context.Context, id int64) error {
	s := &b.stranger
	s.refused++
	s.untold++
	now := b.Store.Now()
	if !s.told.IsZero() && now.Sub(s.told) < strangerEvents {
		return nil
	}
	err := b.Store.Record(ctx, store.Event{Kind: store.StrangerRefused, Data: map[string]string{"id": fmt.Sprint(id), "count": fmt.Sprint(s.untold)}})
	if err == nil {
		s.told, s.untold = now, 0
	}
	return err
}

// enabled tells whether a chat may be answered at all: every private one, and the groups that the configuration names,
// wherever the chat service has moved them. What a group reads is read by people nobody has paired.
func (b *Bot) enabled(ctx context.Context, chat int64, private bool) (bool, error) {
	if private || slices.Contains(b.Groups, chat) {
		return true, nil
	}
	for _, named := range b.Groups {
		to, err := b.Store.MovedTo(ctx, named)
		if err != nil {
			return false, err
		}
		if to == chat && to != 0 {
			return true, nil
		}
	}
	b.Log.Info("the bot was used in a group that the configuration does not name", "group", chat)
	return false, nil
}

// typed handles a message.
func (b *Bot) typed(ctx context.Context, u store.Update, m *models.Message, d *deed) error {
	if m.MigrateToChatID != 0 && slices.Contains(b.Groups, m.Chat.ID) { // no client can send this
		b.Log.Info("a group has moved", "from", m.Chat.ID, "to", m.MigrateToChatID)
		return b.Store.MoveChat(ctx, m.Chat.ID, m.MigrateToChatID)
	}
	if m.From == nil || m.From.IsBot {
		return nil // a channel or another bot: nobody who could have a right
	}
	c := call{update: u.ID, from: m.From.ID, name: nameOf(*m.From), chat: m.Chat.ID, private: m.Chat.Type == models.ChatTypePrivate,
		at: time.Unix(int64(m.Date), 0).UTC(), message: int64(m.ID)}
	if m.IsTopicMessage {
		c.thread = m.MessageThreadID
	}
	if m.ReplyToMessage != nil {
		c.replyTo, c.quoted = int64(m.ReplyToMessage.ID), m.ReplyToMessage.Text+m.ReplyToMessage.Caption
	}
	if ok, err := b.enabled(ctx, c.chat, c.private); err != nil || !ok {
		return err
	}
	name, args, isCommand := parseCommand(m.Text, b.name)
	person, known, err := b.who(ctx, c.from)
	switch {
	case err != nil:
		return err
	case !known && name == "start" && c.private && args != "":
		c.args = args
		return b.pair(ctx, c, d)
	case !known && !c.private && !isCommand:
		return nil // people of a group may talk
	case !known:
		return b.refuseStranger(ctx, c.from)
	}
	if !isCommand {
		if c.question, err = b.questionOf(ctx, c); err != nil {
			return err
		}
		if c.question != nil {
			isCommand, name, args = true, "reject", m.Text
		}
	}
	command, exists := b.called(name)
	c.by, c.name, c.Command, c.args = person, person.Name, command, args
	switch {
	case exists && allowed(person.Role, command.Role):
		d.call = &c
		b.glance(c.chat, c.message)
		d.answer, err = command.do(b, ctx, c)
		return err
	case exists:
		d.call = &c
		d.answer, err = b.tell("🚫", "/"+name+" needs the role "+command.Role, "yours is "+person.Role)
		return err
	case !c.private || !isCommand && m.Text == "":
		return nil // in a group it may be meant for anybody
	}
	d.call = &c
	d.answer, err = b.unknown(name, isCommand)
	return err
}

// questionOf returns the question why a pull request is rejected that a message answers; nil when it answers none.
func (b *Bot) questionOf(ctx context.Context, c call) (*store.Outgoing, error) {
	if c.replyTo == 0 {
		return nil, nil
	}
	row, err := b.Store.MessageRow(ctx, c.chat, c.replyTo)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Topic != reasonTopic {
		return nil, nil
	}
	return &row, err
}

func (b *Bot) unknown(name string, isCommand bool) (answer, error) {
	if !isCommand {
		return b.tell("💬", "I understand commands and buttons", "/help lists them")
	}
	var names []string
	for _, c := range b.commands {
		names = append(names, c.Name)
	}
	if near := nearest(name, names); near != "" {
		return b.tell("💬", "I do not know /"+name, "did you mean /"+near+"?")
	}
	return b.tell("💬", "I do not know /"+name, "/help lists what I know")
}

// tapped handles the press of a button. What the button's data says is not believed: it names a token, which must have
// been put on this very message.
func (b *Bot) tapped(ctx context.Context, u store.Update, q *models.CallbackQuery, d *deed) error {
	person, known, err := b.who(ctx, q.From.ID)
	switch {
	case err != nil:
		return err
	case !known:
		return b.refuseStranger(ctx, q.From.ID)
	}
	verb, nonce, formed := parseTap(q.Data)
	command, exists := b.byVerb(verb)
	c := call{Command: command, update: u.ID, by: person, from: q.From.ID, name: person.Name, at: u.ReceivedAt}
	switch {
	case q.Message.Message != nil:
		m := q.Message.Message
		c.chat, c.message, c.private = m.Chat.ID, int64(m.ID), m.Chat.Type == models.ChatTypePrivate
		if m.IsTopicMessage {
			c.thread = m.MessageThreadID
		}
	case q.Message.InaccessibleMessage != nil:
		m := q.Message.InaccessibleMessage
		c.chat, c.message, c.private = m.Chat.ID, int64(m.MessageID), m.Chat.Type == models.ChatTypePrivate
	}
	if ok, err := b.enabled(ctx, c.chat, c.private); err != nil || !ok {
		return err
	}
	d.call, d.tapID = &c, q.ID
	const dead = "This button is no longer alive."
	if !exists || !formed {
		d.answer = answer{toast: dead}
		return nil
	}
	if !allowed(person.Role, command.Role) {
		d.answer = answer{toast: "/" + command.Name + " needs the role " + command.Role + "; yours is " + person.Role + ".", alert: true}
		return nil
	}
	token, err := b.Store.Token(ctx, nonce, verb, c.chat, c.message)
	if errors.Is(err, store.ErrDeadButton) || err == nil && token.Once && token.UsedBy != 0 {
		d.answer = answer{toast: dead}
		return nil
	}
	if err != nil {
		return err
	}
	c.tap = &token
	d.answer, err = command.do(b, ctx, c)
	if err == nil && d.answer.spent && token.UsedAt.IsZero() {
		err = b.Store.UseToken(ctx, nonce, c.from)
		if errors.Is(err, store.ErrDeadButton) {
			err = nil // an edit has taken the button away since the look; what it asked for is done
		}
	}
	return err
}

// pair keeps a stranger's code. A wrong one gets what strangers get: silence.
func (b *Bot) pair(ctx context.Context, c call, d *deed) error {
	code, _ := cutSpace(c.args)
	err := b.Store.AskPairing(ctx, strings.ToUpper(code), c.from, c.name, c.chat)
	if errors.Is(err, store.ErrNotFound) {
		return b.refuseStranger(ctx, c.from)
	}
	if err != nil {
		return err
	}
	d.call = &c
	d.answer, err = b.codeReceived(c)
	return err
}

func (b *Bot) codeReceived(c call) (answer, error) {
	return b.tell("🔑", "Code received", fmt.Sprintf("now confirm on the machine that runs me: it shows your name and the number %d", c.from))
}

// nameOf is what a person is called. It decides nothing.
func nameOf(u models.User) string {
	name := oneLine(u.FirstName + " " + u.LastName)
	if name == "" {
		name = oneLine(u.Username)
	}
	if name == "" {
		name = fmt.Sprint(u.ID)
	}
	return clip(60, name)
}
