package agents

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"lightsout/rules"
)

//go:embed text/*.md
var texts embed.FS

// fill renders one of the texts that the factory writes on GitHub.
func fill(name string, data any) string {
	t := template.Must(template.ParseFS(texts, "text/"+name)) // embedded: it parses or the tests fail
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		// The data are strings and numbers of ours; a field that is missing is a defect that the tests meet first.
		return fmt.Sprintf("(the text %s could not be made: %v)", name, err)
	}
	return b.String()
}

// body is the pull request's text: the session's words, the factory's proof, and the ticket it closes.
func (p publication) body() string {
	return fill("pull_request.md", map[string]any{"Text": tame(p.Text), "Receipt": strings.TrimSpace(p.Receipt.Markdown()), "Review": strings.TrimSpace(p.Review), "Ticket": p.Ticket, "Head": p.Head})
}

// closing matches GitHub's words that close an issue when a pull request merges, and mention what would notify people.
var (
	closing = regexp.MustCompile(`(?i)\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(:?\s+)((?:[\w.-]+/[\w.-]+)?#|https?://\S+/issues/)(\d+)`)
	mention = regexp.MustCompile(`(^|[\s(\[])@(\w)`)
)

// tame takes out of a session's text what would act on GitHub by itself: hidden comments, words that close other
// tickets, and mentions. The words stay readable.
func tame(text string) string {
	text = closing.ReplaceAllString(strings.TrimSpace(rules.Sanitize(text)), "${1}${2}ticket ${4}")
	return mention.ReplaceAllString(text, "${1}@\u2060${2}") // a word joiner: nothing to see, and no name behind the @
}

// skipping matches the words in a commit's message that keep GitHub Actions from looking at it.
var skipping = regexp.MustCompile(`(?i)\[(skip ci|ci skip|no ci|skip actions|actions skip)\]`)

// subject is a ticket's title as the title of commits and pull requests, which GitHub reads for words to act on: on one
// line, tame, and with nothing in it that stops CI.
func subject(title string) string {
	return skipping.ReplaceAllString(strings.Join(strings.Fields(tame(title)), " "), "($1)")
}

// sessionText is the part of a pull request's text that a session wrote.
func sessionText(body string) string {
	text, _, _ := strings.Cut(body, factoryMark)
	return strings.TrimSpace(text)
}
