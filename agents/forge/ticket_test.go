package forge

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// paged answers page by page, with the Link headers of GitHub.
func paged(t *testing.T, items []any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		size, err := strconv.Atoi(q.Get("per_page"))
		if err != nil {
			t.Errorf("%s asks for no page size", r.URL)
			size = 30
		}
		page := 1
		if q.Get("page") != "" {
			page, _ = strconv.Atoi(q.Get("page"))
		}
		from, to := min((page-1)*size, len(items)), min(page*size, len(items))
		if to < len(items) {
			q.Set("page", strconv.Itoa(page+1))
			next := *r.URL
			next.RawQuery = q.Encode()
			w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, next.String()))
		}
		says(200, toJSON(t, items[from:to]))(w, r)
	}
}

type object = map[string]any

func TestAListingThatGoesOnByACursorIsNotTakenForWhole(t *testing.T) {
	s := newServer(t)
	s.on("GET", "/labels", says(200, `[{"name":"bug"}]`, "Link", `<https://github.test/labels?after=Y3Vyc29y>; rel="next"`))
	_, err := s.client(nil).labels(t.Context())
	if err == nil || !strings.Contains(err.Error(), "cursor") {
		t.Errorf("the first page was taken for all: %v", err)
	}
}

func TestTheCurrentMilestoneIsTheOneNamedOrTheOneDueSoonest(t *testing.T) {
	open := []any{
		object{"number": 1, "title": "someday"},
		object{"number": 2, "title": "autumn", "due_on": "2026-09-30T07:00:00Z"},
		object{"number": 3, "title": "overdue", "due_on": "2026-03-31T07:00:00Z"},
		object{"number": 4, "title": "also overdue", "due_on": "2026-03-31T07:00:00Z"},
	}
	for _, test := range []struct {
		name, title string
		list        []any
		state, want string
	}{
		{"due soonest", "", open, "open", "overdue"},
		{"named", "autumn", open, "all", "autumn"},
		{"none has a date", "", []any{object{"number": 9, "title": "b"}, object{"number": 8, "title": "a"}}, "open", "a"},
		{"name unknown", "winter", open, "all", ""},
		{"none open", "", []any{}, "open", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on("GET", "/milestones", func(w http.ResponseWriter, r *http.Request) {
				if got := r.URL.Query().Get("state"); got != test.state {
					t.Errorf("asked for milestones in state %q, want %q", got, test.state)
				}
				paged(t, test.list)(w, r)
			})
			got, err := s.client(func(o *Options) { o.Milestone = test.title }).Milestone(t.Context())
			if test.want == "" {
				if !errors.Is(err, ErrNotFound) || (test.title != "" && !strings.Contains(err.Error(), test.title)) {
					t.Errorf("error is %v, want not found", err)
				}
				return
			}
			if err != nil || got.Title != test.want {
				t.Errorf("milestone is %+v, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestListingsAreReadToTheirEnd(t *testing.T) {
	s := newServer(t)
	s.on("GET", "/milestones", paged(t, []any{object{"number": 5, "title": "now"}}))
	var issues []any
	for n := range 250 {
		issue := object{"number": n + 1, "state": "open", "labels": []any{}}
		if n%10 == 9 {
			issue["pull_request"] = object{"url": "x"}
		}
		issues = append(issues, issue)
	}
	s.on("GET", "/issues", func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("milestone") != "5" || q.Get("state") != "all" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		paged(t, issues)(w, r)
	})
	tickets, err := s.client(nil).Tickets(t.Context())
	if err != nil || len(tickets) != 225 {
		t.Errorf("read %d tickets, %v; want the 225 that are no pull requests", len(tickets), err)
	}
	if s.requests() != 4 {
		t.Errorf("asked %d times, want 1 for the milestone and 3 pages", s.requests())
	}
}

func TestAListingWithoutEndIsAnErrorAndNotAPart(t *testing.T) {
	s := newServer(t)
	s.on("GET", "/issues/7/comments", func(w http.ResponseWriter, r *http.Request) {
		says(200, `[{"id":1}]`, "Link", `<https://github.test/x?page=2>; rel="next"`)(w, r)
	})
	comments, err := s.client(nil).Comments(t.Context(), 7)
	if err == nil || len(comments) != 0 {
		t.Errorf("read %d comments, %v", len(comments), err)
	}
	if s.requests() != maxPages {
		t.Errorf("asked %d times, want %d", s.requests(), maxPages)
	}
}

func TestAPullRequestIsNoTicket(t *testing.T) {
	s := newServer(t)
	s.on("GET", "/issues/8", says(200, `{"number":8,"pull_request":{"url":"x"}}`))
	if _, err := s.client(nil).Ticket(t.Context(), 8); !errors.Is(err, ErrNotFound) {
		t.Errorf("error is %v, want not found", err)
	}
}

func TestStatusIsReadFromLabels(t *testing.T) {
	for _, test := range []struct {
		name   string
		labels []string
		open   bool
		want   string
	}{
		{"none", []string{"bug"}, true, ""},
		{"todo", []string{"bug", "status: todo"}, true, Todo},
		{"another case", []string{"Status: In Progress"}, true, InProgress},
		{"two, as in the middle of a move", []string{"status: in review", "status: todo"}, true, InReview},
		{"closed", []string{"status: in review"}, false, Done},
		{"closed without any", nil, false, Done},
	} {
		t.Run(test.name, func(t *testing.T) {
			ticket := Ticket{Labels: test.labels, Open: test.open, Status: "stale"}
			if err := newLabels(Options{}).place(t.Context(), nil, &ticket); err != nil || ticket.Status != test.want {
				t.Errorf("status is %q, %v, want %q", ticket.Status, err, test.want)
			}
		})
	}
}

// issue keeps the labels of #7, and refuses what GitHub refuses.
type issue struct {
	t      *testing.T
	labels []string
	state  string
	writes []string
}

func (i *issue) serve(s *server) {
	s.on("POST", "/issues/7/labels", func(w http.ResponseWriter, r *http.Request) {
		var add []string
		decode(i.t, r, &add)
		i.writes = append(i.writes, "add "+strings.Join(add, ","))
		for _, l := range add {
			if !carries(i.labels, l) {
				i.labels = append(i.labels, l)
			}
		}
		i.tell(w, r)
	})
	s.on("DELETE", "/issues/7/labels/{name}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		i.writes = append(i.writes, "remove "+name)
		if !carries(i.labels, name) {
			says(404, `{"message":"Label does not exist"}`)(w, r)
			return
		}
		i.labels = slices.DeleteFunc(i.labels, func(l string) bool { return strings.EqualFold(l, name) })
		i.tell(w, r)
	})
	s.on("PATCH", "/issues/7", func(w http.ResponseWriter, r *http.Request) {
		var change struct {
			State  string `json:"state"`
			Reason string `json:"state_reason"`
		}
		decode(i.t, r, &change)
		i.writes = append(i.writes, change.State+" as "+change.Reason)
		i.state = change.State
		says(200, `{}`)(w, r)
	})
}

func (i *issue) tell(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for _, l := range i.labels {
		list = append(list, object{"name": l})
	}
	says(200, toJSON(i.t, list))(w, r)
}

func TestATicketMovesBetweenLabels(t *testing.T) {
	for _, test := range []struct {
		name   string
		now    []string // on GitHub
		known  []string // as read before
		to     string
		writes []string
		labels []string
	}{
		{"straight on", []string{"bug", "status: todo"}, []string{"bug", "status: todo"}, InProgress,
			[]string{"add status: in progress", "remove status: todo"}, []string{"bug", "status: in progress"}},
		{"back", []string{"status: in review"}, []string{"status: in review"}, Todo,
			[]string{"add status: todo", "remove status: in review"}, []string{"status: todo"}},
		{"onto the board", []string{"bug"}, []string{"bug"}, Todo, []string{"add status: todo"}, []string{"bug", "status: todo"}},
		{"where it is already", []string{"status: todo"}, []string{"status: todo"}, Todo, []string{"add status: todo"}, []string{"status: todo"}},
		{"again after half a move", []string{"status: todo", "status: in progress"}, []string{"status: todo"}, InProgress,
			[]string{"add status: in progress", "remove status: todo"}, []string{"status: in progress"}},
		{"what somebody else changed meanwhile stays", []string{"urgent", "status: todo"}, []string{"status: todo"}, InProgress,
			[]string{"add status: in progress", "remove status: todo"}, []string{"urgent", "status: in progress"}},
		{"done", []string{"bug", "status: in review"}, []string{"bug", "status: in review"}, Done,
			[]string{"closed as completed", "remove status: in review"}, []string{"bug"}},
		{"done, its label gone meanwhile", []string{"bug"}, []string{"bug", "status: in review"}, Done,
			[]string{"closed as completed", "remove status: in review"}, []string{"bug"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			i := &issue{t: t, labels: test.now, state: "open"}
			i.serve(s)
			moved, err := s.client(nil).Move(t.Context(), Ticket{Number: 7, Open: true, Labels: test.known}, test.to)
			if err != nil || moved.Status != test.to {
				t.Errorf("moved to %q, %v, want %q", moved.Status, err, test.to)
			}
			if !slices.Equal(i.writes, test.writes) || !slices.Equal(i.labels, test.labels) {
				t.Errorf("wrote %q and left %q; want %q and %q", i.writes, i.labels, test.writes, test.labels)
			}
		})
	}
}

func TestALabelOfAnyNameIsRemovedAndNoOther(t *testing.T) {
	const name = "a/b? 50% #1 done"
	s := newServer(t)
	i := &issue{t: t, labels: []string{"a", "a/b", name}}
	i.serve(s)
	if err := s.client(nil).RemoveLabel(t.Context(), 7, name); err != nil || !slices.Equal(i.labels, []string{"a", "a/b"}) {
		t.Errorf("left %q, %v", i.labels, err)
	}
}

func TestAMoveThatCannotBeIsAnError(t *testing.T) {
	s := newServer(t)
	(&issue{t: t}).serve(s)
	if _, err := s.client(nil).Move(t.Context(), Ticket{Number: 7, Open: true}, "Backlog"); err == nil || s.requests() != 0 {
		t.Errorf("moved to a column that is none of ours: %v", err)
	}
	_, err := s.client(nil).Move(t.Context(), Ticket{Number: 7, Open: false}, Todo)
	wantError[*Refused](t, err)
}

func TestStatusLabelsThatAreMissingAreMadeOnce(t *testing.T) {
	s := newServer(t)
	have := []any{object{"name": "Status: Todo"}}
	s.on("GET", "/labels", func(w http.ResponseWriter, r *http.Request) { paged(t, have)(w, r) })
	s.on("POST", "/labels", func(w http.ResponseWriter, r *http.Request) {
		var label struct{ Name string }
		decode(t, r, &label)
		if label.Name == "review" { // somebody else was faster
			says(422, `{"message":"Validation Failed","errors":[{"resource":"Label","code":"already_exists","field":"name"}]}`)(w, r)
			return
		}
		have = append(have, object{"name": label.Name})
		says(201, `{}`)(w, r)
	})
	c := s.client(func(o *Options) { o.Board.Columns = map[string]string{InReview: "review"} })
	missing, err := c.Missing(t.Context())
	if want := []string{"status: in progress", "review"}; err != nil || !slices.Equal(missing, want) {
		t.Errorf("missing %q, %v, want %q", missing, err, want)
	}
	made, err := c.EnsureColumns(t.Context())
	if want := []string{"status: in progress"}; err != nil || !slices.Equal(made, want) {
		t.Errorf("made %q, %v, want %q", made, err, want)
	}
}

func TestAssignTellsWhoIsReallyAssigned(t *testing.T) {
	s := newServer(t)
	s.on("POST", "/issues/7/assignees", says(201, `{"number":7,"assignees":[{"login":"ana"}]}`))
	if got, err := s.client(nil).Assign(t.Context(), 7, "ana", "stranger"); err != nil || !slices.Equal(got, []string{"ana"}) {
		t.Errorf("assigned %q, %v", got, err)
	}
}
