package proof

import (
	"context"
	"path"
	"slices"
	"strings"
)

// byChance looks once more at tests of the suite that have failed twice with the change and not without it, and are none of its own: a test that often fails
// by chance does that too. One that now passes is taken for such a test when the change alters nothing that its package is made of, or when it
// fails on the base as well, once that has been run as often. Anything else may be a fault of the change that shows only sometimes.
func (p *prover) byChance(ctx context.Context, commands []command, failed []test) (ours, chance []test, err error) {
	again, err := p.runAll(ctx, p.place.toHead, commands)
	if err != nil {
		return nil, nil, err
	}
	still := again.failures()
	ours, passing := steady(failed, func(t test) bool { return still[t] != "" })
	near, chance := steady(passing, func(t test) bool { return p.change.isUnder(t.group) })
	for range 2 {
		if len(near) == 0 {
			break
		}
		clean, err := p.runAll(ctx, p.place.toBase, commands)
		if err != nil {
			return nil, nil, err
		}
		without := clean.failures()
		var shaky []test
		near, shaky = steady(near, func(t test) bool { return without[t] == "" })
		chance = append(chance, shaky...)
	}
	ours = append(ours, near...)
	sortTests(ours)
	return ours, chance, nil
}

// isUnder reports whether the change alters something that the tests of a folder are made of: their package, one that it imports from the repository, or the
// data of these. It is true where that cannot be told.
func (c *change) isUnder(dir string) bool {
	folders, ok := c.madeOf(dir)
	if !ok {
		return true
	}
	return slices.ContainsFunc(c.files, func(f *file) bool {
		for _, p := range []string{f.before(), f.after()} {
			at := clean(path.Dir(p))
			switch {
			case p == "" || isDocument(p):
			case manifests(path.Base(p)) != nil:
				return true
			case strings.HasSuffix(p, "_test.go"):
				if at == dir {
					return true
				}
			case path.Ext(p) == ".go" && !isFixture(p):
				if folders[at] {
					return true
				}
			default:
				for ; ; at = clean(path.Dir(at)) {
					if folders[at] {
						return true
					}
					if at == "" {
						break
					}
				}
			}
		}
		return false
	})
}

// madeOf are the folders of the packages that a package and its tests are made of; ok is false when it is no Go package that can be read.
func (c *change) madeOf(dir string) (folders map[string]bool, ok bool) {
	folder := goFolder(goModules(c), "")
	folders = map[string]bool{}
	next := []string{dir}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		if folders[at] {
			continue
		}
		folders[at] = true
		for _, p := range c.paths {
			if path.Ext(p) != ".go" || clean(path.Dir(p)) != at || at != dir && isTest(p) {
				continue
			}
			parsed, parses := parseGo(c.head(p))
			if !parses {
				return nil, false
			}
			ok = true
			for _, imported := range parsed.node.Imports {
				next = append(next, folder(strings.Trim(imported.Path.Value, "\"`")))
			}
		}
	}
	return folders, ok
}
