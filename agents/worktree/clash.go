package worktree

import (
	"context"
	"fmt"
	"strings"
)

// Clash is one file that a merge would leave for somebody to decide about.
type Clash struct {
	Path string
	// Text is the file with both sides between conflict markers, and what both began from; "" where one side is no text
	// or has removed it.
	Text string
}

// Clashes foretells what a person would find in the files that conflict if b were merged into a; none when the merge is
// clean. ours and theirs are the names that the markers give to the sides.
func (m *Mirror) Clashes(ctx context.Context, a, b, ours, theirs string) ([]Clash, error) {
	a, b, err := m.pair(ctx, a, b)
	if err != nil {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	out, err := m.git(ctx, call{args: []string{"merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", a, b},
		config: [][2]string{{"merge.conflictStyle", "diff3"}}})
	if err == nil {
		return nil, nil
	}
	if !exited(err, 1) {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	names := strings.NewReplacer("<<<<<<< "+a, "<<<<<<< "+ours, ">>>>>>> "+b, ">>>>>>> "+theirs)
	var clashes []Clash
	tree := ""
	for field := range nulFields(out) {
		if tree == "" {
			tree = field // the first field is the tree with the markers in it
			continue
		}
		text, err := m.Show(ctx, tree, field)
		if err != nil || !Marked(text) {
			text = nil // removed on one side, or no text
		}
		clashes = append(clashes, Clash{Path: field, Text: names.Replace(string(text))})
	}
	return clashes, nil
}

// Marked tells that a file holds conflict markers: git's own, each at the start of a line.
func Marked(text []byte) bool {
	open, closed := false, false
	for line := range strings.Lines(string(text)) {
		open = open || strings.HasPrefix(line, "<<<<<<< ")
		closed = closed || open && strings.HasPrefix(line, ">>>>>>> ")
	}
	return closed
}

// Landing is one step of a branch's own history, a merge counted as one.
type Landing struct {
	SHA     string
	Subject string
	Body    string
}

// maxLandings bounds what Landings reads.
const maxLandings = 20

// Landings lists what a branch has taken up since a commit that touches any of the paths, newest first, at most twenty:
// for a branch that pull requests are merged into, one a pull request.
func (m *Mirror) Landings(ctx context.Context, since, branch string, paths []string) ([]Landing, error) {
	since, branch, err := m.pair(ctx, since, branch)
	if err != nil {
		return nil, fmt.Errorf("list landings: %w", err)
	}
	args := []string{"log", "--first-parent", "--no-patch", fmt.Sprintf("--max-count=%d", maxLandings), "-z",
		"--format=%H%n%s%n%b", "--end-of-options", since + ".." + branch, "--"}
	out, err := m.git(ctx, call{args: append(args, paths...)})
	if err != nil {
		return nil, fmt.Errorf("list landings: %w", err)
	}
	var landings []Landing
	for entry := range nulFields(out) {
		sha, message, ok := strings.Cut(entry, "\n")
		if !ok || !isSHA(sha) {
			return nil, fmt.Errorf("list landings: unexpected entry %q", entry)
		}
		subject, body, _ := strings.Cut(message, "\n")
		landings = append(landings, Landing{SHA: sha, Subject: subject, Body: strings.TrimSpace(body)})
	}
	return landings, nil
}
