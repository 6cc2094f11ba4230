package forgetest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pull shows a pull request as lists do; full adds what only the single read has.
func (c *call) pull(p pull) obj {
	i := c.w.issues[p.number]
	special := obj{
		"id": p.id, "number": p.number, "title": i.title, "body": text(i.body), "user": c.user(i.author),
		"labels": c.labelsOf(i), "assignees": c.users(i.assignees), "assignee": c.firstUser(i.assignees),
		"milestone": c.milestoneOf(i), "state": openWord(i.open), "draft": p.draft,
		"author_association": c.association(i.author), "merge_commit_sha": text(p.mergeSHA),
		"head": c.headEnd(p), "base": c.end(p.baseRef, p.base),
		"created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": stamp(i.closed),
		"merged_at": stamp(p.mergedAt),
	}
	return c.shape("pull", special, "$number", strconv.Itoa(p.number), "$sha", p.head, "$node", node("PR", i.id))
}

// end is the base of a pull request, or its head where that is in this repository.
func (c *call) end(ref, sha string) obj {
	return obj{
		"label": c.s.o.Owner + ":" + ref, "ref": ref, "sha": sha,
		"user": c.user(c.s.o.Owner), "repo": c.repository(true),
	}
}

func (c *call) fullPull(p pull) (obj, error) {
	additions, deletions, files, err := c.size(p)
	if err != nil {
		return nil, err
	}
	commits, err := c.pullCommits(p)
	if err != nil {
		return nil, err
	}
	mergeable, state, err := c.mergeability(p)
	if err != nil {
		return nil, err
	}
	shown := c.pull(p)
	maps.Copy(shown, obj{
		"merged": p.merged, "merged_by": c.user(p.mergedBy), "mergeable": mergeable, "mergeable_state": state,
		"rebaseable": mergeable, "maintainer_can_modify": false, "comments": len(c.commentsOf(p.number)),
		"review_comments": len(c.threadsOf(p.number)), "commits": len(commits), "additions": additions,
		"deletions": deletions, "changed_files": files,
	})
	return shown, nil
}

// left is what a pull request is compared with: the base branch as it is, or as it was when it was merged.
func (c *call) left(p pull) string {
	if tip := c.w.heads[p.baseRef]; c.w.issues[p.number].open && tip != "" {
		return tip
	}
	return p.base
}

func (c *call) size(p pull) (additions, deletions, files int, err error) {
	list, err := c.s.git.changes(c.left(p), p.head, false)
	for _, f := range list {
		additions += f.additions
		deletions += f.deletions
	}
	return additions, deletions, len(list), err
}

// pullCommits lists the commits of a pull request, oldest first.
func (c *call) pullCommits(p pull) ([]commit, error) {
	list, err := c.s.git.commits(250, p.head, "^"+c.left(p))
	slices.Reverse(list)
	return list, err
}

// mergeability answers whether a pull request could be merged, and in GitHub's word what stands in its way. After a
// change of head or base the first to ask is told that it is not known yet.
func (c *call) mergeability(p pull) (mergeable any, state string, err error) {
	if i := c.w.issues[p.number]; !i.open {
		return nil, "unknown", nil
	}
	tip := c.w.heads[p.baseRef]
	if p.judged.head != p.head || p.judged.base != tip {
		_, clean, err := c.s.git.mergeTree(tip, p.head)
		if err != nil {
			return nil, "", err
		}
		if c.w == c.s.w { // a stale picture learns nothing
			p.judged = judgement{p.head, tip, clean}
			c.w.pulls[p.number] = p
		}
		return nil, "unknown", nil
	}
	if !p.judged.mergeable {
		return false, "dirty", nil
	}
	behind, err := c.behind(p)
	if err != nil {
		return nil, "", err
	}
	missing, unstable := c.checksMissing(p)
	switch {
	case p.draft:
		return true, "draft", nil
	case missing != "":
		return true, "blocked", nil
	case behind && c.s.o.Strict:
		return true, "behind", nil
	case unstable:
		return true, "unstable", nil
	default:
		return true, "clean", nil
	}
}

// behind says whether the base has commits that the head lacks.
func (c *call) behind(p pull) (bool, error) {
	in, err := c.s.git.isAncestor(c.w.heads[p.baseRef], p.head)
	return !in, err
}

func (c *call) findPull() (pull, bool) {
	p, known := c.w.pulls[c.number("number")]
	return p, known
}

func (c *call) getPull() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	shown, err := c.fullPull(p)
	if err != nil {
		return c.broken(err)
	}
	return ok(shown)
}

func (c *call) listPulls() answer {
	state := cmp.Or(c.query("state"), "open")
	head, base := c.query("head"), c.query("base")
	var list []issue
	for _, p := range c.w.pulls {
		i := c.w.issues[p.number]
		if (state == "all" || state == openWord(i.open)) && (base == "" || base == p.baseRef) &&
			(head == "" || strings.EqualFold(head, c.headOwner(p)+":"+p.headRef)) {
			list = append(list, i)
		}
	}
	// GitHub lists the newest first, unless another order is asked for; then the oldest.
	direction := c.query("direction")
	if by := c.query("sort"); direction == "" && by != "" && by != "created" {
		direction = "asc"
	}
	sortIssues(list, c.query("sort"), direction)
	return ok(each(paged(c, list), func(i issue) obj { return c.pull(c.w.pulls[i.number]) }))
}

type newPull struct {
	Title    string  `json:"title"`
	Body     *string `json:"body"`
	Head     string  `json:"head"`
	HeadRepo string  `json:"head_repo"`
	Base     string  `json:"base"`
	Draft    bool    `json:"draft"`
	CanEdit  *bool   `json:"maintainer_can_modify"`
}

func (c *call) createPull() answer {
	req, problem := decode[newPull](c)
	if problem != nil {
		return *problem
	}
	branch := req.Head
	if owner, name, qualified := strings.Cut(req.Head, ":"); qualified {
		branch = name
		if !strings.EqualFold(owner, c.s.o.Owner) {
			return invalid("PullRequest", "head", "invalid", "")
		}
	}
	head, base := c.w.heads[branch], c.w.heads[req.Base]
	switch {
	case strings.TrimSpace(req.Title) == "":
		return invalid("PullRequest", "title", "missing_field", "")
	case head == "":
		return invalid("PullRequest", "head", "invalid", "")
	case base == "":
		return invalid("PullRequest", "base", "invalid", "")
	case req.Body != nil && len([]rune(*req.Body)) > mostText:
		return invalid("PullRequest", "body", "custom", "body is too long (maximum is 65536 characters)")
	}
	for _, p := range c.w.pulls {
		if p.follows(branch) && p.baseRef == req.Base && c.w.issues[p.number].open {
			return invalid("PullRequest", "", "custom", "A pull request already exists for "+c.s.o.Owner+":"+branch+".")
		}
	}
	if in, err := c.s.git.isAncestor(head, base); err != nil {
		return c.broken(err)
	} else if in {
		return invalid("PullRequest", "", "custom", "No commits between "+req.Base+" and "+branch)
	}
	if common, err := c.s.git.mergeBase(base, head); err != nil {
		return c.broken(err)
	} else if common == "" {
		return invalid("PullRequest", "", "custom", "The "+branch+" branch has no history in common with "+req.Base)
	}
	i := issue{
		id: c.w.nextID(), number: c.w.nextNumber(), title: req.Title, author: c.actor, open: true, pull: true,
		created: c.now, updated: c.now,
	}
	if req.Body != nil {
		i.body = *req.Body
	}
	p := pull{id: c.w.nextID(), number: i.number, headRef: branch, baseRef: req.Base, head: head, base: base, draft: req.Draft}
	c.w.issues[i.number], c.w.pulls[p.number] = i, p
	c.record("pull.create", hash(p.number), "%s -> %s at %s: %s", branch, req.Base, head, i.title)
	c.askReviewer(p.number)
	shown, err := c.fullPull(p)
	if err != nil {
		return c.broken(err)
	}
	return created(shown)
}

type pullEdit struct {
	Title   *string `json:"title"`
	Body    *string `json:"body"`
	State   *string `json:"state"`
	Base    *string `json:"base"`
	CanEdit *bool   `json:"maintainer_can_modify"`
}

func (c *call) editPull() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	req, problem := decode[pullEdit](c)
	if problem != nil {
		return *problem
	}
	i := c.w.issues[p.number]
	switch {
	case req.Title != nil && strings.TrimSpace(*req.Title) == "":
		return invalid("PullRequest", "title", "missing_field", "")
	case req.State != nil && *req.State != "open" && *req.State != "closed":
		return invalid("PullRequest", "state", "invalid", "")
	case req.State != nil && *req.State == "open" && !i.open && (p.merged || c.headTip(p) == ""):
		return invalid("PullRequest", "state", "custom", "state cannot be changed. The "+p.headRef+" branch was merged or deleted.")
	case req.Base != nil && (c.w.heads[*req.Base] == "" || !i.open):
		return invalid("PullRequest", "base", "invalid", "")
	}
	if req.Title != nil {
		i.title = *req.Title
	}
	if req.Body != nil {
		i.body = *req.Body
	}
	if req.Base != nil && *req.Base != p.baseRef {
		p.baseRef, p.base = *req.Base, c.w.heads[*req.Base]
	}
	i.updated = c.now
	c.w.issues[i.number], c.w.pulls[p.number] = i, p
	if req.Title != nil || req.Body != nil || req.Base != nil {
		c.record("pull.edit", hash(p.number), "%s", i.title)
	}
	if req.State != nil {
		c.setState(p.number, *req.State, nil)
	}
	shown, err := c.fullPull(c.w.pulls[p.number])
	if err != nil {
		return c.broken(err)
	}
	return ok(shown)
}

func (c *call) listPullFiles() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	list, err := c.s.git.changes(c.left(p), p.head, true)
	if err != nil {
		return c.broken(err)
	}
	return ok(each(paged(c, list), func(f change) obj { return c.file(f, p.head) }))
}

func (c *call) file(f change, head string) obj {
	shown := obj{
		"sha": f.blob, "filename": f.path, "status": f.status, "additions": f.additions, "deletions": f.deletions,
		"changes": f.additions + f.deletions, "blob_url": c.pageURL("blob", head, escape(f.path)),
		"raw_url":      c.pageURL("raw", head, escape(f.path)),
		"contents_url": c.repoURL("contents", escape(f.path)+"?ref="+head),
	}
	if f.patch != "" {
		shown["patch"] = f.patch
	}
	if f.previous != "" {
		shown["previous_filename"] = f.previous
	}
	return shown
}

func (c *call) listPullCommits() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	list, err := c.pullCommits(p)
	if err != nil {
		return c.broken(err)
	}
	return ok(each(paged(c, list), c.commit))
}

// pullMerged answers whether a pull request is merged: 204 yes, 404 no.
func (c *call) pullMerged() answer {
	if p, known := c.findPull(); known && p.merged {
		return answer{http.StatusNoContent, nil}
	}
	return notFound()
}
