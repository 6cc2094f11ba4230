// Package worktree keeps git for the factory: one bare mirror of the remote repository, and for each session a
// private working copy from which the work is taken without trusting anything the session left in it.
//
// The mirror is never linked to a working copy. A working copy has a .git of its own, which borrows the mirror's
// objects and belongs to the session: no git command of ours ever runs with it, so a hook, a filter, a file system
// monitor or an alternate planted there has nobody to run it. What the mirror must know about a working copy (its
// index, the commit it was given) stays in a second git directory inside the mirror, the keep.
package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Sentinels that callers branch on.
var (
	// ErrNoRevision: the mirror knows no commit, or no file, by that name.
	ErrNoRevision = errors.New("no such revision")
	// ErrUnrelated: two commits have no ancestor in common.
	ErrUnrelated = errors.New("no common ancestor")
	// ErrNotOurs: a branch outside lightsout/, or a folder that Add or Checkout did not make.
	ErrNotOurs = errors.New("not ours")
	// ErrNoChange: there is nothing to take back.
	ErrNoChange = errors.New("nothing to change")
)

// Options say where the mirror lies and how to reach the remote. All but Token and Env are needed.
type Options struct {
	Dir         string           // the bare mirror; made when missing
	URL         string           // the remote: https, http, ssh, or a local path; never with a password in it
	Token       func() string    // asked before each talk with an http remote; nil or "" sends none
	AuthorName  string           // author and committer of the factory's commits
	AuthorEmail string           // and of what sessions may commit
	Now         func() time.Time // dates of commits
	PrivateDir  string           // HOME of git: an empty folder that no session can write
	Path        string           // PATH for git and the programs it starts (ssh, its own parts)
	Env         []string         // more environment, such as HTTPS_PROXY or SSH_AUTH_SOCK; nothing is inherited
}

// A Mirror is a bare repository that follows the remote's branches as refs/remotes/origin/*.
//
// Its methods may be called from several goroutines. Questions take no lock. Fetch, Push, DeleteRemote and Take
// wait for each other, with ctx; calls for one and the same working copy must not overlap.
type Mirror struct {
	dir      string
	url      string
	identity identity
	token    func() string
	now      func() time.Time
	env      []string
	memory   memory
	lock     chan struct{} // holds one token while free; a channel, so that waiting for it ends with ctx
}

type identity struct{ name, email string }

// Open makes the mirror when it is missing and brings its configuration in order. It talks to nobody: the first Fetch does.
func Open(ctx context.Context, o Options) (*Mirror, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	m := &Mirror{
		dir: dir, url: o.URL, token: o.Token, now: o.Now,
		identity: identity{o.AuthorName, o.AuthorEmail},
		env:      environment(o),
		lock:     make(chan struct{}, 1),
	}
	m.lock <- struct{}{}
	if err := m.checkVersion(ctx); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	for _, d := range []string{o.PrivateDir, filepath.Join(dir, keepFolder)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("open mirror: %w", err)
		}
	}
	// init brings back whatever part is missing, and leaves the rest as it is.
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); errors.Is(err, os.ErrNotExist) {
		if _, err := m.git(ctx, call{args: []string{"init", "--quiet", "--bare", "--template=", dir}, dir: dir}); err != nil {
			return nil, fmt.Errorf("open mirror: %w", err)
		}
	}
	if err := writeIfOther(filepath.Join(dir, "config"), m.mirrorConfig()); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	return m, nil
}

// oldestGit is the first version with all that is used here: patch-id that minds modes and binary files, merge-tree
// that writes trees, grep with a bound, cat-file that reads names ending in NUL.
var oldestGit = [2]int{2, 39}

func (m *Mirror) checkVersion(ctx context.Context) error {
	out, err := m.git(ctx, call{args: []string{"version"}, dir: "/"})
	if err != nil {
		return err
	}
	var major, minor int
	words := strings.Fields(string(out))
	if len(words) < 3 {
		return fmt.Errorf("git calls itself %q", out)
	}
	if _, err := fmt.Sscanf(words[2], "%d.%d", &major, &minor); err != nil {
		return fmt.Errorf("git calls itself %q: %w", out, err)
	}
	if major < oldestGit[0] || major == oldestGit[0] && minor < oldestGit[1] {
		return fmt.Errorf("git is %s: install %d.%d or newer", words[2], oldestGit[0], oldestGit[1])
	}
	return nil
}

func (o Options) check() error {
	for _, v := range []struct{ name, value string }{
		{"Dir", o.Dir}, {"URL", o.URL}, {"AuthorName", o.AuthorName}, {"AuthorEmail", o.AuthorEmail},
		{"PrivateDir", o.PrivateDir}, {"Path", o.Path},
	} {
		if v.value == "" {
			return fmt.Errorf("%s is empty", v.name)
		}
		if strings.ContainsAny(v.value, "\x00\n\r") {
			return fmt.Errorf("%s holds a line break", v.name)
		}
	}
	if o.Now == nil {
		return errors.New("no clock: Now is nil")
	}
	if strings.HasPrefix(o.URL, "-") {
		return errors.New("the URL begins with a dash")
	}
	// A password in the address would stand in the mirror's configuration and in every error.
	if u, err := url.Parse(o.URL); err == nil && u.User != nil {
		if _, secret := u.User.Password(); secret || u.Scheme == "http" || u.Scheme == "https" {
			return errors.New("the URL carries credentials: give them as Token")
		}
	}
	return nil
}

// mirrorConfig is the whole configuration of the mirror; what else stood there is overwritten at Open.
// gc.auto is 0 because working copies borrow objects that no ref of the mirror may reach any more.
func (m *Mirror) mirrorConfig() []byte {
	return []byte("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n" +
		"[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n" +
		"[remote \"origin\"]\n\turl = " + quoteConfig(m.url) + "\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\ttagOpt = --no-tags\n")
}

// Dir is the mirror's own folder.
func (m *Mirror) Dir() string { return m.dir }

// Objects is the folder that every working copy borrows objects from: a contained session needs to read it.
func (m *Mirror) Objects() string { return filepath.Join(m.dir, "objects") }

// hold waits for the lock of the repository; the caller calls release.
func (m *Mirror) hold(ctx context.Context) (release func(), err error) {
	select {
	case <-m.lock:
		return func() { m.lock <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the mirror: %w", context.Cause(ctx))
	}
}

// quoteConfig writes a value as git's configuration files want it.
func quoteConfig(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// writeIfOther replaces a file in one step, and leaves it alone when it already holds content.
func writeIfOther(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
