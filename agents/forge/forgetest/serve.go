package forgetest

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// mostBody bounds the body of an API request, in bytes.
const mostBody = 8 << 20

// ServeHTTP is the whole GitHub: REST, GraphQL, git, job logs and the pages to look at. A handler that breaks the
// connection, as faults ask for, panics with http.ErrAbortHandler: an http.Server understands that, and a RoundTripper
// that calls this method itself must recover it and return an error.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/api/graphql":
		s.serveGraphQL(w, r)
	case strings.HasPrefix(path, "/api/v3/"):
		s.serveREST(w, r)
	case strings.HasPrefix(path, "/_logs/"):
		s.serveLog(w, r)
	case strings.HasPrefix(path, s.gitPrefix()+"/"):
		s.serveGit(w, r)
	default:
		s.servePage(w, r)
	}
}

// exchange is one API request on its way through the server.
type exchange struct {
	kind     string // of the mutation; "" for a read
	resource string // whose rate limit it counts against
	cost     int
	body     []byte
	handle   func(*call) answer
	success  func(answer) bool
}

// api does one request: faults, credentials, rate limit, hooks, the work itself, and the answer with its headers.
func (s *Server) api(w http.ResponseWriter, r *http.Request, x exchange) {
	s.count(x.resource)
	hit, done := s.suffer(w, r, x.kind)
	if done {
		return
	}
	if refusal, bad := s.authorize(r); bad {
		s.write(w, r, refusal)
		return
	}
	after := func() {}
	if x.kind != "" {
		after = s.beginWrite(r, x.kind)
	}
	reply, header := s.perform(r, x, hit.past)
	for name, values := range header {
		w.Header()[name] = values
	}
	if x.kind != "" && x.success(reply) {
		after()
	}
	if hit.dropAfter {
		panic(http.ErrAbortHandler)
	}
	s.write(w, r, reply)
}

// count counts a request, whatever becomes of it.
func (s *Server) count(resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if resource == "graphql" {
		s.ledger.graph++
	} else {
		s.ledger.rest++
	}
}

// authorize looks for the token.
func (s *Server) authorize(r *http.Request) (refusal answer, bad bool) {
	if r.UserAgent() == "" {
		s.unexpected("%s: no User-Agent", method(r))
		return refuse(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."), true
	}
	header := r.Header.Get("Authorization")
	scheme, token, _ := strings.Cut(header, " ")
	if header == "" {
		s.unexpected("%s: no credentials", method(r))
		return refuse(http.StatusUnauthorized, "Requires authentication"), true
	}
	if scheme = strings.ToLower(scheme); (scheme != "bearer" && scheme != "token") || !s.isToken(token) {
		s.unexpected("%s: bad credentials", method(r))
		return refuse(http.StatusUnauthorized, "Bad credentials"), true
	}
	return answer{}, false
}

func (s *Server) isToken(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(s.o.Token)) == 1
}

// perform does the work of a request under the lock.
func (s *Server) perform(r *http.Request, x exchange, past *world) (answer, http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call("")
	if err := c.lookAround(); err != nil {
		return c.broken(err), c.header
	}
	remaining, allowed := s.ledger.spend(c.now, x.resource, x.cost, s.o.RateLimit)
	s.rateHeaders(c.header, x.resource, remaining)
	c.header.Set("X-OAuth-Scopes", strings.Join(s.o.Scopes, ", "))
	if !allowed {
		return answer{http.StatusForbidden, limited()}, c.header
	}
	c.r, c.body, c.actor, c.via = r, x.body, s.o.Login, "rest"
	if x.resource == "graphql" {
		c.via = "graphql"
		s.ledger.points += x.cost
	}
	if past != nil && x.kind == "" {
		c.w = past
	}
	return x.handle(c), c.header
}

func (s *Server) rateHeaders(h http.Header, resource string, remaining int) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.o.RateLimit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Used", strconv.Itoa(s.o.RateLimit-remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(s.ledger.window.Add(time.Hour).Unix(), 10))
	h.Set("X-RateLimit-Resource", resource)
}

// write sends an answer as JSON, with an ETag where GitHub gives one, or 304 where the client has it already. A 304
// costs nothing of the rate limit.
func (s *Server) write(w http.ResponseWriter, r *http.Request, a answer) {
	h := w.Header()
	h.Set("X-GitHub-Request-Id", s.requestID())
	h.Set("X-GitHub-Media-Type", "github.v3; format=json")
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(a.body); err != nil {
		s.unexpected("%s: encode the answer: %v", method(r), err)
		http.Error(w, "Server Error", http.StatusInternalServerError)
		return
	}
	if r.Method == http.MethodGet && a.status == http.StatusOK {
		sum := sha256.Sum256(body.Bytes())
		tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
		h.Set("ETag", tag)
		h.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		if r.Header.Get("If-None-Match") == tag {
			s.refund(h)
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(a.status)
	_, _ = w.Write(body.Bytes()) // the client may be gone: nothing to do about it
}

// refund gives the request that turned out to be a 304 back to the rate limit.
func (s *Server) refund(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ledger.used > 0 {
		s.ledger.used--
		s.rateHeaders(h, "core", s.o.RateLimit-s.ledger.used)
	}
}

func (s *Server) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("F0%02X:%X:%X", s.ledger.writes%256, s.ledger.rest, s.ledger.graph)
}

// read reads a request's body; ok is false when it was answered instead.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		s.write(w, r, refuse(http.StatusRequestEntityTooLarge, "Request body too large"))
		return nil, false
	}
	return body, true
}

// resource is whose rate limit a request counts against.
func resource(r *http.Request) string {
	if r.URL.Path == "/api/graphql" {
		return "graphql"
	}
	return "core"
}
