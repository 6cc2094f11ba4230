package proof

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// gocheckPath is a package that runs the methods of suites inside of one test, so that go test hears of none of them.
var gocheckPath = lazily(`(^|/)(check\.v\d+|gocheck(\.v\d+)?|go-check/check)$`)

// runnersOf are the tests of a folder of the head inside of which a suite's method, declared as Suite.TestName, runs unnamed. None when its suite is handed to
// nothing that runs it.
func (c *change) runnersOf(declared test) (runners []test) {
	suite, method, isMethod := strings.Cut(declared.name, ".")
	if !isMethod || !strings.HasPrefix(method, "Test") {
		return nil
	}
	handed := false
	for _, p := range c.paths {
		if !strings.HasSuffix(p, "_test.go") || clean(path.Dir(p)) != declared.group {
			continue
		}
		f, ok := parseGo(c.head(p))
		if !ok || !f.knowsGocheck() {
			continue
		}
		f.calls(func(call *ast.CallExpr, _ bool) {
			if name, _ := callee(call); name == "Suite" {
				handed = handed || slices.ContainsFunc(call.Args, func(arg ast.Expr) bool { return mentions(arg, suite) })
			}
		})
		for _, fn := range f.tests() {
			if slices.Contains(f.functionsCalled(fn.node), "TestingT") {
				runners = append(runners, test{declared.group, fn.name})
			}
		}
	}
	if !handed {
		return nil
	}
	return runners
}

// runsWhole reports whether a suite's method of the head asserts something and never skips itself.
func (c *change) runsWhole(declared test) bool {
	return slices.ContainsFunc(c.paths, func(p string) bool {
		if !strings.HasSuffix(p, "_test.go") || clean(path.Dir(p)) != declared.group {
			return false
		}
		f, ok := parseGo(c.head(p))
		return ok && slices.ContainsFunc(f.funcs, func(fn goFunc) bool {
			if fn.name != declared.name {
				return false
			}
			m := f.measure(fn)
			return m.assertions > 0 && m.skips == 0
		})
	})
}

// knowsGocheck reports whether a Go file imports a package that runs suites unnamed.
func (f *goFile) knowsGocheck() bool {
	return slices.ContainsFunc(f.node.Imports, func(s *ast.ImportSpec) bool { return gocheckPath.MatchString(unquoted(s.Path.Value)) })
}

// mentions reports whether a name stands in an expression.
func mentions(e ast.Expr, name string) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == name
		return !found
	})
	return found
}
