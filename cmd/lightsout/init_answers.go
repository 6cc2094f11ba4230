package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/process"
)

// answers are what the template is filled with.
type answers struct {
	Repository    string
	Base          string
	Engine        string // its name
	Kind          string
	Path          string
	Arguments     []string
	Pass          []string
	Test          []string
	Board         string
	Project       int
	ProjectOwner  string
	GitHubToken   string // TOML
	TelegramToken string // TOML
	RESTURL       string
	TelegramURL   string
	HandedOn      []string
}

// Owner is the repository's: a project is looked for there, unless somebody else owns it.
func (a answers) Owner() string {
	owner, _, _ := strings.Cut(a.Repository, "/")
	return owner
}

// steps is how many questions there are: the person sees how far it is.
const steps = 6

// answers asks for everything, offering what was found; what a flag has answered is not asked.
func (i initCommand) answers(ctx context.Context, c console, ask *asker) (answers, error) {
	found := survey(ctx, c.environ)
	a := answers{Base: found.base, RESTURL: cmp.Or(i.RESTURL, found.restURL()), TelegramURL: i.TelegramURL, HandedOn: defaults().Containment.Pass}
	step := 0
	put := func(question, given, usual string, check func(string) error) error {
		step++
		question = fmt.Sprintf("[%d of %d] %s", step, steps, question)
		if ask.yes {
			given = cmp.Or(given, usual)
		}
		if given != "" || ask.yes {
			if _, err := fmt.Fprintf(c.out, "%s: %s\n", question, cmp.Or(given, "none")); err != nil {
				return err
			}
			return check(given)
		}
		_, err := ask.ask(ctx, question, usual, check)
		return err
	}
	if err := put("Repository, owner/name", i.Repository, found.origin.repository, a.setRepository); err != nil {
		return a, err
	}
	if err := put("Coding CLI: claude, codex, gemini, opencode, pi, qwen, or a program that takes a prompt on standard input", i.Engine, "claude", a.setEngine); err != nil {
		return a, err
	}
	if err := put("Test command; Enter to have it found", i.Test, strings.Join(found.test, " "), a.setTest); err != nil {
		return a, err
	}
	if err := put("Board: the number or address of a GitHub project, or labels", i.Board, "labels", a.setBoard); err != nil {
		return a, err
	}
	err := put("GitHub token: a file, or env:NAME", i.GitHubToken, "github.token", func(s string) (err error) {
		a.GitHubToken, err = secretPlace(s)
		return err
	})
	if err != nil {
		return a, err
	}
	return a, put("Telegram token from @BotFather: a file, or env:NAME", i.TelegramToken, "telegram.token", func(s string) (err error) {
		a.TelegramToken, err = secretPlace(s)
		return err
	})
}

func (a *answers) setRepository(s string) error {
	if r, ok := parseRemote(s); ok {
		s = r.repository
	}
	if !repositoryName.MatchString(s) {
		return errors.New("no repository: give it as owner/name (or start in a clone of it, or use --repository)")
	}
	a.Repository = s
	return nil
}

func (a *answers) setEngine(s string) error {
	words := strings.Fields(s)
	if len(words) == 0 {
		return errors.New("give claude or another that is known, or the program to start")
	}
	if guide, known := engine.GuideTo(s); known {
		// Any of them opens the provider; which is set is for the person to choose.
		a.Engine, a.Kind, a.Pass = s, s, guide.Credentials
		return nil
	}
	a.Engine, a.Kind, a.Path, a.Arguments = "command", "command", words[0], words[1:]
	return nil
}

func (a *answers) setTest(s string) error {
	a.Test = strings.Fields(s)
	return nil
}

var boardAddress = regexp.MustCompile(`^(?:https?://[^/]+/(?:orgs|users)/)?([A-Za-z0-9-]+)/(?:projects/)?([0-9]+)(?:/.*)?$`)

// setBoard takes "labels", a project's number, owner/number, or a project's address.
func (a *answers) setBoard(s string) error {
	owner, number := a.Owner(), s
	if parts := boardAddress.FindStringSubmatch(s); parts != nil {
		owner, number = parts[1], parts[2]
	}
	if s == "labels" {
		a.Board, a.Project = "labels", 0
		return nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return errors.New("give labels, the project's number, or its address")
	}
	a.Board, a.Project, a.ProjectOwner = "project", n, owner
	return nil
}

// secretPlace writes down where a token is. The token itself is not taken: it would stand in the terminal's history.
func secretPlace(s string) (string, error) {
	if name, ok := strings.CutPrefix(s, "env:"); ok {
		if !variableName.MatchString(name) || likeSecret(name) {
			return "", errors.New("after env: comes the name of an environment variable")
		}
		return "{ env = " + tomlText(name) + " }", nil
	}
	if s == "" || likeSecret(s) || strings.HasPrefix(s, "~") {
		return "", errors.New("give the name of a file, not the token: the file is for you to write")
	}
	return "{ file = " + tomlText(s) + " }", nil
}

// surroundings are what the working directory tells.
type surroundings struct {
	origin remote
	base   string
	test   []string
}

// restURL is the address of the origin's server, "" for github.com.
func (s surroundings) restURL() string {
	if s.origin.host == "" || s.origin.host == gitHubHost {
		return ""
	}
	home := url.URL{Scheme: s.origin.scheme, Host: s.origin.host, Path: "/api/v3"}
	return home.String()
}

func survey(ctx context.Context, environ []string) surroundings {
	var s surroundings
	dir, err := os.Getwd()
	if err != nil {
		return s // nothing is offered
	}
	if address, err := askGit(ctx, environ, dir, "remote", "get-url", "origin"); err == nil {
		if r, ok := parseRemote(address); ok {
			s.origin = r
		}
	}
	if head, err := askGit(ctx, environ, dir, "symbolic-ref", "--short", "refs/remotes/origin/HEAD"); err == nil {
		s.base = strings.TrimPrefix(head, "origin/")
	}
	s.test = findTest(dir)
	return s
}

// versioned tells whether a folder is in a git repository.
func versioned(ctx context.Context, environ []string, dir string) bool {
	answer, err := askGit(ctx, environ, dir, "rev-parse", "--is-inside-work-tree")
	return err == nil && answer == "true"
}

// askGit asks the person's own git about their own folder.
func askGit(ctx context.Context, environ []string, dir string, args ...string) (string, error) {
	env := append(pass(environ, []string{"PATH", "HOME", "XDG_CONFIG_HOME"}), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	out, err := process.Output(ctx, process.Command{Args: append([]string{"git"}, args...), Dir: dir, Env: env, Limit: 10 * time.Second})
	return strings.TrimSpace(string(out)), err
}

// findTest guesses a repository's test command from the files in its root; nil when it cannot. The proof looks closer,
// and is asked again whenever the command was left out.
func findTest(dir string) []string {
	has := func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err == nil && info.Mode().IsRegular()
	}
	switch {
	case has("go.mod"):
		return []string{"go", "test", "./..."}
	case has("Cargo.toml"):
		return []string{"cargo", "test"}
	case has("package.json"):
		return testScript(filepath.Join(dir, "package.json"))
	case slices.ContainsFunc([]string{"pytest.ini", "conftest.py", "tox.ini"}, has):
		return []string{"python3", "-m", "pytest", "-q"}
	}
	return nil
}

// testScript is npm's test command, when the package has a test script of its own.
func testScript(manifest string) []string {
	text, err := os.ReadFile(manifest)
	var m struct {
		Scripts map[string]string `json:"scripts"`
	}
	if err != nil || json.Unmarshal(text, &m) != nil || m.Scripts["test"] == "" || strings.Contains(m.Scripts["test"], "no test specified") {
		return nil
	}
	return []string{"npm", "test", "--silent"}
}
