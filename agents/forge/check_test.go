package forge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestEveryStateOfACheckRunHasOurWord(t *testing.T) {
	for _, test := range []struct {
		status, conclusion string
		want               CheckState
	}{
		{"queued", "", Pending}, {"in_progress", "", Pending}, {"waiting", "", Pending}, {"requested", "", Pending}, {"", "", Pending},
		{"in_progress", "success", Pending}, // not over yet, whatever it says
		{"completed", "success", Success}, {"completed", "failure", Failure}, {"completed", "neutral", Neutral},
		{"completed", "skipped", Skipped}, {"completed", "cancelled", Cancelled}, {"completed", "timed_out", TimedOut},
		{"completed", "action_required", ActionRequired}, {"completed", "stale", Errored}, {"completed", "startup_failure", Errored},
		{"completed", "", Errored}, {"completed", "a word of next year", Errored},
	} {
		if got := runState(test.status, test.conclusion); got != test.want {
			t.Errorf("runState(%q, %q) = %q, want %q", test.status, test.conclusion, got, test.want)
		}
	}
}

func run(id int, app, name, conclusion string) object {
	return object{"id": id, "name": name, "head_sha": "abc", "status": "completed", "conclusion": conclusion, "app": object{"slug": app},
		"details_url": fmt.Sprintf("https://github.test/o/r/actions/runs/%d/job/%d", 1000+id, 2000+id)}
}

func status(id int, context, state string) object {
	return object{"id": id, "context": context, "state": state, "target_url": "https://ci.test/1", "description": "said"}
}

func TestOfEachAppAndNameTheLatestCounts(t *testing.T) {
	for _, test := range []struct {
		name     string
		runs     []any
		statuses []any
		want     []string
	}{
		{"none", nil, nil, nil},
		{"a re-run that went well", []any{run(1, "github-actions", "test", "failure"), run(2, "github-actions", "test", "success")}, nil,
			[]string{"test@github-actions success"}},
		{"in any order", []any{run(2, "github-actions", "test", "failure"), run(1, "github-actions", "test", "success")}, nil,
			[]string{"test@github-actions failure"}},
		{"one name of two apps", []any{run(1, "github-actions", "test", "failure"), run(2, "other", "test", "success")}, nil,
			[]string{"test@github-actions failure", "test@other success"}},
		{"a status of the same name", []any{run(1, "github-actions", "test", "success")}, []any{status(1, "test", "error")},
			[]string{"test@ error", "test@github-actions success"}},
		{"statuses", nil, []any{status(3, "ci/b", "pending"), status(1, "ci/a", "success"), status(2, "ci/a", "failure")},
			[]string{"ci/a@ failure", "ci/b@ pending"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on("GET", "/commits/abc/check-runs", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("filter") != "latest" {
					t.Errorf("asked for %s", r.URL.RawQuery)
				}
				says(200, toJSON(t, object{"total_count": len(test.runs), "check_runs": test.runs}))(w, r)
			})
			s.on("GET", "/commits/abc/status", says(200, toJSON(t, object{"sha": "abc", "statuses": test.statuses})))
			checks, err := s.client(nil).Checks(t.Context(), "abc")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range checks {
				got = append(got, fmt.Sprintf("%s@%s %s", c.Name, c.App, c.State))
				if c.SHA != "abc" {
					t.Errorf("check %s is about %q", c.Name, c.SHA)
				}
				if c.App == "" && (c.RunID != 0 || c.JobID != 0 || c.Summary != "said") {
					t.Errorf("status %+v", c)
				}
				if c.App != "" && (c.WorkflowRunID != 1000+c.RunID || c.JobID != 2000+c.RunID) {
					t.Errorf("check run %d has job %d of run %d", c.RunID, c.JobID, c.WorkflowRunID)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("checks are %q, want %q", got, test.want)
			}
		})
	}
}

func TestAGreenCheckHidesNoRedOneOfAnotherWorkflow(t *testing.T) {
	in := func(suite int, check object) object {
		check["check_suite"] = object{"id": suite}
		return check
	}
	workflowRun := func(suite, workflow int, event string) object {
		return object{"id": 100 + suite, "check_suite_id": suite, "workflow_id": workflow, "event": event}
	}
	checks := []any{in(1, run(10, "github-actions", "test", "failure")), in(2, run(11, "github-actions", "test", "success"))}
	both := "failure success"
	for name, test := range map[string]struct {
		runs http.HandlerFunc
		want string
	}{
		"two workflows":             {says(200, toJSON(t, object{"workflow_runs": []any{workflowRun(1, 7, "push"), workflowRun(2, 8, "push")}})), both},
		"two events":                {says(200, toJSON(t, object{"workflow_runs": []any{workflowRun(1, 7, "push"), workflowRun(2, 7, "pull_request")}})), both},
		"the next night's":          {says(200, toJSON(t, object{"workflow_runs": []any{workflowRun(1, 7, "schedule"), workflowRun(2, 7, "schedule")}})), "success"},
		"suites of no workflow":     {says(200, `{"workflow_runs":[]}`), both},
		"runs that may not be read": {says(403, `{"message":"Resource not accessible by personal access token"}`), both},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.on("GET", "/commits/abc/check-runs", says(200, toJSON(t, object{"check_runs": checks})))
			s.on("GET", "/commits/abc/status", says(200, `{"sha":"abc"}`))
			s.on("GET", "/actions/runs", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("head_sha") != "abc" {
					t.Errorf("asked for %s", r.URL.RawQuery)
				}
				test.runs(w, r)
			})
			found, err := s.client(nil).Checks(t.Context(), "abc")
			var states []string
			for _, c := range found {
				states = append(states, string(c.State))
			}
			if got := strings.Join(states, " "); err != nil || got != test.want {
				t.Errorf("checks are %q, want %q (%v)", got, test.want, err)
			}
		})
	}
}

func TestAFailedCheckTellsWhere(t *testing.T) {
	red, green := run(1, "linter", "lint", "failure"), run(2, "linter", "vet", "success")
	red["output"] = object{"summary": "1 fault", "annotations_count": 1}
	green["output"] = object{"title": "fine", "annotations_count": 3}
	s := newServer(t)
	s.on("GET", "/commits/abc/check-runs", says(200, toJSON(t, object{"check_runs": []any{red, green}})))
	s.on("GET", "/commits/abc/status", says(200, `{"sha":"abc"}`))
	s.on("GET", "/check-runs/1/annotations", says(200, `[{"path":"csv.go","start_line":88,"annotation_level":"failure","message":"unused variable rows"}]`))
	checks, err := s.client(nil).Checks(t.Context(), "abc")
	if err != nil || len(checks) != 2 {
		t.Fatalf("%v, %v", checks, err)
	}
	want := []Annotation{{"csv.go", 88, "failure", "unused variable rows"}}
	if !slices.Equal(checks[0].Annotations, want) || checks[0].Summary != "1 fault" {
		t.Errorf("failed check is %+v", checks[0])
	}
	if checks[1].Annotations != nil || checks[1].Summary != "fine" {
		t.Errorf("green check is %+v", checks[1])
	}
}

func TestRequiredChecksAreThoseConfiguredElseThoseOfProtectionAndRules(t *testing.T) {
	const branchOf = `{"name":"release/1","protected":true,"protection":{"enabled":true,"required_status_checks":{
		"contexts":["test","lint"],"checks":[{"context":"test","app_id":1},{"context":"build","app_id":-1}]}}}`
	const open = `{"protected":false,"protection":{"enabled":false,"required_status_checks":{
		"enforcement_level":"off","contexts":[],"checks":[]}}}`
	const ruled = `[{"type":"deletion"},{"type":"a rule of next year","parameters":{"x":1}},
		{"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"e2e","integration_id":7},{"context":"test"}]}}]`
	for _, test := range []struct {
		name       string
		configured []string
		branch     http.HandlerFunc
		rules      http.HandlerFunc
		want       string
	}{
		{"configured", []string{"mine"}, nil, nil, "mine"},
		{"both kinds", nil, says(200, branchOf), says(200, ruled), "build e2e/7 lint test/1"},
		{"protection alone", nil, says(200, branchOf), says(200, `[]`), "build lint test/1"},
		{"a server without rules", nil, says(200, branchOf), says(404, `{}`), "build lint test/1"},
		{"nobody asks for any", nil, says(200, open), says(200, `[]`), ""},
		{"no such branch", nil, says(404, `{"message":"Branch not found"}`), nil, "error"},
		{"a plan without rules", nil, says(200, branchOf), says(403, `{"message":"Upgrade to GitHub Pro or make this repository public to enable this feature."}`), "build lint test/1"},
		{"rules may not be read", nil, says(200, branchOf), says(403, `{"message":"no"}`), "error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			if test.branch != nil {
				s.on("GET", "/branches/{branch}", test.branch)
			}
			if test.rules != nil {
				s.on("GET", "/rules/branches/{branch}", test.rules)
			}
			required, err := s.client(func(o *Options) { o.Required = test.configured }).RequiredChecks(t.Context(), "release/1")
			var names []string
			for _, r := range required {
				if names = append(names, r.Name); r.AppID != 0 {
					names[len(names)-1] += fmt.Sprintf("/%d", r.AppID)
				}
			}
			got := strings.Join(names, " ")
			if err != nil {
				got = "error"
			}
			if got != test.want {
				t.Errorf("required are %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestFailedChecksAreAskedForOnceMoreWhereTheyCameFrom(t *testing.T) {
	rerun := func(run string) string { return "POST " + repoPath + "/actions/runs/" + run + "/rerun-failed-jobs" }
	for _, test := range []struct {
		checks []Check
		want   string
	}{
		{[]Check{{Name: "test", RunID: 1, JobID: 2, WorkflowRunID: 3}}, rerun("3")},
		{[]Check{{Name: "a", RunID: 1, WorkflowRunID: 3}, {Name: "b", RunID: 2, WorkflowRunID: 3}, {Name: "c", RunID: 4, WorkflowRunID: 5}}, rerun("3") + ", " + rerun("5")},
		{[]Check{{Name: "lint", RunID: 1}}, "POST " + repoPath + "/check-runs/1/rerequest"},
		{[]Check{{Name: "ci/a"}}, "not found"},
	} {
		s := newServer(t)
		s.mux.HandleFunc("/", says(201, `{}`))
		err := s.client(nil).RerunFailed(t.Context(), test.checks...)
		got := sortOf(err)
		if err == nil {
			got = strings.Join(s.asked, ", ")
		}
		if got != test.want {
			t.Errorf("rerun of %v: %s, want %s", test.checks, got, test.want)
		}
	}
}
