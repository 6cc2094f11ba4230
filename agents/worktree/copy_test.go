package worktree

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAWorkingCopyIsARepositoryOfItsOwn(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n", "dir/b.txt": "two\n"})
	stale := filepath.Join(w.dir, "copies", "31")
	writeFiles(t, stale, map[string]string{"left/over.txt": "x", ".git/hooks/post-checkout": "#!/bin/sh\n"})
	if err := os.Chmod(filepath.Join(stale, "left"), 0o500); err != nil {
		t.Fatal(err)
	}
	path, base := w.add()
	if diff := cmp.Diff(map[string]string{"a.txt": "one\n", "dir/b.txt": "two\n"}, readTree(t, path)); diff != "" {
		t.Error(diff)
	}
	if got := w.sessionGit(path, "status", "--porcelain", "--branch"); got != "## lightsout/31-fix" {
		t.Errorf("status: %s", got)
	}
	if got := w.sessionGit(path, "rev-parse", "HEAD"); got != base {
		t.Errorf("HEAD is %s, want %s", got, base)
	}
	if got := w.sessionGit(path, "rev-parse", "--absolute-git-dir"); got != filepath.Join(path, ".git") {
		t.Errorf("its repository is %s", got)
	}
	before := readTree(t, w.mirror.Dir())
	w.sessionGit(path, "config", "core.hooksPath", "/evil")
	w.sessionGit(path, "commit", "--quiet", "--allow-empty", "-m", "x")
	w.sessionGit(path, "branch", "another")
	if diff := cmp.Diff(keys(before), keys(readTree(t, w.mirror.Dir()))); diff != "" {
		t.Errorf("the session changed the mirror:\n%s", diff)
	}
	for range 2 {
		if err := w.mirror.Remove(t.Context(), path); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the working copy is still there")
	}
	if left, err := os.ReadDir(filepath.Join(w.mirror.Dir(), keepFolder)); err != nil || len(left) > 0 {
		t.Errorf("the mirror still keeps %v, %v", left, err)
	}
}

func TestAWorkingCopyNeverOverlapsTheMirror(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	for _, path := range []string{"/", "relative", "", w.dir, w.mirror.Dir(), filepath.Join(w.mirror.Dir(), "objects"), w.dir + "/x/../y", w.dir + "/x/"} {
		if err := w.mirror.Add(t.Context(), path, "main", "lightsout/1-x"); err == nil {
			t.Errorf("Add at %q succeeded", path)
		}
		if err := w.mirror.Remove(t.Context(), path); err == nil {
			t.Errorf("Remove of %q succeeded", path)
		}
	}
	if err := w.mirror.Add(t.Context(), filepath.Join(w.dir, "c"), "main", "lightsout/../../x"); err == nil {
		t.Error("Add on a branch that climbs out succeeded")
	}
	w.resolve("main")
}

func TestRemoveFollowsNoLink(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, _ := w.add()
	precious := filepath.Join(w.dir, "precious")
	writeFiles(t, precious, map[string]string{"file": "x\n", "ro/file": "y\n"})
	writeFiles(t, path, map[string]string{"cache/mod/file": "x\n"})
	for _, link := range []string{"link", "cache/mod/link"} {
		if err := os.Symlink(precious, filepath.Join(path, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(path, "cache/mod"), 0o500); err != nil {
		t.Fatal(err)
	}
	if err := w.mirror.Remove(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"file": "x\n", "ro/file": "y\n"}, readTree(t, precious)); diff != "" {
		t.Error(diff)
	}
}

func TestCheckoutHoldsTheCommitAndNothingElse(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n", "same.txt": "x\n", "dir/b.txt": "two\n", ".gitignore": "*.log\nbuild/\n"})
	sub := w.resolve("main")
	base := w.personPushes("main", map[string]string{"sub": sub})
	head := w.personPushes("head", map[string]string{"a.txt": "ONE\n", "new.txt": "n\n", "dir/b.txt": ""})
	w.fetch()
	ctx, path := t.Context(), filepath.Join(w.dir, "proof")
	if err := w.mirror.Checkout(ctx, path, base); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(path, "same.txt"))
	if err != nil {
		t.Fatal(err)
	}
	// What the tests of a session may leave behind.
	writeFiles(t, path, map[string]string{"a.txt": "poisoned\n", "x.log": "l\n", "build/out": "o\n", "sub/planted_test.go": "p\n",
		"nested/.git/HEAD": "ref: refs/heads/main\n", "nested/f": "f\n", ".git/config": "[core]\n\tbare = maybe\n", "dir/extra.txt": "e\n"})
	outside := filepath.Join(w.dir, "outside")
	writeFiles(t, outside, map[string]string{"b.txt": "precious\n"})
	if err := os.RemoveAll(filepath.Join(path, "dir")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(path, "dir")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(path, "build"), 0); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.txt": "ONE\n", "same.txt": "x\n", "new.txt": "n\n", ".gitignore": "*.log\nbuild/\n"}
	if err := w.mirror.Checkout(ctx, path, head); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, readTree(t, path)); diff != "" {
		t.Error(diff)
	}
	if after, err := os.Stat(filepath.Join(path, "same.txt")); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a file that did not differ was written anew: %v", err)
	}
	if got := readTree(t, outside)["b.txt"]; got != "precious\n" {
		t.Errorf("a file outside became %q", got)
	}
	if got := w.sessionGit(path, "status", "--porcelain", "--ignored"); got != "" {
		t.Errorf("status:\n%s", got)
	}
	if got := w.sessionGit(path, "rev-parse", "HEAD"); got != head {
		t.Errorf("HEAD is %s", got)
	}
	mustBe(t, w.mirror.Checkout(ctx, path, "nowhere"), ErrNoRevision)
}

func TestAHalfMadeWorkingCopyIsNotTaken(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, _ := w.add()
	c, err := w.mirror.known(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.forget(readyFile); err != nil { // as a kill in the middle of Add leaves it
		t.Fatal(err)
	}
	_, err = w.mirror.Take(t.Context(), path, "x")
	mustBe(t, err, ErrNotOurs)
	_, err = w.mirror.Merge(t.Context(), path, "main")
	mustBe(t, err, ErrNotOurs)
	_, base := w.add()
	writeFiles(t, c.keep, map[string]string{"index.lock": "left by a git that was killed"})
	if head := w.take(path); head != base {
		t.Errorf("took %s", head)
	}
}

func TestConversionsOfAttributesAreThoseOfAnyCheckout(t *testing.T) {
	w := newWorld(t, map[string]string{".gitattributes": "*.bat text eol=crlf\n", "run.bat": "one\ntwo\n"})
	path, _ := w.add()
	if got := readTree(t, path)["run.bat"]; got != "one\r\ntwo\r\n" {
		t.Errorf("run.bat was checked out as %q", got)
	}
	writeFiles(t, path, map[string]string{"run.bat": "one\r\nTWO\r\n"})
	if got := w.files(w.take(path))["run.bat"]; got != "one\nTWO\n" {
		t.Errorf("run.bat was taken as %q", got)
	}
}

func TestTheSameWorkIsTheSameCommit(t *testing.T) {
	var heads []string
	for range 2 {
		w := newWorld(t, map[string]string{"a.txt": "one\n"})
		path, _ := w.add()
		writeFiles(t, path, map[string]string{"a.txt": "two\n"})
		heads = append(heads, w.take(path))
	}
	if heads[0] != heads[1] {
		t.Errorf("%s and %s", heads[0], heads[1])
	}
}

func TestTidyLosesNothingThatAWorkingCopyBorrows(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, _ := w.add()
	var heads []string
	for _, content := range strings.Fields("two three four") {
		writeFiles(t, path, map[string]string{"a.txt": content})
		heads = append(heads, w.take(path))
	}
	fork := filepath.Join(w.dir, "copies", "32")
	if err := w.mirror.Add(t.Context(), fork, heads[1], "lightsout/32-x"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(w.mirror.Objects(), "17"), 0o700); err != nil { // where tidy looks how many there are
		t.Fatal(err)
	}
	if err := w.mirror.tidy(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	if loose, err := filepath.Glob(filepath.Join(w.mirror.Objects(), "[0-9a-f][0-9a-f]", "*")); err != nil || len(loose) > 0 {
		t.Errorf("loose objects are left: %v %v", loose, err)
	}
	for i, head := range heads {
		if got := w.files(head)["a.txt"]; got != strings.Fields("two three four")[i] {
			t.Errorf("head %d holds %q", i, got)
		}
	}
	w.sessionGit(fork, "fsck", "--full")
}

func TestTheMirrorWorksInVirtualTime(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	synctest.Test(t, func(t *testing.T) {
		m, err := Open(t.Context(), w.options("bubble.git"))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(w.dir, "bubble")
		if err := m.Add(t.Context(), path, "main", "lightsout/1-x"); err != nil {
			t.Fatal(err)
		}
		writeFiles(t, path, map[string]string{"a.txt": "two\n"})
		began := time.Now()
		head, err := m.Take(t.Context(), path, "x")
		if err != nil {
			t.Fatal(err)
		}
		release, err := m.hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, release) // a wait for the lock lets virtual time go on
		if err := m.Push(t.Context(), "lightsout/1-x", head, ""); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != time.Hour {
			t.Errorf("waited %v", waited)
		}
	})
}
