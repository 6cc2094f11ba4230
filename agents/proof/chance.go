package proof

import (
	"context"
	"go/parser"
	"go/token"
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
	folders = map[string]bool{}
	next := []string{dir}
	for len(next) > 0 {
		var further []string
		slices.Sort(next) // many import the same
		next = slices.DeleteFunc(slices.Compact(next), func(at string) bool { return folders[at] })
		c.readImports(next, dir)
		for _, at := range next {
			folders[at] = true
			source := c.imports[importer{at, false}]
			tests := imported{}
			if at == dir {
				tests = c.imports[importer{at, true}]
			}
			if source.unreadable || tests.unreadable {
				return nil, false
			}
			ok = ok || source.files+tests.files > 0
			further = append(append(further, source.folders...), tests.folders...)
		}
		next = further
	}
	return folders, ok
}

// importer is the source of a Go package, or its tests.
type importer struct {
	dir   string
	tests bool
}

// imported is what an importer imports, as folders of the repository where it is one.
type imported struct {
	files      int
	folders    []string
	unreadable bool
}

// readImports reads what the packages in some folders import, as far as it is not known yet; of tests those in one folder.
func (c *change) readImports(dirs []string, tested string) {
	if c.imports == nil {
		c.imports, c.goFiles = map[importer]imported{}, map[importer][]string{}
		for _, p := range c.paths {
			if path.Ext(p) == ".go" {
				by := importer{clean(path.Dir(p)), isTest(p)}
				c.goFiles[by] = append(c.goFiles[by], p)
			}
		}
	}
	var unknown []importer
	var files []string
	for _, dir := range dirs {
		for _, by := range []importer{{dir, false}, {dir, true}} {
			if _, known := c.imports[by]; !known && (!by.tests || dir == tested) {
				c.imports[by] = imported{}
				unknown, files = append(unknown, by), append(files, c.goFiles[by]...)
			}
		}
	}
	if c.fetch != nil {
		c.fetch(files)
	}
	folder := goFolder(goModules(c), "")
	for _, by := range unknown {
		all := imported{files: len(c.goFiles[by])}
		for _, p := range c.goFiles[by] {
			node, err := parser.ParseFile(token.NewFileSet(), "", c.head(p), parser.ImportsOnly)
			if err != nil {
				all.unreadable = true
				continue
			}
			for _, spec := range node.Imports {
				all.folders = append(all.folders, folder(strings.Trim(spec.Path.Value, "\"`")))
			}
		}
		slices.Sort(all.folders)
		all.folders = slices.Compact(all.folders)
		c.imports[by] = all
	}
}
