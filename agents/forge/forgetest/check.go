package forgetest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// checkRun shows a check. GitHub gives a check run and its job the same id, and so do we.
func (c *call) checkRun(k check) obj {
	r := c.w.runs[k.run]
	page := c.pageURL("actions", "runs", r.id, "job", k.id)
	return obj{
		"id": k.id, "node_id": node("CR", k.id), "head_sha": k.sha, "name": k.name, "external_id": "",
		"url": c.repoURL("check-runs", k.id), "html_url": page, "details_url": page, "status": k.status,
		"conclusion": text(k.conclusion), "started_at": stamp(cmp.Or(k.started, k.created)), "completed_at": stamp(k.completed),
		"check_suite": obj{"id": r.suite}, "app": c.app(), "pull_requests": c.pullsAt(k.sha),
		"output": obj{
			"title": text(k.title), "summary": text(k.summary), "text": text(k.text),
			"annotations_count": len(k.annotations), "annotations_url": c.repoURL("check-runs", k.id, "annotations"),
		},
	}
}

func (c *call) app() obj { return c.shape("app", obj{"owner": c.user(c.s.o.Owner)}) }

// pullsAt lists, in the short form, the open pull requests whose head is this commit.
func (c *call) pullsAt(sha string) []any {
	out := []any{}
	for _, p := range sorted(c.w.pulls) {
		if p.head != sha || !c.w.issues[p.number].open || p.fork != "" { // GitHub leaves those of forks out
			continue
		}
		repo := obj{"id": int64(firstID), "url": c.repoURL(), "name": c.s.o.Repo}
		out = append(out, obj{
			"id": p.id, "number": p.number, "url": c.repoURL("pulls", p.number),
			"head": obj{"ref": p.headRef, "sha": p.head, "repo": repo},
			"base": obj{"ref": p.baseRef, "sha": p.base, "repo": repo},
		})
	}
	return out
}

// commitOf finds the commit of the path's ref: a branch, or a commit.
func (c *call) commitOf() (string, bool) {
	return c.revision(c.path("ref"))
}

// revision finds the commit that a branch, a full or abbreviated commit name, or a ref stands for.
func (c *call) revision(name string) (string, bool) {
	if sha, branch := c.w.heads[name]; branch {
		return sha, true
	}
	for _, sha := range c.w.heads {
		if sha == name {
			return sha, true
		}
	}
	return c.s.git.resolve(name)
}

// checksAt lists the checks of a commit, newest first; latest leaves out those that a later attempt of the same suite
// replaced.
func (c *call) checksAt(sha string, latest bool) []check {
	type key struct {
		run  int64 // each has a suite of its own
		name string
	}
	var list []check
	seen := map[key]bool{}
	for _, k := range slices.Backward(sorted(c.w.checks)) {
		if k.sha != sha || latest && seen[key{k.run, k.name}] {
			continue
		}
		seen[key{k.run, k.name}] = true
		list = append(list, k)
	}
	return list
}

func (c *call) listChecks() answer {
	sha, known := c.commitOf()
	if !known {
		return c.noCommit()
	}
	list := slices.DeleteFunc(c.checksAt(sha, c.query("filter") != "all"), func(k check) bool {
		return c.query("check_name") != "" && c.query("check_name") != k.name ||
			c.query("status") != "" && c.query("status") != k.status
	})
	return ok(obj{"total_count": len(list), "check_runs": each(paged(c, list), c.checkRun)})
}

func (c *call) getCheck() answer {
	k, known := c.w.checks[c.id("check")]
	if !known {
		return notFound()
	}
	return ok(c.checkRun(k))
}

func (c *call) listAnnotations() answer {
	k, known := c.w.checks[c.id("check")]
	if !known {
		return notFound()
	}
	return ok(each(paged(c, k.annotations), func(a annotation) obj {
		return obj{
			"path": a.path, "blob_href": c.pageURL("blob", k.sha, escape(a.path)), "start_line": a.line, "end_line": a.line,
			"start_column": nil, "end_column": nil, "annotation_level": "failure", "title": a.title, "message": a.message,
			"raw_details": "",
		}
	}))
}

func (c *call) listSuites() answer {
	sha, known := c.commitOf()
	if !known {
		return c.noCommit()
	}
	made, err := c.s.git.commit(sha)
	if err != nil {
		return c.broken(err)
	}
	list := slices.DeleteFunc(sorted(c.w.runs), func(r run) bool { return r.sha != sha })
	return ok(obj{"total_count": len(list), "check_suites": each(paged(c, list), func(r run) obj {
		checks := 0
		for _, k := range c.checksAt(sha, true) {
			if k.run == r.id {
				checks++
			}
		}
		return obj{
			"id": r.suite, "node_id": node("CS", r.suite), "head_branch": r.branch, "head_sha": r.sha, "status": r.status,
			"conclusion": text(r.conclusion), "url": c.repoURL("check-suites", r.suite), "before": nil, "after": r.sha,
			"pull_requests": c.pullsAt(sha), "app": c.app(), "repository": c.repository(false),
			"created_at": stamp(r.created), "updated_at": stamp(cmp.Or(r.ended, r.begun, r.created)),
			"head_commit": c.shortCommit(made), "latest_check_runs_count": checks,
			"check_runs_url": c.repoURL("check-suites", r.suite, "check-runs"),
		}
	})})
}

// statusesAt lists the commit statuses of a commit, newest first; latest keeps one of each context.
func (c *call) statusesAt(sha string, latest bool) []status {
	var list []status
	seen := map[string]bool{}
	for _, st := range slices.Backward(c.w.statuses) {
		if st.sha != sha || latest && seen[st.context] {
			continue
		}
		seen[st.context] = true
		list = append(list, st)
	}
	return list
}

func (c *call) status(st status) obj {
	return obj{
		"id": st.id, "node_id": node("SC", st.id), "url": c.repoURL("statuses", st.sha), "avatar_url": c.s.base + "/avatars/" + st.who,
		"state": st.state, "context": st.context, "description": text(st.description), "target_url": text(st.url),
		"created_at": stamp(st.created), "updated_at": stamp(st.created),
	}
}

func (c *call) combinedStatus() answer {
	sha, known := c.commitOf()
	if !known {
		return notFound()
	}
	list := c.statusesAt(sha, true)
	state := "success"
	for _, st := range list {
		switch {
		case st.state == "failure" || st.state == "error":
			state = "failure"
		case st.state == "pending" && state == "success":
			state = "pending"
		}
	}
	if len(list) == 0 {
		state = "pending" // GitHub's word for a commit without statuses
	}
	return ok(obj{
		"state": state, "sha": sha, "total_count": len(list), "statuses": each(paged(c, list), c.status),
		"repository": c.repository(false), "commit_url": c.repoURL("commits", sha), "url": c.repoURL("commits", sha, "status"),
	})
}

func (c *call) listStatuses() answer {
	sha, known := c.commitOf()
	if !known {
		return notFound()
	}
	return ok(each(paged(c, c.statusesAt(sha, false)), func(st status) obj {
		shown := c.status(st)
		shown["creator"] = c.user(st.who)
		return shown
	}))
}

// checksMissing gives the first required check that is not green on the head of a pull request, and whether any check
// there is not green.
func (c *call) checksMissing(p pull) (missing string, unstable bool) {
	green := map[string]bool{}
	report := func(name string, good bool) { // under one name the worst word counts
		before, reported := green[name]
		green[name] = good && (before || !reported)
		unstable = unstable || !good
	}
	for _, k := range c.checksAt(p.head, true) {
		report(k.name, k.conclusion == "success" || k.conclusion == "neutral" || k.conclusion == "skipped")
	}
	for _, st := range c.statusesAt(p.head, true) {
		report(st.context, st.state == "success")
	}
	if p.baseRef != c.s.o.DefaultBranch {
		return "", unstable
	}
	for _, name := range c.s.o.Required {
		if !green[name] {
			return name, true
		}
	}
	return "", unstable
}

func (c *call) job(k check) obj {
	r := c.w.runs[k.run]
	steps := []any{}
	if k.status != "queued" {
		steps = append(steps, obj{
			"name": fmt.Sprintf("Run %s", k.name), "number": 1, "status": k.status, "conclusion": text(k.conclusion),
			"started_at": stamp(k.started), "completed_at": stamp(k.completed),
		})
	}
	return obj{
		"id": k.id, "node_id": node("CR", k.id), "run_id": r.id, "run_url": c.repoURL("actions", "runs", r.id),
		"run_attempt": k.attempt, "head_sha": k.sha, "head_branch": r.branch, "workflow_name": r.name, "name": k.name,
		"url": c.repoURL("actions", "jobs", k.id), "html_url": c.pageURL("actions", "runs", r.id, "job", strconv.FormatInt(k.id, 10)),
		"check_run_url": c.repoURL("check-runs", k.id), "status": k.status, "conclusion": text(k.conclusion),
		"created_at": stamp(k.created), "started_at": stamp(cmp.Or(k.started, k.created)), "completed_at": stamp(k.completed),
		"labels": []any{"ubuntu-latest"}, "runner_id": 1, "runner_name": "forgetest", "runner_group_id": 1,
		"runner_group_name": "GitHub Actions", "steps": steps,
	}
}

func (c *call) noCommit() answer {
	return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", c.path("ref"))
}
