package forgetest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
)

// Review is what a person or an automated reviewer says about a pull request.
type Review struct {
	Author   string
	State    string // APPROVED, CHANGES_REQUESTED or COMMENTED
	Body     string
	Comments []ReviewComment
}

// ReviewComment is said about one line, and opens a thread that can be resolved.
type ReviewComment struct {
	Path string
	Line int
	Body string
}

func (c *call) review(r review) obj {
	page := c.pageURL("pull", strconv.Itoa(r.number)+"#pullrequestreview-"+strconv.FormatInt(r.id, 10))
	return obj{
		"id": r.id, "node_id": node("PRR", r.id), "user": c.user(r.author), "body": r.body, "state": r.state,
		"commit_id": r.commit, "html_url": page, "pull_request_url": c.repoURL("pulls", r.number),
		"_links":             obj{"html": obj{"href": page}, "pull_request": obj{"href": c.repoURL("pulls", r.number)}},
		"author_association": c.association(r.author), "submitted_at": stamp(r.submitted),
	}
}

func (c *call) reviewsOf(n int) []review {
	return slices.DeleteFunc(sorted(c.w.reviews), func(r review) bool { return r.number != n })
}

func (c *call) threadsOf(n int) []thread {
	return slices.DeleteFunc(sorted(c.w.threads), func(t thread) bool { return t.number != n })
}

func (c *call) listReviews() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	return ok(each(paged(c, c.reviewsOf(p.number)), c.review))
}

type reviewRequest struct {
	CommitID string `json:"commit_id"`
	Body     string `json:"body"`
	Event    string `json:"event"`
	Comments []struct {
		Path string `json:"path"`
		Line int    `json:"line"`
		Side string `json:"side"`
		Body string `json:"body"`
	} `json:"comments"`
}

var reviewStates = map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}

func (c *call) createReview() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	req, problem := decode[reviewRequest](c)
	if problem != nil {
		return *problem
	}
	state := reviewStates[req.Event]
	switch {
	case state == "":
		return invalid("PullRequestReview", "event", "invalid", "")
	case state != "APPROVED" && req.Body == "":
		return invalid("PullRequestReview", "body", "missing_field", "")
	case state != "COMMENTED" && c.w.issues[p.number].author == c.actor:
		return refuse(http.StatusUnprocessableEntity, "Can not approve or request changes on your own pull request")
	case req.CommitID != "" && req.CommitID != p.head:
		return invalid("PullRequestReview", "commit_id", "invalid", "")
	}
	r := Review{Author: c.actor, State: state, Body: req.Body}
	for _, m := range req.Comments {
		r.Comments = append(r.Comments, ReviewComment{m.Path, m.Line, m.Body})
	}
	return ok(c.review(c.addReview(p, r)))
}

func (c *call) addReview(p pull, r Review) review {
	made := review{
		id: c.w.nextID(), number: p.number, author: r.Author, state: r.State, body: r.Body, commit: p.head, submitted: c.now,
	}
	c.w.reviews[made.id] = made
	for _, m := range r.Comments {
		t := thread{
			id: c.w.nextID(), review: made.id, number: p.number, line: m.Line, path: m.Path, author: r.Author, body: m.Body,
			commit: p.head, created: c.now,
		}
		c.w.threads[t.id] = t
	}
	c.touch(p.number)
	c.record("pull.review", hash(p.number), "%s on %s", r.State, p.head)
	return made
}

// listReviewComments lists what was said about lines.
func (c *call) listReviewComments() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	type said struct {
		thread
		remark
	}
	var list []said
	for _, t := range c.threadsOf(p.number) {
		for _, r := range t.remarks() {
			list = append(list, said{t, r})
		}
	}
	return ok(each(paged(c, list), func(s said) obj { return c.reviewComment(s.thread, s.remark) }))
}

// remarks are all comments of a thread, the first included.
func (t thread) remarks() []remark {
	return append([]remark{{id: t.id, author: t.author, body: t.body, created: t.created}}, t.replies...)
}

// addReply says something in a thread.
func (c *call) addReply(t thread, body string) remark {
	made := remark{id: c.w.nextID(), author: c.actor, body: body, created: c.now}
	t.replies = append(slices.Clone(t.replies), made)
	c.w.threads[t.id] = t
	c.touch(t.number)
	c.record("thread.reply", hash(t.number), "%s:%d", t.path, t.line)
	return made
}

func (c *call) reviewComment(t thread, r remark) obj {
	page := c.pageURL("pull", strconv.Itoa(t.number)+"#discussion_r"+strconv.FormatInt(r.id, 10))
	self, pr := c.repoURL("pulls", "comments", r.id), c.repoURL("pulls", t.number)
	shown := obj{
		"id": r.id, "node_id": node("PRRC", r.id), "url": self, "html_url": page, "pull_request_url": pr,
		"pull_request_review_id": t.review, "user": c.user(r.author), "body": r.body, "path": t.path, "line": t.line,
		"original_line": t.line, "side": "RIGHT", "diff_hunk": "", "commit_id": t.commit, "original_commit_id": t.commit,
		"author_association": c.association(r.author), "created_at": stamp(r.created), "updated_at": stamp(r.created),
		"_links": obj{"self": obj{"href": self}, "html": obj{"href": page}, "pull_request": obj{"href": pr}},
	}
	if r.id != t.id {
		shown["in_reply_to_id"] = t.id
	}
	return shown
}

// askReviewer has the automated reviewer look at the head of a pull request.
func (c *call) askReviewer(n int) {
	look := c.s.o.Reviewer
	if look == nil {
		return
	}
	seen := c.snapshot(c.w.pulls[n])
	s := c.s
	s.spawn(func(context.Context) {
		reviews := look(seen)
		err := s.act("", "person", func(c *call) error {
			p, known := c.w.pulls[n]
			for _, r := range reviews {
				if known && p.head == seen.Head {
					c.actor = r.Author
					c.meet(r.Author, "")
					c.addReview(p, r)
				}
			}
			return nil
		})
		if err != nil {
			s.unexpected("review #%d: %v", n, err)
		}
	})
}
