package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"lightsout/agents/process"
	"lightsout/store"
)

// machine tries what sessions and tests need on this machine.
func (x *doctor) machine(ctx context.Context) []finding {
	var checks []finding
	for _, chosen := range x.config.everyEngine() {
		checks = append(checks, x.coder(ctx, chosen))
	}
	return append(checks, x.tests(), x.containment(ctx))
}

// handedOn is the environment of sessions and tests, as far as finding programs goes.
func (x *doctor) handedOn(e EngineConfig) []string {
	env := pass(x.environ, slices.Concat(x.config.Containment.Pass, e.Pass))
	for _, values := range []map[string]string{x.config.Containment.Env, e.Env} {
		for name, value := range values {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// coder looks for a coding CLI, and for what opens its provider.
func (x *doctor) coder(ctx context.Context, chosen string) finding {
	const name = "coding CLI"
	s := x.engineState(ctx, chosen, false)
	found := strings.TrimSpace(chosen + ": " + s.Path + " " + s.Version)
	switch {
	case s.Ready:
		return good(name, found)
	case !s.Installed:
		return bad(name, cmp.Or(x.config.Engines[chosen].Path, chosen)+" is not found in the PATH of sessions", s.Todo)
	case s.Version == "":
		return bad(name, found+" does not run", s.Todo)
	}
	return bad(name, found+" has no credentials", s.Todo+"; sessions have "+ownHome)
}

// versionTime is what a coding CLI may take to tell its version: some are large, and all may be asked at once.
const versionTime = 30 * time.Second

// coderVersion is what a coding CLI says of itself; pi says it on standard error.
func (x *doctor) coderVersion(ctx context.Context, path string, env []string) (version string, err error) {
	home, err := os.MkdirTemp("", "lightsout-doctor-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	out, err := process.Output(ctx, process.Command{Args: []string{"/bin/sh", "-c", `exec "$0" --version 2>&1`, path}, Dir: home, Env: append(env, "HOME="+home, "TMPDIR="+home), Limit: versionTime, MaxOutput: 64 << 10})
	return versionLine(string(out)), err
}

// versionLine is the line of what a program prints that names its version: some warn of this and that before.
func versionLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		if numbered.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(lines[0])
}

var numbered = regexp.MustCompile(`\b\d+\.\d+`)

// tests looks for the program that runs the repository's tests.
func (x *doctor) tests() finding {
	const name = "test command"
	if len(x.config.Test) == 0 {
		return good(name, "found in the repository each time")
	}
	words, program := strings.Join(x.config.Test, " "), x.config.Test[0]
	if strings.Contains(program, "/") && !filepath.IsAbs(program) {
		return good(name, words+" (of the repository)")
	}
	path, err := process.LookPath(program, "/", x.handedOn(EngineConfig{}))
	if err != nil {
		return bad(name, program+" is not found in the PATH of sessions", "install it, or put its folder into PATH where lightsout is started")
	}
	return good(name, words+" ("+path+")")
}

// containment says what is really in force around sessions, and what of the daemon they can still reach.
func (x *doctor) containment(ctx context.Context) finding {
	const name = "containment"
	if _, err := x.contain(ctx); err != nil {
		return bad(name, err.Error(), `take the demand back under [containment], or change the machine`)
	}
	found := good(name, x.fence.whole())
	_, found.Cure = x.fence.lacks()
	return found
}

// diskFloor is the least free space to start with, in bytes: a mirror, a worktree and build caches of a middling
// repository.
const diskFloor = 1 << 30

// state tries the state folder and what is in it.
func (x *doctor) state(ctx context.Context) []finding {
	dir := x.config.State
	if err := writable(dir); err != nil {
		return []finding{bad("state folder", err.Error(), "give it to this user, or name another with state = \"…\""), notTried("no state folder", "database", "disk", "people")}
	}
	checks := []finding{good("state folder", dir)}
	switch used, free, err := disk(nearestFolder(dir)); {
	case err != nil:
		checks = append(checks, unsure("disk", err.Error(), ""))
	case free < diskFloor:
		checks = append(checks, bad("disk", fmt.Sprintf("%d MB free, %d%% used", free>>20, used), "make room, at least a gigabyte: "+filepath.Join(dir, "cache")+" may be emptied while lightsout is stopped"))
	default:
		checks = append(checks, good("disk", fmt.Sprintf("%d GB free", free>>30)))
	}
	checks = append(checks, good("daemon", lockHolder(dir)))
	return append(checks, x.database(ctx)...)
}

// writable writes a file into a folder, or where the folder will be made.
func writable(dir string) error {
	file, err := os.CreateTemp(nearestFolder(dir), ".lightsout-doctor-")
	if err != nil {
		return err
	}
	_, err = file.WriteString("may be deleted\n")
	return errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
}

// nearestFolder is the folder itself, or the nearest above it that exists.
func nearestFolder(dir string) string {
	for {
		_, err := os.Stat(dir)
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return dir
		}
		dir = parent
	}
}

// database opens the store, which checks it, and looks who may steer. One that is not there yet is not made.
func (x *doctor) database(ctx context.Context) []finding {
	nobody := bad("people", "nobody may steer the factory, so no role would run", commandFor("pair", x.config.path))
	if _, err := os.Stat(x.databasePath()); errors.Is(err, fs.ErrNotExist) {
		return []finding{good("database", "made at the first start"), nobody}
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	s, err := store.Open(ctx, x.databasePath(), store.Options{Repo: x.config.Repository})
	if err != nil {
		return []finding{bad("database", err.Error(), "restore a backup from "+filepath.Join(x.config.State, "backup")+", as the README tells"), notTried("no database", "people")}
	}
	people, err := s.People(ctx)
	if err = errors.Join(err, s.Close()); err != nil {
		return []finding{bad("database", err.Error(), "start doctor again; if it stays, restore a backup as the README tells")}
	}
	opened := good("database", "opened and checked")
	if len(people) == 0 {
		return []finding{opened, nobody}
	}
	var names []string
	for _, p := range people {
		names = append(names, fmt.Sprintf("%s (%d, %s)", p.Name, p.ID, p.Role))
	}
	return []finding{opened, good("people", strings.Join(names, ", "))}
}
