package process_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents/process"
)

func TestTreeTellsHowItsLeaderExited(t *testing.T) {
	for _, code := range []string{"0", "7"} {
		r, err := player(t, "exit", code).Run(t.Context())
		if err != nil || r.Cause != process.CauseExited || r.Code != int(code[0]-'0') || r.Signal != "" || r.Survivors != 0 {
			t.Errorf("exit %s: %+v, %v", code, r, err)
		}
	}
}

func TestTreePassesInputAndBothOutputsOn(t *testing.T) {
	var out, words bytes.Buffer
	tree := player(t, "echo")
	tree.Stdin, tree.Stdout, tree.Stderr = strings.NewReader(" in"), &out, &words
	r, err := tree.Run(t.Context())
	if err != nil || out.String() != "out in" || words.String() != "err" || r.Bytes != 9 {
		t.Fatalf("out %q, err %q, %+v, %v", out.String(), words.String(), r, err)
	}
	out.Reset()
	tree.Stdin, tree.Stdout, tree.Stderr = nil, &out, &out
	if _, err := tree.Run(t.Context()); err != nil || out.Len() != 6 {
		t.Fatalf("one writer for both got %q, %v", out.String(), err)
	}
}

func TestTreeHasItsOwnEnvironmentAndTheMarkerOnly(t *testing.T) {
	t.Setenv("CANARY", "secret")
	var out bytes.Buffer
	tree := player(t, "environ")
	tree.Env = append(tree.Env, "BYTES=\xff\xfe", process.MarkerVariable+"=forged")
	tree.Stdout = &out
	if _, err := tree.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"PATH=/usr/bin:/bin", "HOME=/nowhere", "GORACE=atexit_sleep_ms=0", "BYTES=\xff\xfe", process.MarkerVariable + "=" + tree.Marker}
	if got := strings.Split(out.String(), "\n"); !slices.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
}

func TestTreeIsEndedAtItsLimitsWithTheCauseWeRecorded(t *testing.T) {
	wall := func(d time.Duration) process.Limits { return process.Limits{Wall: d, Grace: 100 * time.Millisecond} }
	patient := func(d time.Duration) process.Limits { return process.Limits{Wall: d, Grace: time.Minute} }
	silence := func(d time.Duration) process.Limits { return process.Limits{Silence: d, Grace: time.Minute} }
	for _, c := range []struct {
		name, mode string
		limits     func(time.Duration) process.Limits
		cause      process.Cause
		signal     string
	}{
		{"wall", "live", patient, process.CauseWall, "terminated"},
		{"silence", "live", silence, process.CauseSilence, "terminated"},
		{"closed outputs are silence", "mute", silence, process.CauseSilence, "terminated"},
		{"TERM ignored", "deaf", wall, process.CauseWall, "killed"},
		{"TERM answered with success", "polite", patient, process.CauseWall, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pid")
			tree := player(t, c.mode, file)
			var r process.Result
			var err error
			// On a busy machine the limit may come before the player is ready.
			for limit := 250 * time.Millisecond; noted(file) == 0 && limit < time.Minute; limit *= 2 {
				tree.Limits = c.limits(limit)
				r, err = tree.Run(t.Context())
			}
			if err != nil || r.Cause != c.cause || r.Signal != c.signal || r.Survivors != 0 {
				t.Errorf("%+v, %v; want cause %q, signal %q", r, err, c.cause, c.signal)
			}
			if pid := noted(file); pid == 0 || alive(pid) {
				t.Errorf("process %d still lives", pid)
			}
		})
	}
}

func TestTreeEndsWhenTheContextDoes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "pid")
	go func() {
		await(file)
		cancel()
	}()
	r, err := player(t, "live", file).Run(ctx)
	if err != nil || r.Cause != process.CauseCancelled || r.Survivors != 0 || alive(await(file)) {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err := player(t, "exit", "0").Run(ctx); r.Cause != process.CauseNotStarted || !errors.Is(err, context.Canceled) {
		t.Fatalf("with an ended context: %+v, %v", r, err)
	}
}

func TestTreeEndsWhatItsLeaderLeavesBehind(t *testing.T) {
	for _, c := range []struct {
		name, mode, stay string
		cause            process.Cause
		least            int
	}{
		{"a child in the group", "fork", "go", process.CauseExited, 1},
		{"a child in the group, the leader waiting", "fork", "stay", process.CauseCancelled, 1},
		{"a double fork in its own session without environment", "escape", "go", process.CauseExited, 1},
		{"the same, the leader waiting", "escape", "stay", process.CauseCancelled, 1},
		{"a chain of sessions", "chain", "5", process.CauseCancelled, 5},
		{"a crowd", "crowd", "40", process.CauseCancelled, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pid")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cause == process.CauseCancelled {
				go func() {
					await(file) // all of the tree is there
					cancel()
				}()
			}
			r, err := player(t, c.mode, file, c.stay).Run(ctx)
			if err != nil || r.Cause != c.cause || r.Ended < c.least || r.Survivors != 0 {
				t.Errorf("%+v, %v; want cause %q and at least %d ended", r, err, c.cause, c.least)
			}
			if pid := await(file); pid == 0 || alive(pid) {
				t.Errorf("process %d still lives", pid)
			}
		})
	}
}

func TestTreeThatPrintsWithoutEndCostsNoMemory(t *testing.T) {
	tree := player(t, "flood", "1000000000")
	var got counter
	tree.Stdout = &got
	before := allocated()
	r, err := tree.Run(t.Context())
	if err != nil || r.Cause != process.CauseExited || r.Bytes != 1_000_000_000 || got != 1_000_000_000 {
		t.Fatalf("%+v, %v, %d passed on", r, err, got)
	}
	if grown := allocated() - before; grown > 2<<20 {
		t.Errorf("allocated %d bytes for 1 GB of output", grown)
	}
}

func TestTreeIsEndedAtItsOutputLimit(t *testing.T) {
	tree := player(t, "flood", "1000000000")
	var got counter
	tree.Stdout, tree.Limits.Output = &got, 1_500_000
	r, err := tree.Run(t.Context())
	if err != nil || r.Cause != process.CauseOutput || got != 1_500_000 || r.Bytes <= 1_500_000 {
		t.Fatalf("%+v, %v, %d passed on", r, err, got)
	}
}

func TestTreeIsEndedWhenItFillsTheDisk(t *testing.T) {
	tree := player(t, "exit", "0")
	tree.Args = []string{"/bin/sh", "-c", "sleep 0.5; head -c 40000000 /dev/zero >big; exec sleep 60"}
	tree.Limits.Disk, tree.Measure = 32<<20, []string{tree.Dir, "/no/such/folder"}
	if r, err := tree.Run(t.Context()); err != nil || r.Cause != process.CauseDisk {
		t.Errorf("%+v, %v", r, err)
	}
	tree.Args = []string{"/bin/sh", "-c", "head -c 40000000 /dev/zero >big; sleep 0.4; rm big; sleep 0.4"}
	tree.Limits.Disk = 64 << 20 // what was there before does not count
	if r, err := tree.Run(t.Context()); err != nil || r.Cause != process.CauseExited {
		t.Errorf("within the limit: %+v, %v", r, err)
	}
}

func TestTreeRunsOnWhenItsOutputCannotBeWritten(t *testing.T) {
	tree := player(t, "flood", "3000000")
	read, write := io.Pipe()
	read.CloseWithError(errors.New("disk full"))
	tree.Stdout = write
	r, err := tree.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "disk full") || r.Cause != process.CauseExited || r.Code != 0 || r.Bytes != 3_000_000 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestTreeThatKillsItsHelperIsEndedByItsMarker(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	r, err := player(t, "kill-parent", file, "9").Run(t.Context())
	if err == nil || r.Cause != process.CauseLost || r.Ended != 1 || r.Survivors != 0 {
		t.Errorf("%+v, %v; want it lost, and one process ended", r, err)
	}
	if pid := await(file); pid == 0 || alive(pid) {
		t.Errorf("process %d still lives", pid)
	}
}

func TestTreeThatStopsItsHelperIsEndedAllTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		await(file)
		cancel()
	}()
	r, err := player(t, "kill-parent", file, "19").Run(ctx)
	if err != nil || r.Cause != process.CauseCancelled || r.Survivors != 0 || alive(await(file)) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTreeThatCannotStartSaysWhy(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("no interpreter"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		with func(*process.Tree)
		want string
	}{
		{"no arguments", func(t *process.Tree) { t.Args = nil }, "no arguments"},
		{"no marker", func(t *process.Tree) { t.Marker = "" }, "marker"},
		{"a relative directory", func(t *process.Tree) { t.Dir = "here" }, "not absolute"},
		{"no such directory", func(t *process.Tree) { t.Dir = "/no/such/folder" }, "no such file"},
		{"no such program", func(t *process.Tree) { t.Args = []string{"no-such-program"} }, "no-such-program"},
		{"not a program", func(t *process.Tree) { t.Args = []string{script} }, "exec format error"},
		{"no such helper", func(t *process.Tree) { t.Helper = "/no/such/helper" }, "helper"},
		{"a relative contained path", func(t *process.Tree) { t.Contain = &process.Containment{ReadOnly: []string{"x"}} }, "not absolute"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := player(t, "exit", "0")
			c.with(&tree)
			r, err := tree.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || r.Cause != process.CauseNotStarted {
				t.Errorf("%+v, %v; want %q", r, err, c.want)
			}
		})
	}
}

func TestTreeWhoseHelperIsAnotherProgramDoesNotHang(t *testing.T) {
	tree := player(t, "exit", "0")
	tree.Helper = "/bin/true"
	r, err := tree.Run(t.Context())
	if err == nil || r.Cause != process.CauseLost || r.Survivors != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTreeWorksUnderVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := player(t, "echo")
		for range 3 {
			var out bytes.Buffer
			tree.Stdin, tree.Stdout = strings.NewReader(" in"), &out
			tree.Limits = process.Limits{Wall: time.Millisecond, Silence: time.Millisecond, Grace: time.Millisecond}
			if r, err := tree.Run(t.Context()); err != nil || out.String() != "out in" || r.Cause != process.CauseExited {
				t.Fatalf("%q, %+v, %v", out.String(), r, err)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestHelperLeavesOrdinaryArgumentsAlone(t *testing.T) {
	for _, args := range [][]string{nil, {"lightsout"}, {"lightsout", "run"}, {"lightsout", "run", "-lightsout-supervise"}} {
		if code, is := process.Helper(args); is || code != 0 {
			t.Errorf("Helper(%q) = %d, %v", args, code, is)
		}
	}
}

// counter counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// allocated is all that this process ever allocated on its heap.
func allocated() int64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.TotalAlloc)
}
