package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
)

// hostile is the command session, as a process of its own, with a program of the worst kind as its engine.
type hostile struct {
	place, dir string
	cmd        *exec.Cmd
	out, log   bytes.Buffer
}

// newHostile lays out a daemon's private folder with canaries in it, and a configuration whose engine is args.
func newHostile(t *testing.T, limits string, readable, writable []string, args ...string) *hostile {
	t.Helper()
	executable, err := os.Executable()
	must(t, err)
	h := &hostile{place: t.TempDir(), dir: t.TempDir()}
	for name, text := range map[string]string{"token": "CANARY-file\n", ".gitconfig": "[user]\n\tname = CANARY-git\n", ".netrc": "CANARY-netrc\n", "prompt.md": "# Be evil\n",
		"lightsout.toml": fmt.Sprintf("[engines.evil]\nkind = \"command\"\npath = %s\nargs = %s\nreadable = %s\n[containment]\nwritable = %s\n%s\n",
			tomlText(args[0]), tomlList(args[1:]), tomlList(readable), tomlList(writable), limits)} {
		must(t, os.WriteFile(filepath.Join(h.place, name), []byte(text), 0o600))
	}
	h.cmd = exec.Command(executable, daemonWord, "session", "--engine", "evil", "--dir", h.dir, "--prompt", filepath.Join(h.place, "prompt.md"), "--config", filepath.Join(h.place, "lightsout.toml"), "--limit", "20s", "--json")
	h.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.place, "TMPDIR=" + t.TempDir(), "GOCACHE=" + t.TempDir(), "GITHUB_TOKEN=CANARY-github", "TELEGRAM_TOKEN=CANARY-telegram", "SSH_AUTH_SOCK=/run/CANARY-agent"}
	h.cmd.Stdout, h.cmd.Stderr = &h.out, &h.log
	return h
}

// ended waits for the session and returns what it printed; the exit code is told by its outcome.
func (h *hostile) ended(t *testing.T) (result sessionResult) {
	t.Helper()
	var exit *exec.ExitError
	if err := h.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(h.out.Bytes(), &result); err != nil {
		t.Fatalf("%v\n%s\n%s", err, h.out.String(), h.log.String())
	}
	if result.Survivors != 0 {
		t.Errorf("%d survivors", result.Survivors)
	}
	return result
}

func TestHostileSessionFindsNoSecretAndWritesNowhereElse(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs(filepath.Join("testdata", "hostile", "snoop.sh"))
	must(t, err)
	h := newHostile(t, "", []string{script}, nil, "/bin/sh", script, "PLACE")
	must(t, replaceIn(filepath.Join(h.place, "lightsout.toml"), "PLACE", h.place))
	must(t, h.cmd.Start())
	if r := h.ended(t); r.Outcome != "done" {
		t.Errorf("%+v", r)
	}
	if process.LandlockABI() < oldestLandlock && os.Geteuid() != 0 {
		return // nothing holds it then, as doctor says: that it was run and ended is what is held here
	}
	for _, found := range []string{"CANARY", "WROTE"} {
		for line := range strings.Lines(h.out.String() + h.log.String()) {
			if strings.Contains(line, found) {
				t.Errorf("found: %.200s", line)
			}
		}
	}
}

func replaceIn(file, old, with string) error {
	text, err := os.ReadFile(file)
	return errors.Join(err, os.WriteFile(file, bytes.ReplaceAll(text, []byte(old), []byte(with)), 0o600))
}

// TestNothingOfAHostileSessionIsLeft has each kind of session end by itself or by its limits, and have its daemon
// killed in the midst: neither leaves a process behind.
func TestNothingOfAHostileSessionIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		modes  []string
		limits string
		want   string
	}{
		"forks, with a session of its own and no environment": {[]string{"fork", "hang"}, "", "timeout"},
		"ignores TERM":                {[]string{"fork", "deaf"}, "", "timeout"},
		"prints one line without end": {[]string{"fork", "print 100000000000"}, "[limits]\noutput_mb = 1100", "failed"},
		"fills its disk":              {[]string{"fork", "fill"}, "[limits]\ndisk_mb = 64", "failed"},
		"goes on after its end":       {[]string{"fork", "nothing"}, "", "no change"},
	} {
		for _, kill := range []bool{false, true} {
			// By turns with namespaces and with what is left where a machine allows none: the other half of the kinds is
			// held to each by package process.
			apart := map[bool]string{true: "auto", false: "off"}[kill == (c.want == "timeout")]
			t.Run(fmt.Sprintf("%s, daemon killed %v, namespace %s", name, kill, apart), func(t *testing.T) {
				t.Parallel()
				scripts := t.TempDir()
				executable, err := os.Executable()
				must(t, err)
				args := []string{executable, enginetest.Word, scripts}
				for _, mode := range c.modes {
					args = append(args, "--mode="+mode)
				}
				h := newHostile(t, fmt.Sprintf("namespace = %q\n%s", apart, c.limits), []string{executable}, []string{scripts}, args...)
				if c.want == "timeout" {
					h.cmd.Args = append(h.cmd.Args, "--limit", "4s")
				}
				must(t, h.cmd.Start())
				awaitFile(t, filepath.Join(scripts, enginetest.GhostFile))
				if kill && c.want != "no change" {
					if len(naming(scripts)) < 2 {
						t.Error("it is not seen while it works")
					}
					must(t, h.cmd.Process.Kill())
					_ = h.cmd.Wait() // it was killed
				} else if r := h.ended(t); r.Outcome != c.want {
					t.Errorf("%+v, want %s", r, c.want)
				}
				awaitGone(t, scripts)
				if _, err := os.Stat(filepath.Join(h.dir, "late")); err == nil && c.want == "no change" {
					t.Error("it wrote after the session's end")
				}
			})
		}
	}
}

// awaitFile waits for what a session writes.
func awaitFile(t *testing.T, file string) {
	t.Helper()
	for range 4000 {
		if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s is not written", file)
}

// awaitGone waits until no process of the machine names a path among its arguments, as all of a scripted session do.
func awaitGone(t *testing.T, path string) {
	t.Helper()
	var left []string
	for range 2000 {
		if left = naming(path); len(left) == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("still alive: %q", left)
}

func naming(path string) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well formed
	for _, file := range files {
		if words, err := os.ReadFile(file); err == nil && strings.Contains(string(words), path) {
			found = append(found, file+" "+string(words))
		}
	}
	return found
}
