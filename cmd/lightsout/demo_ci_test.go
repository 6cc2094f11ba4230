//go:build ci

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/process"
	"lightsout/store"
)

// demoLimit is how long the demo may take on two cores, its build cache empty, in seconds.
const demoLimit = 60

// demonstrate runs the whole demo, which must take every ticket where it belongs and complain of nothing.
func demonstrate(t *testing.T, arguments ...string) (dir string, result demoResult) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "demo")
	var out, errors bytes.Buffer
	code := run(t.Context(), append([]string{"demo", "--yes", "--json", "--dir", dir}, arguments...), console{in: strings.NewReader(""), out: &out, err: &errors, environ: os.Environ()})
	if code != exitYes {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errors.String())
	}
	must(t, json.Unmarshal(out.Bytes(), &result))
	if result.Merged != 5 || result.Staged != 5 || result.Parked != 1 {
		t.Errorf("%d merged, %d staged, %d parked; want 5, 5, 1", result.Merged, result.Staged, result.Parked)
	}
	t.Logf("%.1f s, %d messages, %d requests to GitHub", result.Seconds, result.Messages, result.GitHub.Requests)
	if text := errors.String(); text != "" {
		t.Errorf("the demo complained:\n%s", text)
	}
	return dir, result
}

func TestTheDemoTakesEveryTicketWhereItBelongs(t *testing.T) {
	dir, result := demonstrate(t)
	if result.Seconds > demoLimit {
		t.Errorf("it took %.1f s, more than %d", result.Seconds, demoLimit)
	}
	for _, name := range []string{"repo.git", "lightsout.db", "chat.json", "mutations.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	checkHistory(t, dir, result)
	checkReview(t, dir)
}

// TestTheDemoGoesOnWhenTheFirstCodingCLIIsOutOfQuota swaps the coding CLI by the one flag, for a list whose first is never served.
func TestTheDemoGoesOnWhenTheFirstCodingCLIIsOutOfQuota(t *testing.T) {
	dir, result := demonstrate(t, "--engine", spentEngine+","+recordedEngineName)
	s, err := store.Open(t.Context(), filepath.Join(dir, "lightsout.db"), store.Options{Repo: "acme/stockroom"})
	must(t, err)
	defer func() { check(t, s.Close()) }()
	for _, ticket := range result.Tickets {
		runs, err := s.RunsOf(t.Context(), ticket.Number)
		must(t, err)
		for _, run := range runs {
			if run.Attempt > 1 {
				t.Errorf("#%d: run %d was attempt %d", ticket.Number, run.ID, run.Attempt)
			}
		}
	}
	used, err := s.SpentSince(t.Context(), time.Time{})
	must(t, err)
	for _, engine := range used {
		if served := engine.Engine == recordedEngineName; !served && engine.Sessions != 1 || served && engine.Sessions < 6 {
			t.Errorf("%s was asked %d times", engine.Engine, engine.Sessions)
		}
	}
	chat, err := os.ReadFile(filepath.Join(dir, "chat.json"))
	must(t, err)
	if !strings.Contains(string(chat), "recorded takes over · no attempt is spent") || len(used) != 2 {
		t.Errorf("the chat does not tell who took over, or they were not two: %+v", used)
	}
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
