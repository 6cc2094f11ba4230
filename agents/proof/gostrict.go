package proof

import (
	"go/ast"
	"go/token"
)

var (
	exactCalls = words("Equal EqualValues DeepEqual Exactly EqualError JSONEq YAMLEq ErrorIs Is Diff ElementsMatch EqualFold")
	looseCalls = words("NotNil NotEmpty NotZero NotEqual Contains HasPrefix HasSuffix Greater GreaterOrEqual Less LessOrEqual ErrorContains Regexp MatchString")
	// What an assertion of gocheck or quicktest is given to compare with: c.Assert(got, Equals, want).
	exactCheckers = words("Equals DeepEquals CmpEquals JSONEquals ContentEquals")
	looseCheckers = words("NotNil IsNotNil Contains Any")
)

// strictness counts a comparison as one with an expected value, or as one that many values pass. Whether something is nil is neither.
func strictness(n ast.Node) (exact, loose int) {
	switch x := n.(type) {
	case *ast.CallExpr:
		name, _ := callee(x)
		checker := ""
		if (name == "Assert" || name == "Check") && len(x.Args) > 1 {
			checker = lastName(x.Args[1])
		}
		switch {
		case exactCheckers[checker]:
			return 1, 0
		case looseCheckers[checker]:
			return 0, 1
		case exactCalls[name]:
			return 1, 0
		case looseCalls[name]:
			return 0, 1
		}
	case *ast.BinaryExpr:
		switch x.Op {
		case token.EQL, token.NEQ:
			if isNamed(x.X, "nil") || isNamed(x.Y, "nil") {
				return 0, 0
			}
			if isEmptyText(x.X) || isEmptyText(x.Y) {
				return 0, 1
			}
			return 1, 0
		case token.LSS, token.GTR, token.LEQ, token.GEQ:
			return 0, 1
		}
	}
	return 0, 0
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func isEmptyText(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && (lit.Value == `""` || lit.Value == "``")
}

// lastName is the name of a variable, of this package or another; "" of any other expression.
func lastName(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		return sel.Sel.Name
	}
	return plainName(e)
}
