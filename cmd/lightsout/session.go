package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/process"
)

// sessionCommand is one session of one coding CLI, as the factory would run it.
type sessionCommand struct {
	Engine  string        `required:"" help:"An engine of the configuration, or claude."`
	Dir     string        `required:"" help:"The folder it works in." type:"existingdir"`
	Prompt  string        `required:"" help:"A file with the prompt." type:"existingfile"`
	Config  string        `short:"c" help:"The configuration file, for its engines." type:"existingfile"`
	Path    string        `help:"The program, for an engine that no configuration names."`
	Limit   time.Duration `default:"30m" help:"Wall time."`
	Silence time.Duration `default:"10m" help:"The longest it may say nothing."`
	JSON    bool          `name:"json" help:"Print one object at the end."`
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
	env, caches := hostEnvironment(c.environ)
	result, err := chosen.Run(ctx, engine.Session{Prompt: string(prompt), Dir: dir, Home: home, Marker: "lightsout-session-" + rand.Text(), Env: env,
		Limits: process.Limits{Wall: s.Limit, Silence: s.Silence, Output: 256 << 20}, Contain: process.LandlockABI() >= oldestLandlock, Writable: caches, Log: c.err})
	if err = errors.Join(err, os.RemoveAll(home)); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if err := s.print(c, chosen.Name(), result); err != nil {
		return err
	}
	if result.Outcome != engine.Done {
		return errNo
	}
	return nil
}

func (s sessionCommand) engine(c console) (*engine.Engine, error) {
	if s.Config == "" {
		return engine.New(engine.Config{Name: s.Engine, Kind: s.Engine, Path: s.Path})
	}
	config, err := loadConfig(s.Config, c.environ)
	if err != nil {
		return nil, err
	}
	config.Engine = s.Engine
	d := &daemon{config: config, environ: c.environ}
	return d.newEngine()
}

func (s sessionCommand) print(c console, name string, r engine.Result) error {
	if !s.JSON {
		_, err := fmt.Fprintf(c.out, "%s: %s %s (%.1f s, %d turns, $%.2f)\n%s\n", name, r.Outcome, r.Reason, r.Seconds, r.Turns, r.Usage.CostUSD, r.Text)
		return err
	}
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(sessionResult{Engine: name, Outcome: string(r.Outcome), Reason: r.Reason, Turns: r.Turns, InputTokens: r.Usage.Input, CachedTokens: r.Usage.Cached,
		OutputTokens: r.Usage.Output, CostUSD: r.Usage.CostUSD, Seconds: r.Seconds, Survivors: r.Survivors, Contained: r.Contained, Text: r.Text})
}
