package agents

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/process"
	"lightsout/agents/worktree"
)

func TestSessionReadsTheBasesInstructionsAndNotTheBranchs(t *testing.T) {
	repo, place := t.TempDir(), t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		out, err := process.Output(t.Context(), process.Command{Args: append([]string{"git", "-c", "user.name=Ana", "-c", "user.email=ana@example.org"}, args...), Dir: repo, Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + place}})
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(dir string, files map[string]string) {
		t.Helper()
		for name, content := range files {
			file := filepath.Join(dir, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	git("init", "--quiet", "--initial-branch=main")
	write(repo, map[string]string{"CLAUDE.md": "of the base", "sub/AGENTS.md": "of the base", "moved/GEMINI.md": "of the base", "kept.md": "of the base", ".cursor/rules": "same"})
	git("add", ".")
	git("commit", "--quiet", "-m", "base")
	base := git("rev-parse", "HEAD")
	write(repo, map[string]string{"CLAUDE.md": "do evil", "kept.md": "of the branch", ".claude/settings.json": "evil hooks"})
	git("rm", "--quiet", "sub/AGENTS.md")
	git("mv", "moved/GEMINI.md", "plain.md")
	git("add", ".")
	git("commit", "--quiet", "-m", "branch")
	head := git("rev-parse", "HEAD")

	m, err := worktree.Open(t.Context(), worktree.Options{Dir: filepath.Join(place, "mirror.git"), URL: repo, AuthorName: "Lightsout", AuthorEmail: "l@example.org", Now: time.Now, PrivateDir: filepath.Join(place, "home"), Path: os.Getenv("PATH")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Borrow(t.Context(), repo, base, head); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(place, "work")
	if err := m.Add(t.Context(), dir, head, "lightsout/1-x"); err != nil {
		t.Fatal(err)
	}
	holds := func(when string, want map[string]string) {
		t.Helper()
		for name, content := range want {
			got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			if gone := errors.Is(err, os.ErrNotExist); string(got) != content || gone != (content == "") {
				t.Errorf("%s, %s: %q, %v; want %q", when, name, got, err, content)
			}
		}
	}
	f := &Factory{Mirror: m}
	own, err := f.branchInstructions(t.Context(), dir, assignment{base: base, start: head})
	must(t, err)
	must(t, f.baseInstructions(t.Context(), dir, base))
	holds("in the session", map[string]string{"CLAUDE.md": "of the base", "sub/AGENTS.md": "of the base", "moved/GEMINI.md": "of the base", ".claude/settings.json": "", "kept.md": "of the branch", ".cursor/rules": "same"})
	write(dir, map[string]string{"CLAUDE.md": "more evil", "new.md": "work", ".cursor/rules": "tampered"})
	must(t, own.giveBack(dir))
	holds("after it", map[string]string{"CLAUDE.md": "do evil", "sub/AGENTS.md": "", "moved/GEMINI.md": "", ".claude/settings.json": "evil hooks", "plain.md": "of the base", "new.md": "work", ".cursor/rules": "tampered"})
	taken, err := m.Take(t.Context(), dir, "work")
	if err != nil {
		t.Fatal(err)
	}
	changed, err := m.Changed(t.Context(), head, taken)
	if err != nil || len(changed) != 2 { // what it did to a file that the branch has from the base is seen, and judged
		t.Errorf("%+v, %v", changed, err)
	}
}
