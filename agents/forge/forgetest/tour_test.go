package forgetest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// exchanged is one request of the tour with its answer.
type exchanged struct {
	request *http.Request
	reply   reply
}

// tour asks for everything that the REST API has, in a world where there is something of every kind, and gives all
// that was said.
func tour(t *testing.T) []exchanged {
	r := newRig(t, func(o *Options) {
		o.Required = []string{"test"}
		o.Checks = []Check{{Name: "lint", Judge: func(string) (bool, string) { return true, "clean\n" }}}
	})
	var said []exchanged
	do := func(method, path string, body any) map[string]any {
		t.Helper()
		req := r.request(method, api(path), body)
		got, err := r.send(req)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		if got.status >= http.StatusBadRequest {
			t.Errorf("%s %s: status %d: %s", method, path, got.status, got.body)
		}
		said = append(said, exchanged{req, got})
		return decoded(t, got.body)
	}
	get := func(path string) map[string]any { t.Helper(); return do("GET", path, nil) }

	m := r.AddMilestone("Walking", time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC))
	r.AddMilestone("Someday", time.Time{})
	ticket, err := r.AddIssue(Issue{Title: "Greet louder", Body: "Say it.", Labels: []string{"bug"}, Milestone: m, Status: "Todo"})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"//rate_limit", "//user", "//users/acme", "", "/collaborators/lightsout-bot/permission", "/assignees/lightsout-bot",
		"/milestones?state=all&sort=due_on&direction=asc", "/milestones/1", "/labels", "/labels/bug",
	} {
		get(path)
	}
	do("POST", "/labels", map[string]any{"name": "parked", "color": "d73a4a", "description": "Not now"})
	issue := func(rest string) string { return fmt.Sprintf("/issues/%d%s", ticket, rest) }
	do("POST", "/issues", map[string]any{"title": "Another", "body": "One more.", "labels": []string{"bug"}, "assignees": []string{"acme"}})
	do("PATCH", issue(""), map[string]any{"title": "Greet much louder"})
	said1 := do("POST", issue("/comments"), map[string]any{"body": "On it."})
	comment := "/issues/comments/" + id(said1)
	do("PATCH", comment, map[string]any{"body": "On it now."})
	do("POST", issue("/labels"), []string{"parked", "extra"})
	do("PUT", issue("/labels"), map[string]any{"labels": []string{"parked", "bug"}})
	do("DELETE", issue("/labels/parked"), nil)
	do("POST", issue("/assignees"), map[string]any{"assignees": []string{"lightsout-bot"}})
	do("DELETE", issue("/assignees"), map[string]any{"assignees": []string{"lightsout-bot"}})
	for _, path := range []string{
		"/issues?milestone=1&state=all&labels=bug&sort=updated&direction=asc&since=2020-01-01T00:00:00Z&assignee=none&creator=acme",
		issue(""), issue("/comments"), comment, issue("/labels"),
	} {
		get(path)
	}

	n, head := r.opened("lightsout/1-greet", map[string]string{"greet.txt": "hello!\n"}, fmt.Sprintf("Closes #%d", ticket))
	pull := func(rest string) string { return fmt.Sprintf("/pulls/%d%s", n, rest) }
	do("PATCH", pull(""), map[string]any{"title": "Greet louder still", "body": fmt.Sprintf("Fixes #%d", ticket)})
	r.pushed("other", map[string]string{"notes.txt": "two\n"})
	do("POST", "/pulls", map[string]any{"title": "Other", "head": "acme:other", "base": "main", "draft": true})
	theirs, err := r.OpenFromFork(t.Context(), "eve/greet", "patch-1", map[string][]byte{"notes.txt": []byte("three\n")}, "Theirs", "")
	if err != nil {
		t.Fatal(err)
	}
	get(fmt.Sprintf("/pulls/%d", theirs))
	get("/pulls?state=open&head=eve:patch-1")
	// Of a fork that is gone GitHub shows null where its description of a listing has none.
	if err := r.AddReview(n, Review{Author: "ana", State: "COMMENTED", Body: "Hm.", Comments: []ReviewComment{{"greet.txt", 1, "Why?"}}}); err != nil {
		t.Fatal(err)
	}
	do("POST", pull("/reviews"), map[string]any{"event": "COMMENT", "body": "Noted."})
	if err := r.SetStatus("ana", head, "coverage", "success", "98%"); err != nil {
		t.Fatal(err)
	}
	r.idle()
	for _, path := range []string{
		"/pulls?state=open&head=acme:other&base=main&sort=created&direction=desc", pull(""), pull(""), pull("/files"),
		pull("/commits"), pull("/comments"), pull("/reviews"),
		"/commits?sha=main", "/commits/" + head, "/commits/" + head + "/check-suites", "/commits/" + head + "/status",
		"/commits/" + head + "/statuses", "/compare/main...lightsout%2F1-greet",
		"/branches", "/branches/main", "/branches/lightsout%2F1-greet", "/branches/lightsout/1-greet", "/branches/main/protection",
		"/branches/main/protection/required_status_checks", "/rules/branches/main", "/git/ref/heads/lightsout/1-greet",
		"/git/matching-refs/heads/lightsout", "/actions/workflows", "/actions/workflows/ci.yml",
		"/actions/runs?head_sha=" + head, "/actions/workflows/ci.yml/runs?branch=main&status=success",
	} {
		get(path)
	}
	checks := get("/commits/" + head + "/check-runs?filter=latest")
	if at(t, checks, "total_count") != 2.0 {
		t.Fatalf("check runs: %v", checks)
	}
	check := id(at(t, checks, "check_runs.0").(map[string]any))
	get("/check-runs/" + check)
	get("/check-runs/" + check + "/annotations")
	get("/actions/jobs/" + check)
	get("/actions/jobs/" + check + "/logs")
	do("POST", "/actions/jobs/"+check+"/rerun", nil)
	r.idle()
	suites := get("/commits/" + head + "/check-suites")
	do("POST", "/check-suites/"+id(at(t, suites, "check_suites.0").(map[string]any))+"/rerequest", nil)
	r.idle()
	runs := get("/actions/runs")
	run := "/actions/runs/" + id(at(t, runs, "workflow_runs.0").(map[string]any))
	get(run)
	get(run + "/jobs?filter=latest")
	do("POST", run+"/rerun", nil)
	r.idle()
	latest := get("/commits/" + head + "/check-runs?check_name=test")
	do("POST", "/check-runs/"+id(at(t, latest, "check_runs.0").(map[string]any))+"/rerequest", nil)
	r.idle()

	if _, err := r.PushAsPerson(t.Context(), "main", map[string][]byte{"README": []byte("Greets.\n")}, "Say what it is"); err != nil {
		t.Fatal(err)
	}
	do("PUT", pull("/update-branch"), map[string]any{"expected_head_sha": head})
	r.idle()
	do("PUT", pull("/merge"), map[string]any{"merge_method": "merge", "commit_title": "Land it"})
	get(pull("/merge"))
	get(pull(""))
	get(issue(""))
	do("DELETE", "/git/refs/heads/lightsout/1-greet", nil)
	do("POST", "/actions/workflows/staging.yml/dispatches", map[string]any{"ref": "main", "inputs": map[string]any{"sha": head}, "return_run_details": true})
	r.idle()
	get("/actions/workflows/staging.yml/runs?event=workflow_dispatch&created=%3E%3D2020-01-01T00:00:00Z")

	if _, err := r.PushAsPerson(t.Context(), "red", map[string][]byte{"greet.txt": []byte("bye\n")}, "Break it"); err != nil {
		t.Fatal(err)
	}
	r.idle()
	red := get("/actions/runs?branch=red")
	redRun := "/actions/runs/" + id(at(t, red, "workflow_runs.0").(map[string]any))
	do("POST", redRun+"/rerun-failed-jobs", nil)
	r.idle()
	broken := get("/commits/red/check-runs?check_name=test")
	get("/check-runs/" + id(at(t, broken, "check_runs.0").(map[string]any)) + "/annotations")
	r.clean()
	return said
}

func TestEveryRouteAnswers(t *testing.T) {
	visited := map[string]bool{}
	for _, x := range tour(t) {
		if rt, known := find(x.request); known {
			visited[rt.pattern] = true
		}
	}
	for _, rt := range routes {
		if !visited[rt.pattern] {
			t.Errorf("the tour does not visit %s", strings.TrimSpace(rt.pattern))
		}
	}
}

func id(object map[string]any) string { return strconv.FormatInt(int64(object["id"].(float64)), 10) }
