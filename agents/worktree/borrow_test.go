package worktree

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBorrowNamesWhatTheRevisionsMeanThere(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	clone := filepath.Join(w.dir, "clone")
	w.git("", "clone", "--quiet", w.remote, clone)
	if err := os.WriteFile(filepath.Join(clone, "a.txt"), []byte("two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Commits that no branch names any more are borrowed as well.
	w.git(clone, "checkout", "--quiet", "--detach")
	w.git(clone, "commit", "--quiet", "-a", "-m", "Two\n\nBecause.")
	want := strings.TrimSpace(w.git(clone, "rev-parse", "HEAD"))
	w.git(clone, "tag", "v2")

	m := w.open("judge.git")
	got, err := m.Borrow(t.Context(), filepath.Join(clone), "HEAD~1", "HEAD", "v2", want[:8])
	if err != nil {
		t.Fatal(err)
	}
	if got[1] != want || got[2] != want || got[3] != want || got[0] == want {
		t.Errorf("Borrow() = %v, want HEAD at %s", got, want)
	}
	diff, err := m.Diff(t.Context(), got[0], got[1])
	if err != nil || !strings.Contains(string(diff), "+two") {
		t.Errorf("the borrowed commits do not show their difference: %v\n%s", err, diff)
	}
	message, err := m.Message(t.Context(), want)
	if err != nil || message != "Two\n\nBecause.\n" {
		t.Errorf("Message() = %q, %v", message, err)
	}
}

func TestAPartOfAHistoryIsBorrowedAsFarAsItGoes(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	long := filepath.Join(w.dir, "long")
	w.git("", "clone", "--quiet", w.remote, long)
	for _, content := range strings.Fields("two three four") {
		writeFiles(t, long, map[string]string{"a.txt": content})
		w.git(long, "commit", "--quiet", "-a", "-m", content)
	}
	short := filepath.Join(w.dir, "short")
	w.git("", "clone", "--quiet", "--depth=2", "file://"+long, short)
	m := w.open("judge.git")
	got, err := m.Borrow(t.Context(), short, "HEAD~1", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if base, err := m.MergeBase(t.Context(), got[0], got[1]); err != nil || base != got[0] {
		t.Errorf("the merge base is %s, %v, want %s", base, err, got[0])
	}
	if message, err := m.Message(t.Context(), got[0]); err != nil || message != "three\n" {
		t.Errorf("where the history ends: %q, %v", message, err)
	}
}

func TestBorrowSaysWhichRevisionIsNotThere(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	for _, revision := range []string{"no-such-branch", "--all", "0123456789abcdef0123456789abcdef01234567"} {
		_, err := w.open("judge.git").Borrow(t.Context(), w.remote, revision)
		if !errors.Is(err, ErrNoRevision) || !strings.Contains(err.Error(), revision) {
			t.Errorf("Borrow(%s) = %v, want ErrNoRevision with its name", revision, err)
		}
	}
	if _, err := w.open("judge.git").Borrow(t.Context(), t.TempDir(), "HEAD"); err == nil {
		t.Error("a folder without a repository was borrowed from")
	}
}
