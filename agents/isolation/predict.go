package isolation

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"lightsout/agents/forge"
)

const (
	maxSpread = 12 // a word that stands in more files than this tells nothing about where the change will be
	maxBeside = 2  // the same where the text names files: then its other words are about what those do, not where
	maxAlike  = 4  // a bare file name that more files bear tells nothing either
	least     = 5  // the weight below which a file is not predicted: what one word gives that stands in twelve files
)

// Weights: how strongly the text speaks for a file. What stands for several files is divided among them.
const (
	weightPath     = 100 // named by its path
	weightBase     = 90  // named by its bare name
	weightFolder   = 40  // its folder is named
	weightMention  = 60  // holds a word that the text writes as code …
	weightProse    = 6   // … but is documentation
	weightTestPart = 40  // … but is a test
)

// prediction is which files a ticket will touch, as far as its text tells.
type prediction struct {
	files   []string // likeliest first
	named   bool     // some file stands in the text by name
	reasons []string
	why     string // when files is empty
}

// An index finds the files that a ticket may mean.
type index struct {
	files   map[string]bool
	bases   map[string][]string // base name -> paths
	folders map[string][]string // folder -> the files right in it
}

func indexTree(paths []string) index {
	x := index{files: map[string]bool{}, bases: map[string][]string{}, folders: map[string][]string{}}
	for _, p := range paths {
		x.files[p] = true
		x.bases[path.Base(p)] = append(x.bases[path.Base(p)], p)
		x.folders[path.Dir(p)] = append(x.folders[path.Dir(p)], p)
	}
	return x
}

func predict(t forge.Ticket, x index, mentions map[string][]string, limit int) prediction {
	text := read(t)
	weights := map[string]float64{}
	var p prediction
	for _, name := range text.paths {
		files, weight := x.meant(name)
		share := weight / float64(max(1, len(files)))
		if len(files) == 0 || share < least { // nothing, or a folder of very many files
			continue
		}
		for _, f := range files {
			weights[f] += share
		}
		p.named = true
		p.reasons = append(p.reasons, "the text names "+listed(files, 2))
	}
	spread := maxSpread
	if p.named {
		spread = maxBeside
	}
	for _, word := range text.identifiers {
		files := x.holding(mentions[word])
		if len(files) == 0 || len(files) > spread {
			continue
		}
		for _, f := range files {
			weights[f] += mentionWeight(f) / float64(len(files))
		}
		p.reasons = append(p.reasons, fmt.Sprintf("%s stands in %s", word, count(len(files), "file")))
	}
	for f, w := range weights {
		if w >= least {
			p.files = append(p.files, f)
		}
	}
	slices.SortFunc(p.files, func(a, b string) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a, b))
	})
	p.files = p.files[:min(len(p.files), limit)]
	p.reasons = p.reasons[:min(len(p.reasons), 4)]
	switch {
	case len(p.files) > 0:
	case len(text.paths)+len(text.identifiers) == 0:
		p.why = "nothing in the text names code"
	default:
		p.why = "what the text names is not in the tree, or everywhere in it"
	}
	return p
}

// meant finds the files that a path in the text means: the file itself; files whose path ends so; a file whose path
// the text gives with more before it, as a stack trace does; the files of a folder; a file yet to be made in one.
func (x index) meant(name string) (files []string, weight float64) {
	if x.files[name] {
		return []string{name}, weightPath
	}
	for _, p := range x.bases[path.Base(name)] {
		if strings.HasSuffix(p, "/"+name) {
			files = append(files, p)
		}
	}
	if len(files) > 0 {
		if len(files) > maxAlike {
			return nil, 0
		}
		return files, weightBase
	}
	for rest := name; ; {
		_, after, ok := strings.Cut(rest, "/")
		if !ok || !strings.Contains(after, "/") { // a file at the top is too easily meant by chance
			break
		}
		if rest = after; x.files[rest] {
			return []string{rest}, weightPath
		}
	}
	if len(x.folders[path.Dir(name)]) > 0 && strings.Contains(name, "/") && extension.MatchString(name) {
		return []string{name}, weightPath
	}
	return x.folders[name], weightFolder
}

// holding leaves out files that are no longer in the tree, and documentation where code holds the word too.
func (x index) holding(files []string) []string {
	var code, prose []string
	for _, f := range files {
		switch {
		case !x.files[f]:
		case isProse(f):
			prose = append(prose, f)
		default:
			code = append(code, f)
		}
	}
	if len(code) > 0 {
		return code
	}
	return prose
}

func mentionWeight(file string) float64 {
	switch base := path.Base(file); {
	case isProse(file):
		return weightProse
	case strings.Contains(base, "_test.") || strings.Contains(base, ".test.") || strings.Contains(base, ".spec.") || strings.HasPrefix(base, "test_"):
		return weightTestPart
	}
	return weightMention
}

func isProse(file string) bool {
	switch path.Ext(file) {
	case ".md", ".rst", ".txt", ".adoc":
		return true
	}
	return false
}
