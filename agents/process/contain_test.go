package process_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"lightsout/agents/process"
)

// dial connects to a TCP address.
func dial(address string) int {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Print(err)
		return 1
	}
	conn.Close()
	return 0
}

// TestContainedTreeTouchesOnlyWhatIsListed needs a kernel with Landlock, as
// every supported distribution has; where there is none it holds that the
// Result says so.
func TestContainedTreeTouchesOnlyWhatIsListed(t *testing.T) {
	work, other := t.TempDir(), t.TempDir()
	for _, file := range []string{filepath.Join(work, "a"), filepath.Join(other, "secret")} {
		if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(work, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	us := strconv.Itoa(os.Getpid())
	abi := process.LandlockABI()
	for _, c := range []struct {
		name    string
		mode    string
		args    []string
		network bool
		since   int // the ABI that denies it; 0: it is allowed
	}{
		{"writes in its worktree", "write", []string{filepath.Join(work, "new")}, true, 0},
		{"reads in its worktree", "read", []string{filepath.Join(work, "a")}, true, 0},
		{"moves between its folders", "rename", []string{filepath.Join(work, "a"), filepath.Join(work, "sub", "a")}, true, 0},
		{"reads what programs need", "read", []string{"/etc/passwd"}, true, 0},
		{"writes to the null device", "write", []string{"/dev/null"}, true, 0},
		{"reads its own environment", "read", []string{"/proc/self/environ"}, true, 0},
		{"connects where it may", "dial", []string{listener.Addr().String()}, true, 0},
		{"writes outside", "write", []string{filepath.Join(other, "new")}, true, 2},
		{"reads outside", "read", []string{filepath.Join(other, "secret")}, true, 2},
		{"moves outside", "rename", []string{filepath.Join(work, "sub", "a"), filepath.Join(other, "a")}, true, 2},
		{"writes where it may read", "write", []string{"/usr/lightsout-test"}, true, 2},
		{"writes to the kernel", "write", []string{"/proc/self/oom_score_adj"}, true, 2},
		{"reads our environment", "read", []string{"/proc/" + us + "/environ"}, true, 2},
		{"reads our open files", "read", []string{"/proc/" + us + "/fd/0"}, true, 2},
		{"reads the memory of its helper", "read-parent", []string{"mem"}, true, 2},
		{"makes a device", "device", []string{filepath.Join(work, "disk")}, true, 2},
		{"connects where it may not", "dial", []string{listener.Addr().String()}, false, 4},
		{"signals us", "signal", []string{us}, true, 6},
		{"signals its helper", "kill-parent", []string{filepath.Join(work, "pid"), strconv.Itoa(int(syscall.SIGKILL))}, true, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			tree := player(t, c.mode, c.args...)
			tree.Dir, tree.Stdout = work, &out
			tree.Contain = &process.Containment{ReadWrite: []string{work, "/no/such/cache"}, Network: c.network}
			r, err := tree.Run(t.Context())
			if r.Contained != (abi >= 2) {
				t.Errorf("contained = %v with ABI %d", r.Contained, abi)
			}
			// Another user does not even see what lies beside its paths.
			denied := strings.Contains(out.String(), "permission denied") || strings.Contains(out.String(), "not permitted") || r.User != 0 && strings.Contains(out.String(), "no such file")
			if want := c.since > 0 && abi >= c.since; denied != want || (r.Code != 0) != want || !want && c.since == 0 && err != nil {
				t.Errorf("denied = %v, want %v: %q, %+v, %v", denied, want, out.String(), r, err)
			}
		})
	}
}

func TestDemandedContainmentIsInForceOrNothingStarts(t *testing.T) {
	tree := player(t, "exit", "0")
	tree.Contain = &process.Containment{Required: true}
	r, err := tree.Run(t.Context())
	if able := process.LandlockABI() >= 2; r.Contained != able || (err == nil) != able {
		t.Errorf("ABI %d: %+v, %v", process.LandlockABI(), r, err)
	}
}

func TestUncontainedTreeIsReportedAsSuch(t *testing.T) {
	if r, err := player(t, "exit", "0").Run(t.Context()); err != nil || r.Contained {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTreeCannotGainPrivileges(t *testing.T) {
	var out bytes.Buffer
	tree := player(t, "print", "/proc/self/status")
	tree.Stdout = &out
	if _, err := tree.Run(t.Context()); err != nil || !strings.Contains(out.String(), "NoNewPrivs:\t1\n") {
		t.Errorf("%v, status:\n%s", err, out.String())
	}
}
