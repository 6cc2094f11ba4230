package worktree

import (
	"context"
	"fmt"
	"slices"
)

// Merge brings commit into the working copy at path and leaves the merge uncommitted, for a session to finish; the
// next Take commits it with both parents. conflicts are the files that hold conflict markers or need a decision. The
// copy is first brought back to what was last taken from it: work not taken is gone, ignored files too. A commit that
// is in already changes nothing.
func (m *Mirror) Merge(ctx context.Context, path, commit string) (conflicts []string, err error) {
	c, err := m.known(path)
	if err == nil {
		commit, err = m.Resolve(ctx, commit)
	}
	if err == nil {
		conflicts, err = m.merge(ctx, c, commit)
	}
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", path, err)
	}
	return conflicts, nil
}

func (m *Mirror) merge(ctx context.Context, c workingCopy, commit string) ([]string, error) {
	branch, given, err := c.head()
	if err != nil {
		return nil, err
	}
	if err := m.place(ctx, c.path, given, branch, false); err != nil {
		return nil, err
	}
	if err := c.forget(readyFile); err != nil {
		return nil, err
	}
	_, err = m.git(ctx, call{gitDir: c.keep, work: c.path, args: []string{"merge", "--quiet", "--no-ff", "--no-commit", "--no-verify",
		"--no-rerere-autoupdate", "--no-gpg-sign", "--no-stat", commit}})
	if err != nil && !exited(err, 1) {
		return nil, err
	}
	merged, err := c.mergeHead()
	if err == nil && merged != "" {
		err = c.standOn(given, merged)
	}
	if err != nil {
		return nil, err
	}
	out, err := m.git(ctx, call{gitDir: c.keep, args: []string{"ls-files", "--unmerged", "-z"}})
	if err != nil {
		return nil, err
	}
	var conflicts []string
	for field := range nulFields(out) {
		if _, path, ok := cutPath(field); ok && !slices.Contains(conflicts, path) {
			conflicts = append(conflicts, path)
		}
	}
	return conflicts, m.hand(c, branch, given)
}
