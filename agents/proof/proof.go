// Package proof exists because a session's word counts for nothing: it tells whether a change is done by running it.
//
// Done means: the change brings tests; laid over a clean checkout of the base they fail; on the head they pass, twice; the rest of the
// suite passes there too; and the change keeps the policies (it says why, it leaves no stub, it weakens no test, …). [Prove] answers
// with a [Receipt], which holds for exactly these two commits.
//
// There are three answers, and they are never mixed up. Proven and refused are receipts. "Could not tell" is an error: the
// base is red itself, a tool is missing, git is broken. What makes the test command fail on the base as on the head is never blamed on the change.
//
// The way through the package, bottom up: diff.go and change.go read what changed, paths.go says which of it are tests; the policies
// (policy.go and its neighbours) judge that alone, purely. A tool (plan.go, with gotest.go for Go and generic.go for all
// others) says what to run; place.go puts the base or the head into one folder in turn, run.go runs the commands there as process
// trees under limits, and results.go holds what they said, test by test. verdict.go compares the sides, purely; prove.go leads through it.
package proof

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"lightsout/agents/process"
	"lightsout/agents/worktree"
)

// Why it could not be told. None of them says anything about the change.
var (
	// ErrBaseRed: what fails on the head fails on the base as well, in the same way and without the change.
	ErrBaseRed = errors.New("base red")
	// ErrNoTestCommand: none is given, and the repository does not show how its tests are run.
	ErrNoTestCommand = errors.New("no test command")
	// ErrLimit: the whole suite needs more time than a command has.
	ErrLimit = errors.New("out of time")
	// ErrNoTool: the program that runs the tests, or something they need of the machine, is not there.
	ErrNoTool = errors.New("tool missing")
)

// Request says what to prove. Mirror, Base, Head, Dir and Env are needed.
type Request struct {
	Mirror  *worktree.Mirror
	Base    string   // revision; what counts is where the head left it
	Head    string   // revision
	Against string   // what people call the base, for the words of the receipt; "" says "the base"
	Test    []string // the repository's test command; empty means: find it
	Text    string   // the pull request's text, or the head's commit message
	Message bool     // Text is a commit message: nobody writes "## Why" into one, so that it lacks one is only a warning
	Since   string   // a revision that was proven before, "" when none was: its tests are not to be weakened either

	Dir      string         // the work folder, absolute, this proof's alone while it runs; left as empty as it was
	Keep     bool           // the tree stays in Dir for the next proof there, which then has less to write; Clear removes it
	Env      []string       // of the commands, whole; HOME and TMPDIR are replaced. Build caches are named here (GOCACHE, …)
	Limits   process.Limits // of each command
	Patience time.Duration  // the least that a test program gets on the base, where it may hang; 0 means half a minute. The head's own time counts on top
	Contain  bool           // under Landlock, where the kernel has it
	Apart    bool           // when contained, in a process-id namespace of its own, or not started
	Writable []string       // when contained, beside the tree and a private HOME: build caches
	Readable []string       // when contained, beside the system's programs
	Marker   string         // of the processes; unique on the machine

	Secrets []string // that must not be in the change, word for word
	Settings

	Now func() time.Time
	Log io.Writer // what the commands print, as a person would see it; nil discards
}

// Settings are what the configuration of a repository says about all of its proofs. None of them is needed.
type Settings struct {
	Warn         []string      // policies that only warn
	Protected    []string      // more protected paths: a folder that ends with /, or a pattern as in path.Match
	MaximumLines int           // added and deleted, tests and generated files not counted; 0 means DefaultMaximumLines
	Mutate       time.Duration // how long to look for faults that the tests do not notice; 0 means not at all
	JUnit        string        // where in the repository the test command leaves a JUnit XML report; "" when it leaves none
	Modules      string        // a folder node_modules with the installed packages of a JavaScript repository, absolute; "" for none
	Offline      bool          // contained: without network, where it can be denied: apart all but loopback is, else loopback too
}

// check refuses requests that cannot be meant.
func (r Request) check() error {
	switch {
	case r.Mirror == nil:
		return errors.New("no mirror")
	case r.Base == "" || r.Head == "":
		return errors.New("no base or no head")
	case !filepath.IsAbs(r.Dir):
		return fmt.Errorf("work folder %q is not absolute", r.Dir)
	case r.Marker == "":
		return errors.New("no marker")
	case r.JUnit != "" && !filepath.IsLocal(r.JUnit):
		return fmt.Errorf("the report %q is not in the repository", r.JUnit)
	case r.Modules != "" && !filepath.IsAbs(r.Modules):
		return fmt.Errorf("folder of packages %q is not absolute", r.Modules)
	case len(r.Env) == 0:
		return errors.New("no environment: the commands inherit nothing, so PATH at least must be in it")
	}
	return checkWarn(r.Warn)
}
