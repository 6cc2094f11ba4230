package main

import (
	"bufio"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// growth is how far the heap may grow beyond what is alive before it is collected, in percent. What is alive are a
	// few megabytes, so that a collection costs a few milliseconds, and the factory works for seconds in an hour. With 30 a
	// session that prints gigabytes had the heap run ahead of its collector by more megabytes than it needed.
	growth = 15
	// tidying is how often memory that is free is given back to the kernel, which Go itself does slowly.
	tidying = 30 * time.Second
)

// stayingSmall keeps a process small that rests most of the time. The function it returns ends that.
func stayingSmall() (stop func()) {
	before := debug.SetGCPercent(growth)
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(tidying)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				debug.FreeOSMemory()
				unmapIdle()
			}
		}
	}()
	return func() {
		close(ended)
		<-done
		debug.SetGCPercent(before)
	}
}

// unmapIdle lets go of the pages of the program's file: each page that is used brings fifteen neighbours along, and so
// nearly all of the program becomes resident in time. What is needed comes back from the page cache at its next use.
// Where the kernel does not tell its mappings, the process stays as large as it is.
func unmapIdle() {
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }() // it was only read
	for _, m := range cleanMappings(file) {
		// A refusal leaves the pages where they are, and that is all that is lost.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.length, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses, in bytes.
type mapping struct{ start, length uintptr }

// cleanMappings finds, in what /proc/PID/smaps says, the mappings of files that cannot be written to and hold no page
// that differs from its file (as relocated ones do): nothing in them can be lost.
func cleanMappings(smaps io.Reader) []mapping {
	var found []mapping
	var current mapping
	fromFile := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		if from, to, isRange := strings.Cut(fields[0], "-"); isRange && len(fields) >= 5 {
			start, err1 := strconv.ParseUint(from, 16, 64)
			end, err2 := strconv.ParseUint(to, 16, 64)
			fromFile = err1 == nil && err2 == nil && end > start && !strings.Contains(fields[1], "w") && fields[4] != "0"
			current = mapping{uintptr(start), uintptr(end - start)}
		} else if fields[0] == "Anonymous:" && fields[1] == "0" && fromFile {
			found = append(found, current)
		}
	}
	return found
}
