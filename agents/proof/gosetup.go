package proof

import (
	"go/ast"
	"go/token"
	"slices"
)

// ofTheMachine are functions of go's own packages that set tests up and tidy up after them. What they give is of no interest for itself, and many have a method
// of tests or of httptest in their stead, which fails by itself.
var ofTheMachine = map[string]map[string]bool{
	"os":        words("MkdirTemp CreateTemp Setenv Unsetenv Chdir Getwd RemoveAll Mkdir MkdirAll WriteFile"),
	"io/ioutil": words("TempDir TempFile WriteFile"),
	"net/http":  words("NewRequest NewRequestWithContext"),
}

// ofText are functions that read what is written in the test. What they read otherwise may well be what is tested.
var ofText = map[string]map[string]bool{
	"net/url": words("Parse"),
	"time":    words("Parse ParseInLocation ParseDuration LoadLocation"),
	"regexp":  words("Compile"),
}

// setsUp are the statements of a function that look at nothing but an error of its setup: that says something of the machine, not of what is tested. So are those
// that throw away what they work out.
func (f *goFile) setsUp(fn *ast.FuncDecl) map[ast.Node]bool {
	found, from := map[ast.Node]bool{}, packages(f.importPaths())
	ast.Inspect(fn, func(n ast.Node) bool {
		var list []ast.Stmt
		switch n := n.(type) {
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		}
		failed := "" // the error of a call right before
		for _, s := range list {
			if from.looksAtError(s, failed) || throwsAway(s) {
				found[s] = true
			}
			failed = from.errorOfSetup(s)
		}
		return true
	})
	return found
}

// throwsAway reports whether a statement sets nothing.
func throwsAway(s ast.Stmt) bool {
	set, ok := s.(*ast.AssignStmt)
	return ok && !slices.ContainsFunc(set.Lhs, func(e ast.Expr) bool { return !isNamed(e, "_") })
}

// packages are the paths of imported packages, by the names that a file knows them by.
type packages map[string]string

// errorOfSetup is the variable that a statement sets to the error of a function of the machine, "" when it does not.
func (p packages) errorOfSetup(s ast.Stmt) string {
	set, ok := s.(*ast.AssignStmt)
	if !ok || len(set.Rhs) != 1 || !p.isOfTheMachine(set.Rhs[0]) {
		return ""
	}
	return plainName(set.Lhs[len(set.Lhs)-1])
}

func (p packages) isOfTheMachine(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, on := callee(call)
	return ofTheMachine[p[on]][name] || ofText[p[on]][name] && !slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
		of, ok := arg.(*ast.SelectorExpr)
		return !isPlain(arg) && !(ok && isNamed(of.X, on)) // as time.RFC3339
	})
}

// looksAtError reports whether all that a statement does is to fail the test for an error of setup: its own, or the one of that name.
func (p packages) looksAtError(s ast.Stmt, failed string) bool {
	switch s := s.(type) {
	case *ast.IfStmt:
		if s.Init != nil {
			failed = p.errorOfSetup(s.Init)
		}
		x, ok := s.Cond.(*ast.BinaryExpr)
		return ok && failed != "" && x.Op == token.NEQ && isNamed(x.X, failed) && isNamed(x.Y, "nil") && s.Else == nil && len(s.Body.List) == 1 && checks(s.Body)
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return false
		}
		name, on := callee(call)
		return checkers[on] && (name == "NoError" || name == "Nil") && (failed != "" && isNamed(call.Args[1], failed) || p.isOfTheMachine(call.Args[1]))
	}
	return false
}
