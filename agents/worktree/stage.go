package worktree

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxTaken bounds the bytes of the files that one Take finds new or changed. GitHub refuses single files
// beyond 100 MB and pushes beyond 2 GB; a session that leaves this much has written what no ticket asked for.
const maxTaken = 512 << 20

// survey walks the files of a working copy, without following links, and returns the size of each file and link by its
// path. It makes all it meets readable, and deletes pipes, sockets and devices: git cannot keep them, and would wait
// for ever on a .gitignore or .gitattributes that is a pipe. The folder's own .git is passed over.
func (c workingCopy) survey() (map[string]int64, error) {
	sizes := map[string]int64{}
	err := filepath.WalkDir(c.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(c.path, ".git") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode()
		switch {
		case mode.IsDir():
			if mode&0o700 != 0o700 {
				return os.Chmod(path, mode.Perm()|0o700)
			}
			return nil
		case mode.IsRegular():
			if mode&0o600 != 0o600 {
				err = os.Chmod(path, mode.Perm()|0o600)
			}
		case mode&fs.ModeSymlink != 0:
		default:
			return os.Remove(path)
		}
		sizes[strings.TrimPrefix(path, c.path+"/")] = info.Size()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look through the files: %w", err)
	}
	return sizes, nil
}

// An entry is one path of the keep's index.
type entry struct{ mode, path string }

func (m *Mirror) tracked(ctx context.Context, c workingCopy) ([]entry, error) {
	out, err := m.git(ctx, call{gitDir: c.keep, args: []string{"ls-files", "--stage", "-z"}})
	if err != nil {
		return nil, err
	}
	var entries []entry
	for field := range nulFields(out) {
		mode, path, ok := cutPath(field)
		if !ok {
			return nil, fmt.Errorf("unexpected index entry %q", field)
		}
		if n := len(entries); n == 0 || entries[n-1].path != path { // an unmerged path stands there up to three times
			entries = append(entries, entry{mode, path})
		}
	}
	return entries, nil
}

// cutPath reads an entry as ls-files and ls-tree print it: mode, space, anything, tab, path.
func cutPath(field string) (mode, path string, ok bool) {
	meta, path, ok := strings.Cut(field, "\t")
	mode, _, has := strings.Cut(meta, " ")
	return mode, path, ok && has
}

// stage brings the keep's index to the files as they are. Paths are handed to git one by one, never folders: git add
// would look into nested repositories, and run what their configuration names.
func (m *Mirror) stage(ctx context.Context, c workingCopy) error {
	sizes, err := c.survey()
	if err != nil {
		return &TakeRefused{err}
	}
	entries, err := m.tracked(ctx, c)
	if err != nil {
		return fmt.Errorf("list tracked files: %w", err)
	}
	var gone, present strings.Builder
	tracked := map[string]bool{}
	for _, e := range entries {
		tracked[e.path] = true
		switch _, there := sizes[e.path]; {
		case there:
			present.WriteString(e.path + "\x00")
		case e.mode != modeSubmodule:
			gone.WriteString(e.path + "\x00")
		}
	}
	// Where the size has changed git does not read the file to tell that it has.
	other, err := m.git(ctx, call{gitDir: c.keep, work: c.path, args: []string{"ls-files", "--others", "--modified", "--exclude-standard", "-z"}})
	if err != nil {
		return fmt.Errorf("list new and changed files: %w", refusedBy(err))
	}
	var total int64
	for path := range nulFields(other) {
		size, there := sizes[path]
		if !there { // deleted, or a nested repository, written with a slash at its end
			continue
		}
		if total += size; total > maxTaken {
			return &TakeRefused{fmt.Errorf("more than %d MB of new and changed files, the last of them %q", maxTaken>>20, path)}
		}
		delete(sizes, path) // an unmerged path is listed several times
		if !tracked[path] {
			present.WriteString(path + "\x00")
		}
	}
	if gone.Len() > 0 {
		if err := m.updateIndex(ctx, c, gone.String(), "--force-remove"); err != nil {
			return err
		}
	}
	return m.updateIndex(ctx, c, present.String(), "--add", "--replace")
}

func (m *Mirror) updateIndex(ctx context.Context, c workingCopy, paths string, options ...string) error {
	args := append(append([]string{"update-index", "-z"}, options...), "--stdin")
	if _, err := m.git(ctx, call{gitDir: c.keep, work: c.path, args: args, stdin: strings.NewReader(paths)}); err != nil {
		return fmt.Errorf("stage files: %w", refusedBy(err))
	}
	return nil
}
