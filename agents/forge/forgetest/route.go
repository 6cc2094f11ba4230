package forgetest

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one thing the REST API can do.
type route struct {
	pattern string // below /api/v3/repos/{owner}/{repo}, or from /api/v3 where it begins with a double slash
	kind    string // of the mutation; "" for a read
	handle  func(*call) answer
	query   string // parameters it knows, separated by spaces, besides page and per_page
}

// routes are all of them, the first that fits counts. What is not here is answered 404 and written down.
var routes = []route{
	{"GET //rate_limit", "", (*call).rateLimit, ""},
	{"GET //user", "", (*call).whoAmI, ""},
	{"GET //users/{login}", "", (*call).getUser, ""},
	{"GET ", "", (*call).getRepository, ""},
	{"GET /collaborators/{login}/permission", "", (*call).permission, ""},
	{"GET /assignees/{login}", "", (*call).isAssignable, ""},

	{"GET /milestones", "", (*call).listMilestones, "state sort direction"},
	{"GET /milestones/{number}", "", (*call).getMilestone, ""},
	{"GET /labels", "", (*call).listLabels, ""},
	{"POST /labels", "label.create", (*call).createLabel, ""},
	{"GET /labels/{name}", "", (*call).getLabel, ""},

	{"GET /issues", "", (*call).listIssues, "milestone state assignee creator labels sort direction since"},
	{"POST /issues", "issue.create", (*call).createIssue, ""},
	{"GET /issues/{number}", "", (*call).getIssue, ""},
	{"PATCH /issues/{number}", "issue.edit", (*call).editIssue, ""},
	{"GET /issues/{number}/comments", "", (*call).listComments, "since"},
	{"POST /issues/{number}/comments", "issue.comment", (*call).createComment, ""},
	{"GET /issues/comments/{comment}", "", (*call).getComment, ""},
	{"PATCH /issues/comments/{comment}", "comment.edit", (*call).editComment, ""},
	{"GET /issues/{number}/labels", "", (*call).listIssueLabels, ""},
	{"POST /issues/{number}/labels", "issue.label", (*call).addIssueLabels, ""},
	{"PUT /issues/{number}/labels", "issue.label", (*call).setIssueLabels, ""},
	{"DELETE /issues/{number}/labels/{name}", "issue.unlabel", (*call).removeIssueLabel, ""},
	{"POST /issues/{number}/assignees", "issue.assign", (*call).addAssignees, ""},
	{"DELETE /issues/{number}/assignees", "issue.unassign", (*call).removeAssignees, ""},

	{"GET /pulls", "", (*call).listPulls, "state head base sort direction"},
	{"POST /pulls", "pull.create", (*call).createPull, ""},
	{"GET /pulls/{number}", "", (*call).getPull, ""},
	{"PATCH /pulls/{number}", "pull.edit", (*call).editPull, ""},
	{"GET /pulls/{number}/files", "", (*call).listPullFiles, ""},
	{"GET /pulls/{number}/commits", "", (*call).listPullCommits, ""},
	{"GET /pulls/{number}/comments", "", (*call).listReviewComments, "sort direction since"},
	{"GET /pulls/{number}/reviews", "", (*call).listReviews, ""},
	{"POST /pulls/{number}/reviews", "pull.review", (*call).createReview, ""},
	{"GET /pulls/{number}/merge", "", (*call).pullMerged, ""},
	{"PUT /pulls/{number}/merge", "pull.merge", (*call).mergePull, ""},
	{"PUT /pulls/{number}/update-branch", "pull.update-branch", (*call).updateBranch, ""},

	{"GET /commits", "", (*call).listCommits, "sha"},
	{"GET /commits/{ref}", "", (*call).getCommit, ""},
	{"GET /commits/{ref}/check-runs", "", (*call).listChecks, "check_name status filter app_id"},
	{"GET /commits/{ref}/check-suites", "", (*call).listSuites, "app_id check_name"},
	{"GET /commits/{ref}/status", "", (*call).combinedStatus, ""},
	{"GET /commits/{ref}/statuses", "", (*call).listStatuses, ""},
	{"GET /compare/{span...}", "", (*call).compare, ""},
	{"GET /check-runs/{check}", "", (*call).getCheck, ""},
	{"GET /check-runs/{check}/annotations", "", (*call).listAnnotations, ""},
	{"POST /check-runs/{check}/rerequest", "check.rerun", (*call).rerunCheck, ""},
	{"POST /check-suites/{suite}/rerequest", "check.rerun", (*call).rerunSuite, ""},

	{"GET /branches", "", (*call).listBranches, "protected"},
	{"GET /branches/{branch}/protection", "", (*call).getProtection, ""},
	{"GET /branches/{branch}/protection/required_status_checks", "", (*call).getRequiredChecks, ""},
	{"GET /branches/{branch...}", "", (*call).getBranch, ""},
	{"GET /rules/branches/{branch...}", "", (*call).getRules, ""},
	{"GET /git/ref/{ref...}", "", (*call).getRef, ""},
	{"GET /git/matching-refs/{ref...}", "", (*call).matchingRefs, ""},
	{"DELETE /git/refs/{ref...}", "branch.delete", (*call).deleteRef, ""},

	{"GET /actions/workflows", "", (*call).listWorkflows, ""},
	{"GET /actions/workflows/{workflow}", "", (*call).getWorkflow, ""},
	{"POST /actions/workflows/{workflow}/dispatches", "dispatch", (*call).dispatch, ""},
	{"GET /actions/workflows/{workflow}/runs", "", (*call).listRuns, "actor branch event status created head_sha exclude_pull_requests"},
	{"GET /actions/runs", "", (*call).listRuns, "actor branch event status created head_sha exclude_pull_requests"},
	{"GET /actions/runs/{run}", "", (*call).getRun, "exclude_pull_requests"},
	{"GET /actions/runs/{run}/jobs", "", (*call).listJobs, "filter"},
	{"POST /actions/runs/{run}/rerun", "check.rerun", (*call).rerunAll, ""},
	{"POST /actions/runs/{run}/rerun-failed-jobs", "check.rerun", (*call).rerunFailed, ""},
	{"GET /actions/jobs/{job}", "", (*call).getJob, ""},
	{"GET /actions/jobs/{job}/logs", "", (*call).getJobLog, ""},
	{"POST /actions/jobs/{job}/rerun", "check.rerun", (*call).rerunJob, ""},
}

// find gives the first route that fits a request, and sets the request's path values. net/http's own multiplexer will
// not have two of GitHub's routes beside each other, /issues/comments/{id} and /issues/{number}/comments, and answers
// an unknown method with 405, where GitHub says 404.
func find(r *http.Request) (route, bool) {
	path := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.EscapedPath(), "/api/v3"), "/"), "/")
	for _, rt := range routes {
		verb, pattern, _ := strings.Cut(rt.pattern, " ")
		if verb == r.Method && match(r, strings.Split(strings.Trim(whole(pattern), "/"), "/"), path) {
			return rt, true
		}
	}
	return route{}, false
}

func whole(pattern string) string {
	if strings.HasPrefix(pattern, "//") {
		return pattern
	}
	return "repos/{owner}/{repo}" + pattern
}

func match(r *http.Request, pattern, path []string) bool {
	values := map[string]string{}
	for i, p := range pattern {
		name, variable := strings.CutPrefix(p, "{")
		name, rest := strings.CutSuffix(name, "...}")
		switch {
		case i >= len(path) || path[i] == "":
			return false
		case variable && rest:
			values[name] = strings.Join(path[i:], "/")
			path = path[:i+1]
		case variable:
			values[strings.TrimSuffix(name, "}")] = path[i]
		case p != path[i]:
			return false
		}
	}
	if len(path) != len(pattern) {
		return false
	}
	for name, value := range values {
		plain, err := url.PathUnescape(value)
		if err != nil {
			return false
		}
		r.SetPathValue(name, plain)
	}
	return true
}

func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	body, fits := s.read(w, r)
	if !fits {
		return
	}
	rt, known := find(r)
	x := exchange{kind: rt.kind, resource: "core", cost: 1, body: body}
	if strings.HasSuffix(rt.pattern, "//rate_limit") {
		x.cost = 0 // asking costs nothing
	}
	x.success = func(a answer) bool { return a.status < http.StatusBadRequest }
	x.handle = func(c *call) answer {
		owner, repo := c.path("owner"), c.path("repo")
		switch {
		case !known:
			s.surprise("%s: no such route", method(r))
			return notFound()
		case owner != "" && (!strings.EqualFold(owner, s.o.Owner) || !strings.EqualFold(repo, s.o.Repo)):
			s.surprise("%s: no such repository", method(r))
			return notFound()
		}
		c.strict(strings.Fields(rt.query))
		return rt.handle(c)
	}
	s.api(w, r, x)
}
