package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The two kinds of call that every answer is tried on.
var calls = []struct {
	name  string
	wrote bool
	do    func(context.Context, *Client) error
}{
	{"read", false, func(ctx context.Context, c *Client) error { _, err := c.Branch(ctx, "main"); return err }},
	{"write", true, func(ctx context.Context, c *Client) error { _, err := c.Comment(ctx, 7, "hello"); return err }},
}

func TestEveryAnswerOfGitHubHasItsError(t *testing.T) {
	const abuse = `{"message":"You have exceeded a secondary rate limit. Please wait.",
		"documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
	in := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	limited := func(after time.Duration, secondary bool) func(*testing.T, error, bool) {
		return func(t *testing.T, err error, _ bool) {
			l := wantError[*RateLimited](t, err)
			if got := time.Until(l.Until); got != after || l.Secondary != secondary {
				t.Errorf("limited for %v, secondary %v; want %v, %v", got, l.Secondary, after, secondary)
			}
		}
	}
	is := func(want error) func(*testing.T, error, bool) {
		return func(t *testing.T, err error, _ bool) {
			if !errors.Is(err, want) {
				t.Errorf("error is %v, want %v", err, want)
			}
		}
	}
	refused := func(status int, words string) func(*testing.T, error, bool) {
		return func(t *testing.T, err error, _ bool) {
			r := wantError[*Refused](t, err)
			if r.Status != status || !strings.Contains(r.Message, words) {
				t.Errorf("refused is %d %q, want %d and %q in it", r.Status, r.Message, status, words)
			}
		}
	}
	unreachable := func(t *testing.T, err error, wrote bool) {
		if l := wantError[*Unreachable](t, err); l.MayHaveCommitted != wrote {
			t.Errorf("may have committed is %v, want %v", l.MayHaveCommitted, wrote)
		}
	}

	// The bubble starts at an even second, so that resets told in seconds are exact.
	for _, test := range []struct {
		name   string
		answer func() http.HandlerFunc
		want   func(t *testing.T, err error, wrote bool)
	}{
		{"403 with nothing remaining", func() http.HandlerFunc {
			return says(403, `{"message":"API rate limit exceeded"}`, rate(0, in(10*time.Minute))...)
		}, limited(10*time.Minute, false)},
		{"429 with nothing remaining", func() http.HandlerFunc {
			return says(429, `{"message":"API rate limit exceeded"}`, rate(0, in(10*time.Minute))...)
		}, limited(10*time.Minute, false)},
		{"403 with a reset that has passed", func() http.HandlerFunc {
			return says(403, `{}`, rate(0, in(-time.Minute))...)
		}, limited(time.Minute, false)},
		{"403 with a reset of another clock", func() http.HandlerFunc {
			return says(403, `{}`, rate(0, in(100*time.Hour))...)
		}, limited(time.Hour, false)},
		{"403 secondary with Retry-After", func() http.HandlerFunc { return says(403, abuse, "Retry-After", "90") }, limited(90*time.Second, true)},
		{"403 secondary without Retry-After", func() http.HandlerFunc { return says(403, abuse) }, limited(time.Minute, true)},
		{"403 secondary without its documentation", func() http.HandlerFunc {
			return says(403, `{"message":"You have exceeded a secondary rate limit"}`)
		}, limited(time.Minute, true)},
		{"403 with Retry-After alone", func() http.HandlerFunc { return says(403, `{}`, "Retry-After", "30") }, limited(30*time.Second, true)},
		{"429 with Retry-After", func() http.HandlerFunc { return says(429, `slow down`, "Retry-After", "120") }, limited(2*time.Minute, true)},
		{"429 bare", func() http.HandlerFunc { return says(429, ``) }, limited(time.Minute, true)},
		{"401", func() http.HandlerFunc { return says(401, `{"message":"Bad credentials"}`) }, is(ErrUnauthorized)},
		{"401 with a two-factor code", func() http.HandlerFunc { return says(401, `{}`, "X-GitHub-OTP", "required; app") }, is(ErrUnauthorized)},
		{"403 for want of a right", func() http.HandlerFunc {
			return says(403, `{"message":"Resource not accessible by personal access token"}`, "X-RateLimit-Remaining", "4000")
		}, refused(403, "not accessible")},
		{"404", func() http.HandlerFunc { return says(404, `{"message":"Not Found"}`) }, is(ErrNotFound)},
		{"410", func() http.HandlerFunc { return says(410, `{"message":"Issues are disabled"}`) }, is(ErrNotFound)},
		{"422 with a list of faults", func() http.HandlerFunc {
			return says(422, `{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"missing_field"}]}`)
		}, refused(422, "Issue title missing_field")},
		{"500", func() http.HandlerFunc { return says(500, `{"message":"oops"}`) }, unreachable},
		{"502 with a page", func() http.HandlerFunc { return says(502, `<html>Unicorn!</html>`) }, unreachable},
		{"200 with a page", func() http.HandlerFunc { return says(200, `<html>Welcome to the hotel</html>`) }, unreachable},
		{"200 cut short", func() http.HandlerFunc { return says(200, `{"id": 1`) }, unreachable},
	} {
		for _, call := range calls {
			t.Run(test.name+"/"+call.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newServer(t)
					s.mux.HandleFunc("/", test.answer())
					test.want(t, call.do(t.Context(), s.client(nil)), call.wrote)
				})
			})
		}
	}
}

func TestATransportErrorSaysWhetherTheWriteMayHaveBeenDone(t *testing.T) {
	for _, test := range []struct {
		name  string
		err   error
		maybe bool
	}{
		{"no connection", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, false},
		{"connection lost", &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, true},
		{"answer lost", io.ErrUnexpectedEOF, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newServer(t).client(func(o *Options) {
				o.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, test.err })}
			})
			_, err := c.Comment(t.Context(), 7, "hello")
			if l := wantError[*Unreachable](t, err); l.MayHaveCommitted != test.maybe {
				t.Errorf("may have committed is %v, want %v", l.MayHaveCommitted, test.maybe)
			}
			if !errors.Is(err, test.err) {
				t.Errorf("%v does not wrap %v", err, test.err)
			}
		})
	}
}

func TestAWriteThatIsCancelledMayHaveBeenDoneAndAReadIsJustCancelled(t *testing.T) {
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := newServer(t)
			s.mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) { cancel() })
			err := call.do(ctx, s.client(nil))
			var lost *Unreachable
			if !errors.Is(err, context.Canceled) || errors.As(err, &lost) != call.wrote {
				t.Errorf("error is %T %v", err, err)
			}
			if s.requests() != 1 {
				t.Errorf("asked %d times, want once", s.requests())
			}
		})
	}
}

func TestAHungServerIsUnreachableAfterTheTimeout(t *testing.T) {
	for _, test := range []struct{ chosen, want time.Duration }{{0, defaultTimeout}, {5 * time.Second, 5 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			hang := roundTrip(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
			c := newServer(t).client(func(o *Options) { o.HTTP = &http.Client{Transport: hang, Timeout: test.chosen} })
			start := time.Now()
			_, err := c.Comment(t.Context(), 7, "hello")
			wantError[*Unreachable](t, err)
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v looks like a deadline of the caller's", err)
			}
			if took := time.Since(start); took != test.want {
				t.Errorf("gave up after %v, want %v", took, test.want)
			}
		})
	}
}

func TestEveryGraphQLAnswerHasItsError(t *testing.T) {
	data := `"data":{"repositoryOwner":{"projectV2":{"id":"P","items":{"nodes":[null]}}}}`
	const unseen = `{"type":"FORBIDDEN","message":"no","path":["repositoryOwner","projectV2","items","nodes",0,"content"]}`
	fault := func(kind, message string) string {
		return fmt.Sprintf(`{%s,"errors":[{"type":%q,"message":%q,"path":["repositoryOwner"]}]}`, data, kind, message)
	}
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"rate limited, with part of the data", says(200, fault("RATE_LIMITED", "API rate limit exceeded")), "*forge.RateLimited"},
		{"secondary limit", says(200, fault("", "You have exceeded a secondary rate limit")), "*forge.RateLimited"},
		{"403 secondary", says(403, `{"message":"You have exceeded a secondary rate limit"}`), "*forge.RateLimited"},
		{"not found", says(200, fault("NOT_FOUND", "Could not resolve to a ProjectV2 with the number 9.")), "not found"},
		{"no right", says(200, fault("INSUFFICIENT_SCOPES", "needs read:project")), "*forge.Refused 403"},
		{"forbidden", says(200, fault("FORBIDDEN", "no")), "*forge.Refused 403"},
		{"a fault of ours", says(200, fault("undefinedField", "Field 'x' doesn't exist")), "*forge.Refused 422"},
		{"a fault of theirs", says(200, `{"data":null,"errors":[{"message":"Something went wrong while executing your query."}]}`), "*forge.Unreachable"},
		{"neither data nor errors", says(200, `{}`), "*forge.Unreachable"},
		{"data of another shape", says(200, `{"data":{"repositoryOwner":7}}`), "*forge.Unreachable"},
		{"a page", says(200, `<html>`), "*forge.Unreachable"},
		{"502", says(502, `<html>`), "*forge.Unreachable"},
		{"401", says(401, `{"message":"Bad credentials"}`), "token"},
		{"owner unknown", says(200, `{"data":{"repositoryOwner":null}}`), "not found"},
		{"project unknown", says(200, `{"data":{"repositoryOwner":{"projectV2":null}}}`), "not found"},
		{"an issue we may not see", says(200, `{`+data+`,"errors":[`+unseen+`]}`), "none"},
		{"such an issue, and worse", says(200, `{`+data+`,"errors":[`+unseen+`,{"type":"FORBIDDEN","message":"no"}]}`), "*forge.Refused 403"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				s.onGraphQL(test.answer)
				c := s.client(projectOptions)
				_, err := c.board.(*projectBoard).items(t.Context(), c)
				if got := sortOf(err); got != test.want {
					t.Errorf("error is %s (%v), want %s", got, err, test.want)
				}
			})
		})
	}
}

func projectOptions(o *Options) { o.Board = Board{Kind: "project", ProjectNumber: 1} }

func sortOf(err error) string {
	var (
		limited *RateLimited
		lost    *Unreachable
		refused *Refused
	)
	switch {
	case err == nil:
		return "none"
	case errors.As(err, &limited), errors.As(err, &lost):
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.HasPrefix(fmt.Sprintf("%T", e), "*forge.") {
				return fmt.Sprintf("%T", e)
			}
		}
	case errors.As(err, &refused):
		return fmt.Sprintf("%T %d", refused, refused.Status)
	case errors.Is(err, ErrNotFound):
		return "not found"
	case errors.Is(err, ErrUnauthorized):
		return "token"
	}
	return err.Error()
}

func FuzzNoGraphQLAnswerIsTakenForGoodOrBreaksUs(f *testing.F) {
	for _, seed := range []string{
		`{"data":{"repositoryOwner":{"projectV2":{"items":{"nodes":[{"id":"I","content":{"number":1}}]}}},"rateLimit":{"cost":1}}}`,
		`{"data":null,"errors":[{"type":"RATE_LIMITED"}]}`, `{"errors":[{"path":[1,"content",{}]}],"data":{}}`, `{"errors":[]}`, `[`, ``, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newServer(t)
		s.onGraphQL(says(200, string(body)))
		var data struct {
			RepositoryOwner *struct {
				ProjectV2 *project `json:"projectV2"`
			} `json:"repositoryOwner"`
		}
		c := s.client(projectOptions)
		// A mutation is not asked again, so that no input waits.
		err := c.mutate(t.Context(), graphCall{document: "project", into: &data, optional: "content"})
		var (
			limited *RateLimited
			lost    *Unreachable
			refused *Refused
		)
		if err != nil && !errors.As(err, &limited) && !errors.As(err, &lost) && !errors.As(err, &refused) && !errors.Is(err, ErrNotFound) {
			t.Errorf("%q gives an error without a class: %v", body, err)
		}
	})
}
