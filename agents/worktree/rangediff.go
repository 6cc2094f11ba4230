package worktree

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// addedCommit matches the line of range-diff that names a commit of the second range alone.
var addedCommit = regexp.MustCompile(`^-: +-+ > +\d+: +([0-9a-f]+) `)

// mostAdded is how many added commits are shown with their patch: more than anybody reads in a chat.
const mostAdded = 20

// RangeDiff says what became of the change from..base on its way to another head: git range-diff of the two series of
// commits since each left base. A commit that was added is shown with its patch, which git leaves out. Where every
// commit is the same, the difference is in the merges, which git passes over: then the two changes are compared as if
// each were one commit. It is "" when nothing differs.
func (m *Mirror) RangeDiff(ctx context.Context, base, from, to string) (string, error) {
	text, err := m.rangeDiff(ctx, base, from, to)
	if err != nil {
		return "", fmt.Errorf("range diff: %w", err)
	}
	return text, nil
}

func (m *Mirror) rangeDiff(ctx context.Context, base, from, to string) (string, error) {
	old, err := m.series(ctx, base, from)
	if err != nil {
		return "", err
	}
	now, err := m.series(ctx, base, to)
	if err != nil {
		return "", err
	}
	text, differs, err := m.compare(ctx, old, now)
	if err != nil || differs {
		return text, err
	}
	for _, s := range []*series{&old, &now} {
		if s.head, err = m.squash(ctx, *s); err != nil {
			return "", err
		}
	}
	text, differs, err = m.compare(ctx, old, now)
	if !differs {
		text = ""
	}
	return text, err
}

// series are the commits from where a branch left its base.
type series struct{ fork, head string }

func (m *Mirror) series(ctx context.Context, base, head string) (series, error) {
	fork, err := m.MergeBase(ctx, base, head)
	if err != nil {
		return series{}, err
	}
	head, err = m.commit(ctx, head)
	return series{fork, head}, err
}

// squash makes one commit of a series. No ref names it.
func (m *Mirror) squash(ctx context.Context, s series) (string, error) {
	out, err := m.git(ctx, call{args: []string{"commit-tree", s.head + "^{tree}", "-p", s.fork, "-m", "the whole change"}})
	return strings.TrimSpace(string(out)), err
}

func (m *Mirror) compare(ctx context.Context, old, now series) (text string, differs bool, err error) {
	out, err := m.git(ctx, call{args: []string{"range-diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-notes",
		old.fork + ".." + old.head, now.fork + ".." + now.head}})
	if err != nil {
		return "", false, err
	}
	var b strings.Builder
	shown := 0
	for line := range strings.Lines(string(out)) {
		b.WriteString(line)
		if differs = differs || !sameCommit.MatchString(line); shown == mostAdded {
			continue
		}
		if added := addedCommit.FindStringSubmatch(line); added != nil {
			shown++
			patch, err := m.git(ctx, call{args: append(append([]string{"diff-tree", "--root", "--no-commit-id", "-r", "--patch", "--unified=3"}, plainDiff...), added[1], "--")})
			if err != nil {
				return "", false, err
			}
			for line := range strings.Lines(string(patch)) {
				if !strings.HasPrefix(line, "diff --git ") && !strings.HasPrefix(line, "index ") { // the next two lines name the file
					b.WriteString("    " + strings.TrimSuffix(line, "\n") + "\n")
				}
			}
		}
	}
	return b.String(), differs, nil
}

// sameCommit matches the line of a commit that is in both ranges as it was.
var sameCommit = regexp.MustCompile(`^\d+: +[0-9a-f]+ = +\d+: `)
