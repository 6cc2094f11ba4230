package forgetest

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// observe compares the refs on disk with those last seen, and draws the consequences of every branch that was made,
// moved or deleted. With log, each is written down as a push: a merge, which moves a branch as well, is written down as
// what it is by its own code.
func (c *call) observe(log bool) error {
	heads, err := c.s.git.refs()
	if err != nil {
		return err
	}
	if maps.Equal(heads, c.s.w.heads) {
		return nil
	}
	old := c.s.w.heads
	c.w = c.s.w
	c.w.heads = maps.Clone(old)
	names := maps.Clone(old)
	maps.Copy(names, heads)
	for _, branch := range slices.Sorted(maps.Keys(names)) {
		if old[branch] == heads[branch] {
			continue
		}
		// One after the other: should one go wrong, those after it are still to be noticed.
		if c.w.heads[branch] = heads[branch]; heads[branch] == "" {
			delete(c.w.heads, branch)
		}
		if log {
			c.recordPush(branch, old[branch], heads[branch])
		}
		if err := c.branchMoved(branch, old[branch], heads[branch]); err != nil {
			return err
		}
	}
	c.s.changed()
	return nil
}

func (c *call) recordPush(branch, old, young string) {
	switch {
	case young == "":
		c.record("branch.delete", branch, "%s", old)
	case old == "":
		c.record("push", branch, "new %s", young)
	default:
		c.record("push", branch, "%s..%s", old, young)
	}
}

// branchMoved is what GitHub does when a branch moved: to pull requests from it and into it, to issues, and CI.
func (c *call) branchMoved(branch, old, young string) error {
	for _, p := range sorted(c.w.pulls) {
		if !c.w.issues[p.number].open {
			continue
		}
		if p.follows(branch) || p.baseRef == branch {
			if err := c.pullMoved(p, branch, young); err != nil {
				return err
			}
		}
	}
	if young == "" {
		return nil
	}
	if branch == c.s.o.DefaultBranch && old != "" {
		if err := c.closeByCommits(old, young); err != nil {
			return err
		}
	}
	c.startCI(branch, young)
	return nil
}

// pullMoved follows the head or the base of an open pull request.
func (c *call) pullMoved(p pull, branch, young string) error {
	switch {
	case young == "":
		c.closeIssue(p.number, "completed")
		return nil
	case p.follows(branch):
		p.head, p.base = young, c.w.heads[p.baseRef]
	default:
		// A head that the base now contains was merged by a push, and GitHub says so.
		in, err := c.s.git.isAncestor(p.head, young)
		if err != nil {
			return err
		}
		if in {
			p.merged, p.mergeSHA, p.mergedBy, p.mergedAt = true, p.head, c.actor, c.now
		}
	}
	c.w.pulls[p.number] = p
	if p.merged {
		c.closeIssue(p.number, "completed")
		return nil
	}
	c.touch(p.number)
	if p.follows(branch) {
		c.askReviewer(p.number)
	}
	return nil
}

// closing finds the keywords that close an issue: "Closes #3", "fixes: #4", "Resolves owner/repo#5".
var closing = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+([\w.-]+/[\w.-]+)?#(\d+)\b`)

// closes lists the issues of this repository that a text says it closes.
func (c *call) closes(text string) []int {
	var numbers []int
	for _, m := range closing.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[2])
		elsewhere := m[1] != "" && !strings.EqualFold(m[1], c.s.o.Owner+"/"+c.s.o.Repo)
		if i, known := c.w.issues[n]; err == nil && known && !i.pull && !elsewhere && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// closeByCommits closes the issues that commits new on the default branch name. A force-push can bring in a whole
// history; GitHub looks at a bounded number of commits, and so do we.
func (c *call) closeByCommits(old, young string) error {
	list, err := c.s.git.commits(100, young, "^"+old)
	if err != nil {
		return err
	}
	for _, made := range slices.Backward(list) {
		for _, n := range c.closes(made.message) {
			c.closeIssue(n, "completed")
		}
	}
	return nil
}
