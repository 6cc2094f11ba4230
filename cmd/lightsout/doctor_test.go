package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/engine/enginetest"
	"lightsout/agents/forge"
)

// unreachable is how forge says that no answer came.
var unreachable = &forge.Unreachable{Err: errors.New("reset")}

func TestDoctorsFindings(t *testing.T) {
	x := &doctor{&daemon{config: defaults(), environ: []string{"PATH=/usr/bin:/bin", "ANTHROPIC_API_KEY="}}}
	x.config.path = "/etc/lightsout/lightsout.toml"
	x.config.Repository, x.config.GitHub.Project, x.config.GitHub.ProjectOwner = "acme/prices", 3, "acme"
	x.config.GitHub.Token.File = "hub.token"
	probe := func(change func(*forge.Probe)) forge.Probe {
		p := forge.Probe{Login: "night-shift", Scopes: []string{"repo", "project"}, Repository: forge.Repository{FullName: "acme/prices", CanPush: true, MergeMethods: []string{"merge"}}}
		change(&p)
		return p
	}
	whole := probe(func(*forge.Probe) {})
	for _, row := range []struct {
		name string
		got  finding
		mark string // ok, bad, unknown
		want string // in what is said
	}{
		{"a classic token", x.token(whole, nil), "ok", "of night-shift, scopes repo, project"},
		{"a fine-grained token", x.token(probe(func(p *forge.Probe) { p.Scopes = nil }), nil), "ok", "rights of its own"},
		{"an App's token", x.token(probe(func(p *forge.Probe) { p.Scopes, p.Login = nil, "" }), nil), "ok", "of a GitHub App"},
		{"a public repository needs less", x.token(probe(func(p *forge.Probe) { p.Scopes[0] = "public_repo" }), nil), "ok", "public_repo"},
		{"a private repository needs repo", x.token(probe(func(p *forge.Probe) { p.Scopes[0], p.Repository.Private = "public_repo", true }), nil), "bad", "without the scope repo"},
		{"a project needs its scope", x.token(probe(func(p *forge.Probe) { p.Scopes = []string{"repo", "read:project"} }), nil), "bad", "without the scope project"},
		{"a token that could not be asked about", x.token(forge.Probe{}, unreachable), "unknown", "reset"},
		{"a right clock", clock(probe(func(p *forge.Probe) { p.Skew = -time.Minute })), "ok", "agrees"},
		{"a wrong clock", clock(probe(func(p *forge.Probe) { p.Skew = -61 * time.Second })), "bad", "off by 1m1s"},
		{"a repository", x.repository(whole.Repository), "ok", "may be pushed to"},
		{"an archived repository", x.repository(probe(func(p *forge.Probe) { p.Repository.Archived = true }).Repository), "bad", "archived"},
		{"a repository to look at", x.repository(probe(func(p *forge.Probe) { p.Repository.CanPush = false }).Repository), "bad", "not written"},
		{"a merge that is not allowed", x.repository(probe(func(p *forge.Probe) { p.Repository.MergeMethods = []string{"squash", "rebase"} }).Repository), "bad", "method = squash, rebase"},
		{"a repository that is not there", x.repositoryFault(forge.ErrNotFound), "bad", "hidden from this token"},
		{"a repository that cannot be read", x.repositoryFault(unreachable), "unknown", "reset"},
		{"no milestone", x.milestone(forge.Milestone{}, forge.ErrNotFound), "bad", "none is open"},
		{"a milestone", x.milestone(forge.Milestone{Title: "Bills"}, nil), "ok", "Bills"},
		{"a milestone that cannot be read", x.milestone(forge.Milestone{}, unreachable), "unknown", "reset"},
		{"a board", x.board(nil, nil), "ok", "project 3 of acme"},
		{"a board with too few columns", x.board([]string{"In Review"}, nil), "bad", "lacks In Review"},
		{"no board", x.board(nil, forge.ErrNotFound), "bad", "project 3 of acme"},
		{"a board that does not answer", x.board(nil, unreachable), "unknown", "reset"},
		{"a board that is slow", x.board(nil, context.DeadlineExceeded), "unknown", "deadline"},
		{"the token's place", bad("", "", x.tokenCure()), "bad", "/etc/lightsout/hub.token"},
	} {
		mark := "bad"
		switch {
		case row.got.OK:
			mark = "ok"
		case row.got.Unknown:
			mark = "unknown"
		}
		if said := row.got.Detail + row.got.Cure; mark != row.mark || !strings.Contains(said, row.want) {
			t.Errorf("%s: %s %q; want %s, with %q", row.name, mark, said, row.mark, row.want)
		}
		if mark == "bad" && row.got.Cure == "" {
			t.Errorf("%s: says not what to do", row.name)
		}
	}
}

func TestDoctorAsksClaudeItselfAndLooksForItsCredentials(t *testing.T) {
	bin := t.TempDir()
	claude := filepath.Join(bin, "claude")
	write := func(script string) {
		t.Helper()
		must(t, os.WriteFile(claude, []byte("#!/bin/sh\n"+script), 0o700))
	}
	x := func(environ ...string) finding {
		d := &doctor{&daemon{config: defaults(), environ: append(environ, "PATH="+bin+":/usr/bin:/bin")}}
		d.config.Engines = map[string]EngineConfig{"claude": {Pass: []string{"ANTHROPIC_API_KEY"}}}
		return d.coder(t.Context(), "claude")
	}
	if got := x(); got.OK || got.Cure != "npm install -g @anthropic-ai/claude-code" {
		t.Errorf("without claude: %+v", got)
	}
	write("echo 'claude: no such runtime' >&2; exit 3\n")
	if got := x("ANTHROPIC_API_KEY=canary"); got.OK || !strings.Contains(got.Detail, "does not run") || !strings.Contains(got.Cure, "--version") {
		t.Errorf("with a broken claude: %+v", got)
	}
	write("[ \"$1\" = --version ] && echo '2.0.1 (Claude Code)' && env >\"$HOME/env\"\n")
	if got := x(); got.OK || !strings.Contains(got.Detail, "no credentials") {
		t.Errorf("without credentials: %+v", got)
	}
	if got := x("ANTHROPIC_API_KEY=canary"); !got.OK || got.Detail != "claude: "+claude+" 2.0.1 (Claude Code)" {
		t.Errorf("with everything: %+v", got)
	}
}

func TestDoctorAsksForWhomEveryRoleAsks(t *testing.T) {
	x := &doctor{&daemon{config: defaults(), environ: []string{"PATH=/usr/bin:/bin"}}}
	x.config.Engine, x.config.Roles.Fixer, x.config.Review.Engine, x.config.Review.Referee = oneOrMore{"mine"}, oneOrMore{"codex", "mine"}, oneOrMore{"mine"}, oneOrMore{"qwen"}
	x.config.Engines = map[string]EngineConfig{"mine": {Kind: "command", Path: "/bin/true"}}
	var found []string
	for _, f := range x.machine(t.Context()) {
		if f.Name == "coding CLI" {
			found = append(found, fmt.Sprint(f.OK, " ", f.Detail))
		}
	}
	want := []string{"true mine: /bin/true", "false codex is not found in the PATH of sessions", "false qwen is not found in the PATH of sessions"}
	if !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
	if got, want := x.config.crews(), "mine; adversary: mine; enthusiast: mine; fixer: codex, then mine; referee: qwen"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	x.config.Review.Rounds = 0
	if got := x.config.everyEngine(); !slices.Equal(got, []string{"mine", "codex"}) {
		t.Errorf("without a review %q are asked", got)
	}
}

func TestDoctorExaminesEveryEngine(t *testing.T) {
	place, empty := t.TempDir(), t.TempDir()
	for name, script := range map[string]string{"codex": "echo WARNING: no folder under /tmp/x-2316 >&2; echo codex-cli 0.9", "pi": "echo 0.5 >&2", "qwen": "exit 3"} {
		must(t, os.WriteFile(filepath.Join(place, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	}
	must(t, os.WriteFile(filepath.Join(place, "lightsout.toml"), []byte(`engine = "gateway"
[engines.gateway]
kind = "codex"
env = { GATEWAY_KEY = "k" }
[engines.pi.files]
".pi/agent/auth.json" = "{}"
[engines.mine]
kind = "command"
path = "/bin/true"
[engines.gone]
kind = "command"
path = "/no/such/program"
`), 0o600))
	examine := func(arguments ...string) (int, map[string]engineState) {
		t.Helper()
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"doctor", "--engines", "--json"}, arguments...), console{out: &out, err: &errs, environ: []string{"PATH=" + place + ":/usr/bin:/bin", "OPENAI_API_KEY=k"}})
		var report enginesReport
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatalf("exit %d, %v\n%s%s", code, err, out.String(), errs.String())
		}
		states := map[string]engineState{}
		for _, s := range report.Engines {
			if states[s.Engine] = s; (s.Todo == "") != s.Ready {
				t.Errorf("ready and what to do do not fit: %+v", s)
			}
		}
		return code, states
	}
	code, got := examine("--config", filepath.Join(place, "lightsout.toml"))
	for name, want := range map[string]engineState{
		"gateway": {Version: "codex-cli 0.9", Installed: true, Authenticated: true, Credentials: "GATEWAY_KEY", Ready: true},
		"codex":   {Version: "codex-cli 0.9", Installed: true}, // its key is there, and nobody hands it on
		"pi":      {Version: "0.5", Installed: true, Authenticated: true, Credentials: ".pi/agent/auth.json", Ready: true},
		"qwen":    {Installed: true},
		"gemini":  {},
		"mine":    {Installed: true, Authenticated: true, Credentials: "a command's own matter", Ready: true},
		"gone":    {},
	} {
		s := got[name]
		if s.Version != want.Version || s.Installed != want.Installed || s.Authenticated != want.Authenticated || s.Credentials != want.Credentials || s.Ready != want.Ready {
			t.Errorf("%s: %+v, want %+v", name, s, want)
		}
	}
	if code != exitYes {
		t.Errorf("exit %d though the engine chosen is ready", code)
	}
	for name, want := range map[string]string{
		"codex": `OPENAI_API_KEY is set, but not handed on: write pass = ["OPENAI_API_KEY"] under [engines.codex]`, "gemini": "npm install -g @google/gemini-cli",
		"gone": "install it, or name the whole path under [engines.gone]", "qwen": "it does not even tell its version"} {
		if !strings.HasPrefix(got[name].Todo, want) {
			t.Errorf("%s: what to do is %q, want %q", name, got[name].Todo, want)
		}
	}
	if code, got := examine("--config", filepath.Join(empty, "lightsout.toml")); code != exitYes || !got["codex"].Ready || len(got) != 6 {
		t.Errorf("without a configuration: exit %d, %+v", code, got)
	}
}

func TestEnginesReadLikeAList(t *testing.T) {
	guide, _ := engine.GuideTo("claude")
	ready := engineState{Engine: "codex", Installed: true, Path: "/bin/codex", Version: "0.9", Authenticated: true, Credentials: "KEY", Ready: true}
	open := engineState{Engine: "claude", Installed: true, Path: "/bin/claude", Version: "2.0", Todo: credentialsCure("claude", guide, nil, nil)}
	missing := engineState{Engine: "pi", Todo: "npm install -g pi"}
	want := `✓ codex     0.9 /bin/codex, authenticated: KEY, ready
✗ claude    2.0 /bin/claude, not authenticated
            → set ANTHROPIC_API_KEY, or CLAUDE_CODE_OAUTH_TOKEN from "claude setup-token" where lightsout is started, and write pass = ["ANTHROPIC_API_KEY"] under [engines.claude]
✗ pi        not installed
            → npm install -g pi
Sessions have a HOME of their own, so a login of yours is not found there.
`
	if got := (enginesReport{Engines: []engineState{ready, open, missing}}).text(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := credentialsCure("mine", guide, []string{"OTHER", "CLAUDE_CODE_OAUTH_TOKEN"}, []string{"ANTHROPIC_API_KEY=k"}); got != "set CLAUDE_CODE_OAUTH_TOKEN where lightsout is started: [engines.mine] hands it on" {
		t.Errorf("where one is handed on that is not set: %q", got)
	}
	if got := (enginesReport{Engines: []engineState{ready, missing}}).text(); strings.Contains(got, "HOME") {
		t.Errorf("nobody is without credentials:\n%s", got)
	}
	code := run(t.Context(), []string{"doctor", "--try"}, console{in: strings.NewReader(""), out: &strings.Builder{}, err: &strings.Builder{}})
	if code != exitUnknown {
		t.Errorf("--try without --engines: exit %d", code)
	}
}

func TestDoctorTriesCredentialsOnTheirProvider(t *testing.T) {
	place := t.TempDir()
	executable, err := os.Executable()
	must(t, err)
	for mode, want := range map[string]engineState{
		"authentication": {Authenticated: false, Ready: false, Credentials: "ANTHROPIC_API_KEY, refused", Todo: "its provider refuses ANTHROPIC_API_KEY, put another there: "},
		"overloaded":     {Authenticated: true, Ready: false, Credentials: "ANTHROPIC_API_KEY, overloaded", Todo: "try again later, and look whether this machine reaches its provider: "},
		"nothing":        {Authenticated: true, Ready: true, Credentials: "ANTHROPIC_API_KEY, its provider answered"},
	} {
		must(t, os.WriteFile(filepath.Join(place, "claude"), fmt.Appendf(nil, "#!/bin/sh\n[ \"$1\" = --version ] && exec echo 2.0\nexec %s %s %s --mode=%s \"$@\"\n", shellWord(executable), enginetest.Word, place, mode), 0o700))
		x := &doctor{&daemon{config: defaults(), environ: []string{"PATH=" + place + ":/usr/bin:/bin", "ANTHROPIC_API_KEY=k", "GOCACHE=" + filepath.Dir(executable)}}}
		x.config.Containment.Readable = []string{filepath.Dir(executable), place}
		s := x.try(t.Context(), x.engineState(t.Context(), "claude", true), true)
		if s.Authenticated != want.Authenticated || s.Ready != want.Ready || s.Credentials != want.Credentials || !strings.HasPrefix(s.Todo, want.Todo) || (s.Todo == "") != want.Ready {
			t.Errorf("%s: %+v", mode, s)
		}
	}
}

func TestDoctorNeedsAStateFolderThatCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if err := writable(filepath.Join(file, "state")); err == nil {
		t.Error("a folder inside a file can be written")
	}
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	if err := writable(dir); err != nil {
		t.Errorf("a folder that is not there yet: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(filepath.Dir(filepath.Dir(dir)))); err != nil || len(left) != 0 {
		t.Errorf("doctor left %v behind, %v", left, err)
	}
}

func TestDoctorTellsADamagedDatabase(t *testing.T) {
	x := &doctor{&daemon{config: defaults()}}
	x.config.Repository, x.config.State = "acme/prices", t.TempDir()
	must(t, os.WriteFile(x.databasePath(), []byte(strings.Repeat("no database ", 1000)), 0o600))
	found := x.database(t.Context())
	if found[0].OK || found[0].Unknown || !strings.Contains(found[0].Cure, "backup") {
		t.Errorf("found %+v", found[0])
	}
}

func TestADiagnosisIsReadyOnlyWhenNothingIsLeftOpen(t *testing.T) {
	fine, wrong, open := good("a", "fine"), bad("b", "wrong", "mend it"), unsure("c", "silent", "")
	for _, row := range []struct {
		checks []finding
		ready  bool
		last   string
	}{
		{[]finding{fine}, true, "Ready: lightsout run\n"},
		{[]finding{fine, wrong, open}, false, "Not ready: one thing to do.\n"},
		{[]finding{wrong, wrong}, false, "Not ready: 2 things to do.\n"},
		{[]finding{fine, open}, false, "Nothing is known to be wrong, but not everything could be tried.\n"},
	} {
		r := diagnose(row.checks...)
		var text strings.Builder
		must(t, r.print(&text))
		if r.Ready != row.ready || !strings.HasSuffix(text.String(), row.last) {
			t.Errorf("%+v: ready %v, %q; want %v, %q", row.checks, r.Ready, text.String(), row.ready, row.last)
		}
	}
}

func TestDoctorPrintsOneObject(t *testing.T) {
	var out, words strings.Builder
	code := run(t.Context(), []string{"doctor", "--json", "--config", configFolder(t, "repository = 3\n")}, console{in: strings.NewReader(""), out: &out, err: &words})
	var got diagnosis
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || code != exitNo || words.String() != "" {
		t.Fatalf("exit %d, %v:\n%s%s", code, err, out.String(), words.String())
	}
	if got.Ready || len(got.Checks) != 2 || got.Checks[0].Name != "configuration" || !strings.Contains(got.Checks[0].Detail, "lightsout.toml:1: repository: is a number") {
		t.Errorf("got %+v", got)
	}
}
