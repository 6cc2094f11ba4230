package bot

import (
	"embed"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf16"
)

// Limits of the Bot API, in UTF-16 units after the markup has been read (sendMessage, sendDocument) and in characters
// (answerCallbackQuery).
const (
	maxText    = 4096
	maxCaption = 1024
	maxToast   = 200
)

// maxTitle is how much of a title or a reason is shown, in characters: a card stays a card whatever a ticket is called.
const maxTitle = 120

//go:embed message/*.html
var messages embed.FS

// pages renders the texts of the chat. Every text is a file of its own; every value that stands in one passes escape,
// which a test holds.
type pages struct {
	set    *template.Template
	redact func(string) string
	markup *strings.Replacer
}

// newPages reads the embedded texts. redact takes secrets out of every value before it is escaped.
func newPages(redact func(string) string) (*pages, error) {
	p := markupOnly()
	p.redact = redact
	set, err := template.New("").Funcs(template.FuncMap{
		"e":     func(v any) string { return p.escape(oneLine(text(v))) },
		"lines": func(v any) string { return p.escape(visible(text(v))) },
		"clip":  func(n int, v any) string { return p.escape(clip(n, oneLine(p.redact(text(v))))) },
		"quote": func(n int, v any) string { return p.escape(clip(n, visible(p.redact(text(v))))) },
		"join":  func(facts []string) string { return p.escape(clip(400, oneLine(p.redact(join(facts))))) },
		"sha":   func(s string) string { return p.escape(short(s)) },
		"link":  p.link,
		"face":  face,
	}).ParseFS(messages, "message/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the texts of the chat: %w", err)
	}
	p.set = set
	return p, nil
}

// render fills the text of that name.
func (p *pages) render(name string, data any) (string, error) {
	var b strings.Builder
	if err := p.set.ExecuteTemplate(&b, name+".html", data); err != nil {
		return "", fmt.Errorf("write the message %s: %w", name, err)
	}
	return strings.TrimSpace(b.String()), nil
}

// escape is the one way for a value into a text: secrets are taken out, then what HTML would read as markup is named.
func (p *pages) escape(s string) string {
	return p.markup.Replace(p.redact(s))
}

// markupOnly escapes and does no more: it has no texts, and hides no secrets.
func markupOnly() *pages {
	return &pages{redact: func(s string) string { return s }, markup: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")}
}

// link is a linked text, or the text alone where the address is none that the chat service takes.
func (p *pages) link(address, label string) string {
	label = p.escape(clip(maxTitle, oneLine(p.redact(label))))
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return label
	}
	return `<a href="` + p.escape(u.String()) + `">` + label + `</a>`
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	}
	return fmt.Sprint(v)
}

// face is the emoji of a state of the factory or of a pull request.
func face(state string) string {
	switch state {
	case "running":
		return "⚙️"
	case "waiting", "landing":
		return "🟡"
	case "ready", "approved":
		return "🟢"
	case "merged":
		return "✅"
	case "red", "conflict", "rejected", "behind":
		return "🔧"
	case "base red", "gave up":
		return "🔴"
	case "parked", "foreign", "draft", "closed", "paused":
		return "⏸"
	case "idle":
		return "💤"
	}
	return "⚠️"
}

// visible drops what cannot be seen, among it the characters that turn the direction of writing, and keeps the lines.
func visible(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r >= ' ' && r < 0x7f:
			return r
		case r == '\n', r == '\t', r == '\u200d', r == '\ufe0f': // the last two hold emoji together
			return r
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1
		}
		return r
	}, s)
}

// oneLine is a text without line ends and without what cannot be seen.
func oneLine(s string) string { return strings.Join(strings.Fields(visible(s)), " ") }

// clip cuts a text to n characters, the last of them an ellipsis.
func clip(n int, s string) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimSpace(string(r[:max(n-1, 0)])) + "…"
}

// join strings facts together, leaving out those that are not known.
func join(facts []string) string {
	var known []string
	for _, f := range facts {
		if f != "" {
			known = append(known, f)
		}
	}
	return strings.Join(known, " · ")
}

// short is the form of a commit that people read.
func short(sha string) string {
	r := []rune(oneLine(sha))
	return string(r[:min(len(r), 7)])
}

// units is the length of a text as the chat service counts it.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

// cut shortens a text to at most n units.
func cut(n int, s string) string {
	for units(s) > n {
		r := []rune(s)
		over := units(s) - n
		s = strings.TrimSpace(string(r[:max(len(r)-1-max(over/2, 1), 0)])) + "…"
	}
	return s
}

// plain is what a reader sees of a text in the chat's HTML.
func plain(html string) string {
	var b strings.Builder
	inside := false
	for _, r := range html {
		switch {
		case r == '<':
			inside = true
		case r == '>' && inside:
			inside = false
		case !inside:
			b.WriteRune(r)
		}
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&").Replace(b.String())
}

// took writes a duration as people say it: 12s, 6m12s, 1h04m, 3d2h.
func took(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// clock writes a moment for people: the time of day when it is within a day of now, else with the date. The zone is UTC,
// as schedules are.
func clock(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	if d := t.Sub(now); d > -24*time.Hour && d < 24*time.Hour {
		return t.UTC().Format("15:04") + " UTC"
	}
	return t.UTC().Format("2 Jan 15:04") + " UTC"
}

// money writes US dollars, "" for nothing.
func money(usd float64) string {
	if usd <= 0 {
		return ""
	}
	return fmt.Sprintf("$%.2f", usd)
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
