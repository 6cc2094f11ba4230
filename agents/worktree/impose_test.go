package worktree

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ordersAgent(name string) bool {
	return strings.HasSuffix(name, "AGENTS.md") || strings.HasPrefix(name, ".claude")
}

func TestFilesOfAKindAreImposedWhateverStandsInTheirPlace(t *testing.T) {
	of := map[string]string{"AGENTS.md": "of main\n", "sub/AGENTS.md": "sub\n", ".claude/settings.json": "{}\n", "far/off/AGENTS.md": "far\n", ".gitignore": "*.local\n", "a.txt": "one\n"}
	w := newWorld(t, of)
	for name, c := range map[string]struct {
		left func(path string) error
		want map[string]string // beside those of the commit; "" where one of them is away
	}{
		"untouched":       {func(string) error { return nil }, nil},
		"changed":         {func(path string) error { return os.WriteFile(filepath.Join(path, "AGENTS.md"), []byte("mine"), 0o600) }, nil},
		"gone with all":   {func(path string) error { return os.RemoveAll(filepath.Join(path, "far")) }, nil},
		"a folder":        {func(path string) error { return instead(path, "AGENTS.md", "AGENTS.md/AGENTS.md") }, nil},
		"new and ignored": {func(path string) error { return instead(path, "", ".claude/x.local") }, nil},
		"a link in its place": {func(path string) error {
			return errors.Join(os.Remove(filepath.Join(path, "AGENTS.md")), os.Symlink("a.txt", filepath.Join(path, "AGENTS.md")))
		}, nil},
		"its folder a link": {func(path string) error {
			return errors.Join(os.RemoveAll(filepath.Join(path, ".claude")), os.Symlink("sub", filepath.Join(path, ".claude")))
		}, nil},
		"work in place of the folder": {func(path string) error { return instead(path, "far", "far") }, map[string]string{"far": "mine", "far/off/AGENTS.md": ""}},
		"other work":                  {func(path string) error { return instead(path, "a.txt", "b.txt") }, map[string]string{"a.txt": "", "b.txt": "mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.apart(t)
			path, base := w.add()
			if err := c.left(path); err != nil {
				t.Fatal(err)
			}
			if err := w.mirror.Impose(t.Context(), path, base, ordersAgent); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for _, files := range []map[string]string{of, c.want} {
				for name, content := range files {
					want[name] = content
					if content == "" {
						delete(want, name)
					}
				}
			}
			if got := readTree(t, path); !cmp.Equal(got, want) {
				t.Error(cmp.Diff(want, got))
			}
			if info, err := os.Lstat(filepath.Join(path, "AGENTS.md")); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}

// instead removes one path and writes another.
func instead(path, gone, there string) error {
	var err error
	if gone != "" {
		err = os.RemoveAll(filepath.Join(path, gone))
	}
	name := filepath.Join(path, there)
	return errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("mine"), 0o600))
}

func TestWhatIsImposedOnAMergeIsCommittedLikeAnyChange(t *testing.T) {
	w := newWorld(t, map[string]string{"AGENTS.md": "one\n", "a.txt": "one\n"})
	path, _ := w.add()
	writeFiles(t, path, map[string]string{"AGENTS.md": "ours\n", "a.txt": "ours\n"})
	head := w.take(path)
	main := w.personPushes("main", map[string]string{"AGENTS.md": "theirs\n"})
	w.fetch()
	if clashes, err := w.mirror.Merge(t.Context(), path, "main"); err != nil || !cmp.Equal(clashes, []string{"AGENTS.md"}) {
		t.Fatalf("clashes %v, %v", clashes, err)
	}
	if err := w.mirror.Impose(t.Context(), path, main, ordersAgent); err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, path); !cmp.Equal(got, map[string]string{"AGENTS.md": "theirs\n", "a.txt": "ours\n"}) {
		t.Errorf("%q", got)
	}
	merged := w.take(path)
	if got := w.git(w.mirror.Dir(), "rev-list", "--parents", "-1", merged); got != merged+" "+head+" "+main {
		t.Errorf("committed on %s", got)
	}
}
