package forgetest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// issue shows an issue, or a pull request as the issue it also is.
func (c *call) issue(i issue) obj {
	kind, code := "issues", "I"
	if i.pull {
		kind, code = "pull", "PR"
	}
	comments := 0
	for _, m := range c.w.comments {
		if m.number == i.number {
			comments++
		}
	}
	special := obj{
		"id": i.id, "number": i.number, "title": i.title, "body": text(i.body), "user": c.user(i.author),
		"labels": c.labelsOf(i), "assignees": c.users(i.assignees), "assignee": c.firstUser(i.assignees),
		"milestone": c.milestoneOf(i), "state": openWord(i.open), "state_reason": text(i.reason),
		"closed_by": c.user(i.closedBy), "comments": comments, "author_association": c.association(i.author),
		"created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": stamp(i.closed),
	}
	if p, is := c.w.pulls[i.number]; is {
		special["draft"] = p.draft
		special["pull_request"] = obj{
			"url": c.repoURL("pulls", i.number), "html_url": c.pageURL("pull", i.number),
			"diff_url":  c.pageURL("pull", strconv.Itoa(i.number)+".diff"),
			"patch_url": c.pageURL("pull", strconv.Itoa(i.number)+".patch"), "merged_at": stamp(p.mergedAt),
		}
	}
	return c.shape("issue", special, "$number", strconv.Itoa(i.number), "$kind", kind, "$node", node(code, i.id))
}

func openWord(open bool) string {
	if open {
		return "open"
	}
	return "closed"
}

func (c *call) firstUser(logins []string) any {
	if len(logins) == 0 {
		return nil
	}
	return c.user(logins[0])
}

// findIssue finds the issue or pull request of the path's number.
func (c *call) findIssue() (issue, bool) {
	i, known := c.w.issues[c.number("number")]
	return i, known
}

func (c *call) getIssue() answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	return ok(c.issue(i))
}

// listIssues lists issues and pull requests, as GitHub does.
func (c *call) listIssues() answer {
	var since time.Time
	if s := c.query("since"); s != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, s); err != nil {
			return refuse(http.StatusUnprocessableEntity, "Invalid since")
		}
	}
	wanted, fits := c.milestoneFilter()
	if !fits {
		return invalid("Issue", "milestone", "invalid", "")
	}
	state := cmp.Or(c.query("state"), "open")
	var list []issue
	for _, i := range c.w.issues {
		if (state == "all" || state == openWord(i.open)) && wanted(i) && !i.updated.Before(since) &&
			c.hasLabels(i) && c.hasAssignee(i) && (c.query("creator") == "" || strings.EqualFold(c.query("creator"), i.author)) {
			list = append(list, i)
		}
	}
	sortIssues(list, c.query("sort"), c.query("direction"))
	return ok(each(paged(c, list), c.issue))
}

func sortIssues(list []issue, by, direction string) {
	slices.SortFunc(list, func(a, b issue) int {
		order := cmp.Compare(a.number, b.number)
		if by == "updated" {
			order = cmp.Or(a.updated.Compare(b.updated), order)
		}
		if direction == "asc" {
			return order
		}
		return -order
	})
}

func (c *call) milestoneFilter() (wanted func(issue) bool, fits bool) {
	switch value := c.query("milestone"); value {
	case "":
		return func(issue) bool { return true }, true
	case "*":
		return func(i issue) bool { return i.milestone != 0 }, true
	case "none":
		return func(i issue) bool { return i.milestone == 0 }, true
	default:
		n, err := strconv.Atoi(value)
		if _, known := c.w.milestones[n]; err != nil || !known {
			return nil, false
		}
		return func(i issue) bool { return i.milestone == n }, true
	}
}

func (c *call) hasLabels(i issue) bool {
	for name := range strings.SplitSeq(c.query("labels"), ",") {
		if name != "" && !contains(i.labels, name) {
			return false
		}
	}
	return true
}

func (c *call) hasAssignee(i issue) bool {
	switch who := c.query("assignee"); who {
	case "":
		return true
	case "*":
		return len(i.assignees) > 0
	case "none":
		return len(i.assignees) == 0
	default:
		return contains(i.assignees, who)
	}
}

// contains compares as GitHub compares names of labels and people: without regard to case.
func contains(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

// issueRequest is what may be sent for an issue. Pointers tell what was not sent from what was sent empty.
type issueRequest struct {
	Title       *string   `json:"title"`
	Body        *string   `json:"body"`
	State       *string   `json:"state"`
	StateReason *string   `json:"state_reason"`
	Labels      *[]string `json:"labels"`
	Assignee    *string   `json:"assignee"`
	Assignees   *[]string `json:"assignees"`
	Milestone   *int      `json:"milestone"`
}

func (c *call) createIssue() answer {
	req, problem := decode[issueRequest](c)
	if problem != nil {
		return *problem
	}
	if req.Title == nil || strings.TrimSpace(*req.Title) == "" {
		return invalid("Issue", "title", "missing_field", "")
	}
	i := issue{id: c.w.nextID(), number: c.w.nextNumber(), author: c.actor, open: true, created: c.now, updated: c.now}
	if refusal := c.apply(&i, req); refusal != nil {
		c.w.lastNumber--
		return *refusal
	}
	c.w.issues[i.number] = i
	c.record("issue.create", hash(i.number), "%s", i.title)
	return created(c.issue(i))
}

func (c *call) editIssue() answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	req, problem := decode[issueRequest](c)
	if problem != nil {
		return *problem
	}
	if req.Title != nil && strings.TrimSpace(*req.Title) == "" {
		return invalid("Issue", "title", "missing_field", "")
	}
	if refusal := c.apply(&i, req); refusal != nil {
		return *refusal
	}
	i.updated = c.now
	c.w.issues[i.number] = i
	if what := sent(req); !slices.Equal(what, []string{"state"}) {
		c.record("issue.edit", hash(i.number), "%s", strings.Join(what, ", "))
	}
	if req.State != nil {
		c.setState(i.number, *req.State, req.StateReason)
	}
	return ok(c.issue(c.w.issues[i.number]))
}

// sent names what an edit touched.
func sent(req issueRequest) []string {
	var names []string
	for name, was := range map[string]bool{
		"title": req.Title != nil, "body": req.Body != nil, "state": req.State != nil, "labels": req.Labels != nil,
		"assignees": req.Assignees != nil || req.Assignee != nil, "milestone": req.Milestone != nil,
	} {
		if was {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// apply puts everything but the state of a request into an issue.
func (c *call) apply(i *issue, req issueRequest) *answer {
	refuseWith := func(a answer) *answer { return &a }
	if req.State != nil && *req.State != "open" && *req.State != "closed" {
		return refuseWith(invalid("Issue", "state", "invalid", ""))
	}
	if req.Milestone != nil {
		if _, known := c.w.milestones[*req.Milestone]; !known && *req.Milestone != 0 {
			return refuseWith(invalid("Issue", "milestone", "invalid", ""))
		}
		i.milestone = *req.Milestone
	}
	if req.Title != nil {
		i.title = *req.Title
	}
	if req.Body != nil {
		i.body = *req.Body
	}
	if req.Labels != nil {
		i.labels = c.addLabels(nil, *req.Labels)
	}
	if req.Assignee != nil && req.Assignees == nil {
		req.Assignees = &[]string{*req.Assignee}
	}
	if req.Assignees != nil {
		i.assignees = c.known(*req.Assignees)
	}
	return nil
}

// known keeps those who can be assigned: GitHub passes over the others in silence.
func (c *call) known(logins []string) []string {
	var kept []string
	for _, l := range logins {
		for name := range c.w.people {
			if strings.EqualFold(l, name) && !contains(kept, name) && c.w.people[name].association != "NONE" {
				kept = append(kept, name)
			}
		}
	}
	return kept
}

func (c *call) setState(n int, state string, reason *string) {
	i := c.w.issues[n]
	switch {
	case state == "closed" && i.open:
		why := "completed"
		if reason != nil && *reason != "" {
			why = *reason
		}
		c.closeIssue(n, why)
	case state == "open" && !i.open:
		i.open, i.reason, i.closedBy, i.closed, i.updated = true, "reopened", "", time.Time{}, c.now
		c.w.issues[n] = i
		if p, is := c.w.pulls[n]; is && c.headTip(p) != "" { // it did not follow its branch while it was closed
			p.head, p.base = c.headTip(p), c.w.heads[p.baseRef]
			c.w.pulls[n] = p
		}
		c.record(kindOf(i)+".reopen", hash(n), "")
	}
}

func kindOf(i issue) string {
	if i.pull {
		return "pull"
	}
	return "issue"
}

// closeIssue closes an issue or a pull request, and does what the board's built-in workflow then does.
func (c *call) closeIssue(n int, reason string) {
	i := c.w.issues[n]
	if !i.open {
		return
	}
	i.open, i.closedBy, i.closed, i.updated = false, c.actor, c.now, c.now
	if i.reason = reason; i.pull {
		i.reason = ""
	}
	c.w.issues[n] = i
	c.record(kindOf(i)+".close", hash(n), "%s", i.reason)
	if c.s.o.CloseMovesToDone {
		c.moveOnBoard(n, c.s.o.Columns[len(c.s.o.Columns)-1])
	}
}

// touch notes that something about an issue or pull request changed now.
func (c *call) touch(n int) {
	i := c.w.issues[n]
	i.updated = c.now
	c.w.issues[n] = i
}
