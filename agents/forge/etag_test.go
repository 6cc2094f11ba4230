package forge

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// versioned answers as GitHub does: with an ETag, and 304 to whoever has it.
type versioned struct {
	body      atomic.Pointer[string]
	full, not atomic.Int32 // answers with and without a body
}

func (v *versioned) set(body string) { v.body.Store(&body) }

func (v *versioned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := *v.body.Load()
	etag := fmt.Sprintf(`W/"%x"`, body)
	w.Header().Set("ETag", etag)
	w.Header().Set("X-RateLimit-Limit", "5000")
	w.Header().Set("X-RateLimit-Remaining", fmt.Sprint(4000-v.full.Load()-v.not.Load()))
	w.Header().Set("X-RateLimit-Reset", "4100000000")
	if r.Header.Get("If-None-Match") == etag {
		v.not.Add(1)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	v.full.Add(1)
	w.Header().Set("Link", `<https://github.test/next?page=2>; rel="next"`)
	_, _ = io.WriteString(w, body)
}

func (v *versioned) count() string {
	return fmt.Sprintf("%d full, %d unchanged", v.full.Load(), v.not.Load())
}

const atABC, atDEF = `{"object":{"sha":"abc"}}`, `{"object":{"sha":"def"}}`

func TestWhatIsUnchangedIsAskedForAndNotSentAgain(t *testing.T) {
	v := &versioned{}
	v.set(atABC)
	s := newServer(t)
	s.on("GET", "/git/ref/heads/main", v.ServeHTTP)
	c := s.client(nil)
	look := func(c *Client, wantSHA, wantCount string) {
		t.Helper()
		sha, err := c.Branch(t.Context(), "main")
		if err != nil || sha != wantSHA || v.count() != wantCount {
			t.Errorf("branch is at %q, %v after %s; want %q after %s", sha, err, v.count(), wantSHA, wantCount)
		}
	}
	look(c, "abc", "1 full, 0 unchanged")
	look(c, "abc", "1 full, 1 unchanged")
	if got := c.Rate().Remaining; got != 3999 {
		t.Errorf("after a 304, %d requests remain; its header said 3999", got)
	}
	v.set(atDEF)
	look(c, "def", "2 full, 1 unchanged")
	look(c, "def", "2 full, 2 unchanged")
	look(c.Fresh(), "def", "3 full, 2 unchanged")
	look(c, "def", "3 full, 3 unchanged")
	if c.Rate().Used != 6 {
		t.Errorf("counted %d requests, want 6", c.Rate().Used)
	}
}

func TestNothingIsServedFromTheCacheWhenGitHubCannotBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &versioned{}
		v.set(atABC)
		s := newServer(t)
		s.on("GET", "/git/ref/heads/main", inTurn(v.ServeHTTP, says(503, ``)))
		c := s.client(nil)
		if err := readBranch(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		wantError[*Unreachable](t, readBranch(t.Context(), c))
	})
}

// get asks the cache directly.
func get(t *testing.T, c *cache, path, accept string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://github.test"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := c.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Link"); resp.StatusCode == http.StatusOK && got == "" {
		t.Errorf("the answer for %s lost its Link header", path)
	}
	return string(body), nil
}

func TestTheCacheStaysWithinItsBoundAndForgetsTheLeastUsed(t *testing.T) {
	v := &versioned{}
	v.set(strings.Repeat("x", keepBytes-entryBytes))
	c := newCache(inProcess{v})
	fit := cacheBytes / keepBytes
	for i := range fit + 1 {
		if i == fit { // the first is used again before the one too many comes
			if _, err := get(t, c, "/0", ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := get(t, c, fmt.Sprint("/", i), ""); err != nil {
			t.Fatal(err)
		}
		if c.bytes > cacheBytes || len(c.kept) != c.order.Len() {
			t.Fatalf("%d bytes in %d entries, %d in order", c.bytes, len(c.kept), c.order.Len())
		}
	}
	before := v.full.Load()
	for path, want := range map[string]int32{"/0": 0, "/1": 1} {
		if _, err := get(t, c, path, ""); err != nil {
			t.Fatal(err)
		}
		if got := v.full.Load() - before; got != want {
			t.Errorf("%s was sent again %d times, want %d", path, got, want)
		}
		before = v.full.Load()
	}
}

func TestALargeAnswerPassesThroughUnkept(t *testing.T) {
	v := &versioned{}
	c := newCache(inProcess{v})
	for _, size := range []int{10, keepBytes, keepBytes + 1, 3 * keepBytes} {
		body := strings.Repeat("x", size)
		v.set(body)
		got, err := get(t, c, "/large", "")
		if err != nil || got != body {
			t.Errorf("answer of %d bytes came through with %d, %v", size, len(got), err)
		}
		if kept := len(c.kept) == 1; kept != (size <= keepBytes) {
			t.Errorf("answer of %d bytes kept: %v", size, kept)
		}
	}
	if c.bytes != 0 {
		t.Errorf("%d bytes are reckoned for nothing", c.bytes)
	}
}

func TestAnswersInTwoFormsAreKeptApart(t *testing.T) {
	c := newCache(roundTrip(func(r *http.Request) (*http.Response, error) {
		return inProcess{says(200, r.Header.Get("Accept"), "ETag", `"1"`, "Link", "x")}.RoundTrip(r)
	}))
	for _, accept := range []string{"json", "diff", "json"} {
		if got, err := get(t, c, "/pulls/1", accept); err != nil || got != accept {
			t.Errorf("asked for %s, got %q, %v", accept, got, err)
		}
	}
}

func TestACutAnswerIsNotKept(t *testing.T) {
	cut := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"1"`}}, Request: r,
			Body: io.NopCloser(io.MultiReader(strings.NewReader(`{"object"`), broken{}))}, nil
	})
	c := newCache(cut)
	if _, err := get(t, c, "/cut", ""); err == nil || len(c.kept) != 0 {
		t.Errorf("kept %d answers, error %v", len(c.kept), err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
