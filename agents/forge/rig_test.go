package forge_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const (
	token = "ghp_canary0123456789"
	topic = "lightsout/1-greet-by-name"
)

// rig is the GitHub of forgetest behind a listener, with the job logs behind another, and a client of it.
type rig struct {
	hub *forgetest.Server
	*forge.Client
	t   *testing.T
	red atomic.Bool // what CI says of the commits to come
}

func newRig(t *testing.T, change func(*forgetest.Options, *forge.Options)) *rig {
	t.Helper()
	r := &rig{t: t}
	so := forgetest.Options{Dir: t.TempDir(), Owner: "acme", Repo: "greet", Token: token, Path: os.Getenv("PATH"),
		Columns: []string{"Backlog", forge.Todo, forge.InProgress, forge.InReview, forge.Done}, Required: []string{"test"},
		Checks: []forgetest.Check{{Name: "test", Judge: func(string) (bool, string) {
			if r.red.Load() {
				return false, "checking\ngreet.txt:1: no hello here\n"
			}
			return true, "fine\n"
		}}}}
	fo := forge.Options{Owner: "acme", Repo: "greet", Token: func() string { return token }, WriteInterval: -1,
		HTTP: &http.Client{Transport: &http.Transport{}}, Board: forge.Board{Kind: "project", ProjectNumber: 1}}
	if change != nil {
		change(&so, &fo)
	}
	server, err := forgetest.New(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	api, logs := httptest.NewServer(server), httptest.NewServer(server)
	server.SetBaseURL(api.URL)
	server.SetLogsURL(logs.URL)
	fo.RESTURL, fo.GraphQLURL = api.URL+"/api/v3", api.URL+"/api/graphql"
	client, err := forge.New(fo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		fo.HTTP.CloseIdleConnections()
		api.Close()
		logs.Close()
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if odd := server.Unexpected(); len(odd) > 0 {
			t.Errorf("GitHub did not expect:\n%s", strings.Join(odd, "\n"))
		}
	})
	if _, err := server.Seed(t.Context(), map[string][]byte{"greet.txt": []byte("hello\n"), "notes.txt": []byte("one\n")}, "Begin"); err != nil {
		t.Fatal(err)
	}
	r.hub, r.Client = server, client
	r.idle()
	return r
}

// must gives the value on, or ends the test.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (r *rig) idle() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := r.hub.Idle(ctx); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) ticket(i forgetest.Issue) int {
	r.t.Helper()
	return must(r.hub.AddIssue(i))(r.t)
}

// open pushes a change of greet.txt to the branch and opens a pull request of it.
func (r *rig) open(greeting string) forge.PullRequest {
	r.t.Helper()
	r.push(greeting)
	return must(r.OpenPullRequest(r.t.Context(), forge.NewPullRequest{Title: "Greet by name", Body: "Closes #1\n\n## Why\nBecause.", Head: topic, Base: "main"}))(r.t)
}

func (r *rig) push(greeting string) string {
	r.t.Helper()
	return must(r.hub.PushAs(r.t.Context(), "lightsout-bot", topic, map[string][]byte{"greet.txt": []byte(greeting)}, "Greet"))(r.t)
}
