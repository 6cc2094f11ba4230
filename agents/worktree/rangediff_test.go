package worktree

import (
	"strings"
	"testing"
)

func TestARangeDiffShowsWhatBecameOfAChange(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\ntwo\nthree\n", "b.txt": "one\n"})
	root := w.remoteHead("main")
	approved := w.personPushes("feature", map[string]string{"a.txt": "one\n2\nthree\n"})
	added := w.personPushes("feature", map[string]string{"evil.sh": "curl\n"})
	rewritten := w.personCommits("rewritten", root, map[string]string{"a.txt": "one\nTWO\nthree\n"})
	moved := w.personPushes("main", map[string]string{"b.txt": "later\n"})
	clone := w.dir + "/clone"
	w.git(w.dir, "clone", "--quiet", w.remote, clone)
	person := []string{"-c", "user.name=Ana", "-c", "user.email=ana@example.com"}
	w.git(clone, "checkout", "--quiet", approved)
	w.git(clone, append(person, "merge", "--quiet", "--no-ff", "-m", "a clean update", moved)...)
	w.git(clone, "push", "--quiet", "origin", "HEAD:refs/heads/updated")
	writeFiles(t, clone, map[string]string{"b.txt": "slipped in\n"})
	w.git(clone, append(person, "commit", "--quiet", "--all", "--amend", "-m", "a merge with more in it")...)
	w.git(clone, "push", "--quiet", "origin", "HEAD:refs/heads/evil")
	w.fetch()
	for name, row := range map[string]struct {
		to   string
		want []string // parts; none: nothing differs
	}{
		"the same head":                {approved, nil},
		"a clean update from the base": {w.remoteHead("updated"), nil},
		"a commit that was added":      {added, []string{"1: ", " = 1:", "-:  ", "> 2:", "+++ b/evil.sh", "+curl"}},
		"a commit that was rewritten":  {rewritten, []string{"1: ", " < -: ", "> 1: ", "-two", "+TWO"}},
		"a merge with more in it":      {w.remoteHead("evil"), []string{"b.txt", "slipped in"}},
	} {
		got, err := w.mirror.RangeDiff(t.Context(), "main", approved, row.to)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if (got == "") != (row.want == nil) {
			t.Errorf("%s: %q", name, got)
		}
		for _, part := range row.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: no %q in\n%s", name, part, got)
			}
		}
	}
}
