package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
)

const title = "Add CSV export"

// stage is a scripted CLI, and a session for it.
type stage struct {
	scripts string
	config  engine.Config
	session engine.Session
	log     bytes.Buffer
	events  []engine.Event
}

// newStage sets one up for either kind of engine: the same scripted CLI speaks as
// whichever it is called.
func newStage(t *testing.T, kind string, solutions ...enginetest.Solution) *stage {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{scripts: t.TempDir()}
	home := t.TempDir()
	for i, solution := range solutions {
		if err := enginetest.Record(s.scripts, title, i+1, solution); err != nil {
			t.Fatal(err)
		}
	}
	s.config = engine.Config{Name: "scripted", Kind: kind, Path: binary, Args: []string{enginetest.Word, s.scripts}}
	if kind == "claude" { // which puts its own arguments first
		s.config.Path, s.config.Args = filepath.Join(t.TempDir(), "claude"), nil
		if err := enginetest.Wrap(s.config.Path, binary, s.scripts); err != nil {
			t.Fatal(err)
		}
		s.config.Readable = []string{filepath.Dir(binary)}
	}
	s.session = engine.Session{
		Prompt:   fmt.Sprintf("You are the implementer.\n\n# %s\n\nWrite the pull request text to: %s/pull-request.md\n", title, home),
		Dir:      t.TempDir(),
		Home:     home,
		Marker:   fmt.Sprintf("engine-test-%d-%s", os.Getpid(), t.Name()),
		Env:      []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "GORACE=atexit_sleep_ms=0"},
		Limits:   process.Limits{Wall: 30 * time.Second, Grace: 100 * time.Millisecond},
		Writable: []string{s.scripts}, // it counts the sessions there
		Log:      &s.log,
		OnEvent:  func(e engine.Event) { s.events = append(s.events, e) },
	}
	return s
}

func (s *stage) run(ctx context.Context, t *testing.T) engine.Result {
	t.Helper()
	e, err := engine.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Run(ctx, s.session)
	if err != nil {
		t.Fatalf("%v; log:\n%s", err, s.log.String())
	}
	if r.Survivors != 0 {
		t.Errorf("%d survivors", r.Survivors)
	}
	return r
}

func kinds(t *testing.T, test func(t *testing.T, kind string)) {
	for _, kind := range []string{"command", "claude"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

func TestSessionDoesWhatWasRecordedForItsTicket(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newStage(t, kind, enginetest.Solution{
			Files:  map[string]string{"csv/csv.go": "package csv\n", "README.md": "new\n"},
			Delete: []string{"old"},
			Text:   "## Why\nbecause\n",
			Say:    "I added the export.",
		})
		s.session.Contain = true
		for _, name := range []string{"README.md", "old"} {
			if err := os.WriteFile(filepath.Join(s.session.Dir, name), []byte("before\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r := s.run(t.Context(), t)
		if r.Outcome != engine.Done || r.ExitCode != 0 || r.Reason != "" || !strings.Contains(r.Text, "I added the export.") || r.Seconds <= 0 {
			t.Errorf("%+v", r)
		}
		if r.Contained != (process.LandlockABI() >= 2) {
			t.Errorf("contained: %v with Landlock ABI %d", r.Contained, process.LandlockABI())
		}
		for file, want := range map[string]string{
			filepath.Join(s.session.Dir, "csv/csv.go"):       "package csv\n",
			filepath.Join(s.session.Dir, "README.md"):        "new\n",
			filepath.Join(s.session.Home, "pull-request.md"): "## Why\nbecause\n",
		} {
			if got, err := os.ReadFile(file); err != nil || string(got) != want {
				t.Errorf("%s holds %q, %v; want %q", file, got, err, want)
			}
		}
		if _, err := os.Stat(filepath.Join(s.session.Dir, "old")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("old was not deleted: %v", err)
		}
		if !strings.Contains(s.log.String(), "I added the export.") {
			t.Errorf("log:\n%s", s.log.String())
		}
		if first, last := s.events[0].Kind, s.events[len(s.events)-1].Kind; first != engine.KindStarted || last != engine.KindFinished {
			t.Errorf("events from %q to %q", first, last)
		}
		if kind == "claude" {
			want := engine.Usage{Input: 330, Cached: 3000, Output: 150, CostUSD: 0.03}
			if r.Turns != 3 || r.Usage != want {
				t.Errorf("%d turns, usage %+v; want 3, %+v", r.Turns, r.Usage, want)
			}
			if !slices.ContainsFunc(s.events, func(e engine.Event) bool { return e.Kind == engine.KindTool && e.Tool == "Write" }) {
				t.Errorf("no tool among the events %+v", s.events)
			}
		}
	})
}

func TestLaterSessionsDoWhatWasRecordedForThem(t *testing.T) {
	s := newStage(t, "command", enginetest.Solution{Say: "first"}, enginetest.Solution{Say: "second"})
	for _, want := range []string{"first", "second", "second"} {
		if r := s.run(t.Context(), t); strings.TrimSpace(r.Text) != want {
			t.Errorf("said %q, want %q", r.Text, want)
		}
	}
}

func TestSessionThatFailsIsReportedWithItsLastWords(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		s := newStage(t, kind, enginetest.Solution{Say: "I give up", Exit: 9})
		if r := s.run(t.Context(), t); r.Outcome != engine.Failed || r.ExitCode != 9 || !strings.Contains(r.Reason, "I give up") {
			t.Errorf("%+v", r)
		}
		s = newStage(t, kind) // nothing is recorded
		if r := s.run(t.Context(), t); r.Outcome != engine.Failed || r.ExitCode != 3 || !strings.Contains(r.Reason, "no solution is recorded") {
			t.Errorf("%+v", r)
		}
	})
}

func TestSessionIsEndedByUsWhateverItSays(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		for _, c := range []struct {
			name   string
			modes  []string
			limits process.Limits
			want   engine.Outcome
			reason string
		}{
			{"hangs", []string{"hang"}, process.Limits{Silence: 300 * time.Millisecond}, engine.Stalled, "ended by us after 300ms without a word"},
			{"ignores TERM", []string{"deaf"}, process.Limits{Wall: 300 * time.Millisecond}, engine.Timeout, "ended by us after 300ms"},
			{"answers TERM with success", []string{"polite"}, process.Limits{Wall: 300 * time.Millisecond}, engine.Timeout, "ended by us after 300ms"},
			{"prints without end", []string{"print 1000000000"}, process.Limits{Output: 1 << 20}, engine.Failed, "ended by us after "},
		} {
			s := newStage(t, kind, enginetest.Solution{Modes: c.modes})
			s.session.Limits = c.limits
			s.session.Limits.Grace = 100 * time.Millisecond
			if r := s.run(t.Context(), t); r.Outcome != c.want || !strings.HasPrefix(r.Reason, c.reason) {
				t.Errorf("%s: %+v, want %s, %q", c.name, r, c.want, c.reason)
			}
			if last := s.events[len(s.events)-1]; last.Kind != engine.KindError {
				t.Errorf("%s: the last event is %+v", c.name, last)
			}
		}
	})
}

func TestCancelledSessionSaysWhy(t *testing.T) {
	s := newStage(t, "command", enginetest.Solution{Modes: []string{"polite"}})
	ctx, cancel := context.WithCancelCause(t.Context())
	s.session.OnEvent = func(e engine.Event) {
		if e.Text == "at work" {
			cancel(errors.New("cancelled by Ana"))
		}
	}
	if r := s.run(ctx, t); r.Outcome != engine.Cancelled || r.Reason != "ended by us: cancelled by Ana" {
		t.Errorf("%+v", r)
	}
	e, err := engine.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := e.Run(ctx, s.session); err == nil || r.Outcome != engine.Cancelled {
		t.Errorf("with a context that has ended: %+v, %v", r, err)
	}
}

func TestProvidersRefusalsAreNoFailuresOfTheCode(t *testing.T) {
	until := time.Now().Add(3 * time.Hour).Truncate(time.Second)
	for mode, want := range map[string]engine.Outcome{
		fmt.Sprint("quota ", until.Unix()): engine.Quota,
		"authentication":                   engine.Authentication,
		"overloaded":                       engine.Overloaded,
		"denied":                           engine.Denied,
	} {
		s := newStage(t, "claude", enginetest.Solution{Modes: []string{mode}})
		r := s.run(t.Context(), t)
		if r.Outcome != want || r.Reason == "" {
			t.Errorf("%s: %+v, want %s", mode, r, want)
		}
		if want == engine.Quota && !r.ResetAt.Equal(until) {
			t.Errorf("quota resets at %v, want %v", r.ResetAt, until)
		}
	}
}

func TestNothingOfASessionIsLeftWhenItHasEnded(t *testing.T) {
	s := newStage(t, "command", enginetest.Solution{Modes: []string{"fork"}, Say: "left somebody behind"})
	if r := s.run(t.Context(), t); r.Outcome != engine.Done {
		t.Errorf("%+v", r)
	}
	ghost, err := os.ReadFile(filepath.Join(s.scripts, enginetest.GhostFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + string(ghost)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("process %s is still there: %v", ghost, err)
	}
}

func TestSessionThatPrintsWithoutALineEndCostsNoMemory(t *testing.T) {
	for _, kind := range []string{"command", "claude"} {
		s := newStage(t, kind, enginetest.Solution{Modes: []string{"print 300000000"}, Say: "\nall of it"})
		s.session.OnEvent, s.session.Log = nil, io.Discard
		before := allocated()
		r := s.run(t.Context(), t)
		if grown := allocated() - before; r.Outcome == engine.Timeout || grown > 16<<20 {
			t.Errorf("%s: allocated %d bytes for 300 MB of output: %+v", kind, grown, r)
		}
	}
}

// allocated is all that this process ever allocated on its heap.
func allocated() int64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.TotalAlloc)
}

func TestSessionWorksUnderVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "claude", enginetest.Solution{Say: "done"})
		for range 2 {
			if r := s.run(t.Context(), t); r.Outcome != engine.Done {
				t.Errorf("%+v", r)
			}
			time.Sleep(24 * time.Hour)
		}
	})
}

func TestContainedSessionCannotWriteOutside(t *testing.T) {
	if process.LandlockABI() < 2 {
		t.Log("this kernel has no Landlock: what is held here is that the session runs all the same")
	}
	outside := filepath.Join(t.TempDir(), "file")
	s := newStage(t, "command", enginetest.Solution{Modes: []string{"outside " + outside}})
	s.session.Contain = true
	r := s.run(t.Context(), t)
	_, err := os.Stat(outside)
	if written := err == nil; r.Outcome != engine.Done || written == r.Contained {
		t.Errorf("contained %v, written %v: %+v", r.Contained, written, r)
	}
}

func TestSessionGetsItsEnvironmentAndNoMore(t *testing.T) {
	t.Setenv("CANARY", "secret")
	s := newStage(t, "command")
	s.config = engine.Config{Kind: "command", Path: "env", Args: []string{"-0"}, Env: map[string]string{"API_KEY": "k", "LANG": "de"}}
	s.session.Env = append(s.session.Env, "HOME=/elsewhere", "no value", "TWICE=1", "TWICE=2")
	r := s.run(t.Context(), t)
	got := strings.Split(strings.Trim(r.Text, "\x00\n"), "\x00")
	slices.Sort(got)
	want := []string{"API_KEY=k", "GORACE=atexit_sleep_ms=0", "HOME=" + s.session.Home, "LANG=de", "LIGHTSOUT_MARKER=" + s.session.Marker,
		"PATH=/usr/bin:/bin", "TMPDIR=" + s.session.Home + "/tmp", "TWICE=2"}
	if !slices.Equal(got, want) {
		t.Errorf("environment\n%q, want\n%q", got, want)
	}
	if _, err := os.Stat(s.session.Home + "/tmp"); err != nil {
		t.Errorf("TMPDIR: %v", err)
	}
}

func TestSessionThatCannotStartIsAnError(t *testing.T) {
	for name, change := range map[string]func(*stage){
		"no such program":    func(s *stage) { s.config.Path = "no-such-program" },
		"no such worktree":   func(s *stage) { s.session.Dir = "/no/such/folder" },
		"relative home":      func(s *stage) { s.session.Home = "home" },
		"no marker":          func(s *stage) { s.session.Marker = "" },
		"home is not folder": func(s *stage) { s.session.Home = "/dev/null" },
	} {
		s := newStage(t, "command")
		change(s)
		e, err := engine.New(s.config)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := e.Run(t.Context(), s.session); err == nil || r.Outcome != engine.Failed || r.Reason == "" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestConfigurationFaultsComeAllAtOnce(t *testing.T) {
	_, err := engine.New(engine.Config{Name: "mine", Kind: "command", Env: map[string]string{"A=B": "x"}, Readable: []string{"here"}})
	for _, want := range []string{"engine mine", "needs a path", `"A=B"`, `"here"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not tell %q", err, want)
		}
	}
	if _, err := engine.New(engine.Config{Kind: "clod"}); err == nil || !strings.Contains(err.Error(), "claude, codex, command") {
		t.Errorf("unknown kind: %v", err)
	}
	e, err := engine.New(engine.Config{Kind: "claude"})
	if err != nil || e.Name() != "claude" {
		t.Errorf("a claude without a name: %v, %v", e, err)
	}
}

func TestFinalWordsOfAReviewArriveWhole(t *testing.T) {
	kinds(t, func(t *testing.T, kind string) {
		words := `{"findings":"` + strings.Repeat("é", 100<<10) + `"}`
		s := newStage(t, kind, enginetest.Solution{Say: words})
		if r := s.run(t.Context(), t); r.Outcome != engine.Done || strings.TrimSpace(r.Text) != words {
			t.Errorf("%s, %d bytes of %d arrived", r.Outcome, len(r.Text), len(words))
		}
	})
}
