package forge

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProbeTellsWhoWeAreAndWhatIsMissing(t *testing.T) {
	at := time.Date(2026, 5, 1, 10, 0, 30, 500e6, time.UTC)
	s := newServer(t)
	s.mux.HandleFunc("GET /api/v3/user", says(200, `{"login":"bot"}`, "X-OAuth-Scopes", "repo, project", "Date", "Fri, 01 May 2026 10:00:00 GMT"))
	s.on("GET", "", says(200, `{"full_name":"o/r","default_branch":"main","private":true,"permissions":{"push":true,"admin":false},
		"allow_merge_commit":true,"allow_squash_merge":false,"allow_rebase_merge":true}`))
	s.on("GET", "/milestones", paged(t, []any{object{"number": 1, "title": "now"}}))
	s.on("GET", "/labels", paged(t, []any{object{"name": "status: todo"}, object{"name": "status: in review"}}))
	p, err := s.client(func(o *Options) { o.Now = func() time.Time { return at } }).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Login != "bot" || !slices.Equal(p.Scopes, []string{"repo", "project"}) || p.Skew != 30*time.Second || p.Milestone.Title != "now" ||
		!slices.Equal(p.Missing, []string{"status: in progress"}) {
		t.Errorf("probe is %+v", p)
	}
	if r := p.Repository; !r.CanPush || r.CanAdmin || !r.Private || r.DefaultBranch != "main" || !slices.Equal(r.MergeMethods, []string{"merge", "rebase"}) {
		t.Errorf("repository is %+v", r)
	}
}

func TestProbeTellsEveryFaultAtOnce(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /api/v3/user", says(401, `{"message":"Bad credentials"}`))
	s.on("GET", "", says(404, `{"message":"Not Found"}`))
	s.on("GET", "/milestones", paged(t, []any{}))
	s.on("GET", "/labels", paged(t, []any{object{"name": "status: todo"}}))
	p, err := s.client(nil).Probe(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"token: ", "repository: ", "milestone: "} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not told: %v", part, err)
		}
	}
	if len(p.Missing) != 2 {
		t.Errorf("what could be read is %+v", p)
	}
}

func TestATokenOfAnAppIsNobodysAndNoFault(t *testing.T) {
	s := newServer(t)
	s.mux.HandleFunc("GET /api/v3/user", says(403, `{"message":"Resource not accessible by integration"}`, "X-RateLimit-Remaining", "4000"))
	s.on("GET", "", says(200, `{"full_name":"o/r"}`))
	s.on("GET", "/milestones", paged(t, []any{object{"number": 1, "title": "now"}}))
	s.on("GET", "/labels", paged(t, []any{}))
	if p, err := s.client(nil).Probe(t.Context()); err != nil || p.Login != "" || p.Repository.FullName != "o/r" {
		t.Errorf("probe is %+v, %v", p, err)
	}
}

// dispatches answers dispatches of staging.yml as a server does that tells of the run, or as an older one.
func dispatches(t *testing.T, s *server, told bool) (asked *int) {
	asked = new(int)
	s.on("POST", "/actions/workflows/staging.yml/dispatches", func(w http.ResponseWriter, r *http.Request) {
		*asked++
		var body struct {
			Ref    string
			Inputs map[string]string
			Told   bool `json:"return_run_details"`
		}
		decode(t, r, &body)
		if body.Ref != "main" || body.Inputs["sha"] != "abc" {
			t.Errorf("dispatched %+v", body)
		}
		switch {
		case body.Told && told:
			says(200, `{"workflow_run_id":5,"run_url":"https://x/5","html_url":"https://y/5"}`)(w, r)
		case body.Told:
			says(400, `{"message":"Invalid request.\n\n\"return_run_details\" is not a permitted key."}`)(w, r)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	return asked
}

func TestADispatchTellsWhichRunItBecameWhereTheServerSaysIt(t *testing.T) {
	for _, told := range []bool{true, false} {
		s := newServer(t)
		asked := dispatches(t, s, told)
		run, err := s.client(nil).Dispatch(t.Context(), Workflow{File: "staging.yml", Ref: "main", Inputs: map[string]string{"sha": "abc"}})
		if want := map[bool]int64{true: 5}[told]; err != nil || run != want || *asked != map[bool]int{true: 1, false: 2}[told] {
			t.Errorf("told %v: run %d, %v, asked %d times", told, run, err, *asked)
		}
	}
}

func TestADispatchedRunIsFoundByItsTime(t *testing.T) {
	since := time.Date(2026, 5, 1, 10, 0, 0, 999e6, time.FixedZone("", 3600))
	s := newServer(t)
	s.on("GET", "/actions/workflows/staging.yml/runs", func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("created") != ">=2026-05-01T09:00:00Z" || q.Get("event") != "workflow_dispatch" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		says(200, `{"total_count":1,"workflow_runs":[{"id":5,"status":"in_progress","head_sha":"abc","display_title":"abc to staging",
			"actor":{"login":"bot"},"run_attempt":1}]}`)(w, r)
	})
	s.on("GET", "/actions/runs/5", says(200, `{"id":5,"status":"completed","conclusion":"failure","path":".github/workflows/staging.yml@refs/heads/main"}`))
	c := s.client(nil)
	runs, err := c.WorkflowRuns(t.Context(), "staging.yml", since)
	if err != nil || len(runs) != 1 || runs[0].ID != 5 || runs[0].State != Pending || runs[0].Title != "abc to staging" || runs[0].Actor != "bot" {
		t.Fatalf("runs are %+v, %v", runs, err)
	}
	if run, err := c.WorkflowRun(t.Context(), 5); err != nil || run.State != Failure || run.File != "staging.yml" {
		t.Errorf("run is %+v, %v", run, err)
	}
}
