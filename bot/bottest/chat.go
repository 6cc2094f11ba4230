package bottest

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// User is a person or the bot, in the form the Bot API gives it.
type User struct {
	ID           int64  `json:"id"`
	IsBot        bool   `json:"is_bot"`
	FirstName    string `json:"first_name"`
	Username     string `json:"username,omitempty"`
	LanguageCode string `json:"language_code,omitempty"`
}

// Group is a group chat as a test makes it.
type Group struct {
	ID         int64   // negative; supergroups begin with -100
	Title      string  // shown in the chat list
	Basic      bool    // a basic group: no topics, and it can be upgraded
	Forum      bool    // a supergroup with topics; AddTopic makes them
	BotIsAdmin bool    // the bot sees every message, not only what is meant for it, and may pin and delete
	Owner      int64   // creator of the group, a member too
	Members    []int64 // people added with AddPerson or AddStranger
}

// person is a Telegram account.
type person struct {
	User
}

// chat is a conversation with the bot in it.
type chat struct {
	id         int64
	kind       string // "private", "group", "supergroup"
	title      string
	owner      int64
	members    []int64
	botIsAdmin bool
	forum      bool
	topics     map[int]string
	started    bool // private: the person has written to the bot at least once
	blocked    bool // private: the person has blocked the bot
	migratedTo int64
	lastID     int // supergroups count their own messages
	pinned     []*message
	action     string
	actionEnds time.Time
	version    int64
}

// ErrUnknown is returned by the person's side for a person, chat, message or button that does not exist.
var ErrUnknown = errors.New("unknown to the test server")

// AddPerson makes an account whose private chat with the bot is open, as after pressing Start once. Its chat id is its user id.
func (s *Server) AddPerson(id int64, name string) { s.addPerson(id, name, true) }

// AddStranger makes an account that has never written to the bot: until it does, the bot's messages to it are refused.
func (s *Server) AddStranger(id int64, name string) { s.addPerson(id, name, false) }

func (s *Server) addPerson(id int64, name string, started bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.person(id); p != nil {
		p.FirstName = name
	} else {
		s.people = append(s.people, &person{User: User{ID: id, FirstName: name, Username: username(name, id), LanguageCode: "en"}})
	}
	c := s.chat(id)
	if c == nil {
		c = &chat{id: id, kind: "private", members: []int64{id}}
		s.chats = append(s.chats, c)
	}
	c.started = c.started || started
	c.version = s.touch()
	s.wake()
}

// username makes a Telegram user name out of a display name: 5 to 32 of a-z, 0-9 and _.
func username(name string, id int64) string {
	var b []byte
	for _, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			b = append(b, byte(r-'A'+'a'))
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b = append(b, byte(r))
		case len(b) > 0:
			b = append(b, '_')
		}
	}
	if len(b) > 32 {
		b = b[:32]
	}
	if len(b) < 5 {
		return fmt.Sprintf("%s_%d", b, id)
	}
	return string(b)
}

// AddGroup makes a group chat with the bot in it.
func (s *Server) AddGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &chat{id: g.ID, kind: "supergroup", title: g.Title, owner: g.Owner, botIsAdmin: g.BotIsAdmin, forum: g.Forum, topics: map[int]string{}}
	if g.Basic {
		c.kind = "group"
	}
	c.members = slices.Clone(g.Members)
	if g.Owner != 0 && !slices.Contains(c.members, g.Owner) {
		c.members = append(c.members, g.Owner)
	}
	c.version = s.touch()
	s.chats = append(s.chats, c)
	s.wake()
}

// AddTopic makes a topic in a forum and returns its message_thread_id, 0 when the chat is no forum.
func (s *Server) AddTopic(chatID int64, name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chat(chatID)
	if c == nil || !c.forum {
		return 0
	}
	id := s.nextMessageID(c)
	c.topics[id] = name
	c.version = s.touch()
	s.wake()
	return id
}

// RemoveTopic deletes a topic: later messages to it are refused with "message thread not found".
func (s *Server) RemoveTopic(chatID int64, topic int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chat(chatID); c != nil {
		delete(c.topics, topic)
		c.version = s.touch()
		s.wake()
	}
}

// Upgrade turns a basic group into a supergroup with the id given: the bot is told in the old one, whose id answers with
// migrate_to_chat_id from then on.
func (s *Server) Upgrade(chatID, newID int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chat(chatID)
	if c == nil || c.kind != "group" || c.migratedTo != 0 {
		return fmt.Errorf("upgrade chat %d: a basic group: %w", chatID, ErrUnknown)
	}
	c.migratedTo = newID
	next := &chat{id: newID, kind: "supergroup", title: c.title, owner: c.owner, members: slices.Clone(c.members), botIsAdmin: c.botIsAdmin, topics: map[int]string{}}
	c.version, next.version = s.touch(), s.touch()
	s.chats = append(s.chats, next)
	if owner := s.person(c.owner); owner != nil {
		s.pushUpdate("message", wireMessage{ID: s.nextMessageID(c), From: owner.User, Chat: s.wireChat(c), Date: s.now().Unix(), MigrateTo: newID})
	}
	s.wake()
	return nil
}

// Block makes a person block the bot, or unblock it: messages to them are refused with 403 while it lasts.
func (s *Server) Block(user int64, blocked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chat(user); c != nil && c.kind == "private" {
		c.blocked = blocked
		c.version = s.touch()
		s.wake()
	}
}

// person finds an account; the lock is held.
func (s *Server) person(id int64) *person {
	for _, p := range s.people {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// chat finds a chat; the lock is held.
func (s *Server) chat(id int64) *chat {
	for _, c := range s.chats {
		if c.id == id {
			return c
		}
	}
	return nil
}

// nextMessageID takes the next message id of a chat; the lock is held.
func (s *Server) nextMessageID(c *chat) int {
	if c.kind == "supergroup" {
		c.lastID++
		return c.lastID
	}
	s.lastID++
	return s.lastID
}

// hasMember tells whether the person can read and write the chat.
func (c *chat) hasMember(user int64) bool { return slices.Contains(c.members, user) }

// name is the title of the chat as its list shows it.
func (s *Server) chatName(c *chat) string {
	if c.kind == "private" {
		return s.bot.FirstName
	}
	return c.title
}
