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

// fence is what is in force around sessions and tests on this machine.
type fence struct {
	landlock int    // ABI; 0: none
	user     bool   // they are another user's than ours
	why      string // why they are not, though we are root
	apart    bool   // each is in a process-id namespace of its own
	whyNot   string // why none is; "" also where the configuration wants none
	off      bool   // the configuration wants none
}

// String says it in a line.
func (f fence) String() string {
	if f.off {
		return "switched off"
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
	if f.apart {
		parts = append(parts, "a process-id namespace each")
	} else if f.whyNot != "" {
		parts = append(parts, "no process-id namespace")
	}
	return strings.Join(parts, ", ")
}

// lacks says what it comes short of, and what would mend that; "" and "" where nothing is lacking that the configuration
// wants.
func (f fence) lacks() (what, cure string) {
	const open = "sessions can read what this user can read, the daemon's own files among it"
	switch {
	case f.off:
		return open, `write landlock = "auto" under [containment]`
	case f.landlock == 0 && !f.user:
		return open, "run lightsout as a user of its own that owns nothing else"
	case f.why != "":
		return f.why, "Landlock alone keeps the daemon's secrets from sessions here; run lightsout as a user of its own, or where root may make mounts"
	case f.whyNot != "":
		return f.whyNot, "a namespace hides other processes from sessions: allow user namespaces, and cover no part of /proc (as containers and ProtectKernelTunables= do)"
	}
	return "", ""
}

// whole is the level with what it lacks, as doctor and /health say it.
func (f fence) whole() string {
	if what, _ := f.lacks(); what != "" {
		return f.String() + ": " + what
	}
	return f.String()
}

// findFence starts a program that does nothing as a session would be started, and sees what was in force. A namespace is
// tried where it is wanted.
func findFence(ctx context.Context, namespace bool) (found fence, err error) {
	dir, err := os.MkdirTemp("", "lightsout-fence-")
	if err != nil {
		return fence{}, fmt.Errorf("try the containment: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	try := process.Tree{Args: []string{"/bin/true"}, Dir: dir, Marker: "lightsout-fence-" + rand.Text(), Limits: process.Limits{Wall: probeTime},
		Contain: &process.Containment{ReadWrite: []string{dir}, Namespace: namespace}}
	r, err := try.Run(ctx)
	if err != nil && namespace && r.Cause == process.CauseNotStarted {
		found.whyNot, try.Contain.Namespace = strings.TrimPrefix(err.Error(), "start "+try.Args[0]+": "), false
		r, err = try.Run(ctx)
	}
	if err != nil {
		return fence{}, fmt.Errorf("try the containment: %w", err)
	}
	found.user, found.why, found.apart = r.User != 0, r.UserWhy, r.Namespace
	if r.Contained {
		found.landlock = process.LandlockABI()
	}
	return found, nil
}

// fenceLook is a look at what is in force that is under way: it starts programs, and waits for them.
type fenceLook struct {
	done  chan struct{} // closed when the others may be read
	found fence
	err   error
}

// findFenceSoon begins to look, unless nothing is wanted.
func (d *daemon) findFenceSoon(ctx context.Context) *fenceLook {
	look := &fenceLook{done: make(chan struct{})}
	go func() {
		defer close(look.done)
		if c := d.config.Containment; c.Landlock != "off" {
			look.found, look.err = findFence(ctx, c.Namespace != "off")
		}
	}()
	return look
}

// contain says whether sessions are to be fenced in, finds out what that is on this machine, and refuses to start where
// the configuration demands what it lacks.
func (d *daemon) contain(ctx context.Context) (bool, error) {
	c := d.config.Containment
	if c.Landlock == "off" {
		d.fence = fence{off: true}
		for name, demand := range map[string]string{"user": c.User, "namespace": c.Namespace} {
			if demand == "require" {
				return false, fmt.Errorf(`containment.%s is "require", which containment.landlock = "off" switches off: write landlock = "auto"`, name)
			}
		}
		return false, nil
	}
	look := d.looking
	if look == nil {
		look = d.findFenceSoon(ctx)
	}
	<-look.done
	found, err := look.found, look.err
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
	if c.Namespace == "require" && !found.apart {
		return false, fmt.Errorf(`containment.namespace is "require" and this machine allows none (%s): start as root, allow user namespaces, or write "auto" to go on without`, found.whyNot)
	}
	return true, nil
}
