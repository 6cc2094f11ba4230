package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"lightsout/store"
)

// statusCommand reads the store and nothing else, so that it works when chat, GitHub and daemon are down.
type statusCommand struct {
	Config string `short:"c" default:"lightsout.toml" help:"The configuration file." type:"path"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// statusReport is what --json prints.
type statusReport struct {
	Repository string         `json:"repository"`
	Daemon     string         `json:"daemon"` // "not running", or who holds the lock
	Paused     []string       `json:"paused"`
	Problems   []string       `json:"problems"`
	Running    []statusRun    `json:"running"`
	Pulls      []statusPull   `json:"pulls"`
	Queue      []statusTicket `json:"queue"`
	Outgoing   int            `json:"outgoing"` // messages waiting to leave
	Resting    []statusRest   `json:"resting"`
	SpentToday float64        `json:"spent_today_usd"`
	Spent      []statusSpend  `json:"spent_today"` // since midnight UTC, by coding CLI
}

type statusRun struct {
	ID      int64   `json:"id"`
	Role    string  `json:"role"`
	Ticket  int     `json:"ticket"`
	Engine  string  `json:"engine"`
	Step    string  `json:"step"`
	Doing   string  `json:"doing"`
	Seconds float64 `json:"seconds"`
	Tokens  int64   `json:"tokens"` // read afresh and written
	CostUSD float64 `json:"cost_usd"`
}

type statusRest struct {
	Engine  string    `json:"engine"`
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason"`
	Until   time.Time `json:"until"`
}

type statusSpend struct {
	Engine       string  `json:"engine"`
	Sessions     int     `json:"sessions"`
	Turns        int     `json:"turns"`
	InputTokens  int64   `json:"input_tokens"`
	CachedTokens int64   `json:"cached_tokens"`
	OutputTokens int64   `json:"output_tokens"`
	CostUSD      float64 `json:"cost_usd"`
}

type statusPull struct {
	Number  int       `json:"number"`
	Ticket  int       `json:"ticket"`
	Title   string    `json:"title"`
	Verdict string    `json:"verdict"`
	Reason  string    `json:"reason"`
	Head    string    `json:"head"`
	ReadAt  time.Time `json:"read_at"`
}

type statusTicket struct {
	Number  int     `json:"number"`
	Title   string  `json:"title"`
	Score   float64 `json:"score"`
	Refused string  `json:"refused,omitempty"`
}

func (s statusCommand) Run(ctx context.Context, c console) (err error) {
	config, err := loadConfig(s.Config, c.environ)
	if err != nil {
		return err
	}
	d := &daemon{config: config}
	if _, err := os.Stat(d.databasePath()); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("status: the factory has never run here: %s is missing; start it with: lightsout run", d.databasePath())
	}
	opened, err := store.Open(ctx, d.databasePath(), store.Options{Repo: config.Repository})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	report, err := readStatus(ctx, opened)
	if err != nil {
		return err
	}
	report.Daemon = lockHolder(config.State)
	if s.JSON {
		return printJSON(c.out, report)
	}
	_, err = fmt.Fprint(c.out, report)
	return err
}

func readStatus(ctx context.Context, s *store.Store) (statusReport, error) {
	r := statusReport{Repository: s.Repo(), Paused: []string{}, Problems: []string{}, Running: []statusRun{}, Pulls: []statusPull{}, Queue: []statusTicket{}, Resting: []statusRest{}, Spent: []statusSpend{}}
	pauses, err := s.Pauses(ctx)
	if err != nil {
		return r, err
	}
	for _, p := range pauses {
		r.Paused = append(r.Paused, describePause(p))
	}
	problems, err := s.Problems(ctx)
	if err != nil {
		return r, err
	}
	for _, p := range problems {
		r.Problems = append(r.Problems, p.What+": "+p.Reason)
	}
	now := s.Now()
	running, err := s.Running(ctx)
	if err != nil {
		return r, err
	}
	for _, x := range running {
		r.Running = append(r.Running, statusRun{ID: x.ID, Role: x.Role, Ticket: x.Ticket, Engine: x.Engine, Step: x.Step, Doing: x.Doing,
			Seconds: now.Sub(x.StartedAt).Seconds(), Tokens: x.InputTokens + x.OutputTokens, CostUSD: x.CostUSD})
	}
	pulls, err := s.Pulls(ctx)
	if err != nil {
		return r, err
	}
	for _, p := range pulls {
		r.Pulls = append(r.Pulls, statusPull{Number: p.Number, Ticket: p.Ticket, Title: p.Title, Verdict: p.Verdict, Reason: p.Reason, Head: p.Head, ReadAt: p.ReadAt})
	}
	tickets, err := s.Tickets(ctx)
	if err != nil {
		return r, err
	}
	for _, t := range tickets {
		if t.Status != "Todo" {
			continue
		}
		refused := t.Refused
		if t.Parked != "" {
			refused = "parked: " + t.Parked
		}
		r.Queue = append(r.Queue, statusTicket{Number: t.Number, Title: t.Title, Score: t.Score, Refused: refused})
	}
	if r.Outgoing, _, err = s.Backlog(ctx); err != nil {
		return r, err
	}
	return r, r.readEngines(ctx, s)
}

// readEngines reads which coding CLIs rest, and what each has used today.
func (r *statusReport) readEngines(ctx context.Context, s *store.Store) error {
	rests, err := s.Rests(ctx)
	if err != nil {
		return err
	}
	for _, x := range rests {
		r.Resting = append(r.Resting, statusRest{Engine: x.Engine, Outcome: x.Outcome, Reason: x.Reason, Until: x.Until})
	}
	spent, err := s.SpentToday(ctx)
	for _, x := range spent {
		r.Spent = append(r.Spent, statusSpend{Engine: x.Engine, Sessions: x.Sessions, Turns: x.Turns, InputTokens: x.Input, CachedTokens: x.Cached, OutputTokens: x.Output, CostUSD: x.CostUSD})
	}
	r.SpentToday = store.Total(spent).CostUSD
	return err
}

func describePause(p store.Pause) string {
	scope := p.Scope
	if scope == "" {
		scope = "everything"
	}
	until := ""
	if !p.Until.IsZero() {
		until = " until " + p.Until.UTC().Format("2006-01-02 15:04 UTC")
	}
	return scope + until + " by " + p.ByName
}

// String is the report for people.
func (r statusReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, daemon %s, $%.2f today\n", r.Repository, r.Daemon, r.SpentToday)
	for _, p := range r.Paused {
		fmt.Fprintf(&b, "paused: %s\n", p)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "trouble: %s\n", p)
	}
	for _, x := range r.Resting {
		fmt.Fprintf(&b, "%s rests until %s: %s: %s\n", x.Engine, x.Until.UTC().Format("15:04 UTC"), x.Outcome, x.Reason)
	}
	for _, x := range r.Spent {
		fmt.Fprintf(&b, "%s today: %d sessions, %d tokens, $%.2f\n", x.Engine, x.Sessions, x.InputTokens+x.OutputTokens, x.CostUSD)
	}
	for _, x := range r.Running {
		known := slices.DeleteFunc([]string{x.Engine, x.Step, x.Doing}, func(s string) bool { return s == "" }) // in a proof no coding CLI works
		fmt.Fprintf(&b, "run %d: %s on #%d, %s, %.0f s, %d tokens, $%.2f\n", x.ID, x.Role, x.Ticket, strings.Join(known, ", "), x.Seconds, x.Tokens, x.CostUSD)
	}
	for _, p := range r.Pulls {
		fmt.Fprintf(&b, "PR #%-4d %-9s %s (%s)\n", p.Number, p.Verdict, p.Title, p.Reason)
	}
	for _, t := range r.Queue {
		fmt.Fprintf(&b, "todo #%-4d %3.0f %s", t.Number, t.Score, t.Title)
		if t.Refused != "" {
			fmt.Fprintf(&b, " (%s)", t.Refused)
		}
		fmt.Fprintln(&b)
	}
	if r.Outgoing > 0 {
		fmt.Fprintf(&b, "%d messages wait for the chat\n", r.Outgoing)
	}
	return b.String()
}
