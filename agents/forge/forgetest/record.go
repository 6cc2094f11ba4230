package forgetest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Mutation is one change of the forge's state, whoever made it.
type Mutation struct {
	N      int       `json:"n"` // its place in the log, from 1
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`   // push, pull.create, pull.merge, issue.comment, project.move, branch.delete, dispatch, …
	Actor  string    `json:"actor"`  // login; empty for a push that came by path
	Via    string    `json:"via"`    // rest, graphql, git, person, or github: what GitHub did by itself
	Agent  string    `json:"agent"`  // User-Agent of the request, if it was one
	Target string    `json:"target"` // #7, a branch, a workflow
	Detail string    `json:"detail"`
}

// Deployment is what one run of the staging workflow deployed.
type Deployment struct {
	SHA   string    `json:"sha"`
	Ref   string    `json:"ref"`
	At    time.Time `json:"at"`
	State string    `json:"state"` // success, or the conclusion of the run that failed
	Run   int64     `json:"run"`
}

// ledger is what the server writes down about itself.
type ledger struct {
	mutations   []Mutation
	deployments []Deployment
	unexpected  []string
	rest, graph int
	points      int
	writes      int // requests that would change something, so far: what OnWrite counts
	pushing     int // pushes over HTTP under way
	busy        int // checks, deployments and reviewers under way
	used        int // of the REST rate limit in this window
	pointsUsed  int // of the GraphQL rate limit in this window
	window      time.Time
}

// Mutations is the log of every change so far.
func (s *Server) Mutations() []Mutation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ledger.mutations)
}

// Deployments are what was deployed to staging so far.
func (s *Server) Deployments() []Deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ledger.deployments)
}

// Requests counts the API requests so far, with those that were answered 304 and those that a fault struck.
func (s *Server) Requests() (rest, graphql int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.rest, s.ledger.graph
}

// Points counts what the GraphQL requests so far cost.
func (s *Server) Points() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.points
}

// Unexpected lists what no client of a real GitHub should have sent: unknown routes, parameters and fields, missing or
// wrong credentials, tokens sent where they do not belong, and what went wrong in the server itself. A test that does
// not provoke these should end by finding the list empty.
func (s *Server) Unexpected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ledger.unexpected)
}

// OnWrite has hook called around every request that would change something: pushes, REST writes and GraphQL mutations,
// numbered from 1. It is called with phase "before" when the request arrived and nothing is changed yet, and "after"
// when the change is committed but the answer is not yet sent; the latter only if the request succeeded. A hook that
// kills the client there does what a crash does: a write whose client is gone when the hook "before" returns is not
// done. To be certain of that, or to break the connection of a client that lives, the hook panics with
// http.ErrAbortHandler. It is called without locks, by the goroutine of the request.
func (s *Server) OnWrite(hook func(n int, kind string, phase string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// Writes counts the requests that OnWrite was or would have been told of.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.writes
}

// beginWrite numbers a write and calls the hook; the returned function calls it again.
func (s *Server) beginWrite(r *http.Request, kind string) (after func()) {
	s.mu.Lock()
	s.ledger.writes++
	n, hook := s.ledger.writes, s.hook
	s.mu.Unlock()
	if hook == nil {
		return func() {}
	}
	hook(n, kind, "before")
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	return func() { hook(n, kind, "after") }
}

func (s *Server) unexpected(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.surprise(format, args...)
}

// surprise is unexpected with the lock held.
func (s *Server) surprise(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.ledger.unexpected = append(s.ledger.unexpected, text)
	s.o.Log.Warn("unexpected", "what", text)
}

// record writes a mutation down.
func (c *call) record(kind, target, format string, args ...any) {
	m := Mutation{
		N: len(c.s.ledger.mutations) + 1, At: c.now, Kind: kind, Actor: c.actor, Via: c.via,
		Target: target, Detail: fmt.Sprintf(format, args...),
	}
	if c.r != nil {
		m.Agent = c.r.UserAgent()
	}
	c.s.ledger.mutations = append(c.s.ledger.mutations, m)
	c.s.changed()
}

// hash names an issue or pull request as people do.
func hash(n int) string { return fmt.Sprintf("#%d", n) }

// spend counts a request against the hourly limit and says whether it was still allowed. The lock is held.
func (l *ledger) spend(now time.Time, resource string, cost, limit int) (remaining int, allowed bool) {
	if l.window.IsZero() || !now.Before(l.window.Add(time.Hour)) {
		l.window, l.used, l.pointsUsed = now, 0, 0
	}
	used := &l.used
	if resource == "graphql" {
		used = &l.pointsUsed
	}
	if *used+cost > limit {
		return 0, false
	}
	*used += cost
	return limit - *used, true
}

// method is how a request is named in the record of surprises.
func method(r *http.Request) string { return r.Method + " " + r.URL.RequestURI() }
