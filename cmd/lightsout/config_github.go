package main

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"lightsout/agents/forge"
)

func (d *document) checkGitHub(c *Config) {
	g := &c.GitHub
	d.checkBoard(g)
	if slices.Contains(g.Required, "") {
		d.fault(keyOf("github.required_checks"), "holds an empty name", `write the names as GitHub shows them, as in required_checks = ["test", "lint"]`)
	}
	if g.AuthorName == "" || strings.ContainsAny(g.AuthorName, "<>\n\r\x00") {
		d.fault(keyOf("github.author_name"), "is no name for commits", `write author_name = "Lightsout"`)
	}
	if !strings.Contains(g.AuthorEmail, "@") || strings.ContainsAny(g.AuthorEmail, "<> \n\r\x00") {
		d.fault(keyOf("github.author_email"), "is no mail address", `write author_email = "lightsout@example.org"`)
	}
	d.positive("github.write_interval", g.WriteInterval)
	d.checkGitHubAddresses(c)
}

func (d *document) checkBoard(g *GitHub) {
	switch {
	case d.blamed["github.board"]: // which of the two it is to be is not known
	case g.Board != "project" && g.Board != "labels":
		d.fault(keyOf("github.board"), "is no kind of board", `write board = "project" for a GitHub project, or board = "labels" for labels such as "status: todo"`)
	case g.Board == "project" && g.Project == 0:
		d.fault(keyOf("github.project"), "is missing", `write the number that ends the project's address, as in project = 3, or board = "labels"`)
	case g.Project < 0:
		d.fault(keyOf("github.project"), fmt.Sprintf("is %d", g.Project), "write the number that ends the project's address, as in project = 3")
	}
	if g.StatusField == "" {
		d.fault(keyOf("github.status_field"), "is empty", `write status_field = "Status"`)
	}
	ours := []string{forge.Todo, forge.InProgress, forge.InReview, forge.Done}
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(g.Columns)) {
		key, theirs := toml.Key{"github", "columns", name}, g.Columns[name]
		switch other := taken[strings.ToLower(theirs)]; {
		case !slices.Contains(ours, name):
			d.fault(key, "is none of our columns", `write "Todo", "In Progress", "In Review" or "Done" on the left, and your board's name for it on the right`)
		case theirs == "":
			d.fault(key, "is empty", "write your board's name for it, or take it out")
		case other != "":
			d.fault(key, "is the same column as "+other, "write a column of its own")
		}
		taken[strings.ToLower(theirs)] = name
	}
}

const gitHubHost = "github.com"

// checkGitHubAddresses judges the three addresses of an enterprise server, and finds what was left out.
func (d *document) checkGitHubAddresses(c *Config) {
	g := &c.GitHub
	rest := d.checkAddress("github.rest_url", g.RESTURL, "https://github.example.org/api/v3")
	d.checkAddress("github.graphql_url", g.GraphQLURL, "https://github.example.org/api/graphql")
	switch {
	case g.RESTURL == "" && g.GraphQLURL != "":
		d.fault(keyOf("github.rest_url"), "is missing beside graphql_url", "write both, or neither for github.com")
	case rest != nil && g.GraphQLURL == "" && !enterprise(rest):
		d.fault(keyOf("github.graphql_url"), "is missing: it does not follow from a rest_url that does not end in /api/v3", `write graphql_url = "https://…/graphql"`)
	}
	switch {
	case g.GitURL != "":
		d.checkGitAddress(g.GitURL)
	case g.RESTURL == "":
		g.GitURL = "https://" + gitHubHost + "/" + c.Repository + ".git"
	case rest != nil && enterprise(rest):
		home := url.URL{Scheme: rest.Scheme, Host: rest.Host, Path: "/" + c.Repository + ".git"}
		g.GitURL = home.String()
	case rest != nil:
		d.fault(keyOf("github.git_url"), "is missing: it does not follow from a rest_url that does not end in /api/v3", `write git_url = "https://…/owner/name.git"`)
	}
}

func enterprise(rest *url.URL) bool {
	return strings.HasSuffix(strings.TrimRight(rest.Path, "/"), "/api/v3")
}

func (d *document) checkGitAddress(address string) {
	const example = "https://github.com/owner/name.git"
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "ssh" {
		d.checkAddress("github.git_url", address, example)
		return
	}
	if _, password := u.User.Password(); password || u.Host == "" || strings.HasPrefix(u.Host, "-") {
		d.fault(keyOf("github.git_url"), "is no ssh address", "write one like ssh://git@github.com/owner/name.git, without a password")
	}
}

func (d *document) checkTelegram(c *Config) {
	d.checkAddress("telegram.base_url", c.Telegram.BaseURL, "https://telegram.example.org")
	d.positive("telegram.per_chat", c.Telegram.PerChat)
}

// remote is where a repository lies, as git's address of it says.
type remote struct {
	host       string // with its port, if the address is http and has one
	scheme     string // http or https, of the server's own address
	repository string // owner/name
}

var scpForm = regexp.MustCompile(`^(?:[A-Za-z0-9_.-]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):([^/].*)$`)

// parseRemote reads an address as `git remote get-url` prints it. What it may carry of a password is dropped.
func parseRemote(address string) (remote, bool) {
	address = strings.TrimSpace(address)
	r := remote{scheme: "https"}
	path := ""
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		switch u.Scheme {
		case "http", "https":
			r.scheme, r.host = u.Scheme, u.Host
		case "ssh", "git", "git+ssh":
			r.host = u.Hostname()
		default:
			return remote{}, false
		}
		path = u.Path
	} else if parts := scpForm.FindStringSubmatch(address); parts != nil {
		r.host, path = parts[1], parts[2]
	} else {
		return remote{}, false
	}
	// GitHub's ssh on the https port is another name of the same host.
	if r.host == "ssh.github.com" || r.host == "www.github.com" {
		r.host = gitHubHost
	}
	r.repository = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	return r, repositoryName.MatchString(r.repository)
}
