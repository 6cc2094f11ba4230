package isolation

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"lightsout/agents/forge"
	"lightsout/agents/worktree"
)

// maxSearches bounds how often a survey goes through the whole tree: about a second each on a tree of 15,000 files.
const maxSearches = 4

// Survey reads from a commit what Pick needs to know of the tree: its paths, and which files hold the words of the
// tickets. Where tickets have more words than four searches hold, those of the last ones stay unknown.
func Survey(ctx context.Context, m *worktree.Mirror, commit string, tickets []forge.Ticket) (Tree, error) {
	sha, err := m.Resolve(ctx, commit)
	if err != nil {
		return Tree{}, fmt.Errorf("survey the tree: %w", err)
	}
	tree := Tree{Mentions: map[string][]string{}}
	if tree.Paths, err = m.Tree(ctx, sha); err != nil {
		return Tree{}, fmt.Errorf("survey the tree: %w", err)
	}
	var words []string
	asked := map[string]bool{}
	for _, t := range tickets {
		for _, w := range read(t).identifiers {
			if !asked[w] {
				asked[w] = true
				words = append(words, w)
			}
		}
	}
	words = words[:min(len(words), maxSearches*worktree.MaxGrepWords)]
	for batch := range slices.Chunk(words, worktree.MaxGrepWords) {
		found, err := m.Grep(ctx, sha, batch)
		if err != nil {
			return Tree{}, fmt.Errorf("survey the tree: %w", err)
		}
		maps.Copy(tree.Mentions, found)
	}
	return tree, nil
}
