package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/agents/proof"
	"lightsout/agents/review"
	"lightsout/agents/worktree"
	"lightsout/rules"
)

// reviewCommand has one change of any git repository argued about, without GitHub, chat or store.
type reviewCommand struct {
	Repo      string        `required:"" help:"The git repository." type:"existingdir"`
	Base      string        `required:"" help:"What the change is compared with: a branch or commit."`
	Head      string        `required:"" help:"The change: a branch or commit."`
	Engine    string        `required:"" help:"An engine of the configuration, or one of claude, codex, gemini, opencode, pi, qwen."`
	Adversary string        `help:"Another engine for the Adversary."`
	Referee   string        `help:"Another engine for the Referee."`
	Config    string        `short:"c" help:"A configuration file, for its engines, its [proof] and its test command." type:"existingfile"`
	Path      string        `help:"The program of --engine, when no configuration names it."`
	Model     string        `help:"Its model, likewise; provider/model for opencode and pi."`
	Arg       []string      `help:"A further argument of the program, likewise." sep:"none"`
	Pass      []string      `help:"A variable to hand on to engines that no configuration names; their provider's usual key is." placeholder:"NAME"`
	Ticket    string        `help:"A file with the ticket, its title on the first line. Default: the head commit's message." type:"existingfile"`
	Rules     string        `help:"A rules file." type:"existingfile"`
	Limit     time.Duration `default:"15m" help:"Of one session, and of one test command."`
	JSON      bool          `name:"json" help:"Print the verdict as JSON."`
	Test      []string      `arg:"" optional:"" passthrough:"" help:"The test command for reproductions, behind --. Default: found."`
}

func (r reviewCommand) Run(ctx context.Context, c console) error {
	work, err := os.MkdirTemp("", "lightsout-review-")
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	verdict, err := r.review(ctx, c, work)
	err = errors.Join(err, worktree.RemoveAll(work))
	if err == nil || verdict.Failure != "" { // what was said before it failed has been paid for
		err = errors.Join(err, r.print(c.out, verdict))
	}
	if err != nil {
		return err
	}
	if len(verdict.Blocks()) > 0 {
		return errNo
	}
	if slices.ContainsFunc(verdict.Silent, func(s string) bool { return strings.HasPrefix(s, rules.Enthusiast) }) {
		return fmt.Errorf("review: nobody has looked: %s", strings.Join(verdict.Silent, "; "))
	}
	return nil
}

func (r reviewCommand) print(out io.Writer, v review.Verdict) error {
	if !r.JSON {
		_, err := io.WriteString(out, v.Debate())
		return err
	}
	return printJSON(out, struct {
		Line string `json:"line"`
		review.Verdict
	}{v.Line(), v})
}

func (r reviewCommand) review(ctx context.Context, c console, work string) (review.Verdict, error) {
	config, engines, err := r.engines(c)
	if err != nil {
		return review.Verdict{}, fmt.Errorf("review: %w", err)
	}
	on, err := openBench(ctx, c, work, r.Repo, r.Base, r.Head)
	if err != nil {
		return review.Verdict{}, fmt.Errorf("review: %w", err)
	}
	request := review.Request{Dir: filepath.Join(work, "tree")}
	if request.Diff, err = on.mirror.Diff(ctx, on.base, on.head); err != nil {
		return review.Verdict{}, err
	}
	if err := on.mirror.Checkout(ctx, request.Dir, on.head); err != nil {
		return review.Verdict{}, err
	}
	if err := r.words(ctx, on.mirror, on.head, &request); err != nil {
		return review.Verdict{}, err
	}
	marker := "lightsout-review-" + rand.Text()
	test := on.proof(r.Limit)
	test.Test, test.Settings, test.Marker, test.Log = config.Test, config.Proof.settings(), marker+"-test", c.err
	if given := without(r.Test, "--"); len(given) > 0 {
		test.Test = given
	}
	request.Reproduce = func(ctx context.Context, files map[string][]byte) (bool, string, error) {
		return proof.Reproduce(ctx, test, files)
	}
	sessions := review.Sessions{Engines: engines, Dir: request.Dir, Homes: work, Marker: marker, Session: engine.Session{Env: on.env, Contain: test.Contain, Namespace: test.Apart, Log: c.err,
		Limits: process.Limits{Wall: r.Limit, Output: maxPrinted}, Writable: on.caches, Readable: append(slices.Clip(on.readable), on.mirror.Objects())}}
	request.Ask = sessions.Ask
	return review.Run(ctx, request)
}

// engines are the three roles' engines, the same one unless told otherwise, and the configuration that they come from.
func (r reviewCommand) engines(c console) (config Config, engines review.Engines, err error) {
	find := func(name string) (found *engine.Engine) {
		s := sessionCommand{Engine: cmp.Or(name, r.Engine), Config: r.Config, Pass: r.Pass}
		if s.Engine == r.Engine {
			s.Path, s.Model, s.Arg = r.Path, r.Model, r.Arg
		}
		var problem error
		config, found, problem = s.configured(c)
		err = errors.Join(err, problem)
		return found
	}
	engines = review.Engines{Enthusiast: find(""), Adversary: find(r.Adversary), Referee: find(r.Referee)}
	return config, engines, err
}

// words reads what people said about the change: the ticket, or in its place the commit message, and the rules.
func (r reviewCommand) words(ctx context.Context, m *worktree.Mirror, head string, to *review.Request) error {
	text, err := m.Message(ctx, head)
	if r.Ticket != "" {
		var content []byte
		content, err = os.ReadFile(r.Ticket)
		text = string(content)
	}
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	to.Title, to.Body, _ = strings.Cut(strings.TrimSpace(text), "\n")
	to.Title = strings.TrimLeft(to.Title, "# ")
	if r.Rules == "" {
		return nil
	}
	file, err := rules.Load(r.Rules)
	to.Rules = file.Rules
	return err
}
