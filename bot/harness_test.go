package bot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lightsout/bot/bottest"
	"lightsout/rules"
	"lightsout/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The people of the tests, by numeric id. Mallory is nobody.
const (
	vera    int64 = 11 // viewer
	otto    int64 = 12 // operator
	ana     int64 = 13 // approver
	oda     int64 = 14 // owner
	mallory int64 = 66
	group   int64 = -1001234567890
)

const (
	headA  = "9f3c2a1000000000000000000000000000000000"
	headB  = "77be01c000000000000000000000000000000000"
	patchA = "aaaa0000000000000000000000000000000000aa"
	patchB = "bbbb0000000000000000000000000000000000bb"
	base   = "b0b0b0b000000000000000000000000000000000"
)

// world is a bot under test, the chat service it talks to, and its store, all inside one bubble of virtual time.
type world struct {
	*testing.T
	*bottest.Server
	dir    string
	store  *store.Store
	client *http.Client
	bot    *Bot
	stop   func()

	mu    sync.Mutex
	woken []string
	logs  strings.Builder
}

// inWorld runs f in a bubble with a running bot and one person of every role.
func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.start(Options{})
		f(w)
	})
}

// newWorld makes everything but the running bot.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, Server: bottest.New(bottest.Options{}), dir: memory(t), stop: func() {}}
	w.open()
	for id, role := range map[int64]string{vera: store.Viewer, otto: store.Operator, ana: store.Approver, oda: store.Owner} {
		name := map[int64]string{vera: "Vera", otto: "Otto", ana: "Ana", oda: "Oda"}[id]
		w.AddPerson(id, name)
		w.must(w.store.AddPerson(w.Context(), store.Person{ID: id, Name: name, Role: role, Chat: id}))
	}
	events, err := w.store.Events(w.Context(), 0, 100)
	w.must(err)
	w.must(w.store.Publish(w.Context(), consumer, events[len(events)-1].ID, nil)) // that these may use the bot is old news
	w.AddStranger(mallory, "Mallory")
	w.AddGroup(bottest.Group{ID: group, Title: "Team", Owner: oda, Members: []int64{vera, otto, ana, mallory}})
	if _, err := rules.Create(w.rulesPath()); err != nil {
		t.Fatal(err)
	}
	w.serve()
	return w
}

// memory is a directory that is gone after the test; in memory where the machine has such a place, for SQLite waits for
// the disk at every commit.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "lightsout-bot-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (w *world) rulesPath() string { return filepath.Join(w.dir, "rules.md") }

func (w *world) open() {
	w.Helper()
	s, err := store.Open(w.Context(), filepath.Join(w.dir, "lightsout.db"), store.Options{Repo: "acme/shop"})
	w.must(err)
	w.store = s
}

// serve puts a real HTTP server before the chat service; its connections are pipes, so that virtual time goes on.
func (w *world) serve() {
	pipes := make(chan net.Conn)
	closed := make(chan struct{})
	server := &http.Server{Handler: w.Server, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = server.Serve(&pipeListener{pipes, closed, sync.Once{}}) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case pipes <- there:
			return here, nil
		case <-closed:
			return nil, net.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	w.client = &http.Client{Transport: transport}
	w.stopServer(func() {
		_ = w.Server.Close()
		transport.CloseIdleConnections()
		_ = server.Close()
	})
}

func (w *world) stopServer(f func()) {
	before := w.stop
	w.stop = func() { before(); f() }
}

type pipeListener struct {
	pipes  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.pipes:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// start runs a bot with the options given, completed; halt ends it.
func (w *world) start(o Options) {
	w.Helper()
	o.Store, o.Token, o.BaseURL, o.HTTP, o.RulesPath = w.store, w.Token(), "http://telegram.test", w.client, w.rulesPath()
	if o.Groups == nil {
		o.Groups = []int64{group}
	}
	o.Wake = func(role string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.woken = append(w.woken, role)
	}
	o.Log = slog.New(slog.NewTextHandler(lockedWriter{w}, nil))
	b, err := New(o)
	w.must(err)
	w.bot = b
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	before := w.stop
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.Errorf("run: %v", err)
		}
		w.stop = before
	}
	w.settle()
}

// halt ends the running bot, as a stop of the daemon would.
func (w *world) halt() { w.stop() }

type lockedWriter struct{ w *world }

func (l lockedWriter) Write(p []byte) (int, error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.w.logs.Write(p)
}

func (w *world) close() {
	w.Helper()
	if unexpected := w.Unexpected(); len(unexpected) > 0 {
		w.Errorf("the chat service met what it should not: %q", unexpected)
	}
	w.mu.Lock()
	logs := w.logs.String()
	w.mu.Unlock()
	if strings.Contains(logs, w.Token()) {
		w.Error("the log has the bot's token in it")
	}
	if w.Failed() {
		w.Log(logs)
	}
	for range 2 { // the bot, then the server
		w.stop()
	}
	w.must(w.store.Close())
	synctest.Wait()
}

// settle lets everything that is under way come to rest: some seconds pass, for the distance between messages.
func (w *world) settle() { w.wait(20 * time.Second) }

func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) wakes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.woken)
}

// pull puts a pull request into the store as a role would.
func (w *world) pull(number int, verdict, head, patch string, events ...store.Event) {
	w.Helper()
	diff := filepath.Join(w.dir, fmt.Sprintf("%d.diff", number))
	w.must(os.WriteFile(diff, []byte("--- a\n+++ b\n"), 0o600))
	_, err := w.store.UpdatePull(w.Context(), number, func(p *store.Pull) {
		p.Ticket, p.Title, p.URL = 31, "Add CSV export", fmt.Sprintf("https://github.com/acme/shop/pull/%d", number)
		p.Head, p.PatchID, p.Base, p.BaseSHA, p.Verdict, p.Reason = head, patch, "main", base, verdict, ""
		p.Additions, p.Deletions, p.Files, p.Proof, p.DiffPath, p.LogPath = 118, 9, []string{"csv.go", "csv_test.go"}, "2 new tests fail on main, pass here", diff, diff
		p.Checks = []store.Check{{Name: "test", State: "success", Required: true}}
		if verdict == store.Waiting {
			p.Checks[0].State = "pending"
		}
	}, events...)
	w.must(err)
}

func (w *world) opened(number int, verdict string) {
	w.Helper()
	w.must(w.store.SaveTickets(w.Context(), []store.Ticket{{Number: 31, Title: "Add CSV export", URL: "https://github.com/acme/shop/issues/31", Status: "Todo", Open: true, Score: 80, BodyHash: "h"}}))
	w.pull(number, verdict, headA, patchA, store.Event{Kind: store.PullOpened, Data: map[string]string{"title": "Add CSV export"}})
	w.settle()
}

// said are the living messages of the bot in a chat.
func (w *world) said(chat int64) []bottest.Message {
	return slices.DeleteFunc(w.Messages(chat), func(m bottest.Message) bool { return !m.FromBot || m.Deleted })
}

// last is the newest message of the bot in a chat that has the words.
func (w *world) last(chat int64, words string) bottest.Message {
	w.Helper()
	for _, m := range slices.Backward(w.said(chat)) {
		text := m.Plain
		if strings.Contains(text, words) {
			return m
		}
	}
	w.Fatalf("nothing said to %d has %q in it; there is:\n%s", chat, words, w.transcript(chat))
	return bottest.Message{}
}

// card is the live card of #42 in a chat.
func (w *world) card(chat int64) bottest.Message {
	w.Helper()
	for _, m := range w.said(chat) {
		if strings.Contains(m.Plain, "#42 · Add CSV export\nticket #31") {
			return m
		}
	}
	w.Fatalf("no card:\n%s", w.transcript(chat))
	return bottest.Message{}
}

// hears requires that the newest message to a chat has all the words.
func (w *world) hears(chat int64, words ...string) bottest.Message {
	w.Helper()
	said := w.said(chat)
	if len(said) == 0 {
		w.Fatalf("nothing was said to %d", chat)
	}
	m := said[len(said)-1]
	for _, word := range words {
		if !strings.Contains(m.Plain, word) {
			w.Fatalf("the newest message lacks %q:\n%s", word, w.transcript(chat))
		}
	}
	return m
}

func (w *world) transcript(chat int64) string {
	var b strings.Builder
	for _, m := range w.Messages(chat) {
		fmt.Fprintf(&b, "%d %s silent=%v edits=%d deleted=%v: %s\n", m.ID, m.Name, m.Silent, m.Edits, m.Deleted, m.Plain)
	}
	return b.String()
}

// say types a message in a private chat and lets the answer come.
func (w *world) say(who int64, text string) int {
	w.Helper()
	id, err := w.Say(who, text)
	w.must(err)
	w.settle()
	return id
}

func (w *world) reply(who int64, to int, text string) {
	w.Helper()
	_, err := w.Reply(who, to, text)
	w.must(err)
	w.settle()
}

func (w *world) tap(who int64, message int, button string) string {
	w.Helper()
	toast, err := w.Tap(who, message, button)
	if err != nil {
		w.Fatalf("tap %s: %v\n%s", button, err, w.transcript(who))
	}
	w.settle()
	return toast
}

// fingerprint is everything that a person's command could change, in words. Bookkeeping of the chat itself is left out.
func (w *world) fingerprint() string {
	w.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "lightsout.db"))
	w.must(err)
	defer db.Close()
	var b strings.Builder
	for _, table := range []string{"ticket", "claim", "run", "pull", "approval", "effect", "request", "person", "pairing_code", "pause", "rules_version", "schedule",
		"token WHERE used_by<>0", "event WHERE kind<>'stranger refused'"} {
		rows, err := db.QueryContext(w.Context(), "SELECT * FROM "+table)
		w.must(err)
		columns, err := rows.Columns()
		w.must(err)
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			w.must(rows.Scan(into...))
			fmt.Fprintln(&b, table, values)
		}
		w.must(errors.Join(rows.Err(), rows.Close()))
	}
	file, err := os.Open(w.rulesPath())
	w.must(err)
	defer file.Close()
	_, err = io.Copy(&b, file)
	w.must(err)
	return b.String()
}
