package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"lightsout/agents"
	"lightsout/agents/isolation"
	"lightsout/store"
)

// pickCommand asks isolation which ticket would be taken next, and changes nothing anywhere: its store is its own.
type pickCommand struct {
	Config string `short:"c" default:"lightsout.toml" help:"The configuration file." type:"path"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// pickedTicket is one row of what pick prints.
type pickedTicket struct {
	Number  int      `json:"number"`
	Title   string   `json:"title"`
	Score   float64  `json:"score"`
	Picked  bool     `json:"picked"`
	Refused string   `json:"refused,omitempty"`
	Lacks   []string `json:"lacks,omitempty"`
	Reasons []string `json:"reasons"`
	Files   []string `json:"files"`
}

func (p pickCommand) Run(ctx context.Context, c console) error {
	config, err := loadConfig(p.Config, c.environ)
	if err != nil {
		return err
	}
	decision, err := p.decide(ctx, c, config)
	if err != nil {
		return err
	}
	if err := p.print(c, decision); err != nil {
		return err
	}
	if decision.Picked == nil {
		return errNo
	}
	return nil
}

// decide reads board, pull requests and tree, and ranks the tickets, with a store that is thrown away.
func (p pickCommand) decide(ctx context.Context, c console, config Config) (decision isolation.Decision, err error) {
	work, err := os.MkdirTemp("", "lightsout-pick-")
	if err != nil {
		return decision, fmt.Errorf("pick: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	config.State = work
	d := &daemon{config: config, environ: c.environ, observe: true, log: slog.New(slog.DiscardHandler), now: time.Now}
	s, err := store.Open(ctx, d.databasePath(), store.Options{Repo: config.Repository})
	if err != nil {
		return decision, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	factory, err := d.factory(ctx, s)
	if err != nil {
		return decision, err
	}
	return (&agents.Implementer{Factory: factory}).Rank(ctx)
}

func (p pickCommand) print(c console, decision isolation.Decision) error {
	rows := make([]pickedTicket, 0, len(decision.Ranked))
	for _, r := range decision.Ranked {
		rows = append(rows, pickedTicket{Number: r.Ticket.Number, Title: r.Ticket.Title, Score: r.Score, Refused: r.Refused, Lacks: r.Lacks, Reasons: r.Reasons, Files: r.Files,
			Picked: decision.Picked != nil && decision.Picked.Ticket.Number == r.Ticket.Number})
	}
	if p.JSON {
		return printJSON(c.out, rows)
	}
	var b strings.Builder
	for _, r := range rows {
		mark := " "
		if r.Picked {
			mark = "→"
		}
		fmt.Fprintf(&b, "%s %3.0f  #%d %s\n", mark, r.Score, r.Number, r.Title)
		if r.Refused != "" {
			fmt.Fprintf(&b, "       not now: %s\n", r.Refused)
		}
		for _, line := range r.Reasons { // what it lacks has been said
			fmt.Fprintf(&b, "       %s\n", line)
		}
	}
	if decision.Picked == nil {
		fmt.Fprintln(&b, decision.Reason)
	}
	_, err := fmt.Fprint(c.out, b.String())
	return err
}
