package process

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// killTime is how long the helper goes on killing a tree before it reports
	// survivors: processes stuck in the kernel, which no signal reaches.
	killTime = 10 * time.Second
	// killRound is how long the helper waits for the dead of one round of kills
	// before it looks for new children.
	killRound = 5 * time.Millisecond
)

// supervise is the helper: parent of the leader, adopter of every orphan of the
// tree, and the last to leave. Where the tree is to have namespaces of its own, a
// helper within them does that, and this one waits for it.
func supervise(do func(o order, s *supervisor) (report, error)) int {
	// Handled, not ignored: what is ignored stays ignored in the tree, what is
	// handled is default there. The channel holds one wake-up; more say no more.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
		syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGUSR1, syscall.SIGUSR2)
	unix.CloseOnExec(stopFD)
	unix.CloseOnExec(reportFD)
	out := os.NewFile(reportFD, "lightsout-report")
	stop := os.NewFile(stopFD, "lightsout-stop")
	if out == nil || stop == nil {
		fmt.Fprintln(os.Stderr, "lightsout: this is a helper that the daemon starts; it is of no use alone")
		return 2
	}
	r := report{Code: -1}
	o, file, err := readOrder()
	if err == nil {
		s := &supervisor{signals: signals, pipe: stop, out: out, grace: o.Grace, order: file, killed: map[int]bool{}}
		r, err = do(o, s)
	}
	if errors.Is(err, errReported) {
		return 0
	}
	if err != nil {
		r.Error = err.Error()
	}
	if err := gob.NewEncoder(out).Encode(r); err != nil {
		return 1 // the daemon is gone
	}
	return 0
}

// run is a helper that the daemon has started.
func run(o order, s *supervisor) (report, error) {
	if o.Contain != nil && o.Contain.Namespace {
		return report{Code: -1}, s.delegate(o)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return report{Code: -1}, err
	}
	return s.run(o)
}

// listen turns the daemon's pipe into a channel: a value is the order to end
// the tree, the channel's end is the daemon's.
func listen(pipe io.Reader) <-chan struct{} {
	orders := make(chan struct{})
	go func() {
		defer close(orders)
		for b := make([]byte, 1); ; {
			if _, err := io.ReadFull(pipe, b); err != nil {
				return
			}
			orders <- struct{}{}
		}
	}()
	return orders
}

// supervisor is the state of a running helper; one goroutine owns it, and it
// alone reaps, so a child's process id means that child until reap has said
// otherwise.
type supervisor struct {
	signals <-chan os.Signal
	pipe    *os.File // from the daemon
	out     *os.File // to the daemon
	stop    <-chan struct{}
	grace   time.Duration
	order   *os.File // shared with the entering process

	leader int
	alive  bool // the leader is not yet reaped
	status syscall.WaitStatus
	killed map[int]bool // children killed and not yet reaped
	ended  int          // processes killed beside the leader
}

func (s *supervisor) run(o order) (report, error) {
	s.stop = listen(s.pipe)
	entered, err := s.start(o)
	if err != nil {
		return report{Code: -1}, err
	}
	told := s.watch()
	survivors := s.kill()
	how, begun := <-entered
	if !begun && !told {
		how.Error = "the leader was ended before it had begun"
	}
	if how.Error != "" {
		return report{Code: -1, Survivors: survivors}, errors.New(how.Error)
	}
	r := report{Contained: how.Contained, User: how.User, Why: how.Why, Told: told, Ended: s.ended, Survivors: survivors, Code: -1}
	if !s.alive {
		r.Code = s.status.ExitStatus() // -1 when signalled
		if s.status.Signaled() {
			r.Signal = s.status.Signal().String()
		}
	}
	return r, nil
}

// start begins the leader's session. The channel tells how entering it went when
// the leader has become its program, and ends without a word when the leader
// died before that.
func (s *supervisor) start(o order) (<-chan entry, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("channel to the leader: %w", err)
	}
	defer write.Close()
	leader, err := os.StartProcess(ownBinary, []string{"lightsout", enterWord}, &os.ProcAttr{
		Dir:   o.Dir,
		Env:   []string{MarkerVariable + "=" + o.Marker},
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, s.order, write},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("leader: %w", err), read.Close())
	}
	s.leader, s.alive = leader.Pid, true
	entered := make(chan entry, 1)
	go func() {
		defer close(entered)
		defer read.Close()
		if how, begun := readEntry(read); begun {
			entered <- how
		}
	}()
	return entered, nil
}

// watch waits until the tree has to be killed: its leader is gone, or it was
// told to end and the grace time is over, or the daemon is gone. It says
// whether the order to end came before the leader's end.
func (s *supervisor) watch() (told bool) {
	var grace <-chan time.Time
	for {
		if childless := s.reap(); childless || !s.alive && !told {
			return told
		}
		select {
		case <-s.signals:
		case _, ok := <-s.stop:
			if !ok {
				return told
			}
			if !told {
				if s.reap(); !s.alive {
					return false // it was faster than the order
				}
				told = true
				grace = time.After(s.grace)
				// Not yet reaped, so the id is the leader's, and so is the
				// group, which setsid made. An error means all are dead.
				_ = syscall.Kill(-s.leader, syscall.SIGTERM)
			}
		case <-grace:
			return told
		}
	}
}

// kill ends all that is left and returns how many would not go. Killing a
// process makes its children ours, so round follows round until there are none;
// a process that forks meanwhile only adds a round.
func (s *supervisor) kill() (survivors int) {
	deadline := time.After(killTime)
	for !s.reap() {
		pids, err := children(os.Getpid())
		for _, pid := range pids {
			if s.killed[pid] {
				continue
			}
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				s.killed[pid] = true
				if pid != s.leader {
					s.ended++
				}
			}
		}
		round := time.NewTimer(killRound)
		select {
		case <-s.signals:
			round.Stop()
		case <-round.C:
		case <-deadline:
			round.Stop()
			if err != nil || len(pids) == 0 {
				return 1 // the kernel knows of children that /proc does not show
			}
			return len(pids)
		}
	}
	return 0
}

// reap collects the dead and says whether no child is left, dead or alive;
// since orphans become our children, no process of the tree is left then.
func (s *supervisor) reap() (childless bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return true // ECHILD
		case pid == 0:
			return false
		default:
			delete(s.killed, pid)
			if pid == s.leader {
				s.alive, s.status = false, status
			}
		}
	}
}
