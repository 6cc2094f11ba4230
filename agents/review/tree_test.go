package review

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func openRoot(t testing.TB) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func stagedTree(t *testing.T) *tree {
	t.Helper()
	s := newStage(t)
	tr, err := openTree(s.request.Dir, s.request.Diff, []byte("diff --git a/gone.go b/gone.go\n--- a/gone.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.close() })
	return tr
}

func TestAFileIsMeantHoweverItIsNamed(t *testing.T) {
	tr := stagedTree(t)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := errors.Join(os.WriteFile(outside, []byte("x\n"), 0o600), os.Symlink(outside, filepath.Join(tr.dir, "link")), os.Mkdir(filepath.Join(tr.dir, ".git"), 0o700),
		os.WriteFile(filepath.Join(tr.dir, ".git", "config"), []byte("x\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for said, want := range map[string]string{
		"pages/list.go": "pages/list.go", "b/pages/list.go": "pages/list.go", "./pages/list.go": "pages/list.go", " pages/../pages/list.go": "pages/list.go",
		tr.dir + "/pages/list.go": "pages/list.go", "gone.go": "gone.go",
		"": "", ".": "", "pages": "", "/pages/list.go": "", "../" + filepath.Base(tr.dir) + "/pages/list.go": "", "nowhere.go": "", "link": "", ".git/config": "", outside: "",
		"pages/list.go\x00": "",
	} {
		if got := tr.name(said); got != want {
			t.Errorf("%q is %q, want %q", said, got, want)
		}
	}
}

func TestARefutationNeedsAPlaceThatExists(t *testing.T) {
	tr := stagedTree(t)
	for said, want := range map[string]bool{
		"show/show.go:4": true, "see show/show.go:4-6, where n is checked": true, "(`show/show.go`:4)": false, "(show/show.go:4)": true,
		"show/show.go": false, "show/show.go:0": false, "show/show.go:9999": false, "nowhere.go:1": false, "gone.go:1": false, "": false, ":4": false,
	} {
		if got := tr.hasPlace(said); got != want {
			t.Errorf("%q: %v", said, got)
		}
	}
}

func TestATraceIsPreciseWhenItsCodeStandsThere(t *testing.T) {
	tr := stagedTree(t)
	from := Step{"show/show.go", 7, "return pages.Pages(n, 10)"}
	to := Step{"pages/list.go", 5, "return n / size"}
	for _, row := range []struct {
		name  string
		steps []Step
		want  bool
	}{
		{"two steps, one of them in the change", []Step{from, to}, true},
		{"white space does not count", []Step{from, {"pages/list.go", 5, "\treturn  n/size\n}"}}, true},
		{"lines may be off by a few", []Step{from, {"pages/list.go", 2, "return n / size"}}, true},
		{"lines may not be off by many", []Step{{"show/show.go", 3, "return pages.Pages(n, 10)"}, to}, false},
		{"one step", []Step{to}, false},
		{"none", nil, false},
		{"code that is not there", []Step{from, {"pages/list.go", 5, "return n / (size + 1)"}}, false},
		{"a brace", []Step{from, to, {"pages/list.go", 6, "}"}}, false},
		{"nothing", []Step{from, to, {"pages/list.go", 6, " \n "}}, false},
		{"a file that is not there", []Step{from, to, {"pages/none.go", 6, "return"}}, false},
		{"a deleted file", []Step{from, to, {"gone.go", 1, "xxx"}}, false},
		{"nothing that the change touches", []Step{from, {"show/show.go", 4, "if n < 0"}}, false},
	} {
		if lack := tr.precise(row.steps); (lack == "") != row.want {
			t.Errorf("%s: %q", row.name, lack)
		}
	}
}
