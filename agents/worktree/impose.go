package worktree

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Impose makes those files of a working copy that belong to a kind be what they are in commit, as a checkout would: the
// others of that kind are removed, ignored ones too. All the rest stays as it is, and so does what the next Take commits
// on: to it, what was imposed is a change like any other.
//
// A file of the commit is left out where a file or a link of the working copy stands in place of a folder above it.
func (m *Mirror) Impose(ctx context.Context, path, commit string, belongs func(name string) bool) error {
	c, err := m.known(path)
	if err == nil {
		commit, err = m.Resolve(ctx, commit)
	}
	if err == nil {
		err = m.impose(ctx, c, commit, belongs)
	}
	if err != nil {
		return fmt.Errorf("impose files on %s: %w", path, err)
	}
	return nil
}

func (m *Mirror) impose(ctx context.Context, c workingCopy, commit string, belongs func(name string) bool) error {
	all, err := m.Tree(ctx, commit)
	if err != nil {
		return err
	}
	present, err := c.survey()
	if err != nil {
		return err
	}
	of := map[string]bool{}
	for _, name := range all {
		of[name] = belongs(name)
	}
	for name := range present {
		if belongs(name) && !of[name] {
			if err := os.Remove(filepath.Join(c.path, name)); err != nil {
				return err
			}
			delete(present, name)
		}
	}
	var names strings.Builder
	for name, wanted := range of {
		if wanted && !covered(present, name) {
			names.WriteString(name + "\x00")
		}
	}
	if names.Len() == 0 {
		return nil
	}
	_, err = m.git(ctx, call{gitDir: c.keep, work: c.path, args: []string{"restore", "--source=" + commit, "--worktree", "--pathspec-from-file=-", "--pathspec-file-nul"},
		stdin: strings.NewReader(names.String())})
	return err
}

// covered tells whether something that is no folder stands above a path.
func covered(present map[string]int64, name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, found := present[dir]; found {
			return true
		}
	}
	return false
}
