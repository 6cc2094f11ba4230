package forgetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lightsout/agents/process"
)

const token = "ghp_forgetest0123456789"

// rig is a server behind a real listener, and a client that knows the token.
type rig struct {
	*Server
	t    *testing.T
	url  string
	http *http.Client

	witness atomic.Pointer[func(*http.Request)] // sees each request as the server does
}

// greeting is a repository whose check is a shell script: it fails when greet.txt no longer says hello.
var greeting = map[string][]byte{
	"greet.txt": []byte("hello\n"),
	"check.sh":  []byte("#!/bin/sh\necho checking\ngrep -q hello greet.txt || { echo 'greet.txt:1: no hello here'; exit 3; }\necho fine\n"),
	"notes.txt": []byte("one\ntwo\nthree\n"),
}

// newRig starts a server. The files are on the default branch; its check ran.
func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	t.Parallel() // the tests wait for git more than they work
	o := Options{
		Dir: t.TempDir(), Owner: "acme", Repo: "greet", Token: token, TestCommand: []string{"sh", "check.sh"},
		Path: os.Getenv("PATH"),
	}
	if change != nil {
		change(&o)
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Server: s, t: t}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if see := r.witness.Load(); see != nil {
			(*see)(req)
		}
		s.ServeHTTP(w, req)
	}))
	s.SetBaseURL(listener.URL)
	r.url, r.http = listener.URL, &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		r.http.CloseIdleConnections()
		listener.Close()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if _, err := s.Seed(t.Context(), greeting, "Begin"); err != nil {
		t.Fatal(err)
	}
	r.idle()
	return r
}

// clean fails the test if the server saw anything that no good client sends.
func (r *rig) clean() {
	r.t.Helper()
	if odd := r.Unexpected(); len(odd) > 0 {
		r.t.Errorf("unexpected:\n%s", strings.Join(odd, "\n"))
	}
}

func (r *rig) idle() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := r.Idle(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r *rig) request(method, path string, body any) *http.Request {
	r.t.Helper()
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	url := r.url + path
	if strings.HasPrefix(path, "http") {
		url = path
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, in)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

func (r *rig) send(req *http.Request) (reply, error) {
	resp, err := r.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, body}, err
}

// do sends a request below the repository's address, or below /api/v3 with a double slash.
func (r *rig) do(method, path string, body any) reply {
	r.t.Helper()
	got, err := r.send(r.request(method, api(path), body))
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return got
}

func api(path string) string {
	switch {
	case strings.HasPrefix(path, "http"):
		return path
	case strings.HasPrefix(path, "//"):
		return "/api/v3/" + path[2:]
	default:
		return "/api/v3/repos/acme/greet" + path
	}
}

// want does a request and insists on a status; the answer comes as a JSON object.
func (r *rig) want(status int, method, path string, body any) map[string]any {
	r.t.Helper()
	got := r.do(method, path, body)
	if got.status != status {
		r.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got.status, status, got.body)
	}
	var out map[string]any
	if len(got.body) > 0 && got.body[0] == '{' {
		if err := json.Unmarshal(got.body, &out); err != nil {
			r.t.Fatal(err)
		}
	}
	return out
}

// list does a GET whose answer is a JSON list of objects.
func (r *rig) list(path string) []map[string]any {
	r.t.Helper()
	got := r.do("GET", path, nil)
	var out []map[string]any
	if err := json.Unmarshal(got.body, &out); err != nil || got.status != http.StatusOK {
		r.t.Fatalf("GET %s: status %d: %v: %s", path, got.status, err, got.body)
	}
	return out
}

// graphql sends a query and gives data and errors.
func (r *rig) graphql(query string, variables map[string]any) (data map[string]any, errors []any) {
	r.t.Helper()
	got, err := r.send(r.request("POST", "/api/graphql", map[string]any{"query": query, "variables": variables}))
	if err != nil {
		r.t.Fatal(err)
	}
	var out struct {
		Data   map[string]any
		Errors []any
	}
	if err := json.Unmarshal(got.body, &out); err != nil || got.status != http.StatusOK {
		r.t.Fatalf("graphql: status %d: %v: %s", got.status, err, got.body)
	}
	return out.Data, out.Errors
}

// at walks a JSON value: keys of objects and indexes of lists, joined by dots.
func at(t *testing.T, v any, path string) any {
	t.Helper()
	for step := range strings.SplitSeq(path, ".") {
		switch here := v.(type) {
		case map[string]any:
			v = here[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(here) {
				t.Fatalf("no %q of %q in %v", step, path, here)
			}
			v = here[i]
		default:
			t.Fatalf("no %q of %q in %v", step, path, here)
		}
	}
	return v
}

// pushed makes a branch with changed files as the bot does: in a clone, over smart HTTP, with the token.
func (r *rig) pushed(branch string, files map[string]string) (sha string) {
	r.t.Helper()
	sha, err := r.push(branch, files, token)
	if err != nil {
		r.t.Fatal(err)
	}
	return sha
}

func (r *rig) push(branch string, files map[string]string, password string) (sha string, err error) {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "clone")
	remote := strings.Replace(r.url, "http://", "http://x-access-token:"+password+"@", 1) + "/acme/greet.git"
	r.git("", "clone", "--quiet", r.url+"/acme/greet.git", dir)
	if out := r.git(dir, "branch", "--remotes", "--list", "origin/"+branch); strings.TrimSpace(out) != "" {
		r.git(dir, "checkout", "--quiet", branch)
	} else {
		r.git(dir, "checkout", "--quiet", "-b", branch)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git(dir, "add", "--all")
	r.git(dir, "commit", "--quiet", "--allow-empty", "-m", "Change "+branch)
	_, err = r.tryGit(dir, "push", "--quiet", remote, branch)
	return strings.TrimSpace(r.git(dir, "rev-parse", "HEAD")), err
}

func (r *rig) git(dir string, args ...string) string {
	r.t.Helper()
	out, err := r.tryGit(dir, args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) tryGit(dir string, args ...string) (string, error) {
	out, err := process.Output(r.t.Context(), process.Command{
		Args: append([]string{"git"}, args...), Dir: dir,
		Env: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + r.t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
			"GIT_AUTHOR_NAME=bot", "GIT_AUTHOR_EMAIL=bot@example.com", "GIT_COMMITTER_NAME=bot", "GIT_COMMITTER_EMAIL=bot@example.com",
		},
	})
	return string(out), err
}

// committed changes files on a branch as the bot, without the detour of a clone and a push.
func (r *rig) committed(branch string, files map[string]string) (sha string) {
	r.t.Helper()
	content := map[string][]byte{}
	for name, text := range files {
		content[name] = []byte(text)
	}
	sha, err := r.PushAs(r.t.Context(), "lightsout-bot", branch, content, "Change "+branch)
	if err != nil {
		r.t.Fatal(err)
	}
	return sha
}

// opened makes a branch and opens a pull request for it.
func (r *rig) opened(branch string, files map[string]string, body string) (number int, head string) {
	r.t.Helper()
	head = r.committed(branch, files)
	made := r.want(http.StatusCreated, "POST", "/pulls", map[string]any{
		"title": "Change " + branch, "body": body, "head": branch, "base": "main",
	})
	return int(made["number"].(float64)), head
}

// decoded reads a JSON object; anything else is nil.
func decoded(t *testing.T, body []byte) map[string]any {
	t.Helper()
	if len(body) == 0 || body[0] != '{' {
		return nil
	}
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return out
}

// notes are written down by handlers while a test runs.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, text)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.list, ", ")
}
