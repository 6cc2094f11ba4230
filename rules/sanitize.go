package rules

import (
	"regexp"
	"strings"
	"unicode"
)

// terminal is a control sequence that colours or moves text in a terminal, as test logs carry them.
var terminal = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// Sanitize takes out of a ticket or comment what its reader on GitHub does not see, so that a session
// reads what the person who approved it has read: HTML comments, zero-width and bidirectional control
// characters, other control characters except tab and line feed, and what is not UTF-8. A comment
// that is never closed hides all that follows, in a browser and here. Comments are taken out of
// code blocks too, where GitHub shows them: which text is code is not worth being deceived about.
func Sanitize(s string) string {
	return stripComments(visible(s))
}

// visible drops the characters that cannot be seen. Line ends become line feeds.
func visible(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = terminal.ReplaceAllString(s, "")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && invisible(r) {
			return -1
		}
		return r
	}, s)
}

// invisible says whether a character leaves no mark where it stands: control and format characters
// (zero-width, bidirectional, tags), fillers, and the variation selectors that can carry hidden text.
// Those that choose between the text and the emoji form of a sign are left alone.
func invisible(r rune) bool {
	switch {
	case r == '\uFE0E' || r == '\uFE0F':
		return false
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // a format character that is drawn
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// stripComments takes out every HTML comment. The text is built up anew, so that a comment which
// appears only when another one is gone ("<!<!-- -->-- …") is seen as well.
func stripComments(s string) string {
	const opening = "<!--"
	if !strings.Contains(s, opening) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		out = append(out, s[i])
		if s[i] != '-' || !strings.HasSuffix(string(out[max(0, len(out)-len(opening)):]), opening) {
			continue
		}
		out = out[:len(out)-len(opening)]
		switch rest := s[i+1:]; {
		case strings.HasPrefix(rest, ">"): // "<!-->" is a whole comment to a browser
			i++
		case strings.HasPrefix(rest, "->"):
			i += 2
		default:
			length := strings.Index(rest, "-->")
			if length < 0 {
				return string(out)
			}
			i += length + len("-->")
		}
	}
	return string(out)
}
