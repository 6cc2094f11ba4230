package main

import (
	"os"
	"strings"
	"testing"

	"lightsout/agents/process"
)

// oldestLandlock is the first version that holds renames and links across folders, too.
const oldestLandlock = 2

func TestFenceIsToldAsItIs(t *testing.T) {
	for want, f := range map[string]fence{
		"switched off": {off: true},
		"Landlock ABI 7, another user for each session":             {landlock: 7, user: true},
		"Landlock ABI 7, root's own user with few capabilities":     {landlock: 7, why: "no mounts"},
		"Landlock ABI 4, our own user":                              {landlock: 4},
		"no Landlock, another user for each session":                {user: true},
		"no Landlock, our own user":                                 {},
		"Landlock ABI 7, our own user, a process-id namespace each": {landlock: 7, apart: true},
		"Landlock ABI 7, our own user, no process-id namespace":     {landlock: 7, whyNot: "not permitted"},
	} {
		if got := f.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatTheConfigurationDemandsIsThereOrNothingStarts(t *testing.T) {
	found, err := findFence(t.Context(), true)
	must(t, err)
	if able := process.LandlockABI() >= oldestLandlock; (found.landlock > 0) != able || found.user && os.Geteuid() != 0 {
		t.Errorf("%+v", found)
	}
	if found.apart == (found.whyNot != "") {
		t.Errorf("%+v", found)
	}
	for _, row := range []struct {
		landlock, user, namespace string
		able, fenced, apart       bool
	}{
		{"auto", "auto", "auto", true, true, found.apart},
		{"require", "auto", "auto", found.landlock > 0, true, found.apart},
		{"auto", "require", "auto", found.user, true, found.apart},
		{"auto", "auto", "require", found.apart, true, true},
		{"auto", "auto", "off", true, true, false},
		{"off", "auto", "auto", true, false, false},
		{"off", "require", "auto", false, false, false},
		{"off", "auto", "require", false, false, false},
	} {
		d := &daemon{config: defaults()}
		d.config.Containment.Landlock, d.config.Containment.User, d.config.Containment.Namespace = row.landlock, row.user, row.namespace
		fenced, err := d.contain(t.Context())
		if (err == nil) != row.able || err == nil && (fenced != row.fenced || d.fence.apart != row.apart) {
			t.Errorf("%+v: %v, %+v, %v", row, fenced, d.fence, err)
		}
		if err != nil && !strings.Contains(err.Error(), "require") {
			t.Errorf("%v", err)
		}
	}
}
