package forgetest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

type mergeRequest struct {
	Title   string `json:"commit_title"`
	Message string `json:"commit_message"`
	SHA     string `json:"sha"`
	Method  string `json:"merge_method"`
}

// mergePull merges by real git, if everything GitHub looks at allows it.
func (c *call) mergePull() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	req, problem := decode[mergeRequest](c)
	if problem != nil {
		return *problem
	}
	if req.Method == "" {
		req.Method = "merge"
	}
	if !slices.Contains([]string{"merge", "squash", "rebase"}, req.Method) {
		return invalid("PullRequest", "merge_method", "invalid", "")
	}
	if req.SHA != "" && req.SHA != p.head {
		return refuse(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	if refusal, err := c.forbidMerge(p); err != nil {
		return c.broken(err)
	} else if refusal != "" {
		return refuse(http.StatusMethodNotAllowed, "%s", refusal)
	}
	sha, err := c.merge(p, req)
	switch {
	case errors.Is(err, errMoved):
		return refuse(http.StatusMethodNotAllowed, "Base branch was modified. Review and try the merge again.")
	case err != nil:
		return c.broken(err)
	case sha == "":
		return refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	}
	return ok(obj{"sha": sha, "merged": true, "message": "Pull Request successfully merged"})
}

// forbidMerge says in GitHub's words what forbids the merge; nothing does when it is empty.
func (c *call) forbidMerge(p pull) (string, error) {
	if !c.w.issues[p.number].open {
		return "Pull Request is not mergeable", nil
	}
	if p.draft {
		return "Pull Request is still a draft", nil
	}
	if missing, _ := c.checksMissing(p); missing != "" {
		return fmt.Sprintf("Required status check %q is expected.", missing), nil
	}
	if behind, err := c.behind(p); err != nil {
		return "", err
	} else if behind && c.s.o.Strict {
		return "Head branch is out of date", nil
	}
	_, clean, err := c.s.git.mergeTree(c.w.heads[p.baseRef], p.head)
	if err == nil && !clean {
		return "Pull Request is not mergeable", nil
	}
	return "", err
}

// merge makes the commit, moves the base, and does what follows. The commit is empty when there was a conflict.
func (c *call) merge(p pull, req mergeRequest) (string, error) {
	base := c.w.heads[p.baseRef]
	i := c.w.issues[p.number]
	title, message := req.Title, req.Message
	var sha string
	var clean bool
	var err error
	switch req.Method {
	case "rebase":
		sha, clean, err = c.s.git.rebase(base, p.head)
	case "squash":
		if title == "" {
			title = fmt.Sprintf("%s (#%d)", i.title, p.number)
		}
		sha, clean, err = c.mergeCommit(base, p.head, commitMessage(title, message), base)
	default:
		if title == "" {
			title = fmt.Sprintf("Merge pull request #%d from %s/%s", p.number, c.headOwner(p), p.headRef)
		}
		if message == "" {
			message = i.title
		}
		sha, clean, err = c.mergeCommit(base, p.head, commitMessage(title, message), base, p.head)
	}
	if err != nil || !clean {
		return "", err
	}
	if err := c.s.git.update(p.baseRef, sha, base); err != nil {
		return "", err
	}
	p.base, p.merged, p.mergeSHA, p.mergedBy, p.mergedAt = base, true, sha, c.actor, c.now
	c.w.pulls[p.number] = p
	c.record("pull.merge", hash(p.number), "%s of %s into %s as %s", req.Method, p.head, p.baseRef, sha)
	c.closeIssue(p.number, "completed")
	if p.baseRef == c.s.o.DefaultBranch {
		for _, n := range c.closes(i.body) {
			c.closeIssue(n, "completed")
		}
	}
	return sha, c.observe(false)
}

func (c *call) mergeCommit(ours, theirs, message string, parents ...string) (sha string, clean bool, err error) {
	tree, clean, err := c.s.git.mergeTree(ours, theirs)
	if err != nil || !clean {
		return "", clean, err
	}
	sha, err = c.s.git.commitTree(tree, message, signatureOf(c.actor), parents...)
	return sha, true, err
}

// commitMessage makes a commit message of a title and a body.
func commitMessage(title, message string) string {
	return strings.TrimRight(title+"\n\n"+message, "\n")
}

type updateRequest struct {
	Expected string `json:"expected_head_sha"`
}

// updateBranch merges the base into the head of a pull request.
func (c *call) updateBranch() answer {
	p, known := c.findPull()
	if !known {
		return notFound()
	}
	req, problem := decode[updateRequest](c)
	if problem != nil {
		return *problem
	}
	if req.Expected != "" && req.Expected != p.head {
		return refuse(http.StatusUnprocessableEntity, "expected head sha didn’t match current head ref.")
	}
	if !c.w.issues[p.number].open {
		return refuse(http.StatusUnprocessableEntity, "Pull request is closed.")
	}
	if p.fork != "" { // whose owner has not let maintainers edit it
		return refuse(http.StatusForbidden, "Resource not accessible by personal access token")
	}
	behind, err := c.behind(p)
	if err != nil {
		return c.broken(err)
	}
	if !behind {
		return refuse(http.StatusUnprocessableEntity, "There are no new commits on the base branch.")
	}
	base := c.w.heads[p.baseRef]
	message := fmt.Sprintf("Merge branch '%s' into %s", p.baseRef, p.headRef)
	sha, clean, err := c.mergeCommit(p.head, base, message, p.head, base)
	if err != nil {
		return c.broken(err)
	}
	if !clean {
		return refuse(http.StatusUnprocessableEntity, "merge conflict between base and head")
	}
	if err := c.s.git.update(p.headRef, sha, p.head); errors.Is(err, errMoved) {
		return refuse(http.StatusUnprocessableEntity, "expected head sha didn’t match current head ref.")
	} else if err != nil {
		return c.broken(err)
	}
	c.record("pull.update-branch", hash(p.number), "%s..%s", p.head, sha)
	if err := c.observe(false); err != nil {
		return c.broken(err)
	}
	return answer{http.StatusAccepted, obj{
		"message": "Updating pull request branch.", "url": c.repoURL("pulls", p.number),
	}}
}
