package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/process"
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
	JSON     bool              `name:"json" help:"Print one object at the end."`
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
	Contained    bool    `json:"contained"`
	Text         string  `json:"text"`
}

func (s sessionCommand) Run(ctx context.Context, c console) error {
	prompt, err := os.ReadFile(s.Prompt)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	chosen, err := s.engine(c)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	home, err := os.MkdirTemp("", "lightsout-session-")
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	before, err := fingerprint(dir)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	env, caches := hostEnvironment(c.environ)
	result, err := chosen.Run(ctx, engine.Session{Prompt: string(prompt), Dir: dir, Home: home, Marker: "lightsout-session-" + rand.Text(), Env: env,
		Limits: process.Limits{Wall: s.Limit, Silence: s.Silence, Output: 256 << 20}, MaxTurns: s.Turns, MaxTokens: s.Tokens, MaxCostUSD: s.Cost, MaxRepeats: s.Repeats,
		Contain: process.LandlockABI() >= oldestLandlock, Writable: caches, Log: c.err})
	if err = errors.Join(err, os.RemoveAll(home)); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	after, err := fingerprint(dir)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if result.Outcome == engine.Done && before == after {
		result.Outcome, result.Reason = "no change", "it ended without changing a file"
	}
	if err := s.print(c, chosen.Name(), result); err != nil {
		return err
	}
	if result.Outcome != engine.Done {
		return errNo
	}
	return nil
}

// fingerprint is the same for a folder as long as no file in it is touched. It asks no git: what a session left in
// .git is obeyed by whoever calls git there.
func fingerprint(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %v %d %d\n", path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		return nil
	})
	return string(sum.Sum(nil)), err
}

func (s sessionCommand) engine(c console) (*engine.Engine, error) {
	if s.Config == "" {
		return s.unnamed(c)
	}
	config, err := loadConfig(s.Config, c.environ)
	if err != nil {
		return nil, err
	}
	config.Engine = s.Engine
	d := &daemon{config: config, environ: c.environ}
	return d.newEngine()
}

// unnamed is an engine that no configuration names: what there is to say of it is in the arguments.
func (s sessionCommand) unnamed(c console) (*engine.Engine, error) {
	guide, _ := engine.GuideTo(s.Engine) // New tells of an unknown kind
	env, files := map[string]string{}, map[string]string{}
	for _, name := range slices.Concat(guide.Credentials, s.Pass) {
		if value := lookup(c.environ, name); value != "" {
			env[name] = value
		}
	}
	for path, file := range s.HomeFile {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("session: %w", err)
		}
		files[path] = string(content)
	}
	return engine.New(engine.Config{Name: s.Engine, Kind: s.Engine, Path: s.Path, Model: s.Model, Args: s.Arg, Env: env, Files: files})
}

func (s sessionCommand) print(c console, name string, r engine.Result) error {
	if !s.JSON {
		_, err := fmt.Fprintf(c.out, "%s: %s %s (%.1f s, %d turns, $%.2f)\n%s\n", name, r.Outcome, r.Reason, r.Seconds, r.Turns, r.Usage.CostUSD, r.Text)
		return err
	}
	return printJSON(c.out, sessionResult{Engine: name, Outcome: string(r.Outcome), Reason: r.Reason, Turns: r.Turns, InputTokens: r.Usage.Input, CachedTokens: r.Usage.Cached,
		OutputTokens: r.Usage.Output, CostUSD: r.Usage.CostUSD, Seconds: r.Seconds, Survivors: r.Survivors, Contained: r.Contained, Text: r.Text})
}
