package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// MarkerVariable names the environment variable that carries a tree's marker.
	MarkerVariable = "LIGHTSOUT_MARKER"

	defaultGrace = 5 * time.Second
	// helperMargin is what the helper gets, beyond the grace time, to kill the
	// tree and report, before it is taken to be stuck and killed itself.
	helperMargin = killTime + 5*time.Second
	// ownBinary is this binary even after its file was replaced by a newer one,
	// so daemon and helper are always of one version.
	ownBinary = "/proc/self/exe"
)

// Tree is an untrusted process and all that it will start.
type Tree struct {
	Args   []string  // program and arguments; the program is looked for in the PATH of Env
	Dir    string    // working directory, absolute
	Env    []string  // the whole environment; nothing is inherited, the marker is added
	Stdin  io.Reader // nil means empty; must not block for ever
	Stdout io.Writer // nil discards; called from one goroutine at a time; must not block for ever
	Stderr io.Writer // as Stdout; both may be the same writer

	// Marker is what the whole tree carries in its environment as
	// LIGHTSOUT_MARKER. It must be unlike any other marker in use on the
	// machine: whatever carries it is killed when Run ends.
	Marker string

	Limits  Limits
	Measure []string     // folders whose growth counts against Limits.Disk, absolute
	Contain *Containment // nil means no Landlock
	Helper  string       // the binary that is called again as helper; empty means this one
}

// Limits bound a tree; zero means none, except for Grace.
type Limits struct {
	Wall    time.Duration // from start to the order to end
	Silence time.Duration // without a byte on standard output or error
	Output  int64         // bytes on standard output and error together
	Disk    int64         // bytes that the measured folders may grow by, looked at a few times a second at most
	Grace   time.Duration // between TERM and KILL; zero means 5 seconds
}

// Cause is why a tree ended. What we did is recorded where we did it, never
// inferred from exit codes: a program may answer TERM with success.
type Cause string

// The causes.
const (
	CauseExited     Cause = "exited"        // its leader ended before we told it to
	CauseWall       Cause = "wall limit"    // we ended it
	CauseSilence    Cause = "silence limit" // we ended it
	CauseOutput     Cause = "output limit"  // we ended it
	CauseDisk       Cause = "disk limit"    // we ended it
	CauseCancelled  Cause = "cancelled"     // we ended it, because the context ended
	CauseNotStarted Cause = "not started"   // no instruction of it ran
	CauseLost       Cause = "lost"          // the helper was killed, by the tree or a stranger; the tree was ended by its marker
)

// Error makes a Cause usable as the cause of a context's end.
func (c Cause) Error() string { return string(c) }

// Result is how a tree ended.
type Result struct {
	Code      int           // exit code of the leader; -1 when a signal ended it or it is not known
	Signal    string        // the signal that ended the leader, ours or another, such as "killed"; else empty
	Cause     Cause         // who ended it
	Ended     int           // processes that outlived the leader and were killed
	Survivors int           // processes that could not be killed; anything but 0 needs a person
	Bytes     int64         // bytes printed on both outputs, those beyond the limit included
	Duration  time.Duration // from the call of Run to the end of the tree
	Contained bool          // whether Landlock was really in force
	User      int           // the user that a contained tree of root's ran as; 0 when it ran as ours
	UserWhy   string        // why it ran as ours, though that is root
	Namespace bool          // whether it had a process-id namespace of its own
}

// Run starts the tree and blocks until all of it is gone, escapees included. A
// limit that was hit and a cancelled context are told by the Result alone; an
// error means that the tree could not be started, watched or wholly ended, or
// that an output could not be written (the tree then ran on, and the Result
// stands).
func (t Tree) Run(ctx context.Context) (Result, error) {
	began := time.Now()
	result := Result{Code: -1, Cause: CauseNotStarted}
	o, err := t.order()
	if err != nil {
		return result, fmt.Errorf("start %s: %w", describe(t.Args), err)
	}
	h, err := t.start(ctx, o)
	if err != nil {
		return result, fmt.Errorf("start %s: %w", describe(t.Args), err)
	}
	r, reported, left, err := h.wait(context.WithoutCancel(ctx), only(t.Marker))
	result.Bytes, result.Duration = h.meter.total(), time.Since(began)
	result.Ended = r.Ended + left.ended
	result.Survivors = max(r.Survivors, left.alive)
	result.Contained, result.User, result.UserWhy, result.Namespace = r.Contained, r.User, r.Why, r.Namespace
	switch {
	case !reported:
		result.Cause = CauseLost
		err = errors.Join(err, errors.New("the helper was killed"))
	case r.Error != "":
		return result, fmt.Errorf("start %s: %s", describe(t.Args), r.Error)
	default:
		result.Code, result.Signal, result.Cause = r.Code, r.Signal, CauseExited
		if r.Told {
			result.Cause = h.cause()
		}
	}
	if result.Survivors > 0 {
		err = errors.Join(err, fmt.Errorf("%d processes would not end", result.Survivors))
	}
	if err = errors.Join(err, h.meter.failure()); err != nil {
		return result, fmt.Errorf("run %s: %w", describe(t.Args), err)
	}
	return result, nil
}

// order checks the tree and says it in the words of the helper.
func (t Tree) order() (order, error) {
	switch {
	case len(t.Args) == 0:
		return order{}, fmt.Errorf("no arguments: %w", os.ErrInvalid)
	case t.Marker == "" || strings.ContainsAny(t.Marker, "\x00\n"):
		return order{}, fmt.Errorf("marker %q: %w", t.Marker, os.ErrInvalid)
	case !strings.HasPrefix(t.Dir, "/"):
		return order{}, fmt.Errorf("directory %q is not absolute: %w", t.Dir, os.ErrInvalid)
	}
	path, err := LookPath(t.Args[0], t.Dir, t.Env)
	if err != nil {
		return order{}, err
	}
	o := order{Path: path, Args: t.Args, Dir: t.Dir, Grace: t.Limits.Grace, Contain: t.Contain, Marker: t.Marker}
	if o.Grace <= 0 {
		o.Grace = defaultGrace
	}
	for _, entry := range t.Env {
		if !strings.HasPrefix(entry, MarkerVariable+"=") {
			o.Env = append(o.Env, entry)
		}
	}
	o.Env = append(o.Env, MarkerVariable+"="+t.Marker)
	return o, t.Contain.check()
}

// handle is the daemon's side of a running helper.
type handle struct {
	cmd     *exec.Cmd
	ctx     context.Context // ends with the tree's Cause as its cause
	stop    context.CancelCauseFunc
	wall    *time.Timer // nil without a wall limit
	meter   *meter
	watches sync.WaitGroup // of what runs until ctx ends
	order   *os.File       // write end; its end means that the daemon is gone
	report  *os.File       // read end
}

// start calls this binary again as helper and hands it the order.
func (t Tree) start(ctx context.Context, o order) (*handle, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	files, err := o.files()
	if err != nil {
		return nil, err
	}
	defer files.closeTheirs()
	h := &handle{order: files.stop, report: files.report}
	h.ctx, h.stop = context.WithCancelCause(ctx)
	h.meter = newMeter(t.Limits, func(c Cause) { h.stop(c) })

	helper := t.Helper
	if helper == "" {
		helper = ownBinary
	}
	h.cmd = exec.CommandContext(h.ctx, helper, superviseWord)
	h.cmd.Args[0] = "lightsout"
	h.cmd.Dir = "/"
	// Built with the race detector, the helper would sleep a second before it exits.
	h.cmd.Env = []string{helperVariable + "=" + t.Marker, "GORACE=atexit_sleep_ms=0"}
	h.cmd.Stdin = t.Stdin
	h.cmd.Stdout, h.cmd.Stderr = h.meter.writers(t.Stdout, t.Stderr)
	h.cmd.ExtraFiles = files.theirs()
	// A group of its own: Ctrl-C in the daemon's terminal must not reach it.
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	h.cmd.Cancel = h.tell
	h.cmd.WaitDelay = o.Grace + helperMargin
	if err := h.cmd.Start(); err != nil {
		err = errors.Join(err, h.close())
		return nil, fmt.Errorf("helper: %w", err)
	}
	if t.Limits.Wall > 0 {
		h.wall = time.AfterFunc(t.Limits.Wall, func() { h.stop(CauseWall) })
	}
	h.meter.watch()
	if t.Limits.Disk > 0 {
		h.watches.Go(func() { watchDisk(h.ctx, t.Limits.Disk, t.Measure, func(c Cause) { h.stop(c) }) })
	}
	return h, nil
}

// tell orders the helper to end the tree. The helper may have been stopped by
// the tree; it is our child and not yet reaped, so the signal reaches no other.
func (h *handle) tell() error {
	_, err := h.order.Write([]byte{'e'})
	return errors.Join(err, h.cmd.Process.Signal(syscall.SIGCONT))
}

// wait returns the helper's report, once the helper is gone, and what the marker
// still found. The sweep comes before the outputs are waited for: what it finds
// may hold them.
func (h *handle) wait(ctx context.Context, marked marks) (r report, reported bool, left swept, err error) {
	deathErr := awaitDeath(h.cmd.Process.Pid)
	r, reported = readReport(h.report)
	left, sweepErr := sweep(ctx, marked)
	err = h.cmd.Wait()
	if h.wall != nil {
		h.wall.Stop()
	}
	h.meter.stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) || h.ctx.Err() != nil && !errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the report tells it, or is missing
	}
	return r, reported, left, errors.Join(err, deathErr, sweepErr, h.close())
}

func (h *handle) close() error {
	h.stop(nil)
	h.watches.Wait()
	return errors.Join(h.order.Close(), h.report.Close())
}

// cause is what first told the tree to end.
func (h *handle) cause() Cause {
	var c Cause
	if errors.As(context.Cause(h.ctx), &c) {
		return c
	}
	return CauseCancelled
}
