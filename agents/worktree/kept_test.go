package worktree

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keepAndFind keeps a commit, and returns what a later life finds of it.
func (w *world) keepAndFind(head string) string {
	w.t.Helper()
	if err := w.mirror.Keep(w.t.Context(), "31-abc", head, "Half of it\n\nIn words"); err != nil {
		w.t.Fatal(err)
	}
	w.fetch() // prunes what the remote does not have
	later := w.open("mirror.git")
	all, err := later.Kept(w.t.Context())
	if err != nil || len(all) != 1 {
		w.t.Fatalf("kept %v, %v", all, err)
	}
	kept := all["31-abc"]
	if said, err := later.Message(w.t.Context(), kept); err != nil || said != "Half of it\n\nIn words\n" {
		w.t.Errorf("kept with %q, %v", said, err)
	}
	for _, of := range []string{"^{tree}", "^@"} { // its files and its parents
		if got, want := w.git(w.mirror.Dir(), "rev-parse", kept+of), w.git(w.mirror.Dir(), "rev-parse", head+of); got != want {
			w.t.Errorf("kept %s for %s", got, want)
		}
	}
	return kept
}

func TestKeptWorkIsGoneOnWith(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n", "b.txt": "two\n"})
	path, base := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "ONE\n", "b.txt": "", "new.txt": "n\n"})
	kept := w.keepAndFind(w.take(path))
	if err := w.mirror.Remove(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	path, again := w.add()
	fits, err := w.mirror.Continue(t.Context(), path, kept)
	if err != nil || !fits || again != base {
		t.Fatalf("fits %t, %v", fits, err)
	}
	want := map[string]string{"a.txt": "ONE\n", "new.txt": "n\n"}
	if got := readTree(t, path); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if got := w.sessionGit(path, "status", "--porcelain"); got != "M  a.txt\nD  b.txt\nA  new.txt" {
		t.Errorf("the session finds\n%s", got)
	}
	writeFiles(t, path, map[string]string{"new.txt": "N\n"})
	head := w.take(path)
	if diff := cmp.Diff([]string{"lightsout: Fix the thing"}, w.subjects(base, head)); diff != "" {
		t.Error(diff)
	}
	if err := w.mirror.Drop(t.Context(), "31-abc"); err != nil {
		t.Fatal(err)
	}
	if err := w.mirror.Drop(t.Context(), "31-abc"); err != nil {
		t.Errorf("dropped again: %v", err)
	}
	if kept, err := w.mirror.Kept(t.Context()); err != nil || len(kept) != 0 {
		t.Errorf("kept %v, %v", kept, err)
	}
}

func TestKeptWorkIsCarriedOverToANewBaseUnlessItClashes(t *testing.T) {
	for name, c := range map[string]struct {
		pushed map[string]string
		fits   bool
		want   map[string]string
	}{
		"elsewhere": {map[string]string{"b.txt": "TWO\n"}, true, map[string]string{"a.txt": "ONE\n", "b.txt": "TWO\n"}},
		"the same":  {map[string]string{"a.txt": "other\n"}, false, map[string]string{"a.txt": "other\n", "b.txt": "two\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string]string{"a.txt": "one\n", "b.txt": "two\n"})
			path, _ := w.add()
			writeFiles(t, path, map[string]string{"a.txt": "ONE\n"})
			kept := w.keepAndFind(w.take(path))
			main := w.personPushes("main", c.pushed)
			w.fetch()
			path, base := w.add()
			if base != main {
				t.Fatalf("begins at %s, not at %s", base, main)
			}
			fits, err := w.mirror.Continue(t.Context(), path, kept)
			if err != nil || fits != c.fits {
				t.Errorf("fits %t, %v", fits, err)
			}
			if got := readTree(t, path); !cmp.Equal(got, c.want) {
				t.Error(cmp.Diff(c.want, got))
			}
			if head := w.take(path); (head == main) == c.fits {
				t.Errorf("taken as %s on %s", head, main)
			}
		})
	}
}

func TestAKeptMergeIsGoneOnWithOnTheSameTwoParentsAlone(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, base := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "ONE\n"})
	head := w.take(path)
	main := w.personPushes("main", map[string]string{"a.txt": "uno\n"})
	w.fetch()
	if _, err := w.mirror.Merge(t.Context(), path, "main"); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, path, map[string]string{"a.txt": "ONE, uno\n"})
	kept := w.keepAndFind(w.take(path))
	if err := w.mirror.Add(t.Context(), path, base, "lightsout/31-fix"); err != nil {
		t.Fatal(err)
	}
	if fits, err := w.mirror.Continue(t.Context(), path, kept); err != nil || fits {
		t.Errorf("without the merge it fits %t, %v", fits, err)
	}
	if err := w.mirror.Add(t.Context(), path, head, "lightsout/31-fix"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.mirror.Merge(t.Context(), path, "main"); err != nil {
		t.Fatal(err)
	}
	if fits, err := w.mirror.Continue(t.Context(), path, kept); err != nil || !fits {
		t.Errorf("fits %t, %v", fits, err)
	}
	if got := readTree(t, path)["a.txt"]; got != "ONE, uno\n" {
		t.Errorf("the settled file holds %q", got)
	}
	writeFiles(t, path, map[string]string{"b.txt": "more\n"})
	merged := w.take(path)
	if got := w.git(w.mirror.Dir(), "rev-list", "--parents", "-1", merged); got != merged+" "+head+" "+main {
		t.Errorf("committed on %s", got)
	}
}

func TestOnlyNamesThatAreOnePathPartAreKept(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	for _, name := range []string{"", "a/b", "..", "a b", "x\nupdate refs/heads/y"} {
		if err := w.mirror.Keep(t.Context(), name, w.resolve("main"), "x"); err == nil {
			t.Errorf("%q was kept", name)
		}
	}
}
