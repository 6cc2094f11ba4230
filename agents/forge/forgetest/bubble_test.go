package forgetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents/process"
)

// pipes is a listener whose connections never leave the process, as a bubble needs.
type pipes struct {
	next chan net.Conn
	done chan struct{}
	once sync.Once
}

func newPipes() *pipes { return &pipes{next: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.next:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.next <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestForgeLivesInVirtualTime(t *testing.T) {
	dir := t.TempDir()
	clone := filepath.Join(t.TempDir(), "clone")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s, err := New(t.Context(), Options{
			Dir: dir, Owner: "acme", Repo: "greet", Token: token, CIDelay: time.Hour,
			Checks:  []Check{{Name: "test", Delay: 2 * time.Hour, Judge: func(string) (bool, string) { return true, "" }}},
			Staging: Staging{Delay: 6 * time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		listener := newPipes()
		server := &http.Server{Handler: s}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		client := &http.Client{Transport: &http.Transport{DialContext: listener.dial}}
		r := &rig{Server: s, t: t, url: "http://forge", http: client}
		s.SetBaseURL(r.url)
		if _, err := s.Seed(t.Context(), greeting, "Begin"); err != nil {
			t.Fatal(err)
		}

		// A push by path, as a client in a bubble makes it, is noticed by the next request; CI takes its time.
		git := func(args ...string) {
			if _, err := process.Output(t.Context(), process.Command{Args: append([]string{"git"}, args...), Env: []string{
				"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_AUTHOR_NAME=b", "GIT_AUTHOR_EMAIL=b@example.com",
				"GIT_COMMITTER_NAME=b", "GIT_COMMITTER_EMAIL=b@example.com",
			}}); err != nil {
				t.Fatal(err)
			}
		}
		git("clone", "--quiet", s.GitDir(), clone)
		git("-C", clone, "commit", "--quiet", "--allow-empty", "-m", "More")
		git("-C", clone, "push", "--quiet", "origin", "HEAD:topic")
		made := r.want(201, "POST", "/pulls", map[string]any{"title": "T", "head": "topic", "base": "main"})
		synctest.Wait()
		if p, _ := s.Pull(1); p.Checks["test"] != "queued" {
			t.Errorf("checks at first: %v", p.Checks)
		}
		time.Sleep(90 * time.Minute)
		if p, _ := s.Pull(1); p.Checks["test"] != "in_progress" {
			t.Errorf("checks after 90 minutes: %v", p.Checks)
		}
		if err := s.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p, _ := s.Pull(1); p.Checks["test"] != "success" {
			t.Errorf("checks at the end: %v", p.Checks)
		}
		r.want(200, "PUT", fmt.Sprintf("/pulls/%v/merge", made["number"]), nil)
		r.want(204, "POST", "/actions/workflows/staging.yml/dispatches", map[string]any{"ref": "main"})
		if err := s.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := s.Deployments(); len(d) != 1 || d[0].At.Sub(began) < 10*time.Hour {
			t.Errorf("deployments after %v: %v", time.Since(began), d)
		}

		s.Fault(Fault{Kind: Latency, Delay: 24 * time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		req := r.request("GET", api(""), nil).WithContext(ctx)
		late, err := client.Do(req)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the slow request: %v", err)
		}
		if err == nil {
			_ = late.Body.Close()
		}
		cancel()
		r.clean()

		client.CloseIdleConnections()
		if err := errors.Join(server.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// inProcess calls the handler without any connection.
type inProcess struct{ handler http.Handler }

func (c inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if broken := recover(); broken == http.ErrAbortHandler {
			resp, err = nil, io.ErrUnexpectedEOF
		} else if broken != nil {
			panic(broken)
		}
	}()
	w := &kept{header: http.Header{}, code: http.StatusOK}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	c.handler.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.code, Header: w.header, Body: io.NopCloser(bytes.NewReader(w.body.Bytes())), Request: r}, nil
}

func TestHandlerIsReachedWithoutAConnection(t *testing.T) {
	r := newRig(t, judged)
	r.http = &http.Client{Transport: inProcess{r.Server}}
	get := func() (reply, error) {
		req := r.request("GET", api(""), nil)
		req.Header.Set("User-Agent", "test")
		return r.send(req)
	}
	if got, err := get(); err != nil || got.status != http.StatusOK {
		t.Errorf("status %d: %v", got.status, err)
	}
	r.Fault(Fault{Kind: DropAfter})
	if _, err := get(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	r.clean()
}

func TestManyClientsAtOnceLeaveOneOfEach(t *testing.T) {
	r := newRig(t, judged)
	r.committed("topic", map[string]string{"notes.txt": "one\n"})
	together := func(method, path string, body any) map[int]int {
		var mu sync.Mutex
		statuses := map[int]int{}
		var group sync.WaitGroup
		for range 8 {
			req := r.request(method, api(path), body)
			group.Go(func() {
				got, err := r.send(req)
				mu.Lock()
				defer mu.Unlock()
				if statuses[got.status]++; err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		return statuses
	}
	if got := together("POST", "/pulls", map[string]any{"title": "T", "head": "topic", "base": "main"}); got[201] != 1 || got[422] != 7 {
		t.Errorf("creations: %v", got)
	}
	if got := together("PUT", "/pulls/1/merge", nil); got[200] != 1 || got[405] != 7 {
		t.Errorf("merges: %v", got)
	}
	merges := 0
	for _, m := range r.Mutations() {
		if m.Kind == "pull.merge" {
			merges++
		}
	}
	if merges != 1 {
		t.Errorf("%d merges", merges)
	}
	r.clean()
}

func TestReviewerLooksAtEveryHeadOnce(t *testing.T) {
	var seen notes
	r := newRig(t, func(o *Options) {
		judged(o)
		o.Reviewer = func(p Pull) []Review {
			seen.add("%s", p.Head)
			if seen.String() == p.Head {
				return []Review{{Author: "reviewer[bot]", State: "CHANGES_REQUESTED", Body: "Mind the gap."}}
			}
			return []Review{{Author: "reviewer[bot]", State: "APPROVED"}}
		}
	})
	n, first := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	r.idle()
	second := r.committed("topic", map[string]string{"notes.txt": "two\n"})
	r.idle()
	r.want(200, "GET", fmt.Sprintf("/pulls/%d", n), nil)
	if got := seen.String(); got != first+", "+second {
		t.Errorf("seen %s", got)
	}
	var states []string
	for _, review := range r.list(fmt.Sprintf("/pulls/%d/reviews", n)) {
		states = append(states, fmt.Sprint(review["state"], " ", review["commit_id"] == first))
	}
	if got := strings.Join(states, ", "); got != "CHANGES_REQUESTED true, APPROVED false" {
		t.Errorf("reviews: %s", got)
	}
	r.clean()
}
