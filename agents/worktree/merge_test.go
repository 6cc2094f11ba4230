package worktree

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAMergeIsFinishedByTheSessionAndTakenWithBothParents(t *testing.T) {
	for _, commits := range []bool{false, true} {
		w := newWorld(t, map[string]string{"poem.txt": poem, "other.txt": "x\n"})
		path, _ := w.add()
		writeFiles(t, path, map[string]string{"poem.txt": strings.Replace(poem, "five", "FIVE", 1), "mine.txt": "m\n"})
		head := w.take(path)
		main := w.personPushes("main", map[string]string{"poem.txt": strings.Replace(poem, "five", "V", 1), "other.txt": "y\n"})
		w.fetch()
		foretold, err := w.mirror.Conflicts(t.Context(), head, "main")
		if err != nil {
			t.Fatal(err)
		}
		conflicts, err := w.mirror.Merge(t.Context(), path, "main")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"poem.txt"}
		if !cmp.Equal(foretold, want) || !cmp.Equal(conflicts, want) {
			t.Fatalf("foretold %q, found %q", foretold, conflicts)
		}
		if got := w.sessionGit(path, "status", "--porcelain"); got != "M  other.txt\nUU poem.txt" {
			t.Errorf("the session finds\n%s", got)
		}
		if got := readTree(t, path)["poem.txt"]; !strings.Contains(got, "<<<<<<<") || !strings.Contains(got, "FIVE") {
			t.Errorf("the file has no markers:\n%s", got)
		}
		writeFiles(t, path, map[string]string{"poem.txt": strings.Replace(poem, "five", "FIVE (V)", 1)})
		if commits {
			w.sessionGit(path, "commit", "--quiet", "-am", "Settle it")
		}
		merged := w.take(path)
		if got := w.git(w.mirror.Dir(), "rev-list", "--parents", "-1", merged); got != merged+" "+head+" "+main {
			t.Errorf("committed by the session %t: parents %s, want %s and %s", commits, got, head, main)
		}
		if got := w.files(merged); got["poem.txt"] != strings.Replace(poem, "five", "FIVE (V)", 1) || got["other.txt"] != "y\n" || got["mine.txt"] != "m\n" {
			t.Errorf("merged into %v", got)
		}
		if got := w.sessionGit(path, "status", "--porcelain", "--branch"); got != "## lightsout/31-fix" {
			t.Errorf("after the merge the session finds\n%s", got)
		}
	}
}

func TestASpoiltMergeKeepsBothParents(t *testing.T) {
	w := newWorld(t, map[string]string{"poem.txt": poem})
	path, _ := w.add()
	writeFiles(t, path, map[string]string{"mine.txt": "m\n"})
	head := w.take(path)
	main := w.personPushes("main", map[string]string{"other.txt": "y\n"})
	w.fetch()
	if conflicts, err := w.mirror.Merge(t.Context(), path, main); err != nil || conflicts != nil {
		t.Fatal(conflicts, err)
	}
	remove(t, path+"/.git")
	merged := w.take(path)
	if got := w.git(w.mirror.Dir(), "rev-list", "--parents", "-1", merged); got != merged+" "+head+" "+main {
		t.Errorf("parents %s, want %s and %s", got, head, main)
	}
}

func TestMergingWhatIsInAlreadyChangesNothing(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, _ := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "two\n"})
	head := w.take(path)
	if conflicts, err := w.mirror.Merge(t.Context(), path, "main"); err != nil || conflicts != nil {
		t.Fatal(conflicts, err)
	}
	if got := w.take(path); got != head {
		t.Errorf("head became %s, want %s", got, head)
	}
}

func TestAMergeSettledForOneSideIsAMergeInEveryRound(t *testing.T) {
	w := newWorld(t, map[string]string{"poem.txt": poem})
	path, _ := w.add()
	ours := strings.Replace(poem, "five", "FIVE", 1)
	writeFiles(t, path, map[string]string{"poem.txt": ours})
	head := w.take(path)
	main := w.personPushes("main", map[string]string{"poem.txt": strings.Replace(poem, "five", "V", 1)})
	w.fetch()
	if _, err := w.mirror.Merge(t.Context(), path, main); err != nil {
		t.Fatal(err)
	}
	for _, settled := range []string{ours, ours + "more\n"} {
		writeFiles(t, path, map[string]string{"poem.txt": settled})
		merged := w.take(path)
		if got := w.git(w.mirror.Dir(), "rev-list", "--parents", "-1", merged); got != merged+" "+head+" "+main {
			t.Errorf("parents %s, want %s and %s", got, head, main)
		}
		if again := w.take(path); again != merged {
			t.Errorf("a second Take made %s of %s", again, merged)
		}
	}
}

func TestAMergeIsCleanWhenItHoldsWhatGitMakesByItself(t *testing.T) {
	w := newWorld(t, map[string]string{"poem.txt": poem, "other.txt": "x\n"})
	head := w.personPushes("topic", map[string]string{"mine.txt": "m\n"})
	clashing := w.personPushes("clashing", map[string]string{"other.txt": "z\n"})
	main := w.personPushes("main", map[string]string{"other.txt": "y\n"})
	merged := w.personPushes("merged", map[string]string{"mine.txt": "m\n"})
	evil := w.personPushes("evil", map[string]string{"mine.txt": "m\n", "poem.txt": "evil\n"})
	w.fetch()
	for name, row := range map[string]struct {
		made, from string
		want       bool
	}{
		"by itself":                 {merged, head, true},
		"with something of its own": {evil, head, false},
		"left out":                  {main, head, false},
		"of what conflicts":         {merged, clashing, false},
	} {
		if got, err := w.mirror.CleanMerge(t.Context(), row.made, row.from, main); got != row.want || err != nil {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	if _, err := w.mirror.CleanMerge(t.Context(), strings.Repeat("0", 40), head, main); err == nil {
		t.Error("a commit that is nowhere was judged")
	}
}
