package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
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

func TestSessionIsToldToAPersonStepByStep(t *testing.T) {
	dir, place := t.TempDir(), t.TempDir()
	binary, err := os.Executable()
	must(t, err)
	must(t, enginetest.Record(place, "Add a greeting", 1, enginetest.Solution{Files: map[string]string{"greeting.txt": "hello\n"}, Say: "Done it."}))
	must(t, os.WriteFile(filepath.Join(place, "prompt.md"), []byte("# Add a greeting\n"), 0o600))
	session := func(arguments ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"session", "--dir", dir, "--prompt", filepath.Join(place, "prompt.md")}, arguments...), console{out: &out, err: &errs,
			environ: []string{"PATH=/usr/bin:/bin", "GOCACHE=" + place, "GOMODCACHE=" + filepath.Dir(binary)}})
		return code, out.String(), errs.String()
	}
	scripted := []string{"--engine", "claude", "--path", filepath.Join(place, "claude")}
	must(t, enginetest.Wrap(filepath.Join(place, "claude"), binary, place))
	for _, want := range []struct {
		code     int
		how, say string
	}{{exitYes, `^claude: done \(\d+\.\d s, turn 2, 320 tokens, \$0\.020\)\nDone it\.\n$`, ` s  Write greeting\.txt\n`}, {exitNo, `^claude: no change: it ended without changing a file \(`, ` s  Write greeting\.txt\n`}} {
		if code, out, said := session(scripted...); code != want.code || !regexp.MustCompile(want.how).MatchString(out) || !regexp.MustCompile(want.say).MatchString(said) || strings.Contains(said, "{") {
			t.Errorf("exit %d\n%s\n%s", code, out, said)
		}
	}
	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"not installed":      {[]string{"--engine", "codex"}, "file does not exist: npm install -g @openai/codex, or name the program with --path"},
		"a path that is not": {[]string{"--engine", "codex", "--path", "/no/codex"}, "/no/codex: no such file or directory\n"},
		"no such engine":     {[]string{"--engine", "qwem"}, `there is no engine "qwem": did you mean "qwen"`},
		"a command":          {[]string{"--engine", "command"}, `kind "command" needs a path`},
	} {
		if code, out, said := session(c.arguments...); code != exitUnknown || out != "" || !strings.Contains(said, c.want) {
			t.Errorf("%s: exit %d\n%s%s", name, code, out, said)
		}
	}
	if code, out, said := session("--engine", "command", "--path", "/bin/ls"); code != exitNo || !regexp.MustCompile(`^command: no change: it ended without changing a file \(\d+\.\d s\)\n`).MatchString(out) || strings.Contains(out+said, "token") {
		t.Errorf("exit %d\n%s%s", code, out, said)
	}
}

func TestSessionIsConfiguredByItsFileAlone(t *testing.T) {
	dir, place := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"prompt.md": "# Add a greeting\n", "second": "from a file", "lightsout.toml": `
[engines.mine]
kind = "command"
path = "/bin/sh"
args = ["-c", 'echo "$VALUE $PASSED ${OTHER-none} $SET"; cat "$HOME/.first" "$HOME/deep/second"; echo hello >greeting.txt']
env = { VALUE = "1" }
pass = ["PASSED"]
price = { input = 3, output = 7.5 }
[engines.mine.files]
".first" = "in place, "
"deep/second" = { source = "second" }
[containment]
env = { SET = "2" }
`} {
		must(t, os.WriteFile(filepath.Join(place, name), []byte(text), 0o600))
	}
	session := func(engine string) (int, sessionResult, string) {
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"session", "--engine", engine, "--dir", dir, "--prompt", filepath.Join(place, "prompt.md"), "--config", filepath.Join(place, "lightsout.toml"), "--json"},
			console{out: &out, err: &errs, environ: []string{"PATH=/usr/bin:/bin", "PASSED=handed on", "OTHER=canary"}})
		var result sessionResult
		var keys map[string]any
		if err := errors.Join(json.Unmarshal(out.Bytes(), &result), json.Unmarshal(out.Bytes(), &keys)); code != exitUnknown && (err != nil || len(keys) != 11) {
			t.Errorf("%v, %d keys: %s", err, len(keys), out.String())
		}
		return code, result, errs.String()
	}
	if code, result, errs := session("mine"); code != exitYes || result.Engine != "mine" || result.Text != "1 handed on none 2\nin place, from a file\n" {
		t.Errorf("exit %d, %+v\n%s", code, result, errs)
	}
	if code, _, errs := session("miene"); code != exitUnknown || !strings.Contains(errs, `did you mean "mine"`) {
		t.Errorf("an engine that is not there: exit %d, %s", code, errs)
	}
}

func TestSnapshotSeesWhatGitWouldSee(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	for _, folder := range []string{".git", "a", "built"} {
		must(t, os.Mkdir(file(folder), 0o700))
	}
	must(t, os.WriteFile(file("a/b"), []byte("1"), 0o600))
	must(t, os.WriteFile(file(".gitignore"), []byte("built\n"), 0o600))
	look := func() snapshot {
		t.Helper()
		taken, err := takeSnapshot(t.Context(), dir, os.Environ())
		must(t, err)
		return taken
	}
	last := look()
	for _, step := range []struct {
		name   string
		change func() error
		seen   bool
	}{
		{"git's own", func() error { return os.WriteFile(file(".git/index"), []byte("x"), 0o600) }, false},
		{"an ignored file", func() error { return os.WriteFile(file("built/x"), nil, 0o600) }, false},
		{"the same content again", func() error { return os.WriteFile(file("a/b"), []byte("1"), 0o600) }, false},
		{"another content", func() error { return os.WriteFile(file("a/b"), []byte("2"), 0o600) }, true},
		{"a new file", func() error { return os.WriteFile(file("a/c"), nil, 0o600) }, true},
		{"a mode", func() error { return os.Chmod(file("a/b"), 0o700) }, true},
		{"a rename", func() error { return os.Rename(file("a/c"), file("a/d")) }, true},
		{"a link", func() error { return os.Symlink("d", file("a/e")) }, true},
		{"everything ignored", func() error { return os.WriteFile(file(".gitignore"), []byte("*\n"), 0o600) }, true},
	} {
		must(t, step.change())
		now := look()
		if seen := !maps.Equal(now, last); seen != step.seen {
			t.Errorf("%s: seen %v", step.name, seen)
		}
		last = now
	}
}
