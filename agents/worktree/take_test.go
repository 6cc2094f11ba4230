package worktree

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTakeCommitsWhatASessionLeft(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n", "b.txt": "two\n", "dir/c.txt": "three\n", ".gitignore": "*.log\n"})
	path, base := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "ONE\n", "b.txt": "", "new/d.txt": "four\n", "noise.log": "x"})
	head := w.take(path, base)
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
	if again := w.take(path, base); again != head {
		t.Errorf("a second Take made %s of %s", again, head)
	}
}

func TestTakeKeepsTheSessionsOwnCommits(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, base := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "ONE\n"})
	w.sessionGit(path, "commit", "--quiet", "-am", "Say it louder")
	writeFiles(t, path, map[string]string{"b.txt": "two\n"})
	head := w.take(path, base)
	if diff := cmp.Diff([]string{"lightsout: Fix the thing", "lightsout: Say it louder"}, w.subjects(base, head)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"a.txt": "ONE\n", "b.txt": "two\n"}, w.files(head)); diff != "" {
		t.Error(diff)
	}
	writeFiles(t, path, map[string]string{"c.txt": "three\n"})
	w.sessionGit(path, "add", "-A")
	w.sessionGit(path, "commit", "--quiet", "-m", "Round two")
	second := w.take(path, base)
	if diff := cmp.Diff([]string{"lightsout: Round two"}, w.subjects(head, second)); diff != "" {
		t.Error(diff)
	}
}

func TestTakeOfNothingIsTheBase(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, base := w.add()
	if head := w.take(path, base); head != base {
		t.Errorf("an untouched copy became %s", head)
	}
	writeFiles(t, path, map[string]string{"a.txt": "two\n"})
	w.sessionGit(path, "commit", "--quiet", "-am", "there")
	w.sessionGit(path, "revert", "--no-edit", "HEAD")
	if head := w.take(path, base); head != base {
		t.Errorf("work that was undone became %s", head)
	}
}

func TestTakeRefusesAFolderItDidNotMake(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	_, err := w.mirror.Take(t.Context(), filepath.Join(w.dir, "remote.git"), "main", "x")
	mustBe(t, err, ErrNotOurs)
	path, base := w.add()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	_, err = w.mirror.Take(t.Context(), path, base, "x")
	mustBe(t, err, os.ErrNotExist)
}
