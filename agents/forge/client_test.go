package forge

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every method of the client that asks GitHub, as a read or as a write. A new method must be put into one of them.
var (
	reads = map[string]func(context.Context, *Client) error{
		"Branch":             func(ctx context.Context, c *Client) error { _, err := c.Branch(ctx, "b"); return err },
		"Checks":             func(ctx context.Context, c *Client) error { _, err := c.Checks(ctx, "abc"); return err },
		"Comments":           func(ctx context.Context, c *Client) error { _, err := c.Comments(ctx, 7); return err },
		"JobLog":             func(ctx context.Context, c *Client) error { _, err := c.JobLog(ctx, Check{JobID: 1}, 9); return err },
		"Milestone":          func(ctx context.Context, c *Client) error { _, err := c.Milestone(ctx); return err },
		"Missing":            func(ctx context.Context, c *Client) error { _, err := c.Missing(ctx); return err },
		"Probe":              func(ctx context.Context, c *Client) error { _, err := c.Probe(ctx); return err },
		"PullRequest":        func(ctx context.Context, c *Client) error { _, err := c.PullRequest(ctx, 7); return err },
		"PullRequests":       func(ctx context.Context, c *Client) error { _, err := c.PullRequests(ctx); return err },
		"PullRequestsByHead": func(ctx context.Context, c *Client) error { _, err := c.PullRequestsByHead(ctx, "b"); return err },
		"Repository":         func(ctx context.Context, c *Client) error { _, err := c.Repository(ctx); return err },
		"RequiredChecks":     func(ctx context.Context, c *Client) error { _, err := c.RequiredChecks(ctx, "b"); return err },
		"Reviews":            func(ctx context.Context, c *Client) error { _, err := c.Reviews(ctx, 7); return err },
		"Threads":            func(ctx context.Context, c *Client) error { _, err := c.Threads(ctx, 7); return err },
		"Ticket":             func(ctx context.Context, c *Client) error { _, err := c.Ticket(ctx, 7); return err },
		"Tickets":            func(ctx context.Context, c *Client) error { _, err := c.Tickets(ctx); return err },
		"WorkflowRun":        func(ctx context.Context, c *Client) error { _, err := c.WorkflowRun(ctx, 7); return err },
		"WorkflowRuns": func(ctx context.Context, c *Client) error {
			_, err := c.WorkflowRuns(ctx, "f", time.Time{})
			return err
		},
	}
	writes = map[string]func(context.Context, *Client) error{
		"AddLabels":      func(ctx context.Context, c *Client) error { _, err := c.AddLabels(ctx, 7, "l"); return err },
		"Assign":         func(ctx context.Context, c *Client) error { _, err := c.Assign(ctx, 7, "ana"); return err },
		"CloseTicket":    func(ctx context.Context, c *Client) error { return c.CloseTicket(ctx, 7) },
		"Comment":        func(ctx context.Context, c *Client) error { _, err := c.Comment(ctx, 7, "hello"); return err },
		"ConvertToDraft": func(ctx context.Context, c *Client) error { return c.ConvertToDraft(ctx, PullRequest{NodeID: "P"}) },
		"MarkReady":      func(ctx context.Context, c *Client) error { return c.MarkReady(ctx, PullRequest{NodeID: "P"}) },
		"CreateIssue": func(ctx context.Context, c *Client) error {
			_, err := c.CreateIssue(ctx, NewIssue{Title: "t"})
			return err
		},
		"DeleteBranch": func(ctx context.Context, c *Client) error { return c.DeleteBranch(ctx, "b") },
		"Dispatch": func(ctx context.Context, c *Client) error {
			_, err := c.Dispatch(ctx, Workflow{File: "f", Ref: "main"})
			return err
		},
		"EditComment": func(ctx context.Context, c *Client) error { _, err := c.EditComment(ctx, 7, "hello"); return err },
		"EditPullRequest": func(ctx context.Context, c *Client) error {
			_, err := c.EditPullRequest(ctx, 7, PullRequestEdit{})
			return err
		},
		"EnsureColumns": func(ctx context.Context, c *Client) error { _, err := c.EnsureColumns(ctx); return err },
		"EnsureLabels":  func(ctx context.Context, c *Client) error { _, err := c.EnsureLabels(ctx, "l"); return err },
		"Merge": func(ctx context.Context, c *Client) error {
			_, err := c.Merge(ctx, 7, MergeRequest{SHA: "abc"})
			return err
		},
		"Move": func(ctx context.Context, c *Client) error {
			_, err := c.Move(ctx, Ticket{Number: 7, NodeID: "I", Open: true}, Todo)
			return err
		},
		"OpenPullRequest": func(ctx context.Context, c *Client) error {
			_, err := c.OpenPullRequest(ctx, NewPullRequest{Head: "b"})
			return err
		},
		"RemoveLabel": func(ctx context.Context, c *Client) error { return c.RemoveLabel(ctx, 7, "l") },
		"RerunFailed": func(ctx context.Context, c *Client) error { return c.RerunFailed(ctx, Check{RunID: 1}) },
		"ReplyToThread": func(ctx context.Context, c *Client) error {
			_, err := c.ReplyToThread(ctx, "T", "hello")
			return err
		},
		"ResolveThread": func(ctx context.Context, c *Client) error { return c.ResolveThread(ctx, "T") },
		"UpdateBranch":  func(ctx context.Context, c *Client) error { return c.UpdateBranch(ctx, 7, "abc") },
	}
	silent = []string{"Fresh", "Rate"} // ask nothing
)

func TestEveryMethodIsKnownAsReadOrWrite(t *testing.T) {
	of := reflect.TypeFor[*Client]()
	for i := range of.NumMethod() {
		name := of.Method(i).Name
		_, isRead := reads[name]
		_, isWrite := writes[name]
		if !isRead && !isWrite && !slices.Contains(silent, name) {
			t.Errorf("%s is in none of the tables", name)
		}
	}
	if got, want := len(reads)+len(writes)+len(silent), of.NumMethod(); got != want {
		t.Errorf("the tables have %d methods, the client has %d", got, want)
	}
}

func TestAnObserverWritesNothing(t *testing.T) {
	for _, kind := range []string{"labels", "project"} {
		for name, write := range writes {
			t.Run(kind+"/"+name, func(t *testing.T) {
				s := newServer(t) // knows the reads before a write alone; everything else fails the test
				s.on("GET", "/labels", paged(t, []any{}))
				s.onGraphQL(func(w http.ResponseWriter, r *http.Request) {
					var body struct{ Query string }
					decode(t, r, &body)
					if strings.Contains(body.Query, "mutation ") {
						t.Errorf("sent %s", body.Query)
					}
					says(200, `{"data":{"repositoryOwner":{"projectV2":{"id":"P","field":{"id":"F","options":[]}}}}}`)(w, r)
				})
				c := s.client(func(o *Options) {
					o.ReadOnly = true
					o.Board = Board{Kind: kind, ProjectNumber: 1}
				})
				if err := write(t.Context(), c); !errors.Is(err, ErrReadOnly) {
					t.Errorf("error is %v, want %v", err, ErrReadOnly)
				}
				for _, asked := range s.asked {
					if asked != "GET "+repoPath+"/labels" && asked != "POST /api/graphql" {
						t.Errorf("asked %s", asked)
					}
				}
			})
		}
	}
}

func TestEveryMethodReturnsTheLimitWithoutAsking(t *testing.T) {
	all := map[string]func(context.Context, *Client) error{}
	for _, table := range []map[string]func(context.Context, *Client) error{reads, writes} {
		for name, do := range table {
			all[name] = do
		}
	}
	for _, kind := range []string{"labels", "project"} {
		for name, do := range all {
			t.Run(kind+"/"+name, func(t *testing.T) {
				s := newServer(t)
				c := s.client(func(o *Options) { o.Board = Board{Kind: kind, ProjectNumber: 1} })
				c.gate.shut(restBudget, &RateLimited{Until: time.Now().Add(time.Hour), Secondary: true})
				wantError[*RateLimited](t, do(t.Context(), c))
				if s.requests() != 0 {
					t.Errorf("asked %v", s.asked)
				}
			})
		}
	}
}
