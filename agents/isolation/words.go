package isolation

import (
	"path"
	"slices"
	"strings"

	"lightsout/agents/forge"
)

const (
	maxWords   = 24       // identifiers looked at in one ticket, in the order of the text
	maxPaths   = 40       // paths looked at in one ticket: a stack trace names many
	maxText    = 64 << 10 // bytes of a body that are read; GitHub's own limit is 65,536 characters
	minWord    = 3        // a shorter identifier stands everywhere
	maxWordLen = 80       // a longer one is no identifier
)

var (
	htmlComment = lazily(`(?s)<!--.*?(-->|$)`)
	codeSpan    = lazily("`+([^`\n]+)`+")
	blobLink    = lazily(`https?://[^\s/]+/[^\s/]+/[^\s/]+/(?:blob|blame|tree)/[^\s/]+/([^\s#?)>\]]+)`)
	link        = lazily(`[a-z]+://[^\s)>\]]+`)
	token       = lazily(`[\p{L}\p{N}_@$.+/\-]+(?:\(\))?`)
	identifier  = lazily(`^[\p{L}_$][\p{L}\p{N}_$]*$`)
	// camel has a small letter before a capital one, or a capital word behind capitals: ParseRow, parseRow, HTTPServer.
	camel     = lazily(`\p{Ll}\p{Lu}|\p{Lu}\p{Lu}\p{Ll}`)
	extension = lazily(`[^/.]\.[A-Za-z][A-Za-z0-9]{0,9}$`)
)

// notCode are words that look like identifiers and are none.
var notCode = []string{"GitHub", "GitLab", "BitBucket", "JavaScript", "TypeScript", "PostgreSQL", "MySQL", "NoSQL", "GraphQL", "OpenAPI",
	"WebSocket", "macOS", "iOS", "iPhone", "iPad", "YouTube", "LinkedIn", "DevOps", "README", "PRs", "APIs", "URLs", "IDs", "e.g", "i.e"}

// Words finds what a ticket says about code, to be looked for in the tree: paths, and identifiers. In prose, that is
// what is written as code is: ParseRow, parse_row, csv.Parse, parse(); between backquotes any word of three letters.
func Words(t forge.Ticket) []string {
	text := read(t)
	return append(text.paths, text.identifiers...)
}

// named is what a text says about code.
type named struct{ paths, identifiers []string }

func read(t forge.Ticket) named {
	body := t.Body
	if len(body) > maxText {
		body = strings.ToValidUTF8(body[:maxText], "")
	}
	text := htmlComment.ReplaceAllString(t.Title+"\n"+body, " ")
	var n named
	for _, m := range blobLink.FindAllStringSubmatch(text, -1) {
		n.addPath(m[1])
	}
	text = link.ReplaceAllString(text, " ")
	fenced := false
	for line := range strings.Lines(text) {
		if f := strings.TrimSpace(line); strings.HasPrefix(f, "```") || strings.HasPrefix(f, "~~~") {
			fenced = !fenced
			continue
		}
		if !fenced {
			for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
				n.add(m[1], true)
			}
			line = codeSpan.ReplaceAllString(line, " ")
		}
		n.add(line, false)
	}
	return n
}

// add takes a piece of text apart; asCode says that plain words in it are identifiers too.
func (n *named) add(text string, asCode bool) {
	for _, t := range token.FindAllString(text, -1) {
		call := strings.HasSuffix(t, "()")
		t = strings.TrimRight(strings.TrimSuffix(t, "()"), ".-+")
		if !call && (strings.Contains(t, "/") || extension.MatchString(t) && !isCall(t)) {
			n.addPath(t)
		}
		if strings.Contains(t, "/") {
			continue
		}
		parts := strings.Split(t, ".")
		last := parts[len(parts)-1]
		dotted := len(parts) > 1 && isCall(t)
		if asCode || call || dotted || camel.MatchString(last) || strings.Contains(strings.Trim(last, "_"), "_") {
			n.addIdentifier(last)
		}
	}
}

// isCall tells csv.Parse, a name in a package, from csv.go, a file.
func isCall(t string) bool {
	parts := strings.Split(t, ".")
	last := parts[len(parts)-1]
	for _, p := range parts {
		if !identifier.MatchString(p) {
			return false
		}
	}
	return len(parts) > 1 && last != strings.ToLower(last)
}

func (n *named) addPath(p string) {
	p = strings.TrimPrefix(path.Clean("/"+strings.TrimLeft(p, "@+-")), "/")
	if p != "" && len(n.paths) < maxPaths && !slices.Contains(n.paths, p) && !slices.Contains(notCode, p) {
		n.paths = append(n.paths, p)
	}
}

func (n *named) addIdentifier(w string) {
	if len(w) < minWord || len(w) > maxWordLen || !identifier.MatchString(w) || slices.Contains(notCode, w) {
		return
	}
	if len(n.identifiers) < maxWords && !slices.Contains(n.identifiers, w) {
		n.identifiers = append(n.identifiers, w)
	}
}
