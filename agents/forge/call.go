package forge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-github/v60/github"
)

const (
	// readAttempts and readPause: a read is asked three times, after half a second and after one more. Longer troubles are
	// for the next tick, which asks everything again.
	readAttempts = 3
	readPause    = 500 * time.Millisecond

	pageSize = 100 // GitHub's most
	// maxPages bounds what one listing may take; a listing longer than that is an error, never a silent part.
	maxPages = 100
)

// call is one request through go-github: its methods have this shape when the arguments are closed over.
type call[T any] func(ctx context.Context) (T, *github.Response, error)

// read asks until an answer comes, a bounded number of times.
func read[T any](ctx context.Context, c *Client, b budget, ask call[T]) (T, *github.Response, error) {
	var none T
	if c.fresh {
		ctx = asFresh(ctx)
	}
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return none, nil, err
		}
		if err := c.gate.open(b); err != nil {
			return none, nil, err
		}
		value, resp, err := once(ctx, c, ask)
		if err == nil {
			return value, resp, nil
		}
		if stopped(ctx, err) {
			return none, nil, ctx.Err()
		}
		err = c.judge(b, err, false)
		var lost *Unreachable
		if !errors.As(err, &lost) || attempt == readAttempts {
			return none, nil, err
		}
		wait := readPause << (attempt - 1)
		c.log.DebugContext(ctx, "github read is asked again", "attempt", attempt, "after", wait, "error", err)
		if err := pause(ctx, wait); err != nil {
			return none, nil, err
		}
	}
}

// write asks once: whoever intended it must look before it is repeated. One write at a time leaves.
func write[T any](ctx context.Context, c *Client, b budget, ask call[T]) (T, error) {
	var none T
	if c.options.ReadOnly {
		return none, ErrReadOnly
	}
	if err := c.gate.open(b); err != nil {
		return none, err
	}
	done, err := c.gate.take(ctx)
	if err != nil {
		return none, err
	}
	defer done()
	if err := c.gate.open(b); err != nil { // again: the write before may have met a limit
		return none, err
	}
	value, _, err := once(ctx, c, ask)
	if err != nil { // a cancelled write is no different from a lost one: it may have been done
		return none, c.judge(b, err, true)
	}
	return value, nil
}

// once asks within the limit of one request.
func once[T any](ctx context.Context, c *Client, ask call[T]) (T, *github.Response, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	value, resp, err := ask(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("no answer within %v", c.timeout) // not the caller's deadline, and not to be taken for it
	}
	return value, resp, err
}

// writeOnly is write for the requests that are answered without a body.
func writeOnly(ctx context.Context, c *Client, ask func(ctx context.Context) (*github.Response, error)) error {
	_, err := write(ctx, c, restBudget, func(ctx context.Context) (struct{}, *github.Response, error) {
		resp, err := ask(ctx)
		return struct{}{}, resp, err
	})
	return err
}

// listing is one page of something, in the shape of go-github's methods.
type listing[T any] func(context.Context, github.ListOptions) ([]T, *github.Response, error)

// pages reads a listing to its end. The listings are asked for in the order of creation, so that what is created
// meanwhile lands on the last page and shifts nothing.
func pages[T any](ctx context.Context, c *Client, ask listing[T]) ([]T, error) {
	var all []T
	options := github.ListOptions{Page: 1, PerPage: pageSize}
	for range maxPages {
		page, resp, err := read(ctx, c, restBudget, func(ctx context.Context) ([]T, *github.Response, error) {
			return ask(ctx, options)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if resp.NextPage == 0 {
			if resp.After != "" || resp.NextPageToken != "" || resp.Cursor != "" {
				return nil, errors.New("the listing goes on by a cursor, not by pages: what follows would be left out")
			}
			return all, nil
		}
		options.Page = resp.NextPage
	}
	return nil, fmt.Errorf("listing is longer than %d pages", maxPages)
}

// judge classifies, and shuts the gate when a limit was met.
func (c *Client) judge(b budget, err error, wrote bool) error {
	err = classify(err, wrote, c.now())
	var limited *RateLimited
	if errors.As(err, &limited) {
		c.gate.shut(b, limited)
	}
	return err
}
