package worktree

import (
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"lightsout/agents/process"
)

const (
	botName  = "lightsout"
	botEmail = "lightsout@example.com"
)

var instant = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// A world is a remote, a person with a clone of it, and the factory's mirror.
type world struct {
	t      *testing.T
	dir    string
	remote string // bare
	person string // a clone
	mirror *Mirror
}

// newWorld seeds the remote's main with files and fetches it.
func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.remote = filepath.Join(w.dir, "remote.git")
	w.person = filepath.Join(w.dir, "person")
	w.git("", "init", "--quiet", "--bare", "--initial-branch=main", w.remote)
	w.git("", "init", "--quiet", "--initial-branch=main", w.person)
	w.git(w.person, "remote", "add", "origin", w.remote)
	w.personPushes("main", files)
	w.mirror = w.open("mirror.git")
	w.fetch()
	return w
}

func (w *world) open(name string) *Mirror {
	w.t.Helper()
	m, err := Open(w.t.Context(), w.options(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) options(name string) Options {
	return Options{
		Dir: filepath.Join(w.dir, name), URL: w.remote, AuthorName: botName, AuthorEmail: botEmail,
		Now: func() time.Time { return instant }, PrivateDir: filepath.Join(w.dir, "home"), Path: os.Getenv("PATH"),
	}
}

func (w *world) fetch() {
	w.t.Helper()
	if err := w.mirror.Fetch(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// git runs git as a person or as a session would: with the folder's own .git and configuration.
func (w *world) git(dir string, args ...string) string {
	w.t.Helper()
	out, err := w.tryGit(dir, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) tryGit(dir string, args ...string) (string, error) {
	w.t.Helper()
	if dir == "" {
		dir = w.dir
	}
	out, err := process.Output(w.t.Context(), process.Command{
		Args: append([]string{"git"}, args...), Dir: dir, Env: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(w.dir, "nobody"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
			"GIT_CONFIG_COUNT=3", "GIT_CONFIG_KEY_0=user.name", "GIT_CONFIG_VALUE_0=Ana", "GIT_CONFIG_KEY_1=user.email",
			"GIT_CONFIG_VALUE_1=ana@example.com", "GIT_CONFIG_KEY_2=protocol.file.allow", "GIT_CONFIG_VALUE_2=always",
		},
	})
	return strings.TrimSpace(string(out)), err
}

// sessionGit runs git in a working copy under the name its own configuration gives.
func (w *world) sessionGit(dir string, args ...string) string {
	w.t.Helper()
	out, err := process.Output(w.t.Context(), process.Command{
		Args: append([]string{"git"}, args...), Dir: dir,
		Env:  []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(w.dir, "nobody"), "GIT_CONFIG_NOSYSTEM=1"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// personPushes commits files on a branch as a person; an empty content deletes. It returns the new head.
func (w *world) personPushes(branch string, files map[string]string) string {
	w.t.Helper()
	if _, err := w.tryGit(w.person, "fetch", "--quiet", "origin", branch); err == nil {
		w.git(w.person, "checkout", "--quiet", "-B", branch, "FETCH_HEAD")
	} else {
		w.tryGit(w.person, "checkout", "--quiet", "-B", branch)
	}
	writeFiles(w.t, w.person, files)
	w.git(w.person, "add", "-A")
	w.git(w.person, "commit", "--quiet", "-m", "a person's work")
	w.git(w.person, "push", "--quiet", "origin", branch)
	return w.git(w.person, "rev-parse", "HEAD")
}

// add makes a working copy of main on the branch of ticket 31, and returns its path and the commit it is at.
func (w *world) add() (path, base string) {
	w.t.Helper()
	base = w.resolve("main")
	path = filepath.Join(w.dir, "copies", "31")
	if err := w.mirror.Add(w.t.Context(), path, base, "lightsout/31-fix"); err != nil {
		w.t.Fatal(err)
	}
	return path, base
}

func (w *world) resolve(rev string) string {
	w.t.Helper()
	sha, err := w.mirror.Resolve(w.t.Context(), rev)
	if err != nil {
		w.t.Fatal(err)
	}
	return sha
}

func (w *world) take(path, base string) string {
	w.t.Helper()
	head, err := w.mirror.Take(w.t.Context(), path, base, "Fix the thing")
	if err != nil {
		w.t.Fatal(err)
	}
	return head
}

// files reads a commit back from the mirror.
func (w *world) files(commit string) map[string]string {
	w.t.Helper()
	paths, err := w.mirror.Tree(w.t.Context(), commit)
	if err != nil {
		w.t.Fatal(err)
	}
	files := map[string]string{}
	for _, p := range paths {
		content, err := w.mirror.Show(w.t.Context(), commit, p)
		if err != nil {
			w.t.Fatal(err)
		}
		files[p] = string(content)
	}
	return files
}

// subjects lists the commits of base..head, newest first, as "author: subject".
func (w *world) subjects(base, head string) []string {
	w.t.Helper()
	out := w.git(w.mirror.Dir(), "log", "--first-parent", "--format=%an: %s", base+".."+head)
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if content == "" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// readTree reads the files of a folder, without its .git.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		content, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	sort.Strings(names)
	return names
}

func mustBe(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}
