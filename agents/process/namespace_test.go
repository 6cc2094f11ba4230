package process_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"lightsout/agents/process"
)

// apart is a player in namespaces of its own. On a machine that does not allow them ok is
// false, and it is held that nothing was started and why.
func apart(t *testing.T, network bool, mode string, args ...string) (tree process.Tree, ok bool) {
	t.Helper()
	try := player(t, "exit", "0")
	try.Contain = &process.Containment{Namespace: true, Network: network}
	r, err := try.Run(t.Context())
	if err != nil {
		if r.Cause != process.CauseNotStarted || !strings.Contains(err.Error(), "namespace: ") {
			t.Errorf("%+v, %v", r, err)
		}
		t.Logf("not on this machine: %v", err)
		return tree, false
	}
	if !r.Namespace {
		t.Errorf("it does not say what it had: %+v", r)
	}
	tree = player(t, mode, args...)
	tree.Contain = &process.Containment{ReadWrite: []string{tree.Dir}, Namespace: true, Network: network}
	for _, file := range args {
		if filepath.IsAbs(file) {
			tree.Contain.ReadWrite = append(tree.Contain.ReadWrite, filepath.Dir(file))
		}
	}
	return tree, true
}

// namers are the processes of the machine that have a word among their arguments: the ids
// that players in a namespace note are none of ours.
func namers(word string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well formed
	for _, file := range files {
		pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
		words, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(words), word) && alive(pid) && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestTreeInANamespaceSeesNobodyElse(t *testing.T) {
	tree, ok := apart(t, true, "exit", "0")
	if !ok {
		return
	}
	var out bytes.Buffer
	tree.Args, tree.Stdout, tree.Stderr = []string{"/bin/sh", "-c", `echo $$; cat /proc/self/stat | cut -d' ' -f4; echo /proc/[0-9]*; kill -0 ` + strconv.Itoa(os.Getpid())}, &out, &out
	r, err := tree.Run(t.Context())
	if err != nil || !r.Namespace || r.Code == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) < 3 || len(strings.Fields(lines[2])) > 4 || strings.Contains(lines[2], "/proc/"+strconv.Itoa(os.Getpid())+" ") {
		t.Errorf("it sees\n%s", out.String())
	}
}

func TestNothingEscapesANamespace(t *testing.T) {
	for _, c := range []struct {
		name, mode, stay string
		cause            process.Cause
		least            int
	}{
		{"a child in the group", "fork", "go", process.CauseExited, 1},
		{"a double fork in its own session without environment", "escape", "go", process.CauseExited, 1},
		{"the same, the leader waiting", "escape", "stay", process.CauseCancelled, 1},
		{"a chain of sessions", "chain", "5", process.CauseCancelled, 5},
		{"a crowd", "crowd", "40", process.CauseCancelled, 40},
		{"one that ignores TERM", "deaf", "", process.CauseCancelled, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "pid")
			tree, ok := apart(t, true, c.mode, file, c.stay)
			if !ok {
				return
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cause == process.CauseCancelled {
				go func() {
					await(file)
					cancel()
				}()
			}
			r, err := tree.Run(ctx)
			if err != nil || r.Cause != c.cause || r.Ended < c.least || r.Survivors != 0 || !r.Namespace {
				t.Errorf("%+v, %v; want cause %q and at least %d ended", r, err, c.cause, c.least)
			}
			if await(file) == 0 || len(namers(file)) > 0 {
				t.Errorf("still alive: %d", namers(file))
			}
		})
	}
}

func TestATreeCannotReachItsHelperInANamespace(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"kills it": syscall.SIGKILL, "stops it": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			tree, ok := apart(t, true, "kill-parent", file, strconv.Itoa(int(sig)))
			if !ok {
				return
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				await(file)
				cancel()
			}()
			// Landlock may refuse the signal, and the kernel keeps it from the first process.
			if r, err := tree.Run(ctx); err != nil || r.Cause == process.CauseLost || r.Survivors != 0 || len(namers(file)) > 0 {
				t.Errorf("%+v, %v, alive %d", r, err, namers(file))
			}
		})
	}
}

// TestNothingOfANamespaceOutlivesEitherHelper kills one of the two, each time.
func TestNothingOfANamespaceOutlivesEitherHelper(t *testing.T) {
	for _, word := range []string{"-lightsout-supervise", "-lightsout-inside"} {
		t.Run(word, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			tree, ok := apart(t, true, "escape", file, "stay")
			if !ok {
				return
			}
			go func() {
				await(file)
				for _, pid := range namers(word) {
					if environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ"); err == nil && strings.Contains(string(environ), "LIGHTSOUT_HELPER="+tree.Marker+"\x00") {
						if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
							t.Error(err)
						}
					}
				}
			}()
			r, err := tree.Run(t.Context())
			if err == nil || r.Cause != process.CauseLost || r.Survivors != 0 {
				t.Errorf("%+v, %v", r, err)
			}
			if !eventually(func() bool { return len(namers(file)) == 0 }) {
				t.Errorf("still alive: %d", namers(file))
			}
		})
	}
}

func TestANamespaceDiesWithItsDaemon(t *testing.T) {
	for _, mode := range []string{"deaf", "escape"} {
		t.Run(mode, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			if _, ok := apart(t, true, "exit"); !ok {
				return
			}
			cmd := startDaemon(t, []string{"APART=" + filepath.Dir(file)}, marker(t), mode, file, "stay")
			if await(file); len(namers(file)) < 2 {
				t.Fatal("it did not start")
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // says that it was killed
			if _, err := process.EndMarked(t.Context(), marker(t)); err != nil || len(namers(file)) > 0 {
				t.Errorf("%v, still alive: %d", err, namers(file))
			}
		})
	}
}

func TestATreeWithoutNetworkTalksToItselfAlone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for name, c := range map[string]struct {
		mode string
		args []string
		code int
	}{
		"to itself": {"converse", nil, 0},
		"to us":     {"dial", []string{listener.Addr().String()}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tree, ok := apart(t, false, c.mode, c.args...)
			if !ok {
				return
			}
			var out bytes.Buffer
			tree.Stdout, tree.Stderr = &out, &out
			if r, err := tree.Run(t.Context()); err != nil || r.Code != c.code {
				t.Errorf("%+v, %v: %s", r, err, out.String())
			}
		})
	}
}
