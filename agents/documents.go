package agents

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// documentNames are what repositories call the documents that say how to work in them, without their ending and in lower
// case, the most telling first. A coding CLI reads some of the first two of its own accord, each its own.
var documentNames = []string{"agents", "claude", "contributing", "development", "developing", "hacking", "architecture", "design", "style", "styleguide", "testing", "readme"}

// maxDocuments is how many a prompt points to: it says where to look, not what to read.
const maxDocuments = 6

// documents are the files, out of all of a repository, that say how to work in it, and the folder of its documentation.
func documents(paths []string) []string {
	type document struct {
		name string
		rank int
	}
	var found []document
	folder := ""
	for _, p := range paths {
		dir, file := path.Split(p)
		ending := path.Ext(file)
		if !slices.Contains([]string{"", ".md", ".rst", ".txt", ".adoc"}, strings.ToLower(ending)) {
			continue
		}
		if top, _, below := strings.Cut(p, "/"); below && ending != "" && (top == "docs" || top == "doc") {
			folder = top + "/"
		}
		rank := slices.Index(documentNames, strings.ToLower(strings.TrimSuffix(file, ending)))
		if rank >= 0 && slices.Contains([]string{"", "docs/", "doc/", ".github/"}, dir) {
			found = append(found, document{p, rank})
		}
	}
	slices.SortFunc(found, func(a, b document) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, d := range found[:min(len(found), maxDocuments)] {
		names = append(names, d.name)
	}
	if folder != "" {
		names = append(names, folder)
	}
	return names
}
