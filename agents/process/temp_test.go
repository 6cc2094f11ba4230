package process_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lightsout/agents/process"
)

func TestATreeWithMountsOfItsOwnHasATempOfItsOwn(t *testing.T) {
	for _, namespace := range []bool{false, true} {
		if _, ok := apart(t, true, "exit", "0"); namespace && !ok {
			continue
		}
		place, readable, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
		work, temp := filepath.Join(place, "work"), filepath.Join(place, "temp")
		for _, dir := range []string{work, temp} {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(place, "/tmp"), "/"), "/")
		for _, err := range []error{
			os.WriteFile(filepath.Join(readable, "tool"), []byte("tooled\n"), 0o644),
			// As an earlier tree may have left it, so that what is laid out for this one ends up elsewhere.
			os.Symlink(elsewhere, filepath.Join(temp, first)),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		tree := player(t, "exit", "0")
		var out bytes.Buffer
		tree.Args, tree.Dir, tree.Stdout, tree.Stderr = []string{"/bin/sh", "-c", `echo hello >/tmp/said; cat ` + readable + `/tool; echo x >here; echo x >` + readable + `/planted; ls /tmp`}, work, &out, &out
		tree.Contain = &process.Containment{ReadWrite: []string{work, temp}, ReadOnly: []string{readable}, Network: true, Namespace: namespace, Temp: temp}
		r, err := tree.Run(t.Context())
		if err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
		own := r.User != 0 || namespace
		said, _ := os.ReadFile(filepath.Join(temp, "said"))
		if own != (string(said) == "hello\n") {
			t.Errorf("namespace %v, user %d: in its own folder stands %q\n%s", namespace, r.User, said, out.String())
		}
		if _, err := os.Lstat("/tmp/said"); err == nil && r.Contained {
			t.Error("it wrote where everybody does")
		}
		if _, err := os.Lstat(filepath.Join(readable, "planted")); err == nil && r.Contained {
			t.Error("it wrote in what it may only read")
		}
		if _, err := os.Stat(filepath.Join(work, "here")); err != nil || !strings.Contains(out.String(), "tooled\n") {
			t.Errorf("its own folders are not where they were: %v\n%s", err, out.String())
		}
		if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
			t.Errorf("what an earlier tree left led the helper elsewhere: %v, %v", entries, err)
		}
	}
}
