// Package forgetest is a GitHub of one repository, over HTTP: what agents/forge is tried against, and what
// `lightsout demo` runs on. It exists so that the factory's GitHub side can be shown to work, and to survive what the
// real one does, without an account and without the network.
//
// It keeps state and is strict. Git is real: a bare repository under Options.Dir, served over smart HTTP by
// `git http-backend`; pushes move pull request heads, merges are made by git, and CI checks the pushed commit out and
// runs commands on it. Requests it does not know, fields it does not know, and missing credentials are answered as
// GitHub answers them and remembered too: see [Server.Unexpected], which a test should find empty.
//
// A [Server] is an http.Handler: put it behind a listener and call [Server.SetBaseURL], or reach it in-process, as a
// testing/synctest bubble must. In a bubble git is reached by the plain path [Server.GitDir]; every API request first
// looks whether refs moved there. The server makes its channels in [New], keeps no lock over a wait for anything but
// git, and [Server.Close] joins its goroutines.
//
// REST answers under <base>/api/v3/, GraphQL under <base>/api/graphql, git under <base>/<owner>/<repo>.git, and a page
// to look at under the html_url of each issue and pull request.
package forgetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say which GitHub this is. Dir, Owner, Repo and Token are needed; the rest has defaults.
type Options struct {
	Dir         string // an existing folder: the repository is Dir/repo.git, CI works under Dir/ci
	Owner, Repo string
	OwnerType   string // Organization (the default) or User; the project board belongs to the owner

	Token  string   // the one credential that is accepted
	Login  string   // whose token it is; default "lightsout-bot"
	Scopes []string // classic scopes of the token, as told in X-OAuth-Scopes; default repo, project, workflow

	Now  func() time.Time // the server's clock; default time.Now. Waiting is done with package time all the same
	Path string           // PATH for git; default the usual directories
	Log  *slog.Logger     // where faults of the server itself are told; default nowhere

	DefaultBranch string // default "main"

	// What CI runs on every pushed commit. TestCommand and CheckName are the short form of one check.
	TestCommand []string
	CheckName   string // default "test"
	Checks      []Check
	Env         []string      // the whole environment of CI commands; PATH, HOME and TMPDIR are added where missing
	CIDelay     time.Duration // how long a check is queued
	CILimit     time.Duration // wall time of one check; default 10 minutes
	Helper      string        // the binary that agents/process re-executes; default this one

	Required  []string // names of the checks that the default branch's protection requires; none: not protected
	Strict    bool     // the protection also wants pull requests up to date with their base
	RateLimit int      // REST requests an hour; default 5000

	Board            string   // "project" (the default) or "labels": no project exists
	ProjectNumber    int      // default 1
	Columns          []string // options of the project's Status field; default Todo, In Progress, In Review, Done
	CloseMovesToDone bool     // the project's built-in workflow "item closed" is on

	Staging Staging

	// Reviewer, when set, is asked once for every head of every open pull request, as an automated reviewer is.
	Reviewer func(Pull) []Review
}

// Check is one thing CI does. Either a command, run in a fresh checkout of the commit, or a judgement: a function that
// needs neither checkout nor process, for tests in virtual time.
type Check struct {
	Name    string
	Command []string
	Judge   func(sha string) (pass bool, log string)
	Delay   time.Duration // how long it takes at least
}

// Staging is the workflow that is dispatched to deploy. It deploys what its input "sha" names, else the ref.
type Staging struct {
	File     string        // default "staging.yml"
	Inputs   []string      // declared inputs; default "sha". Others are refused as GitHub refuses them
	Delay    time.Duration // how long a deployment takes
	Unlisted time.Duration // how long a dispatched run is not listed yet
	Mute     bool          // a dispatch is never told which run it became, as by an older Enterprise server
	Outcome  func(sha string) (conclusion string)
}

// Server is the GitHub. Make one with [New].
type Server struct {
	o      Options
	git    git
	shapes map[string]any
	graph  *graph
	pages  *template.Template
	secret string
	start  time.Time

	ctx  context.Context // ends at Close: what runs in the background, and git, belongs to the server and to no request
	end  context.CancelFunc
	work sync.WaitGroup
	slot chan struct{} // taken by each CI job that runs

	mu     sync.Mutex
	w      *world
	base   string // where the server is reached, without a slash at the end
	logs   string // where job logs are reached
	ledger ledger
	faults []*armed
	hook   func(n int, kind string, phase string)
	moved  chan struct{} // closed and replaced whenever something changed
}

// New makes the repository in o.Dir, empty, and the server over it. The end of ctx does not end the server: Close does.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("make a forge: %w", err)
	}
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make a forge: %w", err)
	}
	shapes, err := readShapes()
	if err != nil {
		return nil, fmt.Errorf("make a forge: %w", err)
	}
	graph, err := newGraph()
	if err != nil {
		return nil, fmt.Errorf("make a forge: %w", err)
	}
	pages, err := newPages()
	if err != nil {
		return nil, fmt.Errorf("make a forge: %w", err)
	}
	s := &Server{
		o: o, shapes: shapes, graph: graph, pages: pages, secret: hex.EncodeToString(secret), start: o.Now(),
		slot: make(chan struct{}, 2), moved: make(chan struct{}), w: newWorld(),
		base: "https://forge.invalid", logs: "https://forge.invalid",
	}
	s.ctx, s.end = context.WithCancel(context.WithoutCancel(ctx))
	if s.git, err = newGit(s.ctx, o); err != nil {
		s.end()
		return nil, fmt.Errorf("make a forge: %w", err)
	}
	s.populate()
	return s, nil
}

func (o *Options) complete() error {
	var missing []string
	for name, value := range map[string]string{"Dir": o.Dir, "Owner": o.Owner, "Repo": o.Repo, "Token": o.Token} {
		if value == "" {
			missing = append(missing, name)
		}
	}
	if slices.Sort(missing); len(missing) > 0 {
		return fmt.Errorf("options lack %s", strings.Join(missing, ", "))
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	o.Dir = dir
	if info, err := os.Stat(o.Dir); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", o.Dir)
	}
	if !slices.Contains([]string{"", "project", "labels"}, o.Board) {
		return fmt.Errorf("board %q is neither project nor labels", o.Board)
	}
	o.OwnerType = cmp.Or(o.OwnerType, "Organization")
	o.Login = cmp.Or(o.Login, "lightsout-bot")
	o.Path = cmp.Or(o.Path, "/usr/local/bin:/usr/bin:/bin")
	o.DefaultBranch = cmp.Or(o.DefaultBranch, "main")
	o.CheckName = cmp.Or(o.CheckName, "test")
	o.CILimit = cmp.Or(o.CILimit, 10*time.Minute)
	o.RateLimit = cmp.Or(o.RateLimit, 5000)
	o.Board = cmp.Or(o.Board, "project")
	o.ProjectNumber = cmp.Or(o.ProjectNumber, 1)
	o.Staging.File = cmp.Or(o.Staging.File, "staging.yml")
	if o.Scopes == nil {
		o.Scopes = []string{"repo", "project", "workflow"}
	}
	if o.Columns == nil {
		o.Columns = []string{"Todo", "In Progress", "In Review", "Done"}
	}
	if o.Staging.Inputs == nil {
		o.Staging.Inputs = []string{"sha"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.TestCommand != nil {
		o.Checks = append(slices.Clone(o.Checks), Check{Name: o.CheckName, Command: o.TestCommand})
	}
	return nil
}

// populate puts in what a new repository has: its owner, the bot, and the board.
func (s *Server) populate() {
	c := s.call("github")
	c.meet(s.o.Owner, "OWNER")
	c.meet(s.o.Login, "COLLABORATOR")
	c.meet("github-actions[bot]", "NONE")
	if s.o.Board == "project" {
		c.makeProject()
	}
}

// Close ends CI, deployments and reviewers that still run, and returns when they are gone. The repository stays.
func (s *Server) Close() error {
	s.mu.Lock()
	s.end() // under the lock: nothing is spawned after it
	s.mu.Unlock()
	s.work.Wait()
	if err := os.RemoveAll(filepath.Join(s.o.Dir, "ci")); err != nil {
		return fmt.Errorf("close the forge: %w", err)
	}
	return nil
}

// SetBaseURL tells the server where it is reached, for the URLs in its answers.
func (s *Server) SetBaseURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if url = strings.TrimRight(url, "/"); s.logs == s.base {
		s.logs = url
	}
	s.base = url
}

// SetLogsURL gives job logs another address than the API, as GitHub does, so that a token sent along is noticed.
func (s *Server) SetLogsURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = strings.TrimRight(url, "/")
}

// GitDir is the path of the bare repository: what a client in a virtual-time bubble fetches from and pushes to.
func (s *Server) GitDir() string { return s.git.dir }

// Sync looks whether refs of the repository moved and draws the consequences: pull request heads, closed issues, CI.
// Every API request does this first; call it after a push by path that no request follows.
func (s *Server) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.act("", "git", func(*call) error { return nil })
}

// Wait returns when done says yes. It asks at once and again after every change; done may call the server's methods.
func (s *Server) Wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		moved := s.moved
		s.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for the forge: %w", context.Cause(ctx))
		case <-s.ctx.Done():
			return errors.New("wait for the forge: it was closed")
		}
	}
}

// Idle returns when no check, deployment or automated review is under way.
func (s *Server) Idle(ctx context.Context) error {
	return s.Wait(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.ledger.busy == 0
	})
}

// changed wakes those who wait. The lock is held.
func (s *Server) changed() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// spawn runs f in the background until Close. The lock is held.
func (s *Server) spawn(f func(ctx context.Context)) {
	if s.ctx.Err() != nil {
		return
	}
	s.ledger.busy++
	s.work.Go(func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ledger.busy--
			s.changed()
		}()
		f(s.ctx)
	})
}

// pause waits, and says whether the whole time passed.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
