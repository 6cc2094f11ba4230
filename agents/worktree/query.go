package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Resolve finds the commit a revision names: a branch of the remote as last fetched (main, or origin/main), a full ref
// name, or a commit name, shortened or not. A branch goes before a shortened commit name. ErrNoRevision when there is none.
func (m *Mirror) Resolve(ctx context.Context, rev string) (string, error) {
	if isSHA(rev) {
		return remember(m, "resolve "+rev, func() (string, error) { return m.resolve(ctx, rev) })
	}
	return m.resolve(ctx, rev)
}

func (m *Mirror) resolve(ctx context.Context, rev string) (string, error) {
	var candidates []string
	switch {
	case isSHA(rev):
		candidates = []string{rev}
	case !validBranch(rev):
	case strings.HasPrefix(rev, "refs/"):
		candidates = []string{rev}
	default:
		candidates = []string{"refs/remotes/origin/" + strings.TrimPrefix(rev, "origin/")}
		if len(rev) >= 7 && strings.Trim(rev, "0123456789abcdef") == "" {
			candidates = append(candidates, rev)
		}
	}
	for _, c := range candidates {
		out, err := m.git(ctx, call{args: []string{"rev-parse", "--verify", "--quiet", "--end-of-options", c + "^{commit}"}})
		if err == nil {
			if sha := strings.TrimSpace(string(out)); isSHA(sha) {
				return sha, nil
			}
			return "", fmt.Errorf("resolve %q: unexpected answer %q", rev, out)
		}
		if !exited(err) {
			return "", fmt.Errorf("resolve %q: %w", rev, err)
		}
	}
	return "", fmt.Errorf("resolve %q: %w", rev, ErrNoRevision)
}

// commit is Resolve that trusts a full name: the command that uses it fails if there is no such object.
func (m *Mirror) commit(ctx context.Context, rev string) (string, error) {
	if isSHA(rev) {
		return rev, nil
	}
	return m.Resolve(ctx, rev)
}

// MergeBase finds the best common ancestor of two commits; ErrUnrelated when there is none.
func (m *Mirror) MergeBase(ctx context.Context, a, b string) (string, error) {
	a, b, err := m.pair(ctx, a, b)
	if err != nil {
		return "", fmt.Errorf("merge base: %w", err)
	}
	return remember(m, "merge base "+a+" "+b, func() (string, error) {
		out, err := m.git(ctx, call{args: []string{"merge-base", a, b}})
		if exited(err, 1) {
			return "", fmt.Errorf("merge base of %s and %s: %w", a, b, ErrUnrelated)
		}
		if err != nil {
			return "", fmt.Errorf("merge base: %w", err)
		}
		return strings.TrimSpace(string(out)), nil
	})
}

// IsAncestor says whether a is b or lies in its history.
func (m *Mirror) IsAncestor(ctx context.Context, a, b string) (bool, error) {
	a, b, err := m.pair(ctx, a, b)
	if err != nil {
		return false, fmt.Errorf("is ancestor: %w", err)
	}
	return remember(m, "ancestor "+a+" "+b, func() (bool, error) { return m.isAncestor(ctx, "", a, b) })
}

func (m *Mirror) isAncestor(ctx context.Context, gitDir, a, b string) (bool, error) {
	_, err := m.git(ctx, call{gitDir: gitDir, args: []string{"merge-base", "--is-ancestor", a, b}})
	if err != nil && !exited(err, 1) {
		return false, fmt.Errorf("is %s an ancestor of %s: %w", a, b, err)
	}
	return err == nil, nil
}

func (m *Mirror) pair(ctx context.Context, a, b string) (string, string, error) {
	shaA, err := m.commit(ctx, a)
	if err != nil {
		return "", "", err
	}
	shaB, err := m.commit(ctx, b)
	return shaA, shaB, err
}

// Tree lists the paths of all files of a commit, in git's order. Submodules are not files.
func (m *Mirror) Tree(ctx context.Context, commit string) ([]string, error) {
	sha, err := m.commit(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	out, err := m.git(ctx, call{args: []string{"ls-tree", "-r", "-z", sha}})
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	var paths []string
	for entry := range nulFields(out) {
		mode, path, ok := cutPath(entry)
		if !ok {
			return nil, fmt.Errorf("list files: unexpected entry %q", entry)
		}
		if mode != modeSubmodule {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// Show reads one file of a commit as git stores it; for a symbolic link that is its target. ErrNoRevision when the
// commit has no such file.
func (m *Mirror) Show(ctx context.Context, commit, path string) ([]byte, error) {
	sha, err := m.commit(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("show %q: %w", path, err)
	}
	if !isShown(path) {
		return nil, fmt.Errorf("show %q: %w", path, ErrNoRevision)
	}
	found, err := m.show(ctx, sha, []string{path})
	if err != nil {
		return nil, fmt.Errorf("show %q: %w", path, err)
	}
	content, ok := found[path]
	if !ok {
		return nil, fmt.Errorf("show %q of %s: %w", path, sha, ErrNoRevision)
	}
	return content, nil
}

// ShowAll reads many files of a commit at once, as Show reads one. Those that the commit does not have are left out.
func (m *Mirror) ShowAll(ctx context.Context, commit string, paths []string) (map[string][]byte, error) {
	sha, err := m.commit(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("show %d files: %w", len(paths), err)
	}
	all := map[string][]byte{}
	for some := range slices.Chunk(slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !isShown(p) }), 500) {
		found, err := m.show(ctx, sha, some)
		if err != nil {
			return nil, fmt.Errorf("show %d files: %w", len(paths), err)
		}
		maps.Copy(all, found)
	}
	return all, nil
}

// isShown reports whether git reads the name as that of a file: one that begins so is relative to a folder of files, and the mirror has none.
func isShown(path string) bool {
	return path != "" && !strings.HasPrefix(path, "./") && !strings.HasPrefix(path, "../") && !strings.Contains(path, "\x00")
}

func (m *Mirror) show(ctx context.Context, sha string, paths []string) (map[string][]byte, error) {
	var asked strings.Builder
	for _, p := range paths {
		asked.WriteString(sha + ":" + p + "\x00")
	}
	out, err := m.git(ctx, call{args: []string{"cat-file", "--batch", "-z"}, stdin: strings.NewReader(asked.String())})
	if err != nil {
		return nil, err
	}
	found := map[string][]byte{}
	for _, p := range paths {
		absent := sha + ":" + p + " missing\n" // the name may hold a line break
		if rest, ok := bytes.CutPrefix(out, []byte(absent)); ok {
			out = rest
			continue
		}
		header, rest, _ := bytes.Cut(out, []byte("\n"))
		fields := strings.Fields(string(header))
		if len(fields) == 2 && isSHA(fields[0]) { // a submodule, as newer versions of git say it
			out = rest
			continue
		}
		if len(fields) != 3 || !isSHA(fields[0]) {
			return nil, fmt.Errorf("unexpected answer %.100q", header)
		}
		size, err := strconv.Atoi(fields[2])
		if err != nil || size >= len(rest) {
			return nil, errors.New("answer cut short")
		}
		if fields[1] == "blob" {
			found[p] = rest[:size:size]
		}
		out = rest[size+1:] // a line break ends it
	}
	return found, nil
}

// Conflicts foretells which files would conflict if b were merged into a; none when the merge is clean.
func (m *Mirror) Conflicts(ctx context.Context, a, b string) ([]string, error) {
	a, b, err := m.pair(ctx, a, b)
	if err != nil {
		return nil, fmt.Errorf("foretell conflicts: %w", err)
	}
	paths, err := remember(m, "conflicts "+a+" "+b, func() ([]string, error) { return m.conflicts(ctx, a, b) })
	return slices.Clone(paths), err
}

func (m *Mirror) conflicts(ctx context.Context, a, b string) ([]string, error) {
	out, err := m.git(ctx, call{args: []string{"merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", a, b}})
	if err == nil {
		return nil, nil
	}
	if !exited(err, 1) {
		return nil, fmt.Errorf("foretell conflicts: %w", err)
	}
	return conflicted(out), nil
}

// CleanMerge tells that a commit holds exactly the files that merging two others makes by itself, without conflict.
func (m *Mirror) CleanMerge(ctx context.Context, made, a, b string) (bool, error) {
	a, b, err := m.pair(ctx, a, b)
	if err == nil {
		made, err = m.commit(ctx, made)
	}
	if err != nil {
		return false, fmt.Errorf("merge again: %w", err)
	}
	return remember(m, "clean merge "+made+" "+a+" "+b, func() (bool, error) {
		tree, err := m.git(ctx, call{args: []string{"merge-tree", "--write-tree", "--no-messages", a, b}})
		if exited(err, 1) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("merge again: %w", err)
		}
		has, err := m.git(ctx, call{args: []string{"rev-parse", "--verify", "--end-of-options", made + "^{tree}"}})
		if err != nil {
			return false, fmt.Errorf("merge again: %w", err)
		}
		return bytes.Equal(tree, has), nil
	})
}

// conflicted reads the files out of what merge-tree answers when it could not merge.
func conflicted(out []byte) []string {
	var paths []string
	for field := range nulFields(out) {
		if !isSHA(field) { // the first field is the tree with the markers in it
			paths = append(paths, field)
		}
	}
	return paths
}

// Added counts the commits that lead to one commit, and neither to another nor to the base, merges not counted: what
// somebody has committed on a branch beside updates from its base.
func (m *Mirror) Added(ctx context.Context, from, to, base string) (int, error) {
	from, to, err := m.pair(ctx, from, to)
	if err != nil {
		return 0, fmt.Errorf("count commits: %w", err)
	}
	if base, err = m.commit(ctx, base); err != nil {
		return 0, fmt.Errorf("count commits: %w", err)
	}
	return remember(m, "added "+from+" "+to+" "+base, func() (int, error) {
		out, err := m.git(ctx, call{args: []string{"rev-list", "--count", "--no-merges", "--end-of-options", to, "^" + from, "^" + base}})
		if err != nil {
			return 0, fmt.Errorf("count commits: %w", err)
		}
		return strconv.Atoi(strings.TrimSpace(string(out)))
	})
}
