package proof

import (
	"io"
	"strings"
	"time"
)

// A tool is one way to run tests: `go test`, pytest and so on. Each has a file of its own that holds a function of this
// type, and a place in tools.
//
// It looks at the changed test files and says how they, and as little as possible beside them, are run. It claims nothing (ok is false) when none of
// them is its own. test is the repository's test command, from which it takes the flags that matter (build tags, say).
type tool func(c *change, test []string) (p plan, ok bool)

// tools are asked in this order; whoever claims files runs them. The whole test command, judged by its exit code, is the
// last resort and not in the list.
func tools() []tool { return []tool{planGo, planPytest, planScripts, planCargo} }

// plan is how the tests of the change are run alone, on the head and on the base in the same way.
type plan struct {
	commands func(manner) []command         // of one run
	only     func([]test, manner) []command // of a run of some of them; nil when the tool cannot be told
	cut      cutter                         // what keeps the rest of a group from running on the base; nil when that cannot be told
	decides  func(test) bool                // whether the test is one of those that the change adds or alters
	touched  func(test) bool                // whether the change altered its own lines, rather than what it shares with others
	fresh    func(test) bool                // whether the base does not have it
	skips    bool                           // whether the change brings words that skip a test
	hidden   []string                       // files of tests that the change hides from every machine
	named    bool                           // results are per test; otherwise the command is the only test
}

// manner is how the tests of the change are run.
type manner struct {
	limit time.Duration // a test program that runs longer is to be ended by its tool, if the tool can; 0 is no limit
	twice bool          // each test is to run two times in a row, if the tool can: results.second says how it ended then

	allErrors bool // the compiler is to name all errors, if the tool can
}

// command is one command to run under limits.
type command struct {
	dir    string // in the repository, "" for its root
	args   []string
	env    []string // beside the environment of the request
	reader func(log journal) reader
	// report is the file that says how the tests ended, in the repository or reportPath; "" when the outputs say it all. read reads it.
	report string
	read   func(report []byte, r *results)
	// again makes the command that runs only those tests again that failed, if any of them is of its own; nil when the tool cannot.
	again func(failed map[test]string) (command, bool)
}

// reader takes the output of one command and tells what it means. Its two writers are never called at the same time; when they are one, the
// command has one output for both, and what it writes comes in its order.
type reader struct {
	stdout, stderr io.Writer
	finish         func(ending) results
}

// String is the command as a person would type it in the repository's root.
func (c command) String() string {
	words := make([]string, 0, len(c.args))
	for _, a := range c.args {
		if a != "-json" && !strings.Contains(a, reportPath) { // for us, not for people
			words = append(words, quote(strings.ReplaceAll(a, modulesPath, "node_modules")))
		}
	}
	s := strings.Join(words, " ")
	if c.dir != "" {
		s = "cd " + quote(c.dir) + " && " + s
	}
	return s
}

// quote writes a word for a shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
