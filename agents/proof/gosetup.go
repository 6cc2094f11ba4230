package proof

import (
	"go/ast"
	"go/token"
	"slices"
)

// ofTheMachine are functions of go's own packages that set tests up and tidy up after them. What they give is of no interest for itself, and many have a method
// of tests or of httptest in their stead, which fails by itself.
var ofTheMachine = map[string]map[string]bool{
	"os":     words("MkdirTemp CreateTemp Setenv Unsetenv Chdir Getwd RemoveAll Mkdir MkdirAll WriteFile"),
	"ioutil": words("TempDir TempFile WriteFile"),
	"http":   words("NewRequest NewRequestWithContext"),
}

// ofText are functions that read what is written in the test. What they read otherwise may well be what is tested.
var ofText = map[string]map[string]bool{
	"url":    words("Parse"),
	"time":   words("Parse ParseInLocation ParseDuration LoadLocation"),
	"regexp": words("Compile"),
}

// setsUp are the statements of a function that look at nothing but an error of its setup. That says something of the machine, not of what is tested.
func setsUp(fn *ast.FuncDecl) map[ast.Node]bool {
	found := map[ast.Node]bool{}
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
			if looksAtError(s, failed) {
				found[s] = true
			}
			failed = errorOfSetup(s)
		}
		return true
	})
	return found
}

// errorOfSetup is the variable that a statement sets to the error of a function of the machine, "" when it does not.
func errorOfSetup(s ast.Stmt) string {
	set, ok := s.(*ast.AssignStmt)
	if !ok || len(set.Rhs) != 1 || !isOfTheMachine(set.Rhs[0]) {
		return ""
	}
	return plainName(set.Lhs[len(set.Lhs)-1])
}

func isOfTheMachine(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, on := callee(call)
	return ofTheMachine[on][name] || ofText[on][name] && !slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
		of, ok := arg.(*ast.SelectorExpr)
		return !isPlain(arg) && !(ok && isNamed(of.X, on)) // as time.RFC3339
	})
}

// looksAtError reports whether all that a statement does is to fail the test for an error of setup: its own, or the one of that name.
func looksAtError(s ast.Stmt, failed string) bool {
	switch s := s.(type) {
	case *ast.IfStmt:
		if s.Init != nil {
			failed = errorOfSetup(s.Init)
		}
		x, ok := s.Cond.(*ast.BinaryExpr)
		return ok && failed != "" && x.Op == token.NEQ && isNamed(x.X, failed) && isNamed(x.Y, "nil") && s.Else == nil && len(s.Body.List) == 1 && checks(s.Body)
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return false
		}
		name, on := callee(call)
		return checkers[on] && (name == "NoError" || name == "Nil") && (failed != "" && isNamed(call.Args[1], failed) || isOfTheMachine(call.Args[1]))
	}
	return false
}
