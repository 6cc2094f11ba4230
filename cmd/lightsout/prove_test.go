package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestProveJudgesAnyRepository runs `lightsout prove` as people do; the scripts in testdata/prove read as its documentation.
func TestProveJudgesAnyRepository(t *testing.T) {
	executable, err := os.Executable()
	must(t, err)
	_, caches := hostEnvironment(os.Environ())
	if len(caches) == 0 {
		t.Fatal("there is no build cache")
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "prove"),
		Setup: func(e *testscript.Env) error {
			bin := filepath.Join(e.WorkDir, ".bin")
			wrapper := fmt.Sprintf("#!/bin/sh\nexec %s %s \"$@\"\n", shellWord(executable), daemonWord)
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GOCACHE", caches[0]) // a cold one would have to compile package testing
			e.Setenv("GOFLAGS", "-vet=off")
			e.Setenv("GOPROXY", "off")
			e.Setenv("GIT_CONFIG_COUNT", "3")
			for i, setting := range [][2]string{{"user.name", "Ana"}, {"user.email", "ana@example.com"}, {"init.defaultBranch", "main"}} {
				e.Setenv(fmt.Sprint("GIT_CONFIG_KEY_", i), setting[0])
				e.Setenv(fmt.Sprint("GIT_CONFIG_VALUE_", i), setting[1])
			}
			return errors.Join(os.Mkdir(bin, 0o700), os.WriteFile(filepath.Join(bin, "lightsout"), []byte(wrapper), 0o700))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

func TestATestCommandIsSplitAsAShellSplitsIt(t *testing.T) {
	for in, want := range map[string][]string{
		"go test ./...":            {"go", "test", "./..."},
		"  make   check ":          {"make", "check"},
		`sh -c 'a "b" c' "d e"\ f`: {"sh", "-c", `a "b" c`, "d e f"},
		`printf '' ""`:             {"printf", "", ""},
		"":                         nil,
	} {
		if got, err := shellWords(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`a 'b`, `a "b`, `a \`} {
		if got, err := shellWords(in); err == nil {
			t.Errorf("%q is %q", in, got)
		}
	}
}

func TestOurFlagsMayFollowATestCommand(t *testing.T) {
	p := proveCommand{Command: "go", Rest: []string{"test", "./...", "-race", "--json", "--text", "why.md"}}
	got, err := p.test()
	if err != nil || !slices.Equal(got, []string{"go", "test", "./...", "-race"}) || !p.JSON || p.Text != "why.md" {
		t.Errorf("%q, %v, %+v", got, err, p)
	}
	p = proveCommand{Rest: []string{"--", "tool", "--json"}}
	if got, err = p.test(); err != nil || !slices.Equal(got, []string{"tool", "--json"}) || p.JSON {
		t.Errorf("%q, %v", got, err)
	}
}
