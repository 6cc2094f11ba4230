package forgetest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

const (
	Latency    FaultKind = "latency"           // the answer comes late, by Delay
	Status     FaultKind = "status"            // Status and Body instead of the answer; nothing was done
	DropBefore FaultKind = "drop before"       // the connection breaks; nothing was done
	DropAfter  FaultKind = "drop after commit" // the connection breaks; it was done
	Stale      FaultKind = "stale"             // reads see the world as it was when the fault was set
	RateLimit  FaultKind = "rate limit"        // the primary limit is used up until RetryAfter has passed
	Secondary  FaultKind = "secondary"         // the secondary limit, with RetryAfter
)

// Fault is something that goes wrong with requests that match. All conditions that are set must hold.
type Fault struct {
	Kind   FaultKind
	Method string                   // "" any
	Path   string                   // a regular expression on the path, e.g. `/pulls/7$`; "" any
	Write  string                   // the kind of mutation, e.g. "pull.create" or "project.move"; "" any
	Match  func(*http.Request) bool // nil any; must not call the server

	Skip  int // how many matching requests go well first
	Times int // how many requests it strikes; 0 means 1, a negative number all until it is lifted

	Delay      time.Duration // of Latency
	Status     int           // of Status, default 502; of RateLimit and Secondary, default 403 (GitHub uses 429 as well)
	Body       string        // of Status; default the page that GitHub's front servers show
	RetryAfter time.Duration // of RateLimit and Secondary, default a minute
}

// armed is a fault that is set.
type armed struct {
	Fault
	path *regexp.Regexp
	past *world // for stale reads
}

// Fault sets a fault. It strikes until its Times are used up or lift is called. The Path must compile; one that does
// not is a mistake of the test and panics.
func (s *Server) Fault(f Fault) (lift func()) {
	a := &armed{Fault: f, path: regexp.MustCompile(f.Path)}
	if a.Times == 0 {
		a.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Kind == Stale {
		if err := s.call("").lookAround(); err != nil {
			s.surprise("set a stale fault: %v", err)
		}
		a.past = s.w.clone()
	}
	s.faults = append(s.faults, a)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(other *armed) bool { return other == a })
	}
}

// strike gives the faults that hit this request, and uses them up. kind is that of the mutation, "" for a read.
func (s *Server) strike(r *http.Request, kind string) []*armed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []*armed
	for _, a := range s.faults {
		switch {
		case a.Method != "" && a.Method != r.Method,
			!a.path.MatchString(r.URL.Path),
			a.Write != "" && a.Write != kind,
			a.Kind == Stale && kind != "",
			a.Match != nil && !a.Match(r),
			a.Times == 0:
		case a.Skip > 0:
			a.Skip--
		default:
			a.Times-- // a negative number never comes to 0
			hits = append(hits, a)
		}
	}
	s.faults = slices.DeleteFunc(s.faults, func(a *armed) bool { return a.Times == 0 })
	return hits
}

// suffered is what faults left to do for whoever answers the request.
type suffered struct {
	past      *world // read from this
	dropAfter bool   // break the connection when it is done
}

// suffer has the faults that hit a request strike. With done it is answered already.
func (s *Server) suffer(w http.ResponseWriter, r *http.Request, kind string) (left suffered, done bool) {
	for _, a := range s.strike(r, kind) {
		switch a.Kind {
		case Latency:
			if !pause(r.Context(), a.Delay) || s.ctx.Err() != nil {
				panic(http.ErrAbortHandler)
			}
		case DropAfter:
			left.dropAfter = true
		case Stale:
			left.past = a.past
		default:
			if s.fail(w, r, a) {
				return left, true
			}
		}
	}
	return left, false
}

// badGateway is what GitHub's front servers answer when those behind them do not: a page, not JSON.
const badGateway = "<html><body><h1>502 Bad Gateway</h1>The server returned an invalid or incomplete response.</body></html>\n"

// fail answers a request that a fault keeps from being done, and says whether it did.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, a *armed) bool {
	wait := a.RetryAfter
	if wait <= 0 {
		wait = time.Minute
	}
	status := a.Status
	if status == 0 {
		status = http.StatusForbidden
	}
	switch a.Kind {
	case DropBefore:
		panic(http.ErrAbortHandler) // net/http's way to break a connection
	case Status:
		body := a.Body
		if body == "" {
			body = badGateway
		}
		if status = a.Status; status == 0 {
			status = http.StatusBadGateway
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if body[0] == '{' {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client may be gone: nothing to do about it
	case RateLimit:
		h := w.Header()
		h.Set("X-RateLimit-Limit", strconv.Itoa(s.o.RateLimit))
		h.Set("X-RateLimit-Remaining", "0")
		h.Set("X-RateLimit-Used", strconv.Itoa(s.o.RateLimit))
		h.Set("X-RateLimit-Reset", strconv.FormatInt(s.o.Now().Add(wait).Unix(), 10))
		h.Set("X-RateLimit-Resource", resource(r))
		s.write(w, r, answer{status, limited()})
	case Secondary:
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Round(time.Second).Seconds())))
		a := refuse(status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
		a.body.(obj)["documentation_url"] = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
		s.write(w, r, a)
	default:
		return false
	}
	return true
}

func limited() obj {
	return obj{
		"message":           fmt.Sprintf("API rate limit exceeded for user ID %d.", firstID),
		"documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#primary-rate-limit",
	}
}
