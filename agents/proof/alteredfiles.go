package proof

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// findContradictedFiles runs changed files of tests of languages other than Go as they were, over the new code. A test that fails then, not on the base, and
// that proves nothing as it is now was altered until it passed: a row or an assertion is gone that the change breaks. What else its file proves may be why.
func (p *prover) findContradictedFiles(ctx context.Context, s sides) error {
	names := p.change.alteredNames()
	if s.only != nil || !s.named || p.JUnit != "" || len(names) == 0 {
		return nil
	}
	these := *p.change // only the files that both sides have
	these.files = p.change.where(func(path string) bool { return names[path] != nil })
	old := planWhole(p.argv)
	for _, t := range tools() {
		if claimed, ok := t(&these, p.argv); ok {
			old = claimed
			break
		}
	}
	if !old.named {
		return nil
	}
	doubtful := map[test]string{} // by the name that stands in the file
	for _, look := range []struct {
		at    func(context.Context) error
		fails bool
	}{{p.place.toHeadWithOldTests, true}, {p.place.toBase, false}, {p.place.toHeadWithOldTests, true}} {
		r, err := p.runAll(ctx, look.at, old.commands(manner{}))
		if err != nil {
			return err
		}
		if len(doubtful) == 0 { // the first look
			for t := range r.tests {
				for name := range names[t.group] {
					if strings.Contains("/"+strings.ReplaceAll(t.name, ".", "/")+"/", "/"+strings.ReplaceAll(name, ".", "/")+"/") && !s.provesNamed(t.group, name) {
						doubtful[t] = name
					}
				}
			}
		}
		maps.DeleteFunc(doubtful, func(t test, _ string) bool { return (r.tests[t] == Failed) != look.fails })
		if len(doubtful) == 0 {
			return nil
		}
	}
	seen := map[test]bool{}
	for _, t := range sortedTests(doubtful) {
		declared := test{t.group, doubtful[t]}
		if seen[declared] {
			continue
		}
		seen[declared] = true
		w := weaker{Refusal: Refusal{Policy: PolicyLoosened, File: t.group, Detail: fmt.Sprintf("%s as it was before fails with the change, and as it is now it proves nothing: it was changed to pass", declared)}}
		switch {
		case slices.ContainsFunc(s.tells, func(told test) bool { return told.group == t.group }):
			w.forgiven = "other tests of its file prove the change"
		case p.change.keepsValues(t.group):
			w.forgiven = "its file asks with the same values for the same ones, in other words"
		}
		p.weaken(w, "")
	}
	return nil
}

// alteredNames are the tests that stand on both sides in changed files of other languages which lose lines.
func (c *change) alteredNames() map[string]map[string]bool {
	found := map[string]map[string]bool{}
	for _, f := range c.tests() {
		w := testWordsOf[language(f.path)]
		if f.status != 'M' || !isTestCode(f.path) || w.test == nil || !slices.ContainsFunc(f.removed, func(l line) bool { return strings.TrimSpace(l.text) != "" }) {
			continue
		}
		both, head := namesIn(c.base(f.path), w.test), namesIn(c.head(f.path), w.test)
		maps.DeleteFunc(both, func(name string, _ bool) bool { return !head[name] })
		if len(both) > 0 {
			found[f.path] = both
		}
	}
	return found
}

// asked is what a line of a test asks with and for: values, and the words by which they are compared.
var asked = lazily(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\b\d[\w.]*|\b(?:True|False|None|true|false|null|undefined|not|and|or|in|is|if|raises|throws|ok|expect|to[A-Z]\w*|assert\w*)\b|[<>!=]=+|[<>]|&&|\|\|`)

// keepsValues reports whether the lines that the change adds to a file of tests hold just the values and comparisons of those that it takes out: what is called
// has other words, and what is expected of it is the same.
func (c *change) keepsValues(p string) bool {
	held := func(lines []line) (all []string) {
		for _, l := range lines {
			all = append(all, asked.FindAllString(l.text, -1)...)
		}
		slices.Sort(all)
		return all
	}
	return !slices.ContainsFunc(c.files, func(f *file) bool { return f.path == p && !slices.Equal(held(f.removed), held(f.added)) })
}
