package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/engine/enginetest"
)

func TestSessionIsEndedForWhatItsOwnWordsTell(t *testing.T) {
	for _, c := range []struct {
		mode   string
		limit  func(*engine.Session)
		want   engine.Outcome
		reason string
	}{
		{"circle 5", func(s *engine.Session) { s.MaxRepeats = 4 }, engine.Stalled, "ended by us: it goes round in circles: Bash gave the same result"},
		{"busy 5", func(s *engine.Session) { s.MaxTurns = 4 }, engine.Failed, "ended by us: more than 4 turns"},
		{"busy 5", func(s *engine.Session) { s.MaxTokens = 500 }, engine.Failed, "ended by us: more than 500 tokens"},
		{"busy 5", func(s *engine.Session) { s.MaxCostUSD = 0.03 }, engine.Failed, "ended by us: more than $0.03"},
		{"busy 5", func(s *engine.Session) { s.MaxRepeats, s.Limits.Wall = 4, 3*time.Second }, engine.Timeout, "ended by us after 3s"},
	} {
		s := newStage(t, "claude", enginetest.Solution{Modes: []string{c.mode}})
		s.config.Price = engine.Price{Input: 50, Output: 100} // a cent an answer, or about
		c.limit(&s.session)
		if r := s.run(t.Context(), t); r.Outcome != c.want || !strings.HasPrefix(r.Reason, c.reason) || r.Turns < 3 || r.Engine != "scripted" {
			t.Errorf("%s: %+v, want %s %q", c.mode, r, c.want, c.reason)
		}
	}
}

func TestProgressOfASessionIsTold(t *testing.T) {
	s := newStage(t, "claude", enginetest.Solution{Say: "done", Files: map[string]string{"a": "1", "b": "2"}})
	var told []engine.Progress
	s.session.OnProgress, s.session.ProgressEvery = func(p engine.Progress) { told = append(told, p) }, time.Nanosecond
	r := s.run(t.Context(), t)
	if len(told) == 0 || told[len(told)-1].Turns != r.Turns || told[len(told)-1].Tool != "Write" || told[len(told)-1].Usage != r.Usage {
		t.Errorf("%+v of %+v", told, r)
	}
	told, s.session.ProgressEvery = nil, time.Hour
	if s.run(t.Context(), t); len(told) != 1 {
		t.Errorf("told %d times in an hour", len(told))
	}
}

func TestFilesAreLaidIntoHomeAndTakenAway(t *testing.T) {
	s := newStage(t, "command")
	outside := t.TempDir()
	// What a hostile session before this one may have left.
	if err := errors.Join(os.Symlink(outside, filepath.Join(s.session.Home, ".conf")), os.Symlink(outside, filepath.Join(s.session.Home, "tmp"))); err != nil {
		t.Fatal(err)
	}
	s.config = engine.Config{Kind: "command", Path: "sh", Args: []string{"-c", `stat -c %a "$HOME/.conf/key" && cat "$HOME/.conf/key"`}, Files: map[string]string{".conf/key": "k\n"}}
	if r := s.run(t.Context(), t); r.Outcome != engine.Done || r.Text != "600\nk\n" {
		t.Errorf("%+v", r)
	}
	if _, err := os.Lstat(filepath.Join(s.session.Home, ".conf/key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
	for _, path := range []string{"../key", "/etc/key", "."} {
		if _, err := engine.New(engine.Config{Kind: "claude", Files: map[string]string{path: ""}}); err == nil {
			t.Errorf("file %q was taken", path)
		}
	}
}

func TestQuietConfigurationGivesWayToThePersons(t *testing.T) {
	for mine, want := range map[string]string{"": "check_for_update_on_startup = false", "# mine\n": "# mine"} {
		s := newStage(t, "command")
		program := filepath.Join(s.session.Dir, "codex")
		if err := os.WriteFile(program, []byte("#!/bin/sh\ncat >/dev/null\ncat \"$HOME/.codex/config.toml\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.config = engine.Config{Kind: "codex", Path: program}
		if mine != "" {
			s.config.Files = map[string]string{".codex/config.toml": mine}
		}
		if s.run(t.Context(), t); !strings.Contains(s.log.String(), want) || mine != "" && strings.Contains(s.log.String(), "analytics") {
			t.Errorf("with %q the configuration is\n%s", mine, s.log.String())
		}
	}
}

// TestWorkThatIsDoneIsNotThrownAwayForWhatItCost holds each of those whose usage, or whose cost, comes with their terminal event:
// by then a limit can save nothing.
func TestWorkThatIsDoneIsNotThrownAwayForWhatItCost(t *testing.T) {
	for kind, limit := range map[string]func(*engine.Session){
		"claude": func(s *engine.Session) { s.MaxCostUSD = 0.000001 },
		"codex":  func(s *engine.Session) { s.MaxTokens = 10 },
		"gemini": func(s *engine.Session) { s.MaxTokens = 10 },
	} {
		s := newStage(t, "command")
		recorded, err := filepath.Abs(filepath.Join("testdata", kind+"-success.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		// It waits a little after its last word, as a CLI that tidies up does.
		program := filepath.Join(s.session.Dir, kind)
		if err := os.WriteFile(program, []byte("#!/bin/sh\ncat >/dev/null\ncat "+recorded+"\nsleep 0.3\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.config, s.session.Readable = engine.Config{Kind: kind, Path: program}, []string{filepath.Dir(recorded)}
		limit(&s.session)
		if r := s.run(t.Context(), t); r.Outcome != engine.Done || r.Usage.Input == 0 {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}
