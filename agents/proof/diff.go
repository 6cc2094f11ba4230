package proof

import (
	"bytes"
	"strconv"
	"strings"
)

// line is one changed line of text.
type line struct {
	number int    // in the head for an added line, in the base for a removed one; from 1
	at     int    // where it stands, or stood, in the head; from 1
	text   string // without its newline
}

// hunks are the changed lines of one file.
type hunks struct {
	added, removed []line
}

// parseDiff reads what `git diff` prints, unified and with the usual a/ and b/ prefixes. The key is the path in the
// head, or in the base for a deleted file. Whatever it does not understand it leaves out: which files changed is known from
// git's machine-readable list, this is for the lines alone.
func parseDiff(diff []byte) map[string]*hunks {
	files := map[string]*hunks{}
	var from string
	var current *hunks
	var oldLine, newLine, oldLeft, newLeft int
	for len(diff) > 0 {
		var raw []byte
		raw, diff, _ = bytes.Cut(diff, []byte{'\n'})
		text := string(raw)
		if oldLeft > 0 || newLeft > 0 {
			kind, rest := byte(' '), ""
			if text != "" {
				kind, rest = text[0], text[1:]
			}
			switch kind {
			case '+':
				current.added = append(current.added, line{number: newLine, at: newLine, text: rest})
				newLine, newLeft = newLine+1, newLeft-1
			case '-':
				current.removed = append(current.removed, line{number: oldLine, at: newLine, text: rest})
				oldLine, oldLeft = oldLine+1, oldLeft-1
			case '\\': // "\ No newline at end of file"
			default:
				oldLine, newLine = oldLine+1, newLine+1
				oldLeft, newLeft = oldLeft-1, newLeft-1
			}
			continue
		}
		switch {
		case strings.HasPrefix(text, "diff --git "):
			from, current = "", nil
		case strings.HasPrefix(text, "--- "):
			from, current = diffPath(text[4:], "a/"), nil
		case strings.HasPrefix(text, "+++ "):
			path := diffPath(text[4:], "b/")
			if path == "" {
				path = from
			}
			if path == "" {
				continue
			}
			current = &hunks{}
			files[path] = current
		case strings.HasPrefix(text, "@@ ") && current != nil:
			oldLine, oldLeft, newLine, newLeft = hunkHeader(text)
		}
	}
	return files
}

// diffPath reads the name after "--- " or "+++ ": "" for /dev/null and for what is no path of a repository.
func diffPath(s, prefix string) string {
	s = strings.TrimSuffix(s, "\t") // git ends a name that holds a space with a tab
	if strings.HasPrefix(s, `"`) {
		s = unquote(s)
	}
	path, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return ""
	}
	return path
}

// unquote undoes git's C-style quoting of file names: octal bytes, which strconv.Unquote reads only when they are
// valid, and the usual single letters.
func unquote(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	out := make([]byte, 0, len(s))
	letters := map[byte]byte{'a': 7, 'b': 8, 't': 9, 'n': 10, 'v': 11, 'f': 12, 'r': 13}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		if i+3 <= len(s) {
			if n, err := strconv.ParseUint(s[i:i+3], 8, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		if c, ok := letters[s[i]]; ok {
			out = append(out, c)
		} else {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// hunkHeader reads "@@ -a,b +c,d @@"; a missing count is 1, and nonsense counts as an empty hunk.
func hunkHeader(s string) (oldLine, oldLeft, newLine, newLeft int) {
	fields := strings.Fields(s)
	if len(fields) < 3 {
		return 0, 0, 0, 0
	}
	oldLine, oldLeft, ok := span(fields[1], "-")
	newLine, newLeft, ok2 := span(fields[2], "+")
	if !ok || !ok2 {
		return 0, 0, 0, 0
	}
	return oldLine, oldLeft, newLine, newLeft
}

func span(s, sign string) (start, count int, ok bool) {
	s, ok = strings.CutPrefix(s, sign)
	if !ok {
		return 0, 0, false
	}
	first, second, pair := strings.Cut(s, ",")
	start, err := strconv.Atoi(first)
	if err != nil || start < 0 {
		return 0, 0, false
	}
	count = 1
	if pair {
		if count, err = strconv.Atoi(second); err != nil || count < 0 {
			return 0, 0, false
		}
	}
	return start, count, true
}
