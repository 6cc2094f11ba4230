package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

type runCommand struct {
	Config  string `short:"c" default:"lightsout.toml" help:"The configuration file." type:"path"`
	Observe bool   `help:"Decide and say everything, change nothing on GitHub."`
	Verbose bool   `short:"v" help:"Log what is normally quiet."`
}

func (r runCommand) Run(ctx context.Context, c console) error {
	config, err := loadConfig(r.Config, c.environ)
	if err != nil {
		return err
	}
	defer stayingSmall()()
	level := slog.LevelInfo
	if r.Verbose {
		level = slog.LevelDebug
	}
	d := &daemon{config: config, environ: c.environ, observe: r.Observe}
	d.log = slog.New(redacting{slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}), d.redact})
	d.log.Info("lightsout starts", "repository", config.Repository, "engines", strings.Join(config.Engine, ", "), "version", version(), "observe", r.Observe)
	if err := d.Run(ctx); err != nil {
		return fmt.Errorf("run: %s", d.redact(err.Error()))
	}
	d.log.Info("lightsout has stopped")
	return nil
}
