package bottest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"image"
	_ "image/gif" // pictures that sendPhoto takes
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Limits of the Bot API documentation, in UTF-16 units after entities parsing.
const (
	maxText    = 4096
	maxCaption = 1024
)

// Limits of sendPhoto in the Bot API documentation.
const (
	maxPhoto      = 10 << 20 // bytes
	maxPhotoSides = 10_000   // width + height
	maxPhotoRatio = 20
)

// findChat resolves chat_id; the lock is held, as in everything below.
func (s *Server) findChat(p *params) (*chat, *apiError) {
	if !p.has("chat_id") {
		return nil, badRequest("chat_id is empty")
	}
	id, err := strconv.ParseInt(p.string("chat_id"), 10, 64)
	if err != nil {
		return nil, badRequest("chat not found")
	}
	c := s.chat(id)
	switch {
	case c == nil, c.kind == "private" && !c.started:
		return nil, badRequest("chat not found")
	case c.migratedTo != 0:
		e := badRequest("group chat was upgraded to a supergroup chat")
		e.migrateTo = c.migratedTo
		return nil, e
	case c.blocked:
		return nil, forbidden("bot was blocked by the user")
	}
	return c, nil
}

// content is a text or a caption after parsing.
type content struct {
	source   string // HTML
	plain    string
	entities []Entity
}

// readContent parses the parameter with its parse_mode. limit is in UTF-16 units.
func (s *Server) readContent(p *params, name string, limit int, tooLong string) (content, *apiError) {
	raw, refusal := p.text(name)
	if refusal != nil {
		return content{}, refusal
	}
	var c content
	switch mode := p.string("parse_mode"); strings.ToLower(mode) {
	case "html":
		plain, entities, warnings, err := parseHTML(raw)
		if err != nil {
			return content{}, badRequest("can't parse entities: %s", err)
		}
		for _, w := range warnings {
			s.note("%s: %s: %s", p.method, name, w)
		}
		c = content{source: raw, plain: plain, entities: entities}
	case "":
		c.plain, c.entities = tidy(raw, nil)
		c.source = html.EscapeString(c.plain)
	default:
		s.note("%s: parse_mode %s, this server knows HTML alone", p.method, mode)
		return content{}, badRequest("unsupported parse_mode")
	}
	if n := len(utf16.Encode([]rune(c.plain))); n > limit {
		return content{}, badRequest("%s", tooLong)
	}
	c.entities = detect(c.plain, c.entities)
	return c, nil
}

// readText reads the text of a message and whether it shows previews of its links.
func (s *Server) readText(p *params) (content, *apiError) {
	if err := p.json("link_preview_options", &linkPreviewOptions{}); err != nil {
		return content{}, badRequest("can't parse link preview options JSON object")
	}
	c, refusal := s.readContent(p, "text", maxText, "message is too long")
	if refusal == nil && c.plain == "" {
		return c, badRequest("message text is empty")
	}
	return c, refusal
}

func (s *Server) readCaption(p *params) (content, *apiError) {
	return s.readContent(p, "caption", maxCaption, "message caption is too long")
}

// linkPreviewOptions is checked and kept out of sight: previews are off in this server.
type linkPreviewOptions struct {
	IsDisabled       bool   `json:"is_disabled"`
	URL              string `json:"url"`
	PreferSmallMedia bool   `json:"prefer_small_media"`
	PreferLargeMedia bool   `json:"prefer_large_media"`
	ShowAboveText    bool   `json:"show_above_text"`
}

type replyParameters struct {
	MessageID                int         `json:"message_id"`
	ChatID                   json.Number `json:"chat_id"`
	AllowSendingWithoutReply bool        `json:"allow_sending_without_reply"`
}

// draft reads what all sending methods have in common.
func (s *Server) draft(p *params) (*message, *apiError) {
	c, refusal := s.findChat(p)
	if refusal != nil {
		return nil, refusal
	}
	m := &message{chat: c, from: s.bot, at: s.now(), silent: p.flag("disable_notification")}
	p.ignore("protect_content")
	if thread, ok := p.integer("message_thread_id"); ok {
		if c.topics[int(thread)] == "" {
			return nil, badRequest("message thread not found")
		}
		m.thread = int(thread)
	}
	var reply replyParameters
	if err := p.json("reply_parameters", &reply); err != nil {
		return nil, badRequest("can't parse reply parameters JSON object")
	}
	if p.has("reply_parameters") {
		switch {
		case reply.ChatID != "" && reply.ChatID.String() != strconv.FormatInt(c.id, 10):
			s.note("%s: reply to a message of another chat, this server knows none", p.method)
			return nil, badRequest("message to be replied not found")
		case reply.MessageID == 0:
			return nil, badRequest("message identifier is not specified")
		}
		m.replyTo = s.message(c, reply.MessageID)
		if m.replyTo == nil && !reply.AllowSendingWithoutReply {
			return nil, badRequest("message to be replied not found")
		}
		if m.replyTo != nil {
			m.thread = m.replyTo.thread // a reply stands in the topic of what it answers
		}
	}
	markup, refusal := s.readMarkup(p)
	if refusal != nil {
		return nil, refusal
	}
	m.buttons, m.forceReply = markup.buttons, markup.forceReply
	return m, nil
}

// send keeps a drafted message and answers with it.
func (s *Server) send(m *message, c content) any {
	m.html, m.plain, m.entities = c.source, c.plain, c.entities
	m.chat.action = ""
	s.add(m)
	return s.wireMessage(m)
}

func (s *Server) sendMessage(p *params) (any, *apiError) {
	m, refusal := s.draft(p)
	if refusal != nil {
		return nil, refusal
	}
	text, refusal := s.readText(p)
	if refusal != nil {
		return nil, refusal
	}
	return s.send(m, text), nil
}

func (s *Server) sendDocument(p *params) (any, *apiError) {
	p.ignore("disable_content_type_detection")
	return s.sendFile(p, "document", func(*attachment) *apiError { return nil })
}

func (s *Server) sendPhoto(p *params) (any, *apiError) {
	p.ignore("show_caption_above_media", "has_spoiler")
	return s.sendFile(p, "photo", func(a *attachment) *apiError {
		if len(a.bytes) > maxPhoto {
			return badRequest("file is too big")
		}
		config, format, err := image.DecodeConfig(bytes.NewReader(a.bytes))
		if err != nil {
			return badRequest("IMAGE_PROCESS_FAILED")
		}
		long, short := max(config.Width, config.Height), min(config.Width, config.Height)
		if short == 0 || long+short > maxPhotoSides || long > maxPhotoRatio*short {
			return badRequest("PHOTO_INVALID_DIMENSIONS")
		}
		a.width, a.height, a.mime = config.Width, config.Height, "image/"+format
		return nil
	})
}

// sendFile sends an uploaded file, or one that the server already has.
func (s *Server) sendFile(p *params, kind string, check func(*attachment) *apiError) (any, *apiError) {
	m, refusal := s.draft(p)
	if refusal != nil {
		return nil, refusal
	}
	caption, refusal := s.readCaption(p)
	if refusal != nil {
		return nil, refusal
	}
	a, refusal := s.readFile(p, kind)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := check(a); refusal != nil {
		return nil, refusal
	}
	s.files[a.id] = a
	m.media = a
	return s.send(m, caption), nil
}

func (s *Server) readFile(p *params, kind string) (*attachment, *apiError) {
	value := p.string(kind)
	up, uploaded := p.uploads[kind]
	switch known := s.files[value]; {
	case uploaded && len(up.bytes) == 0:
		return nil, badRequest("file must be non-empty")
	case uploaded:
		name := path.Base(strings.ReplaceAll(up.name, `\`, "/"))
		id := fmt.Sprintf("BQAC%04dAgAD%x", len(s.files)+1, len(up.bytes))
		return &attachment{id: id, kind: kind, name: name, mime: mediaType(name, up.bytes), bytes: up.bytes}, nil
	case value == "":
		return nil, badRequest("there is no %s in the request", kind)
	case known == nil:
		return nil, badRequest("wrong file identifier/HTTP URL specified")
	default:
		again := *known
		again.kind = kind
		return &again, nil
	}
}

// mediaType knows the kinds of files that the chat page shows; all else is bytes to download.
func mediaType(name string, data []byte) string {
	sniffed, _, _ := strings.Cut(http.DetectContentType(data), ";")
	switch {
	case strings.HasPrefix(sniffed, "text/"):
		return "text/plain"
	case sniffed == "image/png", sniffed == "image/jpeg", sniffed == "image/gif":
		return sniffed
	case path.Ext(name) == ".json":
		return "application/json"
	}
	return "application/octet-stream"
}

// chatActions are the values of sendChatAction.
const chatActions = " typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker find_location record_video_note upload_video_note "

func (s *Server) sendChatAction(p *params) (any, *apiError) {
	c, refusal := s.findChat(p)
	if refusal != nil {
		return nil, refusal
	}
	p.ignore("message_thread_id")
	action := p.string("action")
	if action == "" || !strings.Contains(chatActions, " "+action+" ") {
		return nil, badRequest("wrong parameter action in request")
	}
	c.action, c.actionEnds = action, s.now().Add(actionLife)
	c.version = s.touch()
	s.wake()
	return true, nil
}
