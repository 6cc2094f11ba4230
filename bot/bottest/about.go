package bottest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// actionLife is how long "typing…" stays (Bot API documentation of sendChatAction).
const actionLife = 5 * time.Second

// maxAnswer is the longest answer to a tap, in characters (Bot API documentation of answerCallbackQuery).
const maxAnswer = 200

func (s *Server) getMe(*params) (any, *apiError) {
	return struct {
		User
		CanJoinGroups   bool `json:"can_join_groups"`
		CanReadMessages bool `json:"can_read_all_group_messages"`
		InlineQueries   bool `json:"supports_inline_queries"`
	}{User: s.bot, CanJoinGroups: true}, nil
}

// answerCallbackQuery works once, and only while the tap is young.
func (s *Server) answerCallbackQuery(p *params) (any, *apiError) {
	p.ignore("cache_time")
	q := s.callbacks[p.string("callback_query_id")]
	if q == nil || q.answered || s.now().Sub(q.at) > s.callbackLife {
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	}
	text, refusal := p.text("text")
	if refusal != nil {
		return nil, refusal
	}
	if utf8.RuneCountInString(text) > maxAnswer {
		return nil, badRequest("MESSAGE_TOO_LONG")
	}
	if p.has("url") {
		return nil, badRequest("URL_INVALID") // only games and links to the bot itself may
	}
	q.answered, q.answer, q.alert = true, text, p.flag("show_alert")
	close(q.done)
	if q.message != nil {
		q.message.version = s.touch()
	}
	return true, nil
}

// Command is one entry of the command menu.
type Command struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// commandScope says whom a list of commands is for.
type commandScope struct {
	kind     string
	chat     int64
	user     int64
	language string
}

func (s *Server) readScope(p *params) (commandScope, *apiError) {
	scope := commandScope{kind: "default", language: p.string("language_code")}
	if !p.has("scope") {
		return scope, nil
	}
	var in struct {
		Type   string      `json:"type"`
		ChatID json.Number `json:"chat_id"`
		UserID int64       `json:"user_id"`
	}
	if err := p.json("scope", &in); err != nil {
		return scope, badRequest("can't parse BotCommandScope: %v", err)
	}
	scope.kind = in.Type
	switch in.Type {
	case "default", "all_private_chats", "all_group_chats", "all_chat_administrators":
		return scope, nil
	case "chat", "chat_administrators", "chat_member":
		id, err := in.ChatID.Int64()
		if c := s.chat(id); err != nil || c == nil || c.kind == "private" && !c.started {
			return scope, badRequest("chat not found")
		}
		scope.chat = id
	default:
		return scope, badRequest("can't parse BotCommandScope: Unsupported type specified")
	}
	if in.Type == "chat_member" {
		if s.person(in.UserID) == nil {
			return scope, badRequest("user not found")
		}
		scope.user = in.UserID
	}
	return scope, nil
}

func (s *Server) setMyCommands(p *params) (any, *apiError) {
	scope, refusal := s.readScope(p)
	if refusal != nil {
		return nil, refusal
	}
	var list []Command
	if err := p.json("commands", &list); err != nil || !p.has("commands") {
		return nil, badRequest("can't parse commands list")
	}
	if len(list) > 100 {
		return nil, badRequest("BOT_COMMANDS_TOO_MUCH")
	}
	for i, c := range list {
		name := strings.TrimPrefix(c.Command, "/")
		good := len(name) >= 1 && len(name) <= 32 && strings.IndexFunc(name, func(r rune) bool { return !asciiWord(r) || r >= 'A' && r <= 'Z' }) < 0
		if !good {
			return nil, badRequest("BOT_COMMAND_INVALID")
		}
		if n := utf8.RuneCountInString(c.Description); n < 1 || n > 256 {
			return nil, badRequest("BOT_COMMAND_DESCRIPTION_INVALID")
		}
		list[i].Command = name
	}
	s.commands[scope] = list
	s.commandsChanged()
	return true, nil
}

func (s *Server) deleteMyCommands(p *params) (any, *apiError) {
	scope, refusal := s.readScope(p)
	if refusal != nil {
		return nil, refusal
	}
	delete(s.commands, scope)
	s.commandsChanged()
	return true, nil
}

func (s *Server) getMyCommands(p *params) (any, *apiError) {
	scope, refusal := s.readScope(p)
	if refusal != nil {
		return nil, refusal
	}
	list := slices.Clone(s.commands[scope])
	if list == nil {
		list = []Command{}
	}
	return list, nil
}

func (s *Server) commandsChanged() {
	for _, c := range s.chats {
		c.version = s.touch()
	}
}

// Commands are the commands that a person's menu shows in a chat: the first list set for the scopes that Telegram looks through,
// the narrowest first.
func (s *Server) Commands(chatID, user int64) []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, p := s.chat(chatID), s.person(user)
	if c == nil || p == nil {
		return nil
	}
	return slices.Clone(s.menu(c, p.User))
}

func (s *Server) menu(c *chat, u User) []Command {
	scopes := []commandScope{{kind: "chat", chat: c.id}, {kind: "all_private_chats"}, {kind: "default"}}
	if c.kind != "private" {
		scopes = []commandScope{{kind: "chat_member", chat: c.id, user: u.ID}}
		if c.owner == u.ID {
			scopes = append(scopes, commandScope{kind: "chat_administrators", chat: c.id})
		}
		scopes = append(scopes, commandScope{kind: "chat", chat: c.id})
		if c.owner == u.ID {
			scopes = append(scopes, commandScope{kind: "all_chat_administrators"})
		}
		scopes = append(scopes, commandScope{kind: "all_group_chats"}, commandScope{kind: "default"})
	}
	for _, scope := range scopes {
		for _, language := range []string{u.LanguageCode, ""} {
			scope.language = language
			if list, ok := s.commands[scope]; ok {
				return list
			}
		}
	}
	return nil
}

func (s *Server) getChat(p *params) (any, *apiError) {
	c, refusal := s.findChat(p)
	if refusal != nil {
		return nil, refusal
	}
	info := wireFullChat{wireChat: s.wireChat(c), MaxReactionCount: 11, AcceptedGiftTypes: map[string]bool{}}
	if n := len(c.pinned); n > 0 {
		pinned := s.wireMessage(c.pinned[n-1])
		info.Pinned = &pinned
	}
	return info, nil
}

func (s *Server) getChatMember(p *params) (any, *apiError) {
	c, refusal := s.findChat(p)
	if refusal != nil {
		return nil, refusal
	}
	id, _ := p.integer("user_id")
	user, status := s.bot, "member"
	if id != s.bot.ID {
		who := s.person(id)
		if who == nil {
			return nil, badRequest("PARTICIPANT_ID_INVALID")
		}
		user = who.User
	}
	switch {
	case id == s.bot.ID && c.botIsAdmin:
		status = "administrator"
	case id == s.bot.ID:
	case c.owner == id:
		status = "creator"
	case !c.hasMember(id):
		status = "left"
	}
	return map[string]any{"status": status, "user": user}, nil
}

func (s *Server) getFile(p *params) (any, *apiError) {
	a := s.files[p.string("file_id")]
	if a == nil {
		return nil, badRequest("invalid file_id")
	}
	if len(a.bytes) > 20<<20 { // "bots can download files of up to 20 MB"
		return nil, badRequest("file is too big")
	}
	return map[string]any{"file_id": a.id, "file_unique_id": "u" + a.id, "file_size": len(a.bytes), "file_path": a.kind + "s/" + a.id}, nil
}

// serveAPIFile answers /file/bot<token>/<kind>s/<file id>.
func (s *Server) serveAPIFile(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/file/bot"+s.token+"/")
	_, id, _ := strings.Cut(rest, "/")
	s.mu.Lock()
	a := s.files[id]
	s.mu.Unlock()
	if !ok || a == nil {
		s.refuse(w, &apiError{code: http.StatusNotFound, description: "Not Found"})
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.bytes)))
	_, _ = w.Write(a.bytes)
}
