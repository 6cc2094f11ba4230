package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lock is the state folder's lock file: one daemon a folder. The kernel gives it up when its holder dies, however that
// comes about, so a stale one cannot be.
type lock struct{ file *os.File }

// runningError says who holds the lock.
type runningError struct{ by string }

func (e *runningError) Error() string {
	return "lightsout is already running (" + e.by + "); stop that one first, or ask it: lightsout status"
}

// takeLock takes the lock of a state folder without waiting, or returns a *runningError.
func takeLock(dir string, now time.Time) (*lock, error) {
	name := filepath.Join(dir, "lightsout.lock")
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the state folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock the state folder: %w", err)
		}
		who, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("lock the state folder: %w", err)
		}
		return nil, &runningError{by: strings.TrimSpace(string(who))}
	}
	who := "pid " + strconv.Itoa(os.Getpid()) + ", since " + now.UTC().Format(time.RFC3339) + "\n"
	if err := errors.Join(file.Truncate(0), writeAll(file, who)); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the state folder: %w", err), file.Close())
	}
	return &lock{file: file}, nil
}

func writeAll(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// release gives the lock up. The file stays: removing it would let two daemons lock two files of one name.
func (l *lock) release() error { return l.file.Close() }

// lockHolder says who holds the lock of a state folder, or that nobody does.
func lockHolder(dir string) string {
	file, err := os.Open(filepath.Join(dir, "lightsout.lock"))
	if err != nil {
		return "not running"
	}
	defer file.Close()
	// A shared lock is granted unless a daemon holds the exclusive one; it is given up with the file.
	if err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB); err == nil {
		return "not running"
	}
	who := make([]byte, 200)
	n, err := file.Read(who)
	if err != nil {
		return "running"
	}
	return "running (" + strings.TrimSpace(string(who[:n])) + ")"
}
