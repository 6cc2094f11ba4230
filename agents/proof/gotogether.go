package proof

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
)

// What a test asks for one by one, it may ask for together: of a value as a whole, of a list in a loop, in one condition.

// comparesWhole reports whether the test compares as one value what it compared field by field: it has gained as many fields as it has lost assertions,
// and nothing that it asked for is missing.
func (m measure) comparesWhole(before measure) bool {
	lost := before.assertions - m.assertions
	subject := maps.Clone(before.subject)
	maps.DeleteFunc(subject, func(name string, _ bool) bool { return before.partNames[name] })
	for pair, n := range m.wholes {
		if n > before.wholes[pair] && lost > 0 && lost <= before.parts[pair]-m.parts[pair] && m.cases >= before.cases &&
			hasAll(before.data, m.data) && hasAll(subject, m.subject) {
			return true
		}
	}
	whole := m.names["DeepEqual"] || m.names["Diff"] || m.names["Equal"]
	return whole && lost > 0 && m.cases >= before.cases && m.fields-before.fields >= lost && within(before.data, m.data) == 1 && within(before.subject, m.subject) == 1
}

// goesThrough reports whether the test asks of a list, in a loop or as a whole, for what it asked one by one: the list, or what is in it, has gained as many values as
// the test has lost assertions, and nothing that it asked for is missing.
func (m measure) goesThrough(before measure) bool {
	lost := before.assertions - m.assertions
	return lost > 0 && m.cases >= before.cases && m.listed+m.fields-before.listed-before.fields >= lost && (m.looped > before.looped || m.all > before.all) && m.keeps(before)
}

// comparesAll reports whether a call compares two expressions, neither of them a plain value, with all that is in their values.
func comparesAll(call *ast.CallExpr) bool {
	args := call.Args
	if len(args) > 2 && handsOver(call) {
		args = args[1:] // of a package of assertions
	}
	name, on := callee(call)
	return on != "" && (name == "DeepEqual" || name == "Diff" || name == "Equal") && len(args) > 1 &&
		!isPlain(args[0]) && !isPlain(args[1]) && types.ExprString(args[0]) != types.ExprString(args[1])
}

// keeps reports whether the test holds all the data and all the names that it held, but for numbers of one digit, as indexes are, and words of comparisons.
func (m measure) keeps(before measure) bool {
	data, subject := maps.Clone(before.data), maps.Clone(before.subject)
	maps.DeleteFunc(data, func(value string, _ bool) bool { return len(value) < 2 })
	maps.DeleteFunc(subject, func(name string, _ bool) bool { return exactCalls[name] || looseCalls[name] || comparing[name] })
	return hasAll(data, m.data) && hasAll(subject, m.subject)
}

// comparing are names that comparisons and loops are made of.
var comparing = words(`len cap append make range Index IndexByte NoError Nil True False Len Empty Zero ErrorAs As
	strings bytes slices maps sort reflect cmp errors`)

// reasons is for how many more things than one a condition or an assertion fails the test.
func reasons(n ast.Node) int {
	switch n := n.(type) {
	case *ast.CallExpr: // that there is an error, and what it says
		name, on := callee(n)
		if checkers[on] && (name == "EqualError" || name == "ErrorContains" || name == "ErrorIs" || name == "ErrorAs") && len(n.Args) > 2 &&
			!isEmptyText(n.Args[2]) && types.ExprString(n.Args[1]) != types.ExprString(n.Args[2]) {
			return 1
		}
	case *ast.IfStmt:
		if checks(n.Body) {
			found := map[string]bool{}
			noteReasons(n.Cond, found)
			return max(len(found)-1, 0)
		}
	}
	return 0
}

// noteReasons notes what a condition is made of, where any of it is enough: each once, and only what looks at something.
func noteReasons(cond ast.Expr, found map[string]bool) {
	if either, ok := ast.Unparen(cond).(*ast.BinaryExpr); ok && either.Op == token.LOR {
		noteReasons(either.X, found)
		noteReasons(either.Y, found)
		return
	}
	looks := false
	ast.Inspect(cond, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && types.Universe.Lookup(id.Name) == nil {
			looks = true
		}
		return true
	})
	if looks {
		found[inOrder(cond)] = true
	}
}

// inOrder is a condition in words, the sides of what is the same either way in order.
func inOrder(cond ast.Expr) string {
	if x, ok := ast.Unparen(cond).(*ast.BinaryExpr); ok && (x.Op == token.EQL || x.Op == token.NEQ) {
		a, b := types.ExprString(x.X), types.ExprString(x.Y)
		return min(a, b) + x.Op.String() + max(a, b)
	}
	return types.ExprString(cond)
}

// checks reports whether a body fails the test, or has it checked.
func checks(body ast.Node) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			name, on := callee(call)
			found = found || failing[name] && handles[on] || checkers[on] || handsOver(call)
		}
		return !found
	})
	return found
}

// isLoop reports whether what is inside the node happens for each element of a list: it is gone through as a whole, and what is inside looks at its elements.
func isLoop(n ast.Node) bool {
	of := map[string]bool{}
	var body ast.Node
	switch loop := n.(type) {
	case *ast.RangeStmt:
		switch loop.X.(type) {
		case *ast.Ident, *ast.CompositeLit, *ast.SelectorExpr, *ast.CallExpr:
			of[plainName(loop.Key)], of[plainName(loop.Value)], body = true, true, loop.Body
		}
	case *ast.ForStmt:
		if to, ok := loop.Cond.(*ast.BinaryExpr); ok && to.Op == token.LSS {
			if call, ok := to.Y.(*ast.CallExpr); ok && isNamed(call.Fun, "len") {
				of[plainName(to.X)], body = true, loop.Body
			}
		}
	}
	delete(of, "")
	delete(of, "_")
	if body == nil {
		return false
	}
	looks := false
	ast.Inspect(body, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		looks = looks || ok && of[id.Name]
		return !looks
	})
	return looks
}

// listed are the elements of a slice or an array, or of what is in one, that are plain values.
func listed(lit *ast.CompositeLit) (n int) {
	if _, ok := lit.Type.(*ast.ArrayType); !ok && lit.Type != nil {
		return 0
	}
	for _, e := range lit.Elts {
		if isPlain(e) {
			n++
		}
	}
	return n
}

func isPlain(e ast.Expr) bool {
	_, ok := e.(*ast.BasicLit)
	return ok
}

// noteAssertion counts an assertion, that fails for so many things, inside of so many loops.
func (m *measure) noteAssertion(things, loops int) {
	m.assertions++
	m.severally += things
	if loops > 0 {
		m.looped++
	}
}

// comparedInParts are the variables of which a comparison sees a part each: a field, an element, the length.
func comparedInParts(x *ast.BinaryExpr) (pair [2]string, ok bool) {
	if x.Op != token.EQL && x.Op != token.NEQ {
		return pair, false
	}
	var names []string
	for _, e := range []ast.Expr{x.X, x.Y} {
		switch e := e.(type) {
		case *ast.SelectorExpr:
			names = append(names, plainName(e.X))
		case *ast.IndexExpr:
			names = append(names, plainName(e.X))
		case *ast.CallExpr:
			if isNamed(e.Fun, "len") && len(e.Args) == 1 {
				names = append(names, plainName(e.Args[0]))
			}
		}
	}
	return pairOf(names)
}

// comparedAsTheyAre are the two variables that a call compares, with all that is in them.
func comparedAsTheyAre(call *ast.CallExpr) (pair [2]string, ok bool) {
	args := call.Args
	if len(args) == 3 && handsOver(call) {
		args = args[1:] // of a package of assertions
	}
	name, on := callee(call)
	if len(args) != 2 || on == "" || name != "DeepEqual" && name != "Diff" && name != "Equal" {
		return pair, false
	}
	return pairOf([]string{plainName(args[0]), plainName(args[1])})
}

// pairOf are two different names in order.
func pairOf(names []string) (pair [2]string, ok bool) {
	if len(names) != 2 || names[0] == "" || names[1] == "" || names[0] == names[1] {
		return pair, false
	}
	return [2]string{min(names[0], names[1]), max(names[0], names[1])}, true
}

// plainName is the name that an expression is, "" when it is more.
func plainName(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
