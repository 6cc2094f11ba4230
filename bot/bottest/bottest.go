// Package bottest is Telegram for a bot under test and for the demo: a Bot API server that keeps state and is as strict as the
// real one, with the person's side of the chat as Go calls and as a chat page in the browser.
//
// The server is an http.Handler without goroutines of its own: it is served over a socket as a rule and in-process inside a
// testing/synctest bubble, where it must be made inside the bubble and closed before the bubble ends. Nothing it answers comes
// from a script: what a call gets depends on the chats, messages, buttons and updates that earlier calls left behind.
//
// Where Telegram forgives what its documentation forbids, so does the server, and it notes the matter in [Server.Unexpected];
// a test ends by requiring that list to be empty. Formatting is HTML alone: the other parse modes are refused.
package bottest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DefaultToken is the bot token used when Options.Token is empty. It has the form of a real one and is none.
const DefaultToken = "7000000001:AAdefault-token-of-the-test-server0"

// Options say who the bot is. The zero value works.
type Options struct {
	Token        string           // "<bot id>:<secret>"; empty means DefaultToken
	BotName      string           // shown in the chat; empty means "Lightsout"
	BotUsername  string           // without the @; empty means "lightsout_bot"
	Now          func() time.Time // dates of messages and the age of updates and taps; nil means time.Now
	CallbackLife time.Duration    // how long a tap can be answered; zero means 15 s, about what bots see on Telegram
}

// Server is the stateful Bot API server. All its methods may be called at the same time; none holds its lock over a wait.
type Server struct {
	token        string
	bot          User
	now          func() time.Time
	callbackLife time.Duration

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change: the one thing that waits wait for
	closed  chan struct{}
	boot    int64 // when this server began, which tells it from the one before
	version int64 // counts changes; every message and chat carries the version of its last one

	people    []*person
	chats     []*chat
	messages  []*message
	lastID    int // message ids of private chats and basic groups are one sequence; supergroups have their own
	callbacks map[string]*callback
	files     map[string]*attachment
	commands  map[commandScope][]Command

	updates  updateQueue
	poll     *poll
	lastPoll time.Time
	webhook  string

	faults     []*Fault
	hook       func(n int, kind, phase string)
	writes     int
	requests   map[string]int
	unexpected []string

	page http.Handler
}

// New makes a server that knows the bot and nobody else. Close it when its last request is over.
func New(o Options) *Server {
	if o.Token == "" {
		o.Token = DefaultToken
	}
	if o.BotName == "" {
		o.BotName = "Lightsout"
	}
	if o.BotUsername == "" {
		o.BotUsername = "lightsout_bot"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CallbackLife == 0 {
		o.CallbackLife = 15 * time.Second
	}
	prefix, _, _ := strings.Cut(o.Token, ":")
	id, err := strconv.ParseInt(prefix, 10, 64)
	if err != nil || id <= 0 {
		id = 7000000001
	}
	s := &Server{
		token:        o.Token,
		bot:          User{ID: id, IsBot: true, FirstName: o.BotName, Username: o.BotUsername},
		now:          o.Now,
		callbackLife: o.CallbackLife,
		changed:      make(chan struct{}),
		closed:       make(chan struct{}),
		boot:         o.Now().UnixNano(),
		lastID:       100,
		callbacks:    map[string]*callback{},
		files:        map[string]*attachment{},
		commands:     map[commandScope][]Command{},
		updates:      updateQueue{next: 810_000_001},
		requests:     map[string]int{},
	}
	s.page = s.pageHandler()
	return s
}

// Close lets every waiting request go: long polls, streams of the chat page, hanging faults. It is safe to call twice.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

// Bot is the bot's own user.
func (s *Server) Bot() User { return s.bot }

// Token is the token that the bot must use.
func (s *Server) Token() string { return s.token }

// ServeHTTP serves the Bot API at /bot<token>/<method>, its files at /file/bot<token>/<path>, and the chat page on every other path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/bot"):
		s.serveAPI(w, r)
	case strings.HasPrefix(r.URL.Path, "/file/bot"):
		s.serveAPIFile(w, r)
	default:
		s.page.ServeHTTP(w, r)
	}
}

// Requests counts the calls of each Bot API method so far, refused ones included.
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]int, len(s.requests))
	for method, n := range s.requests {
		counts[method] = n
	}
	return counts
}

// Unexpected lists what a careful bot does not do: unknown methods and parameters, and what Telegram forgives though its
// documentation forbids it. Each line says the method and the matter.
func (s *Server) Unexpected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unexpected)
}

// note records an unexpected matter; the lock is held.
func (s *Server) note(format string, args ...any) {
	s.unexpected = append(s.unexpected, fmt.Sprintf(format, args...))
}

// touch counts a change and returns its version; the lock is held, and wake follows once the change is whole.
func (s *Server) touch() int64 {
	s.version++
	return s.version
}

// wake lets everybody who waits look again; the lock is held.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}
