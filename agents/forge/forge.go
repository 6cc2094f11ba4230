// Package forge is the one place that talks to GitHub: it turns REST and GraphQL into plain values of ours, and
// GitHub's many ways of saying no into a few errors that callers branch on.
//
// It is the only importer of go-github. A guided tour, bottom up:
//
//   - transport.go and etag.go are the wire. From the network outwards: identity puts the token on requests to
//     GitHub's own hosts and on no other; the meter counts what is sent and reads the rate headers; the cache turns a
//     304 back into the answer it stands for, because an authorized 304 costs nothing of the hourly limit.
//   - gate.go decides whether a request may leave: not before a limit we met has been reset, and a write only
//     when the one before it is over and a second has passed.
//   - errors.go holds the errors and classify, the table from GitHub's answers to them.
//   - call.go joins these: read tries again a few times, write never does, pages reads to the end.
//   - graphql.go posts the documents in query/: Projects v2 and drafts exist nowhere else.
//   - board.go names what a board can do; project.go with project_columns.go (Projects v2) and labels.go (`status: …`
//     labels) are the two kinds.
//   - ticket.go, pull.go, thread.go, check.go with protection.go, workflow.go with tail.go, and repository.go are what the
//     rest of the factory uses; the writes are in ticket_write.go and pull_write.go, and return what GitHub says is there now.
//
// What it asks of GitHub, all below RESTURL, {r} being repos/OWNER/REPO:
//
//	GET    user · {r} · {r}/labels · {r}/milestones · {r}/issues · {r}/issues/N · {r}/issues/N/comments
//	GET    {r}/pulls · {r}/pulls/N · {r}/pulls/N/files · {r}/pulls/N/reviews
//	GET    {r}/commits/SHA/check-runs · {r}/commits/SHA/status · {r}/check-runs/ID/annotations
//	GET    {r}/git/ref/heads/B · {r}/branches/B · {r}/rules/branches/B
//	GET    {r}/actions/jobs/ID/logs · {r}/actions/runs/ID · {r}/actions/workflows/FILE/runs
//	POST   {r}/issues · {r}/issues/N/comments · {r}/issues/N/labels · {r}/issues/N/assignees · {r}/labels
//	POST   {r}/pulls · {r}/actions/workflows/FILE/dispatches · {r}/actions/runs/ID/rerun-failed-jobs · {r}/check-runs/ID/rerequest
//	PATCH  {r}/issues/N · {r}/issues/comments/ID · {r}/pulls/N
//	PUT    {r}/pulls/N/update-branch · {r}/pulls/N/merge
//	DELETE {r}/issues/N/labels/NAME · {r}/git/refs/heads/B
//	POST   GraphQLURL: the documents in query/
//
// Every method takes a context and blocks until it is answered. A Client is safe for use by several goroutines.
package forge

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

const (
	// defaultWriteInterval: "make POST, PATCH, PUT, or DELETE requests … at least one second between each request",
	// GitHub's "Best practices for using the REST API".
	defaultWriteInterval = time.Second
	// defaultTimeout bounds one request when Options.HTTP sets no limit. GitHub itself gives up after ten seconds.
	defaultTimeout = time.Minute
	// userAgent is required by GitHub; without one it answers 403.
	userAgent = "lightsout"

	defaultRESTURL    = "https://api.github.com"
	defaultGraphQLURL = "https://api.github.com/graphql"
)

// Options is what a Client needs. Owner and Repo must be set; the rest has defaults.
type Options struct {
	HTTP       *http.Client  // its Transport is wrapped, its Timeout bounds each request, itself is not changed; nil = a minute
	Token      func() string // asked for each request, so that a renewed token is used at once; nil = none
	RESTURL    string        // "" = github.com; enterprise: https://HOST/api/v3
	GraphQLURL string        // "" = github.com, or derived from a RESTURL that ends in /api/v3
	Owner      string
	Repo       string
	Board      Board
	Milestone  string   // title of the current milestone; "" = the open one due soonest
	Required   []string // names of the required checks; empty = what the branch's protection says

	// WriteInterval is the least time between the starts of two writes; 0 = one second, as GitHub asks; negative = none.
	WriteInterval time.Duration
	// ReadOnly makes every write return ErrReadOnly before anything is sent (run --observe).
	ReadOnly bool
	// Now tells the time that GitHub's reset times are compared with; nil = time.Now. Waiting is always by the
	// monotonic clock.
	Now func() time.Time
	Log *slog.Logger // retries are told at debug level; nil = none
}

// Client talks to one repository and its board.
type Client struct {
	owner, repo string
	options     Options
	graphQL     string

	rest    *github.Client
	http    *http.Client // the same wire as rest, for GraphQL
	still   *http.Client // the same wire, but redirects are not followed
	nowhere *http.Client // carries no token and no cache, for hosts that are not GitHub's

	gate  *gate
	meter *meter
	board board
	log   *slog.Logger
	now   func() time.Time

	// timeout bounds one request. It is put on the context rather than on the http.Client, whose own timer goes on after
	// answers that go-github does not close.
	timeout time.Duration
	fresh   bool
}

// New returns a Client. It asks nothing of the network: Probe does. Its errors name the option that is wrong.
func New(o Options) (*Client, error) {
	if o.Owner == "" || o.Repo == "" {
		return nil, errors.New("forge: owner and repo must be set")
	}
	restURL, graphQLURL, err := endpoints(o.RESTURL, o.GraphQLURL)
	if err != nil {
		return nil, err
	}
	board, err := newBoard(o)
	if err != nil {
		return nil, err
	}
	c := &Client{owner: o.Owner, repo: o.Repo, options: o, graphQL: graphQLURL.String(), board: board,
		log: o.Log, now: o.Now, timeout: defaultTimeout}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.gate = newGate(c.now, o.WriteInterval)

	var wire http.RoundTripper = http.DefaultTransport
	if o.HTTP != nil {
		c.timeout = cmp.Or(o.HTTP.Timeout, c.timeout)
		if o.HTTP.Transport != nil {
			wire = o.HTTP.Transport
		}
	}
	c.meter = &meter{
		next:    &identity{next: wire, token: o.Token, origins: []string{origin(restURL), origin(graphQLURL)}},
		graphQL: graphQLURL.Path,
		gate:    c.gate,
		now:     c.now,
	}
	c.http = &http.Client{Transport: newCache(c.meter), CheckRedirect: sameMethod}
	c.still = &http.Client{Transport: c.http.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c.nowhere = &http.Client{Transport: wire}

	c.rest = github.NewClient(c.http)
	c.rest.BaseURL = restURL
	c.rest.UserAgent = userAgent
	return c, nil
}

// Fresh returns a view of the client whose reads do not use the cache: GitHub sends the whole answer again. For the last
// look before what cannot be undone. Limits, the counts and the turn to write are shared with c.
func (c *Client) Fresh() *Client {
	view := *c
	view.fresh = true
	return &view
}

// Rate is what is left of the hourly limit, as GitHub's last answer said, and what we have used since New.
type Rate struct {
	Limit, Remaining int       // of REST requests; both 0 until the first answer
	Reset            time.Time // when Remaining is Limit again
	Used             int64     // requests sent by us, REST and GraphQL, 304s included
	Points           int64     // GraphQL points spent by us
}

// Rate tells what has been used and what is left. It asks nothing.
func (c *Client) Rate() Rate { return c.meter.rate() }

// sameMethod follows a renamed repository, but takes no write for done that http.Client would turn into a read.
func sameMethod(next *http.Request, via []*http.Request) error {
	if next.Method != via[0].Method || len(via) >= 10 {
		return http.ErrUseLastResponse
	}
	return nil
}

// endpoints checks both addresses. go-github wants a trailing slash on the first.
func endpoints(restURL, graphQLURL string) (rest, graphQL *url.URL, err error) {
	if restURL == "" {
		restURL = defaultRESTURL
		if graphQLURL == "" {
			graphQLURL = defaultGraphQLURL
		}
	}
	restURL = strings.TrimRight(restURL, "/")
	if graphQLURL == "" {
		if !strings.HasSuffix(restURL, "/api/v3") {
			return nil, nil, fmt.Errorf("forge: graphql url must be set when rest url is %q", restURL)
		}
		graphQLURL = strings.TrimSuffix(restURL, "/v3") + "/graphql"
	}
	if rest, err = address("rest", restURL+"/"); err != nil {
		return nil, nil, err
	}
	graphQL, err = address("graphql", graphQLURL)
	return rest, graphQL, err
}

func address(name, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("forge: %s url: %w", name, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("forge: %s url %q is not an http or https address", name, raw)
	}
	return u, nil
}

// origin is scheme and host with port: what a token is bound to.
func origin(u *url.URL) string {
	return strings.ToLower(u.Scheme + "://" + u.Host)
}
