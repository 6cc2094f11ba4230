package bottest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// deleteLife is how long a bot can delete a message (Bot API documentation of deleteMessage).
const deleteLife = 48 * time.Hour

// notModified is answered to an edit that changes nothing.
const notModified = "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"

// findOwn finds the bot's message that an editing method names.
func (s *Server) findOwn(p *params) (*message, *apiError) {
	m, refusal := s.findMessage(p, "message to edit not found")
	if refusal == nil && m.from.ID != s.bot.ID {
		return nil, badRequest("message can't be edited")
	}
	return m, refusal
}

// findMessage finds the message that message_id names.
func (s *Server) findMessage(p *params, missing string) (*message, *apiError) {
	c, refusal := s.findChat(p)
	if refusal != nil {
		return nil, refusal
	}
	id, ok := p.integer("message_id")
	if !ok {
		return nil, badRequest("message identifier is not specified")
	}
	m := s.message(c, int(id))
	if m == nil {
		return nil, badRequest("%s", missing)
	}
	return m, nil
}

func (s *Server) editMessageText(p *params) (any, *apiError) {
	m, refusal := s.findOwn(p)
	if refusal != nil {
		return nil, refusal
	}
	text, refusal := s.readText(p)
	if refusal != nil {
		return nil, refusal
	}
	if m.media != nil {
		return nil, badRequest("there is no text in the message to edit")
	}
	return s.edit(p, m, text)
}

func (s *Server) editMessageCaption(p *params) (any, *apiError) {
	m, refusal := s.findOwn(p)
	if refusal != nil {
		return nil, refusal
	}
	caption, refusal := s.readCaption(p)
	if refusal != nil {
		return nil, refusal
	}
	if m.media == nil {
		return nil, badRequest("there is no caption in the message to edit")
	}
	return s.edit(p, m, caption)
}

func (s *Server) editMessageReplyMarkup(p *params) (any, *apiError) {
	m, refusal := s.findOwn(p)
	if refusal != nil {
		return nil, refusal
	}
	return s.edit(p, m, content{source: m.html, plain: m.plain, entities: m.entities})
}

// edit gives a message new content and buttons. An edit without reply_markup takes the buttons away, as on Telegram.
func (s *Server) edit(p *params, m *message, c content) (any, *apiError) {
	markup, refusal := s.readMarkup(p)
	if refusal != nil {
		return nil, refusal
	}
	reworded := m.plain != c.plain || !slices.Equal(m.entities, c.entities)
	if !reworded && reflect.DeepEqual(m.buttons, markup.buttons) {
		return nil, badRequest(notModified)
	}
	now := s.now()
	m.history = append(m.history, Revision{Until: now, Text: m.html, Plain: m.plain, Buttons: m.buttons})
	m.html, m.plain, m.entities, m.buttons = c.source, c.plain, c.entities, markup.buttons
	m.edited, m.reworded = now, m.reworded || reworded
	m.version = s.touch()
	return s.wireMessage(m), nil
}

func (s *Server) deleteMessage(p *params) (any, *apiError) {
	m, refusal := s.findMessage(p, "message to delete not found")
	if refusal != nil {
		return nil, refusal
	}
	now := s.now()
	switch {
	case m.from.ID != s.bot.ID && m.chat.kind != "private" && !m.chat.botIsAdmin,
		now.Sub(m.at) > deleteLife && !m.chat.botIsAdmin:
		return nil, badRequest("message can't be deleted")
	}
	m.deleted = now
	m.version = s.touch()
	s.unpin(m.chat, m)
	return true, nil
}

func (s *Server) pinChatMessage(p *params) (any, *apiError) {
	m, refusal := s.findMessage(p, "message to pin not found")
	if refusal != nil {
		return nil, refusal
	}
	p.flag("disable_notification")
	if m.chat.kind != "private" && !m.chat.botIsAdmin {
		return nil, badRequest("not enough rights to manage pinned messages in the chat")
	}
	s.unpin(m.chat, m)
	m.chat.pinned = append(m.chat.pinned, m)
	m.chat.version, m.version = s.touch(), s.touch()
	return true, nil
}

func (s *Server) unpinChatMessage(p *params) (any, *apiError) {
	c, refusal := s.findChat(p)
	if refusal != nil {
		return nil, refusal
	}
	var m *message
	switch {
	case p.has("message_id"):
		if m, refusal = s.findMessage(p, "message to unpin not found"); refusal != nil {
			return nil, refusal
		}
	case len(c.pinned) > 0:
		m = c.pinned[len(c.pinned)-1]
	}
	if m == nil || !slices.Contains(c.pinned, m) {
		return nil, badRequest("message to unpin not found")
	}
	s.unpin(c, m)
	return true, nil
}

// unpin takes a message off the pinned ones.
func (s *Server) unpin(c *chat, m *message) {
	if i := slices.Index(c.pinned, m); i >= 0 {
		c.pinned = slices.Delete(c.pinned, i, i+1)
		c.version, m.version = s.touch(), s.touch()
	}
}

// reactions are the emoji that Telegram takes (ReactionTypeEmoji in the Bot API documentation), in a string to search.
const reactions = " ❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡 "

func (s *Server) setMessageReaction(p *params) (any, *apiError) {
	m, refusal := s.findMessage(p, "message to react not found")
	if refusal != nil {
		return nil, refusal
	}
	p.ignore("is_big")
	var list []struct {
		Type  string `json:"type"`
		Emoji string `json:"emoji"`
	}
	if err := json.Unmarshal([]byte(p.string("reaction")), &list); err != nil && p.has("reaction") {
		return nil, badRequest("can't parse reaction types JSON object")
	}
	switch {
	case len(list) == 0:
		m.reaction = ""
	case len(list) > 1: // "bots can set up to one reaction per message"
		return nil, badRequest("REACTIONS_TOO_MANY")
	case list[0].Type != "emoji" || list[0].Emoji == "" || !strings.Contains(reactions, " "+list[0].Emoji+" "):
		return nil, badRequest("REACTION_INVALID")
	default:
		m.reaction = list[0].Emoji
	}
	m.version = s.touch()
	return true, nil
}
