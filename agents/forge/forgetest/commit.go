package forgetest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// emptyTree is git's name for a tree with nothing in it, which it knows without having it.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

func (c *call) signature(s signature, at any) obj {
	return obj{"name": s.name, "email": s.email, "date": at}
}

func (c *call) commit(m commit) obj {
	parents := []any{}
	for _, p := range m.parents {
		parents = append(parents, obj{"sha": p, "url": c.repoURL("commits", p), "html_url": c.pageURL("commit", p)})
	}
	return obj{
		"sha": m.sha, "node_id": "C_" + m.sha, "url": c.repoURL("commits", m.sha), "html_url": c.pageURL("commit", m.sha),
		"comments_url": c.repoURL("commits", m.sha, "comments"), "author": nil, "committer": nil, "parents": parents,
		"commit": obj{
			"url": c.repoURL("git", "commits", m.sha), "author": c.signature(m.author, stamp(m.authored)),
			"committer": c.signature(m.committer, stamp(m.made)), "message": m.message, "comment_count": 0,
			"tree": obj{"sha": m.tree, "url": c.repoURL("git", "trees", m.tree)},
			"verification": obj{
				"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil,
			},
		},
	}
}

func (c *call) shortCommit(m commit) obj {
	return obj{
		"id": m.sha, "tree_id": m.tree, "message": m.message, "timestamp": stamp(m.made),
		"author":    obj{"name": m.author.name, "email": m.author.email},
		"committer": obj{"name": m.committer.name, "email": m.committer.email},
	}
}

func (c *call) getCommit() answer {
	sha, known := c.commitOf()
	if !known {
		return c.noCommit()
	}
	made, err := c.s.git.commit(sha)
	if err != nil {
		return c.broken(err)
	}
	base := emptyTree
	if len(made.parents) > 0 {
		base = made.parents[0]
	}
	list, err := c.s.git.diff(true, base, sha)
	if err != nil {
		return c.broken(err)
	}
	shown, additions, deletions := c.commit(made), 0, 0
	for _, f := range list {
		additions, deletions = additions+f.additions, deletions+f.deletions
	}
	maps.Copy(shown, obj{
		"stats": obj{"additions": additions, "deletions": deletions, "total": additions + deletions},
		"files": each(list, func(f change) obj { return c.file(f, sha) }),
	})
	return ok(shown)
}

func (c *call) listCommits() answer {
	sha, known := c.revision(cmp.Or(c.query("sha"), c.s.o.DefaultBranch))
	if !known {
		return notFound()
	}
	list, err := c.s.git.commits(1000, sha)
	if err != nil {
		return c.broken(err)
	}
	return ok(each(paged(c, list), c.commit))
}

// compare shows what lies between two commits, "base...head".
func (c *call) compare() answer {
	baseName, headName, spans := strings.Cut(c.path("span"), "...")
	base, known := c.revision(baseName)
	head, known2 := c.revision(headName)
	if !spans || !known || !known2 {
		return notFound()
	}
	common, err := c.s.git.mergeBase(base, head)
	if err != nil || common == "" {
		return notFound()
	}
	ahead, err := c.s.git.commits(0, head, "^"+base)
	if err != nil {
		return c.broken(err)
	}
	behind, err := c.s.git.commits(0, base, "^"+head)
	if err != nil {
		return c.broken(err)
	}
	list, err := c.s.git.changes(base, head, true)
	if err != nil {
		return c.broken(err)
	}
	left, err := c.s.git.commit(base)
	if err != nil {
		return c.broken(err)
	}
	fork, err := c.s.git.commit(common)
	if err != nil {
		return c.broken(err)
	}
	word := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		word = "diverged"
	case len(ahead) > 0:
		word = "ahead"
	case len(behind) > 0:
		word = "behind"
	}
	slices.Reverse(ahead)
	span := escape(baseName) + "..." + escape(headName)
	return ok(obj{
		"url": c.repoURL("compare", span), "html_url": c.pageURL("compare", span), "permalink_url": c.pageURL("compare", span),
		"diff_url": c.pageURL("compare", span+".diff"), "patch_url": c.pageURL("compare", span+".patch"),
		"base_commit": c.commit(left), "merge_base_commit": c.commit(fork), "status": word, "ahead_by": len(ahead),
		"behind_by": len(behind), "total_commits": len(ahead), "commits": each(paged(c, ahead), c.commit),
		"files": each(list, func(f change) obj { return c.file(f, head) }),
	})
}
