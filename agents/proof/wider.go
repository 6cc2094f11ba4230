package proof

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
)

// lookWider runs more tests on both sides when those that were run do not tell them apart and the change alters data for tests: data that lies where
// one package has its tests may be read by those of another. What these say counts as well when they tell.
func (p *prover) lookWider(ctx context.Context, s *sides) error {
	if !s.named || s.only == nil || len(s.tells)+len(s.flaky) > 0 {
		return nil
	}
	more, err := p.otherReaders(ctx)
	if err != nil || len(more) == 0 {
		return err
	}
	plan, _ := planPackages(p.change, more, p.argv)
	wider := sides{plan: plan}
	if ok, err := p.onHead(ctx, &wider); !ok || err != nil {
		return err
	}
	if err := p.onBase(ctx, &wider); err == nil && len(wider.tells) > 0 {
		s.widen(wider)
	} else if err != nil {
		return err
	}
	return nil
}

// widen takes over what tests of other packages said. What the first ones said still counts.
func (s *sides) widen(o sides) {
	first := s.plan
	either := func(a, b func(test) bool) func(test) bool { return func(t test) bool { return a(t) || b(t) } }
	s.commands = func(m manner) []command { return append(first.commands(m), o.commands(m)...) }
	s.decides, s.touched, s.fresh = either(first.decides, o.decides), either(first.touched, o.touched), either(first.fresh, o.fresh)
	s.skips = s.skips || o.skips
	s.head.merge(o.head)
	s.base.merge(o.base)
	s.tells, s.flaky = append(s.tells, o.tells...), append(s.flaky, o.flaky...)
	s.red, s.lacking = append(s.red, o.red...), append(s.lacking, o.lacking...)
}

// otherReaders are the packages whose tests seem to read data, of the kind that the change alters, that is not their own: from folders above them, or through a
// package that reads or embeds it.
func (p *prover) otherReaders(ctx context.Context) (map[string]*goPackage, error) {
	c := p.change
	above, through := map[string]bool{}, map[string]bool{} // what their tests name: the kind of the data, or the package
	for _, f := range c.where(isFixture) {
		if kind := fixtureFolder(f.path); kind != "" && !f.deleted() {
			above[kind] = true
			for _, name := range c.keepersOf(f.path, kind) {
				through[`"`+name+`"`] = true
			}
		}
	}
	words := append(slices.Sorted(maps.Keys(above)), slices.Sorted(maps.Keys(through))...)
	found, err := p.Mirror.Grep(ctx, p.receipt.Head, words)
	if err != nil {
		return nil, err
	}
	known, more := goPackages(c), map[string]*goPackage{}
	for word, list := range found {
		for _, name := range list {
			dir := clean(path.Dir(name))
			if known[dir] != nil || !strings.HasSuffix(name, "_test.go") || !isTestCode(name) || !through[word] && !strings.Contains(string(c.head(name)), "..") {
				continue
			}
			if _, ok := goModule(c, dir); ok {
				more[dir] = &goPackage{whole: true}
			}
		}
	}
	return more, p.readError
}

// keepersOf are the import paths of the packages that may hand on a file of data: those in the folders above it, up to the first one that is no folder of
// data itself. That one has to name the kind.
func (c *change) keepersOf(p, kind string) (importPaths []string) {
	modules := goModules(c)
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		data := inDir(dir+"/x", fixtureDirs) || inDir(dir+"/x", testDirs) || inDir(dir+"/x", dataDirs)
		holds, names := false, data
		for _, q := range c.paths {
			if path.Dir(q) == dir && path.Ext(q) == ".go" && !strings.HasSuffix(q, "_test.go") {
				holds = true
				names = names || strings.Contains(string(c.head(q)), kind)
			}
		}
		if holds && names {
			importPaths = append(importPaths, importPathOf(modules, clean(dir)))
		}
		if holds && !data || dir == "." {
			return importPaths
		}
	}
}

// importPathOf is how other packages name the one in a folder.
func importPathOf(modules map[string]string, dir string) string {
	in := nearest(modules, dir)
	for module, folder := range modules {
		if folder == in {
			return path.Join(module, strings.TrimPrefix(dir, in))
		}
	}
	return dir
}

// fixtureFolder is the folder on the way to the file that makes it data for tests, by its name; "" when it is the file's own name.
func fixtureFolder(p string) string {
	for part := range strings.SplitSeq(path.Dir(p), "/") {
		if fixtureDirs[part] || testDirs[part] {
			return part
		}
	}
	if mayBeData(p) {
		return dataFolder(p)
	}
	return ""
}
