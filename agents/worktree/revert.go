package worktree

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// RevertConflict: what came after a change stands in the way of taking it back.
type RevertConflict struct{ Paths []string }

func (e *RevertConflict) Error() string { return "conflicts in " + strings.Join(e.Paths, ", ") }

// Revert makes a commit on top of onto that takes back what lies between before and after, as git revert does: with a
// merge commit and its first parent that is what the merge brought, with the two ends of a series what the series
// brought. Nothing is checked out, and no ref names the commit yet. *RevertConflict when later changes stand in the way,
// ErrNoChange when it was taken back already, ErrUnrelated when after is not in onto's history.
func (m *Mirror) Revert(ctx context.Context, onto, before, after, message string) (string, error) {
	sha, err := m.revert(ctx, onto, before, after, message)
	if err != nil {
		return "", fmt.Errorf("revert %.7s: %w", after, err)
	}
	return sha, nil
}

func (m *Mirror) revert(ctx context.Context, onto, before, after, message string) (string, error) {
	onto, before, err := m.pair(ctx, onto, before)
	if err != nil {
		return "", err
	}
	if after, err = m.commit(ctx, after); err != nil {
		return "", err
	}
	if in, err := m.IsAncestor(ctx, after, onto); err != nil || !in {
		return "", errors.Join(err, ErrUnrelated)
	}
	// The way back is a commit on after that has the files of before; merged into onto, it has after as its merge base.
	back, err := m.git(ctx, call{args: []string{"commit-tree", before + "^{tree}", "-p", after, "-m", "back"}})
	if err != nil {
		return "", err
	}
	out, err := m.git(ctx, call{args: []string{"merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", onto, strings.TrimSpace(string(back))}})
	if exited(err, 1) {
		return "", &RevertConflict{conflicted(out)}
	}
	if err != nil {
		return "", err
	}
	tree, _, _ := strings.Cut(string(out), "\x00")
	was, err := m.git(ctx, call{args: []string{"rev-parse", "--verify", onto + "^{tree}"}})
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(string(was)) == tree {
		return "", ErrNoChange
	}
	made, err := m.git(ctx, call{args: []string{"commit-tree", tree, "-p", onto, "-F", "-"}, stdin: strings.NewReader(message)})
	return strings.TrimSpace(string(made)), err
}

// Parents are the commits that a commit was made on; of a merge the first is the branch that was merged into.
func (m *Mirror) Parents(ctx context.Context, commit string) ([]string, error) {
	sha, err := m.commit(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("parents: %w", err)
	}
	out, err := m.git(ctx, call{args: []string{"rev-list", "--parents", "--max-count=1", "--end-of-options", sha}})
	if err != nil {
		return nil, fmt.Errorf("parents: %w", err)
	}
	names := strings.Fields(string(out))
	if len(names) == 0 {
		return nil, fmt.Errorf("parents of %s: unexpected answer %q", sha, out)
	}
	return names[1:], nil
}
