package proof

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lightsout/agents/worktree"
)

// place is where both sides are tested. One folder serves them in turn: build caches know a file by its folder too, so the
// second side compiles only what differs.
type place struct {
	mirror  *worktree.Mirror
	dir     string // the work folder
	change  *change
	base    string
	head    string
	library string // the installed packages of node, "" for none
	keep    bool   // the tree outlives it
}

// treeName is the folder of the tree in the work folder.
const treeName = "tree"

func (p *place) tree() string { return filepath.Join(p.dir, treeName) }
func (p *place) home() string { return filepath.Join(p.dir, "home") }
func (p *place) temp() string { return filepath.Join(p.dir, "tmp") } // beside the home, so that a test cannot exchange it

// modules is where node looks for packages that it does not find in the tree: above it.
func (p *place) modules() string { return filepath.Join(p.dir, "node_modules") }

// open makes the place, and removes what an earlier proof left that could not end.
func (p *place) open(ctx context.Context) error {
	if err := p.close(ctx); err != nil {
		return err
	}
	if err := p.forget(); err != nil {
		return err
	}
	if p.library != "" {
		if err := os.Symlink(p.library, p.modules()); err != nil {
			return fmt.Errorf("make the work folder: %w", err)
		}
	}
	return nil
}

// identity lets git commit in tests: without one it refuses, and most machines have one.
const identity = "[user]\n\tname = Test\n\temail = test@localhost\n"

// forget makes the home and the temporary folder anew.
func (p *place) forget() error {
	for _, dir := range []string{p.home(), p.temp()} {
		if err := errors.Join(removeAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
			return fmt.Errorf("make the work folder: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.home(), ".gitconfig"), []byte(identity), 0o644); err != nil {
		return fmt.Errorf("make the work folder: %w", err)
	}
	return nil
}

// close removes all of it, but for a tree that is kept.
func (p *place) close(ctx context.Context) error {
	err := errors.Join(removeAll(p.home()), removeAll(p.temp()), removeAll(p.modules()))
	if !p.keep {
		err = errors.Join(err, p.mirror.Remove(ctx, p.tree()))
	}
	if err != nil {
		return fmt.Errorf("empty the work folder: %w", err)
	}
	return nil
}

// Clear removes what proofs have kept in a work folder, and the folder.
func Clear(ctx context.Context, m *worktree.Mirror, dir string) error {
	return errors.Join((&place{mirror: m, dir: dir}).close(ctx), removeAll(dir))
}

// toHead makes the tree hold the head.
func (p *place) toHead(ctx context.Context) error {
	return p.mirror.Checkout(ctx, p.tree(), p.head)
}

// toBase makes the tree hold the base, untouched.
func (p *place) toBase(ctx context.Context) error {
	return p.mirror.Checkout(ctx, p.tree(), p.base)
}

// toBaseWithTests makes the tree hold the base, with the test files of the change as they are in the head, or as instead has them.
func (p *place) toBaseWithTests(instead overlay) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := p.toBase(ctx); err != nil {
			return err
		}
		return p.lay(p.change.tests(), (*file).before, (*file).after, func(name string) []byte {
			if content, ok := instead[name]; ok {
				return content
			}
			return p.change.head(name)
		})
	}
}

// toHeadWithOldTests makes the tree hold the head, with those test files that the change alters or removes as they were in the base.
func (p *place) toHeadWithOldTests(ctx context.Context) error {
	if err := p.toHead(ctx); err != nil {
		return err
	}
	return p.lay(p.change.tests(), (*file).after, (*file).before, p.change.base)
}

// lay exchanges the files: from their names on one side to their names and contents on the other.
func (p *place) lay(files []*file, from, to func(*file) string, read tree) error {
	root, err := os.OpenRoot(p.tree())
	if err != nil {
		return fmt.Errorf("lay the tests over the tree: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, f := range files {
		if name := from(f); name != "" && name != to(f) {
			if err := root.RemoveAll(name); err != nil {
				return fmt.Errorf("lay the tests over the tree: %w", err)
			}
		}
	}
	for _, f := range files {
		if name := to(f); name != "" {
			if err := put(root, name, f.mode, read(name)); err != nil {
				return fmt.Errorf("lay the tests over the tree: %w", err)
			}
		}
	}
	return nil
}

// put writes one file, in place of whatever stands there or in its way. Nothing outside the root can be reached.
func put(root *os.Root, name, mode string, content []byte) error {
	parts := strings.Split(name, "/")
	for i := 1; i < len(parts); i++ {
		dir := strings.Join(parts[:i], "/")
		info, err := root.Lstat(dir)
		if err == nil && !info.IsDir() {
			if err := root.Remove(dir); err != nil {
				return err
			}
			err = fs.ErrNotExist
		}
		if err != nil {
			if err := root.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	if err := root.RemoveAll(name); err != nil {
		return err
	}
	switch mode {
	case modeLink:
		return root.Symlink(string(content), name)
	case modeSubmodule:
		return nil
	}
	permissions := fs.FileMode(0o644)
	if mode == modeExecutable {
		permissions = 0o755
	}
	return root.WriteFile(name, content, permissions)
}

// Modes of git that matter here.
const (
	modeExecutable = "100755"
	modeLink       = "120000"
	modeSubmodule  = "160000"
)

// removeAll deletes a folder even where folders in it were made read-only. Links are removed, never followed.
func removeAll(path string) error {
	if os.RemoveAll(path) == nil {
		return nil
	}
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(p, 0o700)
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(path))
}
