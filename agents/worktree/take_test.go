package worktree

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTakeCommitsWhatASessionLeft(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n", "b.txt": "two\n", "dir/c.txt": "three\n", ".gitignore": "*.log\n"})
	path, base := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "ONE\n", "b.txt": "", "new/d.txt": "four\n", "noise.log": "x"})
	head := w.take(path)
	want := map[string]string{"a.txt": "ONE\n", "dir/c.txt": "three\n", "new/d.txt": "four\n", ".gitignore": "*.log\n"}
	if diff := cmp.Diff(want, w.files(head)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"lightsout: Fix the thing"}, w.subjects(base, head)); diff != "" {
		t.Error(diff)
	}
	if out := w.sessionGit(path, "status", "--porcelain"); out != "" {
		t.Errorf("after Take the session sees a dirty status:\n%s", out)
	}
	if got := w.sessionGit(path, "rev-parse", "HEAD"); got != head {
		t.Errorf("the working copy stands at %s, want %s", got, head)
	}
	if again := w.take(path); again != head {
		t.Errorf("a second Take made %s of %s", again, head)
	}
}

func TestNothingOfTheSessionsOwnHistoryIsTaken(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, base := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "the token\n"})
	first := w.take(path)
	writeFiles(t, path, map[string]string{"a.txt": "ONE\n", "key.txt": "the key\n"})
	w.sessionGit(path, "add", "-A")
	w.sessionGit(path, "commit", "--quiet", "-m", "Fixes #99 [skip ci]")
	writeFiles(t, path, map[string]string{"key.txt": ""})
	w.sessionGit(path, "commit", "--quiet", "-am", "Take the key out")
	head := w.take(path)
	if diff := cmp.Diff(map[string]string{"a.txt": "ONE\n"}, w.files(head)); diff != "" {
		t.Error(diff)
	}
	if err := w.mirror.Push(t.Context(), "lightsout/31-fix", head, ""); err != nil {
		t.Fatal(err)
	}
	log := w.git(w.remote, "log", "-p", "--format=%an: %B", "main..lightsout/31-fix")
	for _, word := range []string{"the token", "the key", "#99", "Take the key out"} {
		if strings.Contains(log, word) {
			t.Errorf("%q is in the history that was pushed:\n%s", word, log)
		}
	}
	if diff := cmp.Diff([]string{"lightsout: Fix the thing"}, w.subjects(base, head)); diff != "" {
		t.Error(diff)
	}
	if _, err := w.tryGit(w.remote, "cat-file", "-e", first); err == nil {
		t.Error("the commit of the first round was pushed")
	}
}

func TestTakeOfNothingIsTheBase(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, base := w.add()
	if head := w.take(path); head != base {
		t.Errorf("an untouched copy became %s", head)
	}
	writeFiles(t, path, map[string]string{"a.txt": "two\n"})
	w.sessionGit(path, "commit", "--quiet", "-am", "there")
	w.sessionGit(path, "revert", "--no-edit", "HEAD")
	if head := w.take(path); head != base {
		t.Errorf("work that was undone became %s", head)
	}
}

func TestTakeRefusesAFolderItDidNotMake(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	_, err := w.mirror.Take(t.Context(), filepath.Join(w.dir, "remote.git"), "x")
	mustBe(t, err, ErrNotOurs)
	path, _ := w.add()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	_, err = w.mirror.Take(t.Context(), path, "x")
	mustBe(t, err, os.ErrNotExist)
}

func TestTakeSaysWhatASessionLeftThatCannotBeKept(t *testing.T) {
	deep := func(t *testing.T, path string) {
		t.Helper()
		root, err := os.OpenRoot(path)
		for range 20 { // no path leads to the innermost folder: it would be longer than a path may be
			if err != nil {
				break
			}
			name := strings.Repeat("d", 250)
			outer := root
			if err = outer.Mkdir(name, 0o700); err == nil {
				root, err = outer.OpenRoot(name)
			}
			outer.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		root.Close()
	}
	grow := func(name string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			t.Helper()
			writeFiles(t, path, map[string]string{name: "x"})
			if err := os.Truncate(filepath.Join(path, name), maxTaken+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	shared := newWorld(t, map[string]string{"a.txt": "one\n"})
	for name, leave := range map[string]func(t *testing.T, path string){
		"too much that is new":           grow("core.dump"),
		"too much in a file of the base": grow("a.txt"),
		"folders too deep":               deep,
		"no folder":                      remove,
		"a file in the folder's place": func(t *testing.T, path string) {
			remove(t, path)
			writeFiles(t, filepath.Dir(path), map[string]string{filepath.Base(path): "x"})
		},
		"a list of submodules that is an attack": func(t *testing.T, path string) {
			writeFiles(t, path, map[string]string{".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = -u./payload\n"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared.apart(t)
			path, base := w.add()
			leave(t, path)
			var refused *TakeRefused
			if head, err := w.mirror.Take(t.Context(), path, "x"); !errors.As(err, &refused) {
				t.Errorf("took %s: %v", head, err)
			}
			if err := w.mirror.Add(t.Context(), path, base, "lightsout/31-fix"); err != nil {
				t.Errorf("the folder cannot be used again: %v", err)
			}
		})
	}
}
