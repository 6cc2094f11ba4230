package worktree

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keepFolder, inside the mirror, holds the keep of each working copy.
const keepFolder = "lightsout"

// readyFile, in a keep, says that the working copy stands whole. It is away while files are being written, so that a
// copy half made when the daemon was killed is never taken for a session's work.
const readyFile = "ready"

// mergeFiles are what git keeps of a merge that waits to be committed.
var mergeFiles = []string{"MERGE_HEAD", "MERGE_MODE", "MERGE_MSG"}

// A workingCopy is a folder of files, and the keep: the git directory by which we look at it. The folder's own .git is
// never used by us; it is made anew each time the copy changes hands.
type workingCopy struct{ path, keep string }

func (m *Mirror) workingCopy(path string) (workingCopy, error) {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || strings.ContainsAny(path, "\n\x00") {
		return workingCopy{}, fmt.Errorf("working copy %q: not a clean absolute path", path)
	}
	if path == "/" || path == m.dir || strings.HasPrefix(m.dir, path+"/") || strings.HasPrefix(path, m.dir+"/") {
		return workingCopy{}, fmt.Errorf("working copy %q: overlaps the mirror: %w", path, ErrNotOurs)
	}
	sum := sha256.Sum256([]byte(path))
	return workingCopy{path: path, keep: filepath.Join(m.dir, keepFolder, hex.EncodeToString(sum[:12])+".git")}, nil
}

// known is workingCopy for one that Add or Checkout made whole; ErrNotOurs when there is none, fs.ErrNotExist when its
// folder is gone.
func (m *Mirror) known(path string) (workingCopy, error) {
	c, err := m.workingCopy(path)
	if err != nil {
		return c, err
	}
	if _, err := os.Lstat(filepath.Join(c.keep, readyFile)); err != nil {
		return c, fmt.Errorf("working copy %q: %w", path, ErrNotOurs)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return c, fmt.Errorf("working copy: %w", err)
	}
	// Calls for one copy do not overlap, so a lock that lies here was left by a git that was killed.
	if err := c.forget("index.lock"); err != nil {
		return c, fmt.Errorf("working copy: %w", err)
	}
	if !info.IsDir() {
		return c, fmt.Errorf("working copy %q: not a folder any more: %w", path, fs.ErrNotExist)
	}
	return c, nil
}

// Add makes a working copy for a session at path: the files of commit, on branch, in a repository of its own that
// borrows the mirror's objects. What was at path is emptied. Conversions that attributes ask for (line ends, encodings)
// happen as in any checkout; filter programs and submodules do not exist here.
func (m *Mirror) Add(ctx context.Context, path, commit, branch string) error {
	if err := checkBranch(branch); err != nil {
		return fmt.Errorf("add working copy: %w", err)
	}
	if err := m.place(ctx, path, commit, branch, false); err != nil {
		return fmt.Errorf("add working copy: %w", err)
	}
	return nil
}

// Checkout makes path hold the files of commit and nothing else, on no branch. When path is a working copy already,
// files that do not differ are left untouched, so that caches which go by file times stay warm; all the rest is
// removed, ignored files too.
func (m *Mirror) Checkout(ctx context.Context, path, commit string) error {
	if err := m.place(ctx, path, commit, "", true); err != nil {
		return fmt.Errorf("checkout: %w", err)
	}
	return nil
}

func (m *Mirror) place(ctx context.Context, path, commit, branch string, reuse bool) error {
	c, err := m.workingCopy(path)
	if err != nil {
		return err
	}
	sha, err := m.Resolve(ctx, commit)
	if err != nil {
		return err
	}
	if reuse {
		if _, err := m.known(path); err == nil && m.recycle(ctx, c, sha) == nil {
			return m.hand(c, "", sha)
		}
	}
	if err := errors.Join(RemoveAll(c.path), RemoveAll(c.keep)); err != nil {
		return err
	}
	if err := os.MkdirAll(c.path, 0o700); err != nil {
		return err
	}
	if err := m.layout(c.keep, branch, sha); err != nil {
		return err
	}
	if err := m.fill(ctx, c, sha); err != nil {
		return err
	}
	return m.hand(c, branch, sha)
}

// fill makes the files and the keep's index those of commit, on which the next work stands; files that git does not
// track stay.
func (m *Mirror) fill(ctx context.Context, c workingCopy, commit string) error {
	if _, err := m.git(ctx, call{gitDir: c.keep, work: c.path, args: []string{"read-tree", "--reset", "-u", commit}}); err != nil {
		return err
	}
	return c.standOn(commit)
}

// recycle turns a used working copy into a clean one of commit. An error means: make it anew.
func (m *Mirror) recycle(ctx context.Context, c workingCopy, commit string) error {
	if err := c.forget(append([]string{readyFile}, mergeFiles...)...); err != nil {
		return err
	}
	if err := RemoveAll(filepath.Join(c.path, ".git")); err != nil {
		return err
	}
	if _, err := c.survey(); err != nil { // makes all readable, and removes what would make git wait
		return err
	}
	if err := m.fill(ctx, c, commit); err != nil {
		return err
	}
	if _, err := m.git(ctx, call{gitDir: c.keep, work: c.path, args: []string{"clean", "-ffdxq"}}); err != nil {
		return err
	}
	// git leaves alone what lies in the folder of a submodule.
	entries, err := m.tracked(ctx, c)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.mode == modeSubmodule {
			dir := filepath.Join(c.path, e.path)
			if err := errors.Join(RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Remove deletes a working copy and what the mirror kept of it. One that is gone already is a success.
func (m *Mirror) Remove(ctx context.Context, path string) error {
	c, err := m.workingCopy(path)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = errors.Join(RemoveAll(c.path), RemoveAll(c.keep))
	}
	if err != nil {
		return fmt.Errorf("remove working copy: %w", err)
	}
	return nil
}

// hand gives the working copy to the next session: a fresh .git in place of what is there, at head, with the keep's
// index, so that the session finds a clean status.
func (m *Mirror) hand(c workingCopy, branch, head string) error {
	private := filepath.Join(c.path, ".git")
	if err := RemoveAll(private); err != nil {
		return err
	}
	for _, dir := range []string{c.keep, private} {
		if err := m.layout(dir, branch, head); err != nil {
			return err
		}
	}
	for _, name := range append([]string{"index"}, mergeFiles...) {
		content, err := os.ReadFile(filepath.Join(c.keep, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(private, name), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return writeIfOther(filepath.Join(c.keep, readyFile), nil)
}

// forget removes files from the keep; those that are not there are no error.
func (c workingCopy) forget(names ...string) error {
	for _, name := range names {
		if err := os.Remove(filepath.Join(c.keep, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// layout writes a git directory by hand, or brings one of ours to another head: no template, no hooks, objects
// borrowed from the mirror. branch "" is a detached head.
func (m *Mirror) layout(dir, branch, head string) error {
	files := map[string]string{
		"config": "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogAllRefUpdates = true\n" +
			"[user]\n\tname = " + quoteConfig(m.identity.name) + "\n\temail = " + quoteConfig(m.identity.email) + "\n" +
			"[commit]\n\tgpgSign = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[uploadpack]\n\tallowAnySHA1InWant = true\n",
		"objects/info/alternates": m.Objects() + "\n",
		"HEAD":                    head + "\n",
	}
	if branch != "" {
		files["HEAD"] = "ref: refs/heads/" + branch + "\n"
		files["refs/heads/"+branch] = head + "\n"
	}
	for _, d := range []string{"objects/pack", "refs/heads", "info"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := writeIfOther(file, []byte(content)); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAll deletes path, as os.RemoveAll does, even where folders were made read-only, as Go's module cache is. Symbolic links are removed,
// never followed.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil {
		return nil
	}
	walkErr := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(p, 0o700)
		}
		return err
	})
	if walkErr != nil {
		return errors.Join(err, walkErr)
	}
	return os.RemoveAll(path)
}
