package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"lightsout/agents/proof"
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

// parseProve reads a command line of prove without running it.
func parseProve(t *testing.T, args ...string) (proveCommand, error) {
	t.Helper()
	var cli commands
	parser, err := kong.New(&cli)
	must(t, err)
	_, err = parser.Parse(append([]string{"prove"}, args...))
	return cli.Prove, err
}

func TestTheWordsOfATestCommandEndWhereOurFlagsGoOn(t *testing.T) {
	why := filepath.Join(t.TempDir(), "why.md")
	must(t, os.WriteFile(why, []byte("## Why\n"), 0o600))
	needed := []string{"--repo", ".", "--base", "main", "--head", "work"}
	for name, row := range map[string]struct {
		args []string
		want []string
	}{
		"plain words":          {[]string{"--test", "go", "test", "./...", "-race", "--json", "--text", why}, []string{"go", "test", "./...", "-race"}},
		"in the middle":        {[]string{"--json", "--test", "go", "test", "-run", "X", "--text=" + why}, []string{"go", "test", "-run", "X"}},
		"one line":             {[]string{"--test", "go test ./...", "--json", "--text", why}, []string{"go", "test", "./..."}},
		"behind an equal sign": {[]string{"--test=go test ./...", "--json", "--text", why}, []string{"go", "test", "./..."}},
		"one flag a word":      {[]string{"--test", "go", "--test", "test", "--test", "./...", "--json", "--text", why}, []string{"go", "test", "./..."}},
		"a shell's line":       {[]string{"--test", "cd sub && go test ./...", "--json", "--text", why}, []string{"sh", "-c", "cd sub && go test ./..."}},
		"a variable":           {[]string{"--test", "CGO_ENABLED=0 go test", "--json", "--text", why}, []string{"sh", "-c", "CGO_ENABLED=0 go test"}},
		"flags of its own":     {[]string{"--test", "jest", "--config", "jest.json", "--json", "--text", why}, []string{"jest", "--config", "jest.json"}},
		"behind --":            {[]string{"--json", "--text", why, "--", "tool", "--json"}, []string{"tool", "--json"}},
		"one line behind --":   {[]string{"--json", "--text", why, "--", "go test ./..."}, []string{"go", "test", "./..."}},
		"none":                 {[]string{"--json", "--text", why}, nil},
	} {
		for order, args := range [][]string{slices.Concat(needed, row.args), slices.Concat(row.args, needed)} {
			if slices.Contains(row.args, "--") && order == 1 {
				continue // all that follows is the command's
			}
			p, err := parseProve(t, args...)
			must(t, err)
			test, _, err := p.settings()
			if err != nil || !slices.Equal(test, row.want) || !p.JSON || p.Text != why {
				t.Errorf("%s, order %d: %q, %v, %+v; want %q", name, order, test, err, p, row.want)
			}
		}
	}
	p, err := parseProve(t, append(needed, "--test", "make", "--", "make", "check")...)
	must(t, err)
	if _, _, err := p.settings(); err == nil {
		t.Error("of two test commands one was dropped in silence")
	}
	for _, empty := range []string{"--test", "--"} {
		if p, err = parseProve(t, append(needed, empty, "  ")...); err == nil {
			if _, _, err = p.settings(); err == nil {
				t.Errorf("behind %s a command without words is taken", empty)
			}
		}
	}
}

func TestProofsOfARepositoryShareAFolderOneAfterTheOther(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	repo := t.TempDir()
	first, err := proveFolder(repo)
	must(t, err)
	second, err := proveFolder(repo)
	must(t, err)
	elsewhere, err := proveFolder(t.TempDir())
	must(t, err)
	if first == second || first == elsewhere {
		t.Errorf("a folder is shared at one time: %s, %s, %s", first, second, elsewhere)
	}
	must(t, os.Remove(first))
	if third, err := proveFolder(repo); err != nil || third != first {
		t.Errorf("%s, then %s, %v", first, third, err)
	}
}

func TestAllFlagsThatEndATestCommandAreFlagsOfProve(t *testing.T) {
	var cli commands
	parser, err := kong.New(&cli)
	must(t, err)
	var known []string
	for _, command := range parser.Model.Children {
		for _, flag := range command.Flags {
			if command.Name == "prove" {
				known = append(known, flag.Name)
			}
		}
	}
	for _, name := range known {
		if listed := slices.Contains(proveFlags(), name); listed == (name == "config") {
			t.Errorf("--%s: ends a test command: %v", name, listed)
		}
	}
	for _, name := range proveFlags() {
		if !slices.Contains(known, name) {
			t.Errorf("prove has no --%s", name)
		}
	}
}

func TestProveTakesTheProofOfAConfigurationAndFlagsWin(t *testing.T) {
	path := configFolder(t, strings.Replace(minimal, "[github]", `test = ["make", "test"]
[proof]
warn = ["stub"]
maximum_lines = 10
protected = ["deploy/"]
mutate = "5s"
junit = "report.xml"
offline = true
[github]`, 1))
	p := proveCommand{Repo: t.TempDir(), Config: path, Protected: []string{"*.pem"}, MaxLines: 20}
	test, got, err := p.settings()
	want := proof.Settings{Warn: []string{"stub"}, MaximumLines: 20, Protected: []string{"deploy/", "*.pem"}, Mutate: 5 * time.Second, JUnit: "report.xml", Offline: true}
	if diff := cmp.Diff(want, got); err != nil || diff != "" || !slices.Equal(test, []string{"make", "test"}) {
		t.Errorf("test %q, error %v, -want +got:\n%s", test, err, diff)
	}
	p.Config = configFolder(t, minimal+"[proof]\nwarn = [\"stubs\"]\n")
	if _, _, err := p.settings(); err == nil || !strings.Contains(err.Error(), `lightsout.toml:8: proof.warn: holds what is no policy that can be a warning: did you mean "stub"?`) {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsFencedWithoutLandlockIsFencedAllTheSame(t *testing.T) {
	if r := (bench{fence: fence{apart: true, user: true}}).proof(time.Minute); !r.Contain || !r.Apart {
		t.Errorf("on a kernel without Landlock: contained %v, apart %v", r.Contain, r.Apart)
	}
}
