package proof

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// removal is what became of the names that the changed source files of a folder declared in the base.
type removal struct {
	gone []string // no changed file declares them any more
	kept bool     // some of them are declared by a changed file, of this folder or another
}

// removedFrom are the removals of the change, by folder.
func removedFrom(c *change) map[string]removal {
	had, has := map[string][]string{}, map[string]bool{}
	for _, f := range c.source() {
		if path.Ext(f.path) != ".go" {
			continue
		}
		if p := f.before(); p != "" {
			if parsed, ok := parseGo(c.base(p)); ok {
				dir := clean(path.Dir(p))
				had[dir] = append(had[dir], parsed.declared()...)
			}
		}
		if p := f.after(); p != "" {
			if parsed, ok := parseGo(c.head(p)); ok {
				for _, name := range parsed.declared() {
					has[name] = true
				}
			}
		}
	}
	all := map[string]removal{}
	for dir, list := range had {
		r := removal{}
		for _, name := range list {
			switch {
			case !has[name]:
				r.gone = append(r.gone, name)
			case name != "init" && name != "main":
				r.kept = true
			}
		}
		all[dir] = r
	}
	return all
}

// takes reports whether one of the names is gone, so that what uses it has lost what it was about. main and init are nobody's subject.
func (r removal) takes(names map[string]bool) bool {
	return slices.ContainsFunc(r.gone, func(name string) bool { return names[name] && name != "init" && name != "main" })
}

// whole reports whether the folder held code, and none of it goes on anywhere.
func (r removal) whole() bool { return len(r.gone) > 0 && !r.kept }

// emptied reports whether the change removes all Go source of a folder.
func (c *change) emptied(dir string) bool {
	isSource := func(p string) bool { return isGoSource(p) && clean(path.Dir(p)) == dir }
	return slices.ContainsFunc(c.files, func(f *file) bool { return isSource(f.before()) }) && !slices.ContainsFunc(c.paths, isSource)
}

// isGoSource reports whether the path is Go that is no test.
func isGoSource(p string) bool { return path.Ext(p) == ".go" && !isTest(p) }

// reachesOthers reports whether a test of a folder, as it was, uses a package of the repository that is still there: itself or by functions of its package's
// tests. Then that may be what it tested, wherever it stood. Packages that only serve tests do not count.
func (c *change) reachesOthers(t test, files []*goFile) bool {
	folder := goFolder(goModules(c), "")
	there := func(dir string) bool {
		return dir != t.group && !strings.Contains(path.Base(dir), "test") &&
			slices.ContainsFunc(c.paths, func(p string) bool { return isGoSource(p) && clean(path.Dir(p)) == dir })
	}
	seen := map[string]bool{}
	var reaches func(name string) bool
	reaches = func(name string) bool {
		if seen[name] {
			return false
		}
		seen[name] = true
		for _, f := range files {
			for _, fn := range f.funcs {
				if fn.name == name && (slices.ContainsFunc(f.usedImports(fn.node), func(p string) bool { return there(folder(p)) }) ||
					slices.ContainsFunc(called(fn.node), reaches)) {
					return true
				}
			}
		}
		return false
	}
	return reaches(t.name)
}

// usedImports are the paths of the imported packages that a function uses.
func (f *goFile) usedImports(fn *ast.FuncDecl) (paths []string) {
	by := f.importPaths()
	ast.Inspect(fn, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if on, ok := sel.X.(*ast.Ident); ok && by[on.Name] != "" {
				paths = append(paths, by[on.Name])
			}
		}
		return true
	})
	return paths
}

// called are the plain names that a function calls.
func called(fn *ast.FuncDecl) (names []string) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if name, on := callee(call); on == "" && name != "" {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}
