package bottest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Entity is a formatted stretch of a text. Offset and Length count UTF-16 units, as in the Bot API.
type Entity struct {
	Type     string `json:"type"`
	Offset   int    `json:"offset"`
	Length   int    `json:"length"`
	URL      string `json:"url,omitempty"`
	Language string `json:"language,omitempty"`
}

// tagEntity names the entity of each tag that Telegram's HTML knows. "span" is a spoiler when its class says so.
func tagEntity(tag string) (entity string, known bool) {
	switch tag {
	case "b", "strong":
		return "bold", true
	case "i", "em":
		return "italic", true
	case "u", "ins":
		return "underline", true
	case "s", "strike", "del":
		return "strikethrough", true
	case "tg-spoiler", "span":
		return "spoiler", true
	case "a":
		return "text_link", true
	case "code", "pre", "blockquote":
		return tag, true
	}
	return "", false
}

// openTag is a tag that waits for its end.
type openTag struct {
	name       string
	href       string
	language   string
	expandable bool
	offset     int // in UTF-16 units
}

// markupError is the part after "can't parse entities: ", word for word as Telegram says it.
type markupError string

func (e markupError) Error() string { return string(e) }

func malformed(format string, args ...any) error { return markupError(fmt.Sprintf(format, args...)) }

// htmlParser turns Telegram's HTML into a text with entities. Positions in errors are byte offsets, as Telegram gives them.
type htmlParser struct {
	in       string
	at       int
	out      strings.Builder
	units    int // UTF-16 units written to out
	open     []openTag
	entities []Entity
	warnings []string // what Telegram forgives and its documentation forbids
}

// parseHTML reads a text in Telegram's HTML. The error is a markupError.
func parseHTML(in string) (plain string, entities []Entity, warnings []string, err error) {
	p := &htmlParser{in: in}
	for p.at < len(p.in) {
		switch {
		case p.in[p.at] == '&':
			p.character()
		case strings.HasPrefix(p.in[p.at:], "</"):
			if err := p.endTag(); err != nil {
				return "", nil, nil, err
			}
		case p.in[p.at] == '<':
			if err := p.startTag(); err != nil {
				return "", nil, nil, err
			}
		default:
			if p.in[p.at] == '>' {
				p.warn("unescaped > at byte offset %d", p.at)
			}
			r, size := utf8.DecodeRuneInString(p.in[p.at:])
			p.write(r)
			p.at += size
		}
	}
	if n := len(p.open); n > 0 {
		return "", nil, nil, malformed("Can't find end tag corresponding to start tag \"%s\"", p.open[n-1].name)
	}
	plain, entities = tidy(p.out.String(), p.entities)
	if len(entities) > 100 {
		p.warn("%d entities, Telegram keeps 100", len(entities))
	}
	return plain, entities, p.warnings, nil
}

func (p *htmlParser) warn(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}

func (p *htmlParser) write(r rune) {
	p.out.WriteRune(r)
	p.units++
	if r > 0xFFFF {
		p.units++
	}
}

// character reads a character reference; what is none stands for itself.
func (p *htmlParser) character() {
	r, size := reference(p.in[p.at:])
	if size == 0 {
		p.warn("unescaped & at byte offset %d", p.at)
		r, size = '&', 1
	}
	p.write(r)
	p.at += size
}

// reference decodes the character reference that s begins with; size is 0 when it is none. Telegram knows four names.
func reference(s string) (r rune, size int) {
	end := strings.IndexByte(s, ';')
	if end < 2 || end > 10 {
		return 0, 0
	}
	switch name := s[1:end]; name {
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "amp":
		r = '&'
	case "quot":
		r = '"'
	default:
		digits, isNumber := strings.CutPrefix(name, "#")
		if !isNumber {
			return 0, 0
		}
		base := 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
			return 0, 0
		}
		r = rune(n)
	}
	return r, end + 1
}

func space(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0 || c == '\v'
}

// until moves on to the first byte that stop holds for, or to the end, and returns what it passed.
func (p *htmlParser) until(stop func(c byte) bool) string {
	start := p.at
	for p.at < len(p.in) && !stop(p.in[p.at]) {
		p.at++
	}
	return p.in[start:p.at]
}

func (p *htmlParser) skipSpace() { p.until(func(c byte) bool { return !space(c) }) }

// done tells whether the input is over; the byte at p.at may be read when it is not.
func (p *htmlParser) done() bool { return p.at >= len(p.in) }

func (p *htmlParser) startTag() error {
	begin := p.at
	p.at++
	tag := openTag{name: strings.ToLower(p.until(func(c byte) bool { return space(c) || c == '>' })), offset: p.units}
	if p.done() {
		return malformed("Unclosed start tag at byte offset %d", begin)
	}
	if _, known := tagEntity(tag.name); !known {
		return malformed("Unsupported start tag \"%s\" at byte offset %d", tag.name, begin)
	}
	spoiler := false
	for {
		p.skipSpace()
		if p.done() {
			return malformed("Unclosed start tag at byte offset %d", begin)
		}
		if p.in[p.at] == '>' {
			p.at++
			break
		}
		name, value, err := p.attribute(tag.name, begin)
		if err != nil {
			return err
		}
		switch {
		case tag.name == "a" && name == "href":
			tag.href = value
		case tag.name == "code" && name == "class" && strings.HasPrefix(value, "language-"):
			tag.language = strings.TrimPrefix(value, "language-")
		case tag.name == "span" && name == "class" && value == "tg-spoiler":
			spoiler = true
		case tag.name == "blockquote" && name == "expandable":
			tag.expandable = true
		default:
			p.warn("attribute %s of tag %s at byte offset %d", name, tag.name, begin)
		}
	}
	if tag.name == "span" && !spoiler {
		return malformed("Tag \"span\" must have class \"tg-spoiler\" at byte offset %d", begin)
	}
	p.nesting(tag.name, begin)
	p.open = append(p.open, tag)
	return nil
}

// nesting warns of what Telegram quietly throws away.
func (p *htmlParser) nesting(name string, begin int) {
	for _, outer := range p.open {
		switch {
		case outer.name == "code", outer.name == "pre" && name != "code":
			p.warn("tag %s inside %s at byte offset %d", name, outer.name, begin)
		case outer.name == "blockquote" && name == "blockquote":
			p.warn("blockquote inside blockquote at byte offset %d", begin)
		case outer.name == "a" && name == "a":
			p.warn("link inside link at byte offset %d", begin)
		}
	}
}

// attribute reads one attribute of a start tag; the value of one without a value is empty.
func (p *htmlParser) attribute(tag string, begin int) (name, value string, err error) {
	name = strings.ToLower(p.until(func(c byte) bool { return space(c) || c == '=' || c == '>' }))
	if name == "" {
		return "", "", malformed("Empty attribute name in the tag \"%s\" at byte offset %d", tag, begin)
	}
	p.skipSpace()
	if p.done() || p.in[p.at] != '=' {
		if tag != "blockquote" && !p.done() {
			return "", "", malformed("Expected equal sign in declaration of an attribute of the tag \"%s\" at byte offset %d", tag, begin)
		}
		return name, "", nil
	}
	p.at++
	p.skipSpace()
	if p.done() {
		return "", "", malformed("Unclosed start tag at byte offset %d", begin)
	}
	quote := p.in[p.at]
	if quote != '"' && quote != '\'' {
		token := p.at
		value = strings.ToLower(p.until(func(c byte) bool { return !nameByte(c) }))
		if !p.done() && !space(p.in[p.at]) && p.in[p.at] != '>' {
			return "", "", malformed("Unexpected end of name token at byte offset %d", token)
		}
		return name, value, nil
	}
	p.at++
	var b strings.Builder
	for !p.done() && p.in[p.at] != quote {
		if r, size := reference(p.in[p.at:]); p.in[p.at] == '&' && size > 0 {
			b.WriteRune(r)
			p.at += size
			continue
		}
		b.WriteByte(p.in[p.at])
		p.at++
	}
	if p.done() {
		return "", "", malformed("Unclosed start tag at byte offset %d", begin)
	}
	p.at++
	return name, b.String(), nil
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-'
}

func (p *htmlParser) endTag() error {
	begin := p.at
	if len(p.open) == 0 {
		return malformed("Unexpected end tag at byte offset %d", begin)
	}
	p.at += 2
	name := strings.ToLower(p.until(func(c byte) bool { return space(c) || c == '>' }))
	p.skipSpace()
	if p.done() || p.in[p.at] != '>' {
		return malformed("Unclosed end tag at byte offset %d", begin)
	}
	p.at++
	tag := p.open[len(p.open)-1]
	if name != "" && name != tag.name {
		return malformed("Unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", begin, tag.name, name)
	}
	p.open = p.open[:len(p.open)-1]
	p.close(tag)
	return nil
}

// close adds the entity of a tag that has ended. An empty one leaves nothing behind.
func (p *htmlParser) close(tag openTag) {
	length := p.units - tag.offset
	if length == 0 {
		return
	}
	kind, _ := tagEntity(tag.name)
	e := Entity{Type: kind, Offset: tag.offset, Length: length, Language: tag.language}
	switch {
	case kind == "text_link":
		e.URL = link(tag.href)
		if e.URL == "" {
			p.warn("link to %q, which Telegram drops", tag.href)
			return
		}
	case kind == "blockquote" && tag.expandable:
		e.Type = "expandable_blockquote"
	case kind == "pre":
		// <pre><code class="language-x">: one block in a language
		i := slices.IndexFunc(p.entities, func(in Entity) bool { return in.Type == "code" && in.Offset == e.Offset && in.Length == e.Length })
		if i >= 0 {
			e.Language = p.entities[i].Language
			p.entities = slices.Delete(p.entities, i, i+1)
		}
	}
	p.entities = append(p.entities, e)
}

// link is the address of a link as Telegram takes it, "" for one that it does not.
func link(href string) string {
	for _, scheme := range []string{"https://", "http://", "tg://"} {
		if rest, ok := strings.CutPrefix(href, scheme); ok && rest != "" && !strings.ContainsAny(rest, " \t\n\"<>") {
			return href
		}
	}
	return ""
}
