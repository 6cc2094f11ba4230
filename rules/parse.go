package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	heading  = regexp.MustCompile(`^#{1,6}(\s|$)`)
	bullet   = regexp.MustCompile(`^(\s*)[-*+](?:\s+(.*))?$`)
	numbered = regexp.MustCompile(`^\s*\d{1,9}[.)](\s|$)`)
)

// Parse reads a rules file: bullets, and around them headings, HTML comments, blank lines and
// thematic breaks. A bullet may go on over further lines. Anything else is a fault rather than
// ignored, since the person who wrote it believes it to be a rule. All faults are returned at once,
// as *Error joined with errors.Join. The path is only for their text.
func Parse(path string, content []byte) (File, error) {
	s := scan(path, content)
	if len(s.faults) > 0 {
		return File{}, errors.Join(s.faults...)
	}
	return File{Path: path, Rules: s.rules, Hash: hash(content), Content: content}, nil
}

// scanner goes over the file line by line, after its comments have been taken out.
type scanner struct {
	path   string
	rules  []Rule
	faults []error
	last   int // last line of the last rule

	open  *openRule // the bullet that further lines may belong to
	blank bool      // a blank line stands between it and the current line
	muted bool      // the paragraph has been complained about
}

type openRule struct {
	indent     int
	line       int
	text       []string
	provenance []string
}

func scan(path string, content []byte) *scanner {
	s := &scanner{path: path}
	switch {
	case len(content) > MaxFile:
		s.fault(0, fmt.Sprintf("the file is larger than %d KiB", MaxFile>>10), "keep the rules few: each one goes into every prompt")
		return s
	case !utf8.Valid(content):
		s.fault(firstInvalidLine(content), "the file is not UTF-8 text", "save it as UTF-8")
		return s
	}
	lines, unclosed := takeComments(strings.TrimPrefix(string(content), "\uFEFF"))
	for i, l := range lines {
		s.line(i+1, l)
	}
	s.close()
	if unclosed > 0 {
		s.fault(unclosed, "the comment is never closed", "end it with -->")
	}
	if len(s.rules) == 0 && len(s.faults) == 0 {
		s.fault(0, "the file has no rule", `write at least one bullet, such as "- Match existing patterns."`)
	}
	return s
}

func (s *scanner) line(n int, l line) {
	indented := strings.HasPrefix(l.text, " ") || strings.HasPrefix(l.text, "\t")
	switch text := strings.TrimSpace(l.text); {
	case text == "" && len(l.comments) > 0:
		if s.open != nil && indented {
			s.belongs(n, l)
		} else {
			s.close()
		}
	case text == "":
		if !l.commented {
			s.blank, s.muted = true, false
		}
	case heading.MatchString(l.text), isBreak(text):
		s.close()
	case bullet.MatchString(l.text):
		s.bullet(n, l)
	case numbered.MatchString(l.text):
		s.close()
		s.fault(n, "a numbered line is not a rule", `begin it with "- ": rules are numbered by their order`)
		s.muted = true
	case s.open != nil && (indented || !s.blank):
		s.belongs(n, l)
	case !s.muted:
		s.close()
		s.fault(n, fmt.Sprintf("%q is neither a rule nor a heading nor a comment", cut(text, 40)),
			`begin it with "- " to make it a rule, or put it between <!-- and -->`)
		s.muted = true
	}
}

func (s *scanner) bullet(n int, l line) {
	m := bullet.FindStringSubmatch(l.text)
	indent := len(strings.ReplaceAll(m[1], "\t", "    "))
	if s.open != nil && indent > s.open.indent+1 {
		s.close()
		s.fault(n, "a rule stands inside another rule", "begin it at the left margin: one rule a bullet")
		s.muted = true
		return
	}
	s.close()
	s.open = &openRule{indent: indent, line: n}
	l.text = m[2]
	s.belongs(n, l)
}

// belongs takes a line as part of the open rule.
func (s *scanner) belongs(n int, l line) {
	s.open.text = append(s.open.text, strings.Fields(l.text)...)
	s.blank, s.last = false, n
	for _, c := range l.comments {
		s.open.provenance = append(s.open.provenance, c.text)
		s.last = c.end
	}
}

// close ends the open rule, if there is one, and judges it.
func (s *scanner) close() {
	r := s.open
	s.open, s.blank, s.muted = nil, false, false
	if r == nil {
		return
	}
	rule := Rule{Number: len(s.rules) + 1, Text: strings.Join(r.text, " "), Provenance: strings.Join(r.provenance, "; "), Line: r.line}
	if !strings.ContainsFunc(rule.Text, unicode.IsLetter) {
		s.fault(r.line, "the rule is empty", "write what it demands behind the bullet, or delete the line")
		return
	}
	if len(rule.Text) > MaxText {
		s.fault(r.line, fmt.Sprintf("the rule has %d bytes, %d are allowed", len(rule.Text), MaxText), "shorten it or make two of it: each rule goes into every prompt")
	}
	if strings.ContainsFunc(rule.Text, invisible) {
		s.fault(r.line, "the rule contains characters that cannot be seen", "type the line again instead of pasting it")
	}
	for _, earlier := range s.rules {
		if sameRule(earlier.Text, rule.Text) {
			s.fault(r.line, fmt.Sprintf("the rule stands on line %d already", earlier.Line), "delete one of the two")
			break
		}
	}
	s.rules = append(s.rules, rule)
}

func (s *scanner) fault(line int, problem, cure string) {
	s.faults = append(s.faults, &Error{File: s.path, Line: line, Problem: problem, Cure: cure})
}

// A line of the file without its comments.
type line struct {
	text      string
	comments  []span // those that begin on this line
	commented bool   // a comment touches this line, wherever it begins
}

// A span is an HTML comment.
type span struct {
	text string
	end  int // the line it ends on
}

// takeComments splits the file into lines and takes the HTML comments out of them. A comment that is
// never closed reaches to the end; unclosed is the line it begins on, else 0.
func takeComments(file string) (lines []line, unclosed int) {
	begun := 0 // line where the comment that is open began
	var inner []string
	for i, rest := range strings.Split(file, "\n") {
		rest = strings.TrimRight(rest, " \t\r")
		lines = append(lines, line{commented: begun > 0})
		current := &lines[i]
		for {
			if begun > 0 {
				text, after, closed := strings.Cut(rest, "-->")
				inner = append(inner, strings.Fields(text)...)
				if !closed {
					break
				}
				lines[begun-1].comments = append(lines[begun-1].comments, span{strings.Join(inner, " "), i + 1})
				inner, begun, rest = nil, 0, after
			}
			text, after, opened := strings.Cut(rest, "<!--")
			current.text += text
			if !opened {
				break
			}
			current.commented, begun, rest = true, i+1, after
		}
	}
	return lines, begun
}

// splitAfterLastRule cuts a file that parses behind the last line of its last rule.
func splitAfterLastRule(content []byte) (head, tail string) {
	lines := strings.SplitAfter(string(content), "\n")
	last := scan("", content).last
	return strings.Join(lines[:last], ""), strings.Join(lines[last:], "")
}

// sameRule says whether two rules differ in nothing but case, spacing and the final stop.
func sameRule(a, b string) bool {
	normal := func(s string) string {
		return strings.TrimRight(strings.ToLower(strings.Join(strings.Fields(s), " ")), ".! ")
	}
	return normal(a) == normal(b)
}

// isBreak recognises a thematic break: three or more of -, * or _ and nothing else.
func isBreak(text string) bool {
	s := strings.ReplaceAll(strings.TrimSpace(text), " ", "")
	return len(s) >= 3 && (strings.Trim(s, "-") == "" || strings.Trim(s, "*") == "" || strings.Trim(s, "_") == "")
}

func firstInvalidLine(content []byte) int {
	for i, l := range strings.Split(string(content), "\n") {
		if !utf8.ValidString(l) {
			return i + 1
		}
	}
	return 0
}

// cut shortens s to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
