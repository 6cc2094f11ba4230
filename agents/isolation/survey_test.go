package isolation

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lightsout/agents/forge"
	"lightsout/agents/process"
	"lightsout/agents/worktree"
)

// openMirror seeds a remote's main with files and gives a mirror that has fetched it.
func openMirror(t *testing.T, files map[string]string) *worktree.Mirror {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		_, err := process.Output(t.Context(), process.Command{Args: append([]string{"git", "-c", "user.name=Ana", "-c", "user.email=ana@example.com"}, args...),
			Dir: dir, Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	git("init", "--quiet", "--initial-branch=main", "repo")
	for name, content := range files {
		path := filepath.Join(dir, "repo", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git("-C", "repo", "add", "-A")
	git("-C", "repo", "commit", "--quiet", "-m", "seed")
	m, err := worktree.Open(t.Context(), worktree.Options{Dir: filepath.Join(dir, "mirror.git"), URL: filepath.Join(dir, "repo"), AuthorName: "l",
		AuthorEmail: "l@example.com", Now: time.Now, PrivateDir: filepath.Join(dir, "home"), Path: os.Getenv("PATH")})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestASurveyFindsWhereTheWordsOfTicketsStand(t *testing.T) {
	files := map[string]string{"store/export.go": "func exportRows() {}\n", "main.go": "exportRows() // not exportRowsNow\n", "late.go": "func lastWord() {}\n"}
	m := openMirror(t, files)
	tickets := []forge.Ticket{ticket(1, "exportRows() drops a row"), {Number: 2, Title: "exportRows again"}}
	for i := range 5 { // more words than one search holds
		body := ""
		for j := range maxWords {
			body += fmt.Sprintf("absentWord%d_%d ", i, j)
		}
		tickets = append(tickets, forge.Ticket{Number: 3 + i, Title: "x", Body: body})
	}
	tickets = append(tickets, forge.Ticket{Number: 9, Title: "lastWord"})
	tree, err := Survey(t.Context(), m, "main", tickets)
	if err != nil {
		t.Fatal(err)
	}
	want := Tree{Paths: []string{"late.go", "main.go", "store/export.go"},
		Mentions: map[string][]string{"exportRows": {"main.go", "store/export.go"}, "lastWord": {"late.go"}}}
	if diff := cmp.Diff(want, tree); diff != "" {
		t.Error(diff)
	}
	d := Pick(Facts{Tickets: tickets[:1], Tree: tree})
	if diff := cmp.Diff([]string{"main.go", "store/export.go"}, d.Picked.Files); diff != "" {
		t.Error(diff)
	}
}

func TestASurveyThatCannotReadSaysSo(t *testing.T) {
	m := openMirror(t, map[string]string{"main.go": "x\n"})
	if tree, err := Survey(t.Context(), m, "nowhere", nil); err == nil {
		t.Errorf("surveyed %v", tree)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if tree, err := Survey(ctx, m, "main", nil); err == nil {
		t.Errorf("surveyed %v", tree)
	}
}
