package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/worktree"
)

// gitHub asks GitHub who we are there and what we may do, and then git for the same with the same token.
func (x *doctor) gitHub(ctx context.Context) []finding {
	local, version := x.git(ctx)
	client, err := x.forge()
	if err != nil { // the configuration has been checked: this is a fault of ours, told all the same
		return []finding{local, bad("GitHub", err.Error(), "")}
	}
	if wrong, stop := x.reachable(ctx, client); stop {
		because := "GitHub does not answer"
		if !wrong.Unknown {
			because = wrong.Detail
		}
		return []finding{local, wrong, notTried(because, "repository", "milestone", "board", "branch", "checks", "staging", "git remote", "clock")}
	}
	asking, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	p, err := client.Probe(asking)
	faults := faultsByTopic(err)
	checks := []finding{local, x.token(p, faults["token"])}
	if faults["token"] == nil {
		checks = append(checks, clock(p))
	}
	if err := faults["repository"]; err != nil {
		return append(checks, x.repositoryFault(err), notTried("the repository cannot be read", "milestone", "board", "branch", "checks", "staging", "git remote"))
	}
	checks = append(checks, x.repository(p.Repository), x.milestone(p.Milestone, faults["milestone"]), x.board(p.Missing, faults["board"]))
	checks = append(checks, x.branch(ctx, client)...)
	if x.config.Staging.Workflow != "" {
		checks = append(checks, x.staging(ctx, client))
	}
	if version {
		checks = append(checks, x.remote(ctx))
	}
	return checks
}

// reachable asks one small thing: where nobody answers, or the token is refused, all the rest need not be tried.
func (x *doctor) reachable(ctx context.Context, client *forge.Client) (wrong finding, stop bool) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	_, err := client.Repository(ctx)
	var lost *forge.Unreachable
	var limited *forge.RateLimited
	switch {
	case errors.Is(err, forge.ErrUnauthorized):
		return bad("GitHub token", "the token is refused", x.tokenCure()), true
	case errors.As(err, &limited):
		return unsure("GitHub", limited.Error(), "try again then"), true
	case errors.As(err, &lost):
		return unsure("GitHub", lost.Error(), "look at network, proxy and rest_url, then try again"), true
	case errors.Is(err, context.DeadlineExceeded):
		return unsure("GitHub", fmt.Sprintf("no answer within %s", probeTime), "look at network, proxy and rest_url, then try again"), true
	}
	return finding{}, false
}

// faultsByTopic takes the faults of a probe apart. Each begins with what it is about: token, repository, milestone, board.
func faultsByTopic(err error) map[string]error {
	topics := map[string]error{}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			topic, _, _ := strings.Cut(one.Error(), ":")
			topics[topic] = one
		}
	}
	return topics
}

func (x *doctor) tokenCure() string {
	where := "the environment variable " + x.config.GitHub.Token.Env
	if x.config.GitHub.Token.File != "" {
		where = beside(x.config.path, x.config.GitHub.Token.File)
	}
	return "make a new one (the README lists what it must be able to do) and put it into " + where
}

func (x *doctor) token(p forge.Probe, err error) finding {
	const name = "GitHub token"
	if err != nil {
		return unsure(name, err.Error(), "try again")
	}
	who := "of " + p.Login
	if p.Login == "" {
		who = "of a GitHub App"
	}
	if p.Scopes == nil {
		return good(name, who+", with rights of its own for each repository")
	}
	lacking := []string{}
	if !slices.Contains(p.Scopes, "repo") && (p.Repository.Private || !slices.Contains(p.Scopes, "public_repo")) {
		lacking = append(lacking, "repo")
	}
	if x.config.GitHub.Board == "project" && !slices.Contains(p.Scopes, "project") {
		lacking = append(lacking, "project")
	}
	if len(lacking) > 0 {
		return bad(name, who+", without the scope "+strings.Join(lacking, " and "), "give the token that scope: https://github.com/settings/tokens")
	}
	return good(name, who+", scopes "+strings.Join(p.Scopes, ", "))
}

// maxSkew is how far this machine's clock may be off: reset times of limits and the age of what people said are
// compared with GitHub's.
const maxSkew = time.Minute

func clock(p forge.Probe) finding {
	if p.Login == "" {
		return good("clock", "not compared: a GitHub App's token does not tell")
	}
	if p.Skew.Abs() > maxSkew {
		return bad("clock", fmt.Sprintf("off by %s against GitHub's", p.Skew.Abs()), "set it: timedatectl set-ntp true")
	}
	return good("clock", "agrees with GitHub's")
}

func (x *doctor) repositoryFault(err error) finding {
	if errors.Is(err, forge.ErrNotFound) {
		return bad("repository", x.config.Repository+" is not there, or hidden from this token", "look at repository = …, and give the token the right to it")
	}
	return unsure("repository", err.Error(), "try again")
}

func (x *doctor) repository(r forge.Repository) finding {
	const name = "repository"
	switch {
	case r.Archived:
		return bad(name, r.FullName+" is archived: nobody can push to it", "unarchive it")
	case !r.CanPush:
		return bad(name, r.FullName+" may be read, not written", "give the token's owner write access, and the token the right to write contents and pull requests")
	case !slices.Contains(r.MergeMethods, x.config.Merge.Method):
		return bad(name, fmt.Sprintf("%s does not allow %s merges", r.FullName, x.config.Merge.Method),
			"write one of these under [merge]: method = "+strings.Join(r.MergeMethods, ", ")+"; or allow it in the repository's settings")
	}
	return good(name, r.FullName+", may be pushed to")
}

func (x *doctor) milestone(m forge.Milestone, err error) finding {
	const name = "milestone"
	switch {
	case errors.Is(err, forge.ErrNotFound) && x.config.GitHub.Milestone != "":
		return bad(name, fmt.Sprintf("none is called %q", x.config.GitHub.Milestone), "create it, or take milestone = … out for the one that is due soonest")
	case errors.Is(err, forge.ErrNotFound):
		return bad(name, "none is open, and tickets are taken from one", "create one and put tickets into it")
	case err != nil:
		return unsure(name, err.Error(), "try again")
	}
	return good(name, m.Title)
}

func (x *doctor) board(missing []string, err error) finding {
	const name = "board"
	where := "labels"
	if x.config.GitHub.Board == "project" {
		where = fmt.Sprintf("project %d of %s", x.config.GitHub.Project, x.config.GitHub.ProjectOwner)
	}
	var lost *forge.Unreachable
	switch {
	case errors.As(err, &lost), errors.Is(err, context.DeadlineExceeded):
		return unsure(name, err.Error(), "try again")
	case err != nil:
		return bad(name, where+": "+err.Error(), "look at board, project and project_owner, and give the token the right to projects")
	case len(missing) > 0 && x.config.GitHub.Board == "labels":
		return bad(name, "the repository lacks the labels "+strings.Join(missing, ", "), "create them under Issues, Labels")
	case len(missing) > 0:
		return bad(name, where+" lacks "+strings.Join(missing, ", "), "add them as options of its field "+x.config.GitHub.StatusField+", or name yours under [github.columns]")
	}
	return good(name, where+", all columns there")
}

// branch looks for the base branch and for what must be green on it.
func (x *doctor) branch(ctx context.Context, client *forge.Client) []finding {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	base := x.config.Base
	switch _, err := client.Branch(ctx, base); {
	case errors.Is(err, forge.ErrNotFound):
		return []finding{bad("branch", "there is no branch "+base, "look at base = …, or push it"), notTried("no branch", "checks")}
	case err != nil:
		return []finding{unsure("branch", err.Error(), "try again"), notTried("no branch", "checks")}
	}
	found := good("branch", base)
	switch required, err := client.RequiredChecks(ctx, base); {
	case err != nil:
		return []finding{found, unsure("checks", err.Error(), `try again, or name them: required_checks = ["test"]`)}
	case len(required) == 0:
		any := good("checks", "none is required: all that report must be green")
		any.Cure = "safer: protect " + base + ", or name them under [github]: required_checks = [\"test\"]"
		return []finding{found, any}
	default:
		var names []string
		for _, r := range required {
			names = append(names, r.Name)
		}
		return []finding{found, good("checks", "required: "+strings.Join(names, ", "))}
	}
}

func (x *doctor) staging(ctx context.Context, client *forge.Client) finding {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	file := x.config.Staging.Workflow
	switch _, err := client.WorkflowRuns(ctx, file, x.now()); {
	case errors.Is(err, forge.ErrNotFound):
		return bad("staging", "there is no workflow "+file, "push .github/workflows/"+file+" with \"on: workflow_dispatch\", or take workflow = … out")
	case err != nil:
		return unsure("staging", err.Error(), "try again")
	}
	return good("staging", file)
}

// git looks for git, and whether it can do what is asked of it.
func (x *doctor) git(ctx context.Context) (c finding, ok bool) {
	err := x.withMirror(ctx, func(context.Context, *worktree.Mirror) error { return nil })
	if err != nil {
		return bad("git", err.Error(), "apt-get install git"), false
	}
	version, err := askGit(ctx, x.environ, "/", "version")
	if err != nil {
		return bad("git", err.Error(), "apt-get install git"), false
	}
	return good("git", strings.TrimPrefix(version, "git version ")), true
}

// remote asks the real remote for the base, over the address and with the token that the factory would use.
func (x *doctor) remote(ctx context.Context) finding {
	const name = "git remote"
	address, found := x.config.GitHub.GitURL, false
	err := x.withMirror(ctx, func(ctx context.Context, m *worktree.Mirror) (err error) {
		_, found, err = m.Remote(ctx, x.config.Base)
		return err
	})
	switch {
	case err != nil:
		return bad(name, address+": "+err.Error(), "look at git_url, at the network, and at the token's right to read contents")
	case !found:
		return bad(name, address+" has no branch "+x.config.Base, "look at git_url and base: they are not of the same repository")
	}
	return good(name, address)
}

// withMirror hands out a mirror that is thrown away: the real one may be in use.
func (x *doctor) withMirror(ctx context.Context, use func(context.Context, *worktree.Mirror) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	work, err := os.MkdirTemp("", "lightsout-doctor-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	elsewhere := &daemon{config: x.config, environ: x.environ, now: x.now}
	elsewhere.config.State = work
	m, err := elsewhere.mirror(ctx)
	if err != nil {
		return err
	}
	return use(ctx, m)
}

// telegram asks the chat service who the bot is, and whether it can be polled.
func (x *doctor) telegram(ctx context.Context) []finding {
	const name = "Telegram"
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var me telegramBot
	var refused *telegramRefusal
	switch err := x.askTelegram(ctx, "getMe", &me); {
	case errors.As(err, &refused) && refused.unauthorized():
		return []finding{bad(name, "the token is refused", "ask @BotFather for it: /mybots, API Token")}
	case err != nil:
		return []finding{unsure(name, err.Error(), "look at network, proxy and base_url, then try again")}
	}
	bot := good(name, "@"+me.Username)
	var hook telegramWebhook
	switch err := x.askTelegram(ctx, "getWebhookInfo", &hook); {
	case err != nil:
		return []finding{bot, unsure("polling", err.Error(), "try again")}
	case hook.URL != "":
		return []finding{bot, bad("polling", "a webhook is set, so what is sent to the bot goes elsewhere: "+hook.URL,
			"stop the program that uses this bot; lightsout run removes the webhook. For a bot of its own, ask @BotFather: /newbot")}
	}
	return []finding{bot, good("polling", "no webhook in the way")}
}
