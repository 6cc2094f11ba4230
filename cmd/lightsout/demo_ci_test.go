//go:build ci

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lightsout/agents/process"
)

// demoLimit is how long the demo may take on two cores, its build cache empty, in seconds.
const demoLimit = 60

func TestTheDemoTakesEveryTicketWhereItBelongs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	var out, errors bytes.Buffer
	code := run(t.Context(), []string{"demo", "--yes", "--json", "--dir", dir}, console{in: strings.NewReader(""), out: &out, err: &errors, environ: os.Environ()})
	if code != exitYes {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errors.String())
	}
	var result demoResult
	must(t, json.Unmarshal(out.Bytes(), &result))
	if result.Merged != 5 || result.Staged != 5 || result.Parked != 1 {
		t.Errorf("%d merged, %d staged, %d parked; want 5, 5, 1", result.Merged, result.Staged, result.Parked)
	}
	t.Logf("%.1f s, %d messages, %d requests to GitHub", result.Seconds, result.Messages, result.GitHub.Requests)
	if result.Seconds > demoLimit {
		t.Errorf("it took %.1f s, more than %d", result.Seconds, demoLimit)
	}
	for _, name := range []string{"repo.git", "lightsout.db", "chat.json", "mutations.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if text := errors.String(); text != "" {
		t.Errorf("the demo complained:\n%s", text)
	}
	checkHistory(t, dir, result)
	checkReview(t, dir)
}

// checkReview holds that the chat tells of the bug that the reviewers found before it was published, and of the false alarm.
func checkReview(t *testing.T, dir string) {
	t.Helper()
	chat, err := os.ReadFile(filepath.Join(dir, "chat.json"))
	must(t, err)
	for _, words := range []string{"Review found a real bug", "3 raised, 1 refuted, 1 noted, 1 open", "review: 3 raised, 1 refuted, 1 fixed, 1 noted", "\\nFixed: internal/query/page.go:19 A page after a SKU",
		"\\nRefuted: internal/query/page.go:26 An empty list panics"} {
		if !strings.Contains(string(chat), words) {
			t.Errorf("the chat does not say %q", words)
		}
	}
}

// checkHistory holds that main has the five merges, each green, and that each was sent to staging.
func checkHistory(t *testing.T, dir string, result demoResult) {
	t.Helper()
	repo, tree := filepath.Join(dir, "repo.git"), filepath.Join(t.TempDir(), "tree")
	output := func(where string, args ...string) string {
		t.Helper()
		out, err := process.Output(t.Context(), process.Command{Args: args, Dir: where,
			Env: append(os.Environ(), "GOCACHE="+filepath.Join(dir, "cache", "go-build"), "CGO_ENABLED=0", "GOFLAGS=")})
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	merges := strings.Fields(output(repo, "git", "log", "--first-parent", "--merges", "--format=%H", "main"))
	merged := map[string]bool{}
	for _, ticket := range result.Tickets {
		if ticket.MergedSHA != "" {
			merged[ticket.MergedSHA] = true
		}
	}
	if len(merges) != 5 || len(merged) != 5 {
		t.Fatalf("main has %d merges, the result names %d", len(merges), len(merged))
	}
	output(dir, "git", "clone", "--quiet", repo, tree)
	for _, sha := range merges {
		if !merged[sha] {
			t.Errorf("main has the merge %s, which the result does not name", sha)
		}
		output(tree, "git", "checkout", "--quiet", sha)
		output(tree, "go", "test", "./...")
	}
	mutations, err := os.ReadFile(filepath.Join(dir, "mutations.json"))
	must(t, err)
	for sha := range merged {
		if !strings.Contains(string(mutations), sha+": success") {
			t.Errorf("%s was not deployed to staging", sha)
		}
	}
}
