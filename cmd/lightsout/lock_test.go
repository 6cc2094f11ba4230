package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestASecondDaemonOnOneStateFolderIsRefusedAndTouchesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	begun := r.lives
	pid := strconv.Itoa(r.daemon.Process.Pid)
	var out bytes.Buffer
	code := run(t.Context(), []string{"run", "--config", r.config}, console{in: strings.NewReader(""), out: &out, err: &out, environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}})
	if said := out.String(); code != exitUnknown || !strings.Contains(said, "already running (pid "+pid+", since ") || !strings.Contains(said, "lightsout status") {
		t.Errorf("exit code %d; it said %q", code, said)
	}
	r.await(r.landed) // the first one goes on as if nothing had been
	r.checkInvariants()
	if r.lives != begun {
		t.Errorf("the daemon has lived %d times", r.lives)
	}
}

func TestTheLockIsTakenBeforeTheDatabaseIsOpened(t *testing.T) {
	d := &daemon{config: defaults()}
	d.config.State, d.config.Repository = t.TempDir(), "acme/prices"
	held, err := takeLock(d.config.State, time.Now())
	must(t, err)
	var running *runningError
	if err := d.Run(t.Context()); !errors.As(err, &running) {
		t.Errorf("Run() = %v, want a refusal", err)
	}
	if _, err := os.Stat(d.databasePath()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the database of a daemon that was refused: %v", err)
	}
	must(t, held.release())
	held, err = takeLock(d.config.State, time.Now()) // what its holder has left stays, and is no lock
	must(t, err)
	must(t, held.release())
	if holder := lockHolder(d.config.State); holder != "not running" {
		t.Errorf("lockHolder() = %q after the end", holder)
	}
}

// A database that was copied to another folder has a daemon of its own, and each of the two believes that it is the one.
func TestTwoDaemonsOnCopiesOfOneDatabaseOpenOnePullRequestAndMergeItOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	elsewhere := filepath.Join(r.dir, "elsewhere")
	must(t, os.MkdirAll(elsewhere, 0o700))
	text, err := os.ReadFile(r.config)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(r.dir, "copy.toml"), append([]byte("state = "+strconv.Quote(elsewhere)+"\n"), text...), 0o600))
	name, err := r.store.Backup(t.Context(), elsewhere)
	must(t, err)
	must(t, os.Rename(name, filepath.Join(elsewhere, "lightsout.db")))
	r.start()
	twin := &rig{t: t, dir: r.dir, forge: r.forge, chat: r.chat, config: filepath.Join(r.dir, "copy.toml")}
	t.Cleanup(twin.stop)
	twin.start()
	r.await(func() bool {
		issue, _ := r.forge.Issue(r.ticket)
		deployments := r.forge.Deployments()
		return issue.Status == "Done" && len(deployments) > 0 && deployments[0].State == "success"
	})
	count := map[string]int{}
	for _, m := range r.forge.Mutations() {
		count[m.Kind]++
	}
	if count["pull.create"] != 1 || count["pull.merge"] != 1 {
		t.Errorf("%d pull requests were opened and %d merged; GitHub saw:\n%s", count["pull.create"], count["pull.merge"], r.story())
	}
}
