package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lightsout/agents"
	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/agents/worktree"
)

// sessionCommand is one session of one coding CLI, as the factory would run it.
type sessionCommand struct {
	Engine   string            `required:"" help:"An engine of the configuration, or one of claude, codex, gemini, opencode, pi, qwen."`
	Dir      string            `required:"" help:"The folder it works in." type:"existingdir"`
	Prompt   string            `required:"" help:"A file with the prompt." type:"existingfile"`
	Config   string            `short:"c" help:"The configuration file, for its engines." type:"existingfile"`
	Path     string            `help:"The program, for an engine that no configuration names."`
	Model    string            `help:"The model, likewise; provider/model for opencode and pi."`
	Arg      []string          `help:"A further argument of the program, likewise." sep:"none"`
	Pass     []string          `help:"A variable to hand on, likewise; its provider's usual key is." placeholder:"NAME"`
	HomeFile map[string]string `help:"A file to lay into its private HOME, likewise." placeholder:"PATH=FILE"`
	Limit    time.Duration     `default:"30m" help:"Wall time."`
	Silence  time.Duration     `default:"10m" help:"The longest it may say nothing."`
	Turns    int               `help:"The most answers of the model."`
	Tokens   int64             `help:"The most tokens, read afresh and written."`
	Cost     float64           `help:"The most money, in US dollars, as far as the CLI names it."`
	Repeats  int               `default:"6" help:"How often the same tool call may give the same result, with nothing new between."`
	JSON     bool              `name:"json" help:"Print one object at the end; until then, all that the program says goes to standard error as it is."`
}

// sessionResult is what --json prints.
type sessionResult struct {
	Engine       string  `json:"engine"`
	Outcome      string  `json:"outcome"`
	Reason       string  `json:"reason"`
	Turns        int     `json:"turns"`
	InputTokens  int64   `json:"input_tokens"`
	CachedTokens int64   `json:"cached_tokens"`
	OutputTokens int64   `json:"output_tokens"`
	CostUSD      float64 `json:"cost_usd"`
	Seconds      float64 `json:"seconds"`
	Survivors    int     `json:"survivors"`
	Text         string  `json:"text"`
}

func (s sessionCommand) Run(ctx context.Context, c console) error {
	prompt, err := os.ReadFile(s.Prompt)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	config, chosen, err := s.configured(c)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	session, err := s.session(ctx, c, config)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	session.Prompt = string(prompt)
	if s.JSON {
		session.Log = c.err
	} else {
		session.OnProgress, session.ProgressEvery = s.tell(c, session.Dir), time.Second
	}
	before, err := takeSnapshot(ctx, session.Dir, c.environ)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if session.Home, err = os.MkdirTemp("", "lightsout-session-"); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	result, err := chosen.Run(ctx, session)
	err = errors.Join(err, worktree.RemoveAll(session.Home))
	after, problem := takeSnapshot(context.WithoutCancel(ctx), session.Dir, c.environ)
	if result.Outcome == engine.Done && problem == nil && maps.Equal(before, after) {
		result.Outcome, result.Reason = noChange, "it ended without changing a file"
	}
	if result.Seconds > 0 || s.JSON { // else it was not even started, as the error tells
		err = errors.Join(err, problem, s.print(c, result))
	}
	if err != nil {
		return fmt.Errorf("session: %w%s", err, s.installation(config, err))
	}
	if result.Outcome != engine.Done {
		return errNo
	}
	return nil
}

// noChange is the outcome of a session that ended well and did nothing: the folder tells, not the coding CLI.
const noChange engine.Outcome = "no change"

// session is what the session may use and reach, but for its prompt and its HOME.
func (s sessionCommand) session(ctx context.Context, c console, config Config) (engine.Session, error) {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return engine.Session{}, err
	}
	d := &daemon{config: config, environ: c.environ}
	contain, err := d.contain(ctx)
	if err != nil {
		return engine.Session{}, err
	}
	env, caches := hostEnvironment(c.environ)
	env = append(env, pass(c.environ, config.Containment.Pass)...)
	for name, value := range config.Containment.Env {
		env = append(env, name+"="+value)
	}
	return engine.Session{Dir: dir, Marker: "lightsout-session-" + rand.Text(), Env: env,
		Limits:   process.Limits{Wall: s.Limit, Silence: s.Silence, Output: config.Limits.OutputMB << 20, Disk: config.Limits.DiskMB << 20},
		MaxTurns: s.Turns, MaxTokens: s.Tokens, MaxCostUSD: s.Cost, MaxRepeats: s.Repeats,
		Contain: contain, Namespace: d.fence.apart, Writable: append(caches, config.Containment.Writable...), Readable: d.readable()}, nil
}

// configured is the configuration, which is all defaults where none is named, and the engine.
func (s sessionCommand) configured(c console) (Config, *engine.Engine, error) {
	if s.Config == "" {
		chosen, err := s.unnamed(c)
		return defaults(), chosen, err
	}
	config, err := loadEngines(s.Config)
	if err != nil {
		return config, nil, err
	}
	if err := config.knows(s.Engine); err != nil {
		return config, nil, err
	}
	chosen, err := newEngine(config, s.Engine, c.environ)
	return config, chosen, err
}

// unnamed is an engine that no configuration names: what there is to say of it is in the arguments.
func (s sessionCommand) unnamed(c console) (*engine.Engine, error) {
	if s.Engine != "command" { // which New tells of
		if err := defaults().knows(s.Engine); err != nil {
			return nil, err
		}
	}
	guide, _ := engine.GuideTo(s.Engine)
	env, files := map[string]string{}, map[string]string{}
	for _, name := range slices.Concat(guide.Credentials, s.Pass) {
		if value := lookup(c.environ, name); value != "" {
			env[name] = value
		}
	}
	for path, file := range s.HomeFile {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("file %s of its HOME: %w", path, err)
		}
		files[path] = string(content)
	}
	return engine.New(engine.Config{Name: s.Engine, Kind: s.Engine, Path: s.Path, Model: s.Model, Args: s.Arg, Env: env, Files: files})
}

// installation is what to do about a program that is not there, where that is known.
func (s sessionCommand) installation(config Config, err error) string {
	e := config.Engines[s.Engine]
	guide, known := engine.GuideTo(cmp.Or(e.Kind, s.Engine))
	if !known || s.Path+e.Path != "" || !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	where := "with --path"
	if s.Config != "" {
		where = "by path under [engines." + s.Engine + "]"
	}
	return ": npm install -g " + guide.Package + ", or name the program " + where
}

// tell says how far the session is, in a line.
func (s sessionCommand) tell(c console, dir string) func(engine.Progress) {
	return func(p engine.Progress) {
		fmt.Fprintf(c.err, "%4.0f s%s  %s\n", p.Elapsed.Seconds(), used(p.Turns, p.Usage), agents.Doing(p, dir))
	}
}

// used is what a session has used, in a few words; a program that is no coding CLI tells nothing of it.
func used(turns int, u engine.Usage) (words string) {
	if turns > 0 {
		words = fmt.Sprintf(", turn %d, %d tokens", turns, u.Input+u.Output)
	}
	if u.CostUSD > 0 {
		words += fmt.Sprintf(", $%.3f", u.CostUSD)
	}
	return words
}

func (s sessionCommand) print(c console, r engine.Result) error {
	if !s.JSON {
		how := strings.TrimSuffix(string(r.Outcome)+": "+r.Reason, ": ")
		words := fmt.Sprintf("%s: %s (%.1f s%s)\n%s", r.Engine, how, r.Seconds, used(r.Turns, r.Usage), r.Text)
		_, err := fmt.Fprintln(c.out, strings.TrimSpace(words))
		return err
	}
	return printJSON(c.out, sessionResult{Engine: r.Engine, Outcome: string(r.Outcome), Reason: r.Reason, Turns: r.Turns, InputTokens: r.Usage.Input, CachedTokens: r.Usage.Cached,
		OutputTokens: r.Usage.Output, CostUSD: math.Round(r.Usage.CostUSD*1e6) / 1e6, Seconds: math.Round(r.Seconds*1e3) / 1e3, Survivors: r.Survivors, Text: r.Text})
}
