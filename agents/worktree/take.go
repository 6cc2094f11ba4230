package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// TakeRefused says that Take cannot keep what a session left, however often it is tried: too much of it, files that
// cannot be read or that git keeps nowhere, no folder at all (fs.ErrNotExist). It is the session's doing; every other
// error of Take is not.
type TakeRefused struct{ Err error }

func (e *TakeRefused) Error() string { return e.Err.Error() }
func (e *TakeRefused) Unwrap() error { return e.Err }

// refusedBy makes a refusal of what git, run to its end, would not have.
func refusedBy(err error) error {
	if exited(err) {
		return &TakeRefused{err}
	}
	return err
}

// Take turns what a session left at path into one commit in the mirror, with message, and names it. The whole process
// tree of the session must be gone.
//
// The files are the truth. Nothing of the session's .git is read, and its own commits do not come along: a secret that
// one of them held would travel in the history although no file shows it any more, and words in their messages act on
// GitHub. For the same reason the commit stands, after every round, on the commit that Add or Checkout laid out, and on
// what Merge brought in since. Ignored files and repositories nested in the folder are not taken; submodules stay as
// they were. When no file differs from what was laid out, and nothing was merged, that commit is returned.
// *TakeRefused when what the session left cannot be kept.
//
// The working copy then stands at head with a fresh .git, ready for another round.
func (m *Mirror) Take(ctx context.Context, path, message string) (head string, err error) {
	c, err := m.known(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = &TakeRefused{err}
	}
	if err == nil {
		head, err = m.take(ctx, c, message)
	}
	if err != nil {
		return "", fmt.Errorf("take work from %s: %w", path, err)
	}
	return head, nil
}

func (m *Mirror) take(ctx context.Context, c workingCopy, message string) (string, error) {
	branch, last, err := c.head()
	if err != nil {
		return "", err
	}
	parents, err := c.parents()
	if err != nil {
		return "", err
	}
	if err := m.stage(ctx, c); err != nil {
		return "", err
	}
	tree, err := m.keepLine(ctx, c, "write-tree")
	if err != nil {
		return "", fmt.Errorf("write the tree: %w", err)
	}
	head, err := m.unchanged(ctx, c, tree, last, parents)
	if err == nil && head == "" {
		head, err = m.commitTree(ctx, c, tree, parents, message)
	}
	if err != nil {
		return "", err
	}
	if err := c.forget(mergeFiles...); err != nil {
		return "", err
	}
	return head, m.hand(c, branch, head)
}

// unchanged finds the commit that holds the files already: the one last taken, or the one laid out. "" when there is
// none, or when a merge waits to be committed, which is work even where no file shows it.
func (m *Mirror) unchanged(ctx context.Context, c workingCopy, tree, last string, parents []string) (string, error) {
	for _, known := range []string{last, parents[0]} {
		if known == parents[0] && len(parents) > 1 {
			continue
		}
		if has, err := m.keepLine(ctx, c, "rev-parse", "--verify", known+"^{tree}"); err != nil || has == tree {
			return known, err
		}
	}
	return "", nil
}

// commitTree commits the files on parents and brings the commit with all it needs from the keep into the mirror, as a
// fetch: git checks there that every object is sound and that none is missing.
func (m *Mirror) commitTree(ctx context.Context, c workingCopy, tree string, parents []string, message string) (string, error) {
	head, err := m.writeCommit(ctx, c.keep, tree, parents, message)
	if err != nil {
		return "", err
	}
	release, err := m.hold(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	_, err = m.git(ctx, call{config: [][2]string{{"fetch.fsckObjects", "true"}}, args: []string{"fetch", "--quiet", "--no-tags",
		"--no-write-fetch-head", "--no-auto-maintenance", "--recurse-submodules=no", "--negotiation-tip=" + parents[0], c.keep, head}})
	if err != nil {
		return "", fmt.Errorf("bring %s into the mirror: %w", head, refusedBy(err))
	}
	return head, nil
}

// writeCommit makes a commit in a git directory.
func (m *Mirror) writeCommit(ctx context.Context, gitDir, tree string, parents []string, message string) (string, error) {
	args := []string{"commit-tree", "-F", "-"}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	clean := strings.ToValidUTF8(strings.ReplaceAll(message, "\x00", ""), "\uFFFD")
	out, err := m.git(ctx, call{gitDir: gitDir, args: append(args, tree), stdin: strings.NewReader(strings.TrimSpace(clean) + "\n")})
	if err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// keepLine runs git in the keep and returns the one line it prints.
func (m *Mirror) keepLine(ctx context.Context, c workingCopy, args ...string) (string, error) {
	out, err := m.git(ctx, call{gitDir: c.keep, args: args})
	return strings.TrimSpace(string(out)), err
}
