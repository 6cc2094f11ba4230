package proof

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// goStubs looks at the Go functions that the change adds or alters: one whose body only promises code, one that had a body and has none any
// more, and one that worked something out and gives always the same answer now.
func goStubs(c *change, f *file) []Refusal {
	after, ok := parseGo(c.head(f.path))
	if !ok {
		return nil
	}
	had := map[string]*ast.FuncDecl{}
	if f.before() != "" {
		if before, ok := parseGo(c.base(f.before())); ok {
			for _, fn := range before.funcs {
				had[fn.name] = fn.node
			}
		}
	}
	var all []Refusal
	for _, fn := range after.funcs {
		if fn.node.Body == nil || !f.touches(fn.first, fn.last) || f.partly(c, fn.first) {
			continue
		}
		if why := stubbed(after, fn, had[fn.name]); why != "" {
			all = append(all, Refusal{Detail: why, File: f.path, Line: fn.first})
		}
	}
	return all
}

// stubbed says what is wrong with a function, "" when nothing is. before is the function in the base, nil when it was not there.
func stubbed(file *goFile, fn goFunc, before *ast.FuncDecl) string {
	if words := onlyExcuse(fn.node.Body); words != "" {
		return "all that " + fn.name + " does is to say " + clip(words, 100)
	}
	promise := file.comment(fn.node.Body)
	worked := before != nil && before.Body != nil && len(before.Body.List) > 0
	meant := declaredEmpty.MatchString(promise + fn.node.Doc.Text())
	switch {
	case len(fn.node.Body.List) == 0 && promised.MatchString(promise):
		return "the body of " + fn.name + " is only a promise: " + clip(promise, 100)
	case len(fn.node.Body.List) == 0 && worked && !meant:
		return "the body of " + fn.name + " was emptied"
	case worked && !meant && constant(fn.node) && !constant(before):
		return fn.name + " worked its answer out, and gives always the same one now"
	}
	return ""
}

// partly reports whether the line of the head lies in a new method that does nothing but say so, of a type that had such a method before: one that is there to
// have a part of an interface, and follows as that grows.
func (f *file) partly(c *change, number int) bool {
	after, ok := parseGo(c.head(f.path))
	if !ok || f.before() == "" {
		return false
	}
	before, ok := parseGo(c.base(f.before()))
	if !ok {
		return false
	}
	for _, fn := range after.funcs {
		kind, _, isMethod := strings.Cut(fn.name, ".")
		if !isMethod || number < fn.first || number > fn.last || fn.node.Body == nil || onlyExcuse(fn.node.Body) == "" {
			continue
		}
		if slices.ContainsFunc(before.funcs, func(had goFunc) bool { return had.name == fn.name }) {
			return false
		}
		return slices.ContainsFunc(before.funcs, func(had goFunc) bool {
			return strings.HasPrefix(had.name, kind+".") && had.node.Body != nil && onlyExcuse(had.node.Body) != ""
		})
	}
	return false
}

// constant reports whether a function that is given something does nothing but return literals.
func constant(fn *ast.FuncDecl) bool {
	if fn.Body == nil || len(fn.Body.List) != 1 || !takesSomething(fn.Type) {
		return false
	}
	back, ok := fn.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(back.Results) == 0 {
		return false
	}
	for _, r := range back.Results {
		if u, ok := r.(*ast.UnaryExpr); ok {
			r = u.X
		}
		switch r := r.(type) {
		case *ast.BasicLit:
		case *ast.Ident:
			if r.Name != "true" && r.Name != "false" && r.Name != "nil" {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// takesSomething reports whether a function has a parameter with a name.
func takesSomething(fn *ast.FuncType) bool {
	for _, p := range fn.Params.List {
		for _, name := range p.Names {
			if name.Name != "_" {
				return true
			}
		}
	}
	return false
}

// onlyExcuse is the message with which all that a body does is to say that the code is not there: an error it returns, or a panic.
func onlyExcuse(body *ast.BlockStmt) string {
	if len(body.List) != 1 {
		return ""
	}
	var call *ast.CallExpr
	switch s := body.List[0].(type) {
	case *ast.ReturnStmt:
		if len(s.Results) > 0 {
			call, _ = s.Results[len(s.Results)-1].(*ast.CallExpr)
		}
	case *ast.ExprStmt:
		if call, _ = s.X.(*ast.CallExpr); call != nil {
			if name, _ := callee(call); name != "panic" {
				return ""
			}
		}
	}
	if call == nil {
		return ""
	}
	words := ""
	ast.Inspect(call, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && placeholderRE.MatchString(text.Value) {
			words = text.Value
		}
		return words == ""
	})
	return words
}
