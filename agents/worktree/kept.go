package worktree

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// keptPrefix is where the mirror names work that was taken and not finished. A fetch prunes branches of the remote alone.
const keptPrefix = "refs/lightsout/kept/"

// Keep names the files and the parents of a commit in the mirror, under a message of their own, so that they are found
// again after a restart. What was kept by that name before is replaced.
func (m *Mirror) Keep(ctx context.Context, name, commit, message string) error {
	kept, err := m.retell(ctx, commit, message)
	if err == nil {
		err = m.setKept(ctx, name, "update", kept)
	}
	if err != nil {
		return fmt.Errorf("keep %s as %q: %w", commit, name, err)
	}
	return nil
}

// retell makes a commit of the same files on the same parents, with another message.
func (m *Mirror) retell(ctx context.Context, commit, message string) (string, error) {
	parents, err := m.Parents(ctx, commit)
	if err != nil {
		return "", err
	}
	return m.writeCommit(ctx, m.dir, commit+"^{tree}", parents, message)
}

// Drop forgets a name of Keep. One that is not there is a success.
func (m *Mirror) Drop(ctx context.Context, name string) error {
	if err := m.setKept(ctx, name, "delete"); err != nil {
		return fmt.Errorf("drop %q: %w", name, err)
	}
	return nil
}

func (m *Mirror) setKept(ctx context.Context, name, verb string, values ...string) error {
	ref := keptPrefix + name
	if name == "" || strings.Contains(name, "/") || !validBranch(ref) {
		return fmt.Errorf("name %q cannot be kept", name)
	}
	release, err := m.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	_, err = m.git(ctx, call{args: []string{"update-ref", "--stdin"}, stdin: strings.NewReader(strings.Join(append([]string{verb, ref}, values...), " ") + "\n")})
	return err
}

// Kept are the commits that Keep has named.
func (m *Mirror) Kept(ctx context.Context) (map[string]string, error) {
	out, err := m.git(ctx, call{args: []string{"for-each-ref", "--format=%(objectname) %(refname)", keptPrefix}})
	if err != nil {
		return nil, fmt.Errorf("list kept work: %w", err)
	}
	kept := map[string]string{}
	for line := range strings.Lines(string(out)) {
		sha, ref, _ := strings.Cut(strings.TrimSpace(line), " ")
		kept[strings.TrimPrefix(ref, keptPrefix)] = sha
	}
	return kept, nil
}

// Committed is when a commit was made.
func (m *Mirror) Committed(ctx context.Context, commit string) (time.Time, error) {
	out, err := m.git(ctx, call{args: []string{"log", "-1", "--format=%ct", "--end-of-options", commit}})
	if err != nil {
		return time.Time{}, fmt.Errorf("date of %s: %w", commit, err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("date of %s: %w", commit, err)
	}
	return time.Unix(seconds, 0), nil
}

// Continue lays the work of a commit, which Take made, into the working copy that Add, or Merge, has just made, so that
// another session goes on with it. It is carried over where the copy begins elsewhere than that work did. False, and
// nothing is laid out, when it does not fit there any more.
func (m *Mirror) Continue(ctx context.Context, path, commit string) (bool, error) {
	c, err := m.known(path)
	fits := false
	if err == nil {
		fits, err = m.layOver(ctx, c, commit)
	}
	if err != nil {
		return false, fmt.Errorf("continue %s at %s: %w", commit, path, err)
	}
	return fits, nil
}

func (m *Mirror) layOver(ctx context.Context, c workingCopy, commit string) (bool, error) {
	branch, head, err := c.head()
	if err != nil {
		return false, err
	}
	begins, err := c.parents()
	if err != nil {
		return false, err
	}
	began, err := m.Parents(ctx, commit)
	if err != nil {
		return false, err
	}
	tree := commit
	switch {
	case slices.Equal(begins, began):
	case len(begins) > 1 || len(began) > 1: // one merge says nothing of another
		return false, nil
	default:
		out, err := m.git(ctx, call{args: []string{"merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", begins[0], commit}})
		if exited(err, 1) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		tree, _, _ = strings.Cut(string(out), "\x00")
	}
	if err := c.forget(readyFile); err != nil {
		return false, err
	}
	if _, err := m.git(ctx, call{gitDir: c.keep, work: c.path, args: []string{"read-tree", "--reset", "-u", tree}}); err != nil {
		return false, err
	}
	return true, m.hand(c, branch, head)
}
