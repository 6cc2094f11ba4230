// Package bot is the factory's face: what a person types or taps becomes rows in the store, and what the store tells
// becomes messages in the chat.
//
// Two queues in SQLite stand between the chat service and everything else. An update is kept in the inbox before its
// arrival is confirmed (record.go), handled once by the one dispatcher that judges who sent it (inbox.go, dispatch.go), and
// closed together with its answer. An event becomes its messages once (compose.go): they wait in the outbox until each
// is known to have arrived (outbox.go). The roles are never called: approvals and requests are rows that they read.
//
// What a person can ask is one table (command.go): help, menus, role checks and the test of every command against every
// role are made from it. What they read lies in message/, one text a file.
package bot

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	telegram "github.com/go-telegram/bot"

	"lightsout/store"
)

// Options say what a Bot works with.
type Options struct {
	Store     *store.Store
	Token     string       // of the bot, as BotFather gave it
	BaseURL   string       // of the Bot API; "" means https://api.telegram.org
	HTTP      *http.Client // its Transport is wrapped, its Timeout replaced; nil means the default transport
	Log       *slog.Logger // nil discards
	Wake      func(role string)
	RulesPath string
	// Health adds lines to /health: versions, disk, rate limits. It may be nil.
	Health func(ctx context.Context) []string
	// Next tells when each role runs next. It may be nil.
	Next func() map[string]time.Time
	// Protected returns those of a change's files that ask for a second tap before an approval. It may be nil.
	Protected func(files []string) []string
	// Redact takes the daemon's own secrets out of a text; everything that leaves passes it. It may be nil.
	Redact func(string) string
	// Groups are the groups, by id, in which commands and taps of paired people are heard. In any other the bot is silent.
	Groups []int64
	// Observe says that the factory changes nothing outside; the chat works as ever and says so.
	Observe  bool
	PerChat  time.Duration // between two calls for one private chat; 0 means 1 s, what Telegram asks for
	PerGroup time.Duration // between two calls for one group; 0 means 3 s: Telegram asks for at most 20 a minute
	// LiveEvery is the time between two looks at what a running session is at; 0 means 15 s.
	LiveEvery time.Duration
}

// The roles of the factory that a person can name.
const (
	implementer = "implementer"
	fixer       = "fixer"
	merger      = "merger"
)

// repairs is how many attempts at one pull request the Fixer has; the store counts them.
const repairs = 3

// Bot is the chat's side of the factory.
type Bot struct {
	Options
	pages    *pages
	commands []Command
	token    *strings.Replacer
	api      *telegram.Bot

	inbox   chan struct{} // an update has been kept
	events  chan struct{} // somebody says that there may be events
	outbox  chan struct{} // a call has been queued
	prompt  chan func(context.Context)
	named   chan struct{} // closed when the bot knows its own name
	name    string        // without the @; may be read once named is closed
	polling polling

	stranger strangers // of the dispatcher's goroutine alone, as the next two
	trying   int64     // the update that failed last
	tries    int
	spoke    map[int64]time.Time // when a chat was last called; of the sender's goroutine alone
}

// New makes a Bot. It reads no network and starts nothing.
func New(o Options) (*Bot, error) {
	switch {
	case o.Store == nil:
		return nil, errors.New("make bot: no store given")
	case strings.TrimSpace(o.Token) == "":
		return nil, errors.New("make bot: no token given")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Wake == nil {
		o.Wake = func(string) {}
	}
	if o.PerChat == 0 {
		o.PerChat = time.Second
	}
	if o.PerGroup == 0 {
		o.PerGroup = 3 * time.Second
	}
	if o.LiveEvery == 0 {
		o.LiveEvery = liveEvery
	}
	b := &Bot{
		Options:  o,
		commands: Commands(),
		token:    strings.NewReplacer(o.Token, "***", strings.ReplaceAll(o.Token, ":", "%3A"), "***"),
		inbox:    make(chan struct{}, 1),
		events:   make(chan struct{}, 1),
		outbox:   make(chan struct{}, 1),
		prompt:   make(chan func(context.Context), 64),
		named:    make(chan struct{}),
		spoke:    map[int64]time.Time{},
	}
	var err error
	b.pages, err = newPages(b.redact)
	return b, err
}

// redact takes the bot's own token and the daemon's secrets out of a text.
func (b *Bot) redact(s string) string {
	s = b.token.Replace(s)
	if b.Redact != nil {
		s = b.Redact(s)
	}
	return s
}

// Run receives, handles, tells and sends until ctx ends; what is queued then leaves when Run is called in the daemon's
// next life. It returns once everything it started has ended. It runs once.
func (b *Bot) Run(ctx context.Context) error {
	if err := b.connect(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	for range promptWorkers {
		all.Go(func() { b.sayPromptly(ctx) })
	}
	all.Go(func() { b.attend(ctx) })
	all.Go(func() { b.compose(ctx) })
	all.Go(func() { b.send(ctx) })
	all.Go(func() {
		if b.introduce(ctx) {
			b.api.Start(ctx)
		}
	})
	all.Wait()
	return nil
}

// Poke makes the bot look for new events, updates and messages at once. It never blocks.
func (b *Bot) Poke() {
	nudge(b.inbox)
	nudge(b.events)
	nudge(b.outbox)
}

// nudge wakes a loop unless it has been woken already.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// waitFor waits for d, or for the first of the signals. It is false when ctx has ended.
func waitFor(ctx context.Context, d time.Duration, signals ...<-chan struct{}) bool {
	var first, second <-chan struct{}
	if len(signals) > 0 {
		first = signals[0]
	}
	if len(signals) > 1 {
		second = signals[1]
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-first:
	case <-second:
	}
	return ctx.Err() == nil
}
