package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lightsout/agents/engine/enginetest"
	"lightsout/agents/forge/forgetest"
	"lightsout/bot/bottest"
	"lightsout/cmd/lightsout/sample"
	"lightsout/store"
)

// demoCommand is the factory on one machine with nothing else: a GitHub and a Telegram of its own on loopback, and the
// production code between them.
type demoCommand struct {
	Yes     bool     `help:"Tap Approve by itself, once for each pull request and head it is shown, and end when every ticket has."`
	JSON    bool     `name:"json" help:"With --yes: print one object at the end."`
	Dir     string   `help:"Keep everything here: repo.git, lightsout.db, chat.json, mutations.json. Default: a temporary folder." type:"path"`
	Listen  string   `default:"127.0.0.1:0" help:"Where the chat page is served."`
	Repo    string   `help:"Work on a copy of this repository instead of the sample." type:"existingdir"`
	Tickets string   `help:"With --repo: the tickets, as TOML." type:"existingfile"`
	Engine  []string `placeholder:"NAME,…" help:"The coding CLI: claude, codex, gemini, opencode, pi, qwen, or a program that takes the prompt on stdin. Of several, the next takes over while one is not served. For the sample also recorded (its own solutions, the default) and spent (one that is out of quota, always)."`
	Test    string   `help:"With --repo: the command that runs its tests."`
	Limit   duration `default:"30m" help:"With --yes: give up after this time."`
	Verbose bool     `short:"v" help:"Log what the factory does."`
}

// duration is a time.Duration on the command line.
type duration = time.Duration

// scripted is the coding CLI of the demo: this binary again, replaying recorded solutions.
func scripted(args []string) (code int, ok bool) { return enginetest.Main(args) }

// wrapScripted writes a program that is the scripted CLI with these modes, whatever it is called with.
func wrapScripted(file, binary, scripts string, modes ...string) error {
	return enginetest.Wrap(file, binary, scripts, modes...)
}

// The demo's people and names. The token opens nothing but the demo's own GitHub.
const (
	demoToken = "demo-token-of-loopback"
	demoOwner = "acme"
	demoUser  = int64(1001)
	demoName  = "Ana"
)

// demo is a running demonstration.
type demo struct {
	options demoCommand
	plan    demoPlan
	dir     string
	forge   *forgetest.Server
	chat    *bottest.Server
	daemon  *daemon
	started time.Time
}

func (o demoCommand) Run(ctx context.Context, c console) error {
	plan, err := o.plan(ctx, c.environ)
	if err != nil {
		return err
	}
	dir, done, err := o.folder()
	if err != nil {
		return err
	}
	defer done()
	d := &demo{options: o, plan: plan, dir: dir, started: time.Now()}
	result, err := d.run(ctx, c)
	if err != nil {
		return err
	}
	if !o.Yes {
		_, err := fmt.Fprintln(c.out, "The demo has ended.")
		return err
	}
	if err := result.print(c.out, o.JSON); err != nil {
		return err
	}
	if !result.ok {
		return errNo
	}
	return nil
}

// folder makes the folder that keeps everything, and says how to leave it.
func (o demoCommand) folder() (dir string, done func(), err error) {
	if o.Dir == "" {
		dir, err = os.MkdirTemp("", "lightsout-demo-")
		return dir, func() { _ = os.RemoveAll(dir) }, err
	}
	if entries, err := os.ReadDir(o.Dir); err == nil && len(entries) > 0 {
		return "", nil, fmt.Errorf("demo: %s is not empty: name a new folder, so that nothing of yours is mixed up with the demo's", o.Dir)
	}
	return o.Dir, func() {}, os.MkdirAll(o.Dir, 0o700)
}

// run starts the two servers and the factory, and ends when a person does, or with --yes when every ticket has ended.
func (d *demo) run(ctx context.Context, c console) (demoResult, error) {
	level := slog.LevelWarn
	if d.options.Verbose {
		level = slog.LevelInfo
	}
	handler := slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level})
	forgeURL, chatURL, stopServers, err := d.serve(ctx, c, slog.New(handler))
	if err != nil {
		return demoResult{}, err
	}
	defer stopServers()
	config, err := d.config(forgeURL, chatURL)
	if err != nil {
		return demoResult{}, err
	}
	d.daemon = d.factory(config, handler)
	watching, err := store.Open(ctx, d.daemon.databasePath(), store.Options{Repo: config.Repository})
	if err != nil {
		return demoResult{}, err
	}
	defer watching.Close()
	if err := watching.AddPerson(ctx, store.Person{ID: demoUser, Name: demoName, Role: store.Owner, Chat: demoUser}); err != nil {
		return demoResult{}, err
	}
	if !d.options.JSON {
		d.greet(c.out, forgeURL, chatURL)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var parts sync.WaitGroup
	var failure error
	parts.Go(func() {
		defer stop()
		failure = d.daemon.Run(running)
	})
	if d.options.Yes {
		err = d.approveAll(running, watching)
		stop()
	}
	parts.Wait()
	if err := errors.Join(failure, err); err != nil {
		return demoResult{}, errors.New(d.daemon.redact(err.Error()))
	}
	return d.result(context.WithoutCancel(ctx), watching)
}

// factory is the daemon of the demo. It is given the person's own credentials for their coding CLI, which no log may show.
func (d *demo) factory(config Config, handler slog.Handler) *daemon {
	f := &daemon{config: config, environ: d.plan.environ}
	f.log = slog.New(redacting{handler, f.redact})
	return f
}

func (d *demo) greet(out io.Writer, forgeURL, chatURL string) {
	kept := ""
	if d.options.Dir == "" {
		kept = " (gone at the end; --dir NAME keeps them)"
	}
	fmt.Fprintf(out, "Chat:   %s/\nGitHub: %s/%s/%s\nFiles:  %s%s\n", chatURL, forgeURL, demoOwner, d.plan.name, d.dir, kept)
	if d.options.Yes {
		fmt.Fprintln(out, "Approving by itself; it ends when every ticket has.")
	} else {
		fmt.Fprintln(out, "Open the chat in a browser and tap Approve. Ctrl-C ends the demo.")
	}
}

// serve puts up the GitHub and the Telegram of the demo on loopback.
func (d *demo) serve(ctx context.Context, c console, log *slog.Logger) (forgeURL, chatURL string, stop func(), err error) {
	executable, err := os.Executable()
	if err != nil {
		return "", "", nil, fmt.Errorf("demo: %w", err)
	}
	var checks []forgetest.Check
	var required []string
	for _, x := range d.plan.checks {
		checks = append(checks, forgetest.Check{Name: x.name, Command: x.command})
		required = append(required, x.name)
	}
	d.forge, err = forgetest.New(ctx, forgetest.Options{Dir: d.dir, Owner: demoOwner, Repo: d.plan.name, Token: demoToken, Log: log, Path: lookup(c.environ, "PATH"),
		Checks: checks, Required: required, Strict: true, Env: d.plan.ciEnv(d.dir), Helper: executable})
	if err != nil {
		return "", "", nil, err
	}
	if err := d.seed(ctx); err != nil {
		return "", "", nil, errors.Join(err, d.forge.Close())
	}
	d.chat = bottest.New(bottest.Options{})
	d.chat.AddPerson(demoUser, demoName)
	forgeServer, forgeURL, err := listen("127.0.0.1:0", d.forge)
	if err != nil {
		return "", "", nil, errors.Join(err, d.forge.Close())
	}
	d.forge.SetBaseURL(forgeURL)
	chatServer, chatURL, err := listen(d.options.Listen, d.chat)
	if err != nil {
		err = fmt.Errorf("%w: give another address with --listen, or leave it out and a free one is taken", err)
		return "", "", nil, errors.Join(err, forgeServer.Close(), d.forge.Close())
	}
	return forgeURL, chatURL, func() {
		err := errors.Join(d.keep(), d.chat.Close(), chatServer.Close(), forgeServer.Close(), d.forge.Close())
		if err != nil {
			log.Error("end the demo", "error", err)
		}
	}, nil
}

// addTicket files one ticket on the demo's board.
func (d *demo) addTicket(t sample.Ticket, milestone int) (int, error) {
	return d.forge.AddIssue(forgetest.Issue{Title: t.Title, Body: t.Body, Labels: t.Labels, Milestone: milestone, Status: "Todo"})
}

// listen serves a handler until it is closed.
func listen(address string, handler http.Handler) (*http.Server, string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", fmt.Errorf("demo: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it returns when the server is closed, and says no more than that
	return server, "http://" + listener.Addr().String(), nil
}

// keep writes down what chat and GitHub have seen.
func (d *demo) keep() error {
	var chat strings.Builder
	if err := d.chat.WriteJSON(&chat); err != nil {
		return err
	}
	mutations, err := json.MarshalIndent(d.forge.Mutations(), "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(d.dir, "chat.json"), []byte(chat.String()), 0o600),
		os.WriteFile(filepath.Join(d.dir, "mutations.json"), append(mutations, '\n'), 0o600))
}

// approvePoll is how often the demo looks whether every ticket has ended.
const approvePoll = 200 * time.Millisecond

// approveAll taps Approve on every pull request that the chat calls ready, once for each head, until every ticket has
// ended one way or the other.
func (d *demo) approveAll(ctx context.Context, s *store.Store) error {
	ctx, cancel := context.WithTimeout(ctx, d.options.Limit)
	defer cancel()
	tapped := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("demo: not every ticket has ended after %s", d.options.Limit)
			}
			return nil
		case <-time.After(approvePoll):
		}
		for _, m := range d.chat.Messages(demoUser) {
			if button, key, ok := approveButton(m); ok && !tapped[key] {
				tapped[key] = true
				_, err := d.chat.Tap(demoUser, m.ID, button)
				// A button may be edited away between the look and the tap: a person would look again, too.
				if err != nil && !errors.Is(err, bottest.ErrUnknown) && ctx.Err() == nil {
					return fmt.Errorf("demo: tap %s: %w", button, err)
				}
			}
		}
		over, err := d.over(ctx, s)
		if err != nil || over {
			return err
		}
	}
}

// approveButton finds the button of a message that says a pull request is ready. key is new for each head, and for each
// message that shows it: one that was sent again, since nobody knew whether it had arrived, is tapped where it stands.
func approveButton(m bottest.Message) (text, key string, ok bool) {
	if m.Deleted || !strings.Contains(m.Plain, "ready") {
		return "", "", false
	}
	for _, row := range m.Buttons {
		for _, b := range row {
			if strings.Contains(b.Text, "Approve") {
				return b.Text, fmt.Sprint(m.ID, " ", b.Data), true
			}
		}
	}
	return "", "", false
}

// over tells whether nothing is left to do: no ticket waits or is worked on, no pull request is open, all is staged.
func (d *demo) over(ctx context.Context, s *store.Store) (bool, error) {
	pulls, err := s.AllPulls(ctx)
	if err != nil {
		return false, err
	}
	ended := map[int]bool{}
	for _, p := range pulls {
		switch {
		case p.Verdict == store.Landed && (p.Staging == "" || p.Staging == "started" || p.Staging == "checking"):
			return false, nil
		case p.Verdict == store.Landed, p.Verdict == store.GivenUp, p.Verdict == store.Closed:
			ended[p.Ticket] = true
		}
	}
	for _, number := range d.plan.numbers {
		t, err := s.Ticket(ctx, number)
		if errors.Is(err, store.ErrNotFound) || err == nil && !ended[number] && t.Parked == "" {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	waiting, _, err := s.Backlog(ctx)
	return waiting == 0, err
}
