// Package engine exists so that one coding CLI can be exchanged for another by
// one line of configuration: it knows how each is called and how to read what it
// says, and turns both into one kind of session with one kind of result.
//
// A session is fresh: nothing of an earlier one reaches it. It gets a prompt, a
// worktree and a private HOME; its environment is what the caller allowed plus
// what this engine is configured with; its process tree is limited, contained
// and ended by package process. What it says is believed as far as facts bear it
// out: what we did (a limit, a cancellation) comes before whatever it claims, an
// exit code of 0 is not success when its terminal event names an error, and
// whether anything was achieved is for the caller to see in git.
package engine

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lightsout/agents/process"
)

// Config is one engine as the person configured it.
type Config struct {
	Name  string            // the name it was given; empty means its Kind
	Kind  string            // one of Kinds
	Path  string            // the program; empty means the CLI's usual name, which a command does not have
	Model string            // empty means the CLI's own default; a command has none; opencode and pi take provider/model
	Args  []string          // arguments after those of the adapter
	Env   map[string]string // what only this engine gets, such as its credentials
	// Files are laid into the private HOME of every session, content by path. One
	// that the adapter has too, to keep its CLI quiet, is replaced.
	Files map[string]string
	Price Price // for what the CLI names no cost of
	// Readable are folders the CLI is installed in, for one that needs more than
	// its own file and the system's.
	Readable []string
	// Writable are folders of the CLI's own that every session of it may write,
	// such as where it renews its login.
	Writable []string
}

// Session is one task for an engine.
type Session struct {
	Prompt string
	Dir    string   // the worktree, absolute; the working directory
	Home   string   // private HOME, absolute, exists; TMPDIR is its folder tmp, made when missing
	Marker string   // unique, see process.Tree
	Env    []string // the allowed environment: PATH, LANG, caches …; no secrets

	Limits     process.Limits
	MaxTurns   int     // answers of the model; 0: no limit, as for all of these
	MaxTokens  int64   // input read afresh and output; what came out of a cache is not counted
	MaxCostUSD float64 // as far as the CLI, or the price, tells the cost
	MaxRepeats int     // times that a tool call may give the result it had, with nothing new between

	Contain   bool     // with Landlock, where the kernel has it
	Namespace bool     // contained: in a process-id namespace of its own, or not started
	Writable  []string // beside Dir and Home: named caches
	Readable  []string // beside the system's folders

	Log     io.Writer   // every line both outputs had, long ones cut, bounded: the first 16 MiB and the last 256 KiB; nil discards
	OnEvent func(Event) // called from one goroutine at a time; must be quick; may be nil
	// OnProgress is told how far the session is, at most once in ProgressEvery (5
	// seconds when 0), called as OnEvent is; may be nil.
	OnProgress    func(Progress)
	ProgressEvery time.Duration
}

// Kinds of events.
const (
	KindStarted  = "started"
	KindMessage  = "message" // something the CLI said
	KindTool     = "tool"    // a tool it calls
	KindResult   = "result"  // what a tool gave back
	KindUsage    = "usage"   // what was used so far
	KindFinished = "finished"
	KindError    = "error" // an error it names, which it may get over, or how it ended
)

// Event is a step of a session, for watching it.
type Event struct {
	Kind  string
	Text  string // at most 2 KiB
	Tool  string // the tool's name, with KindTool
	Call  string // which call it is, with KindTool and KindResult
	Usage Usage  // so far, with KindUsage, KindFinished and a last KindError
	Turns int    // so far, with KindUsage

	last bool // with KindUsage: it is told with the end of the work
}

// Usage is what a session used. Input that came out of a cache is not in Input.
type Usage struct {
	Input   int64   `json:"input_tokens"`  // read afresh
	Cached  int64   `json:"cached_tokens"` // read from a cache
	Output  int64   `json:"output_tokens"` // written
	CostUSD float64 `json:"cost_usd"`
}

// Outcome is how a session ended. Whether it changed anything is not told here:
// only git can.
type Outcome string

// The outcomes.
const (
	Done           Outcome = "done"           // it ended by itself and named no error
	Failed         Outcome = "failed"         // it ended by itself, not well
	Denied         Outcome = "denied"         // it was refused a permission
	Authentication Outcome = "authentication" // the provider refused its credentials
	Quota          Outcome = "quota"          // its quota or usage limit is spent
	Overloaded     Outcome = "overloaded"     // the provider was overloaded or out of reach
	Stalled        Outcome = "stalled"        // we ended it: silent for too long
	Timeout        Outcome = "timeout"        // we ended it: too long in all
	Cancelled      Outcome = "cancelled"      // we ended it: the context ended
)

// Result is what is known of a session when all of it is gone.
type Result struct {
	Engine    string // the name of the one that ran
	Outcome   Outcome
	Reason    string // one line why, at most 500 bytes; empty when done
	Turns     int    // answers of the model, or for a CLI that does not tell them apart its words and calls; 0 when not known
	Usage     Usage
	Seconds   float64
	Survivors int       // processes that could not be ended
	ExitCode  int       // -1 when a signal ended it
	Text      string    // its final words, at most 256 KiB
	ResetAt   time.Time // with Quota and Overloaded: when it is said to be over; zero when not known
	Contained bool      // whether Landlock was in force
}

const (
	maxLine   = 1 << 20   // bytes of one line that are looked at; the rest of it is passed over
	maxText   = 256 << 10 // of its final words: a review's answer is all of them
	maxWords  = 8 << 10   // of what it said went wrong
	maxEvent  = 2 << 10
	maxReason = 500

	maxName     = 100 // of a tool or a call
	maxProgress = 200
)

// Engine runs sessions of one configured coding CLI. It may be used concurrently.
type Engine struct {
	config  Config
	adapter adapter
}

// New checks c and returns its engine. All faults come in one error.
func New(c Config) (*Engine, error) {
	var faults []error
	e := &Engine{config: c, adapter: adapterOf(c.Kind)}
	if e.adapter == nil {
		faults = append(faults, fmt.Errorf("kind %q is unknown: write %s", c.Kind, strings.Join(Kinds(), ", ")))
	}
	if e.config.Name == "" {
		e.config.Name = c.Kind
	}
	if e.config.Path == "" && e.adapter != nil {
		e.config.Path = e.adapter.program()
		if e.config.Path == "" {
			faults = append(faults, fmt.Errorf("kind %q needs a path: write the program's name or file", c.Kind))
		}
	}
	for name, value := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			faults = append(faults, fmt.Errorf("environment variable %q cannot be set", name))
		}
	}
	for path := range c.Files {
		if !filepath.IsLocal(path) || filepath.Clean(path) == "." {
			faults = append(faults, fmt.Errorf("file %q is not a path within HOME", path))
		}
	}
	for _, folder := range slices.Concat(c.Readable, c.Writable) {
		if !filepath.IsAbs(folder) {
			faults = append(faults, fmt.Errorf("folder %q is not absolute", folder))
		}
	}
	if !c.Price.valid() {
		faults = append(faults, fmt.Errorf("price %+v: no number may be below 0", c.Price))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("engine %s: %w", e.config.Name, errors.Join(faults...))
	}
	return e, nil
}

// Name is the name the engine was given.
func (e *Engine) Name() string { return e.config.Name }
