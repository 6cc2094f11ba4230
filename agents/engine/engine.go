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
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"lightsout/agents/process"
)

// Config is one engine as the person configured it.
type Config struct {
	Name  string            // the name it was given; empty means its Kind
	Kind  string            // "command" or "claude"
	Path  string            // the program; empty means the CLI's usual name, which a command does not have
	Model string            // empty means the CLI's own default; a command has none
	Args  []string          // arguments after those of the adapter
	Env   map[string]string // what only this engine gets, such as its credentials
	// Readable are folders the CLI is installed in, for one that needs more than
	// its own file and the system's.
	Readable []string
}

// Session is one task for an engine.
type Session struct {
	Prompt string
	Dir    string   // the worktree, absolute; the working directory
	Home   string   // private HOME, absolute, exists; TMPDIR is its folder tmp, made when missing
	Marker string   // unique, see process.Tree
	Env    []string // the allowed environment: PATH, LANG, caches …; no secrets

	Limits   process.Limits
	Contain  bool     // with Landlock, where the kernel has it
	Writable []string // beside Dir and Home: named caches
	Readable []string // beside the system's folders

	Log     io.Writer   // every line both outputs had, bounded: the first 16 MiB and the last 512 KiB; nil discards
	OnEvent func(Event) // called from one goroutine at a time; must be quick; may be nil
}

// Kinds of events.
const (
	KindStarted  = "started"
	KindMessage  = "message" // something the CLI said
	KindTool     = "tool"    // a tool it calls
	KindUsage    = "usage"   // what was used so far
	KindFinished = "finished"
	KindError    = "error"
)

// Event is a step of a session, for watching it.
type Event struct {
	Kind  string
	Text  string // at most 2 KiB
	Tool  string // the tool's name, with KindTool
	Usage Usage  // with KindUsage and KindFinished
}

// Usage is what a session used. Input that came out of a cache is not in Input.
type Usage struct {
	Input   int64 // tokens read afresh
	Cached  int64 // tokens read from a cache
	Output  int64 // tokens written
	CostUSD float64
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
	Outcome   Outcome
	Reason    string // one line why, at most 500 bytes; empty when done
	Turns     int    // answers of the model; 0 when not known
	Usage     Usage
	Seconds   float64
	Survivors int       // processes that could not be ended
	ExitCode  int       // -1 when a signal ended it
	Text      string    // its final words, at most 8 KiB
	ResetAt   time.Time // with Quota: when it is said to be over; zero when not known
	Contained bool      // whether Landlock was in force
}

const (
	maxLine   = 1 << 20 // bytes of one line that are looked at; the rest of it is passed over
	maxText   = 8 << 10
	maxEvent  = 2 << 10
	maxReason = 500
)

// adapter is one coding CLI.
type adapter interface {
	program() string                           // its usual name
	args(c Config) []string                    // arguments that make it run headless; the prompt comes on standard input
	env(s Session) []string                    // what makes it quiet and keeps it in its HOME
	reader(now func() time.Time) sessionReader // a new one for every session
}

// sessionReader reads what one session says. Its methods are not called
// concurrently.
type sessionReader interface {
	// stdout reads a line; cut means that it was longer and is not whole.
	stdout(line []byte, cut bool) []Event
	stderr(line []byte)
	// verdict judges a session that ended by itself and fills in Outcome,
	// Reason and ResetAt; for any session it fills in Turns, Usage and Text.
	verdict(code int, signal string) Result
}

// Engine runs sessions of one configured coding CLI. It may be used concurrently.
type Engine struct {
	config  Config
	adapter adapter
}

// New checks c and returns its engine. All faults come in one error.
func New(c Config) (*Engine, error) {
	var faults []error
	e := &Engine{config: c}
	switch c.Kind {
	case "command":
		e.adapter = command{}
	case "claude":
		e.adapter = claude{root: os.Geteuid() == 0}
	default:
		faults = append(faults, fmt.Errorf("kind %q is unknown: write command or claude", c.Kind))
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
	for _, folder := range c.Readable {
		if !filepath.IsAbs(folder) {
			faults = append(faults, fmt.Errorf("readable folder %q is not absolute", folder))
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("engine %s: %w", e.config.Name, errors.Join(faults...))
	}
	return e, nil
}

// Name is the name the engine was given.
func (e *Engine) Name() string { return e.config.Name }

// Run runs one session and returns when all its processes are gone. How it ended
// is told by the Result alone; an error means that it could not be run, watched
// or wholly ended, and comes with whatever is known.
func (e *Engine) Run(ctx context.Context, s Session) (Result, error) {
	tree, err := e.tree(s)
	if err != nil {
		return Result{Outcome: Failed, Reason: clip(err.Error(), maxReason), ExitCode: -1}, fmt.Errorf("engine %s: %w", e.Name(), err)
	}
	w := &watcher{reader: e.adapter.reader(time.Now), journal: newJournal(s.Log), onEvent: s.OnEvent}
	out, words := newLines(maxLine, w.stdout), newLines(maxLine, w.stderr)
	tree.Stdout, tree.Stderr = out, words
	w.tell(Event{Kind: KindStarted, Text: e.Name()})
	run, err := tree.Run(ctx)
	out.flush()
	words.flush()
	r := w.judge(ctx, run, s.Limits, err)
	if err = errors.Join(err, w.journal.close()); err != nil {
		return r, fmt.Errorf("engine %s: %w", e.Name(), err)
	}
	return r, nil
}

// tree is the session as a process tree.
func (e *Engine) tree(s Session) (process.Tree, error) {
	if !filepath.IsAbs(s.Dir) || !filepath.IsAbs(s.Home) {
		return process.Tree{}, fmt.Errorf("worktree %q and home %q must be absolute: %w", s.Dir, s.Home, os.ErrInvalid)
	}
	temporary := filepath.Join(s.Home, "tmp")
	if err := os.MkdirAll(temporary, 0o700); err != nil {
		return process.Tree{}, fmt.Errorf("temporary folder: %w", err)
	}
	own := []string{"HOME=" + s.Home, "TMPDIR=" + temporary}
	env := environment(s.Env, own, e.adapter.env(s), pairs(e.config.Env))
	program, err := process.LookPath(e.config.Path, s.Dir, env)
	if err != nil {
		return process.Tree{}, err
	}
	tree := process.Tree{
		Args:   slices.Concat([]string{program}, e.adapter.args(e.config), e.config.Args),
		Dir:    s.Dir,
		Env:    env,
		Stdin:  strings.NewReader(s.Prompt),
		Marker: s.Marker,
		Limits: s.Limits,
	}
	if s.Contain {
		tree.Contain = &process.Containment{
			ReadWrite: slices.Concat([]string{s.Dir, s.Home}, s.Writable),
			ReadOnly:  slices.Concat(s.Readable, e.config.Readable, installed(program, env)),
			Network:   true, // the provider is out there
		}
	}
	return tree, nil
}

// watcher reads both outputs of a session, one line at a time.
type watcher struct {
	mu      sync.Mutex
	reader  sessionReader
	journal *journal
	onEvent func(Event)
}

func (w *watcher) stdout(line []byte, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal.line(line)
	for _, event := range w.reader.stdout(line, cut) {
		w.tell(event)
	}
}

func (w *watcher) stderr(line []byte, _ bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal.line(line)
	w.reader.stderr(line)
}

func (w *watcher) tell(event Event) {
	if w.onEvent != nil {
		event.Text = clip(event.Text, maxEvent)
		w.onEvent(event)
	}
}

// judge says how the session ended. What we did comes first: a CLI that is told
// to end may well say that it succeeded.
func (w *watcher) judge(ctx context.Context, run process.Result, limits process.Limits, err error) Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.reader.verdict(run.Code, run.Signal)
	switch run.Cause {
	case process.CauseExited:
	case process.CauseWall:
		r.Outcome, r.Reason = Timeout, fmt.Sprintf("ended by us after %v", limits.Wall)
	case process.CauseSilence:
		r.Outcome, r.Reason = Stalled, fmt.Sprintf("ended by us after %v without a word", limits.Silence)
	case process.CauseOutput:
		r.Outcome, r.Reason = Failed, fmt.Sprintf("ended by us after %d bytes of output", run.Bytes)
	case process.CauseCancelled:
		r.Outcome, r.Reason = Cancelled, "ended by us: "+context.Cause(ctx).Error()
	default: // not started, or lost
		r.Outcome, r.Reason = Failed, string(run.Cause)
		if err != nil {
			r.Reason = err.Error()
		}
		if ctx.Err() != nil {
			r.Outcome = Cancelled
		}
	}
	if r.Outcome != Quota {
		r.ResetAt = time.Time{}
	}
	r.Reason, r.Text = clip(oneLine(r.Reason), maxReason), clipFront(r.Text, maxText)
	r.Seconds, r.Survivors, r.ExitCode, r.Contained = run.Duration.Seconds(), run.Survivors, run.Code, run.Contained
	if r.Outcome == Done {
		w.tell(Event{Kind: KindFinished, Text: r.Text, Usage: r.Usage})
	} else {
		w.tell(Event{Kind: KindError, Text: string(r.Outcome) + ": " + r.Reason, Usage: r.Usage})
	}
	return r
}
