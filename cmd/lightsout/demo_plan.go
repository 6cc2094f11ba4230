package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lightsout/agents/process"
	"lightsout/cmd/lightsout/sample"
)

// demoPlan is what a demonstration works on: the sample, or a copy of a person's own repository.
type demoPlan struct {
	name     string // of the repository
	tickets  sample.Board
	checks   []demoCheck
	test     []string // the local gate; empty: found by the proof
	environ  []string
	numbers  []int  // of the tickets, once they are seeded
	fromRepo string // "": the sample
	engines  []string

	downloads, proxies string // where Go modules are to be had
}

// demoCheck is one thing that CI runs.
type demoCheck struct {
	name    string
	command []string
}

// plan reads the command line into a plan, and refuses what does not fit together.
func (o demoCommand) plan(ctx context.Context, environ []string) (demoPlan, error) {
	p := demoPlan{environ: environ, engines: o.Engine}
	if o.JSON && !o.Yes {
		return p, errors.New("demo: --json goes with --yes: the object is printed when every ticket has ended")
	}
	for _, words := range o.Engine {
		if err := present(words, environ); err != nil && (o.Repo != "" || words != recordedEngineName && words != spentEngine) {
			return p, err
		}
	}
	if o.Repo == "" {
		if o.Tickets != "" || o.Test != "" {
			return p, errors.New("demo: --tickets and --test go with --repo: the sample brings its own")
		}
		board, err := sample.Tickets()
		p.name, p.tickets, p.test = "stockroom", board, []string{"go", "test", "./..."}
		p.checks = []demoCheck{{"test", []string{"sh", "ci/check.sh"}}}
		return p, err
	}
	if o.Tickets == "" || len(o.Engine) == 0 {
		return p, errors.New("demo: --repo needs --tickets FILE.toml and --engine NAME beside it")
	}
	text, err := os.ReadFile(o.Tickets)
	if err != nil {
		return p, fmt.Errorf("demo: %w", err)
	}
	if p.tickets, err = sample.ParseTickets(o.Tickets, text); err != nil {
		return p, err
	}
	if p.fromRepo, err = filepath.Abs(o.Repo); err != nil {
		return p, fmt.Errorf("demo: %w", err)
	}
	p.name, p.test = strings.TrimSuffix(filepath.Base(p.fromRepo), ".git"), strings.Fields(o.Test)
	if len(p.test) == 0 {
		return p, errors.New("demo: --repo needs --test CMD: what the CI of the demo runs")
	}
	p.checks = []demoCheck{{"test", p.test}}
	return p, p.ownModules(ctx)
}

// caches are the build caches that sessions, proofs and CI of the demo share, inside its folder.
func (p demoPlan) caches(dir string) map[string]string {
	env := map[string]string{"GOCACHE": filepath.Join(dir, "cache", "go-build"), "GOMODCACHE": filepath.Join(dir, "cache", "go-mod"), "GOFLAGS": "-modcacherw"}
	if p.fromRepo == "" {
		// The sample needs no C, and is built from nothing in less time so. Every checkout is another folder: without its
		// path in what is built, the next one finds in the cache what the one before has compiled.
		env["CGO_ENABLED"], env["GOFLAGS"] = "0", "-modcacherw -trimpath"
	}
	if p.downloads != "" {
		env["GOPROXY"] = "file://" + p.downloads + "," + p.proxies
	}
	return env
}

// ownModules finds the Go modules that this person has downloaded already, so that a copy of their repository is built
// from those and needs no network. Without Go on this machine there are none, and nothing is wrong with that.
func (p *demoPlan) ownModules(ctx context.Context) error {
	out, err := process.Output(ctx, process.Command{Args: []string{"go", "env", "GOMODCACHE", "GOPROXY"}, Dir: p.fromRepo, Env: p.environ})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	cache, proxies, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	downloads := filepath.Join(cache, "cache", "download")
	if info, err := os.Stat(downloads); err == nil && info.IsDir() {
		p.downloads, p.proxies = downloads, proxies
	}
	return nil
}

// ciEnv is the whole environment of the demo's CI.
func (p demoPlan) ciEnv(dir string) []string {
	env := pass(p.environ, []string{"PATH", "LANG"})
	for name, value := range p.caches(dir) {
		env = append(env, name+"="+value)
	}
	return env
}

// config is the configuration of the demo's daemon: what a person would write, pointed at loopback.
func (d *demo) config(forgeURL, chatURL string) (Config, error) {
	c := defaults()
	c.Repository, c.State, c.Test = demoOwner+"/"+d.plan.name, d.dir, d.plan.test
	c.Rules = filepath.Join(d.dir, "rules.md")
	c.GitHub.Token.value = demoToken
	c.GitHub.RESTURL, c.GitHub.GraphQLURL = forgeURL+"/api/v3/", forgeURL+"/api/graphql"
	c.GitHub.GitURL = forgeURL + "/" + c.Repository + ".git"
	c.GitHub.ProjectOwner, c.GitHub.Project = demoOwner, 1
	c.GitHub.WriteInterval = -1 // a GitHub of one's own need not be spared
	c.Telegram.Token.value, c.Telegram.BaseURL = d.chat.Token(), chatURL
	c.Telegram.PerChat = 50 * time.Millisecond
	c.Schedule.Implementer, c.Schedule.Fixer, c.Schedule.Merger = "@every 2s", "@every 4s", "@every 2s"
	c.Schedule.FollowUp = 200 * time.Millisecond
	c.Staging.Workflow, c.Staging.Inputs = "staging.yml", map[string]string{"sha": "{sha}"}
	c.Containment.Env = d.plan.caches(d.dir)
	if d.plan.downloads != "" {
		c.Containment.Readable = append(c.Containment.Readable, d.plan.downloads)
	}
	return c, d.engineConfig(&c)
}

// milestoneLife is how far off the demo's milestone is due.
const milestoneLife = 14 * 24 * time.Hour

// seed puts repository and tickets into the demo's GitHub.
func (d *demo) seed(ctx context.Context) error {
	var err error
	if d.plan.fromRepo != "" {
		_, err = d.forge.SeedFrom(ctx, d.plan.fromRepo, "HEAD")
	} else {
		// The first commit is green, as the sample's own test holds; CI would compile the world beside the first session.
		_, err = d.forge.Seed(ctx, sample.Repo(), "Stockroom: keep count of the parts\n\n[skip ci]")
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	milestone := d.forge.AddMilestone(d.plan.tickets.Milestone, time.Now().Add(milestoneLife))
	for _, t := range d.plan.tickets.Tickets {
		number, err := d.addTicket(t, milestone)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		d.plan.numbers = append(d.plan.numbers, number)
	}
	return nil
}
