package forge

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// inProcess reaches a handler without a socket, so that a test can run in virtual time and every host name exists.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	arrived := req.Clone(req.Context())
	arrived.Host = req.URL.Host
	if arrived.Body == nil {
		arrived.Body = http.NoBody
	}
	defer arrived.Body.Close()
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, arrived)
	resp := recorder.Result()
	resp.Request = req
	if req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	return resp, nil
}

// roundTrip is a transport that is one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// server is a small GitHub that answers by pattern and remembers what it was asked. Patterns leave out the prefix
// /api/v3/repos/o/r.
type server struct {
	t   *testing.T
	mux *http.ServeMux

	mu    sync.Mutex
	asked []string // "METHOD path"
}

const repoPath = "/api/v3/repos/o/r"

func newServer(t *testing.T) *server {
	t.Helper()
	return &server{t: t, mux: http.NewServeMux()}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.t.Errorf("unexpected request: %s %s", r.Method, r.URL)
	}
	s.mux.ServeHTTP(w, r)
}

// on answers METHOD /path below the repository.
func (s *server) on(method, path string, answer http.HandlerFunc) {
	s.mux.HandleFunc(method+" "+repoPath+path, answer)
}

// onGraphQL answers what is posted to the GraphQL endpoint.
func (s *server) onGraphQL(answer http.HandlerFunc) { s.mux.HandleFunc("POST /api/graphql", answer) }

func (s *server) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// client returns a Client of this server that writes without waiting, unless change says otherwise.
func (s *server) client(change func(*Options)) *Client {
	s.t.Helper()
	o := Options{
		HTTP: &http.Client{Transport: inProcess{s}}, RESTURL: "https://github.test/api/v3", Owner: "o", Repo: "r",
		Token: func() string { return "secret" }, Board: Board{Kind: "labels"}, WriteInterval: -1,
	}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// says answers with a status, headers in pairs, and a body.
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// rate is GitHub's headers: what remains of 5,000 requests, and when all are there again, in unix seconds.
func rate(remaining int, reset string) []string {
	return []string{"X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", strconv.Itoa(remaining), "X-RateLimit-Reset", reset}
}

// inTurn gives one answer after the other, the last one for ever.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		answer(w, r)
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantError[T error](t *testing.T, err error) T {
	t.Helper()
	var want T
	if !errors.As(err, &want) {
		t.Fatalf("error is %T %v, want %T", err, err, want)
	}
	return want
}

func decode(t *testing.T, r *http.Request, into any) {
	t.Helper()
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
}
