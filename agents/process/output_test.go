package process_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents/process"
)

func TestOutputReturnsWhatTheCommandPrinted(t *testing.T) {
	out, err := process.Output(t.Context(), process.Command{
		Args:  []string{"sh", "-c", `printf '%s|%s|%s' "$(cat)" "$GREETING" "$(pwd)"`},
		Dir:   "/",
		Env:   []string{"PATH=/usr/bin:/bin", "GREETING=hello"},
		Stdin: strings.NewReader("from stdin"),
	})
	if err != nil || string(out) != "from stdin|hello|/" {
		t.Fatalf("Output = %q, %v", out, err)
	}
}

func TestOutputInheritsNothingFromOurEnvironment(t *testing.T) {
	t.Setenv("CANARY", "secret")
	out, err := process.Output(t.Context(), process.Command{Args: []string{"env"}})
	if err != nil || strings.Contains(string(out), "CANARY") {
		t.Fatalf("Output = %q, %v", out, err)
	}
}

func TestOutputErrorCarriesCodeAndEndOfStderr(t *testing.T) {
	out, err := process.Output(t.Context(), process.Command{Args: []string{"sh", "-c",
		`echo partial; i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 7`}})
	var exit *process.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 || exit.Signal != "" {
		t.Fatalf("error = %v, want an ExitError with code 7", err)
	}
	if len(exit.Stderr) > 4<<10 || !strings.HasSuffix(exit.Stderr, "line 1999\n") {
		t.Errorf("stderr is %d bytes, ends %q", len(exit.Stderr), exit.Stderr[len(exit.Stderr)-20:])
	}
	if string(out) != "partial\n" {
		t.Errorf("output = %q, want what was printed before the exit", out)
	}
}

func TestOutputErrorNamesASignalThatWasNotOurs(t *testing.T) {
	_, err := process.Output(t.Context(), process.Command{Args: []string{"sh", "-c", "kill -9 $$"}})
	var exit *process.ExitError
	if !errors.As(err, &exit) || exit.Code != -1 || exit.Signal != "killed" {
		t.Fatalf("error = %#v, want signal killed", err)
	}
}

func TestOutputRefusesMoreThanItsLimit(t *testing.T) {
	out, err := process.Output(t.Context(), process.Command{Args: []string{"cat", "/dev/zero"}, MaxOutput: 1 << 20})
	if !errors.Is(err, process.ErrOutputLimit) || out != nil {
		t.Fatalf("Output = %d bytes, %v; want ErrOutputLimit and none", len(out), err)
	}
}

func TestOutputEndsTheGroupAtItsLimit(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	_, err := process.Output(t.Context(), process.Command{
		Args:  []string{"sh", "-c", `trap "" TERM; sleep 60 & echo $! > "$1"; sleep 60; sleep 60`, "sh", file},
		Limit: 500 * time.Millisecond,
	})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "ended after 500ms") {
		t.Fatalf("error = %v, want a deadline", err)
	}
	if pid := await(file); pid == 0 || !eventually(func() bool { return !alive(pid) }) {
		t.Errorf("process %d of the group still lives", pid)
	}
}

func TestOutputCancelledIsNotSuccessEvenWhenTheCommandSaysSo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := process.Output(ctx, process.Command{Args: []string{"sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.01; done"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error = %v, want the context's", err)
	}
}

func TestOutputSaysWhichProgramIsMissing(t *testing.T) {
	for _, c := range []process.Command{
		{},
		{Args: []string{"no-such-program-here"}},
		{Args: []string{"./no-such-program-here"}, Dir: t.TempDir()},
		{Args: []string{"sh"}, Env: []string{"PATH=."}, Dir: "/bin"},
		{Args: []string{"/etc/passwd"}},
	} {
		if _, err := process.Output(t.Context(), c); err == nil {
			t.Errorf("Output(%q) succeeded", c.Args)
		}
	}
}

func TestOutputWorksUnderVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 3 {
			out, err := process.Output(t.Context(), process.Command{Args: []string{"sh", "-c", "cat; sleep 0.01; echo done"},
				Stdin: strings.NewReader("in "), Limit: time.Millisecond})
			if err != nil || string(out) != "in done\n" {
				t.Fatalf("Output = %q, %v", out, err)
			}
			time.Sleep(time.Hour)
		}
	})
}
