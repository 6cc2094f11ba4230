package agents

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"lightsout/agents/forge"
	"lightsout/store"
)

// failure is a check that is not green, with what it has to say.
type failure struct {
	Check forge.Check
	Log   string // annotations first, then the end of its log
}

// diagnose says what made a check fail: "" is the code, which a session can repair; store.CauseFlaky may pass when it is asked for
// once more, and store.CauseInfrastructure says nothing about the change at all. A session costs more than another run of
// CI, so what nothing ties to the change is asked for again: a failure is the code's own where it does not compile, or
// where what failed names a file that the change touches.
func diagnose(f failure, changed []string) (cause, why string) {
	switch {
	case f.Check.RunID == 0:
		return "", "it cannot be asked for again" // a commit status
	case f.Check.State == forge.Cancelled:
		return store.CauseInfrastructure, "was cancelled"
	case f.Check.State == forge.Errored:
		return store.CauseInfrastructure, "could not be run"
	}
	failing := failingLines(f.Log)
	if slices.ContainsFunc(failing, doesNotCompile.MatchString) {
		return "", "it does not compile"
	}
	for _, line := range failing {
		if i := slices.IndexFunc(changed, func(file string) bool { return namesFile(line, file) }); i >= 0 {
			return "", "it names " + changed[i]
		}
	}
	if m := brokenMachine.FindString(strings.Join(failing, "\n")); m != "" {
		return store.CauseInfrastructure, strings.ToLower(m)
	}
	if f.Check.State == forge.TimedOut {
		return store.CauseFlaky, "timed out"
	}
	return store.CauseFlaky, "nothing that failed names a changed file"
}

// brokenMachine are the words of runners and networks that break, as GitHub Actions, curl, git, Go, npm and pip say them.
var brokenMachine = regexp.MustCompile(`(?i)lost communication with the server|runner has received a shutdown signal|hosted runner (?:encountered|lost)|` +
	`the operation was canceled|no space left on device|could not resolve host|temporary failure in name resolution|network is unreachable|` +
	`connection (?:reset by peer|refused|timed out)|TLS handshake timeout|i/o timeout|EAI_AGAIN|ECONNRESET|ETIMEDOUT|` +
	`(?:502|503|504) (?:bad gateway|service unavailable|gateway time-?out)|toomanyrequests|429 too many requests|failed to (?:download action|pull image)`)

// doesNotCompile are the words of compilers and linters, which say the same however often they are asked.
var doesNotCompile = regexp.MustCompile(`\[build failed\]|\[setup failed\]|undefined: |syntax error|SyntaxError|IndentationError|error TS\d+|error\[E\d+\]|cannot find symbol|` +
	`ModuleNotFoundError|Cannot find module|declared and not used|imported and not used|gofmt|does not compile|compilation failed`)

// failureWord finds the lines of a log that tell of the failure rather than of the way there.
var failureWord = regexp.MustCompile(`(?i)\b(?:fail(?:ed|ure|s|ing)?|error|errors|panic|fatal|exception|traceback|assert\w*|expected|undefined|cannot|not ok|timed? ?out|killed|lost|refused|canceled)\b|✗|✘|##\[error\]`)

// failureTail is how many lines below such a line belong to it.
const failureTail = 2

// failingLines are the lines that tell of the failure, and those right below them.
func failingLines(log string) []string {
	var out []string
	below := 0
	for line := range strings.Lines(log) {
		switch {
		case failureWord.MatchString(line):
			below = failureTail
		case below > 0:
			below--
		default:
			continue
		}
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

// namesFile tells that a line speaks of a file, by its path or by its name alone, as most test runners do.
func namesFile(line, file string) bool {
	name := path.Base(file)
	for rest := line; ; {
		i := strings.Index(rest, name)
		if i < 0 {
			return false
		}
		before, after := rest[:i], rest[i+len(name):]
		if !endsInWord(before) && !beginsWithWord(after) {
			return true
		}
		rest = after
	}
}

func endsInWord(s string) bool     { return s != "" && inName(s[len(s)-1]) }
func beginsWithWord(s string) bool { return s != "" && inName(s[0]) && s[0] != '.' }
func inName(c byte) bool {
	return c == '_' || c == '-' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// stamped is what GitHub writes before each line of a log, and colours, which no prompt needs.
var stamped = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z ?|\x1b\[[\d;]*m`)

// Lines around one that tells of a failure, in an excerpt.
const (
	linesBefore = 3
	linesAfter  = 12
)

// relevant cuts a log to at most about n bytes: what stands around the lines that tell of the failure, from the first on,
// since what follows is mostly its consequence; and its end.
func relevant(log string, n int) string {
	log = stamped.ReplaceAllString(log, "")
	if len(log) <= n {
		return log
	}
	end := limitEnd(log, n/3)
	lines := strings.Split(log[:len(log)-min(len(log), n/3)], "\n")
	keep := make([]bool, len(lines))
	for i, line := range lines {
		if failureWord.MatchString(line) {
			for j := max(0, i-linesBefore); j <= min(len(lines)-1, i+linesAfter); j++ {
				keep[j] = true
			}
		}
	}
	var b strings.Builder
	gap := false
	for i, line := range lines {
		if !keep[i] {
			gap = true
			continue
		}
		if b.Len()+len(line) > n-n/3 {
			break
		}
		if gap {
			b.WriteString("[…]\n")
		}
		gap = false
		b.WriteString(line + "\n")
	}
	return b.String() + end
}

// completed begins what GitHub says of every failed job, and tells nothing.
const completed = "Process completed with"

// headline is the first line that tells of a failure, for a message to people.
func headline(log string) string {
	for _, line := range failingLines(stamped.ReplaceAllString(log, "")) {
		if line = strings.TrimSpace(strings.TrimPrefix(line, "##[error]")); line != "" && !strings.HasPrefix(line, completed) {
			return strings.Replace(line, ": failure: ", ": ", 1) // the level of an annotation
		}
	}
	return ""
}
