package forgetest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *call) comment(m comment) obj {
	kind := "issues"
	if c.w.issues[m.number].pull {
		kind = "pull"
	}
	return obj{
		"id": m.id, "node_id": node("IC", m.id), "url": c.repoURL("issues", "comments", m.id),
		"html_url":  c.pageURL(kind, strconv.Itoa(m.number)+"#issuecomment-"+strconv.FormatInt(m.id, 10)),
		"issue_url": c.repoURL("issues", m.number), "user": c.user(m.author), "body": m.body,
		"author_association": c.association(m.author), "performed_via_github_app": nil,
		"created_at": stamp(m.created), "updated_at": stamp(m.updated),
	}
}

func (c *call) commentsOf(n int) []comment {
	return slices.DeleteFunc(sorted(c.w.comments), func(m comment) bool { return m.number != n })
}

func (c *call) listComments() answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	since, err := time.Parse(time.RFC3339, cmp.Or(c.query("since"), "1970-01-01T00:00:00Z"))
	if err != nil {
		return refuse(http.StatusUnprocessableEntity, "Invalid since")
	}
	list := slices.DeleteFunc(c.commentsOf(i.number), func(m comment) bool { return m.updated.Before(since) })
	return ok(each(paged(c, list), c.comment))
}

type commentRequest struct {
	Body string `json:"body"`
}

// mostText is GitHub's limit for the body of an issue, pull request or comment, in characters.
const mostText = 65536

func (c *call) createComment() answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	req, problem := decode[commentRequest](c)
	if problem != nil {
		return *problem
	}
	if refusal := checkText("IssueComment", req.Body); refusal != nil {
		return *refusal
	}
	return created(c.comment(c.addComment(i.number, req.Body)))
}

func checkText(resource, body string) *answer {
	if strings.TrimSpace(body) == "" {
		a := invalid(resource, "body", "missing_field", "")
		return &a
	}
	if len([]rune(body)) > mostText {
		a := invalid(resource, "body", "custom", "body is too long (maximum is 65536 characters)")
		return &a
	}
	return nil
}

func (c *call) addComment(n int, body string) comment {
	m := comment{id: c.w.nextID(), number: n, author: c.actor, body: body, created: c.now, updated: c.now}
	c.w.comments[m.id] = m
	c.touch(n)
	c.record("issue.comment", hash(n), "%d", m.id)
	return m
}

func (c *call) getComment() answer {
	m, known := c.w.comments[c.id("comment")]
	if !known {
		return notFound()
	}
	return ok(c.comment(m))
}

func (c *call) editComment() answer {
	m, known := c.w.comments[c.id("comment")]
	if !known {
		return notFound()
	}
	req, problem := decode[commentRequest](c)
	if problem != nil {
		return *problem
	}
	if refusal := checkText("IssueComment", req.Body); refusal != nil {
		return *refusal
	}
	m.body, m.updated = req.Body, c.now
	c.w.comments[m.id] = m
	c.record("comment.edit", hash(m.number), "%d", m.id)
	return ok(c.comment(m))
}

type assigneesRequest struct {
	Assignees []string `json:"assignees"`
}

func (c *call) addAssignees() answer { return c.assign("issue.assign", true) }

func (c *call) removeAssignees() answer { return c.assign("issue.unassign", false) }

func (c *call) assign(kind string, add bool) answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	req, problem := decode[assigneesRequest](c)
	if problem != nil {
		return *problem
	}
	kept := slices.DeleteFunc(slices.Clone(i.assignees), func(l string) bool { return contains(req.Assignees, l) })
	if add {
		kept = c.known(append(slices.Clone(i.assignees), req.Assignees...))
	}
	i.assignees, i.updated = kept, c.now
	c.w.issues[i.number] = i
	c.record(kind, hash(i.number), "%s", strings.Join(req.Assignees, ", "))
	if add {
		return created(c.issue(i))
	}
	return ok(c.issue(i))
}
