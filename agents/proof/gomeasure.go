package proof

import (
	"go/ast"
	"go/build"
	"go/token"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// measure is how much a Go test checks, as far as its text tells.
type measure struct {
	assertions int               // calls that can fail the test
	cases      int               // rows of its tables
	pairs      int               // pairs of plain values in its maps, which may be rows as well
	fields     int               // plain values of fields in its struct literals
	listed     int               // plain values in its lists
	looped     int               // those of its assertions that stand in a loop
	all        int               // comparisons of values with all that is in them
	severally  int               // assertions, each as often as there are things that it fails for
	exact      int               // comparisons with one expected value
	sought     int               // comparisons that it looks for an element of a list by
	found      int               // calls that do so
	loose      int               // comparisons that many values pass
	fails      bool              // it fails the test, or hands it on
	runs       int               // calls that run subtests
	skips      int               // calls that skip it
	bare       bool              // a skip that no condition guards
	line       int               // of the first skip, else of the function
	parts      map[[2]string]int // how often two variables are compared in parts
	partNames  map[string]bool   // the fields that those comparisons see
	wholes     map[[2]string]int // and as they are
	names      map[string]bool
	subject    map[string]bool // the names, without its own variables and those that any test uses
	data       map[string]bool // numbers and texts, except for the words of failures
	items      map[string]bool // plain values in its lists, and the keys of its maps
}

var (
	failing   = words("Error Errorf Fatal Fatalf Fail FailNow")
	skipping  = words("Skip Skipf SkipNow")
	checkers  = words("assert require is must qt c check expect td")
	handles   = words("t tt tb")
	anyTest   = words("testing T B TB Run Helper Parallel Log Logf _ err nil int string bool true false error got want")
	checkName = lazily(`^(?i:assert|require|expect|check|must|verify|want|ensure)|^(Equal|DeepEqual|NoError|Diff)|^So$`)
)

// measure counts what the function holds.
func (f *goFile) measure(fn goFunc) measure {
	m := measure{
		line: fn.first, names: map[string]bool{}, subject: map[string]bool{}, data: map[string]bool{}, items: map[string]bool{},
		parts: map[[2]string]int{}, partNames: map[string]bool{}, wholes: map[[2]string]int{},
	}
	guards, diffs, loops := 0, 0, 0
	local, setup, searches := locals(fn.node), f.setsUp(fn.node), searches(fn.node)
	var failed token.Pos    // the end of the last call that fails the test
	imported := f.imports() // fmt.Errorf and log.Fatal are no words of a test
	if strings.HasPrefix(fn.name, "Example") && exampleOutput.MatchString(f.comment(fn.node)) {
		m.noteAssertion(1, 0)
	}
	var stack []ast.Node
	enter := func(n ast.Node, by int) {
		if isGuard(n) {
			guards += by
		}
		if isLoop(n) {
			loops += by
		}
	}
	ast.Inspect(fn.node, func(n ast.Node) bool {
		if n == nil {
			enter(stack[len(stack)-1], -1)
			stack = stack[:len(stack)-1]
			return true
		}
		if setup[n] {
			return false
		}
		enter(n, 1)
		stack = append(stack, n)
		m.noteStrictness(n, searches)
		switch x := n.(type) {
		case *ast.BasicLit:
			if x.Pos() >= failed { // else it is words of a failure
				m.data[plainValue(x.Value)] = true
			}
		case *ast.Ident:
			m.names[x.Name] = true
			if !local[x.Name] && !failing[x.Name] && !checkers[x.Name] && !handles[x.Name] && !anyTest[x.Name] && x.Name != fn.name {
				m.subject[x.Name] = true
			}
		case *ast.BinaryExpr:
			if (isNamed(x.X, "diff") || isNamed(x.Y, "diff")) && (isEmptyText(x.X) || isEmptyText(x.Y)) {
				diffs++
			}
			if pair, ok := comparedInParts(x); ok {
				m.parts[pair]++
				for _, e := range []ast.Expr{x.X, x.Y} {
					if part, ok := e.(*ast.SelectorExpr); ok {
						m.partNames[part.Sel.Name] = true
					}
				}
			}
		case *ast.CallExpr:
			if pair, ok := comparedAsTheyAre(x); ok {
				m.wholes[pair]++
			}
			if comparesAll(x) {
				m.all++
			}
			name, on := callee(x)
			if name == "Run" && len(x.Args) == 2 {
				m.runs++
			}
			switch {
			case skipping[name] && on != "":
				if m.skips == 0 {
					m.line = f.set.Position(x.Pos()).Line
				}
				m.skips++
				m.bare = m.bare || guards == 0
			case name == "Error" && len(x.Args) == 0 && !handles[on]: // the words of an error
			case failing[name] && on != "" && !imported[on]:
				m.noteAssertion(1, loops)
				failed, m.fails = x.End(), true
			case checkers[on], checkName.MatchString(name), handsOver(x):
				m.noteAssertion(1+reasons(x), loops)
				m.fails = m.fails || handsOver(x)
			}
		case *ast.IfStmt:
			m.severally += reasons(x)
		case *ast.CompositeLit:
			m.cases += rows(x)
			m.pairs += pairs(x)
			m.fields += fields(x)
			m.listed += listed(x)
			noteItems(x, m.items)
		}
		return true
	})
	if m.names["Diff"] {
		m.loose -= diffs // what a comparison of all has found is there or not
	}
	return m
}

// locals are the variables that a function declares for itself.
func locals(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	note := func(list ...ast.Expr) {
		for _, e := range list {
			if id, ok := e.(*ast.Ident); ok {
				names[id.Name] = true
			}
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				note(n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				note(n.Key, n.Value)
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		}
		return true
	})
	return names
}

// plainValue writes a number alike wherever it stands: 16, 16.0 and "16" are one.
func plainValue(literal string) string {
	if f, err := strconv.ParseFloat(unquoted(literal), 64); err == nil {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return literal
}

// exampleOutput is what an example is held to; without it nothing runs the example.
var exampleOutput = lazily(`(?im)^\s*(unordered )?output:`)

// imports are the names by which the file knows other packages, as far as their paths tell.
func (f *goFile) imports() map[string]bool {
	names := map[string]bool{}
	for name := range f.importPaths() {
		names[name] = true
	}
	return names
}

// importPaths are the paths of the packages that the file imports, by the names by which it knows them.
func (f *goFile) importPaths() map[string]string {
	paths := map[string]string{}
	for _, spec := range f.node.Imports {
		whole := strings.Trim(spec.Path.Value, "\"`")
		parts := strings.Split(whole, "/")
		name := parts[len(parts)-1]
		if majorVersion.MatchString(name) && len(parts) > 1 {
			name = parts[len(parts)-2]
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = whole
	}
	return paths
}

// worth grows with the checks that a run of the test makes, as far as its text tells. A test without any is worth less than one with one.
func (m measure) worth() int { return (2*m.assertions + 1) * max(m.cases, 1) }

// isWorthLess reports whether the test checks less than it did, whichever way its cases and its assertions are counted.
func (m measure) isWorthLess(before measure) bool {
	withPairs := func(m measure) int { return (2*m.assertions + 1) * max(m.cases+m.pairs, 1) }
	severally := func(m measure) int { return (2*m.severally + 1) * max(m.cases, 1) }
	return m.worth() < before.worth() && withPairs(m) < withPairs(before) && (severally(m) < severally(before) || !m.keeps(before))
}

// isGuard reports whether what is inside the node happens only under a condition that is not a constant.
func isGuard(n ast.Node) bool {
	switch x := n.(type) {
	case *ast.IfStmt:
		varies := false
		ast.Inspect(x.Cond, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name != "true" && id.Name != "false" {
				varies = true
			}
			return true
		})
		return varies
	case *ast.CaseClause, *ast.CommClause:
		return true
	}
	return false
}

// handsOver reports whether the call passes the test on: to something that checks on its behalf, as far as anyone can tell.
func handsOver(call *ast.CallExpr) bool {
	return slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
		id, ok := arg.(*ast.Ident)
		return ok && handles[id.Name]
	})
}

// callee is the name of what is called, and what it is called on when that is a plain name.
func callee(call *ast.CallExpr) (name, on string) {
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		return fn.Name, ""
	case *ast.SelectorExpr:
		if x, ok := fn.X.(*ast.Ident); ok {
			return fn.Sel.Name, x.Name
		}
		return fn.Sel.Name, "?"
	}
	return "", ""
}

// rows are the elements of a slice, array or map that are literals themselves: the cases of a table.
func rows(lit *ast.CompositeLit) int {
	switch lit.Type.(type) {
	case *ast.ArrayType, *ast.MapType:
	default:
		return 0
	}
	n := 0
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		if _, ok := e.(*ast.CompositeLit); ok {
			n++
		}
	}
	return n
}

// noteItems notes the plain values in a list, and the keys of a map.
func noteItems(lit *ast.CompositeLit, items map[string]bool) {
	for _, e := range lit.Elts {
		switch lit.Type.(type) {
		case *ast.ArrayType:
		case *ast.MapType:
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				e = kv.Key
			}
		default:
			return
		}
		if plain, ok := e.(*ast.BasicLit); ok {
			items[unquoted(plain.Value)] = true
		}
	}
}

// pairs are the elements of a map that are plain values: where a test goes through it, its cases.
func pairs(lit *ast.CompositeLit) int {
	if _, ok := lit.Type.(*ast.MapType); !ok {
		return 0
	}
	return plainValues(lit)
}

// fields are the fields of a struct literal that are given plain values.
func fields(lit *ast.CompositeLit) int {
	switch lit.Type.(type) {
	case *ast.ArrayType, *ast.MapType:
		return 0
	}
	return plainValues(lit)
}

// plainValues counts the keys of a literal with a plain value.
func plainValues(lit *ast.CompositeLit) (n int) {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if _, plain := kv.Value.(*ast.BasicLit); plain {
				n++
			}
		}
	}
	return n
}

// tables are the rows of the tables that stand outside of functions, by the name of the variable.
func (f *goFile) tables() map[string]measure {
	all := map[string]measure{}
	for _, d := range f.node.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok || len(v.Values) != len(v.Names) {
				continue
			}
			for i, name := range v.Names {
				if lit, ok := v.Values[i].(*ast.CompositeLit); ok {
					m := measure{cases: rows(lit), line: f.set.Position(name.Pos()).Line, items: map[string]bool{}}
					noteItems(lit, m.items)
					all[name.Name] = m
				}
			}
		}
	}
	return all
}

// declared are the names of the functions, types, methods, variables and constants of a file.
func (f *goFile) declared() []string {
	var all []string
	for _, d := range f.node.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			all = append(all, d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					all = append(all, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						all = append(all, n.Name)
					}
				}
			}
		}
	}
	return all
}

// built reports whether go would build a file of that name and content here, with the tags of the test command.
func built(p string, content []byte, flags []string) bool {
	return builtOn(build.Default.GOOS, build.Default.GOARCH, p, content, flags)
}

// builtOn is built, for any machine.
func builtOn(system, machine, p string, content []byte, flags []string) bool {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH = system, machine
	ctx.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(content))), nil }
	for _, flag := range flags {
		if tags, ok := strings.CutPrefix(flag, "-tags="); ok {
			ctx.BuildTags = strings.FieldsFunc(tags, func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	ok, err := ctx.MatchFile(path.Dir(p), path.Base(p))
	return ok || err != nil
}

// within is how many of the names of the first function the second uses too, from 0 to 1.
func within(a, b map[string]bool) float64 {
	common := 0
	for name := range a {
		if b[name] {
			common++
		}
	}
	return float64(common) / float64(max(len(a), 1))
}

// hasAll reports whether all names of the first are among the second.
func hasAll(a, b map[string]bool) bool { return len(a) == 0 || within(a, b) == 1 }

// alike is how many of the names that two functions use they have in common, from 0 to 1.
func alike(a, b map[string]bool) float64 {
	common := 0
	for name := range a {
		if b[name] {
			common++
		}
	}
	return float64(common) / float64(max(len(a), len(b), 1))
}
