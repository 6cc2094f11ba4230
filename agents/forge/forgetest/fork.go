package forgetest

import (
	"context"
	"fmt"
	"strings"
)

// A fork is known by the pull requests that come from it: its commits lie here under refs/pull, where GitHub keeps them
// too, and its branches are nobody's business.

// follows tells that a branch of this repository is the head of a pull request.
func (p pull) follows(branch string) bool { return p.fork == "" && p.headRef == branch }

// headOwner is who has the repository of the head.
func (c *call) headOwner(p pull) string {
	if owner, _, fork := strings.Cut(p.fork, "/"); fork {
		return owner
	}
	return c.s.o.Owner
}

// headTip is where the head's branch stands; "" when it is gone.
func (c *call) headTip(p pull) string {
	switch {
	case p.fork == "":
		return c.w.heads[p.headRef]
	case p.forkGone:
		return ""
	}
	return p.head
}

// headEnd is the head of a pull request, as the API shows it. A fork that was deleted is null.
func (c *call) headEnd(p pull) obj {
	end := c.end(p.headRef, p.head)
	if p.fork == "" {
		return end
	}
	owner := c.headOwner(p)
	end["label"], end["user"], end["repo"] = owner+":"+p.headRef, c.user(owner), nil
	if !p.forkGone {
		repo := c.repository(true)
		_, name, _ := strings.Cut(p.fork, "/")
		repo["full_name"], repo["name"], repo["owner"], repo["fork"] = p.fork, name, c.user(owner), true
		end["repo"] = repo
	}
	return end
}

func (c *call) headVertex(p pull) *vertex {
	if p.fork != "" {
		return nil
	}
	return c.refVertex(p.headRef)
}

// OpenFromFork opens a pull request from a branch of somebody's fork, OWNER/REPO, into the default branch.
func (s *Server) OpenFromFork(ctx context.Context, fork, branch string, files map[string][]byte, title, body string) (number int, err error) {
	login, _, _ := strings.Cut(fork, "/")
	err = s.during(ctx, login, func(c *call) error {
		base := c.w.heads[s.o.DefaultBranch]
		n := c.w.nextNumber()
		head, err := s.git.write(fmt.Sprintf("refs/pull/%d/head", n), base, files, title, signatureOf(login))
		if err != nil {
			return err
		}
		c.w.issues[n] = issue{id: c.w.nextID(), number: n, title: title, body: body, author: login, open: true, pull: true, created: c.now, updated: c.now}
		c.w.pulls[n] = pull{id: c.w.nextID(), number: n, fork: fork, headRef: branch, baseRef: s.o.DefaultBranch, head: head, base: base}
		c.record("pull.create", hash(n), "%s:%s -> %s at %s: %s", fork, branch, s.o.DefaultBranch, head, title)
		c.startCI(branch, head)
		c.askReviewer(n)
		number = n
		return nil
	})
	return number, err
}

// DeleteFork deletes the fork that a pull request comes from. The pull request stays open, as on GitHub.
func (s *Server) DeleteFork(ctx context.Context, number int) error {
	return s.during(ctx, s.o.Owner, func(c *call) error {
		p := c.w.pulls[number]
		if p.fork == "" {
			return fmt.Errorf("#%d comes from no fork", number)
		}
		p.forkGone = true
		c.w.pulls[number] = p
		return nil
	})
}
