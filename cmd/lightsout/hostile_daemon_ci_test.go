//go:build ci

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
)

// TestADaemonKilledDuringAHostileSessionComesToRest kills the daemon in the midst of each kind of session that is out to
// outlive it, with a coding CLI before it in the list whose quota is spent. Nothing of the session is left, and the next
// life finishes the ticket.
func TestADaemonKilledDuringAHostileSessionComesToRest(t *testing.T) {
	for name, modes := range map[string]string{
		"forks":                       "fork\nhang",
		"ignores TERM":                "fork\ndeaf",
		"prints one line of a GB":     "fork\nprint 1000000000\nhang",
		"prints GBs":                  "fork\nlines 100000000000",
		"fills its disk":              "fork\nfill",
		"writes outside":              "fork\noutside OUTSIDE\nhang",
		"commits after its end":       "fork\nwait 3s",
		"goes on when it is answered": "fork\npolite",
		"reads secrets":               "",
	} {
		for _, namespace := range []string{"auto", "off"} {
			t.Run(name+", namespace "+namespace, func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				scripts, outside := filepath.Join(r.dir, "scripts"), filepath.Join(t.TempDir(), "outside")
				r.haunt(scripts, strings.ReplaceAll(modes, "OUTSIDE", outside), namespace)
				r.start()
				awaitFile(t, filepath.Join(scripts, enginetest.GhostFile))
				if len(naming(scripts)) == 0 {
					t.Error("nothing of it is seen while it works")
				}
				r.kill()
				awaitGone(t, scripts)
				r.start()
				r.await(r.landed)
				r.checkInvariants()
				r.checkLives()
				if _, err := r.show("main:late"); err == nil {
					t.Error("what it left after its end has landed")
				}
				if fenced := process.LandlockABI() >= oldestLandlock; fenced {
					if _, err := os.Stat(outside); err == nil {
						t.Error("it wrote outside")
					}
					found, err := os.ReadFile(filepath.Join(scripts, "found"))
					if modes == "" && (err != nil || len(found) < 1000) {
						t.Errorf("it has looked at %d bytes, %v", len(found), err)
					}
					for _, canary := range []string{"canary", "CANARY", "WROTE", r.chat.Token()} {
						for line := range bytes.Lines(found) {
							if bytes.Contains(line, []byte(canary)) {
								t.Errorf("found: %.200s", line)
							}
						}
					}
				}
			})
		}
	}
}

// haunt has the first session of the ticket be hostile, and the second do what it should; without modes the first looks for
// secrets. Before both in the list is one whose quota is spent.
func (r *rig) haunt(scripts, modes, namespace string) {
	t := r.t
	t.Helper()
	solution := filepath.Join(scripts, "total-is-always-one")
	executable, err := os.Executable()
	must(t, err)
	spent, recorded := filepath.Join(r.dir, "spent.sh"), filepath.Join(r.dir, "recorded.sh")
	must(t, enginetest.Wrap(spent, executable, scripts, "--mode=quota"))
	must(t, enginetest.Wrap(recorded, executable, scripts))
	if modes != "" {
		must(t, os.CopyFS(filepath.Join(solution, "2"), os.DirFS(filepath.Join(solution, "1"))))
		must(t, os.WriteFile(filepath.Join(solution, "1", "mode"), []byte(modes+"\n"), 0o600))
	} else {
		snoop, err := os.ReadFile(filepath.Join("testdata", "hostile", "snoop.sh"))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(r.dir, "snoop.sh"), snoop, 0o600))
		must(t, os.WriteFile(filepath.Join(r.dir, "token"), []byte("CANARY-file\n"), 0o600))
		last, err := os.ReadFile(recorded)
		must(t, err)
		first := fmt.Sprintf("#!/bin/sh\nif mkdir '%[1]s/first' 2>/dev/null; then sh '%[2]s/snoop.sh' '%[2]s' >'%[1]s/found' 2>&1; echo x >'%[1]s/%[3]s'; exec tail -f '%[1]s/found'; fi\n", scripts, r.dir, enginetest.GhostFile)
		must(t, os.WriteFile(recorded, append([]byte(first), last...), 0o755))
	}
	must(t, replaceIn(r.config, "engine = \"recorded\"\n", "engine = [\"spent\", \"recorded\"]\n"))
	must(t, replaceIn(r.config, fmt.Sprintf("path = %q\nargs = [\"scripted-cli\", %q]\n", executable, scripts), fmt.Sprintf("path = %q\nreadable = [%q, %q]\n", recorded, executable, filepath.Join(r.dir, "snoop.sh"))))
	must(t, replaceIn(r.config, "[schedule]\n", fmt.Sprintf("[engines.spent]\nkind = \"claude\"\npath = %q\nreadable = [%q]\nwritable = [%q]\n\n[review]\nrounds = 0\n\n[schedule]\n", spent, executable, scripts)))
	must(t, replaceIn(r.config, "[containment]\n", fmt.Sprintf("[containment]\nnamespace = %q\n", namespace)))
}

// checkLives holds that the life that was lost, and the quota, have spent no attempt, and that who is out of quota was asked
// once, by the first life alone.
func (r *rig) checkLives() {
	t := r.t
	t.Helper()
	runs, err := r.store.RunsOf(t.Context(), r.ticket)
	must(t, err)
	var outcomes []string
	for _, run := range runs {
		outcomes = append(outcomes, run.Outcome)
		if run.Attempt != 1 {
			t.Errorf("run %d was attempt %d", run.ID, run.Attempt)
		}
	}
	if got := strings.Join(outcomes, ", "); got != "interrupted, done" {
		t.Errorf("the runs ended as %s", got)
	}
	spent, err := r.store.SpentSince(t.Context(), time.Time{})
	must(t, err)
	for _, e := range spent {
		if want := map[string]int{"spent": 1, "recorded": 2}[e.Engine]; e.Sessions != want {
			t.Errorf("%d sessions of %s, want %d", e.Sessions, e.Engine, want)
		}
	}
	rests, err := r.store.Rests(t.Context())
	if err != nil || len(rests) != 1 || rests[0].Engine != "spent" {
		t.Errorf("resting: %+v, %v", rests, err)
	}
}

// show asks the repository on GitHub's side for an object.
func (r *rig) show(object string) (string, error) {
	out, err := process.Output(r.t.Context(), process.Command{Args: []string{"git", "cat-file", "-p", object}, Dir: r.forge.GitDir(), Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}})
	return string(out), err
}

func TestAPauseEndsWhatRunsAndResumeGoesOn(t *testing.T) {
	r := newRig(t)
	scripts := filepath.Join(r.dir, "scripts")
	r.haunt(scripts, "fork\ndeaf", "auto")
	r.start()
	awaitFile(t, filepath.Join(scripts, enginetest.GhostFile))
	say := func(words string) {
		_, err := r.chat.Say(1001, words)
		must(t, err)
	}
	say("/pause")
	awaitGone(t, scripts)
	r.watch(func() bool {
		running, err := r.store.Running(t.Context())
		must(t, err)
		issue, _ := r.forge.Issue(r.ticket)
		return len(running) == 0 && issue.Status == "Todo" && r.heard("run 1 is ended, its work is kept") && r.heard("paused by Ana")
	})
	say("/run")
	r.watch(func() bool { return r.heard("Factory is paused") })
	if left := naming(scripts); len(left) > 0 {
		t.Errorf("under the pause there works %q", left)
	}
	say("/resume")
	r.await(r.landed)
	r.checkInvariants()
	runs, err := r.store.RunsOf(t.Context(), r.ticket)
	must(t, err)
	if len(runs) != 2 || runs[0].Outcome != "cancelled" || runs[1].Outcome != "done" || runs[1].Attempt != 1 {
		t.Errorf("%+v", runs)
	}
}

// heard tells whether the chat has said something to Ana.
func (r *rig) heard(words string) bool {
	for _, m := range r.chat.Messages(1001) {
		if strings.Contains(m.Plain, words) {
			return true
		}
	}
	return false
}

// TestACancelledOrShutDownHostileSessionComesToRest ends one that ignores TERM and has left a process elsewhere by a person's
// word, and by the daemon's own end.
func TestACancelledOrShutDownHostileSessionComesToRest(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"cancelled": func(r *rig) {
			_, err := r.chat.Say(1001, fmt.Sprintf("/cancel %d", r.ticket))
			must(r.t, err)
			r.watch(func() bool { return r.heard("ended: cancelled") })
		},
		"shut down": func(r *rig) { r.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			scripts := filepath.Join(r.dir, "scripts")
			r.haunt(scripts, "fork\ndeaf", "auto")
			r.start()
			awaitFile(t, filepath.Join(scripts, enginetest.GhostFile))
			end(r)
			if left := naming(scripts); len(left) > 0 {
				t.Errorf("there still works %q", left)
			}
			if name == "shut down" {
				r.start()
			} else {
				_, err := r.chat.Say(1001, fmt.Sprintf("/retry %d", r.ticket))
				must(t, err)
			}
			r.await(r.landed)
			r.checkInvariants()
			if runs, err := r.store.RunsOf(t.Context(), r.ticket); err != nil || len(runs) != 2 || runs[1].Attempt != 1 {
				t.Errorf("%+v, %v", runs, err)
			}
		})
	}
}
