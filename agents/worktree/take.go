package worktree

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// Take turns what a session left at path into commits in the mirror, and says where they end. The whole process tree
// of the session must be gone.
//
// The files are the truth. Commits that the session made are kept when they are whole, under our name, and descend
// from base; what is left uncommitted becomes one more commit, with message. In every other case (history rewritten,
// .git damaged, replaced or gone) all the work becomes one commit on the one the session was given. Nothing of the
// session's .git is executed or believed. Ignored files and repositories nested in the folder are not taken;
// submodules stay as they were. When no file differs from base, head is base.
//
// base must lie in the history of the commit the copy was made at, or be what Merge brought in. The working copy then
// stands at head with a fresh .git, ready for another round.
func (m *Mirror) Take(ctx context.Context, path, base, message string) (head string, err error) {
	c, err := m.known(path)
	if err == nil {
		base, err = m.Resolve(ctx, base)
	}
	if err == nil {
		head, err = m.take(ctx, c, base, message)
	}
	if err != nil {
		return "", fmt.Errorf("take work from %s: %w", path, err)
	}
	return head, nil
}

func (m *Mirror) take(ctx context.Context, c workingCopy, base, message string) (string, error) {
	branch, given, ok := readHead(c.keep)
	if !ok {
		return "", fmt.Errorf("read the keep: %w", ErrNotOurs)
	}
	w := work{copy: c, base: base, given: []string{given}}
	merging, err := readMergeHead(c.keep)
	if err != nil {
		return "", err
	}
	if merging != "" {
		w.given = append(w.given, merging)
	}
	if err := m.covers(ctx, w); err != nil {
		return "", err
	}
	if err := m.stage(ctx, c); err != nil {
		return "", err
	}
	if w.tree, err = m.keepLine(ctx, c, nil, "write-tree"); err != nil {
		return "", fmt.Errorf("write the tree: %w", err)
	}
	head, err := m.record(ctx, w, message)
	if err != nil {
		return "", err
	}
	if err := c.forget(mergeFiles...); err != nil {
		return "", err
	}
	return head, m.hand(c, branch, head)
}

// work is what one Take is about.
type work struct {
	copy  workingCopy
	base  string
	given []string // the commit the session was given, and the one that Merge brought in
	tree  string   // the files as they are now
}

// covers refuses a base that is not in the history of what was given: on it, the work would undo what base has more.
func (m *Mirror) covers(ctx context.Context, w work) error {
	for _, g := range w.given {
		if yes, err := m.isAncestor(ctx, w.copy.keep, w.base, g); err != nil || yes {
			return err
		}
	}
	return fmt.Errorf("base %s does not lie in the history of %s, which the session was given", w.base, w.given[0])
}

// record makes the commit that ends the work and brings it into the mirror. History that does not pass is given up,
// the files are not.
func (m *Mirror) record(ctx context.Context, w work, message string) (string, error) {
	baseTree, err := m.keepLine(ctx, w.copy, nil, "rev-parse", "--verify", w.base+"^{tree}")
	if err != nil || baseTree == w.tree {
		return w.base, err
	}
	parents, err := m.parents(ctx, w)
	if err != nil {
		return "", err
	}
	head, err := m.commitTree(ctx, w, parents, message)
	if err == nil {
		err = m.adopt(ctx, w, head)
	}
	if err == nil || !exited(err) || slices.Equal(parents, w.given) {
		return head, err
	}
	if head, err = m.commitTree(ctx, w, w.given, message); err != nil {
		return "", err
	}
	return head, m.adopt(ctx, w, head)
}

// commitTree commits the files on parents, or returns the only parent when it holds them already.
func (m *Mirror) commitTree(ctx context.Context, w work, parents []string, message string) (string, error) {
	if len(parents) == 1 {
		if has, err := m.keepLine(ctx, w.copy, nil, "rev-parse", "--verify", parents[0]+"^{tree}"); err != nil || has == w.tree {
			return parents[0], err
		}
	}
	args := []string{"commit-tree", "-F", "-"}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	clean := strings.ToValidUTF8(strings.ReplaceAll(message, "\x00", ""), "\uFFFD")
	head, err := m.keepLine(ctx, w.copy, strings.NewReader(strings.TrimSpace(clean)+"\n"), append(args, w.tree)...)
	if err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	return head, nil
}

// adopt brings head and all it needs from the keep into the mirror, as a fetch: git checks there that every object is
// sound and that none is missing.
func (m *Mirror) adopt(ctx context.Context, w work, head string) error {
	release, err := m.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	_, err = m.git(ctx, call{config: [][2]string{{"fetch.fsckObjects", "true"}}, args: []string{"fetch", "--quiet", "--no-tags",
		"--no-write-fetch-head", "--no-auto-maintenance", "--recurse-submodules=no", "--negotiation-tip=" + w.given[0], w.copy.keep, head}})
	if err != nil {
		return fmt.Errorf("bring %s into the mirror: %w", head, err)
	}
	return nil
}

// parents decides what the work stands on: the session's own last commit when its history can be kept.
func (m *Mirror) parents(ctx context.Context, w work) ([]string, error) {
	_, head, ok := readHead(filepath.Join(w.copy.path, ".git"))
	if !ok || head == w.given[0] {
		return w.given, nil
	}
	if err := m.importObjects(ctx, w.copy); err != nil {
		return nil, err
	}
	if ok, err := m.sound(ctx, w, head); err != nil || !ok {
		return w.given, unlessExit(err)
	}
	if len(w.given) == 2 {
		if merged, err := m.isAncestor(ctx, w.copy.keep, w.given[1], head); err != nil || !merged {
			return []string{head, w.given[1]}, err
		}
	}
	return []string{head}, nil
}

// sound says whether head descends from base by commits that are under our name: a session does not write as a person.
func (m *Mirror) sound(ctx context.Context, w work, head string) (bool, error) {
	from := w.base
	if len(w.given) == 2 { // base comes in with the merge, which the session may have left uncommitted
		from = w.given[0]
	}
	if yes, err := m.isAncestor(ctx, w.copy.keep, from, head); err != nil || !yes {
		return false, err
	}
	args := []string{"log", "-z", "--format=%an%n%ae%n%cn%n%ce", head, "^" + from}
	for _, g := range w.given {
		args = append(args, "^"+g)
	}
	names, err := m.git(ctx, call{gitDir: w.copy.keep, args: append(args, "--")})
	if err != nil {
		return false, err
	}
	who := m.identity.name + "\n" + m.identity.email
	for name := range nulFields(names) {
		if name != who+"\n"+who {
			return false, nil
		}
	}
	return true, nil
}

// unlessExit drops the complaint of a git that ran to its end: it found the session's history not sound.
func unlessExit(err error) error {
	if exited(err) {
		return nil
	}
	return err
}

// keepLine runs git in the keep and returns the one line it prints.
func (m *Mirror) keepLine(ctx context.Context, c workingCopy, stdin io.Reader, args ...string) (string, error) {
	out, err := m.git(ctx, call{gitDir: c.keep, args: args, stdin: stdin})
	return strings.TrimSpace(string(out)), err
}
