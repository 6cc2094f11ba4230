package forgetest

import (
	"net/http"
	"slices"
	"strings"
)

func (c *call) label(l label) obj {
	return obj{
		"id": l.id, "node_id": node("LA", l.id), "url": c.repoURL("labels", escape(l.name)), "name": l.name,
		"color": l.color, "default": false, "description": text(l.description),
	}
}

func (c *call) labelsOf(i issue) []any {
	out := []any{}
	for _, name := range i.labels {
		out = append(out, c.label(c.w.labels[strings.ToLower(name)]))
	}
	return out
}

// addLabels adds to a list of names, and makes labels that the repository does not have, as GitHub does.
func (c *call) addLabels(have, names []string) []string {
	out := slices.Clone(have)
	for _, name := range names {
		key := strings.ToLower(name)
		l, known := c.w.labels[key]
		if !known {
			l = label{id: c.w.nextID(), name: name, color: "ededed"}
			c.w.labels[key] = l
		}
		if !contains(out, name) {
			out = append(out, l.name)
		}
	}
	return out
}

func (c *call) listLabels() answer { return ok(each(paged(c, sorted(c.w.labels)), c.label)) }

func (c *call) getLabel() answer {
	l, known := c.w.labels[strings.ToLower(c.path("name"))]
	if !known {
		return notFound()
	}
	return ok(c.label(l))
}

type labelRequest struct {
	Name        string  `json:"name"`
	Color       string  `json:"color"`
	Description *string `json:"description"`
}

func (c *call) createLabel() answer {
	req, problem := decode[labelRequest](c)
	if problem != nil {
		return *problem
	}
	key := strings.ToLower(req.Name)
	if req.Name == "" {
		return invalid("Label", "name", "missing_field", "")
	}
	if len(req.Name) > 50 {
		return invalid("Label", "name", "invalid", "")
	}
	if _, known := c.w.labels[key]; known {
		return invalid("Label", "name", "already_exists", "")
	}
	if req.Color == "" {
		req.Color = "ededed"
	}
	if !isColor(req.Color) {
		return invalid("Label", "color", "invalid", "")
	}
	l := label{id: c.w.nextID(), name: req.Name, color: req.Color}
	if req.Description != nil {
		l.description = *req.Description
	}
	if len([]rune(l.description)) > 100 {
		return invalid("Label", "description", "custom", "description is too long (maximum is 100 characters)")
	}
	c.w.labels[key] = l
	c.record("label.create", l.name, "")
	return created(c.label(l))
}

// isColor says whether s is six hexadecimal digits without the # that GitHub refuses.
func isColor(s string) bool {
	return len(s) == 6 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func (c *call) listIssueLabels() answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	return ok(paged(c, c.labelsOf(i)))
}

// addIssueLabels accepts both of GitHub's forms: a list of names, and an object with one.
func (c *call) addIssueLabels() answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	names, problem := c.labelNames()
	if problem != nil {
		return *problem
	}
	i.labels, i.updated = c.addLabels(i.labels, names), c.now
	c.w.issues[i.number] = i
	c.record("issue.label", hash(i.number), "%s", strings.Join(names, ", "))
	return ok(c.labelsOf(i))
}

func (c *call) setIssueLabels() answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	names, problem := c.labelNames()
	if problem != nil {
		return *problem
	}
	i.labels, i.updated = c.addLabels(nil, names), c.now
	c.w.issues[i.number] = i
	c.record("issue.label", hash(i.number), "= %s", strings.Join(names, ", "))
	return ok(c.labelsOf(i))
}

func (c *call) labelNames() ([]string, *answer) {
	if strings.HasPrefix(strings.TrimSpace(string(c.body)), "[") {
		return decode[[]string](c)
	}
	req, problem := decode[struct {
		Labels []string `json:"labels"`
	}](c)
	return req.Labels, problem
}

func (c *call) removeIssueLabel() answer {
	i, known := c.findIssue()
	if !known {
		return notFound()
	}
	name := c.path("name")
	if !contains(i.labels, name) {
		return refuse(http.StatusNotFound, "Label does not exist")
	}
	i.labels = slices.DeleteFunc(slices.Clone(i.labels), func(l string) bool { return strings.EqualFold(l, name) })
	i.updated = c.now
	c.w.issues[i.number] = i
	c.record("issue.unlabel", hash(i.number), "%s", name)
	return ok(c.labelsOf(i))
}

func (c *call) milestone(m milestone) obj {
	open, closed := 0, 0
	for _, i := range c.w.issues {
		switch {
		case i.milestone != m.number:
		case i.open:
			open++
		default:
			closed++
		}
	}
	return obj{
		"id": m.id, "node_id": node("MI", m.id), "number": m.number, "title": m.title, "description": text(m.description),
		"url": c.repoURL("milestones", m.number), "html_url": c.pageURL("milestone", m.number),
		"labels_url": c.repoURL("milestones", m.number, "labels"), "creator": c.user(c.s.o.Owner),
		"open_issues": open, "closed_issues": closed, "state": openWord(m.open), "due_on": stamp(m.due),
		"created_at": stamp(m.created), "updated_at": stamp(m.updated), "closed_at": nil,
	}
}

func (c *call) milestoneOf(i issue) any {
	m, known := c.w.milestones[i.milestone]
	if !known {
		return nil
	}
	return c.milestone(m)
}

// listMilestones sorts by due date, those without one last, as GitHub does.
func (c *call) listMilestones() answer {
	state := c.query("state")
	if state == "" {
		state = "open"
	}
	var list []milestone
	for _, m := range sorted(c.w.milestones) {
		if state == "all" || state == openWord(m.open) {
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(a, b milestone) int {
		switch {
		case a.due.IsZero() || b.due.IsZero():
			return boolOrder(a.due.IsZero()) - boolOrder(b.due.IsZero())
		default:
			return a.due.Compare(b.due)
		}
	})
	if c.query("direction") == "desc" {
		slices.Reverse(list)
	}
	return ok(each(paged(c, list), c.milestone))
}

func boolOrder(last bool) int {
	if last {
		return 1
	}
	return 0
}

func (c *call) getMilestone() answer {
	m, known := c.w.milestones[c.number("number")]
	if !known {
		return notFound()
	}
	return ok(c.milestone(m))
}
