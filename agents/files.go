package agents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// diffPath names the file that holds the diff of one head, so that two readings at a time never mix theirs.
func (f *Factory) diffPath(pull int, head string) string {
	return filepath.Join(f.Dir, "diffs", fmt.Sprintf("%d-%.12s.diff", pull, head))
}

// writeDiff keeps the diff of a pull request as a file, for a person who asks for it.
func (f *Factory) writeDiff(ctx context.Context, name, base, head string) error {
	diff, err := f.Mirror.Diff(ctx, base, head)
	if err != nil {
		return err
	}
	return writeFile(name, diff)
}

func missing(name string) bool {
	_, err := os.Stat(name)
	return errors.Is(err, os.ErrNotExist)
}

// writeFile replaces a private file as a whole, so that a reader never meets half of it.
func writeFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = bytes.NewReader(content).WriteTo(temporary)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
