package bottest

import (
	"net/url"
	"slices"
	"time"
)

// presenceGrace is how long a bot counts as listening after its last poll ended: between two polls it handles what it got.
const presenceGrace = 5 * time.Second

// pageView is what the chat page is told: all of it small except the messages, of which only those that changed are sent.
type pageView struct {
	Boot     int64         `json:"boot"` // which server: another one knows other messages
	Version  int64         `json:"version"`
	Me       User          `json:"me"`
	People   []User        `json:"people"`
	Bot      pageBot       `json:"bot"`
	Chats    []pageChat    `json:"chats"`
	Messages []pageMessage `json:"messages"`
}

type pageBot struct {
	User
	Online bool `json:"online"`
}

type pageChat struct {
	ID       int64     `json:"id"`
	Type     string    `json:"type"`
	Title    string    `json:"title"`
	Members  int       `json:"members"`
	Pinned   []int     `json:"pinned"`
	Action   string    `json:"action,omitempty"`
	ActionMS int64     `json:"action_ms,omitempty"` // how much longer it lasts
	Commands []Command `json:"commands"`
	Started  bool      `json:"started"`
	Blocked  bool      `json:"blocked"`
}

type pageMessage struct {
	ID         int        `json:"id"`
	Chat       int64      `json:"chat"`
	Deleted    bool       `json:"deleted,omitempty"`
	From       User       `json:"from"`
	At         int64      `json:"at"`     // unix milliseconds
	Edited     bool       `json:"edited"` // in its words, not only in its buttons
	HTML       string     `json:"html"`
	Plain      string     `json:"plain"`
	Topic      string     `json:"topic,omitempty"`
	Thread     int        `json:"thread,omitempty"`
	Buttons    [][]Button `json:"buttons,omitempty"`
	Reply      *pageReply `json:"reply,omitempty"`
	Silent     bool       `json:"silent,omitempty"`
	ForceReply bool       `json:"force_reply,omitempty"`
	File       *pageFile  `json:"file,omitempty"`
	Reaction   string     `json:"reaction,omitempty"`
	Confirmed  bool       `json:"confirmed,omitempty"`
}

type pageReply struct {
	ID   int    `json:"id"`
	From User   `json:"from"`
	Text string `json:"text"`
}

type pageFile struct {
	Kind     string `json:"kind"` // "document" or "photo"
	Name     string `json:"name"`
	Size     int    `json:"size"`
	URL      string `json:"url"`
	Readable bool   `json:"readable"` // as text
	Width    int    `json:"width,omitempty"`
	Height   int    `json:"height,omitempty"`
}

// view is what a person sees, with the messages that changed after the version given; the lock is held. An unknown person is taken for
// the first one.
func (s *Server) view(user, since int64) pageView {
	v := pageView{Boot: s.boot, Version: s.version, People: []User{}, Chats: []pageChat{}, Messages: []pageMessage{}}
	v.Bot = pageBot{User: s.bot, Online: s.poll != nil || !s.lastPoll.IsZero() && s.now().Sub(s.lastPoll) < presenceGrace}
	for _, p := range s.people {
		v.People = append(v.People, p.User)
		if p.ID == user || v.Me.ID == 0 {
			v.Me = p.User
		}
	}
	for _, c := range s.chats {
		if c.hasMember(v.Me.ID) && c.migratedTo == 0 {
			v.Chats = append(v.Chats, s.viewChat(c, v.Me))
		}
	}
	for _, m := range s.messages {
		gone := !m.deleted.IsZero()
		if m.version <= since || !m.chat.hasMember(v.Me.ID) || gone && since == 0 {
			continue
		}
		if gone {
			v.Messages = append(v.Messages, pageMessage{ID: m.id, Chat: m.chat.id, Deleted: true})
			continue
		}
		v.Messages = append(v.Messages, s.viewMessage(m))
	}
	return v
}

func (s *Server) viewChat(c *chat, me User) pageChat {
	out := pageChat{
		ID: c.id, Type: c.kind, Title: s.chatName(c), Members: len(c.members) + 1, Pinned: []int{},
		Commands: slices.Clone(s.menu(c, me)), Started: c.started, Blocked: c.blocked,
	}
	for _, m := range c.pinned {
		out.Pinned = append(out.Pinned, m.id)
	}
	if left := c.actionEnds.Sub(s.now()); c.action != "" && left > 0 {
		out.Action, out.ActionMS = c.action, left.Milliseconds()
	}
	return out
}

func (s *Server) viewMessage(m *message) pageMessage {
	out := pageMessage{
		ID: m.id, Chat: m.chat.id, From: m.from, At: m.at.UnixMilli(), Edited: m.reworded, HTML: render(m.plain, m.entities),
		Plain: m.plain, Topic: m.chat.topics[m.thread], Thread: m.thread, Buttons: cloneButtons(m.buttons), Silent: m.silent,
		ForceReply: m.forceReply, Reaction: m.reaction, Confirmed: m.update != 0 && m.update < s.updates.confirmed,
	}
	if to := m.replyTo; to != nil && to.deleted.IsZero() {
		out.Reply = &pageReply{ID: to.id, From: to.from, Text: to.plain}
		if to.plain == "" && to.media != nil {
			out.Reply.Text = to.media.name
		}
	}
	if a := m.media; a != nil {
		out.File = &pageFile{
			Kind: a.kind, Name: a.name, Size: len(a.bytes), Readable: readable(a.mime), Width: a.width, Height: a.height,
			URL: "/file/" + a.id + "/" + url.PathEscape(a.name),
		}
	}
	return out
}
