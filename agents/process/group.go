package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// group is the process group of one trusted command. Its id is the leader's
// process id, which the kernel keeps for us until the leader is reaped: signals
// are sent before that, never after.
type group struct {
	cmd *exec.Cmd

	mu   sync.Mutex
	over bool // the leader is dead and about to be reaped
	sent bool // we told the group to end while the leader lived
}

// terminate tells the group to end. os/exec calls it when the context ends, and
// kills the leader when WaitDelay has passed after that.
func (g *group) terminate() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return os.ErrProcessDone
	}
	g.sent = true
	return syscall.Kill(-g.cmd.Process.Pid, syscall.SIGTERM)
}

// finish waits until the leader is dead, without reaping it, and kills what is
// left of its group.
func (g *group) finish() error {
	pid := g.cmd.Process.Pid
	err := awaitDeath(pid)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	// ESRCH cannot come while the leader's zombie stands; EPERM means that all
	// the others have become another user's, which no command of ours does.
	return errors.Join(err, syscall.Kill(-pid, syscall.SIGKILL))
}

func (g *group) told() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sent
}

// awaitDeath waits until a child of ours is dead, and leaves it unreaped, so
// that its id stays its own.
func awaitDeath(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for process %d: %w", pid, err)
		}
	}
}
