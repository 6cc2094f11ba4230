package forge

import (
	"bytes"
	"container/list"
	"context"
	"io"
	"net/http"
	"sync"
)

const (
	// cacheBytes bounds the kept answers together: a few hundred of the size GitHub gives, and little beside the 30 MB
	// that the whole daemon may take.
	cacheBytes = 4 << 20
	// keepBytes bounds one answer; a longer one passes through unkept.
	keepBytes = 512 << 10
	// entryBytes is what an entry is reckoned to take beside its body.
	entryBytes = 2 << 10
)

// cache asks with If-None-Match what it has seen before, and gives the answer it kept when GitHub says 304. Nothing is
// ever served without asking: only the bytes and the hourly limit are saved, never the truth.
type cache struct {
	next http.RoundTripper

	mu    sync.Mutex
	kept  map[string]*list.Element // of *answer
	order list.List                // most recently used first
	bytes int
}

type answer struct {
	key, etag string
	header    http.Header
	body      []byte
}

func newCache(next http.RoundTripper) *cache {
	return &cache{next: next, kept: map[string]*list.Element{}}
}

func (c *cache) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return c.next.RoundTrip(req)
	}
	key := req.Header.Get("Accept") + " " + req.URL.String()
	known := c.look(key)
	if known != nil && !isFresh(req.Context()) {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", known.etag)
	}
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && known != nil:
		return known.response(req, resp), nil
	case resp.StatusCode == http.StatusOK && resp.Header.Get("Etag") != "":
		return c.keep(key, resp)
	}
	return resp, nil
}

// response is the kept answer. The rate headers of the 304, which are newer, were read by the meter.
func (a *answer) response(req *http.Request, notModified *http.Response) *http.Response {
	notModified.Body.Close()
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: notModified.Proto, ProtoMajor: notModified.ProtoMajor, ProtoMinor: notModified.ProtoMinor,
		Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}
}

// keep reads the body, so that only a whole answer is kept, and gives it on.
func (c *cache) keep(key string, resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, keepBytes+1))
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if len(body) > keepBytes {
		c.forget(key)
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
		return resp, nil
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))

	c.forget(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[key] = c.order.PushFront(&answer{key: key, etag: resp.Header.Get("Etag"), header: resp.Header.Clone(), body: body})
	c.bytes += len(body) + entryBytes
	for c.bytes > cacheBytes {
		c.drop(c.order.Back())
	}
	return resp, nil
}

func (c *cache) look(key string) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.kept[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*answer)
}

func (c *cache) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.kept[key]; ok {
		c.drop(e)
	}
}

// drop needs the lock.
func (c *cache) drop(e *list.Element) {
	a := c.order.Remove(e).(*answer)
	delete(c.kept, a.key)
	c.bytes -= len(a.body) + entryBytes
}

type freshKey struct{}

// asFresh marks what is asked with ctx as not to be answered from the cache.
func asFresh(ctx context.Context) context.Context { return context.WithValue(ctx, freshKey{}, true) }

func isFresh(ctx context.Context) bool { return ctx.Value(freshKey{}) != nil }
