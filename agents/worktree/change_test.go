package worktree

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const poem = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n"

func (w *world) patchID(base, head string) string {
	w.t.Helper()
	id, err := w.mirror.PatchID(w.t.Context(), base, head)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func TestPatchIDOutlivesACleanUpdateFromTheBase(t *testing.T) {
	w := newWorld(t, map[string]string{"poem.txt": poem, "other.txt": "x\n"})
	head := w.personPushes("feature", map[string]string{"poem.txt": strings.Replace(poem, "nine", "NINE", 1), "bin": "\x00\x01\x02"})
	w.fetch()
	before := w.patchID("main", head)
	w.personPushes("main", map[string]string{"poem.txt": "zero\n" + poem, "other.txt": "y\n"})
	w.fetch()
	if got := w.patchID("main", head); got != before {
		t.Error("the base moving on alone changed the patch id")
	}
	path := w.dir + "/copy"
	if err := w.mirror.Add(t.Context(), path, head, "lightsout/1-x"); err != nil {
		t.Fatal(err)
	}
	if conflicts, err := w.mirror.Merge(t.Context(), path, "main"); err != nil || conflicts != nil {
		t.Fatal(conflicts, err)
	}
	merged := w.take(path)
	if merged == head {
		t.Fatal("the merge made no commit")
	}
	if got := w.patchID("main", merged); got != before {
		t.Error("a clean update from the base changed the patch id")
	}
}

func TestBetweenComparesFilesWhateverLedToThem(t *testing.T) {
	w := newWorld(t, map[string]string{"poem.txt": poem})
	first := w.personPushes("first", map[string]string{"poem.txt": strings.Replace(poem, "nine", "NINE", 1), "new.txt": "x\n"})
	second := w.personPushes("second", map[string]string{"poem.txt": strings.Replace(poem, "nine", "NINE", 1), "new.txt": "y\n"})
	w.fetch()
	got, err := w.mirror.Between(t.Context(), first, second)
	if text := string(got); err != nil || strings.Contains(text, "poem.txt") || !strings.Contains(text, "-x\n+y\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if got, err := w.mirror.Between(t.Context(), first, first); err != nil || len(got) != 0 {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestPatchIDTellsEveryOtherChange(t *testing.T) {
	w := newWorld(t, map[string]string{"poem.txt": poem, "run.sh": "x\n", "old.bin": "\x00old"})
	first := map[string]string{"poem.txt": strings.Replace(poem, "nine", "\tNINE", 1), "new.bin": "\x00\x01\x02", "old.bin": "\x00new"}
	seen := map[string]string{w.patchID("main", "main"): "nothing at all"}
	if _, ok := seen[""]; !ok {
		t.Error("no change has a patch id")
	}
	for name, files := range map[string]map[string]string{
		"the change itself": {},
		"white space":       {"poem.txt": strings.Replace(poem, "nine", "  NINE", 1)},
		"a blank line":      {"poem.txt": strings.Replace(poem, "nine", "\tNINE\n", 1)},
		"no line end":       {"poem.txt": strings.TrimSuffix(strings.Replace(poem, "nine", "\tNINE", 1), "\n")},
		"a new binary":      {"new.bin": "\x00\x01\x03"},
		"an old binary":     {"old.bin": "\x00newer"},
		"an empty file":     {"run.sh": ""},
		"a submodule":       {"sub": strings.Repeat("1", 40)},
		"another submodule": {"sub": strings.Repeat("2", 40)},
		"a file elsewhere":  {"POEM.txt": "x\n"},
		"the same file":     {"Poem.txt": "x\n"},
	} {
		branch := Slug(name)
		all := map[string]string{}
		for _, part := range []map[string]string{first, files} {
			for k, v := range part {
				all[k] = v
			}
		}
		w.personPushes(branch, all)
		w.fetch()
		id := w.patchID("main", branch)
		if other, ok := seen[id]; ok {
			t.Errorf("%s has the patch id of %s", name, other)
		}
		seen[id] = name
	}
	path, _ := w.add()
	writeFiles(t, path, first)
	w.sessionGit(path, "add", "-A")
	w.sessionGit(path, "update-index", "--chmod=+x", "run.sh")
	w.sessionGit(path, "checkout-index", "-f", "-a")
	if other, ok := seen[w.patchID("main", w.take(path))]; ok {
		t.Errorf("a mode alone has the patch id of %s", other)
	}
}

func TestChangedNamesEveryKindOfChange(t *testing.T) {
	w := newWorld(t, map[string]string{"stay": "x\n", "edit": poem, "move": poem + "move\n", "drop": "one\ntwo\n", "bin": "\x00a", "kind": "stay"})
	base := w.resolve("main")
	w.personPushes("main", map[string]string{"elsewhere": "the base moves on\n"})
	head := w.personCommits("work", base, map[string]string{
		"edit": strings.Replace(poem, "two\n", "2\n2\n", 1), "move": "", "moved\nhere": poem + "move\n", "drop": "",
		"bin": "\x00b", "new": "1\n2\n3\n", "sub": strings.Repeat("1", 40),
	})
	w.fetch()
	got, err := w.mirror.Changed(t.Context(), "main", head)
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{Path: "bin", Status: 'M', Mode: "100644", Binary: true},
		{Path: "drop", Status: 'D', Deleted: 2, Mode: "100644"},
		{Path: "edit", Status: 'M', Added: 2, Deleted: 1, Mode: "100644"},
		{Path: "moved\nhere", Old: "move", Status: 'R', Mode: "100644"},
		{Path: "new", Status: 'A', Added: 3, Mode: "100644"},
		{Path: "sub", Status: 'A', Added: 1, Mode: "160000"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	patch, err := w.mirror.Diff(t.Context(), "main", head)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"+2\n", "-two\n", "rename from move\n", "+Subproject commit 1111"} {
		if !strings.Contains(string(patch), line) {
			t.Errorf("the diff lacks %q", line)
		}
	}
	if strings.Contains(string(patch), "elsewhere") {
		t.Error("the diff shows what the base did meanwhile")
	}
}

func TestAttributesHideNothingFromTheDiff(t *testing.T) {
	w := newWorld(t, map[string]string{"a.go": "package a\n"})
	head := w.personPushes("hide", map[string]string{"a.go": "package evil\n", ".gitattributes": "*.go -diff binary\n"})
	w.fetch()
	patch, err := w.mirror.Diff(t.Context(), "main", head)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(patch), "+package evil") {
		t.Errorf("attributes hid a line:\n%s", patch)
	}
}

func FuzzParseChanges(f *testing.F) {
	f.Add([]byte(":100644 100644 1 2 M\x00a\x001\t2\ta\x00"))
	f.Add([]byte(":100644 100644 1 2 R100\x00a\x00b\nc\x000\t0\t\x00a\x00b\nc\x00"))
	f.Add([]byte(":000000 100644 1 2 A\x00:b\x00-\t-\t:b\x00"))
	f.Add([]byte("1\t2\ta\x00"))
	f.Add([]byte(":100644 100644 1 2 R100\x00a"))
	f.Fuzz(func(t *testing.T, out []byte) {
		changes, err := parseChanges(out)
		if err != nil {
			return
		}
		for _, c := range changes {
			if c.Path == "" && len(out) < 10 || c.Status == 0 || c.Added < 0 || c.Binary && c.Added != 0 {
				t.Errorf("%q became %+v", out, c)
			}
		}
	})
}
