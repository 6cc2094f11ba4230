package worktree

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plant is what a hostile session leaves: run is a command line that leaves a trace when anybody runs it.
type plant func(t *testing.T, w *world, path, run string)

func TestNothingPlantedInAWorkingCopyRuns(t *testing.T) {
	script := func(t *testing.T, path, run string) {
		t.Helper()
		writeFiles(t, filepath.Dir(path), map[string]string{filepath.Base(path): "#!/bin/sh\n" + run + "\ncat\n"})
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	hostileConfig := func(t *testing.T, w *world, dir, run string) {
		t.Helper()
		for key, value := range map[string]string{
			"core.fsmonitor": run + " #", "filter.evil.clean": run + "; cat", "filter.evil.smudge": run + "; cat",
			"filter.evil.required": "true", "core.sshCommand": run, "core.pager": run, "core.editor": run, "diff.external": run,
			"diff.evil.textconv": run + "; cat", "diff.evil.command": run, "merge.evil.driver": run, "gpg.program": run,
			"commit.gpgSign": "true", "uploadpack.packObjectsHook": run, "core.alternateRefsCommand": run, "credential.helper": "!" + run,
		} {
			w.git(dir, "config", key, value)
		}
	}
	tests := []struct {
		name  string
		plant plant
		alive []string // a git command that shows the plant to be live, when the session's .git is believed
	}{
		{"hooks", func(t *testing.T, w *world, path, run string) {
			for _, name := range []string{"pre-commit", "post-commit", "commit-msg", "post-index-change", "reference-transaction",
				"post-checkout", "pre-merge-commit", "post-merge", "pre-push", "fsmonitor-watchman"} {
				script(t, filepath.Join(path, ".git", "hooks", name), run)
			}
		}, []string{"commit", "--allow-empty", "-m", "x"}},
		{"a hooks path in the configuration", func(t *testing.T, w *world, path, run string) {
			script(t, filepath.Join(path, "tools", "pre-commit"), run)
			w.git(path, "config", "core.hooksPath", filepath.Join(path, "tools"))
		}, []string{"commit", "--allow-empty", "-m", "x"}},
		{"filters", func(t *testing.T, w *world, path, run string) {
			hostileConfig(t, w, path, run)
			writeFiles(t, path, map[string]string{".gitattributes": "* filter=evil diff=evil merge=evil\n"})
		}, []string{"add", "-A"}},
		{"a file system monitor", func(t *testing.T, w *world, path, run string) {
			hostileConfig(t, w, path, run)
		}, []string{"status"}},
		{"an included configuration", func(t *testing.T, w *world, path, run string) {
			writeFiles(t, path, map[string]string{".evil": "[core]\n\tfsmonitor = \"" + run + " #\"\n"})
			w.git(path, "config", "include.path", filepath.Join(path, ".evil"))
		}, []string{"status"}},
		{"a repository in the folder of a submodule", func(t *testing.T, w *world, path, run string) {
			sub := filepath.Join(path, "sub")
			w.git("", "clone", "--quiet", w.remote, sub)
			w.git(sub, "checkout", "--quiet", "HEAD~1") // the commit that main names: git looks whether it is dirty
			hostileConfig(t, w, sub, run)
			writeFiles(t, sub, map[string]string{"a.txt": "two\n", ".gitattributes": "* filter=evil\n"})
		}, []string{"status"}},
		{"a nested repository", func(t *testing.T, w *world, path, run string) {
			nested := filepath.Join(path, "dir", "nested")
			w.git("", "clone", "--quiet", w.remote, nested)
			hostileConfig(t, w, nested, run)
			writeFiles(t, nested, map[string]string{".gitattributes": "* filter=evil\n", "a.txt": "other\n"})
		}, nil},
		{"a .git that is a link to elsewhere", func(t *testing.T, w *world, path, run string) {
			hostileConfig(t, w, path, run)
			elsewhere := filepath.Join(w.dir, "elsewhere")
			if err := os.Rename(filepath.Join(path, ".git"), elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, filepath.Join(path, ".git")); err != nil {
				t.Fatal(err)
			}
		}, []string{"status"}},
		{"a .git that is a file naming another", func(t *testing.T, w *world, path, run string) {
			hostileConfig(t, w, path, run)
			elsewhere := filepath.Join(w.dir, "elsewhere")
			if err := os.Rename(filepath.Join(path, ".git"), elsewhere); err != nil {
				t.Fatal(err)
			}
			writeFiles(t, path, map[string]string{".git": "gitdir: " + elsewhere + "\n"})
		}, []string{"status"}},
	}
	shared := newWorld(t, map[string]string{"a.txt": "one\n", "dir/b.txt": "two\n"})
	shared.personPushes("main", map[string]string{"sub": shared.resolve("main")})
	shared.fetch()
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := shared.apart(t)
			path, _ := w.add()
			branch := Branch(i, tt.name)
			trace := filepath.Join(w.dir, "trace")
			tt.plant(t, w, path, "touch "+trace)
			writeFiles(t, path, map[string]string{"a.txt": "ONE\n"})
			if err := os.RemoveAll(trace); err != nil { // planting may have set it off
				t.Fatal(err)
			}
			if tt.alive != nil {
				witness := filepath.Join(w.dir, "witness")
				if err := os.CopyFS(witness, os.DirFS(path)); err != nil {
					t.Fatal(err)
				}
				w.tryGit(witness, tt.alive...)
				if err := os.Remove(trace); err != nil {
					t.Fatalf("the plant is not live, so the test shows nothing: %v", err)
				}
			}
			head := w.take(path)
			if got := w.files(head)["a.txt"]; got != "ONE\n" {
				t.Errorf("a.txt was taken as %q", got)
			}
			if got := w.git(w.mirror.Dir(), "ls-tree", head, "sub"); !strings.HasPrefix(got, "160000 commit") {
				t.Errorf("the submodule became %q", got)
			}
			if _, nested := w.files(head)["dir/nested/a.txt"]; nested {
				t.Error("a nested repository was taken")
			}
			if err := w.mirror.Push(t.Context(), branch, head, ""); err != nil {
				t.Error(err)
			}
			if _, err := w.mirror.Merge(t.Context(), path, "main"); err != nil {
				t.Error(err)
			}
			if err := w.mirror.Checkout(t.Context(), path, head); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(trace); err == nil {
				t.Error("what was planted ran")
			}
		})
	}
}

func TestFilesAreTakenWhateverBecameOfTheRepository(t *testing.T) {
	inGit := func(t *testing.T, path, name, content string) {
		writeFiles(t, filepath.Join(path, ".git"), map[string]string{name: content})
	}
	tests := []struct {
		name  string
		spoil func(t *testing.T, w *world, path string)
	}{
		{"deleted", func(t *testing.T, w *world, path string) { remove(t, filepath.Join(path, ".git")) }},
		{"an empty folder", func(t *testing.T, w *world, path string) {
			remove(t, filepath.Join(path, ".git"))
			w.git(path, "init", "--quiet")
		}},
		{"corrupt HEAD", func(t *testing.T, w *world, path string) { inGit(t, path, "HEAD", "\x00\xff garbage") }},
		{"HEAD on a branch that climbs out", func(t *testing.T, w *world, path string) {
			inGit(t, path, "HEAD", "ref: refs/heads/../../../../remote.git/HEAD\n")
		}},
		{"HEAD on an unborn branch", func(t *testing.T, w *world, path string) { w.git(path, "checkout", "--quiet", "--orphan", "fresh") }},
		{"HEAD is a pipe", func(t *testing.T, w *world, path string) {
			remove(t, filepath.Join(path, ".git", "HEAD"))
			if err := syscall.Mkfifo(filepath.Join(path, ".git", "HEAD"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"HEAD names a commit that is nowhere", func(t *testing.T, w *world, path string) {
			inGit(t, path, "HEAD", strings.Repeat("1234567890", 4)+"\n")
		}},
		{"history reset to an unrelated commit", func(t *testing.T, w *world, path string) {
			w.sessionGit(path, "checkout", "--quiet", "--orphan", "other")
			w.sessionGit(path, "commit", "--quiet", "-m", "Unrelated")
		}},
		{"the base amended", func(t *testing.T, w *world, path string) {
			w.sessionGit(path, "commit", "--quiet", "--amend", "-m", "Rewritten")
		}},
		{"commits in the name of a person", func(t *testing.T, w *world, path string) {
			w.git(path, "commit", "--quiet", "--allow-empty", "--author=Ana <ana@example.com>", "-m", "I, Ana, approve")
		}},
		{"a commit of a person's name made to look taken", func(t *testing.T, w *world, path string) {
			w.git(path, "-c", "user.name=Ana", "commit", "--quiet", "--allow-empty", "-m", "by Ana")
			w.sessionGit(path, "commit", "--quiet", "--allow-empty", "-m", "by us")
		}},
		{"a file missing from history", func(t *testing.T, w *world, path string) {
			writeFiles(t, path, map[string]string{"a.txt": "soon gone\n"})
			w.sessionGit(path, "add", "-A")
			w.sessionGit(path, "commit", "--quiet", "-m", "Whole for now")
			blob := w.sessionGit(path, "rev-parse", "HEAD:a.txt")
			remove(t, filepath.Join(path, ".git", "objects", blob[:2], blob[2:]))
			writeFiles(t, path, map[string]string{"a.txt": "ONE, again\n"})
			w.sessionGit(path, "commit", "--quiet", "-am", "On top of a hole")
			writeFiles(t, path, map[string]string{"a.txt": "ONE\n"})
		}},
		{"an object that is not what its name says", func(t *testing.T, w *world, path string) {
			w.sessionGit(path, "commit", "--quiet", "--allow-empty", "-m", "true")
			commit := w.sessionGit(path, "rev-parse", "HEAD")
			w.sessionGit(path, "commit", "--quiet", "--allow-empty", "--amend", "-m", "false")
			other := w.sessionGit(path, "rev-parse", "HEAD")
			objects := filepath.Join(path, ".git", "objects")
			forged := filepath.Join(objects, other[:2], other[2:])
			remove(t, forged)
			content, err := os.ReadFile(filepath.Join(objects, commit[:2], commit[2:]))
			if err == nil {
				err = os.WriteFile(forged, content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}},
		{"a tree that names .git", func(t *testing.T, w *world, path string) {
			blob := w.sessionGit(path, "hash-object", "-w", "a.txt")
			tree, err := w.run(path, "100755 blob "+blob+"\t.git\n", nil, []string{"mktree"})
			if err != nil {
				t.Fatal(err)
			}
			w.sessionGit(path, "update-ref", "HEAD", w.sessionGit(path, "commit-tree", "-p", "HEAD", "-m", "Evil", tree))
		}},
		{"all of it elsewhere, by a link", func(t *testing.T, w *world, path string) {
			w.sessionGit(path, "commit", "--quiet", "--allow-empty", "-m", "kept elsewhere")
			elsewhere := filepath.Join(w.dir, "elsewhere")
			if err := os.Rename(filepath.Join(path, ".git"), elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, filepath.Join(path, ".git")); err != nil {
				t.Fatal(err)
			}
		}},
		{"objects elsewhere, by a link", func(t *testing.T, w *world, path string) {
			w.sessionGit(path, "commit", "--quiet", "--allow-empty", "-m", "kept elsewhere")
			elsewhere := filepath.Join(w.dir, "objects")
			if err := os.Rename(filepath.Join(path, ".git", "objects"), elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, filepath.Join(path, ".git", "objects")); err != nil {
				t.Fatal(err)
			}
		}},
		{"a base replaced", func(t *testing.T, w *world, path string) {
			head := w.sessionGit(path, "rev-parse", "HEAD")
			w.sessionGit(path, "checkout", "--quiet", "--orphan", "other")
			w.sessionGit(path, "commit", "--quiet", "-m", "Unrelated")
			w.sessionGit(path, "replace", "--graft", "HEAD", head)
		}},
	}
	shared := newWorld(t, map[string]string{"a.txt": "one\n", "dir/b.txt": "two\n"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := shared.apart(t)
			path, base := w.add()
			writeFiles(t, path, map[string]string{"a.txt": "ONE\n", "c.txt": "three\n"})
			tt.spoil(t, w, path)
			head := w.take(path)
			want := map[string]string{"a.txt": "ONE\n", "dir/b.txt": "two\n", "c.txt": "three\n"}
			if diff := cmp.Diff(want, w.files(head)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"lightsout: Fix the thing"}, w.subjects(base, head)); diff != "" {
				t.Error(diff)
			}
			if out := w.sessionGit(path, "status", "--porcelain", "--branch"); out != "## lightsout/31-fix" {
				t.Errorf("the next session finds\n%s", out)
			}
			if got := w.sessionGit(path, "rev-parse", "HEAD"); got != head {
				t.Errorf("the next session stands at %s, want %s", got, head)
			}
		})
	}
}

func TestStrangeFilesAreTakenAsGitKeepsThem(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n", "src/main.c": "int main;\n", "src/lib.c": "int lib;\n", "tool": "x\n", "name": "file\n"})
	path, base := w.add()
	secret := filepath.Join(w.dir, "secret")
	writeFiles(t, secret, map[string]string{"main.c": "secret\n", "key": "secret\n"})
	remove(t, filepath.Join(path, "src"))
	remove(t, filepath.Join(path, "name"))
	odd := map[string]string{"line\nbreak.txt": "1\n", " lead and trail ": "2\n", "quote\"s\\": "3\n", "not utf8 \xff\xfe": "4\n",
		"tab\there": "5\n", "-dash": "6\n", ":(glob)**": "7\n", "name/now a folder": "8\n", "*.glob": "9\n"}
	writeFiles(t, path, odd)
	for link, target := range map[string]string{"src": secret, "loop": "loop", "key": filepath.Join(secret, "key")} {
		if err := os.Symlink(target, filepath.Join(path, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, pipe := range []string{".gitattributes", ".gitignore", "dir-of-pipes"} {
		if err := syscall.Mkfifo(filepath.Join(path, pipe), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"a.txt": 0, "tool": 0o755, "name": 0o500} {
		if err := os.Chmod(filepath.Join(path, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	head := w.take(path)
	want := map[string]string{"a.txt": "one\n", "tool": "x\n", "src": secret, "loop": "loop", "key": filepath.Join(secret, "key")}
	for name, content := range odd {
		want[name] = content
	}
	if diff := cmp.Diff(want, w.files(head)); diff != "" {
		t.Error(diff)
	}
	changes, err := w.mirror.Changed(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, c := range changes {
		kinds[c.Path] = fmt.Sprintf("%c %s", c.Status, c.Mode)
	}
	for name, kind := range map[string]string{"src": "A 120000", "src/main.c": "D 100644", "tool": "M 100755", "line\nbreak.txt": "A 100644", "not utf8 \xff\xfe": "A 100644"} {
		if kinds[name] != kind {
			t.Errorf("%q changed as %q, want %q", name, kinds[name], kind)
		}
	}
	if err := w.mirror.Checkout(t.Context(), path, base); err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, secret)["main.c"]; got != "secret\n" {
		t.Errorf("a checkout wrote through a link: %q", got)
	}
}

func TestAForgedObjectDoesNotPoisonLaterRounds(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, _ := w.add()
	good, bad := filepath.Join(w.dir, "good"), filepath.Join(w.dir, "bad")
	writeFiles(t, w.dir, map[string]string{"good": "round two\n", "bad": "not what its name says\n"})
	// An object of the name that the file of round two will have, with other bytes.
	wanted, other := w.sessionGit(path, "hash-object", good), w.sessionGit(path, "hash-object", "-w", bad)
	objects := filepath.Join(path, ".git", "objects")
	if err := os.MkdirAll(filepath.Join(objects, wanted[:2]), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(objects, other[:2], other[2:]), filepath.Join(objects, wanted[:2], wanted[2:])); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, path, map[string]string{"a.txt": "round one\n"})
	w.sessionGit(path, "commit", "--quiet", "-am", "Round one")
	w.take(path)
	writeFiles(t, path, map[string]string{"a.txt": "round two\n"})
	if got := w.files(w.take(path))["a.txt"]; got != "round two\n" {
		t.Errorf("a.txt was taken as %q", got)
	}
}

func TestASessionThatPacksItsObjectsLosesNothing(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	path, base := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "ONE\n", "b.txt": "two\n"})
	w.sessionGit(path, "checkout", "--quiet", "-b", "my-own-branch")
	w.sessionGit(path, "add", "-A")
	w.sessionGit(path, "commit", "--quiet", "-m", "Packed away")
	w.sessionGit(path, "gc", "--quiet", "--prune=now")
	w.sessionGit(path, "pack-refs", "--all")
	head := w.take(path)
	if diff := cmp.Diff([]string{"lightsout: Fix the thing"}, w.subjects(base, head)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"a.txt": "ONE\n", "b.txt": "two\n"}, w.files(head)); diff != "" {
		t.Error(diff)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
