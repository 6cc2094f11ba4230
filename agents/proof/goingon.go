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

// asksFor reports whether a test of the head, or the functions of its package's tests that it uses, names all of the called functions that the packages of
// the change still declare.
func (c *change) asksFor(calls []string, t test) bool {
	declared, handed := map[string]bool{}, map[string]string{}
	for _, p := range c.paths {
		if isGoSource(p) && slices.ContainsFunc(c.source(), func(f *file) bool { return isGoSource(f.path) && path.Dir(f.path) == path.Dir(p) }) {
			if parsed, ok := parseGo(c.head(p)); ok {
				for _, fn := range parsed.funcs {
					declared[fn.name] = true // methods stand with their type's name
					if to := handsOn(fn.node); to != "" && fn.node.Recv == nil {
						handed[fn.name] = to
					}
				}
			}
		}
	}
	calls = slices.DeleteFunc(slices.Clone(calls), func(name string) bool { return !declared[name] })
	if len(calls) == 0 {
		return true
	}
	named := c.reach(t)
	return !slices.ContainsFunc(calls, func(name string) bool { return !named[name] && (handed[name] == "" || !named[handed[name]]) })
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

// reach are the names that a test of the head uses, itself or by functions of its package's tests.
func (c *change) reach(t test) map[string]bool {
	uses := map[string][]string{} // function or variable of the tests -> the names in it
	for _, p := range c.paths {
		if clean(path.Dir(p)) != t.group || !strings.HasSuffix(p, "_test.go") {
			continue
		}
		if parsed, ok := parseGo(c.head(p)); ok {
			for _, d := range parsed.node.Decls {
				for _, name := range namesDeclared(d) {
					uses[name] = append(uses[name], namesUsed(d)...)
				}
			}
		}
	}
	reached := map[string]bool{}
	next := uses[t.name]
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if !reached[name] {
			reached[name] = true
			next = append(next, uses[name]...)
		}
	}
	return reached
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
