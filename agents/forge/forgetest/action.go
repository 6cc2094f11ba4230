package forgetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// workflow is one file under .github/workflows of the imagined repository: CI, and the deployment to staging.
type workflow struct {
	id         int64
	file, name string
}

func (c *call) workflows() []workflow {
	return []workflow{{firstID - 2, ciFile, "CI"}, {firstID - 1, c.s.o.Staging.File, "Staging"}}
}

func (c *call) workflow(w workflow) obj {
	return obj{
		"id": w.id, "node_id": node("W", w.id), "name": w.name, "path": workflowPath(w.file), "state": "active",
		"url": c.repoURL("actions", "workflows", w.id), "html_url": c.pageURL("blob", c.s.o.DefaultBranch, workflowPath(w.file)),
		"badge_url":  c.pageURL("workflows", w.name, "badge.svg"),
		"created_at": stamp(c.s.start), "updated_at": stamp(c.s.start),
	}
}

func workflowPath(file string) string { return ".github/workflows/" + file }

// findWorkflow finds a workflow by its id or by the name of its file.
func (c *call) findWorkflow() (workflow, bool) {
	for _, w := range c.workflows() {
		if name := c.path("workflow"); name == w.file || name == strconv.FormatInt(w.id, 10) {
			return w, true
		}
	}
	return workflow{}, false
}

func (c *call) listWorkflows() answer {
	list := c.workflows()
	return ok(obj{"total_count": len(list), "workflows": each(paged(c, list), c.workflow)})
}

func (c *call) getWorkflow() answer {
	w, known := c.findWorkflow()
	if !known {
		return notFound()
	}
	return ok(c.workflow(w))
}

type dispatchRequest struct {
	Ref    string                     `json:"ref"`
	Inputs map[string]json.RawMessage `json:"inputs"`
	Told   bool                       `json:"return_run_details"`
}

// dispatch starts the staging workflow. The answer says nothing of the run unless it is asked to: it is found in the list.
func (c *call) dispatch() answer {
	w, known := c.findWorkflow()
	if !known {
		return notFound()
	}
	req, problem := decode[dispatchRequest](c)
	if problem != nil {
		return *problem
	}
	if w.file != c.s.o.Staging.File {
		return refuse(http.StatusUnprocessableEntity, "Workflow does not have 'workflow_dispatch' trigger")
	}
	if req.Told && c.s.o.Staging.Mute {
		return refuse(http.StatusBadRequest, "return_run_details is not a permitted key")
	}
	branch := strings.TrimPrefix(req.Ref, "refs/heads/")
	sha := c.w.heads[branch]
	if sha == "" {
		return refuse(http.StatusUnprocessableEntity, "No ref found for: %s", req.Ref)
	}
	inputs := map[string]string{}
	var surplus []string
	for name, raw := range req.Inputs {
		value := strings.Trim(string(raw), `"`)
		if !slices.Contains(c.s.o.Staging.Inputs, name) {
			surplus = append(surplus, name)
		}
		inputs[name] = value
	}
	if slices.Sort(surplus); surplus != nil {
		c.s.surprise("%s: inputs %q", method(c.r), surplus)
		return refuse(http.StatusUnprocessableEntity, "Unexpected inputs provided: %q", surplus)
	}
	if wanted := inputs["sha"]; wanted != "" {
		if _, exists := c.s.git.resolve(wanted); !exists {
			return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", wanted)
		}
	}
	r := c.newRun(w.file, w.name, "workflow_dispatch", branch, sha)
	r.inputs = inputs
	c.w.runs[r.id] = r
	c.record("dispatch", w.file, "%s at %s: %v", branch, sha, inputs)
	c.runChecks(r.id, []Check{c.deployment(r)})
	if req.Told {
		return ok(obj{"workflow_run_id": r.id, "run_url": c.repoURL("actions", "runs", r.id), "html_url": c.pageURL("actions", "runs", r.id)})
	}
	return empty()
}

// deployed is the commit that a run of the staging workflow deploys.
func (r run) deployed() string { return cmp.Or(r.inputs["sha"], r.sha) }

// deployment is the one job of the staging workflow.
func (c *call) deployment(r run) Check {
	outcome := c.s.o.Staging.Outcome
	return Check{Name: "deploy", Delay: c.s.o.Staging.Delay, Judge: func(string) (bool, string) {
		conclusion := "success"
		if outcome != nil {
			conclusion = outcome(r.deployed())
		}
		return conclusion == "success", fmt.Sprintf("Deploying %s to staging: %s\n", r.deployed(), conclusion)
	}}
}

// noteDeployment writes down what a finished run of the staging workflow deployed.
func (c *call) noteDeployment(r run) {
	if r.file != c.s.o.Staging.File {
		return
	}
	c.s.ledger.deployments = append(c.s.ledger.deployments,
		Deployment{SHA: r.deployed(), Ref: r.branch, At: c.now, State: r.conclusion, Run: r.id})
	c.record("deploy", r.file, "%s: %s", r.deployed(), r.conclusion)
}

func (c *call) run(r run) (obj, error) {
	made, err := c.s.git.commit(r.sha)
	if err != nil {
		return nil, err
	}
	var w workflow
	for _, w = range c.workflows() {
		if w.file == r.file {
			break
		}
	}
	title, _, _ := strings.Cut(made.message, "\n")
	if r.event == "workflow_dispatch" {
		title = r.name
	}
	special := obj{
		"id": r.id, "name": r.name, "head_branch": r.branch, "head_sha": r.sha, "path": workflowPath(r.file),
		"display_title": title, "run_number": r.number, "run_attempt": r.attempt, "event": r.event, "status": r.status,
		"conclusion": text(r.conclusion), "workflow_id": w.id, "check_suite_id": r.suite,
		"check_suite_node_id": node("CS", r.suite), "pull_requests": c.pullsAt(r.sha), "created_at": stamp(r.created),
		"updated_at": stamp(cmp.Or(r.ended, r.begun, r.created)), "run_started_at": stamp(cmp.Or(r.begun, r.created)),
		"actor": c.user(r.actor), "triggering_actor": c.user(r.actor), "head_commit": c.shortCommit(made),
		"repository": c.repository(false), "head_repository": c.repository(false),
	}
	return c.shape("run", special, "$number", strconv.FormatInt(r.id, 10), "$suite", strconv.FormatInt(r.suite, 10),
		"$workflow", strconv.FormatInt(w.id, 10), "$node", node("WFR", r.id)), nil
}

// listRuns lists the runs of one workflow, or of all, newest first.
func (c *call) listRuns() answer {
	file := ""
	if c.path("workflow") != "" {
		w, known := c.findWorkflow()
		if !known {
			return notFound()
		}
		file = w.file
	}
	within, err := createdFilter(c.query("created"))
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, "Invalid created: %v", err)
	}
	is := func(parameter string, values ...string) bool {
		return c.query(parameter) == "" || slices.Contains(values, c.query(parameter))
	}
	var list []run
	for _, r := range slices.Backward(sorted(c.w.runs)) {
		if (file == "" || r.file == file) && is("branch", r.branch) && is("event", r.event) && is("head_sha", r.sha) &&
			is("status", r.status, r.conclusion) && is("actor", r.actor) && within(r.created) && c.listed(r) {
			list = append(list, r)
		}
	}
	shown := []any{}
	for _, r := range paged(c, list) {
		one, err := c.run(r)
		if err != nil {
			return c.broken(err)
		}
		shown = append(shown, one)
	}
	return ok(obj{"total_count": len(list), "workflow_runs": shown})
}

// listed tells whether GitHub lists a run yet.
func (c *call) listed(r run) bool {
	return r.event != "workflow_dispatch" || !c.now.Before(r.created.Add(c.s.o.Staging.Unlisted))
}

// createdFilter reads GitHub's search syntax for dates as far as it goes for one bound, or two: ">=T", "T..T", "T".
func createdFilter(s string) (func(time.Time) bool, error) {
	if s == "" {
		return func(time.Time) bool { return true }, nil
	}
	if from, to, span := strings.Cut(s, ".."); span {
		a, err := createdFilter(">=" + from)
		if err != nil {
			return nil, err
		}
		b, err := createdFilter("<=" + to)
		return func(t time.Time) bool { return a(t) && b(t) }, err
	}
	bare := strings.TrimLeft(s, "<>=")
	t, err := time.Parse(time.RFC3339, bare)
	if err != nil {
		if t, err = time.Parse(time.DateOnly, bare); err != nil {
			return nil, err
		}
	}
	compare, known := map[string]func(int) bool{
		">": func(order int) bool { return order > 0 }, ">=": func(order int) bool { return order >= 0 },
		"<": func(order int) bool { return order < 0 }, "<=": func(order int) bool { return order <= 0 },
		"": nil,
	}[s[:len(s)-len(bare)]]
	switch {
	case !known:
		return nil, fmt.Errorf("cannot compare with %q", s)
	case compare == nil: // a day
		return func(at time.Time) bool { return at.UTC().Format(time.DateOnly) == t.Format(time.DateOnly) }, nil
	default:
		return func(at time.Time) bool { return compare(at.Truncate(time.Second).Compare(t)) }, nil
	}
}

func (c *call) getRun() answer {
	r, known := c.w.runs[c.id("run")]
	if !known {
		return notFound()
	}
	shown, err := c.run(r)
	if err != nil {
		return c.broken(err)
	}
	return ok(shown)
}

func (c *call) jobsOf(r run, latest bool) []check {
	list := slices.DeleteFunc(c.checksAt(r.sha, latest), func(k check) bool { return k.run != r.id })
	slices.Reverse(list)
	return list
}

func (c *call) listJobs() answer {
	r, known := c.w.runs[c.id("run")]
	if !known {
		return notFound()
	}
	list := c.jobsOf(r, c.query("filter") != "all")
	return ok(obj{"total_count": len(list), "jobs": each(paged(c, list), c.job)})
}

func (c *call) getJob() answer {
	k, known := c.w.checks[c.id("job")]
	if !known {
		return notFound()
	}
	return ok(c.job(k))
}

func (c *call) rerunJob() answer {
	id := c.id("job")
	return c.rerun(c.w.checks[id].run, func(k check) bool { return k.id == id })
}

func (c *call) rerunFailed() answer {
	return c.rerun(c.id("run"), func(k check) bool { return k.conclusion != "success" })
}

func (c *call) rerunAll() answer { return c.rerun(c.id("run"), func(check) bool { return true }) }

func (c *call) rerunCheck() answer {
	id := c.id("check")
	return c.rerun(c.w.checks[id].run, func(k check) bool { return k.id == id })
}

func (c *call) rerunSuite() answer {
	for _, r := range c.w.runs {
		if r.suite == c.id("suite") {
			return c.rerun(r.id, func(check) bool { return true })
		}
	}
	return notFound()
}

type rerunRequest struct {
	Debug bool `json:"enable_debug_logging"`
}

// rerun begins another attempt of a run with the jobs that are chosen.
func (c *call) rerun(id int64, chosen func(check) bool) answer {
	r, known := c.w.runs[id]
	if !known {
		return notFound()
	}
	if _, problem := decode[rerunRequest](c); problem != nil {
		return *problem
	}
	if r.status != "completed" {
		return refuse(http.StatusForbidden, "This workflow is already running")
	}
	var specs []Check
	for _, k := range c.jobsOf(r, true) {
		if !chosen(k) {
			continue
		}
		if r.file == c.s.o.Staging.File {
			specs = append(specs, c.deployment(r))
		}
		for _, spec := range c.s.o.Checks {
			if r.file == ciFile && spec.Name == k.name {
				specs = append(specs, spec)
			}
		}
	}
	if specs == nil {
		return refuse(http.StatusForbidden, "There are no jobs to rerun")
	}
	r.attempt, r.status, r.conclusion, r.ended = r.attempt+1, "queued", "", time.Time{}
	c.w.runs[id] = r
	c.record("check.rerun", path.Base(r.file), "attempt %d of run %d", r.attempt, r.id)
	c.runChecks(id, specs)
	return created(obj{})
}
