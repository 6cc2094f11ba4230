//go:build ci

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
)

func TestLightsoutLandsAChangeInACopyOfItself(t *testing.T) {
	work := t.TempDir()
	dir, scripts := filepath.Join(work, "demo"), filepath.Join(work, "solutions")
	must(t, os.CopyFS(scripts, os.DirFS(filepath.Join("testdata", "own", "solutions")))) // its sessions are counted in it
	executable, err := os.Executable()
	must(t, err)
	environ := os.Environ()
	git := func(repo string, args ...string) string {
		t.Helper()
		out, err := process.Output(t.Context(), process.Command{Args: append([]string{"git"}, args...), Dir: repo, Env: environ})
		must(t, err)
		return strings.TrimSpace(string(out))
	}
	repo := git(".", "rev-parse", "--show-toplevel")
	head, branches := git(repo, "rev-parse", "HEAD"), git(repo, "for-each-ref", "--format=%(refname)")

	var out, complaints bytes.Buffer
	code := run(t.Context(), []string{"demo", "--yes", "--json", "--dir", dir, "--limit", "10m", "--repo", repo, "--test", "go test ./rules/...",
		"--tickets", filepath.Join("testdata", "own", "tickets.toml"), "--engine", executable + " " + enginetest.Word + " " + scripts},
		console{in: strings.NewReader(""), out: &out, err: &complaints, environ: environ})
	if code != exitYes {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), complaints.String())
	}
	var result demoResult
	must(t, json.Unmarshal(out.Bytes(), &result))
	if len(result.Tickets) != 1 || result.Merged != 1 || result.Staged != 1 {
		t.Fatalf("%d tickets, %d merged, %d staged; want one of each\n%s", len(result.Tickets), result.Merged, result.Staged, out.String())
	}
	ticket := result.Tickets[0]
	t.Logf("%.1f s, sessions %d, proof: %s", result.Seconds, ticket.Attempts, ticket.Proof)
	if !strings.Contains(ticket.Proof, "1 new test fails on main, passes here") {
		t.Errorf("the proof says %q", ticket.Proof)
	}
	landed := filepath.Join(dir, "repo.git")
	if base := git(landed, "rev-parse", "main^1"); base != head {
		t.Errorf("the change landed on %s, and %s was copied", base, head)
	}
	if got, want := strings.Fields(git(landed, "diff", "--name-only", "main^1", "main")), []string{"rules/overlap.go", "rules/overlap_test.go"}; !slices.Equal(got, want) {
		t.Errorf("it changed %v, want %v", got, want)
	}
	if git(repo, "rev-parse", "HEAD") != head || git(repo, "for-each-ref", "--format=%(refname)") != branches {
		t.Error("the repository itself was touched, not its copy alone")
	}
}
