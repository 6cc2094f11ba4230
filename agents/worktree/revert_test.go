package worktree

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARevertTakesBackOneChangeAndKeepsWhatCameAfter(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n", "b.txt": "one\n"})
	before := w.remoteHead("main")
	w.personPushes("feature", map[string]string{"a.txt": "two\n", "new.txt": "new\n"})
	clone := w.dir + "/clone"
	w.git(w.dir, "clone", "--quiet", w.remote, clone)
	person := []string{"-c", "user.name=Ana", "-c", "user.email=ana@example.com"}
	w.git(clone, append(person, "merge", "--quiet", "--no-ff", "-m", "merge it", "origin/feature")...)
	w.git(clone, "push", "--quiet", "origin", "HEAD:main")
	merge := w.remoteHead("main")
	after := w.personPushes("main", map[string]string{"b.txt": "later\n"})
	w.fetch()
	ctx, m := t.Context(), w.mirror
	parents, err := m.Parents(ctx, merge)
	if err != nil || len(parents) != 2 || parents[0] != before {
		t.Fatalf("parents of the merge are %v, %v", parents, err)
	}
	sha, err := m.Revert(ctx, after, parents[0], merge, "Revert \"merge it\"\n\nIt broke staging.")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a.txt": "one\n", "b.txt": "later\n"}, w.files(sha)); diff != "" {
		t.Errorf("the files after the revert: %s", diff)
	}
	if got := w.subjects(after, sha); !cmp.Equal(got, []string{`lightsout: Revert "merge it"`}) {
		t.Errorf("commits %q", got)
	}
	if _, err := m.Revert(ctx, sha, parents[0], merge, "again"); !errors.Is(err, ErrNoChange) {
		t.Errorf("taken back twice: %v", err)
	}
	if _, err := m.Revert(ctx, before, parents[0], merge, "never there"); !errors.Is(err, ErrUnrelated) {
		t.Errorf("taken back where it never was: %v", err)
	}
	changed := w.personPushes("main", map[string]string{"a.txt": "three\n"})
	w.fetch()
	var conflict *RevertConflict
	if _, err := m.Revert(ctx, changed, parents[0], merge, "too late"); !errors.As(err, &conflict) || !cmp.Equal(conflict.Paths, []string{"a.txt"}) {
		t.Errorf("a change that was built upon: %v", err)
	}
}
