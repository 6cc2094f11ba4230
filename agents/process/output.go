package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	defaultLimit     = 2 * time.Minute
	defaultMaxOutput = 64 << 20
	stderrTail       = 4 << 10
	// outputGrace is how long a command that was told to end may take to clean
	// up (git removes its lock files), and how long a pipe that something else
	// still holds is waited for.
	outputGrace = 2 * time.Second
)

// ErrOutputLimit is why a command was ended that printed more than its
// MaxOutput. What it had printed is not returned: half an answer taken for a
// whole one is worse than none.
var ErrOutputLimit = errors.New("output limit exceeded")

// Command is a short, trusted command. No secret may stand in Args: command
// lines are readable by every process of the machine.
type Command struct {
	Args      []string      // program and arguments; the program is looked for in the PATH of Env
	Dir       string        // working directory; empty means the root directory
	Env       []string      // the whole environment; nothing is inherited
	Stdin     io.Reader     // nil means empty; must not block for ever
	Limit     time.Duration // wall time; 0 means 2 minutes
	MaxOutput int64         // bytes of standard output; 0 means 64 MiB; more ends the command with ErrOutputLimit
}

// ExitError is a command that ended with an exit code other than 0, or by a
// signal that was not ours.
type ExitError struct {
	Args   []string
	Code   int    // exit code; -1 when a signal ended it
	Signal string // such as "killed"; empty when it exited by itself
	Stderr string // the last 4 KiB of standard error
}

// Error names the command, how it ended and the last words of its standard error.
func (e *ExitError) Error() string {
	how := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != "" {
		how = "signal: " + e.Signal
	}
	if words := strings.TrimSpace(e.Stderr); words != "" {
		return fmt.Sprintf("%s: %s: %s", describe(e.Args), how, words)
	}
	return fmt.Sprintf("%s: %s", describe(e.Args), how)
}

// describe is a command line for an error message, bounded.
func describe(args []string) string {
	const most = 200
	line := strings.Join(args, " ")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

// Output runs c and returns its standard output. On a non-zero exit the output
// so far comes with an *ExitError. When the context ended or a limit was hit,
// the error wraps context.Canceled, context.DeadlineExceeded or ErrOutputLimit
// (errors.Is), whatever the command then said. What is left of its process group
// has been killed when Output returns; a command that leaves its group is not for
// Output but for [Tree.Run]. Should the daemon die, the command is told to end.
func Output(ctx context.Context, c Command) ([]byte, error) {
	if len(c.Args) == 0 {
		return nil, fmt.Errorf("run command: no arguments: %w", os.ErrInvalid)
	}
	if c.Dir == "" {
		c.Dir = "/"
	}
	path, err := LookPath(c.Args[0], c.Dir, c.Env)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", describe(c.Args), err)
	}
	if c.Limit <= 0 {
		c.Limit = defaultLimit
	}
	if c.MaxOutput <= 0 {
		c.MaxOutput = defaultMaxOutput
	}
	ctx, stopTimer := context.WithTimeoutCause(ctx, c.Limit,
		fmt.Errorf("ended after %v: %w", c.Limit, context.DeadlineExceeded))
	defer stopTimer()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)

	out := &capture{most: c.MaxOutput, full: func() {
		end(fmt.Errorf("more than %d bytes: %w", c.MaxOutput, ErrOutputLimit))
	}}
	words := &tail{most: stderrTail}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Dir, cmd.Stdin = c.Args, c.Dir, c.Stdin
	cmd.Env = append([]string{}, c.Env...) // never nil: nil would inherit ours
	cmd.Stdout, cmd.Stderr = out, words
	cmd.WaitDelay = outputGrace
	g := &group{cmd: cmd}
	cmd.Cancel = g.terminate
	// The parent-death signal comes when the thread that started the command
	// ends, so that thread is kept until the command is over.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", describe(c.Args), causeOr(ctx, err))
	}
	groupErr := g.finish()
	if err = cmd.Wait(); err == nil {
		err = groupErr
	}
	if cause := context.Cause(ctx); g.told() || errors.Is(cause, ErrOutputLimit) {
		return nil, fmt.Errorf("run %s: %w", describe(c.Args), cause)
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.buf.Bytes(), nil
	case errors.As(err, &exit):
		failure := &ExitError{Args: c.Args, Code: exit.ExitCode(), Stderr: words.String()}
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			failure.Signal = status.Signal().String()
		}
		return out.buf.Bytes(), failure
	default:
		return nil, fmt.Errorf("run %s: %w", describe(c.Args), err)
	}
}

func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
