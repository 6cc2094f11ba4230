package bottest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Limits of inline keyboards: the data from the Bot API documentation, the count as the clients enforce it.
const (
	maxData    = 64 // bytes
	maxButtons = 100
)

// markup is what reply_markup asks for.
type markup struct {
	buttons    [][]Button
	forceReply bool
}

// readMarkup reads reply_markup: an inline keyboard, or force_reply. Keyboards of the other kind are not served here.
func (s *Server) readMarkup(p *params) (markup, *apiError) {
	var m markup
	if !p.has("reply_markup") {
		return m, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(p.string("reply_markup")), &fields); err != nil {
		return m, badRequest("can't parse reply keyboard markup JSON object")
	}
	for name, raw := range fields {
		switch name {
		case "inline_keyboard":
			rows, refusal := s.readKeyboard(p.method, raw)
			if refusal != nil {
				return m, refusal
			}
			m.buttons = rows
		case "force_reply":
			m.forceReply = string(raw) == "true"
		case "input_field_placeholder", "selective":
		default:
			s.note("%s: reply_markup has %s", p.method, name)
		}
	}
	return m, nil
}

func (s *Server) readKeyboard(method string, raw json.RawMessage) ([][]Button, *apiError) {
	var in [][]map[string]json.RawMessage
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, badRequest("can't parse inline keyboard: Field \"inline_keyboard\" must be an Array of Arrays")
	}
	var rows [][]Button
	total := 0
	for _, line := range in {
		var row []Button
		for _, fields := range line {
			b, refusal := s.readButton(method, fields)
			if refusal != nil {
				return nil, refusal
			}
			row = append(row, b)
			total++
		}
		if len(row) > 0 { // Telegram drops empty rows
			rows = append(rows, row)
		}
	}
	if total > maxButtons {
		return nil, badRequest("REPLY_MARKUP_TOO_LONG")
	}
	return rows, nil
}

func (s *Server) readButton(method string, fields map[string]json.RawMessage) (Button, *apiError) {
	var b Button
	for name, raw := range fields {
		var into *string
		switch name {
		case "text":
			into = &b.Text
		case "callback_data":
			into = &b.Data
		case "url":
			into = &b.URL
		case "style":
			into = &b.Style
		default:
			s.note("%s: a button has %s, this server knows text, callback_data, url and style", method, name)
			continue
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return b, badRequest("can't parse inline keyboard button: Field \"%s\" must be of type String", name)
		}
	}
	switch {
	case strings.TrimSpace(b.Text) == "":
		return b, badRequest("can't parse inline keyboard button: Can't find field \"text\"")
	case b.Data == "" && b.URL == "":
		return b, badRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
	case b.Data != "" && b.URL != "":
		s.note("%s: button %q has both callback_data and url", method, b.Text)
		return b, badRequest("BUTTON_TYPE_INVALID")
	case len(b.Data) > maxData:
		return b, badRequest("BUTTON_DATA_INVALID")
	case !slices.Contains([]string{"", "primary", "success", "danger"}, b.Style):
		return b, badRequest("can't parse inline keyboard button: invalid button style specified")
	case b.URL != "" && !buttonURL(b.URL):
		return b, badRequest("inline keyboard button URL '%s' is invalid: Wrong HTTP URL", b.URL)
	}
	return b, nil
}

// buttonURL tells whether Telegram takes the address on a button: with a host that has a dot, or tg://.
func buttonURL(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return strings.Contains(u.Hostname(), ".") || strings.Contains(u.Hostname(), ":")
	case "tg":
		return true
	}
	return false
}
