package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"lightsout/agents"
	"lightsout/agents/forge"
	"lightsout/agents/process"
	"lightsout/agents/proof"
	"lightsout/agents/worktree"
	"lightsout/bot"
	"lightsout/rules"
	"lightsout/store"
)

// daemon is the factory put together from its configuration. The zero values of the optional fields are the real
// world; tests of virtual time hand in their own.
type daemon struct {
	config  Config
	environ []string // of this process, as main read it
	observe bool
	log     *slog.Logger

	now      func() time.Time // nil: time.Now
	github   *http.Client     // nil: http.DefaultClient
	telegram *http.Client     // nil: one of the bot's own
	engine   agents.Runner    // nil: from the configuration

	fence   fence      // what is in force around sessions, found out at the start
	looking *fenceLook // begun early; nil: contain looks itself
	once    sync.Once
	known   vault // what must not leave, found at the first word that does
}

// Run blocks until ctx ends and all that it started has come to rest: roles, bot, sessions, database, in this order.
func (d *daemon) Run(ctx context.Context) (err error) {
	if d.now == nil {
		d.now = time.Now
	}
	if err := os.MkdirAll(d.config.State, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	held, err := takeLock(d.config.State, d.now())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	d.looking = d.findFenceSoon(ctx) // while the database is opened
	defer func() { <-d.looking.done }()
	s, err := store.Open(ctx, d.databasePath(), store.Options{Repo: d.config.Repository, Now: d.now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := rules.Create(d.config.Rules); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	factory, err := d.factory(ctx, s)
	if err != nil {
		return err
	}
	marker, err := agents.Marker(ctx, s, rand.Text)
	if err != nil {
		return err
	}
	if err := factory.Recover(ctx, marker); err != nil {
		return err
	}
	plan, err := d.schedule(s, factory)
	if err != nil {
		return err
	}
	talk := d.talk(s)
	talk.Wake, talk.Next, talk.Health = plan.Wake, plan.Next, d.health(factory)
	chat, err := bot.New(talk)
	if err != nil {
		return err
	}
	return d.serve(ctx, s, chat, plan)
}

// talk is how the bot talks, whichever process polls: pair, too, handles what waits.
func (d *daemon) talk(s *store.Store) bot.Options {
	c := d.config
	return bot.Options{Store: s, Token: c.Telegram.Token.value, BaseURL: c.Telegram.BaseURL, HTTP: d.telegram, Log: d.log, RulesPath: c.Rules, Redact: d.redact,
		PerChat: c.Telegram.PerChat, Groups: c.Telegram.Groups, Observe: d.observe,
		Protected: func(files []string) []string { return proof.Protected(files, c.Proof.Protected...) }}
}

// serve runs bot and schedule side by side. The end of one is the end of both: a factory that nobody can steer must
// not go on, and a chat without a factory would lie.
func (d *daemon) serve(ctx context.Context, s *store.Store, chat *bot.Bot, plan *schedule) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var parts sync.WaitGroup
	failures := make([]error, 2)
	parts.Go(func() {
		defer cancel()
		failures[0] = chat.Run(ctx)
	})
	parts.Go(func() {
		defer cancel()
		if failures[1] = d.paired(ctx, s); failures[1] == nil && ctx.Err() == nil {
			failures[1] = plan.Run(ctx)
		}
	})
	parts.Wait()
	return errors.Join(failures...)
}

// pairingPoll is how often a daemon in pairing mode looks whether it has an owner by now.
const pairingPoll = time.Second

// paired waits until somebody may steer the factory: with nobody paired, no role runs.
func (d *daemon) paired(ctx context.Context, s *store.Store) error {
	for told := false; ; {
		people, err := s.People(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || len(people) > 0 {
			return err
		}
		if !told {
			d.log.Warn("nobody is paired yet, so no role runs; on this machine, run: lightsout pair")
			told = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pairingPoll):
		}
	}
}

func (d *daemon) databasePath() string { return filepath.Join(d.config.State, "lightsout.db") }

// factory puts together what the roles share. Beside the state folder it changes nothing.
func (d *daemon) factory(ctx context.Context, s *store.Store) (*agents.Factory, error) {
	c := d.config
	client, err := d.forge()
	if err != nil {
		return nil, err
	}
	// git and the probes of what contains sessions are programs to wait for: side by side, for the chat waits for both.
	var mirror *worktree.Mirror
	var unopened error
	var opening sync.WaitGroup
	opening.Go(func() { mirror, unopened = d.mirror(ctx) })
	contain, err := d.contain(ctx)
	opening.Wait()
	if err := errors.Join(unopened, err); err != nil {
		return nil, err
	}
	engines, roleEngines, err := d.engines()
	if err != nil {
		return nil, err
	}
	env, caches, err := d.sessionEnvironment()
	if err != nil {
		return nil, err
	}
	settings := agents.Settings{Base: c.Base, Test: c.Test, Rounds: c.Limits.Rounds,
		Review: agents.Review{Rounds: c.Review.Rounds, Limits: process.Limits{Wall: c.Review.Session, Silence: c.Limits.Silence, Output: c.Limits.OutputMB << 20, Disk: c.Limits.DiskMB << 20}},
		Limits: process.Limits{Wall: c.Limits.Session, Silence: c.Limits.Silence, Output: c.Limits.OutputMB << 20, Disk: c.Limits.DiskMB << 20},
		Turns:  c.Limits.Turns, Repeats: c.Limits.Repeats,
		Budgets: agents.Budgets{Session: agents.Budget{Tokens: c.Limits.Tokens, CostUSD: c.Limits.CostUSD},
			Ticket: agents.Budget(c.Limits.Ticket), Day: agents.Budget(c.Limits.Day)},
		ProofLimits: process.Limits{Wall: c.Limits.Command, Output: c.Limits.OutputMB << 20},
		RunLimit:    c.Limits.Run, Lease: lease, MaxWaiting: c.Limits.Waiting, Contain: contain, Namespace: d.fence.apart, Env: env,
		Writable: append(caches, c.Containment.Writable...), Readable: d.readable(), MergeMethod: c.Merge.Method,
		Staging: c.Staging.settings(), ChecksPatience: c.Merge.ChecksPatience, BaseRedTicket: c.Merge.BaseRedTicket,
		Observe: d.observe, AnyAuthor: c.GitHub.AnyAuthor,
		Reviewers: c.GitHub.Reviewers, Secrets: d.secrets(), Proof: c.Proof.settings(),
		FreeDisk: func() (uint64, error) { _, free, err := disk(c.State); return free, err }}
	return &agents.Factory{Store: s, Forge: client, Mirror: mirror, Engines: engines, RoleEngines: roleEngines, RulesPath: c.Rules, Dir: c.State,
		Instance: rand.Text(), Redact: d.redact, Settings: settings, Log: d.log}, nil
}

// lease is how long a claim outlives its holder. It is renewed at a third of it.
const lease = 15 * time.Minute

func (d *daemon) forge() (*forge.Client, error) {
	c := d.config.GitHub
	owner, name, _ := strings.Cut(d.config.Repository, "/")
	return forge.New(forge.Options{HTTP: d.github, Token: func() string { return c.Token.value }, RESTURL: c.RESTURL, GraphQLURL: c.GraphQLURL, Owner: owner, Repo: name,
		Board:     forge.Board{Kind: c.Board, ProjectOwner: c.ProjectOwner, ProjectNumber: c.Project, StatusField: c.StatusField, Columns: c.Columns},
		Milestone: c.Milestone, Required: c.Required, Now: d.now, ReadOnly: d.observe, Log: d.log, WriteInterval: c.WriteInterval})
}

func (d *daemon) mirror(ctx context.Context) (*worktree.Mirror, error) {
	c := d.config
	private := filepath.Join(c.State, "git-home")
	if err := os.MkdirAll(private, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	return worktree.Open(ctx, worktree.Options{Dir: filepath.Join(c.State, "mirror.git"), URL: c.GitHub.GitURL, Token: func() string { return c.GitHub.Token.value },
		AuthorName: c.GitHub.AuthorName, AuthorEmail: c.GitHub.AuthorEmail, Now: d.now, PrivateDir: private, Path: lookup(d.environ, "PATH"),
		Env: pass(d.environ, []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK"})})
}

// sessionEnvironment is the whole environment of sessions and commands under test, and the build caches they share: a
// worktree is cheap, a cold cache is not.
func (d *daemon) sessionEnvironment() (env, caches []string, err error) {
	c := d.config.Containment
	root := filepath.Join(d.config.State, "cache")
	env = pass(d.environ, c.Pass)
	for _, cache := range []struct{ name, dir string }{
		{"XDG_CACHE_HOME", "xdg"}, {"GOCACHE", "go-build"}, {"GOMODCACHE", "go-mod"}, {"npm_config_cache", "npm"}, {"CARGO_HOME", "cargo"}, {"PIP_CACHE_DIR", "pip"},
	} {
		if _, set := c.Env[cache.name]; !set {
			env = append(env, cache.name+"="+filepath.Join(root, cache.dir))
		}
		if err := os.MkdirAll(filepath.Join(root, cache.dir), 0o700); err != nil {
			return nil, nil, fmt.Errorf("state folder: %w", err)
		}
	}
	for name, value := range c.Env {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env, []string{root}, nil
}

// readable is what contained sessions and tests may read beside the system's folders.
func (d *daemon) readable() []string {
	return append(d.config.tools(d.environ), d.config.Containment.Readable...)
}

// housekeeping is when the housekeeper is due: daily, at an hour when few sessions run.
const housekeeping = "17 3 * * *"

// schedule binds the roles to their ticks.
func (d *daemon) schedule(s *store.Store, f *agents.Factory) (*schedule, error) {
	c := d.config.Schedule
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, fmt.Errorf("schedule.zone: %w", err)
	}
	// A role's own limit ends what nothing else ended: one that waits for a dead connection, say.
	const spare = 30 * time.Minute
	work := d.config.Limits.Run + spare
	implementer, fixer, merger := &agents.Implementer{Factory: f}, &agents.Fixer{Factory: f}, &agents.Merger{Factory: f}
	return newSchedule(s, d.log, zone, []job{
		{role: agents.ImplementerRole, spec: c.Implementer, limit: work, run: implementer.Run},
		{role: agents.FixerRole, spec: c.Fixer, limit: 5 * work, run: fixer.Run},
		{role: agents.MergerRole, spec: c.Merger, limit: spare, followUp: c.FollowUp, run: merger.Run},
		{role: agents.HousekeeperRole, spec: housekeeping, limit: spare, run: (&agents.Housekeeper{Factory: f}).Run},
	})
}

// health adds to /health what only the daemon knows.
func (d *daemon) health(f *agents.Factory) func(context.Context) []string {
	return func(context.Context) []string {
		rate := f.Forge.Rate()
		lines := []string{"lightsout " + version(), fmt.Sprintf("GitHub %d/%d, %d requests", rate.Remaining, rate.Limit, rate.Used), "sessions: " + d.config.crews(), "containment: " + d.fence.whole()}
		if used, free, err := disk(d.config.State); err == nil {
			lines = append(lines, fmt.Sprintf("disk %d%% used, %d GB free", used, free>>30))
		}
		return lines
	}
}

// lookup finds a variable in an environment; "" when it is not there.
func lookup(environ []string, name string) string {
	for _, entry := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// pass copies the named variables that are set.
func pass(environ, names []string) []string {
	var out []string
	for _, name := range names {
		if value := lookup(environ, name); value != "" {
			out = append(out, name+"="+value)
		}
	}
	return out
}
