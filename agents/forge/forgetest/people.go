package forgetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Seed makes the first commit of the default branch, or the next one, as the owner.
func (s *Server) Seed(ctx context.Context, files map[string][]byte, message string) (sha string, err error) {
	return s.PushAs(ctx, s.o.Owner, s.o.DefaultBranch, files, message)
}

// SeedDir is Seed with all files of a folder but those of .git.
func (s *Server) SeedDir(ctx context.Context, dir fs.FS, message string) (sha string, err error) {
	files := map[string][]byte{}
	err = fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.Type().IsRegular():
			content, err := fs.ReadFile(dir, path)
			files[path] = append([]byte{}, content...) // never nil, which would delete it
			return err
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("seed: %w", err)
	}
	return s.Seed(ctx, files, message)
}

// SeedFrom makes the default branch a copy of a revision of another repository on this machine, history and all.
// Nothing is written there.
func (s *Server) SeedFrom(ctx context.Context, repository, revision string) (sha string, err error) {
	if _, err := os.Stat(repository); err != nil {
		return "", fmt.Errorf("seed: %w", err)
	}
	err = s.during(ctx, s.o.Owner, func(c *call) error {
		branch := s.o.DefaultBranch
		if _, err := s.git.inside("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow", repository,
			"+"+revision+":refs/heads/"+branch); err != nil {
			return err
		}
		err := c.observe(true)
		sha = c.w.heads[branch]
		return err
	})
	return sha, err
}

// PushAsPerson commits files on a branch as the owner and pushes them; a nil content deletes the file. A branch that
// does not exist starts at the default branch.
func (s *Server) PushAsPerson(ctx context.Context, branch string, files map[string][]byte, message string) (sha string, err error) {
	return s.PushAs(ctx, s.o.Owner, branch, files, message)
}

// PushAs is PushAsPerson by somebody else.
func (s *Server) PushAs(ctx context.Context, login, branch string, files map[string][]byte, message string) (sha string, err error) {
	err = s.during(ctx, login, func(c *call) error {
		from := c.w.heads[branch]
		if from == "" {
			from = c.w.heads[s.o.DefaultBranch]
		}
		if sha, err = s.git.write("refs/heads/"+branch, from, files, message, signatureOf(login)); err != nil {
			return err
		}
		return c.observe(true)
	})
	return sha, err
}

// ForcePush moves a branch to a commit that the repository has, whatever it stood at: what a person's force-push does.
func (s *Server) ForcePush(ctx context.Context, login, branch, commit string) error {
	return s.during(ctx, login, func(c *call) error {
		if _, err := s.git.inside("update-ref", "refs/heads/"+branch, commit); err != nil {
			return err
		}
		return c.observe(true)
	})
}

// DeleteBranch deletes a branch as a person.
func (s *Server) DeleteBranch(ctx context.Context, login, branch string) error {
	return s.during(ctx, login, func(c *call) error {
		old, known := c.w.heads[branch]
		if !known {
			return fmt.Errorf("no branch %s", branch)
		}
		if err := s.git.remove(branch, old); err != nil {
			return err
		}
		return c.observe(true)
	})
}

// during does what a person does.
func (s *Server) during(ctx context.Context, login string, f func(*call) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.act(login, "person", func(c *call) error {
		c.meet(login, "")
		if err := f(c); err != nil {
			return fmt.Errorf("as %s: %w", login, err)
		}
		return nil
	})
}

// AddPerson makes somebody known, with how they stand to the repository.
func (s *Server) AddPerson(login, association string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call(login).meet(login, association)
}

// AddMilestone adds an open milestone and gives its number. A zero due date means none.
func (s *Server) AddMilestone(title string, due time.Time) (number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call(s.o.Owner)
	m := milestone{
		id: c.w.nextID(), number: len(c.w.milestones) + 1, title: title, due: due, open: true, created: c.now, updated: c.now,
	}
	c.w.milestones[m.number] = m
	c.record("milestone.create", title, "")
	return m.number
}

// CloseMilestone closes a milestone.
func (s *Server) CloseMilestone(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call(s.o.Owner)
	if m, known := c.w.milestones[number]; known {
		m.open, m.updated = false, c.now
		c.w.milestones[number] = m
		c.record("milestone.close", m.title, "")
	}
}

// AddIssue adds an open issue as its author and gives its number. With a Status it is put on the board: into that
// column, or, where the board is made of labels, under "status: " and the column in lower case.
func (s *Server) AddIssue(new Issue) (number int, err error) {
	if new.Author == "" {
		new.Author = s.o.Owner
	}
	err = s.act(new.Author, "person", func(c *call) error {
		c.meet(new.Author, new.Association)
		if _, known := c.w.milestones[new.Milestone]; !known && new.Milestone != 0 {
			return fmt.Errorf("add issue %q: no milestone %d", new.Title, new.Milestone)
		}
		i := issue{
			id: c.w.nextID(), number: c.w.nextNumber(), title: new.Title, body: new.Body, author: new.Author, open: true,
			milestone: new.Milestone, labels: c.addLabels(nil, new.Labels), assignees: slices.Clone(new.Assignees),
			created: c.now, updated: c.now,
		}
		c.w.issues[i.number] = i
		number = i.number
		c.record("issue.create", hash(i.number), "%s", i.title)
		if new.Status == "" {
			return nil
		}
		return c.setColumn(i.number, new.Status)
	})
	return number, err
}

// Move puts an issue into a column of the board as a person.
func (s *Server) Move(login string, number int, status string) error {
	return s.act(login, "person", func(c *call) error { return c.setColumn(number, status) })
}

// EditIssue changes title and body of an issue or pull request as a person.
func (s *Server) EditIssue(login string, number int, title, body string) error {
	return s.change(login, number, func(c *call) error {
		i := c.w.issues[number]
		i.title, i.body, i.updated = title, body, c.now
		c.w.issues[number] = i
		c.record(kindOf(i)+".edit", hash(number), "body, title")
		return nil
	})
}

// CloseIssue closes an issue or pull request as a person.
func (s *Server) CloseIssue(login string, number int) error {
	return s.change(login, number, func(c *call) error { c.setState(number, "closed", nil); return nil })
}

// Reopen opens an issue or pull request again as a person.
func (s *Server) Reopen(login string, number int) error {
	return s.change(login, number, func(c *call) error { c.setState(number, "open", nil); return nil })
}

// AddComment comments as somebody.
func (s *Server) AddComment(login string, number int, body string) error {
	return s.change(login, number, func(c *call) error {
		c.meet(login, "")
		c.addComment(number, body)
		return nil
	})
}

// AddReview reviews the head of a pull request as r.Author.
func (s *Server) AddReview(number int, r Review) error {
	return s.change(r.Author, number, func(c *call) error {
		p, is := c.w.pulls[number]
		if !is {
			return fmt.Errorf("#%d is not a pull request", number)
		}
		c.meet(r.Author, "")
		c.addReview(p, r)
		return nil
	})
}

// Merge merges a pull request as a person, by one of merge, squash and rebase, whatever its checks say.
func (s *Server) Merge(login string, number int, method string) (sha string, err error) {
	err = s.change(login, number, func(c *call) error {
		p, is := c.w.pulls[number]
		if !is || !c.w.issues[number].open {
			return fmt.Errorf("#%d is not an open pull request", number)
		}
		if sha, err = c.merge(p, mergeRequest{Method: method}); err == nil && sha == "" {
			return fmt.Errorf("#%d conflicts with its base", number)
		}
		return err
	})
	return sha, err
}

// Retarget gives a pull request another base, as a person.
func (s *Server) Retarget(login string, number int, base string) error {
	return s.change(login, number, func(c *call) error {
		p, is := c.w.pulls[number]
		if !is || c.w.heads[base] == "" {
			return errors.New("no such pull request or branch")
		}
		p.baseRef, p.base = base, c.w.heads[base]
		c.w.pulls[number] = p
		c.touch(number)
		c.record("pull.edit", hash(number), "base %s", base)
		return nil
	})
}

// SetDraft makes a pull request a draft, or takes that back, as a person.
func (s *Server) SetDraft(login string, number int, draft bool) error {
	return s.change(login, number, func(c *call) error {
		p, is := c.w.pulls[number]
		if !is {
			return fmt.Errorf("#%d is no pull request", number)
		}
		return c.markDraft(p, draft)
	})
}

// SetStatus gives a commit a commit status, as services other than GitHub's own do. State is success, failure, error or pending.
func (s *Server) SetStatus(login, sha, context, state, description string) error {
	return s.act(login, "person", func(c *call) error {
		c.meet(login, "")
		c.w.statuses = append(slices.Clone(c.w.statuses), status{
			id: c.w.nextID(), sha: sha, context: context, state: state, description: description, who: login, created: c.now,
		})
		c.record("status.create", sha, "%s: %s", context, state)
		return nil
	})
}

// change does something to an issue or pull request that must exist.
func (s *Server) change(login string, number int, f func(*call) error) error {
	return s.act(login, "person", func(c *call) error {
		if _, known := c.w.issues[number]; !known {
			return fmt.Errorf("change #%d: there is none", number)
		}
		return f(c)
	})
}
