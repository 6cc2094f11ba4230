package forgetest

import (
	"strings"
	"testing"
	"time"
)

func TestDispatchDeploysToStaging(t *testing.T) {
	r := newRig(t, judged)
	head := r.committed("topic", map[string]string{"notes.txt": "x"})
	main := r.Branches()["main"]
	dispatch := "/actions/workflows/staging.yml/dispatches"
	r.want(204, "POST", dispatch, map[string]any{"ref": "main"})
	r.idle()
	r.want(204, "POST", dispatch, map[string]any{"ref": "main", "inputs": map[string]string{"sha": head}})
	r.idle()
	runs := r.want(200, "GET", "/actions/workflows/staging.yml/runs?event=workflow_dispatch", nil)
	latest := at(t, runs, "workflow_runs.0").(map[string]any)
	if runs["total_count"] != 2.0 || latest["status"] != "completed" || latest["conclusion"] != "success" || latest["head_sha"] != main {
		t.Errorf("runs: %v", runs)
	}
	var got []string
	for _, d := range r.Deployments() {
		got = append(got, d.SHA+" "+d.State)
	}
	if want := main + " success, " + head + " success"; strings.Join(got, ", ") != want {
		t.Errorf("deployments %v, want %s", got, want)
	}
	jobs := r.want(200, "GET", "/actions/runs/"+id(latest)+"/jobs", nil)
	if log := r.log(id(at(t, jobs, "jobs.0").(map[string]any))); !strings.Contains(log, "Deploying "+head) {
		t.Errorf("log: %s", log)
	}
	r.clean()
}

func TestDeploymentThatFailsSaysSo(t *testing.T) {
	r := newRig(t, func(o *Options) {
		judged(o)
		o.Staging = Staging{File: "deploy.yml", Outcome: func(string) string { return "failure" }}
	})
	r.want(204, "POST", "/actions/workflows/deploy.yml/dispatches", map[string]any{"ref": "main"})
	r.idle()
	if got := r.Deployments(); len(got) != 1 || got[0].State != "failure" {
		t.Errorf("deployments: %v", got)
	}
	r.clean()
}

func TestDispatchIsRefusedAsGitHubRefusesIt(t *testing.T) {
	r := newRig(t, judged)
	for name, c := range map[string]struct {
		file   string
		body   map[string]any
		status int
	}{
		"no such workflow":     {"other.yml", map[string]any{"ref": "main"}, 404},
		"not to be dispatched": {"ci.yml", map[string]any{"ref": "main"}, 422},
		"no such ref":          {"staging.yml", map[string]any{"ref": "ghost"}, 422},
		"no such commit":       {"staging.yml", map[string]any{"ref": "main", "inputs": map[string]string{"sha": strings.Repeat("1", 40)}}, 422},
		"undeclared input":     {"staging.yml", map[string]any{"ref": "main", "inputs": map[string]string{"colour": "red"}}, 422},
	} {
		if got := r.do("POST", "/actions/workflows/"+c.file+"/dispatches", c.body); got.status != c.status {
			t.Errorf("%s: status %d: %s", name, got.status, got.body)
		}
	}
	if got := r.Deployments(); len(got) != 0 {
		t.Errorf("deployments: %v", got)
	}
	if odd := r.Unexpected(); len(odd) != 1 || !strings.Contains(odd[0], "colour") {
		t.Errorf("unexpected: %q", odd)
	}
}

func TestCreatedFilterKeepsWhatGitHubKeeps(t *testing.T) {
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	noon := at("2026-03-04T12:00:00Z")
	for filter, want := range map[string]bool{
		"": true, ">=2026-03-04T12:00:00Z": true, ">2026-03-04T12:00:00Z": false, "<2026-03-04T12:00:00Z": false,
		"<=2026-03-04T12:00:00Z": true, "2026-03-04": true, "2026-03-05": false, ">=2026-03-05": false,
		"2026-03-03..2026-03-05": true, "2026-03-05..2026-03-06": false,
	} {
		within, err := createdFilter(filter)
		if err != nil || within(noon) != want {
			t.Errorf("%q: %v, want %v (%v)", filter, !want, want, err)
		}
	}
	for _, bad := range []string{"soon", ">=", "2026-03-03..soon", "=>2026-03-04"} {
		if _, err := createdFilter(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
