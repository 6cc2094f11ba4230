package bottest

import (
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Say writes to the bot in the person's private chat and returns the message id.
func (s *Server) Say(user int64, text string) (int, error) { return s.Seat(user, user).Say(text) }

// Reply writes to the bot in the person's private chat as a reply to a message and returns the message id.
func (s *Server) Reply(user int64, messageID int, text string) (int, error) {
	return s.Seat(user, user).Reply(messageID, text)
}

// Tap presses a button of a message in the person's private chat, named by its text or its data, and waits for the bot's answer.
// It returns the words of the toast or alert, ErrNoAnswer when none came in time.
func (s *Server) Tap(user int64, messageID int, textOrData string) (string, error) {
	return s.Seat(user, user).Tap(messageID, textOrData)
}

// TapData sends callback data that need not be on any button, as a changed client can, and waits for the bot's answer.
func (s *Server) TapData(user int64, messageID int, data string) (string, error) {
	return s.Seat(user, user).TapData(messageID, data)
}

// Press taps a button without waiting for the answer, for when the bot is down.
func (s *Server) Press(user int64, messageID int, textOrData string) error {
	return s.Seat(user, user).Press(messageID, textOrData)
}

// Seat is one person in one chat. Private chats have the person's id.
func (s *Server) Seat(chatID, user int64) Seat { return Seat{s: s, chat: chatID, user: user} }

// Seat writes and taps as one person in one chat.
type Seat struct {
	s    *Server
	chat int64
	user int64
}

// ErrNoAnswer means that the bot did not answer a tap within Options.CallbackLife. The bot may still act on it later.
var ErrNoAnswer = errors.New("no answer to the tap")

// Say writes a message and returns its id.
func (at Seat) Say(text string) (int, error) { return at.write(text, 0, 0) }

// Reply writes a message as a reply to another one and returns its id.
func (at Seat) Reply(messageID int, text string) (int, error) { return at.write(text, messageID, 0) }

// SayInTopic writes a message in a topic of a forum and returns its id.
func (at Seat) SayInTopic(topic int, text string) (int, error) { return at.write(text, 0, topic) }

func (at Seat) write(text string, replyTo, topic int) (int, error) {
	s := at.s
	s.mu.Lock()
	defer s.mu.Unlock()
	p, c, err := at.find()
	if err != nil {
		return 0, fmt.Errorf("say: %w", err)
	}
	text = strings.TrimSpace(text)
	if n := len(utf16.Encode([]rune(text))); n == 0 || n > maxText {
		return 0, fmt.Errorf("say: %d UTF-16 units, a message has 1 to %d", n, maxText)
	}
	m := &message{chat: c, from: p.User, at: s.now(), html: html.EscapeString(text), plain: text, entities: detect(text, nil), thread: topic}
	if topic != 0 && c.topics[topic] == "" {
		return 0, fmt.Errorf("say: topic %d: %w", topic, ErrUnknown)
	}
	if replyTo != 0 {
		if m.replyTo = s.message(c, replyTo); m.replyTo == nil {
			return 0, fmt.Errorf("reply: message %d in chat %d: %w", replyTo, c.id, ErrUnknown)
		}
		m.thread = m.replyTo.thread
	}
	c.started, c.blocked = true, false
	s.add(m)
	if s.meantForBot(m) {
		m.update = s.pushUpdate("message", s.wireMessage(m))
	}
	s.wake()
	return m.id, nil
}

// find resolves the seat; the lock is held.
func (at Seat) find() (*person, *chat, error) {
	p, c := at.s.person(at.user), at.s.chat(at.chat)
	switch {
	case p == nil:
		return nil, nil, fmt.Errorf("person %d: %w", at.user, ErrUnknown)
	case c == nil:
		return nil, nil, fmt.Errorf("chat %d: %w", at.chat, ErrUnknown)
	case !c.hasMember(at.user):
		return nil, nil, fmt.Errorf("person %d in chat %d: %w", at.user, at.chat, ErrUnknown)
	}
	return p, c, nil
}

// add gives a message its id and keeps it; the lock is held.
func (s *Server) add(m *message) {
	m.id = s.nextMessageID(m.chat)
	m.version = s.touch()
	s.messages = append(s.messages, m)
}

// meantForBot is the privacy mode that bots have in groups: commands that are not another bot's, replies to the bot, and
// mentions of it. An administrator sees all.
func (s *Server) meantForBot(m *message) bool {
	if m.chat.kind == "private" || m.chat.botIsAdmin || m.replyTo != nil && m.replyTo.from.ID == s.bot.ID {
		return true
	}
	units := utf16.Encode([]rune(m.plain))
	for _, e := range m.entities {
		word := string(utf16.Decode(units[e.Offset : e.Offset+e.Length]))
		_, name, addressed := strings.Cut(word, "@")
		ours := strings.EqualFold(name, s.bot.Username)
		if e.Type == "bot_command" && (!addressed || ours) || e.Type == "mention" && ours {
			return true
		}
	}
	return false
}

// callback is one callback query.
type callback struct {
	id       string
	message  *message
	by       User
	button   string
	data     string
	at       time.Time
	answered bool
	answer   string
	alert    bool
	done     chan struct{} // closed when answered
}

// Delete takes a message away, as a person can in a private chat whoever wrote it.
func (at Seat) Delete(messageID int) error {
	s := at.s
	s.mu.Lock()
	defer s.mu.Unlock()
	_, c, err := at.find()
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	for _, m := range s.messages {
		if m.chat == c && m.id == messageID && m.deleted.IsZero() && c.kind == "private" {
			m.deleted, m.version = s.now(), s.touch()
			return nil
		}
	}
	return fmt.Errorf("delete: message %d: %w", messageID, ErrUnknown)
}

// Tap presses a button and waits for the bot's answer.
func (at Seat) Tap(messageID int, textOrData string) (string, error) {
	c, err := at.press(messageID, textOrData)
	if err != nil {
		return "", err
	}
	t, err := at.s.answer(nil, c)
	return t.Answer, err
}

// TapData sends callback data that need not be on any button and waits for the bot's answer. The message may be gone, or never
// have existed: Telegram passes such a query on with an inaccessible message.
func (at Seat) TapData(messageID int, data string) (string, error) {
	c, err := at.forge(messageID, data)
	if err != nil {
		return "", err
	}
	t, err := at.s.answer(nil, c)
	return t.Answer, err
}

// Press taps a button without waiting for the answer.
func (at Seat) Press(messageID int, textOrData string) error {
	_, err := at.press(messageID, textOrData)
	return err
}

func (at Seat) press(messageID int, textOrData string) (*callback, error) {
	s := at.s
	s.mu.Lock()
	defer s.mu.Unlock()
	p, c, err := at.find()
	if err != nil {
		return nil, fmt.Errorf("tap: %w", err)
	}
	m := s.message(c, messageID)
	if m == nil {
		return nil, fmt.Errorf("tap: message %d in chat %d: %w", messageID, c.id, ErrUnknown)
	}
	b, ok := s.snapshot(m).Button(textOrData)
	if !ok {
		return nil, fmt.Errorf("tap: button %q on message %d, which has %s: %w", textOrData, messageID, buttonTexts(m.buttons), ErrUnknown)
	}
	if b.Data == "" {
		return nil, fmt.Errorf("tap: button %q opens a link, it sends nothing to the bot", b.Text)
	}
	return s.pushCallback(p.User, c, m, messageID, b.Text, b.Data), nil
}

func (at Seat) forge(messageID int, data string) (*callback, error) {
	s := at.s
	s.mu.Lock()
	defer s.mu.Unlock()
	p, c, err := at.find()
	if err != nil {
		return nil, fmt.Errorf("tap: %w", err)
	}
	return s.pushCallback(p.User, c, s.message(c, messageID), messageID, "", data), nil
}

// pushCallback sends a callback query on its way; the lock is held. m is nil when the message is gone.
func (s *Server) pushCallback(by User, c *chat, m *message, messageID int, button, data string) *callback {
	// A query id is a 64-bit number in decimal; what it counts is nobody's business, so it is not dense.
	id := strconv.FormatInt(4_000_000_000_000_000_000+int64(len(s.callbacks)+1)*7_919_000_003, 10)
	q := &callback{id: id, message: m, by: by, button: button, data: data, at: s.now(), done: make(chan struct{})}
	s.callbacks[id] = q
	if m != nil {
		m.taps = append(m.taps, q)
		m.version = s.touch()
	}
	s.pushUpdate("callback_query", s.wireCallback(q, c, messageID))
	s.wake()
	return q
}

// answer waits for the bot's answer to a tap, until the tap is too old or gone is closed. A nil gone never is.
func (s *Server) answer(gone <-chan struct{}, q *callback) (Tap, error) {
	timer := time.NewTimer(s.callbackLife)
	defer timer.Stop()
	var err error
	select {
	case <-q.done:
	case <-timer.C:
		err = ErrNoAnswer
	case <-gone:
		err = ErrNoAnswer
	case <-s.closed:
		err = ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.answered {
		err = nil
	}
	return Tap{By: q.by.ID, Name: q.by.FirstName, Button: q.button, Data: q.data, At: q.at, Answered: q.answered, Answer: q.answer, Alert: q.alert}, err
}

func buttonTexts(rows [][]Button) string {
	var texts []string
	for _, row := range rows {
		for _, b := range row {
			texts = append(texts, strconv.Quote(b.Text))
		}
	}
	if len(texts) == 0 {
		return "no buttons"
	}
	return strings.Join(slices.Compact(texts), ", ")
}
