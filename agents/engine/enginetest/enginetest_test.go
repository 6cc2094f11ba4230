package enginetest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
)

// ask runs one session of the scripted CLI in dir.
func ask(t *testing.T, scripts, dir, prompt string, args ...string) (string, error) {
	t.Helper()
	out, err := process.Output(t.Context(), process.Command{
		Args: append([]string{"/proc/self/exe", enginetest.Word, scripts}, args...), Dir: dir, Stdin: strings.NewReader(prompt)})
	return string(out), err
}

func record(t *testing.T, scripts, title string, solutions ...enginetest.Solution) {
	t.Helper()
	for i, s := range solutions {
		if err := enginetest.Record(scripts, title, i+1, s); err != nil {
			t.Fatal(err)
		}
	}
}

func exitCode(err error) int {
	var exit *process.ExitError
	if errors.As(err, &exit) {
		return exit.Code
	}
	return 0
}

func TestSolutionIsFoundByTheTitleInThePrompt(t *testing.T) {
	scripts, dir := t.TempDir(), t.TempDir()
	record(t, scripts, title, enginetest.Solution{Say: "rounding"})
	record(t, scripts, "Übersetze: die Größe (v2) of everything that has ever been seen", enginetest.Solution{Say: "size"})
	for text, want := range map[string]string{
		prompt(title, dir): "rounding\n",
		"# übersetze -- DIE größe v2 of everything that has ever been something else": "size\n",
	} {
		if got, err := ask(t, scripts, dir, text); err != nil || got != want {
			t.Errorf("%q: said %q, %v; want %q", text, got, err, want)
		}
		if got, err := ask(t, scripts, dir, "", "-p", text); err != nil || got != want {
			t.Errorf("%q as an argument: said %q, %v; want %q", text, got, err, want)
		}
	}
	got, err := ask(t, scripts, dir, prompt("Unknown", dir))
	if exitCode(err) != 3 || !strings.Contains(err.Error(), `"Unknown"`) || got != "" {
		t.Errorf("unknown ticket: said %q, %v; want exit 3 and the title", got, err)
	}
}

func TestAReviewerAnswersWhatIsRecordedForItsRole(t *testing.T) {
	scripts, dir := t.TempDir(), t.TempDir()
	record(t, scripts, title, enginetest.Solution{Say: "the author"})
	record(t, filepath.Join(scripts, "review", "enthusiast"), title, enginetest.Solution{Say: "first"}, enginetest.Solution{Say: "second"})
	for _, c := range []struct{ text, want string }{
		{"# Enthusiast\n\n<ticket>\n" + prompt(title, dir), "first\n"},
		{"# Enthusiast\n\n<ticket>\n" + prompt(title, dir), "second\n"},
		{"# Referee\n\n<ticket>\n" + prompt(title, dir), "{\"findings\":[]}\n"},
		{"# Enthusiast\n\n<ticket>\n" + prompt("Unknown", dir), "{\"findings\":[]}\n"},
		{prompt(title, dir) + "# Enthusiast\n", "the author\n"},
	} {
		if got, err := ask(t, scripts, dir, c.text); err != nil || got != c.want {
			t.Errorf("%q: said %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func TestFilesAreLaidOverTheWorktreeWithTheirMode(t *testing.T) {
	scripts, dir := t.TempDir(), t.TempDir()
	record(t, scripts, title, enginetest.Solution{Files: map[string]string{"a/b/run.sh": "#!/bin/sh\n", "empty": ""}})
	if err := os.Chmod(filepath.Join(scripts, "fix-the-rounding/1/files/a/b/run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "empty"), []byte("full"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, scripts, dir, prompt(title, dir)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "a/b/run.sh")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("run.sh: %v, %v", info, err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "empty")); err != nil || len(content) != 0 {
		t.Errorf("empty: %q, %v", content, err)
	}
}

func TestSolutionStaysInsideTheWorktree(t *testing.T) {
	for name, s := range map[string]enginetest.Solution{
		"a path that leads out": {Delete: []string{"../victim"}},
		"a link that leads out": {Files: map[string]string{"link/victim": "x"}},
	} {
		scripts, parent := t.TempDir(), t.TempDir()
		dir, victim := filepath.Join(parent, "worktree"), filepath.Join(parent, "victim")
		record(t, scripts, title, s)
		if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(victim, []byte("safe"), 0o600), os.Symlink("..", filepath.Join(dir, "link"))); err != nil {
			t.Fatal(err)
		}
		_, err := ask(t, scripts, dir, prompt(title, dir))
		if content, readErr := os.ReadFile(victim); exitCode(err) != 4 || string(content) != "safe" {
			t.Errorf("%s: %v; victim %q, %v", name, err, content, readErr)
		}
	}
}

func TestSessionsAreCountedEvenWhenTheyAskAtOnce(t *testing.T) {
	const sessions = 8
	scripts, dir := t.TempDir(), t.TempDir()
	var solutions []enginetest.Solution
	for i := range sessions {
		solutions = append(solutions, enginetest.Solution{Say: fmt.Sprint("session ", i+1)})
	}
	record(t, scripts, title, solutions...)
	said := make([]string, sessions)
	var group sync.WaitGroup
	for i := range said {
		group.Go(func() { said[i], _ = ask(t, scripts, dir, prompt(title, dir)) })
	}
	group.Wait()
	for i := range sessions {
		if want := fmt.Sprintf("session %d\n", i+1); !strings.Contains(strings.Join(said, ""), want) {
			t.Errorf("nobody said %q: %q", want, said)
		}
	}
}

func TestModesComeFromArgumentsAndFiles(t *testing.T) {
	scripts, dir := t.TempDir(), t.TempDir()
	record(t, scripts, title, enginetest.Solution{Modes: []string{"wait 1ms", "print 5"}, Say: "done"})
	if out, err := ask(t, scripts, dir, prompt(title, dir), "--mode=print 3"); err != nil || out != "xxxthinking\nxxxxxdone\n" {
		t.Errorf("said %q, %v", out, err)
	}
	if _, err := ask(t, scripts, dir, prompt(title, dir), "--mode=exit 7"); exitCode(err) != 7 {
		t.Errorf("exit 7: %v", err)
	}
	for _, bad := range []string{"dance", "wait long", "print much", "exit soon", "quota never"} {
		if _, err := ask(t, scripts, dir, prompt(title, dir), "--mode="+bad); exitCode(err) != 2 {
			t.Errorf("mode %q: %v, want exit 2", bad, err)
		}
	}
	if err := os.WriteFile(filepath.Join(scripts, "mode"), []byte("nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := ask(t, scripts, dir, ""); err != nil || out != "" {
		t.Errorf("nothing: said %q, %v", out, err)
	}
}

func TestScriptedCLIKillsTheDaemonAndTheNextOneGoesOn(t *testing.T) {
	for _, c := range []struct {
		mode    string
		applied bool
	}{{"kill-daemon", false}, {"kill-daemon-after", true}} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			scripts, dir, home := t.TempDir(), t.TempDir(), t.TempDir()
			record(t, scripts, title,
				enginetest.Solution{Modes: []string{c.mode, "fork"}, Files: map[string]string{"first": "1"}},
				enginetest.Solution{Files: map[string]string{"second": "2"}, Text: "## Why\n"})
			marker := fmt.Sprintf("enginetest-%d-%s.", os.Getpid(), t.Name()) // none is the beginning of another
			run := func() error {
				_, err := process.Output(t.Context(), process.Command{Args: []string{"/proc/self/exe", daemonWord, scripts, dir, home, marker}, Dir: dir})
				return err
			}
			var exit *process.ExitError
			if err := run(); !errors.As(err, &exit) || exit.Signal != "killed" {
				t.Fatalf("the daemon ended with %v, want it killed", err)
			}
			if _, err := process.EndMarked(t.Context(), marker); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "first")); c.applied && err != nil {
				t.Errorf("the solution was not applied before: %v", err)
			}
			if err := run(); err != nil {
				t.Fatalf("the next daemon: %v", err)
			}
			if content, err := os.ReadFile(filepath.Join(home, "text.md")); err != nil || string(content) != "## Why\n" {
				t.Errorf("text %q, %v", content, err)
			}
			if ended, err := process.EndMarked(t.Context(), marker); err != nil || ended != 0 {
				t.Errorf("left behind: %d, %v", ended, err)
			}
		})
	}
}

func TestOrdinaryArgumentsAreLeftAlone(t *testing.T) {
	for _, args := range [][]string{nil, {"lightsout"}, {"lightsout", "run", enginetest.Word}} {
		if code, ok := enginetest.Main(args); ok || code != 0 {
			t.Errorf("Main(%q) = %d, %v", args, code, ok)
		}
	}
	if code, ok := enginetest.Main([]string{"lightsout", enginetest.Word}); !ok || code != 2 {
		t.Errorf("without a script directory: %d, %v; want 2", code, ok)
	}
}

func TestAWrapperCanBeRunAtOnceWhateverElseIsStarted(t *testing.T) {
	place := t.TempDir()
	enough := make(chan struct{})
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
				}
				if _, err := process.Output(t.Context(), process.Command{Args: []string{"/bin/true"}, Dir: place}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 300 {
		script := filepath.Join(place, fmt.Sprint("wrapper", i))
		if err := enginetest.Wrap(script, "/bin/true", place); err != nil {
			t.Fatal(err)
		}
		if _, err := process.Output(t.Context(), process.Command{Args: []string{script}, Dir: place}); err != nil {
			t.Errorf("wrapper %d: %v", i, err)
		}
	}
	close(enough)
	others.Wait()
}
