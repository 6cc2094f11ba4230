package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// maxEnviron is more than the kernel lets an environment be with the usual
// stack limit of 8 MiB, of which a quarter is for arguments and environment.
const maxEnviron = 4 << 20

// processes lists the process ids of the machine.
func processes() ([]int, error) {
	folder, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// children lists the processes whose parent is pid, dead ones included.
func children(pid int) ([]int, error) {
	pids, err := processes()
	if err != nil {
		return nil, err
	}
	var found []int
	for _, candidate := range pids {
		if parent, ok := parentOf(candidate); ok && parent == pid {
			found = append(found, candidate)
		}
	}
	return found, nil
}

// parentOf is the parent of pid, 0 for one from outside our view; ok is false
// when pid is gone.
func parentOf(pid int) (parent int, ok bool) {
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return 0, false
	}
	return parseParent(stat)
}

// parseParent reads the parent's id from a line of /proc/PID/stat (proc(5)):
// `pid (name) state ppid …`, where the name may hold spaces, brackets and line
// ends, so that only its last bracket counts.
func parseParent(stat []byte) (parent int, ok bool) {
	_, rest, found := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(")"))
	fields := bytes.Fields(rest)
	if !found || len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil && parent >= 0
}

// variable is the value of a variable in the environment pid was started with;
// ok is false when it has none, is gone, or may not be looked at.
func variable(pid int, name string) (value string, ok bool) {
	file, err := os.Open(procFile(pid, "environ"))
	if err != nil {
		return "", false
	}
	defer file.Close()
	environ, err := io.ReadAll(io.LimitReader(file, maxEnviron))
	if err != nil {
		return "", false
	}
	return findVariable(environ, name)
}

// findVariable finds a variable in an environment as /proc/PID/environ shows it:
// entries that each end with a zero byte.
func findVariable(environ []byte, name string) (value string, ok bool) {
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if value, found := bytes.CutPrefix(entry, []byte(name+"=")); found {
			return string(value), true
		}
	}
	return "", false
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
