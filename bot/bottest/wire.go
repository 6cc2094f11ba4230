package bottest

import "strconv"

// The objects below have the form that the Bot API documentation gives them.

type wireChat struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	Title     string `json:"title,omitempty"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"first_name,omitempty"`
	IsForum   bool   `json:"is_forum,omitempty"`
}

type wireFullChat struct {
	wireChat
	MaxReactionCount  int             `json:"max_reaction_count"`
	AccentColorID     int             `json:"accent_color_id"`
	AcceptedGiftTypes map[string]bool `json:"accepted_gift_types"`
	Pinned            *wireMessage    `json:"pinned_message,omitempty"`
}

type wireMessage struct {
	ID              int          `json:"message_id"`
	Thread          int          `json:"message_thread_id,omitempty"`
	IsTopicMessage  bool         `json:"is_topic_message,omitempty"`
	From            User         `json:"from"`
	Chat            wireChat     `json:"chat"`
	Date            int64        `json:"date"`
	EditDate        int64        `json:"edit_date,omitempty"`
	ReplyTo         *wireMessage `json:"reply_to_message,omitempty"`
	Text            string       `json:"text,omitempty"`
	Entities        []Entity     `json:"entities,omitempty"`
	Document        *wireFile    `json:"document,omitempty"`
	Photo           []wireFile   `json:"photo,omitempty"`
	Caption         string       `json:"caption,omitempty"`
	CaptionEntities []Entity     `json:"caption_entities,omitempty"`
	ReplyMarkup     *wireMarkup  `json:"reply_markup,omitempty"`
	MigrateTo       int64        `json:"migrate_to_chat_id,omitempty"`
}

type wireFile struct {
	FileID       string `json:"file_id"`
	FileUniqueID string `json:"file_unique_id"`
	FileName     string `json:"file_name,omitempty"`
	MimeType     string `json:"mime_type,omitempty"`
	FileSize     int    `json:"file_size"`
	Width        int    `json:"width,omitempty"`
	Height       int    `json:"height,omitempty"`
}

type wireMarkup struct {
	InlineKeyboard [][]Button `json:"inline_keyboard"`
}

// wireInaccessible stands for a message that is gone: its date is 0.
type wireInaccessible struct {
	Chat wireChat `json:"chat"`
	ID   int      `json:"message_id"`
	Date int64    `json:"date"`
}

type wireCallback struct {
	ID           string `json:"id"`
	From         User   `json:"from"`
	Message      any    `json:"message"`
	ChatInstance string `json:"chat_instance"`
	Data         string `json:"data"`
}

func (s *Server) wireChat(c *chat) wireChat {
	w := wireChat{ID: c.id, Type: c.kind, Title: c.title, IsForum: c.forum}
	if p := s.person(c.id); p != nil && c.kind == "private" {
		w.FirstName, w.Username = p.FirstName, p.Username
	}
	return w
}

// wireMessage is a message as the bot sees it; the lock is held. A reply carries the message it answers, without that one's own.
func (s *Server) wireMessage(m *message) wireMessage {
	w := s.wireSingle(m)
	if m.replyTo != nil && m.replyTo.deleted.IsZero() {
		to := s.wireSingle(m.replyTo)
		w.ReplyTo = &to
	}
	return w
}

func (s *Server) wireSingle(m *message) wireMessage {
	w := wireMessage{ID: m.id, Thread: m.thread, IsTopicMessage: m.thread != 0, From: m.from, Chat: s.wireChat(m.chat), Date: m.at.Unix()}
	if !m.edited.IsZero() {
		w.EditDate = m.edited.Unix()
	}
	if len(m.buttons) > 0 {
		w.ReplyMarkup = &wireMarkup{InlineKeyboard: m.buttons}
	}
	a := m.media
	if a == nil {
		w.Text, w.Entities = m.plain, m.entities
		return w
	}
	w.Caption, w.CaptionEntities = m.plain, m.entities
	f := wireFile{FileID: a.id, FileUniqueID: "u" + a.id, FileSize: len(a.bytes)}
	if a.kind == "photo" {
		f.Width, f.Height = a.width, a.height
		w.Photo = []wireFile{f}
	} else {
		f.FileName, f.MimeType = a.name, a.mime
		w.Document = &f
	}
	return w
}

// wireCallback is a callback query as the bot sees it; the lock is held.
func (s *Server) wireCallback(q *callback, c *chat, messageID int) wireCallback {
	w := wireCallback{ID: q.id, From: q.by, ChatInstance: strconv.FormatInt(-c.id^0x5bd1e995, 10), Data: q.data}
	if q.message != nil {
		w.Message = s.wireMessage(q.message)
	} else {
		w.Message = wireInaccessible{Chat: s.wireChat(c), ID: messageID}
	}
	return w
}
