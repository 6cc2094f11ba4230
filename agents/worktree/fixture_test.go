package worktree

import (
	"errors"
	"fmt"
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

// A world is a remote, and the factory's mirror of it.
type world struct {
	t      *testing.T
	dir    string
	remote string // bare
	mirror *Mirror
}

// newWorld seeds the remote's main with files and fetches it.
func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.remote = filepath.Join(w.dir, "remote.git")
	w.git("", "init", "--quiet", "--bare", "--initial-branch=main", "--template=", w.remote)
	w.personPushes("main", files)
	w.mirror = w.open("mirror.git")
	w.fetch()
	return w
}

// apart is the same remote and mirror for one case of a table, with a folder of its own.
func (w *world) apart(t *testing.T) *world {
	return &world{t: t, dir: t.TempDir(), remote: w.remote, mirror: w.mirror}
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

// git runs git as a person would: with the folder's own .git and configuration, under her own name.
func (w *world) git(dir string, args ...string) string {
	w.t.Helper()
	out, err := w.tryGit(dir, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) tryGit(dir string, args ...string) (string, error) {
	return w.run(dir, "", []string{"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=user.name", "GIT_CONFIG_VALUE_0=Ana",
		"GIT_CONFIG_KEY_1=user.email", "GIT_CONFIG_VALUE_1=ana@example.com"}, args)
}

// sessionGit runs git in a working copy under the name its own configuration gives.
func (w *world) sessionGit(dir string, args ...string) string {
	w.t.Helper()
	out, err := w.run(dir, "", nil, args)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) run(dir, stdin string, env, args []string) (string, error) {
	if dir == "" {
		dir = w.dir
	}
	out, err := process.Output(w.t.Context(), process.Command{
		Args: append([]string{"git"}, args...), Dir: dir, Stdin: strings.NewReader(stdin),
		Env: append(env, "PATH="+os.Getenv("PATH"), "HOME="+filepath.Join(w.dir, "nobody"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"),
	})
	return strings.TrimSpace(string(out)), err
}

// personPushes commits files on a branch of the remote as a person; an empty content deletes, one of forty
// hexadecimal digits is a submodule. A new branch starts at main. It returns the new head.
func (w *world) personPushes(branch string, files map[string]string) string {
	w.t.Helper()
	parent := w.remoteHead(branch)
	if parent == "" {
		parent = w.remoteHead("main")
	}
	return w.personCommits(branch, parent, files)
}

// remoteHead reads where a branch of the remote is, "" when there is none; git keeps it in a file until it packs.
func (w *world) remoteHead(branch string) string {
	sha, err := os.ReadFile(filepath.Join(w.remote, "refs", "heads", branch))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(sha))
}

// personCommits is personPushes with the parent given, "" for none.
func (w *world) personCommits(branch, parent string, files map[string]string) string {
	w.t.Helper()
	message := "a person's work on " + branch
	stream := fmt.Sprintf("commit refs/heads/%s\ncommitter Ana <ana@example.com> %d +0000\ndata %d\n%s\n", branch, instant.Unix(), len(message), message)
	if parent != "" {
		stream += "from " + parent + "\n"
	}
	for _, name := range keys(files) {
		switch content := files[name]; {
		case content == "":
			stream += fmt.Sprintf("D %q\n", name)
		case isSHA(content):
			stream += fmt.Sprintf("M 160000 %s %q\n", content, name)
		default:
			stream += fmt.Sprintf("M 644 inline %q\ndata %d\n%s\n", name, len(content), content)
		}
	}
	if _, err := w.run(w.remote, stream, nil, []string{"fast-import", "--quiet", "--force"}); err != nil {
		w.t.Fatal(err)
	}
	return w.remoteHead(branch)
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

func (w *world) take(path string) string {
	w.t.Helper()
	head, err := w.mirror.Take(w.t.Context(), path, "Fix the thing")
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
