package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleAnswers are answers of which each differs from the default.
func sampleAnswers() answers {
	return answers{Repository: "acme/prices", Base: "trunk", Engine: "command", Kind: "command", Path: `/opt/a "b"\c`, Arguments: []string{"-x", "é\n"}, Test: []string{"make", "test"},
		Board: "project", Project: 7, ProjectOwner: "guild", GitHubToken: `{ file = "hub.token" }`, TelegramToken: `{ file = "chat.token" }`,
		RESTURL: "https://github.example.org/api/v3", TelegramURL: "https://telegram.example.org/x", HandedOn: defaults().Containment.Pass}
}

func render(t *testing.T, a answers) string {
	t.Helper()
	text, err := a.render()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheShippedTemplateLoadsWithItsAnswers(t *testing.T) {
	a := sampleAnswers()
	got, err := loadConfig(configFolder(t, render(t, a)), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.path, want.State, want.Rules = got.path, got.State, got.Rules
	want.Repository, want.Base, want.Engine, want.Test = a.Repository, a.Base, oneOrMore{a.Engine}, a.Test
	want.Engines = map[string]EngineConfig{"command": {Kind: "command", Path: a.Path, Args: a.Arguments}}
	want.GitHub.Board, want.GitHub.Project, want.GitHub.ProjectOwner = "project", 7, "guild"
	want.GitHub.RESTURL, want.GitHub.GitURL, want.Telegram.BaseURL = a.RESTURL, "https://github.example.org/acme/prices.git", a.TelegramURL
	want.GitHub.Token, want.Telegram.Token = got.GitHub.Token, got.Telegram.Token
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Config{}, Secret{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// offered is a setting of the template that stands there as a comment.
var offered = regexp.MustCompile(`(?m)^#([a-z_]+ = )`)

func TestWhatTheTemplateOffersAsAComment(t *testing.T) {
	// The examples that are no defaults: they are left out, or they need a server of one's own.
	examples := []string{"test", "groups", "project", "columns", "required_checks", "reviewers", "rest_url", "graphql_url", "git_url", "base_url", "path", "files", "price", "workflow", "inputs", "webhook", "secret", "health", "health_field", "junit", "modules"}
	least := answers{Repository: "acme/prices", Engine: "claude", Kind: "claude", Board: "labels", GitHubToken: `{ file = "hub.token" }`, TelegramToken: `{ file = "chat.token" }`, HandedOn: defaults().Containment.Pass}
	text := render(t, least)
	want, err := loadConfig(configFolder(t, text), nil)
	if err != nil {
		t.Fatal(err)
	}
	uncommented := offered.ReplaceAllStringFunc(text, func(line string) string {
		name, _, _ := strings.Cut(line[1:], " ")
		if slices.Contains(examples, name) {
			return line
		}
		return line[1:]
	})
	got, err := loadConfig(configFolder(t, uncommented), nil)
	if err != nil {
		t.Fatalf("the offered settings do not load: %v", err)
	}
	// What was written out as empty is as good as what was left out.
	for _, c := range []Config{want, got} {
		engine := c.Engines["claude"]
		engine.Args, engine.Pass, engine.Env, engine.Readable, engine.Writable = nil, nil, nil, nil, nil
		c.Engines["claude"] = engine
	}
	want.Roles = RoleEngines{Implementer: oneOrMore{"claude"}, Fixer: oneOrMore{"claude"}}
	got.Review.Engine, got.Review.Enthusiast, got.Review.Adversary, got.Review.Referee = nil, nil, nil, nil
	got.Proof.Warn, got.Proof.Protected = nil, nil
	got.Containment.Env, got.Containment.Writable, got.Containment.Readable = nil, nil, nil
	got.path, got.State, got.Rules = want.path, want.State, want.Rules
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Config{}, Secret{})); diff != "" {
		t.Errorf("the template says what is not the default: -default +template\n%s", diff)
	}
	everything := offered.ReplaceAllString(text, "$1")
	everything = regexp.MustCompile(`(?m)^(workflow|inputs) = .*\n`).ReplaceAllString(everything, "") // no webhook stands beside them
	if _, err := loadConfig(configFolder(t, everything), nil); err != nil {
		t.Errorf("the examples do not load: %v", err)
	}
	for _, name := range keyNames(reflect.TypeFor[Config]()) {
		if !regexp.MustCompile(`(?m)(^#?\[?(?:[a-z]+\.)*|[{,] )`+name+`( = |\]|\.)`).MatchString(text) && name != "file" && name != "env" {
			t.Errorf("the template does not mention %s", name)
		}
	}
}

// keyNames are the names of all keys there are.
func keyNames(of reflect.Type) []string {
	var names []string
	for name, i := range keysOf(of) {
		names = append(names, name)
		inner := of.Field(i).Type
		if inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			names = append(names, keyNames(inner)...)
		}
	}
	return names
}

func TestARemoteIsRead(t *testing.T) {
	for address, want := range map[string]remote{
		"https://github.com/acme/prices.git\n":          {"github.com", "https", "acme/prices"},
		"https://github.com/acme/prices/":               {"github.com", "https", "acme/prices"},
		"https://me:secret@github.example.org/acme/p.q": {"github.example.org", "https", "acme/p.q"},
		"http://127.0.0.1:8080/acme/prices.git":         {"127.0.0.1:8080", "http", "acme/prices"},
		"git@github.com:acme/prices.git":                {"github.com", "https", "acme/prices"},
		"ssh://git@ssh.github.com:443/acme/prices.git":  {"github.com", "https", "acme/prices"},
		"github.com:acme/prices":                        {"github.com", "https", "acme/prices"},
	} {
		if got, ok := parseRemote(address); !ok || got != want {
			t.Errorf("parseRemote(%q) = %+v, %v; want %+v", address, got, ok, want)
		}
	}
	for _, address := range []string{"", "/srv/prices.git", "file:///srv/acme/prices", "https://github.com/prices", "https://example.org/a/b/c", "../prices", "acme/prices", "git@host:../prices", "://", "https://"} {
		if got, ok := parseRemote(address); ok {
			t.Errorf("parseRemote(%q) = %+v; want nothing", address, got)
		}
	}
}

func FuzzARemoteIsARepositoryOrNothing(f *testing.F) {
	f.Add("git@github.com:acme/prices.git")
	f.Add("https://x:y@github.com:1/a/b")
	f.Fuzz(func(t *testing.T, address string) {
		if r, ok := parseRemote(address); ok && (!repositoryName.MatchString(r.repository) || r.host == "" || strings.Contains(r.host, "@")) {
			t.Errorf("parseRemote(%q) = %+v", address, r)
		}
	})
}

func TestABoardIsChosen(t *testing.T) {
	for answer, want := range map[string]answers{
		"labels":   {Board: "labels"},
		"3":        {Board: "project", Project: 3, ProjectOwner: "acme"},
		"guild/12": {Board: "project", Project: 12, ProjectOwner: "guild"},
		"https://github.com/orgs/guild/projects/4/views/1": {Board: "project", Project: 4, ProjectOwner: "guild"},
		"https://github.com/users/ana/projects/1":          {Board: "project", Project: 1, ProjectOwner: "ana"},
	} {
		got := answers{Repository: "acme/prices"}
		err := got.setBoard(answer)
		want.Repository = "acme/prices"
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", answer, err, diff)
		}
	}
	for _, answer := range []string{"", "0", "-1", "project", "https://github.com/acme/prices"} {
		got := answers{Repository: "acme/prices"}
		if err := got.setBoard(answer); err == nil {
			t.Errorf("%q was taken: %+v", answer, got)
		}
	}
}

func TestATokenIsNotTakenForAPlace(t *testing.T) {
	for _, answer := range []string{hubCanary, chatCanary, "env:" + hubCanary, "env:A B", "", "~/hub.token"} {
		if place, err := secretPlace(answer); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %q, %v; want a refusal that does not repeat it", answer, place, err)
		}
	}
}

func TestTheTestCommandIsFoundInTheFolder(t *testing.T) {
	for _, row := range []struct{ file, content, want string }{
		{"go.mod", "module x\n", "go test ./..."},
		{"Cargo.toml", "", "cargo test"},
		{"package.json", `{"scripts":{"test":"vitest"}}`, "npm test --silent"},
		{"package.json", `{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}`, ""},
		{"package.json", `{`, ""},
		{"pytest.ini", "", "python3 -m pytest -q"},
		{"README.md", "", ""},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, row.file), []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(findTest(dir), " "); got != row.want {
			t.Errorf("%s %s: %q, want %q", row.file, row.content, got, row.want)
		}
	}
}

func TestAQuestionIsAskedUntilItIsAnsweredWell(t *testing.T) {
	var out bytes.Buffer
	ask := newAsker(console{in: strings.NewReader("never\n\nacme/prices\nmaybe\nyes"), out: &out}, false)
	defer ask.close()
	var a answers
	if _, err := ask.ask(t.Context(), "Repository", "", a.setRepository); err != nil || a.Repository != "acme/prices" {
		t.Errorf("repository %q, %v", a.Repository, err)
	}
	if agreed, err := ask.agree(t.Context(), "Go on?"); err != nil || !agreed {
		t.Errorf("agreed %v, %v", agreed, err)
	}
	if _, err := ask.ask(t.Context(), "More", "", a.setRepository); err != errSilent {
		t.Errorf("with nobody there: %v, want %v", err, errSilent)
	}
	if got := strings.Count(out.String(), "Repository"); got != 3 {
		t.Errorf("asked %d times, want 3:\n%s", got, out.String())
	}
}

func TestAQuestionCanBeCalledOff(t *testing.T) {
	in, typed := io.Pipe()
	defer typed.Close()
	ask := newAsker(console{in: in, out: io.Discard}, false)
	defer ask.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask.agree(ctx, "Go on?"); err == nil {
		t.Error("an answer though nobody gave one")
	}
}
