package forge

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const emptyProject = `{"data":{"repositoryOwner":{"projectV2":{"id":"P","items":{"nodes":[]}}}}}`

func readBoard(ctx context.Context, c *Client) error {
	_, err := c.board.(*projectBoard).items(ctx, c)
	return err
}

func readBranch(ctx context.Context, c *Client) error {
	_, err := c.Branch(ctx, "main")
	return err
}

func comment(ctx context.Context, c *Client) error {
	_, err := c.Comment(ctx, 7, "hello")
	return err
}

func TestNothingIsAskedUntilALimitIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		reset := strconv.FormatInt(time.Now().Add(20*time.Minute).Unix(), 10)
		s.on("GET", "/git/ref/heads/main", inTurn(
			says(403, `{}`, rate(0, reset)...),
			says(200, `{"object":{"sha":"abc"}}`)))
		c := s.client(nil)
		for range 5 {
			wantError[*RateLimited](t, readBranch(t.Context(), c))
			wantError[*RateLimited](t, comment(t.Context(), c))
			wantError[*RateLimited](t, readBranch(t.Context(), c.Fresh()))
			time.Sleep(3 * time.Minute)
		}
		if s.requests() != 1 {
			t.Errorf("asked %d times while limited, want once", s.requests())
		}
		time.Sleep(5 * time.Minute)
		if err := readBranch(t.Context(), c); err != nil {
			t.Errorf("after the reset: %v", err)
		}
	})
}

func TestTheLastRequestOfTheHourIsNotTurnedIntoARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		reset := strconv.FormatInt(time.Now().Add(10*time.Minute).Unix(), 10)
		s.on("GET", "/git/ref/heads/main", says(200, `{"object":{"sha":"abc"}}`, rate(0, reset)...))
		c := s.client(nil)
		if err := readBranch(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if l := wantError[*RateLimited](t, readBranch(t.Context(), c)); time.Until(l.Until) != 10*time.Minute {
			t.Errorf("limited until %v", l.Until)
		}
		if s.requests() != 1 {
			t.Errorf("asked %d times, want once", s.requests())
		}
		time.Sleep(10 * time.Minute)
		if err := readBranch(t.Context(), c); err != nil {
			t.Errorf("after the reset: %v", err)
		}
	})
}

func TestOurClockAloneJudgesALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := time.Duration(0)
		s := newServer(t)
		reset := strconv.FormatInt(time.Now().Add(10*time.Minute).Unix(), 10)
		s.on("GET", "/git/ref/heads/main", inTurn(says(403, `{}`, rate(0, reset)...), says(200, `{"object":{"sha":"abc"}}`)))
		c := s.client(func(o *Options) { o.Now = func() time.Time { return time.Now().Add(ahead) } })
		wantError[*RateLimited](t, readBranch(t.Context(), c))
		ahead = 10 * time.Minute
		if err := readBranch(t.Context(), c); err != nil {
			t.Errorf("after the reset by our clock: %v", err)
		}
	})
}

func TestAPrimaryLimitHoldsItsOwnBudgetAndASecondaryLimitBoth(t *testing.T) {
	for _, test := range []struct {
		name      string
		answer    http.HandlerFunc
		secondary bool
	}{
		{"primary", says(403, `{}`, rate(0, "0")...), false},
		{"secondary", says(403, `{"message":"You have exceeded a secondary rate limit"}`), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				s.on("GET", "/git/ref/heads/main", test.answer)
				s.onGraphQL(says(200, emptyProject))
				c := s.client(projectOptions)
				wantError[*RateLimited](t, readBranch(t.Context(), c))
				err := readBoard(t.Context(), c)
				if !test.secondary && err != nil {
					t.Errorf("GraphQL is limited too: %v", err)
				}
				if test.secondary {
					wantError[*RateLimited](t, err)
				}
			})
		})
	}
}

func TestTheLaterEndOfTwoLimitsHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, 0)
		g.shut(restBudget, &RateLimited{Until: time.Now().Add(time.Hour)})
		g.shut(graphQLBudget, &RateLimited{Until: time.Now().Add(time.Minute), Secondary: true})
		if l := wantError[*RateLimited](t, g.open(restBudget)); time.Until(l.Until) != time.Hour {
			t.Errorf("rest is limited until %v", l.Until)
		}
		if l := wantError[*RateLimited](t, g.open(graphQLBudget)); time.Until(l.Until) != time.Minute {
			t.Errorf("graphql is limited until %v", l.Until)
		}
	})
}

func TestWritesLeaveOneAfterAnotherAndASecondApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var starts []time.Time
		var atOnce atomic.Int32
		s := newServer(t)
		s.on("POST", "/issues/7/comments", func(w http.ResponseWriter, _ *http.Request) {
			if atOnce.Add(1) > 1 {
				t.Error("two writes at once")
			}
			defer atOnce.Add(-1)
			mu.Lock()
			starts = append(starts, time.Now())
			slow := len(starts) == 2
			mu.Unlock()
			if slow {
				time.Sleep(5 * time.Second)
			}
			says(201, `{}`)(w, nil)
		})
		s.on("GET", "/git/ref/heads/main", says(200, `{"object":{"sha":"abc"}}`))
		c := s.client(func(o *Options) { o.WriteInterval = 0 })
		begin := time.Now()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if err := comment(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		if err := readBranch(t.Context(), c); err != nil || time.Since(begin) != 0 {
			t.Errorf("a read waited %v: %v", time.Since(begin), err)
		}
		all.Wait()
		// The third waits for the slow second; a second has passed then, so it leaves at once.
		for i, want := range []time.Duration{0, 1, 6, 7, 8} {
			if got := starts[i].Sub(begin); got != want*time.Second {
				t.Errorf("write %d left after %v, want %v", i, got, want*time.Second)
			}
		}
	})
}

func TestAWriteThatIsCancelledWhileItWaitsSendsNothingAndFreesTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.on("POST", "/issues/7/comments", says(201, `{}`))
		c := s.client(func(o *Options) { o.WriteInterval = time.Minute })
		if err := comment(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := comment(ctx, c)
		var lost *Unreachable
		if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &lost) {
			t.Errorf("error is %v, want the deadline and nothing lost", err)
		}
		if s.requests() != 1 {
			t.Errorf("asked %d times, want once", s.requests())
		}
		if err := comment(t.Context(), c); err != nil {
			t.Errorf("the turn was not given back: %v", err)
		}
	})
}

func TestNoWriteLeavesAfterItsContextEnded(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := s.client(nil)
	for range 20 { // the turn and the end are both there: either may be seen first
		err := comment(ctx, c)
		var lost *Unreachable
		if !errors.Is(err, context.Canceled) || errors.As(err, &lost) || s.requests() != 0 {
			t.Fatalf("asked %d times: %v", s.requests(), err)
		}
	}
}

func TestAWriteThatWaitedLooksAtTheLimitAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.on("POST", "/issues/7/comments", func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			says(403, `{"message":"You have exceeded a secondary rate limit"}`)(w, r)
		})
		c := s.client(func(o *Options) { o.WriteInterval = 0 })
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				var limited *RateLimited
				if err := comment(t.Context(), c); !errors.As(err, &limited) {
					t.Errorf("error is %v, want the limit", err)
				}
			})
		}
		all.Wait()
		if s.requests() != 1 {
			t.Errorf("asked %d times, want once", s.requests())
		}
	})
}

func TestAReadIsAskedAgainAFewTimesAndAWriteNever(t *testing.T) {
	for _, test := range []struct {
		name     string
		failures int
		do       func(context.Context, *Client) error
		asked    int
		took     time.Duration
		ok       bool
	}{
		{"read, two failures", 2, readBranch, 3, 1500 * time.Millisecond, true},
		{"read, three failures", 3, readBranch, 3, 1500 * time.Millisecond, false},
		{"query, two failures", 2, readBoard, 3, 1500 * time.Millisecond, true},
		{"write, one failure", 1, comment, 1, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				answers := make([]http.HandlerFunc, test.failures)
				for i := range answers {
					answers[i] = says(503, ``)
				}
				s.mux.HandleFunc("/", inTurn(append(answers, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/api/graphql" {
						says(200, emptyProject)(w, r)
						return
					}
					says(200, `{"object":{"sha":"abc"}}`)(w, r)
				})...))
				start := time.Now()
				err := test.do(t.Context(), s.client(projectOptions))
				if (err == nil) != test.ok {
					t.Errorf("error is %v", err)
				}
				if s.requests() != test.asked || time.Since(start) != test.took {
					t.Errorf("asked %d times in %v, want %d in %v", s.requests(), time.Since(start), test.asked, test.took)
				}
			})
		})
	}
}

func TestARefusalIsNotAskedAgain(t *testing.T) {
	s := newServer(t)
	s.on("GET", "/git/ref/heads/main", says(404, `{}`))
	if err := readBranch(t.Context(), s.client(nil)); !errors.Is(err, ErrNotFound) || s.requests() != 1 {
		t.Errorf("asked %d times: %v", s.requests(), err)
	}
}

func TestBackingOffEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.on("GET", "/git/ref/heads/main", says(503, ``))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := readBranch(ctx, s.client(nil)); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
			t.Errorf("ended after %v with %v", time.Since(start), err)
		}
	})
}

func TestRateCountsWhatIsSentAndTellsWhatIsLeft(t *testing.T) {
	s := newServer(t)
	s.on("GET", "/git/ref/heads/main", says(200, `{"object":{"sha":"abc"}}`, rate(4321, "1900000000")...))
	s.on("POST", "/issues/7/comments", says(201, `{}`, rate(4320, "1900000000")...))
	s.onGraphQL(says(200, `{"data":{"repositoryOwner":{"projectV2":{"items":{"nodes":[]}}},"rateLimit":{"cost":3}}}`,
		rate(17, "1900000000")...))
	c := s.client(projectOptions)
	for _, do := range []func(context.Context, *Client) error{readBranch, comment, readBoard} {
		if err := do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	want := Rate{Limit: 5000, Remaining: 4320, Reset: time.Unix(1900000000, 0), Used: 3, Points: 3}
	if got := c.Fresh().Rate(); got != want {
		t.Errorf("rate is %+v, want %+v", got, want)
	}
}
