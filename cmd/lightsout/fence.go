package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"lightsout/agents/process"
)

// oldestLandlock is the first version that holds renames and links across folders, too.
const oldestLandlock = 2

// fence is what is in force around sessions and tests on this machine.
type fence struct {
	landlock int    // ABI; 0: none
	user     bool   // they are another user's than ours
	why      string // why they are not, though we are root
	off      bool   // the configuration wants none
}

// String says it in a line.
func (f fence) String() string {
	if f.off {
		return "no containment: switched off"
	}
	parts := []string{"no Landlock"}
	if f.landlock > 0 {
		parts[0] = fmt.Sprintf("Landlock ABI %d", f.landlock)
	}
	switch {
	case f.user:
		parts = append(parts, "another user for each session")
	case f.why != "":
		parts = append(parts, "root's own user with few capabilities")
	default:
		parts = append(parts, "our own user")
	}
	return strings.Join(parts, ", ")
}

// findFence starts a program that does nothing as a session would be started, and sees what was in force.
func findFence(ctx context.Context) (found fence, err error) {
	dir, err := os.MkdirTemp("", "lightsout-fence-")
	if err != nil {
		return fence{}, fmt.Errorf("try the containment: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	r, err := process.Tree{Args: []string{"/bin/true"}, Dir: dir, Marker: "lightsout-fence-" + rand.Text(), Limits: process.Limits{Wall: probeTime},
		Contain: &process.Containment{ReadWrite: []string{dir}}}.Run(ctx)
	if err != nil {
		return fence{}, fmt.Errorf("try the containment: %w", err)
	}
	found = fence{user: r.User != 0, why: r.UserWhy}
	if r.Contained {
		found.landlock = process.LandlockABI()
	}
	return found, nil
}

// contain says whether sessions are to be fenced in, finds out what that is on this machine, and refuses to start where
// the configuration demands what it lacks.
func (d *daemon) contain(ctx context.Context) (bool, error) {
	c := d.config.Containment
	if c.Landlock == "off" {
		d.fence = fence{off: true}
		if c.User == "require" {
			return false, errors.New(`containment.user is "require", which containment.landlock = "off" switches off: write landlock = "auto"`)
		}
		return false, nil
	}
	found, err := findFence(ctx)
	if err != nil {
		return false, err
	}
	d.fence = found
	if c.Landlock == "require" && found.landlock == 0 {
		return false, errors.New(`containment.landlock is "require" and this kernel has no Landlock (version 2 of it came with Linux 5.19): use a newer kernel, or "auto" to go on without`)
	}
	if c.User == "require" && !found.user {
		why := "only root can switch users"
		if found.why != "" {
			why = found.why
		}
		return false, fmt.Errorf(`containment.user is "require" and sessions cannot be another user's here (%s): start as root on a machine that lets root make mounts, or write "auto" to go on without`, why)
	}
	return true, nil
}
