package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
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
	d.log.Info("lightsout starts", "repository", config.Repository, "engine", config.Engine, "version", version(), "observe", r.Observe)
	if err := d.Run(ctx); err != nil {
		return fmt.Errorf("run: %s", d.redact(err.Error()))
	}
	d.log.Info("lightsout has stopped")
	return nil
}

const (
	// growth is how far the heap may grow beyond what is alive before it is collected, in percent. What is alive are a
	// few megabytes, so that a collection costs a few milliseconds, and the factory works for seconds in an hour.
	growth = 30
	// tidying is how often memory that is free is given back to the kernel, which Go itself does slowly.
	tidying = 30 * time.Second
)

// stayingSmall keeps a process small that rests most of the time. The function it returns ends that.
func stayingSmall() (stop func()) {
	before := debug.SetGCPercent(growth)
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(tidying)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				debug.FreeOSMemory()
			}
		}
	}()
	return func() {
		close(ended)
		<-done
		debug.SetGCPercent(before)
	}
}
