package proof

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// functionsCalled are the names of the functions that a function calls, of its own package or of one that the file imports.
func (f *goFile) functionsCalled(fn *ast.FuncDecl) (names []string) {
	imported := f.imports()
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if name, on := callee(call); name != "" && (on == "" || imported[on]) {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

// forgetForeign takes out of the names that a test is about the names of imports and what it uses of packages that are not the repository's: fmt.Sprint is
// nobody's subject.
func (f *goFile) forgetForeign(fn *ast.FuncDecl, subject map[string]bool, ours func(importPath string) bool) {
	by := f.importPaths()
	ast.Inspect(fn, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if on, ok := sel.X.(*ast.Ident); ok && by[on.Name] != "" {
				delete(subject, on.Name)
				if !ours(by[on.Name]) {
					delete(subject, sel.Sel.Name)
				}
			}
		}
		return true
	})
}

// naming tells which names the tests of one side use. It reads each folder once: a package that is moved has as many tests that are gone as new ones.
type naming struct {
	change   *change
	at       tree
	declared map[string]bool                // the functions of the packages of the change; nil when they were not looked at
	handed   map[string]string              // those that only hand on to another one
	uses     map[string]map[string][]string // folder -> function or variable of its tests -> the names in it
	reached  map[test]map[string]bool
}

// newNaming is for the tests of the head.
func newNaming(c *change) *naming { return newNamingAt(c, c.head) }

func newNamingAt(c *change, at tree) *naming {
	return &naming{change: c, at: at, uses: map[string]map[string][]string{}, reached: map[test]map[string]bool{}}
}

// declare notes what the packages of the change declare.
func (n *naming) declare() {
	n.declared, n.handed = map[string]bool{}, map[string]string{}
	folders := map[string]bool{}
	for _, f := range n.change.source() {
		folders[path.Dir(f.path)] = folders[path.Dir(f.path)] || isGoSource(f.path)
	}
	for _, p := range n.change.paths {
		if !folders[path.Dir(p)] || !isGoSource(p) {
			continue
		}
		if parsed, ok := parseGo(n.change.head(p)); ok {
			for _, fn := range parsed.funcs {
				n.declared[fn.name] = true // methods stand with their type's name
				if to := handsOn(fn.node); to != "" && fn.node.Recv == nil {
					n.handed[fn.name] = to
				}
			}
		}
	}
}

// asksFor reports whether a test of the head, or the functions of its package's tests that it uses, names all of the called functions that the packages of
// the change still declare.
func (n *naming) asksFor(calls []string, t test) bool {
	if n.declared == nil {
		n.declare()
	}
	calls = slices.DeleteFunc(slices.Clone(calls), func(name string) bool { return !n.declared[name] })
	if len(calls) == 0 {
		return true
	}
	named := n.reach(t)
	return !slices.ContainsFunc(calls, func(name string) bool { return !named[name] && (n.handed[name] == "" || !named[n.handed[name]]) })
}

// handsOn is the name of the function that a function calls, when that is all it does and it hands on all that it is given, in its order. "" otherwise.
func handsOn(fn *ast.FuncDecl) string {
	if fn.Body == nil || len(fn.Body.List) != 1 {
		return ""
	}
	var call *ast.CallExpr
	switch s := fn.Body.List[0].(type) {
	case *ast.ReturnStmt:
		if len(s.Results) == 1 {
			call, _ = s.Results[0].(*ast.CallExpr)
		}
	case *ast.ExprStmt:
		if fn.Type.Results == nil {
			call, _ = s.X.(*ast.CallExpr)
		}
	}
	if call == nil {
		return ""
	}
	var given []string
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			given = append(given, name.Name)
		}
	}
	for _, arg := range call.Args {
		if len(given) > 0 && isNamed(arg, given[0]) {
			given = given[1:]
		}
	}
	name, _ := callee(call)
	if len(given) > 0 || name == fn.Name.Name {
		return ""
	}
	return name
}

// reach are the names that a test uses, itself or by functions of its package's tests.
func (n *naming) reach(t test) map[string]bool {
	if known, ok := n.reached[t]; ok {
		return known
	}
	uses, reached := n.usesIn(t.group), map[string]bool{}
	next := slices.Clone(uses[t.name])
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if !reached[name] {
			reached[name] = true
			next = append(next, uses[name]...)
		}
	}
	n.reached[t] = reached
	return reached
}

// usesIn are the names in each function and variable of the tests of a folder.
func (n *naming) usesIn(folder string) map[string][]string {
	if known, ok := n.uses[folder]; ok {
		return known
	}
	uses := map[string][]string{}
	for _, p := range n.change.pathsOfBoth() {
		if clean(path.Dir(p)) != folder || !strings.HasSuffix(p, "_test.go") {
			continue
		}
		if parsed, ok := parseGo(n.at(p)); ok {
			for _, d := range parsed.node.Decls {
				for _, name := range namesDeclared(d) {
					uses[name] = append(uses[name], namesUsed(d)...)
				}
			}
		}
	}
	n.uses[folder] = uses
	return uses
}

// namesDeclared are the names that a declaration makes: of a method, its type's and its own.
func namesDeclared(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		names = append(names, receiver(d)+d.Name.Name)
		if d.Recv != nil {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				for _, n := range v.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// namesUsed are all names in a declaration.
func namesUsed(d ast.Decl) (names []string) {
	ast.Inspect(d, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names = append(names, id.Name)
		}
		return true
	})
	return names
}
