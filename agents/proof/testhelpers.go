package proof

import (
	"bytes"
	"fmt"
	"go/ast"
	"maps"
	"path"
	"slices"
)

// Packages that only serve tests are no tests by their names. What their functions check on behalf of tests is held to what it was all the same.

// servesTests reports whether a Go file hands tests about: it is no program that happens to ask whether it is tested.
func servesTests(content []byte) bool {
	if !bytes.Contains(content, []byte(`"testing"`)) {
		return false
	}
	f, ok := parseGo(content)
	return ok && slices.ContainsFunc(f.funcs, f.checksForTests)
}

// checksForTests reports whether a function is given a test.
func (f *goFile) checksForTests(fn goFunc) bool {
	return slices.ContainsFunc(fn.node.Type.Params.List, func(field *ast.Field) bool {
		e := field.Type
		if star, ok := e.(*ast.StarExpr); ok {
			e = star.X
		}
		sel, ok := e.(*ast.SelectorExpr)
		return ok && isNamed(sel.X, "testing") && (sel.Sel.Name == "T" || sel.Sel.Name == "TB" || sel.Sel.Name == "F")
	})
}

// judgeHelpers refuses functions outside of tests that check less on behalf of tests than they did, unless as much is checked elsewhere in their folder, or where they hand
// the test on to.
func (p *prover) judgeHelpers() {
	before, after := p.change.helpers((*file).before, p.change.base), p.change.helpers((*file).after, p.change.head)
	sum := func(side map[test]helper, folders ...string) (n int) {
		for t, h := range side {
			if slices.Contains(folders, t.group) {
				n += h.assertions
			}
		}
		return n
	}
	all := map[string]bool{}
	for t := range after {
		all[t.group] = true
	}
	everywhere := slices.Collect(maps.Keys(all))
	for _, t := range sortedTests(before) {
		was, is := before[t], after[t]
		if is.file == "" {
			continue // the compiler knows who misses it
		}
		refuse := func(policy, detail string) {
			p.refuse(Refusal{Policy: policy, File: is.file, Line: is.first, Detail: t.String() + detail})
		}
		switch {
		case is.whole && !was.whole && (was.bare || !is.bare):
			p.warn("what tests check by compares as one value what it compared in parts: %s %s", is.file, t.name)
		case is.assertions < was.assertions && sum(after, t.group) < sum(before, t.group) && (!is.handsOn || sum(after, everywhere...) < sum(before, everywhere...)):
			refuse(PolicyRemoved, fmt.Sprintf(", by which tests check, has %d assertions, %d fewer than before", is.assertions, was.assertions-is.assertions))
		case is.isLooser(was.measure):
			refuse(PolicyLoosened, ", by which tests check, asks for less")
		case is.bare && !was.bare:
			refuse(PolicySkipped, ", which tests call, skips them")
		case is.same != was.same:
			p.warn("what tests check by is altered: %s %s", is.file, t.name)
		}
	}
}

// helper is a function of a package that serves tests.
type helper struct {
	measure
	file, same string
	first      int
	handsOn    bool // it hands the test on to another package
	whole      bool // it compares two of its parameters as they are
}

// helpers are the functions of the changed source files of one side that check on behalf of tests.
func (c *change) helpers(at func(*file) string, side tree) map[test]helper {
	found := map[test]helper{}
	for _, f := range c.source() {
		p := at(f)
		if p == "" || path.Ext(p) != ".go" || !bytes.Contains(side(p), []byte(`"testing"`)) {
			continue
		}
		if parsed, ok := parseGo(side(p)); ok {
			for _, fn := range parsed.funcs {
				if parsed.checksForTests(fn) {
					m := parsed.measureAll(fn, nil)
					found[test{clean(path.Dir(p)), fn.name}] = helper{m, p, parsed.text(side(p), fn), fn.first, handsTestOn(fn.node), m.fails && comparesParameters(fn.node)}
				}
			}
		}
	}
	return found
}

// comparesParameters reports whether a function compares two of its parameters with each other, with all that is in them.
func comparesParameters(fn *ast.FuncDecl) bool {
	parameters, whole := map[string]bool{}, false
	if fn.Body == nil {
		return false
	}
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			parameters[name.Name] = true
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			pair, both := comparedAsTheyAre(call)
			whole = whole || both && parameters[pair[0]] && parameters[pair[1]]
		}
		return true
	})
	return whole
}

// handsTestOn reports whether a function hands its test on to a function of another package.
func handsTestOn(fn *ast.FuncDecl) (hands bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			_, on := callee(call)
			hands = hands || on != "" && handsOver(call)
		}
		return true
	})
	return hands
}
