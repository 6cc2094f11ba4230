package agents

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
)

// wire is the way from the factory to a GitHub in the same test: a real http.Server and a real http.Transport over
// in-memory connections, so that virtual time can pass while they wait. It is where a test shows the factory an answer
// that the server would not give, and where it acts as a person at the very moment of a request.
type wire struct {
	conns  chan net.Conn
	closed chan struct{}
	server *http.Server
	lines  *http.Transport
	done   sync.WaitGroup

	mutex   sync.Mutex
	before  func(*http.Request)                    // called once a request, outside any lock
	rewrite func(r *http.Request, b []byte) []byte // of answers
}

func newWire(handler http.Handler) *wire {
	w := &wire{conns: make(chan net.Conn), closed: make(chan struct{}), server: &http.Server{Handler: handler}}
	w.lines = &http.Transport{DialContext: w.dial}
	w.done.Go(func() { _ = w.server.Serve(w) }) // it returns when the server is closed
	return w
}

// RoundTrip sends a request, after what a person does right before it, and may change what comes back.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mutex.Lock()
	before, rewrite := w.before, w.rewrite
	w.mutex.Unlock()
	if before != nil {
		before(r)
	}
	if rewrite != nil {
		r = r.Clone(r.Context())
		r.Header.Del("If-None-Match") // a 304 stands for an answer that was not rewritten
	}
	answer, err := w.lines.RoundTrip(r)
	if err != nil || rewrite == nil {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if err := answer.Body.Close(); err != nil {
		return nil, err
	}
	body = rewrite(r, body)
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	answer.Header.Del("ETag")
	return answer, nil
}

// beforeOnce has f called before the first request that matches.
func (w *wire) beforeOnce(matches func(*http.Request) bool, f func()) {
	var once sync.Once
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.before = func(r *http.Request) {
		if matches(r) {
			once.Do(f)
		}
	}
}

// beforeEach has f called before every request.
func (w *wire) beforeEach(f func(*http.Request)) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.before = f
}

// show has every answer rewritten; nil shows them as they are.
func (w *wire) show(rewrite func(*http.Request, []byte) []byte) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.rewrite = rewrite
}

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case w.conns <- there:
		return here, nil
	case <-w.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept, Addr and Close make the wire the server's listener.
func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire"} }

func (w *wire) Close() error {
	select {
	case <-w.closed:
	default:
		close(w.closed)
	}
	return nil
}

func (w *wire) stop(t testing.TB) {
	w.lines.CloseIdleConnections()
	check(t, w.server.Close())
	w.done.Wait()
}
