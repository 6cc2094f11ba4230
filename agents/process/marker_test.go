package process_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lightsout/agents/process"
)

// daemon runs a tree as a daemon would, in a process of its own that can be
// killed: its marker, then the mode and arguments of the player.
func daemon(args []string) int {
	binary, err := os.Executable()
	if err != nil {
		return 1
	}
	tree := process.Tree{
		Args:   append([]string{binary, modeWord}, args[1:]...),
		Dir:    "/",
		Marker: args[0],
	}
	if folder := os.Getenv("APART"); folder != "" {
		tree.Contain = &process.Containment{ReadWrite: []string{folder}, Network: true, Namespace: true}
	}
	if _, err := tree.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// startDaemon starts one and returns it; the test must kill or await it.
func startDaemon(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{modeWord, "daemon"}, args...)...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestNothingSurvivesADaemonThatIsKilled(t *testing.T) {
	for _, c := range []struct{ name, mode, arg string }{
		{"a leader that ignores TERM", "deaf", ""},
		{"a child in the group", "fork", "stay"},
		{"a double fork in its own session without environment", "escape", "stay"},
		{"a chain of sessions", "chain", "4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pid")
			cmd := startDaemon(t, nil, marker(t), c.mode, file, c.arg)
			pid := await(file)
			if !alive(pid) {
				t.Fatalf("process %d did not start", pid)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // says that it was killed
			if !eventually(func() bool { return !alive(pid) }) {
				t.Errorf("process %d outlived its daemon", pid)
			}
		})
	}
}

func TestEndMarkedEndsWhatCarriesThePrefixAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	prefix := marker(t) + "/a/"
	a := startPlayer(t, process.MarkerVariable+"="+prefix+"run-1", "deaf", ours)
	b := startPlayer(t, process.MarkerVariable+"="+marker(t)+"/b/run-1", "deaf", theirs)
	if !alive(await(ours)) || !alive(await(theirs)) {
		t.Fatal("the players did not start")
	}
	ended, err := process.EndMarked(t.Context(), prefix)
	if err != nil || ended != 1 {
		t.Errorf("EndMarked = %d, %v; want 1", ended, err)
	}
	if alive(await(ours)) || !alive(await(theirs)) {
		t.Errorf("ours alive: %v, theirs alive: %v", alive(await(ours)), alive(await(theirs)))
	}
	if ended, err := process.EndMarked(t.Context(), prefix); err != nil || ended != 0 {
		t.Errorf("again: EndMarked = %d, %v; want 0", ended, err)
	}
	for _, cmd := range []*exec.Cmd{a, b} {
		_ = cmd.Process.Kill() // the first is dead already
		_ = cmd.Wait()
	}
}

func TestEndMarkedFinishesForAHelperThatWasStopped(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	cmd := startDaemon(t, nil, marker(t), "kill-parent", file, fmt.Sprint(int(syscall.SIGSTOP)))
	pid := await(file)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	if _, err := process.EndMarked(t.Context(), marker(t)); err != nil || alive(pid) {
		t.Errorf("EndMarked: %v; process %d alive: %v", err, pid, alive(pid))
	}
}

func TestEndMarkedSparesItselfAndItsAncestors(t *testing.T) {
	// The daemon itself carries the marker here, as it does when one is tried
	// out inside a session, and its player calls EndMarked for it.
	mark := marker(t)
	cmd := startDaemon(t, []string{process.MarkerVariable + "=" + mark}, mark+"-tree", "end-marked", mark)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the daemon was ended from below: %v", err)
	}
}

func TestEndMarkedRefusesAnEmptyPrefix(t *testing.T) {
	if ended, err := process.EndMarked(t.Context(), ""); err == nil || ended != 0 {
		t.Errorf("EndMarked = %d, %v", ended, err)
	}
}

// marker is unlike that of any other test and of any other run of the tests.
func marker(t *testing.T) string {
	return fmt.Sprintf("process-test-%d-%s", os.Getpid(), t.Name())
}

func startPlayer(t *testing.T, variable, mode string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{modeWord, mode}, args...)...)
	cmd.Env = []string{variable}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func eventually(is func() bool) bool {
	for range 2000 {
		if is() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}
