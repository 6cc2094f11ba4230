package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// What callers branch on. All others are faults of the request: *Refused.
var (
	ErrNotFound     = errors.New("not found on GitHub")                   // 404, 410; also what the token may not see
	ErrUnauthorized = errors.New("GitHub does not accept the token")      // 401
	ErrReadOnly     = errors.New("observing only: nothing is written")    // Options.ReadOnly
	ErrHeadMoved    = errors.New("the head is not the commit expected")   // 409 of a merge, 422 of an update
	ErrNotMergeable = errors.New("GitHub will not merge it as it is now") // 405 of a merge, or a conflict
	ErrBusy         = errors.New("the workflow has not ended")            // 403 of a rerun
)

// RateLimited says that GitHub asked us to wait. Nothing was done, and nothing is asked before Until.
type RateLimited struct {
	Until     time.Time
	Secondary bool // too much at once, rather than too much in the hour
}

func (e *RateLimited) Error() string {
	kind := "hourly limit"
	if e.Secondary {
		kind = "secondary limit"
	}
	return fmt.Sprintf("GitHub's %s reached until %s", kind, e.Until.UTC().Format(time.RFC3339))
}

// Unreachable says that no answer came, or none that can be relied on: a transport error, a 5xx, a cut body.
type Unreachable struct {
	// MayHaveCommitted: this was a write and it may have reached GitHub. Look before it is repeated.
	MayHaveCommitted bool
	Op               string // what a caller waited for in vain, when it says so itself; "" from this package, which wraps
	Err              error
}

func (e *Unreachable) Error() string {
	words := "GitHub unreachable"
	if e.MayHaveCommitted {
		words += ", the write may have been done"
	}
	if e.Op != "" {
		words += ": " + e.Op
	}
	return fmt.Sprintf("%s: %v", words, e.Err)
}

func (e *Unreachable) Unwrap() error { return e.Err }

// Refused says that GitHub understood, and said no: a right that the token lacks (403), or a request that makes no sense
// as things are now (422). To repeat it is no use.
type Refused struct {
	Status  int
	Message string
}

func (e *Refused) Error() string { return fmt.Sprintf("GitHub refused (%d): %s", e.Status, e.Message) }

// Duplicate says that an open pull request of that head exists already; it is the one to use.
type Duplicate struct{ PullRequest PullRequest }

func (e *Duplicate) Error() string {
	return fmt.Sprintf("pull request #%d is open for %s already", e.PullRequest.Number, e.PullRequest.HeadRef)
}

// classify is the table from what go-github, GraphQL and the network say to the errors above. What it does not know is
// an answer that cannot be relied on: Unreachable, the error after which a careful caller looks again.
func classify(err error, wrote bool, now time.Time) error {
	var (
		primary   *github.RateLimitError
		secondary *github.AbuseRateLimitError
		answer    *github.ErrorResponse
		twoFactor *github.TwoFactorAuthError
		faults    graphErrors
	)
	switch {
	case err == nil:
		return nil
	case isOurs(err):
		return err
	case errors.As(err, &primary):
		return &RateLimited{Until: bounded(primary.Rate.Reset.Time, now)}
	case errors.As(err, &secondary):
		return &RateLimited{Until: resume(secondary.Response.Header, now), Secondary: true}
	case errors.As(err, &twoFactor):
		return fmt.Errorf("%w: two-factor code asked for", ErrUnauthorized)
	case errors.As(err, &answer):
		return classifyAnswer(answer, wrote, now)
	case errors.As(err, &faults):
		return faults.classify(wrote)
	}
	return &Unreachable{MayHaveCommitted: wrote && !neverSent(err), Err: err}
}

func classifyAnswer(e *github.ErrorResponse, wrote bool, now time.Time) error {
	status, header, message := e.Response.StatusCode, e.Response.Header, messageOf(e)
	limited := status == http.StatusForbidden || status == http.StatusTooManyRequests
	switch {
	case limited && header.Get("X-Ratelimit-Remaining") == "0":
		rate, _ := rateOf(header)
		return &RateLimited{Until: bounded(rate.Reset, now)}
	case limited && (header.Get("Retry-After") != "" || status == http.StatusTooManyRequests ||
		strings.Contains(strings.ToLower(message), "secondary rate limit")):
		return &RateLimited{Until: resume(header, now), Secondary: true}
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%w: %s", ErrUnauthorized, message)
	case status == http.StatusNotFound, status == http.StatusGone:
		return fmt.Errorf("%w: %s", ErrNotFound, message)
	case status >= 500:
		return &Unreachable{MayHaveCommitted: wrote, Err: fmt.Errorf("status %d: %s", status, message)}
	}
	return &Refused{Status: status, Message: message}
}

// resume is when a secondary limit ends: Retry-After in seconds; without it GitHub asks for at least a minute.
func resume(h http.Header, now time.Time) time.Time {
	if seconds, err := strconv.Atoi(h.Get("Retry-After")); err == nil && seconds > 0 {
		return bounded(now.Add(time.Duration(seconds)*time.Second), now)
	}
	return now.Add(leastRest)
}

// messageOf puts GitHub's sentence and its list of faults on one line.
func messageOf(e *github.ErrorResponse) string {
	words := []string{e.Message}
	if e.Message == "" {
		words[0] = http.StatusText(e.Response.StatusCode)
	}
	for _, fault := range e.Errors {
		switch {
		case fault.Message != "":
			words = append(words, fault.Message)
		case fault.Field != "":
			words = append(words, fault.Resource+" "+fault.Field+" "+fault.Code)
		}
	}
	return strings.Join(words, ": ")
}

// isOurs tells errors that need no translation: they come from our own gate or from a callee that classified already.
func isOurs(err error) bool {
	var (
		limited *RateLimited
		lost    *Unreachable
		refused *Refused
	)
	return errors.As(err, &limited) || errors.As(err, &lost) || errors.As(err, &refused) ||
		errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrReadOnly) ||
		errors.Is(err, ErrHeadMoved) || errors.Is(err, ErrNotMergeable) || errors.Is(err, ErrBusy)
}

// neverSent tells errors after which GitHub cannot have heard of the request: there was no connection to send it on.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// graphErrors are the errors of a GraphQL answer, which comes with status 200.
type graphErrors []graphError

type graphError struct {
	Type    string            `json:"type"`
	Message string            `json:"message"`
	Path    []json.RawMessage `json:"path"` // names and list positions
}

func (e graphErrors) Error() string {
	words := make([]string, len(e))
	for i, fault := range e {
		words[i] = fault.Message
	}
	return "graphql: " + strings.Join(words, "; ")
}

// classify looks at the first error: those that follow are mostly its consequences. RATE_LIMITED is seen before, where
// the headers are.
func (e graphErrors) classify(wrote bool) error {
	switch first := e[0]; {
	case first.Type == "NOT_FOUND":
		return fmt.Errorf("%w: %w", ErrNotFound, e)
	case first.Type == "FORBIDDEN", first.Type == "INSUFFICIENT_SCOPES":
		return &Refused{Status: http.StatusForbidden, Message: e.Error()}
	case first.Type == "SERVICE_UNAVAILABLE", strings.HasPrefix(first.Message, "Something went wrong"): // GitHub's own trouble
		return &Unreachable{MayHaveCommitted: wrote, Err: e}
	}
	return &Refused{Status: http.StatusUnprocessableEntity, Message: e.Error()}
}

// stopped reports whether err is the end of ctx rather than of the network.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}
