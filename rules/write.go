package rules

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lock takes the lock beside the rules file, waiting for whoever holds it. The lock is one of the
// kernel's on an open file, so it ends with its holder; the empty file stays behind on purpose:
// deleting it would let two holders lock two files of the same name.
func lock(path string) (release func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// replace puts content in the place of the file at path, all at once. The lock must be held.
func replace(path string, content []byte) error {
	temporary, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// writeNew is replace for a path where nothing may stand yet: a link, unlike a rename, overwrites
// nothing, not even what an editor saved a moment ago.
func writeNew(path string, content []byte) error {
	temporary, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// writeBeside writes content to a file in the directory of path, on disk when it returns. The name is
// always the same, so that what a crash left behind is overwritten by the next who holds the lock.
func writeBeside(path string, content []byte) (name string, err error) {
	name = path + ".new"
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(name)
		return "", err
	}
	return name, nil
}

// syncDirectory makes a rename in it outlast a power cut.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readBounded reads one byte more than a rules file may have at most, for Parse to say so.
func readBounded(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, MaxFile+1))
}
