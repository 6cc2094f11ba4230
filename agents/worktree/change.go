package worktree

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Modes of git that are not plain files.
const (
	modeSymlink   = "120000"
	modeSubmodule = "160000"
)

// plainDiff makes diffs come out the same whatever attributes and configuration say: no programs, no surprises. Three
// dots everywhere: what head adds since it left base, which is what a pull request shows.
var plainDiff = []string{"--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--no-indent-heuristic",
	"--diff-algorithm=myers", "--submodule=short", "--ignore-submodules=none", "--src-prefix=a/", "--dst-prefix=b/", "--full-index"}

// Diff is the patch of merge-base(base, head)..head, with three lines of context, moves shown as such. Empty when
// nothing changed; ErrUnrelated when there is no merge base.
func (m *Mirror) Diff(ctx context.Context, base, head string) ([]byte, error) {
	out, err := m.diff(ctx, base, head, "--patch", "--unified=3", "--find-renames")
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	return out, nil
}

// Between is the patch from one commit's files to another's, whatever led from one to the other, as Diff writes it.
func (m *Mirror) Between(ctx context.Context, from, to string) ([]byte, error) {
	out, err := m.between(ctx, from, to, "--patch", "--unified=3", "--find-renames")
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	return out, nil
}

func (m *Mirror) between(ctx context.Context, from, to string, options ...string) ([]byte, error) {
	from, to, err := m.pair(ctx, from, to)
	if err != nil {
		return nil, err
	}
	args := append(append([]string{"diff"}, plainDiff...), options...)
	return m.git(ctx, call{args: append(args, from, to, "--")})
}

func (m *Mirror) diff(ctx context.Context, base, head string, options ...string) ([]byte, error) {
	from, err := m.MergeBase(ctx, base, head)
	if err != nil {
		return nil, err
	}
	return m.between(ctx, from, head, options...)
}

// PatchID names what head changes since it left base, whatever commits it is made of and wherever in its files the
// lines stand: a clean update from the base keeps it, any other change makes another. White space counts, as do modes
// and the bytes of binary files. It is "" when nothing changed.
func (m *Mirror) PatchID(ctx context.Context, base, head string) (string, error) {
	base, head, err := m.pair(ctx, base, head)
	if err != nil {
		return "", fmt.Errorf("patch id: %w", err)
	}
	return remember(m, "patch id "+base+" "+head, func() (string, error) { return m.patchID(ctx, base, head) })
}

func (m *Mirror) patchID(ctx context.Context, base, head string) (string, error) {
	patch, err := m.diff(ctx, base, head, "--patch", "--unified=3", "--no-renames", "--binary")
	if err != nil {
		return "", fmt.Errorf("patch id: %w", err)
	}
	if len(patch) == 0 {
		return "", nil
	}
	out, err := m.git(ctx, call{args: []string{"patch-id", "--verbatim"}, stdin: bytes.NewReader(patch)})
	if err != nil {
		return "", fmt.Errorf("patch id: %w", err)
	}
	id, _, _ := strings.Cut(string(out), " ")
	if id = strings.TrimSpace(id); !isSHA(id) {
		return "", fmt.Errorf("patch id: unexpected answer %q", out)
	}
	return id, nil
}

// A Change is one file that differs.
type Change struct {
	Path    string
	Old     string // where it was, when it moved or was copied; else ""
	Status  byte   // A added, M modified, D deleted, R renamed, C copied, T changed its kind
	Added   int    // lines; 0 for a binary file
	Deleted int    // lines; 0 for a binary file
	Mode    string // of git, as it is in head; as it was when deleted: 100644, 100755, 120000 (link), 160000 (submodule)
	Binary  bool
}

// Changed lists the files that differ in merge-base(base, head)..head, in git's order. Names are bytes as git keeps them.
func (m *Mirror) Changed(ctx context.Context, base, head string) ([]Change, error) {
	out, err := m.diff(ctx, base, head, listChanges...)
	return changesOf(out, err)
}

// ChangedBetween is Changed for Between: whatever led from one commit to the other.
func (m *Mirror) ChangedBetween(ctx context.Context, from, to string) ([]Change, error) {
	out, err := m.between(ctx, from, to, listChanges...)
	return changesOf(out, err)
}

var listChanges = []string{"--raw", "--numstat", "-z", "--find-renames"}

func changesOf(out []byte, err error) ([]Change, error) {
	if err != nil {
		return nil, fmt.Errorf("list changes: %w", err)
	}
	changes, err := parseChanges(out)
	if err != nil {
		return nil, fmt.Errorf("list changes: %w", err)
	}
	return changes, nil
}

// parseChanges reads `diff --raw --numstat -z`: first all raw entries, then as many numbers, in the same order.
//
//	":" oldmode " " mode " " oldsha " " sha " " status NUL [old NUL] path NUL
//	added TAB deleted TAB path NUL, or added TAB deleted TAB NUL old NUL path NUL
func parseChanges(out []byte) ([]Change, error) {
	next, stop := iter.Pull(nulFields(out))
	defer stop()
	var changes []Change
	numbered := 0
	for {
		field, ok := next()
		if !ok {
			break
		}
		if meta, raw := strings.CutPrefix(field, ":"); raw {
			f := strings.Fields(meta)
			if len(f) != 5 || f[4] == "" {
				return nil, fmt.Errorf("unexpected entry %q", field)
			}
			c := Change{Status: f[4][0], Mode: f[1]}
			if c.Status == 'D' {
				c.Mode = f[0]
			}
			if c.Status == 'R' || c.Status == 'C' {
				c.Old, _ = next()
			}
			if c.Path, ok = next(); !ok {
				return nil, fmt.Errorf("entry %q has no path", field)
			}
			changes = append(changes, c)
			continue
		}
		added, rest, _ := strings.Cut(field, "\t")
		deleted, path, ok := strings.Cut(rest, "\t")
		if path == "" {
			next()
			path, ok = next()
		}
		if !ok || numbered == len(changes) || changes[numbered].Path != path {
			return nil, fmt.Errorf("unexpected numbers %q", field)
		}
		c := &changes[numbered]
		numbered++
		if c.Binary = added == "-"; c.Binary {
			continue
		}
		var errA, errD error
		c.Added, errA = strconv.Atoi(added)
		c.Deleted, errD = strconv.Atoi(deleted)
		if errA != nil || errD != nil {
			return nil, fmt.Errorf("unexpected numbers %q", field)
		}
	}
	if numbered != len(changes) {
		return nil, fmt.Errorf("%d entries, numbers for %d", len(changes), numbered)
	}
	return changes, nil
}

// nulFields walks fields that each end with a NUL.
func nulFields(b []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(b) > 0 {
			field, rest, _ := bytes.Cut(b, []byte{0})
			if !yield(string(field)) {
				return
			}
			b = rest
		}
	}
}
