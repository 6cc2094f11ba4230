package forge

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// identity says who we are, to GitHub and to nobody else. The token is set for each hop, so that a redirect to another
// host (job logs, a renamed repository on another server) leaves without it; http.Client would copy a header set earlier.
type identity struct {
	next    http.RoundTripper
	token   func() string
	origins []string
}

func (t *identity) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgent)
	if t.token != nil && slices.Contains(t.origins, origin(req.URL)) {
		if token := t.token(); token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
	}
	return t.next.RoundTrip(req)
}

// meter counts the requests that reach the network and keeps what GitHub's headers say about the limits.
type meter struct {
	next    http.RoundTripper
	graphQL string // path of the GraphQL endpoint
	gate    *gate
	now     func() time.Time

	mu   sync.Mutex
	seen Rate
}

func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	m.mu.Lock()
	m.seen.Used++
	m.mu.Unlock()
	resp, err := m.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	b := restBudget
	if req.URL.Path == m.graphQL {
		b = graphQLBudget
	}
	if rate, ok := rateOf(resp.Header); ok {
		if b == restBudget {
			m.mu.Lock()
			m.seen.Limit, m.seen.Remaining, m.seen.Reset = rate.Limit, rate.Remaining, rate.Reset
			m.mu.Unlock()
		}
		if rate.Remaining == 0 && rate.Reset.After(m.now()) {
			m.gate.shut(b, &RateLimited{Until: bounded(rate.Reset, m.now())})
		}
	}
	// go-github keeps a memory of limits of its own, judged by the machine's clock. The gate is ours and judges by Now;
	// this is the header by which go-github leaves an answer out of its memory.
	resp.Header.Set("X-From-Cache", "1")
	return resp, nil
}

func (m *meter) rate() Rate {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

func (m *meter) spend(points int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen.Points += int64(points)
}

// rateOf reads GitHub's X-RateLimit headers. The reset is in unix seconds.
func rateOf(h http.Header) (Rate, bool) {
	limit, err := strconv.Atoi(h.Get("X-Ratelimit-Limit"))
	if err != nil {
		return Rate{}, false
	}
	remaining, err := strconv.Atoi(h.Get("X-Ratelimit-Remaining"))
	if err != nil {
		return Rate{}, false
	}
	reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return Rate{}, false
	}
	return Rate{Limit: limit, Remaining: remaining, Reset: time.Unix(reset, 0)}, true
}
