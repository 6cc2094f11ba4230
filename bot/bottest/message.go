package bottest

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Button is one inline button. Data or URL is empty.
type Button struct {
	Text  string `json:"text"`
	Data  string `json:"callback_data,omitempty"`
	URL   string `json:"url,omitempty"`
	Style string `json:"style,omitempty"` // "", "primary", "success" or "danger"
}

// Document is a file in a message.
type Document struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // media type
	Caption string `json:"caption,omitempty"`
	Bytes   []byte `json:"-"`
	Size    int    `json:"size"`
	FileID  string `json:"file_id"`
}

// Revision is what a message said before an edit.
type Revision struct {
	Until   time.Time  `json:"until"`
	Text    string     `json:"text"`
	Plain   string     `json:"plain"`
	Buttons [][]Button `json:"buttons,omitempty"`
}

// Tap is one press of a button, or forged callback data.
type Tap struct {
	By       int64     `json:"by"`
	Name     string    `json:"name"`
	Button   string    `json:"button,omitempty"` // its text; empty for forged data
	Data     string    `json:"data"`
	At       time.Time `json:"at"`
	Answered bool      `json:"answered"`
	Answer   string    `json:"answer,omitempty"`
	Alert    bool      `json:"alert,omitempty"`
}

// Message is a snapshot of one message, of the bot or of a person.
type Message struct {
	ID         int        `json:"message_id"`
	Chat       int64      `json:"chat"`
	Thread     int        `json:"thread,omitempty"`
	From       int64      `json:"from"`
	FromBot    bool       `json:"from_bot"`
	Name       string     `json:"name"` // of the sender
	At         time.Time  `json:"at"`
	Text       string     `json:"text,omitempty"`  // HTML, as the bot sent it; what a person typed is escaped
	Plain      string     `json:"plain,omitempty"` // text or caption after parsing
	Buttons    [][]Button `json:"buttons,omitempty"`
	ReplyTo    int        `json:"reply_to,omitempty"`
	Silent     bool       `json:"silent,omitempty"`
	ForceReply bool       `json:"force_reply,omitempty"`
	Document   *Document  `json:"document,omitempty"`
	Photo      *Document  `json:"photo,omitempty"`
	Reaction   string     `json:"reaction,omitempty"` // the bot's
	Pinned     bool       `json:"pinned,omitempty"`
	Edits      int        `json:"edits"`
	EditedAt   *time.Time `json:"edited_at,omitempty"`
	History    []Revision `json:"history,omitempty"` // oldest first, without what it says now
	Taps       []Tap      `json:"taps,omitempty"`
	Deleted    bool       `json:"deleted,omitempty"`
	DeletedAt  *time.Time `json:"deleted_at,omitempty"`
	Confirmed  bool       `json:"confirmed,omitempty"` // of a person: the bot has confirmed its update
}

// Button finds the button with the text or the callback data given.
func (m Message) Button(textOrData string) (Button, bool) {
	for _, row := range m.Buttons {
		for _, b := range row {
			if b.Text == textOrData || b.Data != "" && b.Data == textOrData {
				return b, true
			}
		}
	}
	return Button{}, false
}

// message is the record behind a Message. Its fields change under the server's lock.
type message struct {
	id         int
	chat       *chat
	thread     int
	from       User
	at         time.Time
	html       string
	plain      string
	entities   []Entity
	buttons    [][]Button
	forceReply bool
	replyTo    *message
	silent     bool
	media      *attachment
	reaction   string
	history    []Revision
	edited     time.Time
	reworded   bool // the content was edited, not the buttons alone
	deleted    time.Time
	taps       []*callback
	update     int64 // update_id that brought it to the bot
	version    int64
}

// attachment is a stored file.
type attachment struct {
	id     string
	kind   string // "document" or "photo"
	name   string
	mime   string
	bytes  []byte
	width  int
	height int
}

// Messages are the messages of a chat, oldest first, deleted ones included.
func (s *Server) Messages(chatID int64) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Message
	for _, m := range s.messages {
		if m.chat.id == chatID {
			list = append(list, s.snapshot(m))
		}
	}
	return list
}

// All are the messages of all chats in the order they were sent, deleted ones included.
func (s *Server) All() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all()
}

func (s *Server) all() []Message {
	list := make([]Message, len(s.messages))
	for i, m := range s.messages {
		list[i] = s.snapshot(m)
	}
	return list
}

// ErrClosed is returned by waits that the closing of the server ended.
var ErrClosed = errors.New("test server closed")

// Wait returns once done holds for the messages of all chats. It looks at every change, without sleeping, and calls done
// without the server's lock. The error is the context's, or ErrClosed.
func (s *Server) Wait(ctx context.Context, done func(all []Message) bool) error {
	for {
		s.mu.Lock()
		list, changed := s.all(), s.changed
		s.mu.Unlock()
		if done(list) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closed:
			return ErrClosed
		}
	}
}

// Subscribe calls f with the present state of every message that is new or has changed since the last call for it, beginning with
// all there are. It blocks until the context ends or the server is closed, and returns why. f runs without the server's lock.
func (s *Server) Subscribe(ctx context.Context, f func(Message)) error {
	var seen int64
	for {
		s.mu.Lock()
		changed := s.changed
		var news []*message
		for _, m := range s.messages {
			if m.version > seen {
				news = append(news, m)
			}
		}
		slices.SortStableFunc(news, func(a, b *message) int { return int(a.version - b.version) })
		list := make([]Message, len(news))
		for i, m := range news {
			list[i] = s.snapshot(m)
		}
		seen = s.version
		s.mu.Unlock()
		for _, m := range list {
			f(m)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closed:
			return ErrClosed
		}
	}
}

// message finds a message that is still there; the lock is held.
func (s *Server) message(c *chat, id int) *message {
	for _, m := range slices.Backward(s.messages) {
		if m.chat == c && m.id == id && m.deleted.IsZero() {
			return m
		}
	}
	return nil
}

// snapshot copies a message out; the lock is held.
func (s *Server) snapshot(m *message) Message {
	out := Message{
		ID: m.id, Chat: m.chat.id, Thread: m.thread, From: m.from.ID, FromBot: m.from.IsBot, Name: m.from.FirstName, At: m.at,
		Text: m.html, Plain: m.plain, Buttons: cloneButtons(m.buttons), Silent: m.silent, ForceReply: m.forceReply,
		Reaction: m.reaction, Pinned: slices.Contains(m.chat.pinned, m), Edits: len(m.history),
		History: slices.Clone(m.history), Deleted: !m.deleted.IsZero(), Confirmed: m.update != 0 && m.update < s.updates.confirmed,
	}
	if m.replyTo != nil {
		out.ReplyTo = m.replyTo.id
	}
	if !m.edited.IsZero() {
		at := m.edited
		out.EditedAt = &at
	}
	if !m.deleted.IsZero() {
		at := m.deleted
		out.DeletedAt = &at
	}
	if a := m.media; a != nil {
		d := &Document{Name: a.name, Type: a.mime, Caption: m.html, Bytes: a.bytes, Size: len(a.bytes), FileID: a.id}
		out.Text = ""
		if a.kind == "photo" {
			out.Photo = d
		} else {
			out.Document = d
		}
	}
	for _, c := range m.taps {
		out.Taps = append(out.Taps, Tap{By: c.by.ID, Name: c.by.FirstName, Button: c.button, Data: c.data, At: c.at, Answered: c.answered, Answer: c.answer, Alert: c.alert})
	}
	return out
}

func cloneButtons(rows [][]Button) [][]Button {
	if rows == nil {
		return nil
	}
	out := make([][]Button, len(rows))
	for i, row := range rows {
		out[i] = slices.Clone(row)
	}
	return out
}
