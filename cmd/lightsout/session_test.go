package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"lightsout/agents/engine/enginetest"
)

// sessionOf runs the command session of a scripted claude in a folder with one file, and returns what --json printed.
func sessionOf(t *testing.T, solution enginetest.Solution, arguments ...string) (int, sessionResult, string) {
	t.Helper()
	dir, scripts, place := t.TempDir(), t.TempDir(), t.TempDir()
	binary, err := os.Executable()
	must(t, err)
	must(t, enginetest.Record(scripts, "Add a greeting", 1, solution))
	must(t, enginetest.Wrap(filepath.Join(place, "claude"), binary, scripts))
	must(t, os.WriteFile(filepath.Join(place, "prompt.md"), []byte("# Add a greeting\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(place, "key"), []byte("k"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "old.txt"), []byte("old\n"), 0o600))
	var out, errs bytes.Buffer
	// A contained session reaches the scripts, which count it, and this binary as it would reach build caches.
	code := run(t.Context(), append([]string{"session", "--engine", "claude", "--path", filepath.Join(place, "claude"), "--dir", dir,
		"--prompt", filepath.Join(place, "prompt.md"), "--json"}, arguments...), console{out: &out, err: &errs, environ: []string{"PATH=/usr/bin:/bin", "GOCACHE=" + scripts, "GOMODCACHE=" + filepath.Dir(binary)}})
	var result sessionResult
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatalf("exit %d: %v\n%s\n%s", code, err, out.String(), errs.String())
	}
	return code, result, dir
}

func TestSessionCommandTellsWhatCameOfIt(t *testing.T) {
	code, result, dir := sessionOf(t, enginetest.Solution{Files: map[string]string{"greeting.txt": "hello\n"}, Say: "Done it."})
	if code != exitYes || result.Outcome != "done" || result.Engine != "claude" || result.Text != "Done it." || result.Turns != 2 || result.InputTokens != 220 ||
		result.CachedTokens != 2000 || result.OutputTokens != 100 || result.CostUSD != 0.02 || result.Survivors != 0 || result.Seconds <= 0 {
		t.Errorf("exit %d, %+v", code, result)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "greeting.txt")); err != nil || string(got) != "hello\n" {
		t.Errorf("greeting.txt: %q, %v", got, err)
	}
}

func TestSessionCommandSaysNoToAnythingButWork(t *testing.T) {
	for name, c := range map[string]struct {
		solution  enginetest.Solution
		arguments []string
		want      string
	}{
		"nothing changed":  {enginetest.Solution{Say: "Done it."}, nil, "no change"},
		"quota":            {enginetest.Solution{Modes: []string{"quota"}}, nil, "quota"},
		"round in circles": {enginetest.Solution{Modes: []string{"circle 9"}}, nil, "stalled"},
		"too many turns":   {enginetest.Solution{Modes: []string{"busy 9"}}, []string{"--turns", "3"}, "failed"},
		"too long":         {enginetest.Solution{Modes: []string{"hang"}}, []string{"--limit", "300ms"}, "timeout"},
	} {
		if code, result, _ := sessionOf(t, c.solution, c.arguments...); code != exitNo || result.Outcome != c.want || result.Reason == "" {
			t.Errorf("%s: exit %d, %+v; want %s", name, code, result, c.want)
		}
	}
}

func TestFingerprintSeesEveryChangeButThoseOfGit(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, ".git"), 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, "a"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "a", "b"), []byte("1"), 0o600))
	last, err := fingerprint(dir)
	must(t, err)
	for name, step := range map[string]struct {
		change func() error
		seen   bool
	}{
		"git's own":  {func() error { return os.WriteFile(filepath.Join(dir, ".git", "index"), []byte("x"), 0o600) }, false},
		"a new file": {func() error { return os.WriteFile(filepath.Join(dir, "a", "c"), nil, 0o600) }, true},
		"a mode":     {func() error { return os.Chmod(filepath.Join(dir, "a", "b"), 0o700) }, true},
	} {
		must(t, step.change())
		now, err := fingerprint(dir)
		must(t, err)
		if (now != last) != step.seen {
			t.Errorf("%s: seen %v", name, now != last)
		}
		last = now
	}
	must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "z")))
	if now, err := fingerprint(dir); err != nil || now == last {
		t.Errorf("a rename is not seen: %v", err)
	}
}
