package forgetest

import (
	"slices"
	"testing"
)

func FuzzDiffsAreReadOrRefused(f *testing.F) {
	f.Add(":100644 100644 aaa bbb M\x00a.txt\x001\t2\ta.txt\x00")
	f.Add(":100644 100644 aaa bbb R090\x00old\x00new\x000\t0\t\x00old\x00new\x00")
	f.Add(":000000 100644 000 bbb A\x00b\x00-\t-\tb\x00")
	f.Add(":100644 100644 aaa bbb M\x00a.txt\x00")
	f.Add(": M")
	f.Add("")
	f.Fuzz(func(t *testing.T, out string) {
		list, err := parseChanges(out)
		for _, c := range list {
			if err != nil || c.status == "" || c.additions < 0 || c.deletions < 0 {
				t.Errorf("%q: %+v with %v", out, c, err)
			}
		}
	})
}

func FuzzCursorsNameAPlace(f *testing.F) {
	f.Add(cursor(0), 7)
	f.Add("Y3Vyc29yOnYyOi0x", 0)
	f.Add("nonsense", 99)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if at, valid := position(text); valid && at < 1 {
			t.Errorf("%q is place %d", text, at)
		}
		if n >= 0 && n < 1<<40 {
			if at, valid := position(cursor(n)); !valid || at != n+1 {
				t.Errorf("after %d comes %d", n, at)
			}
		}
	})
}

func FuzzOnlyIssuesOfThisRepositoryAreClosed(f *testing.F) {
	f.Add("Closes #1, fixes #2 and resolves acme/greet#1")
	f.Add("Closes other/place#1")
	f.Add("closed:  #99999999999999999999999")
	s := &Server{o: Options{Owner: "acme", Repo: "greet"}}
	w := newWorld()
	w.issues[1], w.issues[2], w.issues[3] = issue{number: 1}, issue{number: 2}, issue{number: 3, pull: true}
	f.Fuzz(func(t *testing.T, text string) {
		list := (&call{s: s, w: w}).closes(text)
		for i, n := range list {
			if n != 1 && n != 2 || slices.Contains(list[:i], n) {
				t.Errorf("%q closes %v", text, list)
			}
		}
	})
}
