package forgetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one piece of work on the world: a request, or something a person or GitHub itself does. It has the lock.
type call struct {
	s      *Server
	w      *world // the world as it is; for a stale read, as it was
	r      *http.Request
	actor  string // login
	via    string
	now    time.Time
	body   []byte
	header http.Header // of the answer
}

// answer is what a handler says. A nil body is sent as no body at all.
type answer struct {
	status int
	body   any
}

// obj is a JSON object in the making.
type obj map[string]any

func ok(body any) answer      { return answer{http.StatusOK, body} }
func created(body any) answer { return answer{http.StatusCreated, body} }
func empty() answer           { return answer{http.StatusNoContent, nil} }

const documentation = "https://docs.github.com/rest"

func refuse(status int, format string, args ...any) answer {
	message := fmt.Sprintf(format, args...)
	return answer{status, obj{"message": message, "documentation_url": documentation, "status": strconv.Itoa(status)}}
}

func notFound() answer { return refuse(http.StatusNotFound, "Not Found") }

// invalid is GitHub's 422 with what is wrong. The code is one of missing, missing_field, invalid, already_exists,
// unprocessable and custom; the last comes with a message.
func invalid(resource, field, code, message string) answer {
	problem := obj{"resource": resource, "code": code}
	if field != "" {
		problem["field"] = field
	}
	if message != "" {
		problem["message"] = message
	}
	a := refuse(http.StatusUnprocessableEntity, "Validation Failed")
	a.body.(obj)["errors"] = []any{problem}
	return a
}

// broken is the answer when the server itself could not do its work.
func (c *call) broken(err error) answer {
	c.s.surprise("the server failed: %v", err)
	return refuse(http.StatusInternalServerError, "Server Error")
}

// call begins a piece of work that no request asked for. The lock is held, or nobody else knows the server yet.
func (s *Server) call(actor string) *call {
	return &call{s: s, w: s.w, actor: actor, via: "github", now: s.o.Now(), header: http.Header{}}
}

// act does f as actor, under the lock, after looking what happened to the refs.
func (s *Server) act(actor, via string, f func(*call) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call("")
	if err := c.lookAround(); err != nil {
		return err
	}
	c.actor, c.via = actor, via
	return f(c)
}

// lookAround notices pushes. One over HTTP was the token's owner's; of one by path nobody knows whose it was.
func (c *call) lookAround() error {
	c.actor, c.via = "", "git"
	if c.s.ledger.pushing > 0 {
		c.actor = c.s.o.Login
	}
	return c.observe(true)
}

func (c *call) path(name string) string { return c.r.PathValue(name) }

// number reads a number of the path; 0, which nothing has, when it is none.
func (c *call) number(name string) int {
	n, err := strconv.Atoi(c.path(name))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (c *call) id(name string) int64 { return int64(c.number(name)) }

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

// decode reads the request's body into T. Fields that T lacks are refused, as GitHub refuses them where it validates,
// and written down.
func decode[T any](c *call) (T, *answer) {
	var value T
	if len(bytes.TrimSpace(c.body)) == 0 {
		return value, nil
	}
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	err := d.Decode(&value)
	if err == nil {
		return value, nil
	}
	if !json.Valid(c.body) {
		a := refuse(http.StatusBadRequest, "Problems parsing JSON")
		return value, &a
	}
	c.s.surprise("%s: body: %v", method(c.r), err)
	a := refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n%v", err)
	return value, &a
}

// paged cuts a list to the page that was asked for, and says in the Link header where the others are.
func paged[T any](c *call, all []T) []T {
	size := c.count("per_page", 30, 100)
	page := c.count("page", 1, 1<<20)
	last := max(1, (len(all)+size-1)/size)
	link := func(rel string, n int) string {
		u := *c.r.URL
		q := u.Query()
		q.Set("page", strconv.Itoa(n))
		u.RawQuery = q.Encode()
		return fmt.Sprintf(`<%s>; rel="%s"`, c.s.base+u.RequestURI(), rel)
	}
	var links []string
	if page > 1 {
		links = append(links, link("prev", min(page-1, last)))
	}
	if page < last {
		links = append(links, link("next", page+1), link("last", last))
	}
	if page > 1 {
		links = append(links, link("first", 1))
	}
	if links != nil {
		c.header.Set("Link", strings.Join(links, ", "))
	}
	from := min((page-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

func (c *call) count(name string, otherwise, most int) int {
	n, err := strconv.Atoi(c.query(name))
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}

// each shows every element of a list; never null, which clients of GitHub do not expect.
func each[T any](list []T, show func(T) obj) []any {
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, show(v))
	}
	return out
}

// strict notes parameters of the query that the route does not have: GitHub passes over them in silence, and so a
// misspelt filter goes unseen.
func (c *call) strict(known []string) {
	for _, name := range slices.Sorted(maps.Keys(c.r.URL.Query())) {
		if !slices.Contains(known, name) && name != "page" && name != "per_page" {
			c.s.surprise("%s: unknown parameter %q", method(c.r), name)
		}
	}
}

// stamp is a time in GitHub's form; a zero time is null.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// text is null when it is empty.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func escape(s string) string { return strings.ReplaceAll(url.PathEscape(s), "%2F", "/") }
