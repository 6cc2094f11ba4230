package forgetest

import (
	"strconv"
	"strings"
)

// contentVertex shows what an item of the board is about.
func (c *call) contentVertex(n int) *vertex {
	if p, is := c.w.pulls[n]; is {
		return c.pullVertex(p)
	}
	return c.issueVertex(c.w.issues[n])
}

// common are the fields that issues and pull requests share.
func (c *call) common(i issue) fields {
	kind := "issues"
	if i.pull {
		kind = "pull"
	}
	return fields{
		"id": i.node(), "databaseId": databaseID(i.id), "fullDatabaseId": strconv.FormatInt(i.id, 10), "number": i.number,
		"title": i.title, "body": i.body, "url": c.pageURL(kind, i.number), "author": c.actorVertex(i.author),
		"authorAssociation": c.association(i.author), "closed": !i.open, "locked": false, "createdAt": stamp(i.created),
		"updatedAt": stamp(i.updated), "closedAt": stamp(i.closed), "milestone": c.milestoneVertex(i.milestone),
		"repository": resolver(func(map[string]any) any { return c.repositoryVertex() }),
		"labels": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, name := range i.labels {
				list = append(list, c.labelVertex(name))
			}
			return list
		}),
		"assignees": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, login := range i.assignees {
				list = append(list, c.actorVertex(login))
			}
			return list
		}),
		"comments": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, m := range c.commentsOf(i.number) {
				list = append(list, c.commentVertex(m, kind))
			}
			return list
		}),
		"projectItems": connection(func(args map[string]any) []*vertex {
			return c.itemVertices(args["includeArchived"] != false, i.number)
		}),
	}
}

func (c *call) commentVertex(m comment, kind string) *vertex {
	id := strconv.FormatInt(m.id, 10)
	return &vertex{"IssueComment", fields{
		"id": node("IC", m.id), "databaseId": databaseID(m.id), "fullDatabaseId": id, "body": m.body,
		"author": c.actorVertex(m.author), "authorAssociation": c.association(m.author),
		"url":       c.pageURL(kind, strconv.Itoa(m.number)+"#issuecomment-"+id),
		"createdAt": stamp(m.created), "updatedAt": stamp(m.updated),
	}}
}

func (c *call) issueVertex(i issue) *vertex {
	v := &vertex{"Issue", c.common(i)}
	v.fields["state"] = strings.ToUpper(openWord(i.open))
	v.fields["stateReason"] = text(strings.ToUpper(i.reason))
	return v
}

func (c *call) pullState(p pull) string {
	if p.merged {
		return "MERGED"
	}
	return strings.ToUpper(openWord(c.w.issues[p.number].open))
}

func (c *call) pullVertex(p pull) *vertex {
	v := &vertex{"PullRequest", c.common(c.w.issues[p.number])}
	for name, value := range (fields{
		"state": c.pullState(p), "isDraft": p.draft, "merged": p.merged, "mergedAt": stamp(p.mergedAt),
		"isCrossRepository": p.fork != "", "headRefName": p.headRef, "headRefOid": p.head, "baseRefName": p.baseRef,
		"baseRefOid": p.base, "headRef": c.headVertex(p), "baseRef": c.refVertex(p.baseRef),
		"mergeCommit": resolver(func(map[string]any) any {
			if p.mergeSHA == "" {
				return (*vertex)(nil)
			}
			return c.commitVertex(p.mergeSHA)
		}),
		"mergeable": resolver(func(map[string]any) any {
			mergeable, _, err := c.mergeability(c.w.pulls[p.number])
			switch {
			case err != nil:
				return c.trouble(err)
			case mergeable == nil:
				return "UNKNOWN"
			case mergeable == true:
				return "MERGEABLE"
			default:
				return "CONFLICTING"
			}
		}),
		"mergeStateStatus": resolver(func(map[string]any) any {
			_, state, err := c.mergeability(c.w.pulls[p.number])
			if err != nil {
				return c.trouble(err)
			}
			return strings.ToUpper(state)
		}),
		"additions":    c.sized(p, 0),
		"deletions":    c.sized(p, 1),
		"changedFiles": c.sized(p, 2),
		"files": connection(func(map[string]any) []*vertex {
			list, err := c.s.git.changes(c.left(p), p.head, false)
			if err != nil {
				c.trouble(err)
			}
			var out []*vertex
			for _, f := range list {
				kind := strings.ToUpper(f.status)
				if kind == "REMOVED" {
					kind = "DELETED"
				}
				out = append(out, &vertex{"PullRequestChangedFile", fields{
					"path": f.path, "additions": f.additions, "deletions": f.deletions, "changeType": kind,
				}})
			}
			return out
		}),
		"commits": connection(func(map[string]any) []*vertex {
			list, err := c.pullCommits(p)
			if err != nil {
				c.trouble(err)
			}
			var out []*vertex
			for _, m := range list {
				out = append(out, &vertex{"PullRequestCommit", fields{
					"id": "PRC_" + m.sha, "url": c.pageURL("pull", p.number, "commits", m.sha), "commit": c.commitVertex(m.sha),
				}})
			}
			return out
		}),
		"reviews": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, r := range c.reviewsOf(p.number) {
				list = append(list, c.reviewVertex(r))
			}
			return list
		}),
		"reviewDecision": c.decision(p.number),
		"reviewThreads": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, t := range c.threadsOf(p.number) {
				list = append(list, c.threadVertex(t))
			}
			return list
		}),
		"closingIssuesReferences": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, n := range c.closes(c.w.issues[p.number].body) {
				list = append(list, c.issueVertex(c.w.issues[n]))
			}
			return list
		}),
	}) {
		v.fields[name] = value
	}
	return v
}

func (c *call) trouble(err error) problem {
	c.s.surprise("graphql: %v", err)
	return problem{"INTERNAL", "Something went wrong while executing your query."}
}

// sized resolves additions, deletions or changed files.
func (c *call) sized(p pull, which int) resolver {
	return func(map[string]any) any {
		additions, deletions, files, err := c.size(p)
		if err != nil {
			return c.trouble(err)
		}
		return []int{additions, deletions, files}[which]
	}
}

// decision is what the reviews come to: the last word of each reviewer counts.
func (c *call) decision(n int) any {
	last := map[string]string{}
	for _, r := range c.reviewsOf(n) {
		if r.state != "COMMENTED" {
			last[r.author] = r.state
		}
	}
	word := ""
	for _, state := range last {
		if state == "CHANGES_REQUESTED" || state == "APPROVED" && word == "" {
			word = state
		}
	}
	return text(word)
}

func (c *call) reviewVertex(r review) *vertex {
	id := strconv.FormatInt(r.id, 10)
	return &vertex{"PullRequestReview", fields{
		"id": node("PRR", r.id), "databaseId": databaseID(r.id), "fullDatabaseId": id, "author": c.actorVertex(r.author),
		"authorAssociation": c.association(r.author), "state": r.state, "body": r.body,
		"url":    c.pageURL("pull", strconv.Itoa(r.number)+"#pullrequestreview-"+id),
		"commit": resolver(func(map[string]any) any { return c.commitVertex(r.commit) }), "submittedAt": stamp(r.submitted),
		"createdAt": stamp(r.submitted),
	}}
}

func (c *call) threadVertex(t thread) *vertex {
	return &vertex{"PullRequestReviewThread", fields{
		"id": node("PRRT", t.id), "isResolved": t.resolved, "isCollapsed": t.resolved,
		"isOutdated": t.commit != c.w.pulls[t.number].head, "path": t.path, "line": t.line, "startLine": nil,
		"subjectType": "LINE", "viewerCanResolve": !t.resolved, "resolvedBy": c.actorVertex(t.resolvedBy),
		"pullRequest": resolver(func(map[string]any) any { return c.pullVertex(c.w.pulls[t.number]) }),
		"comments": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, r := range t.remarks() {
				list = append(list, c.remarkVertex(t, r))
			}
			return list
		}),
	}}
}

// remarkVertex shows one comment of a thread.
func (c *call) remarkVertex(t thread, r remark) *vertex {
	id := strconv.FormatInt(r.id, 10)
	return &vertex{"PullRequestReviewComment", fields{
		"id": node("PRRC", r.id), "databaseId": databaseID(r.id), "fullDatabaseId": id, "body": r.body,
		"author": c.actorVertex(r.author), "authorAssociation": c.association(r.author), "path": t.path, "line": t.line,
		"originalLine": t.line, "diffHunk": "", "url": c.pageURL("pull", strconv.Itoa(t.number)+"#discussion_r"+id),
		"commit": resolver(func(map[string]any) any { return c.commitVertex(t.commit) }), "createdAt": stamp(r.created),
		"updatedAt": stamp(r.created), "viewerDidAuthor": r.author == c.s.o.Login,
	}}
}
