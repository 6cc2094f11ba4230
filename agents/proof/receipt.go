package proof

import (
	"fmt"
	"slices"
	"strings"
)

// Strengths of a proof, the strongest first.
const (
	// Assertion: a test of the change runs on the base and fails there.
	Assertion = "assertion"
	// Compile: the tests of the change do not compile against the base, because what they call is new.
	Compile = "compile"
	// Documentation: nothing that is executed has changed.
	Documentation = "documentation"
)

// How one test ended on one side.
const (
	Passed     = "pass"
	Failed     = "fail"
	Skipped    = "skip"
	Crashed    = "crash"   // its test program ended before it could run it
	Unfinished = "timeout" // started, and did not end within the limit
	Uncompiled = "compile" // its test program does not compile
	NotRun     = "not run" // not there, or another test ended the program first
	Unsteady   = "flaky"   // failed, then passed, with nothing changed
)

// Receipt is what a proof found. It holds for its two commits alone: when head or base moves, it is void.
type Receipt struct {
	Proven    bool         `json:"proven"`
	Strength  string       `json:"strength"`          // Assertion, Compile, Documentation; "" when refused before it was known
	Base      string       `json:"base"`              // full commit id: where the head left the base branch
	Head      string       `json:"head"`              // full commit id
	Against   string       `json:"against,omitempty"` // what people call the base, such as main
	Tests     []TestResult `json:"tests"`
	Suite     *Suite       `json:"suite,omitempty"`     // nil when the whole suite was not run
	Mutations *Mutations   `json:"mutations,omitempty"` // nil when none were asked for
	Refusals  []Refusal    `json:"refusals"`
	Warnings  []string     `json:"warnings"`
	Held      []string     `json:"held,omitempty"` // policies that were looked at and hold
	Seconds   float64      `json:"seconds"`
}

// TestResult is how one test of the change ended on both sides.
type TestResult struct {
	Name  string `json:"name"` // the package's folder, a point, the test: internal/csv.TestQuotes/empty
	Base  string `json:"base"`
	Head  string `json:"head"`
	New   bool   `json:"new,omitempty"`   // the base does not have it
	Tells bool   `json:"tells,omitempty"` // it fails on the base and passes, twice, on the head
}

// Suite is the run of the whole test command on the head.
type Suite struct {
	Command string  `json:"command"`
	Passed  bool    `json:"passed"`
	Tests   int     `json:"tests,omitempty"` // that passed, where the tool says so
	Seconds float64 `json:"seconds"`
}

// Refusal is one reason why the work is not done.
type Refusal struct {
	Policy string `json:"policy"`
	Detail string `json:"detail"` // for people and for the next session
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Ran    string `json:"ran,omitempty"`    // the command, when one was run
	Output string `json:"output,omitempty"` // its last lines, bounded
}

// Line is the proof in a few words, for a chat card: "2 new tests fail on main, pass here".
func (r Receipt) Line() string {
	if !r.Proven {
		switch len(r.Refusals) {
		case 0:
			if n := len(r.Warnings); n > 0 {
				return "not proven: " + clip(r.Warnings[n-1], 120)
			}
			return "not proven"
		case 1:
			return "not proven: " + clip(r.Refusals[0].Detail, 120)
		}
		return fmt.Sprintf("not proven: %s (and %d more)", clip(r.Refusals[0].Detail, 120), len(r.Refusals)-1)
	}
	if r.Strength == Documentation {
		return "documentation only: nothing that runs has changed"
	}
	all, uncompiled := r.count(func(TestResult) bool { return true }), r.count(func(t TestResult) bool { return t.Base == Uncompiled })
	failing := counted{all.tests - uncompiled.tests, all.fresh - uncompiled.fresh}
	if r.Strength == Assertion && failing.tests > 0 && uncompiled.tests > 0 {
		return fmt.Sprintf("%s %s on %s, %s %s there, all pass here", failing, failing.verb("fails", "fail"), r.against(),
			uncompiled, uncompiled.verb("does not compile", "do not compile"))
	}
	verb := all.verb("fails", "fail")
	if r.Strength == Compile {
		verb = all.verb("does not compile", "do not compile")
	}
	return fmt.Sprintf("%s %s on %s, %s here", all, verb, r.against(), all.verb("passes", "pass"))
}

// counted are tests that prove the change, and how many of them are new.
type counted struct{ tests, fresh int }

// count counts the tests that prove the change. A test with subtests counts once.
func (r Receipt) count(which func(TestResult) bool) (n counted) {
	for _, t := range r.Tests {
		if t.Tells && which(t) && !r.nested(t.Name, true) {
			n.tests++
			if t.New {
				n.fresh++
			}
		}
	}
	return n
}

func (n counted) verb(one, many string) string {
	if n.tests == 1 {
		return one
	}
	return many
}

// nested reports whether the name is a subtest of another test of the receipt, or of one that tells.
func (r Receipt) nested(name string, telling bool) bool {
	return slices.ContainsFunc(r.Tests, func(t TestResult) bool {
		return (t.Tells || !telling) && strings.HasPrefix(name, t.Name+"/")
	})
}

func (r Receipt) against() string {
	if r.Against == "" {
		return "the base"
	}
	return wholeID.ReplaceAllStringFunc(r.Against, short)
}

// wholeID is the id of a commit at full length, which nobody reads.
var wholeID = lazily(`\b[0-9a-f]{40,64}\b`)

// String is "2 new tests", "1 changed test" or "3 tests (1 new)".
func (n counted) String() string {
	noun := n.verb("test", "tests")
	switch n.fresh {
	case n.tests:
		return fmt.Sprintf("%d new %s", n.tests, noun)
	case 0:
		return fmt.Sprintf("%d changed %s", n.tests, noun)
	}
	return fmt.Sprintf("%d %s (%d new)", n.tests, noun, n.fresh)
}

// clip shortens s to one line of at most n bytes, at a rune.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "�")), " ")
	if len(s) <= n {
		return s
	}
	cut := 0
	for i := range s {
		if i > n-len("…") {
			break
		}
		cut = i
	}
	return s[:cut] + "…"
}
