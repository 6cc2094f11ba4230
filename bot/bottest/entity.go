package bottest

import (
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// tidy trims the text as Telegram does, moves the entities along, and puts them in order: outer before inner. A code block keeps
// nothing inside.
func tidy(text string, entities []Entity) (string, []Entity) {
	trimmed := strings.TrimLeftFunc(text, unicode.IsSpace)
	left := len(utf16.Encode([]rune(text))) - len(utf16.Encode([]rune(trimmed)))
	trimmed = strings.TrimRightFunc(trimmed, unicode.IsSpace)
	length := len(utf16.Encode([]rune(trimmed)))
	var kept []Entity
	for _, e := range entities {
		start, end := max(e.Offset-left, 0), min(e.Offset-left+e.Length, length)
		if e.Offset, e.Length = start, end-start; e.Length > 0 {
			kept = append(kept, e)
		}
	}
	slices.Reverse(kept) // tags end inside out: this way the outer of two with the same bounds comes first
	slices.SortStableFunc(kept, func(a, b Entity) int {
		if a.Offset != b.Offset {
			return a.Offset - b.Offset
		}
		return b.Length - a.Length
	})
	var out []Entity
	for _, e := range kept {
		inCode := slices.ContainsFunc(out, func(o Entity) bool { return verbatim(o.Type) && e.within(o) })
		if !inCode {
			out = append(out, e)
		}
	}
	return trimmed, out
}

func verbatim(kind string) bool { return kind == "code" || kind == "pre" }

func (e Entity) end() int { return e.Offset + e.Length }

func (e Entity) within(o Entity) bool { return e.Offset >= o.Offset && e.end() <= o.end() }

// detect finds the entities that nobody marks: commands, mentions and addresses with a scheme. They stay out of code and links
// and of whatever they would cross. The result has the given ones too, in order. Hashtags, e-mail addresses, phone numbers and
// addresses without a scheme, which Telegram finds too, are not looked for.
func detect(text string, given []Entity) []Entity {
	out := slices.Clone(given)
	runes := []rune(text)
	units := 0
	for i := 0; i < len(runes); i++ {
		kind, n := "", 0
		if i == 0 || !wordRune(runes[i-1]) {
			switch rest := runes[i:]; {
			case runes[i] == '/' && (i == 0 || !strings.ContainsRune("/<>", runes[i-1])):
				kind, n = "bot_command", commandLength(rest)
			case runes[i] == '@' && (i == 0 || runes[i-1] != '/'):
				kind, n = "mention", mentionLength(rest)
			case runes[i] == 'h':
				kind, n = "url", urlLength(rest)
			}
		}
		if n == 0 {
			units += utf16.RuneLen(runes[i])
			continue
		}
		e := Entity{Type: kind, Offset: units, Length: len(utf16.Encode(runes[i : i+n]))}
		if !slices.ContainsFunc(given, e.collides) {
			out = append(out, e)
		}
		units += e.Length
		i += n - 1
	}
	slices.SortStableFunc(out, func(a, b Entity) int {
		if a.Offset != b.Offset {
			return a.Offset - b.Offset
		}
		return b.Length - a.Length
	})
	return out
}

// collides tells whether a detected entity may not stand beside o: they cross, or o is code or a link.
func (e Entity) collides(o Entity) bool {
	if e.end() <= o.Offset || o.end() <= e.Offset {
		return false
	}
	nested := e.within(o) || o.within(e)
	return !nested || verbatim(o.Type) || o.Type == "text_link"
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func asciiWord(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func prefixLength(runes []rune, ok func(rune) bool) int {
	n := 0
	for n < len(runes) && ok(runes[n]) {
		n++
	}
	return n
}

// commandLength is the length of the command that runes begin with: / and 1 to 64 of a-z, 0-9, _, then perhaps @ and a user name.
func commandLength(runes []rune) int {
	n := prefixLength(runes[1:], asciiWord)
	if n == 0 || n > 64 {
		return 0
	}
	n++
	if m := mentionLength(runes[n:]); m > 0 {
		n += m
	}
	if n < len(runes) && (wordRune(runes[n]) || strings.ContainsRune("/<>@", runes[n])) {
		return 0
	}
	return n
}

// mentionLength is the length of the @name that runes begin with; a name has 3 to 32 characters.
func mentionLength(runes []rune) int {
	if len(runes) == 0 || runes[0] != '@' {
		return 0
	}
	n := prefixLength(runes[1:], asciiWord)
	if n < 3 || n > 32 || n+1 < len(runes) && wordRune(runes[n+1]) {
		return 0
	}
	return n + 1
}

func urlLength(runes []rune) int {
	s := string(runes[:min(len(runes), 8)])
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return 0
	}
	n := prefixLength(runes, func(r rune) bool { return !unicode.IsSpace(r) && !strings.ContainsRune("<>\"", r) })
	for n > 0 && strings.ContainsRune(".,;:!?)]}'*", runes[n-1]) {
		n--
	}
	if n <= len("https://") {
		return 0
	}
	return n
}

// render writes a text with entities, which nest, as HTML for the chat page: the tags below and nothing else, everything escaped.
func render(text string, entities []Entity) string {
	var b strings.Builder
	var open []Entity
	next, units := 0, 0
	step := func() {
		for len(open) > 0 && open[len(open)-1].end() <= units {
			_, end := tags(open[len(open)-1])
			b.WriteString(end)
			open = open[:len(open)-1]
		}
		for next < len(entities) && entities[next].Offset <= units {
			start, _ := tags(entities[next])
			b.WriteString(start)
			open = append(open, entities[next])
			next++
		}
	}
	for _, r := range text {
		step()
		b.WriteString(html.EscapeString(string(r)))
		units += max(utf16.RuneLen(r), 1)
	}
	step()
	return b.String()
}

// tags are the start and the end tag of an entity on the chat page.
func tags(e Entity) (start, end string) {
	switch e.Type {
	case "bold":
		return "<b>", "</b>"
	case "italic":
		return "<i>", "</i>"
	case "underline":
		return "<u>", "</u>"
	case "strikethrough":
		return "<s>", "</s>"
	case "spoiler":
		return `<span class="spoiler">`, "</span>"
	case "code":
		return "<code>", "</code>"
	case "pre":
		return `<pre data-language="` + html.EscapeString(e.Language) + `">`, "</pre>"
	case "blockquote":
		return "<blockquote>", "</blockquote>"
	case "expandable_blockquote":
		return "<blockquote data-expandable>", "</blockquote>"
	case "text_link":
		return `<a href="` + html.EscapeString(e.URL) + `">`, "</a>"
	case "url":
		return "<a data-url>", "</a>"
	case "bot_command":
		return "<a data-command>", "</a>"
	case "mention":
		return "<a data-mention>", "</a>"
	}
	return "", ""
}
