package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"lightsout/bot"
	"lightsout/store"
)

// pairCommand lets somebody steer the factory: they show a one-time code to the bot, and are let in here, where the
// factory runs.
type pairCommand struct {
	Config string `short:"c" default:"lightsout.toml" help:"The configuration file." type:"path"`
	Role   string `default:"owner" enum:"viewer,operator,approver,owner" help:"What they may do: viewer, operator, approver or owner; each may do all that the ones before it may."`
	Yes    bool   `short:"y" help:"Let in whoever shows the code first, without asking."`
}

const (
	// pairLook is how often the store is asked whether the code has been shown.
	pairLook = 250 * time.Millisecond
	// pairFarewell is how long a bot of our own may take to welcome who was let in.
	pairFarewell = 5 * time.Second
	// greetPatience bounds the question what the bot is called.
	greetPatience = 10 * time.Second
)

func (p pairCommand) Run(ctx context.Context, c console) (err error) {
	config, err := loadConfig(p.Config, c.environ)
	if err != nil {
		return err
	}
	d := &daemon{config: config, environ: c.environ, now: time.Now}
	d.log = slog.New(redacting{slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelWarn}), d.redact})
	var me telegramBot
	asking, cancel := context.WithTimeout(ctx, greetPatience)
	defer cancel()
	if err := d.askTelegram(asking, "getMe", &me); err != nil {
		return fmt.Errorf("pair: %w; what to do about it says %s", err, commandFor("doctor", p.Config))
	}
	if err := os.MkdirAll(config.State, 0o700); err != nil {
		return fmt.Errorf("pair: state folder: %w", err)
	}
	listening := &listener{daemon: d}
	if err := listening.lock(); err != nil { // before the database is opened, as the daemon does
		return fmt.Errorf("pair: %w", err)
	}
	defer func() { err = errors.Join(err, listening.release()) }()
	s, err := store.Open(ctx, d.databasePath(), store.Options{Repo: config.Repository, Now: d.now})
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	defer func() {
		listening.stop()
		err = errors.Join(err, s.Close())
	}()
	code, err := s.NewPairing(ctx, p.Role)
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	if err := p.pair(ctx, c, s, listening, me, code); err != nil {
		// A code that nobody waits for any more must open nothing.
		after := context.WithoutCancel(ctx)
		if settled := s.SettlePairing(after, code.Code, false); settled != nil && !errors.Is(settled, store.ErrNotFound) {
			err = errors.Join(err, settled)
		}
		return err
	}
	return listening.farewell(ctx, s)
}

// pair shows the code, waits until somebody has shown it to the bot, and lets them in.
func (p pairCommand) pair(ctx context.Context, c console, s *store.Store, listening *listener, me telegramBot, code store.Pairing) error {
	_, err := fmt.Fprintf(c.out, "Open   https://t.me/%s?start=%s\nand tap Start, or send @%s the words: /start %s\nThe code makes one person %s of %s, and is good until %s. Waiting; Ctrl-C withdraws it.\n",
		me.Username, code.Code, me.Username, code.Code, article(code.Role), s.Repo(), code.ExpiresAt.Local().Format("15:04"))
	if err != nil {
		return err
	}
	asked, err := p.wait(ctx, s, listening, code)
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	if _, err := fmt.Fprintf(c.out, "%q, Telegram id %d, has shown the code.\n", asked.AskedName, asked.AskedBy); err != nil {
		return err
	}
	ask := newAsker(c, p.Yes)
	defer ask.close()
	agreed, err := ask.agree(ctx, fmt.Sprintf("Make them %s?", article(code.Role)))
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	if err := s.SettlePairing(ctx, code.Code, agreed); err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	if !agreed {
		fmt.Fprintln(c.out, "Refused. The code is void.")
		return errNo
	}
	_, err = fmt.Fprintf(c.out, "Paired: %q (%d) is %s now.\n", asked.AskedName, asked.AskedBy, article(code.Role))
	return err
}

func article(role string) string {
	if role == store.Viewer {
		return "a " + role
	}
	return "an " + role
}

// wait returns the pairing once somebody has shown its code. Whoever holds the state folder's lock polls the chat: a
// daemon, or else we, also when a daemon ends while we wait.
func (p pairCommand) wait(ctx context.Context, s *store.Store, listening *listener, code store.Pairing) (store.Pairing, error) {
	look := time.NewTicker(pairLook)
	defer look.Stop()
	for {
		if err := listening.poll(ctx, s); err != nil {
			return code, err
		}
		asked, err := s.Pairing(ctx, code.Code)
		switch {
		case ctx.Err() != nil:
			return code, errors.New("stopped; the code is void")
		case err != nil:
			return code, err
		case asked.AskedBy != 0:
			return asked, nil
		case !s.Now().Before(code.ExpiresAt):
			return code, errors.New("nobody has shown the code in time; start again for a new one")
		}
		select {
		case <-ctx.Done():
		case <-look.C:
		}
	}
}

// listener is a bot that polls the chat while no daemon does.
type listener struct {
	daemon *daemon
	held   *lock
	cancel context.CancelFunc // nil: no bot of ours runs
	done   chan struct{}      // closed when it has come to rest
	parts  sync.WaitGroup
	err    error // why it ended; to be read when done is closed
}

// lock takes the state folder's lock, if nobody has it.
func (l *listener) lock() error {
	if l.held != nil {
		return nil
	}
	held, err := takeLock(l.daemon.config.State, l.daemon.now())
	var running *runningError
	if errors.As(err, &running) {
		return nil
	}
	l.held = held
	return err
}

// poll sees to it that somebody polls the chat.
func (l *listener) poll(ctx context.Context, s *store.Store) error {
	if l.cancel != nil {
		select {
		case <-l.done:
			return errors.Join(errors.New("the bot has ended"), l.err)
		default:
			return nil
		}
	}
	if err := l.lock(); err != nil || l.held == nil {
		return err
	}
	chat, err := bot.New(l.daemon.talk(s))
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	l.cancel, l.done = cancel, make(chan struct{})
	l.parts.Go(func() {
		defer close(l.done)
		l.err = chat.Run(running)
	})
	return nil
}

// farewell gives a bot of ours the time to say what it has to say.
func (l *listener) farewell(ctx context.Context, s *store.Store) error {
	if l.cancel == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pairFarewell)
	defer cancel()
	look := time.NewTicker(pairLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil // it stays in the outbox, and leaves when the factory runs
		case <-l.done:
			return l.err
		case <-look.C:
		}
		waiting, _, err := s.Backlog(ctx)
		if err != nil || waiting == 0 {
			return nil
		}
	}
}

// stop ends our bot, if there is one, and returns when it has come to rest.
func (l *listener) stop() {
	if l.cancel != nil {
		l.cancel()
		l.parts.Wait()
	}
}

// release gives the lock up.
func (l *listener) release() error {
	if l.held == nil {
		return nil
	}
	return l.held.release()
}
