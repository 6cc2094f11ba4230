package process

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// entry is how entering the program went, as the entering process tells the
// helper. Two may come, one for the containment and one if exec failed.
type entry struct {
	Contained bool
	User      int    // the user it became; 0 when it stayed ours
	Why       string // why it stayed ours, though that is root
	Error     string
}

// enter is the leader before it is the leader: between fork and exec it gives
// up what the tree must not have, then becomes the program.
func enter() int {
	// Privileges and Landlock belong to the thread that calls exec.
	runtime.LockOSThread()
	unix.CloseOnExec(enterFD)
	out := os.NewFile(enterFD, "lightsout-enter")
	if out == nil {
		fmt.Fprintln(os.Stderr, "lightsout: this is a helper that the daemon starts; it is of no use alone")
		return 2
	}
	say := gob.NewEncoder(out)
	if err := become(say); err != nil {
		if say.Encode(entry{Error: err.Error()}) != nil {
			return 1
		}
	}
	return 127
}

func become(say *gob.Encoder) error {
	o, _, err := readOrder()
	if err != nil {
		return err
	}
	// No set-user-id program can lift the tree to a user whose processes the
	// helper may not kill.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	e, err := o.Contain.apply(o)
	if err != nil {
		return err
	}
	if err := say.Encode(e); err != nil {
		return fmt.Errorf("report containment: %w", err)
	}
	// Beside its three, the tree gets nothing that somebody had open in the daemon.
	if err := closeOnExec(3); err != nil {
		return fmt.Errorf("close what is open: %w", err)
	}
	err = syscall.Exec(o.Path, o.Args, o.Env)
	if e.Contained && errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("execute %s: %w (contained: it, its interpreter and its libraries must be among the readable paths)", o.Path, err)
	}
	return fmt.Errorf("execute %s: %w", o.Path, err)
}

// readEntry reads until the entering process has become the program, which
// closes its end, or is dead. One that died without a word had not begun.
func readEntry(from io.Reader) (e entry, begun bool) {
	words := gob.NewDecoder(io.LimitReader(from, 1<<16))
	for words.Decode(&e) == nil {
		begun = true
	}
	return e, begun
}
