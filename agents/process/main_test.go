package process_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lightsout/agents/process"
)

// modeWord makes the test binary play a program: the tests need programs that
// misbehave in ways no shell can.
const modeWord = "play"

func TestMain(m *testing.M) {
	if code, ok := process.Helper(os.Args); ok {
		os.Exit(code)
	}
	if len(os.Args) > 2 && os.Args[1] == modeWord {
		os.Exit(play(os.Args[2], os.Args[3:]))
	}
	goleak.VerifyTestMain(m)
}

// play is a program of the given mode. What runs on writes its process id into
// a file first, so that the test can see whether it is gone.
func play(mode string, args []string) int {
	switch mode {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		return code
	case "echo":
		fmt.Print("out")
		fmt.Fprint(os.Stderr, "err")
		in, _ := io.ReadAll(os.Stdin)
		os.Stdout.Write(in)
	case "environ":
		fmt.Print(strings.Join(os.Environ(), "\n"))
	case "live": // until killed
		note(args[0])
		forever()
	case "deaf": // ignores what can be ignored
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
		note(args[0])
		forever()
	case "polite": // answers TERM with success
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		note(args[0])
		<-asked
	case "mute": // closes its outputs and lives on
		os.Stdout.Close()
		os.Stderr.Close()
		note(args[0])
		forever()
	case "flood": // prints n bytes in one line
		n, _ := strconv.ParseInt(args[0], 10, 64)
		block := []byte(strings.Repeat("x", 1<<20))
		for ; n > 0; n -= int64(len(block)) {
			if _, err := os.Stdout.Write(block[:min(n, int64(len(block)))]); err != nil {
				return 1
			}
		}
	case "fork": // a child in the group, and leave or stay
		begin(nil, "deaf", args[0])
		await(args[0])
		if args[1] == "stay" {
			forever()
		}
	case "escape": // a grandchild in its own session, without environment, orphaned
		attr := &syscall.SysProcAttr{Setsid: true}
		begin(attr, "orphan", args[0])
		await(args[0])
		if args[1] == "stay" {
			forever()
		}
	case "orphan":
		begin(&syscall.SysProcAttr{Setsid: true}, "deaf", args[0])
	case "chain": // each generation forks the next and dies only when killed
		if n, _ := strconv.Atoi(args[1]); n > 0 {
			begin(&syscall.SysProcAttr{Setsid: true}, "chain", args[0], strconv.Itoa(n-1))
		} else {
			note(args[0])
		}
		forever()
	case "crowd": // n orphans in sessions of their own
		n, _ := strconv.Atoi(args[1])
		for i := range n {
			begin(nil, "orphan", args[0]+strconv.Itoa(i))
		}
		for i := range n {
			await(args[0] + strconv.Itoa(i))
		}
		note(args[0])
		forever()
	case "write":
		if err := os.WriteFile(args[0], []byte("x"), 0o600); err != nil {
			fmt.Print(err)
			return 1
		}
	case "read":
		if _, err := os.ReadFile(args[0]); err != nil {
			fmt.Print(err)
			return 1
		}
	case "private", "open": // until its input ends
		if mode == "private" {
			if err := process.KeepPrivate(); err != nil {
				return 1
			}
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	case "print":
		content, err := os.ReadFile(args[0])
		if err != nil {
			return 1
		}
		os.Stdout.Write(content)
	case "read-parent":
		if _, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", os.Getppid(), args[0])); err != nil {
			fmt.Print(err)
			return 1
		}
	case "device":
		if err := syscall.Mknod(args[0], syscall.S_IFBLK|0o600, 1<<8); err != nil {
			fmt.Print(err)
			return 1
		}
	case "signal":
		pid, _ := strconv.Atoi(args[0])
		if err := syscall.Kill(pid, 0); err != nil {
			fmt.Print(err)
			return 1
		}
	case "rename":
		if err := os.Rename(args[0], args[1]); err != nil {
			fmt.Print(err)
			return 1
		}
	case "dial":
		return dial(args[0])
	case "converse": // with a server of its own
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fmt.Print(err)
			return 1
		}
		return dial(listener.Addr().String())
	case "kill-parent": // what a hostile tree does to its helper
		sig, _ := strconv.Atoi(args[1])
		note(args[0])
		if err := syscall.Kill(os.Getppid(), syscall.Signal(sig)); err != nil {
			fmt.Print(err)
			return 1
		}
		forever()
	case "end-marked":
		if _, err := process.EndMarked(context.Background(), args[0]); err != nil {
			return 1
		}
	case "daemon":
		return daemon(args)
	default:
		fmt.Fprintln(os.Stderr, "no such mode:", mode)
		return 99
	}
	return 0
}

// begin starts another player without environment.
func begin(attr *syscall.SysProcAttr, mode string, args ...string) {
	cmd := exec.Command("/proc/self/exe", append([]string{modeWord, mode}, args...)...)
	cmd.Env = []string{}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(98)
	}
}

// note writes the process id where the test looks for it.
func note(file string) {
	temporary := file + ".new" + strconv.Itoa(os.Getpid())
	if err := os.WriteFile(temporary, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(97)
	}
	if err := os.Rename(temporary, file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(97)
	}
}

// noted is the process id in file, 0 when there is none yet.
func noted(file string) int {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(content)))
	return pid
}

// await returns the process id noted in file, once it is there.
func await(file string) int {
	for range 4000 {
		if pid := noted(file); pid > 0 {
			return pid
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0
}

// alive is whether a process exists that is not a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// player is a tree of the test binary in a mode.
func player(t *testing.T, mode string, args ...string) process.Tree {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Tree{
		Args:   append([]string{binary, modeWord, mode}, args...),
		Dir:    t.TempDir(),
		Env:    []string{"PATH=/usr/bin:/bin", "HOME=/nowhere", "GORACE=atexit_sleep_ms=0"},
		Marker: marker(t),
		Limits: process.Limits{Wall: time.Minute, Grace: 50 * time.Millisecond},
	}
}

// forever does not use an empty select, which the runtime takes for a deadlock.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}
