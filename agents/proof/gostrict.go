package proof

import (
	"go/ast"
	"go/token"
	"strings"
)

var (
	exactCalls = words("Equal EqualValues DeepEqual Exactly EqualError JSONEq YAMLEq ErrorIs Is Diff ElementsMatch EqualFold")
	looseCalls = words("NotNil NotEmpty NotZero NotEqual Contains HasPrefix HasSuffix Greater GreaterOrEqual Less LessOrEqual ErrorContains Regexp MatchString")
	// What an assertion of gocheck, quicktest or GoConvey is given to compare with: c.Assert(got, Equals, want).
	exactCheckers = words("Equals DeepEquals CmpEquals JSONEquals ContentEquals ShouldEqual ShouldResemble ShouldEqualJSON")
	looseCheckers = words("NotNil IsNotNil Contains Any ShouldNotBeNil ShouldNotEqual ShouldContain ShouldContainSubstring ShouldNotBeEmpty")
)

// noteStrictness counts a node, if it is a comparison, among those with one expected value or among those that many values pass.
func (m *measure) noteStrictness(n ast.Node, searches map[ast.Node]bool) {
	if call, ok := n.(*ast.CallExpr); ok && finds(call) {
		m.found++
		return
	}
	exact, loose := strictness(n)
	switch looks, ok := searches[n]; {
	case !ok:
		m.exact, m.loose = m.exact+exact, m.loose+loose
	case looks:
		m.sought, m.loose = m.sought+exact, m.loose+loose
	}
}

// isLooser reports whether comparisons with one expected value gave way to ones that accept more. To look for an element of a list by hand is as strict as to have it
// looked for, and less so than to compare one.
func (m measure) isLooser(before measure) bool {
	return m.loose > before.loose && m.exact+m.sought+m.found < before.exact+before.sought+before.found ||
		m.loose+m.found > before.loose+before.found && m.exact < before.exact
}

// searches are comparisons in loops that are no checks, and whether an element of a list is looked for by them: in a loop over it, where to find one fails
// nothing yet. The others only count the rounds.
func searches(fn *ast.FuncDecl) map[ast.Node]bool {
	found := map[ast.Node]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForStmt:
			if n.Cond != nil && n.Init != nil {
				found[ast.Unparen(n.Cond)] = false
			}
		case *ast.RangeStmt:
			of := map[string]bool{plainName(n.Key): true, plainName(n.Value): true}
			delete(of, "")
			delete(of, "_")
			ast.Inspect(n.Body, func(n ast.Node) bool {
				if when, ok := n.(*ast.IfStmt); ok && !checks(when.Body) && (when.Else == nil || !checks(when.Else)) {
					noteSearches(when.Cond, of, found)
				}
				return true
			})
		}
		return true
	})
	return found
}

// noteSearches notes the comparisons of a condition with one of the names in them.
func noteSearches(cond ast.Expr, of map[string]bool, found map[ast.Node]bool) {
	ast.Inspect(cond, func(n ast.Node) bool {
		x, ok := n.(*ast.BinaryExpr)
		if ok && x.Op == token.EQL {
			ast.Inspect(x, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && of[id.Name] {
					found[x] = true
				}
				return true
			})
		}
		return true
	})
}

// finds reports whether a call looks for an element of a list.
func finds(call *ast.CallExpr) bool {
	name, on := callee(call)
	return on == "slices" && (name == "Contains" || name == "ContainsFunc" || name == "Index" || name == "IndexFunc")
}

// strictness counts a comparison as one with an expected value, or as one that many values pass. Whether something is nil is neither.
func strictness(n ast.Node) (exact, loose int) {
	switch x := n.(type) {
	case *ast.CallExpr:
		name, _ := callee(x)
		checker := ""
		if (name == "Assert" || name == "Check" || name == "So") && len(x.Args) > 1 {
			checker, _ = selected(x.Args[1])
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
			if isEmptyText(x.X) || isEmptyText(x.Y) || saysWhere(x.X) && isMinusOne(x.Y) || saysWhere(x.Y) && isMinusOne(x.X) {
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

// saysWhere reports whether an expression asks where something is: next to -1 it asks no more than whether it is there.
func saysWhere(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	name, on := callee(call)
	return (on == "strings" || on == "bytes") && (strings.HasPrefix(name, "Index") || strings.HasPrefix(name, "LastIndex"))
}

func isMinusOne(e ast.Expr) bool {
	minus, ok := e.(*ast.UnaryExpr)
	if !ok || minus.Op != token.SUB {
		return false
	}
	one, ok := minus.X.(*ast.BasicLit)
	return ok && one.Value == "1"
}
