package main

import (
	"os"
	"strings"
	"testing"

	"lightsout/agents/process"
)

func TestFenceIsToldAsItIs(t *testing.T) {
	for want, f := range map[string]fence{
		"no containment: switched off":                          {off: true},
		"Landlock ABI 7, another user for each session":         {landlock: 7, user: true},
		"Landlock ABI 7, root's own user with few capabilities": {landlock: 7, why: "no mounts"},
		"Landlock ABI 4, our own user":                          {landlock: 4},
		"no Landlock, another user for each session":            {user: true},
		"no Landlock, our own user":                             {},
	} {
		if got := f.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatTheConfigurationDemandsIsThereOrNothingStarts(t *testing.T) {
	found, err := findFence(t.Context())
	must(t, err)
	if able := process.LandlockABI() >= oldestLandlock; (found.landlock > 0) != able || found.user && os.Geteuid() != 0 {
		t.Errorf("%+v", found)
	}
	for _, row := range []struct {
		landlock, user string
		able, fenced   bool
	}{
		{"auto", "auto", true, true},
		{"require", "auto", found.landlock > 0, true},
		{"auto", "require", found.user, true},
		{"off", "auto", true, false},
		{"off", "require", false, false},
	} {
		d := &daemon{config: defaults()}
		d.config.Containment.Landlock, d.config.Containment.User = row.landlock, row.user
		fenced, err := d.contain(t.Context())
		if (err == nil) != row.able || err == nil && fenced != row.fenced {
			t.Errorf("landlock %s, user %s: %v, %v", row.landlock, row.user, fenced, err)
		}
		if err != nil && !strings.Contains(err.Error(), "require") {
			t.Errorf("%v", err)
		}
	}
}
