package bottest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ana   int64 = 41
	ben   int64 = 42
	group int64 = -1001234567890
)

// world is a server over a socket, with Ana in it, and the library's client.
type world struct {
	*Server
	url    string
	client *http.Client
	bot    *bot.Bot
}

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	s := New(o)
	s.AddPerson(ana, "Ana")
	web := httptest.NewServer(s)
	w := &world{Server: s, url: web.URL, client: web.Client()}
	t.Cleanup(func() {
		_ = s.Close()
		w.client.CloseIdleConnections()
		web.CloseClientConnections()
		web.Close()
	})
	b, err := bot.New(s.Token(), bot.WithServerURL(web.URL), bot.WithHTTPClient(2*time.Second, w.client))
	if err != nil {
		t.Fatal(err)
	}
	w.bot = b
	return w
}

// send sends HTML to Ana and returns the message id.
func (w *world) send(t *testing.T, html string, edit ...func(*bot.SendMessageParams)) int {
	t.Helper()
	p := &bot.SendMessageParams{ChatID: ana, Text: html, ParseMode: models.ParseModeHTML}
	for _, f := range edit {
		f(p)
	}
	m, err := w.bot.SendMessage(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func keyboard(buttons ...models.InlineKeyboardButton) models.InlineKeyboardMarkup {
	return models.InlineKeyboardMarkup{InlineKeyboard: [][]models.InlineKeyboardButton{buttons}}
}

func withKeyboard(buttons ...models.InlineKeyboardButton) func(*bot.SendMessageParams) {
	return func(p *bot.SendMessageParams) { p.ReplyMarkup = keyboard(buttons...) }
}

// clean requires that nothing unexpected was asked of the server.
func (w *world) clean(t *testing.T) {
	t.Helper()
	if list := w.Unexpected(); len(list) > 0 {
		t.Errorf("unexpected: %q", list)
	}
}

// refused requires an error whose text has want in it.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// updates runs a bot in the background that hands every update to handle, until the test ends.
func (w *world) updates(t *testing.T, handle func(ctx context.Context, b *bot.Bot, u *models.Update)) {
	t.Helper()
	w.poll(t, bot.WithDefaultHandler(handle))
}

func (w *world) poll(t *testing.T, options ...bot.Option) {
	t.Helper()
	options = append([]bot.Option{
		bot.WithServerURL(w.url), bot.WithHTTPClient(2*time.Second, w.client), bot.WithNotAsyncHandlers(), bot.WithSkipGetMe(),
		bot.WithErrorsHandler(func(err error) {
			if !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "EOF") {
				t.Log(err)
			}
		}),
	}, options...)
	b, err := bot.New(w.Token(), options...)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Start(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// eventually waits for the messages of all chats to be as wanted.
func (w *world) eventually(t *testing.T, done func([]Message) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.Wait(ctx, done); err != nil {
		t.Fatalf("wait: %v; messages: %+v", err, w.All())
	}
}

func last(list []Message) Message {
	if len(list) == 0 {
		return Message{}
	}
	return list[len(list)-1]
}

// pipe is a listener without sockets, so that a real http.Server and http.Transport run inside a synctest bubble.
type pipe struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipe() *pipe { return &pipe{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	close(p.closed)
	return nil
}

func (p *pipe) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func contains(list []string, part string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
}
