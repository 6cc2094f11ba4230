package bottest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// FaultKind is one way in which Telegram fails.
type FaultKind string

// The ways to fail. Those that commit carry the word in their name.
const (
	TooMany            FaultKind = "429"                  // Too Many Requests with retry_after
	Internal           FaultKind = "500"                  // Internal Server Error, as JSON
	BadGateway         FaultKind = "502html"              // an HTML page of a proxy instead of JSON
	Conflict           FaultKind = "409"                  // another program polls
	CannotParse        FaultKind = "parse"                // can't parse entities, whatever the text
	Timeout            FaultKind = "timeout"              // no answer until the client leaves; nothing done
	TimeoutAfterCommit FaultKind = "timeout after commit" // done, then no answer until the client leaves
	DropBeforeCommit   FaultKind = "drop before commit"   // the connection breaks; nothing done
	DropAfterCommit    FaultKind = "drop after commit"    // done, then the connection breaks
	Reversed           FaultKind = "reversed"             // getUpdates: the updates of one answer in the wrong order
)

// Fault makes calls fail on demand. Faults are tried in the order they were added.
type Fault struct {
	Method     string    // "" means any
	Chat       int64     // 0 means any
	Kind       FaultKind // one of the kinds above
	RetryAfter int       // seconds, for TooMany; 0 means 1
	Skip       int       // calls that pass before the first that fails
	Times      int       // 0 means once; negative means until ClearFaults
}

// Fault adds a fault.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// ClearFaults ends all faults that have not been used up.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// OnWrite sets a function that is called before ("before") and after ("after") the n-th call that changes something is committed, n
// counting from 1, kind being the method. A getUpdates counts when it confirms updates. It runs without the server's lock, before the answer is
// sent: one that kills the bot's process there leaves the bot without the answer. A refused call has no "after".
func (s *Server) OnWrite(hook func(n int, kind, phase string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// Writes counts the calls that OnWrite was or would have been told of.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func (s *Server) beforeWrite(kind string) int {
	s.mu.Lock()
	s.writes++
	n, hook := s.writes, s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(n, kind, "before")
	}
	return n
}

func (s *Server) afterWrite(n int, kind string) {
	s.mu.Lock()
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(n, kind, "after")
	}
}

// takeFault finds the fault for a call and uses it up.
func (s *Server) takeFault(method, chatID string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		switch {
		case f.Times == 0,
			f.Method != "" && !strings.EqualFold(f.Method, method),
			f.Chat != 0 && strconv.FormatInt(f.Chat, 10) != chatID:
			continue
		case f.Skip > 0:
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return &Fault{Method: method, Kind: f.Kind, RetryAfter: max(f.RetryAfter, 1)}
	}
	return nil
}

// failBefore answers, or does not, in place of the method. It reports whether the call is over.
func (s *Server) failBefore(w http.ResponseWriter, r *http.Request, f *Fault) bool {
	if f == nil {
		return false
	}
	switch f.Kind {
	case TooMany:
		s.refuse(w, &apiError{code: http.StatusTooManyRequests, description: fmt.Sprintf("Too Many Requests: retry after %d", f.RetryAfter), retryAfter: f.RetryAfter})
	case Internal:
		s.refuse(w, &apiError{code: http.StatusInternalServerError, description: "Internal Server Error"})
	case BadGateway:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>\n")
	case Conflict:
		s.refuse(w, conflict("terminated by other getUpdates request; make sure that only one bot instance is running"))
	case CannotParse:
		s.refuse(w, badRequest("can't parse entities: Unexpected end tag at byte offset 0"))
	case Timeout:
		s.hang(r)
	case DropBeforeCommit:
		panic(http.ErrAbortHandler) // net/http's own way to break the connection; it logs nothing
	default:
		return false
	}
	return true
}

// failAfter loses the answer of a call that was done. It reports whether the call is over.
func (s *Server) failAfter(r *http.Request, f *Fault) bool {
	switch {
	case f == nil:
		return false
	case f.Kind == DropAfterCommit:
		panic(http.ErrAbortHandler)
	case f.Kind == TimeoutAfterCommit:
		s.hang(r)
		return true
	}
	return false
}

// hang keeps a call without an answer until its client leaves or the server closes, then breaks the connection.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closed:
	}
	panic(http.ErrAbortHandler)
}
