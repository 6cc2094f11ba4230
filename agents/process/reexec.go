package process

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The helper words begin with a dash, so that a program which does not know
// them (a test binary whose TestMain forgot to call Helper) stops at once with
// an unknown flag instead of running itself over and over.
const (
	superviseWord = "-lightsout-supervise"
	insideWord    = "-lightsout-inside"
	enterWord     = "-lightsout-enter"

	// helperVariable carries the marker of the tree in the helper's own
	// environment: the helper must not be taken for a part of the tree.
	helperVariable = "LIGHTSOUT_HELPER"
)

// What the helper and the entering process are handed, beside standard input
// and outputs: os.StartProcess numbers the extra files from 3.
const (
	orderFD  = 3 // all: the order, in anonymous memory
	stopFD   = 4 // helper: a byte means end the tree, the end of the pipe means kill it
	reportFD = 5 // helper: its report
	enterFD  = 4 // entering process: how the entering went; closed by exec
)

// Helper runs the helper if args, which are os.Args, ask for it. main must call
// it before anything else, as must TestMain of every package whose tests run
// trees:
//
//	if code, ok := process.Helper(os.Args); ok {
//		os.Exit(code)
//	}
func Helper(args []string) (exitCode int, isHelper bool) {
	if len(args) < 2 {
		return 0, false
	}
	switch args[1] {
	case superviseWord:
		return supervise(run), true
	case insideWord:
		return supervise(runInside), true
	case enterWord:
		return enter(), true
	}
	return 0, false
}

// order is what the daemon wants run. It travels in anonymous memory: not in
// arguments, which all processes can read, and not through a pipe, which a
// helper that does not read would block.
type order struct {
	Path    string
	Args    []string
	Dir     string
	Env     []string
	Marker  string
	Grace   time.Duration
	Contain *Containment
}

// report is what the helper tells the daemon at the end.
type report struct {
	Error     string // why the tree was not started; then the rest is empty
	Contained bool
	User      int
	Why       string
	Namespace bool
	Code      int
	Signal    string
	Told      bool // the order to end came before the leader's end
	Ended     int
	Survivors int
}

// files are the three channels between daemon and helper.
type files struct {
	order, stopRead, reportWrite *os.File // the helper's
	stop, report                 *os.File // ours
}

func (o order) files() (*files, error) {
	fd, err := unix.MemfdCreate("lightsout-order", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for the order: %w", err)
	}
	f := &files{order: os.NewFile(uintptr(fd), "lightsout-order")}
	if err = gob.NewEncoder(f.order).Encode(o); err == nil {
		f.stopRead, f.stop, err = os.Pipe()
	}
	if err == nil {
		f.report, f.reportWrite, err = os.Pipe()
	}
	if err != nil {
		f.closeTheirs()
		if f.stop != nil {
			err = errors.Join(err, f.stop.Close())
		}
		return nil, fmt.Errorf("channels to the helper: %w", err)
	}
	return f, nil
}

// theirs is in the order of orderFD, stopFD, reportFD.
func (f *files) theirs() []*os.File { return []*os.File{f.order, f.stopRead, f.reportWrite} }

func (f *files) closeTheirs() {
	for _, file := range f.theirs() {
		if file != nil {
			_ = file.Close() // nothing was buffered
		}
	}
}

// readOrder reads the order from its descriptor without moving its offset, which
// the entering process shares, and keeps the descriptor from the tree. The file
// must be kept for as long as the descriptor is needed: one that is forgotten is
// closed.
func readOrder() (order, *os.File, error) {
	unix.CloseOnExec(orderFD)
	file := os.NewFile(orderFD, "lightsout-order")
	if file == nil {
		return order{}, nil, errors.New("open order: no descriptor")
	}
	var o order
	if err := gob.NewDecoder(io.NewSectionReader(file, 0, math.MaxInt64)).Decode(&o); err != nil {
		return order{}, nil, fmt.Errorf("read order: %w", err)
	}
	return o, file, nil
}

// readReport reads what a helper that is gone left behind; ok is false when it
// was killed before it could say anything whole.
func readReport(from io.Reader) (r report, ok bool) {
	err := gob.NewDecoder(io.LimitReader(from, 1<<16)).Decode(&r)
	return r, err == nil
}
