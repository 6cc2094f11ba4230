package engine_test

import (
	"errors"
	"fmt"
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

// roster makes one of scripted engines that each misbehave in a way, "" for not.
func roster(t *testing.T, now func() time.Time, modes ...string) (*engine.Roster, *stage, *[]engine.Rest) {
	t.Helper()
	var engines []*engine.Engine
	var last *stage
	for i, mode := range modes {
		solution := enginetest.Solution{Say: "done", Files: map[string]string{"made": "x"}}
		if mode != "" {
			solution.Modes = []string{mode}
		}
		last = newStage(t, "claude", solution)
		last.config.Name = fmt.Sprint("engine ", i+1)
		e, err := engine.New(last.config)
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, e)
	}
	var rests []engine.Rest
	r, err := engine.NewRoster(engines, now, func(rest engine.Rest) { rests = append(rests, rest) })
	if err != nil {
		t.Fatal(err)
	}
	return r, last, &rests
}

func TestNextEngineTakesOverWhileTheFirstRests(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	reset := now.Add(3 * time.Hour)
	r, s, rests := roster(t, func() time.Time { return now }, fmt.Sprint("quota ", reset.Unix()), "overloaded", "")
	if r.Name() != "engine 1" {
		t.Errorf("the next is %s", r.Name())
	}
	result, err := r.Run(t.Context(), s.session)
	if err != nil || result.Outcome != engine.Done || result.Engine != "engine 3" {
		t.Errorf("%+v, %v", result, err)
	}
	if want := (engine.Usage{Input: 110 * 4, Cached: 1000 * 4, Output: 50 * 4, CostUSD: 0.04}); result.Usage.Input != want.Input || result.Usage.Output != want.Output {
		t.Errorf("usage %+v, want that of all three: %+v", result.Usage, want)
	}
	if len(*rests) != 2 || !(*rests)[0].Until.Equal(reset) || (*rests)[0].Outcome != engine.Quota || !(*rests)[1].Until.Equal(now.Add(5*time.Minute)) {
		t.Errorf("rests %+v", *rests)
	}
	if got := r.Rests(); len(got) != 2 || r.Name() != "engine 3" {
		t.Errorf("%s is next, rests %+v", r.Name(), got)
	}
	now = now.Add(10 * time.Minute)
	if got := r.Rests(); len(got) != 1 || r.Name() != "engine 2" {
		t.Errorf("ten minutes later %s is next, rests %+v", r.Name(), got)
	}
	if now = reset; r.Name() != "engine 1" || len(r.Rests()) != 0 {
		t.Errorf("after its reset %s is next", r.Name())
	}
}

func TestRosterOfWhichAllRestRunsNothing(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	r, s, rests := roster(t, func() time.Time { return now }, "authentication", "overloaded")
	result, err := r.Run(t.Context(), s.session)
	if err != nil || result.Outcome != engine.Overloaded || result.Engine != "engine 2" || !result.ResetAt.Equal(now.Add(5*time.Minute)) || len(*rests) != 2 {
		t.Errorf("%+v, %v, %+v", result, err, *rests)
	}
	s.events = nil
	result, err = r.Run(t.Context(), s.session)
	if err != nil || result.Outcome != engine.Overloaded || !result.ResetAt.Equal(now.Add(5*time.Minute)) || result.Turns != 0 || len(s.events) != 0 || len(*rests) != 2 {
		t.Errorf("%+v, %v, %d events", result, err, len(s.events))
	}
	if !strings.HasPrefix(result.Reason, "no engine is to be had; engine 2 rests the shortest: ") {
		t.Errorf("reason %q", result.Reason)
	}
}

func TestRestsSurviveTheDaemon(t *testing.T) {
	now := time.Now()
	r, _, _ := roster(t, func() time.Time { return now }, "", "")
	r.Restore([]engine.Rest{{Engine: "engine 1", Outcome: engine.Quota, Until: now.Add(time.Hour)}, {Engine: "engine 2", Until: now.Add(-time.Hour)}, {Engine: "sold", Until: now.Add(time.Hour)}})
	if got := r.Rests(); len(got) != 1 || got[0].Engine != "engine 1" || r.Name() != "engine 2" {
		t.Errorf("%s is next, rests %+v", r.Name(), got)
	}
}

func TestRosterNeedsEnginesOfDifferentNames(t *testing.T) {
	e, err := engine.New(engine.Config{Kind: "claude"})
	if err != nil {
		t.Fatal(err)
	}
	for _, engines := range [][]*engine.Engine{nil, {e, e}} {
		if _, err := engine.NewRoster(engines, time.Now, nil); err == nil {
			t.Errorf("%d engines were taken", len(engines))
		}
	}
}

func TestFailureOfTheCodeIsNoReasonToAskAnotherEngine(t *testing.T) {
	r, s, rests := roster(t, time.Now, "exit 9", "")
	if result, err := r.Run(t.Context(), s.session); err != nil || result.Outcome != engine.Failed || result.Engine != "engine 1" || len(*rests) != 0 {
		t.Errorf("%+v, %v, %+v", result, err, *rests)
	}
}
