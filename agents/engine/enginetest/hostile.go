package enginetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// GhostFile is where, in the script directory, the process that fork leaves behind
// writes its process id.
const GhostFile = "ghost"

const (
	// haunt is the argument of what "fork" leaves behind.
	haunt = "--haunt"
	// lateness is when that writes into the worktree: after the session's end.
	lateness = 500 * time.Millisecond
)

// obey does what a mode says. over means that the session ends here, with code.
func (p *player) obey(mode string) (code int, over bool, err error) {
	word, argument, _ := strings.Cut(mode, " ")
	switch word {
	case "hang":
		forever()
	case "deaf":
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
		forever()
	case "polite":
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		p.voice.say("at work")
		<-asked
		p.voice.end("all done", 0)
		return 0, true, nil
	case "wait":
		span, err := time.ParseDuration(argument)
		if err != nil {
			return 0, false, fmt.Errorf("mode %q: %w", mode, err)
		}
		p.voice.say("thinking")
		<-time.After(span)
	case "print":
		n, err := strconv.ParseInt(argument, 10, 64)
		if err != nil {
			return 0, false, fmt.Errorf("mode %q: %w", mode, err)
		}
		return 0, false, flood(n, "x")
	case "lines":
		n, err := strconv.ParseInt(argument, 10, 64)
		if err != nil {
			return 0, false, fmt.Errorf("mode %q: %w", mode, err)
		}
		return 0, false, flood(n, strings.Repeat("x", 1023)+"\n")
	case "fill":
		return 0, false, fill()
	case "circle", "busy":
		n, err := strconv.Atoi(argument)
		if err != nil {
			return 0, false, fmt.Errorf("mode %q: %w", mode, err)
		}
		for i := range n {
			result := "the same"
			if word == "busy" {
				result = fmt.Sprint("result ", i)
			}
			p.voice.tool("Bash", "run the tests")
			p.voice.result(result)
		}
		forever()
	case "fork":
		return 0, false, p.fork()
	case "outside":
		if err := os.WriteFile(argument, []byte(Word), 0o600); err != nil {
			p.voice.say("could not write " + argument)
		} else {
			p.voice.say("wrote " + argument)
		}
	case "nothing":
		p.voice.end("", 0)
		return 0, true, nil
	case "exit":
		if code, err = strconv.Atoi(argument); err != nil {
			return 0, false, fmt.Errorf("mode %q: %w", mode, err)
		}
		p.voice.end("", code)
		return code, true, nil
	case "kill-daemon":
		return 0, false, killDaemon()
	case "kill-daemon-after":
		p.after = append(p.after, killDaemon)
	case "quota":
		until := time.Now().Add(time.Hour).Unix()
		if argument != "" {
			if until, err = strconv.ParseInt(argument, 10, 64); err != nil {
				return 0, false, fmt.Errorf("mode %q: %w", mode, err)
			}
		}
		return p.voice.refuse("rate_limit", fmt.Sprintf("Claude AI usage limit reached|%d", until)), true, nil
	case "authentication":
		return p.voice.refuse("authentication_failed", "Invalid API key · Please run /login"), true, nil
	case "overloaded":
		return p.voice.refuse("server_error", `API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), true, nil
	case "denied":
		return p.voice.deny("Bash"), true, nil
	default:
		return 0, false, fmt.Errorf("mode %q is unknown", mode)
	}
	return 0, false, nil
}

// forever waits on a timer, since the runtime takes an empty select for a deadlock.
func forever() {
	for {
		<-time.After(time.Hour)
	}
}

// flood prints n bytes of a text that repeats.
func flood(n int64, text string) error {
	block := bytes.Repeat([]byte(text), 1<<20/len(text))
	for ; n > 0; n -= int64(len(block)) {
		if _, err := os.Stdout.Write(block[:min(n, int64(len(block)))]); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// fill writes files into the worktree until the disk, or its patience, is at an end.
func fill() error {
	block := bytes.Repeat([]byte("x"), 1<<20)
	for n := range 1 << 10 {
		file, err := os.Create(fmt.Sprint("fill-", n))
		if err != nil {
			return fmt.Errorf("fill: %w", err)
		}
		for range 16 {
			if _, err := file.Write(block); err != nil {
				return fmt.Errorf("fill: %w", errors.Join(err, file.Close()))
			}
			<-time.After(time.Millisecond)
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	return nil
}

// killDaemon kills the daemon, which is the parent of our parent, the helper, and
// returns when it is gone; the helper may well end us before that.
func killDaemon() error {
	helper := os.Getppid()
	daemon, err := parentOf(helper)
	if err != nil || daemon <= 1 {
		return fmt.Errorf("find the daemon (%d): %w", daemon, err)
	}
	if err := syscall.Kill(daemon, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the daemon: %w", err)
	}
	for {
		parent, err := parentOf(helper)
		if err != nil || parent != daemon {
			return nil
		}
		<-time.After(time.Millisecond)
	}
}

func parentOf(pid int) (int, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "PPid:"); ok {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("no parent of %d: %w", pid, os.ErrNotExist)
}

// ready waits until the ghost has said who it is, ten seconds at most.
func ready(dir string, pid int) bool {
	for range 1000 {
		if content, err := os.ReadFile(filepath.Join(dir, GhostFile)); err == nil && string(content) == strconv.Itoa(pid) {
			return true
		}
		<-time.After(10 * time.Millisecond)
	}
	return false
}

// fork starts a process that starts another and is gone: the other is an orphan
// with a session of its own and no environment. It does what package process
// exists to end, so it cannot ask that package to do it.
func (p *player) fork() error {
	worktree, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	child, err := startGhost(p.dir, worktree, "begin")
	if err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	if _, err := child.Wait(); err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	return nil
}

func startGhost(dir, worktree, stage string) (*os.Process, error) {
	return os.StartProcess("/proc/self/exe", []string{"ghost", Word, dir, haunt, worktree, stage}, &os.ProcAttr{
		Env:   []string{},
		Files: []*os.File{nil, os.Stdout, os.Stderr}, // held open, as a careless tool does
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}

// haunting is the process that fork starts, and then the one which that starts.
func haunting(dir, worktree, stage string) int {
	if stage == "begin" {
		ghost, err := startGhost(dir, worktree, "stay")
		if err != nil || !ready(dir, ghost.Pid) {
			return exitBroken
		}
		return 0
	}
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	if err := os.WriteFile(filepath.Join(dir, GhostFile), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return exitBroken
	}
	<-time.After(lateness)
	if err := os.WriteFile(filepath.Join(worktree, "late"), []byte("written after the session\n"), 0o600); err != nil {
		return exitBroken
	}
	forever()
	return 0
}
