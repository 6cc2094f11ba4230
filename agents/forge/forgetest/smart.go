package forgetest

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cgi"
	"strings"
)

// mostPack bounds what one push may bring, in bytes.
const mostPack = 256 << 20

func (s *Server) gitPrefix() string { return "/" + s.o.Owner + "/" + s.o.Repo + ".git" }

// serveGit speaks git's smart HTTP protocol, by `git http-backend`. Reading is free, pushing needs the token, as the
// password of basic authentication: GitHub's git takes no bearer tokens.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	service := strings.TrimPrefix(r.URL.Path, s.gitPrefix())
	pushing := service == "/git-receive-pack" || service == "/info/refs" && r.URL.Query().Get("service") == "git-receive-pack"
	// The backend gets the whole body at once: net/http/cgi refuses a body of unknown length, which git sends when a
	// push is large.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostPack))
	if err != nil {
		http.Error(w, "the push is too large", http.StatusRequestEntityTooLarge)
		return
	}
	kind := ""
	if service == "/git-receive-pack" && !bytes.Equal(body, probe) {
		kind = "push"
	}
	hit, done := s.suffer(w, r, kind)
	if done || !s.mayUseGit(w, r, pushing) {
		return
	}
	var reply *kept
	if kind == "" {
		reply = s.backend(r, body)
	} else {
		reply = s.receive(r, body)
	}
	if hit.dropAfter {
		panic(http.ErrAbortHandler)
	}
	for name, values := range reply.header {
		w.Header()[name] = values
	}
	w.WriteHeader(reply.code)
	_, _ = w.Write(reply.body.Bytes()) // the client may be gone: nothing to do about it
}

// probe is the empty push with which git asks, before a large one, whether it would be let in.
var probe = []byte("0000")

// receive takes a push, and draws its consequences before it is answered.
func (s *Server) receive(r *http.Request, body []byte) *kept {
	after := s.beginWrite(r, "push")
	s.mu.Lock()
	s.ledger.pushing++
	before := s.w.heads
	s.mu.Unlock()
	reply := s.backend(r, body)
	s.mu.Lock()
	if err := s.call("").lookAround(); err != nil {
		s.surprise("%s: %v", r.Method+" "+r.URL.Path, err)
	}
	s.ledger.pushing--
	moved := !maps.Equal(before, s.w.heads)
	s.mu.Unlock()
	if moved { // git answers 200 to a push that it refused, too
		after()
	}
	return reply
}

// mayUseGit looks for the token where it is needed, and refuses one that is wrong even where it is not.
func (s *Server) mayUseGit(w http.ResponseWriter, r *http.Request, pushing bool) bool {
	_, password, basic := r.BasicAuth()
	switch {
	case basic && s.isToken(password):
		return true
	case r.Header.Get("Authorization") == "" && !pushing:
		return true
	case r.Header.Get("Authorization") != "":
		s.unexpected("%s: bad credentials for git", r.Method+" "+r.URL.Path)
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
	http.Error(w, "remote: Invalid username or token.", http.StatusUnauthorized)
	return false
}

// backend runs git http-backend for one request. The answer is kept back until what the push did to the forge is done,
// and the token stays here.
func (s *Server) backend(r *http.Request, body []byte) *kept {
	inner := r.Clone(s.ctx)
	inner.Header.Del("Authorization")
	inner.Body = io.NopCloser(bytes.NewReader(body))
	inner.ContentLength, inner.TransferEncoding = int64(len(body)), nil
	words := &words{s: s}
	handler := cgi.Handler{
		Path: s.git.program, Args: []string{"http-backend"}, Root: s.gitPrefix(), Dir: s.git.scratch,
		Env:    append(append([]string{}, s.git.env...), "GIT_PROJECT_ROOT="+s.git.dir, "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: words, Logger: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelWarn),
	}
	reply := &kept{header: http.Header{}, code: http.StatusOK}
	handler.ServeHTTP(reply, inner)
	return reply
}

// kept is an answer that is not sent yet.
type kept struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(code int)        { k.code = code }
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }

// words are what git says on standard error: for the log.
type words struct{ s *Server }

func (w *words) Write(p []byte) (int, error) {
	w.s.o.Log.Warn("git http-backend", "says", string(bytes.TrimSpace(p)))
	return len(p), nil
}
