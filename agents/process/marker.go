package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sweepTime is how long a sweep goes on before it reports survivors.
	sweepTime = 10 * time.Second
	// sweepRound is what the killed get to die before the next look.
	sweepRound = 5 * time.Millisecond
	// sweepClean is how many looks in a row must find nothing: one look at /proc
	// is not one instant, and a process that forks may hop over it.
	sweepClean = 2
)

// marks chooses processes by the marker of their tree.
type marks func(marker string) bool

func only(marker string) marks {
	return func(m string) bool { return m == marker }
}

// EndMarked ends every process whose environment carries a marker that begins
// with prefix, and returns how many there were. It is for a daemon's start: what
// an earlier one left behind when it was killed is ended before anything new
// begins. The prefix must be the daemon's own, unlike that of any other on the
// machine. Helpers still at work for such a tree are woken and waited for.
// Neither this process nor its ancestors are touched; processes of other users
// cannot be seen and are not counted. It gives up after 10 seconds.
func EndMarked(ctx context.Context, prefix string) (ended int, err error) {
	if prefix == "" {
		return 0, fmt.Errorf("end marked processes: no prefix: %w", os.ErrInvalid)
	}
	chosen := marks(func(m string) bool { return strings.HasPrefix(m, prefix) })
	found, err := sweep(ctx, chosen)
	if err == nil {
		err = awaitHelpers(ctx, chosen)
	}
	if err == nil && found.alive > 0 {
		err = fmt.Errorf("%d would not end", found.alive)
	}
	if err != nil {
		return found.ended, fmt.Errorf("end processes marked %s…: %w", prefix, err)
	}
	return found.ended, nil
}

// swept is the outcome of a sweep.
type swept struct {
	ended int // processes killed
	alive int // processes that still stood at the end
}

// sweep kills every process of the chosen trees until repeated looks find none.
func sweep(ctx context.Context, chosen marks) (swept, error) {
	family, err := ancestors(os.Getpid())
	if err != nil {
		return swept{}, err
	}
	killed := map[int]bool{}
	alive, err := rounds(ctx, sweepClean, func() (int, error) {
		pids, err := marked(MarkerVariable, chosen, family)
		for _, pid := range pids {
			sent, err := signalMarked(pid, unix.SIGKILL, MarkerVariable, chosen)
			if err != nil {
				return len(pids), err
			}
			killed[pid] = killed[pid] || sent
		}
		return len(pids), err
	})
	return swept{ended: len(killed), alive: alive}, err
}

// awaitHelpers waits until the helpers of the chosen trees are gone. Each ends by
// itself once its daemon is gone and its tree is dead; one that its tree has
// stopped is woken to do so.
func awaitHelpers(ctx context.Context, chosen marks) error {
	family, err := ancestors(os.Getpid())
	if err != nil {
		return err
	}
	alive, err := rounds(ctx, 1, func() (int, error) {
		pids, err := marked(helperVariable, chosen, family)
		for _, pid := range pids {
			if _, err := signalMarked(pid, unix.SIGCONT, helperVariable, chosen); err != nil {
				return len(pids), err
			}
		}
		return len(pids), err
	})
	if err == nil && alive > 0 {
		err = fmt.Errorf("%d helpers are still at work", alive)
	}
	return err
}

// rounds calls look until it has found nothing so many times in a row, and
// returns what it found last. The first look at a quiet machine is enough.
func rounds(ctx context.Context, clean int, look func() (int, error)) (found int, err error) {
	deadline := time.Now().Add(sweepTime)
	for first, quiet := true, 0; ; first = false {
		if found, err = look(); err != nil {
			return found, err
		}
		if found > 0 {
			quiet = 0
		} else if quiet++; first || quiet >= clean {
			return 0, nil
		}
		if time.Now().After(deadline) {
			return found, nil
		}
		round := time.NewTimer(sweepRound)
		select {
		case <-round.C:
		case <-ctx.Done():
			round.Stop()
			return found, context.Cause(ctx)
		}
	}
}

// marked lists the processes that carry a chosen marker in the named variable.
func marked(name string, chosen marks, except map[int]bool) ([]int, error) {
	pids, err := processes()
	if err != nil {
		return nil, err
	}
	var found []int
	for _, pid := range pids {
		if except[pid] {
			continue
		}
		if marker, ok := variable(pid, name); ok && chosen(marker) {
			found = append(found, pid)
		}
	}
	return found, nil
}

// signalMarked signals pid if it carries a chosen marker. The descriptor is
// taken before the marker is read again: should the process have died and its id
// be another's by then, the signal finds nobody.
func signalMarked(pid int, sig unix.Signal, name string, chosen marks) (sent bool, err error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false, gone(err)
	}
	defer unix.Close(fd)
	if marker, ok := variable(pid, name); !ok || !chosen(marker) {
		return false, nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil {
		return false, gone(err)
	}
	return true, nil
}

// gone drops the error of a process that no longer is.
func gone(err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil // EINVAL: the id is a thread's by now
	}
	return err
}

// ancestors are pid, its parent, and so on: a sweep never reaches up.
func ancestors(pid int) (map[int]bool, error) {
	family := map[int]bool{}
	for pid > 0 && !family[pid] {
		family[pid] = true
		parent, ok := parentOf(pid)
		if !ok {
			return nil, fmt.Errorf("read the ancestors of this process: %w", os.ErrNotExist)
		}
		pid = parent
	}
	return family, nil
}
