package worktree

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestResolveKnowsBranchesRefsAndCommits(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	main := w.resolve("main")
	feature := w.personPushes(main[:8], map[string]string{"a.txt": "a branch named like a commit\n"})
	w.personPushes("dir/feature", map[string]string{"a.txt": "x\n"})
	w.fetch()
	for rev, want := range map[string]string{
		"main": main, "origin/main": main, "refs/remotes/origin/main": main, main: main, main[:10]: main, main[:8]: feature,
		"dir/feature": w.remoteHead("dir/feature"),
	} {
		if got := w.resolve(rev); got != want {
			t.Errorf("%s resolved to %s, want %s", rev, got, want)
		}
	}
	blob := w.git(w.remote, "rev-parse", "main:a.txt")
	for _, rev := range []string{"", "nowhere", "HEAD", "-h", "--all", "main~1", "main:a.txt", "main^{tree}", "@{u}", blob, strings.Repeat("0", 40), "a\nb"} {
		_, err := w.mirror.Resolve(t.Context(), rev)
		mustBe(t, err, ErrNoRevision)
	}
}

func TestHistoryQuestions(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	root := w.resolve("main")
	w.personPushes("left", map[string]string{"l.txt": "l\n"})
	w.personPushes("right", map[string]string{"r.txt": "r\n"})
	w.personCommits("island", "", map[string]string{"i.txt": "i\n"})
	w.fetch()
	ctx, m := t.Context(), w.mirror
	if got, err := m.MergeBase(ctx, "left", "right"); got != root || err != nil {
		t.Errorf("merge base %s, %v", got, err)
	}
	_, err := m.MergeBase(ctx, "left", "island")
	mustBe(t, err, ErrUnrelated)
	_, err = m.Diff(ctx, "left", "island")
	mustBe(t, err, ErrUnrelated)
	_, err = m.MergeBase(ctx, "left", "nowhere")
	mustBe(t, err, ErrNoRevision)
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"main", "left", true}, {"left", "main", false}, {"left", "right", false}, {"left", "left", true}, {"island", "left", false}} {
		if got, err := m.IsAncestor(ctx, tt.a, tt.b); got != tt.want || err != nil {
			t.Errorf("is %s an ancestor of %s: %t, %v", tt.a, tt.b, got, err)
		}
	}
	if got, err := m.Conflicts(ctx, "left", "right"); got != nil || err != nil {
		t.Errorf("a clean merge was foretold to conflict in %q, %v", got, err)
	}
	if _, err := m.Conflicts(ctx, "left", "nowhere"); err == nil {
		t.Error("conflicts with nothing were foretold")
	}
}

func TestFilesAreReadByAnyName(t *testing.T) {
	files := map[string]string{"plain": "a\n", "dir/in dir": "b\n", "line\nbreak": "c\n", "-dash": "d\n", ":colon": "e\n", "no line end": "f", "tab\t": "\x00g"}
	w := newWorld(t, files)
	w.personPushes("main", map[string]string{"sub": w.resolve("main")})
	w.fetch()
	if diff := cmp.Diff(files, w.files("main")); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{"", "dir", "sub", "missing", "dir/../plain", "./plain", "/plain", "plain/x", "a\x00b"} {
		content, err := w.mirror.Show(t.Context(), "main", path)
		if err == nil {
			t.Errorf("%q was read as %q", path, content)
		}
		mustBe(t, err, ErrNoRevision)
	}
}

func TestManyFilesAreReadAtOnce(t *testing.T) {
	files := map[string]string{"blank": "\n", "line\nbreak": "c\n", "no line end": "f", "z": "\x00g missing\n"}
	w := newWorld(t, files)
	w.personPushes("main", map[string]string{"sub": w.resolve("main")})
	w.fetch()
	paths := []string{"missing", "z", "dir\nmissing", "line\nbreak", "sub", "./z", "", "no line end", "absent", "blank"}
	for i := range 1000 { // more than are asked for at once
		paths = append(paths, fmt.Sprint("absent", i))
	}
	got, err := w.mirror.ShowAll(t.Context(), "main", append(paths, "z"))
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range got {
		if want, ok := files[path]; !ok || string(content) != want {
			t.Errorf("%q: %q, want %q", path, content, want)
		}
	}
	if len(got) != len(files) {
		t.Errorf("%d files, want %d", len(got), len(files))
	}
}

func TestGrepFindsWholeWordsAsTheyStand(t *testing.T) {
	w := newWorld(t, map[string]string{
		"a.go": "func ParseRow(s string) {}\n// ParseRow and ParseRows\n", "b.go": "x := ParseRows()\n", "dir/line\nbreak": "call ParseRow(1); csv.go\n",
		"bin": "\x00ParseRow", "star": "a.*b\n", "not": "axxb csvXgo\n",
	})
	words := []string{"ParseRow", "a.*b", "csv.go", "absent", "", "two\nlines", "-e", "ParseRow"}
	got, err := w.mirror.Grep(t.Context(), "main", words)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"ParseRow": {"a.go", "dir/line\nbreak"}, "a.*b": {"star"}, "csv.go": {"dir/line\nbreak"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	alone, err := w.mirror.grep(t.Context(), w.resolve("main"), []string{"ParseRow", "a.*b", "absent", "csv.go"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, alone); diff != "" {
		t.Errorf("with more matches than are read at once:\n%s", diff)
	}
	if got, err := w.mirror.Grep(t.Context(), "main", nil); len(got) > 0 || err != nil {
		t.Errorf("no words: %v, %v", got, err)
	}
}

func TestSlugIsTheSameEverywhere(t *testing.T) {
	for title, want := range map[string]string{
		"Fix the frobnicator":                            "fix-the-frobnicator",
		"  CSV: export — «quotes» (v2)!  ":               "csv-export-quotes-v2",
		"Экспорт":                                        "",
		"İstanbul 𝔘nicode":                               "istanbul-nicode",
		"a very long title that goes on and on for ever": "a-very-long-title-that-goes-on-and-on",
		"exactly-forty-bytes-long-title-that-fits":       "exactly-forty-bytes-long-title-that-fits",
		"exactly-forty-bytes-long-title-that-fits and":   "exactly-forty-bytes-long-title-that-fits",
		strings.Repeat("x", 50):                          strings.Repeat("x", 40),
	} {
		if got := Slug(title); got != want {
			t.Errorf("Slug(%q) = %q, want %q", title, got, want)
		}
	}
	if got := Branch(31, "Fix it"); got != "lightsout/31-fix-it" {
		t.Error(got)
	}
	if got := Branch(31, "Экспорт"); got != "lightsout/31-ticket" {
		t.Error(got)
	}
}

func FuzzSlug(f *testing.F) {
	for _, s := range []string{"Fix it", "", "----", "a-" + strings.Repeat("b", 60), strings.Repeat("ab-", 30), "\xff\x00", "K\u212A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, title string) {
		s := Slug(title)
		if len(s) > maxSlug || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.Contains(s, "--") || strings.Trim(s, "-") != s || !utf8.ValidString(s) {
			t.Errorf("Slug(%q) = %q", title, s)
		}
		if Slug(s) != s {
			t.Errorf("Slug(%q) = %q, then %q", title, s, Slug(s))
		}
		if b := Branch(7, title); !Ours(b) {
			t.Errorf("Branch of %q is %q, which is not ours", title, b)
		}
	})
}
