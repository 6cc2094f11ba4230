package bot

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxName is the longest command name of the Bot API.
const maxName = 32

// parseCommand reads a message that begins with a command: "/approve 42" or "/approve@ourbot 42". A command to another bot,
// and one with text before it, is none. The name comes out in lower case.
func parseCommand(text, bot string) (name, args string, ok bool) {
	rest, slash := strings.CutPrefix(text, "/")
	if !slash {
		return "", "", false
	}
	word, args := cutSpace(rest)
	name, to, addressed := strings.Cut(word, "@")
	if addressed && (bot == "" || !strings.EqualFold(to, bot)) {
		return "", "", false
	}
	if name == "" || len(name) > maxName || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return "", "", false
	}
	return strings.ToLower(name), args, true
}

// cutSpace cuts the first word off a text.
func cutSpace(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 { // phones write other spaces than the plain one
		return s[:i], strings.TrimSpace(s[i:])
	}
	return s, ""
}

// parseNumber reads "42" or "#42".
func parseNumber(word string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(word, "#"))
	return n, err == nil && n > 0
}

// maxPause bounds /pause: a longer one is a typing error.
const maxPause = 366 * 24 * time.Hour

// parseSpan reads "90m", "2h", "3d" or "1h30m".
func parseSpan(word string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(word, "d"); ok {
		n, err := strconv.Atoi(days)
		d := time.Duration(n) * 24 * time.Hour
		return d, err == nil && n > 0 && n <= 366
	}
	d, err := time.ParseDuration(word)
	return d, err == nil && d >= time.Second && d <= maxPause
}

// parseSHA tells whether a word is a commit: seven hexadecimal digits or more.
func parseSHA(word string) (string, bool) {
	word = strings.ToLower(word)
	return word, len(word) >= 7 && len(word) <= 64 && strings.Trim(word, "0123456789abcdef") == ""
}

// parseTap reads the data of a button: "v1:<verb>:<nonce>".
func parseTap(data string) (verb, nonce string, ok bool) {
	rest, version := strings.CutPrefix(data, "v1:")
	verb, nonce, found := strings.Cut(rest, ":")
	return verb, nonce, version && found && verb != "" && nonce != ""
}

// nearest returns the known name that is at most two typing errors away, "" when there is none.
func nearest(name string, known []string) string {
	best, errors := "", 3
	for _, k := range known {
		if n := distance(name, k); n < errors && n < len(k) {
			best, errors = k, n
		}
	}
	return best
}

// distance counts the letters to insert, delete or change until a is b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
