package proof

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// goCutter cuts declarations out of the changed test files of a package.
func goCutter(c *change, modules map[string]string) cutter {
	return func(group, said string, read tree) (overlay, []string, bool) {
		faults := map[string]map[int]string{} // the compiler's words by file and line
		for _, m := range goErrorAt.FindAllStringSubmatch(said, -1) {
			name := path.Join(nearest(modules, group), m[1])
			number, err := strconv.Atoi(m[2])
			if err == nil && slices.ContainsFunc(c.tests(), func(f *file) bool { return f.after() == name }) {
				if faults[name] == nil {
					faults[name] = map[int]string{}
				}
				faults[name][number] = m[3]
			}
		}
		if !c.blameTypes(group, faults, read) {
			return nil, nil, false
		}
		rest, names := overlay{}, []string(nil)
		for name, lines := range faults {
			left, gone, ok := cutGo(read(name), lines)
			if !ok || clean(path.Dir(name)) != group { // other programs may hold what stands elsewhere
				return nil, nil, false
			}
			rest[name] = left
			names = append(names, gone...)
		}
		return rest, names, true
	}
}

// cutGo blanks those declarations of a Go file in which the compiler finds fault, and imports that nothing uses any more; faults are its words by line. Every
// line stays where it is. names are the functions that are gone, methods with their type. ok is false when a fault lies elsewhere, or in what runs unasked
// (init, TestMain, specs, imports for what they register): the rest would be another program.
func cutGo(src []byte, faults map[int]string) (rest []byte, names []string, ok bool) {
	f, ok := parseGo(src)
	if !ok {
		return nil, nil, false
	}
	rest = slices.Clone(src)
	blank := func(from, to token.Pos) {
		for i := f.set.Position(from).Offset; i < f.set.Position(to).Offset; i++ {
			if rest[i] != '\n' && rest[i] != '\r' {
				rest[i] = ' '
			}
		}
	}
	var unused []int // offsets at which an import wants to be called _
	for number, said := range faults {
		d := f.declarationAt(number)
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && (d.Name.Name == "init" || d.Name.Name == "TestMain") {
				return nil, nil, false
			}
			blank(start(d, d.Doc), d.End())
			names = append(names, receiver(d)+d.Name.Name)
		case *ast.GenDecl:
			spec, isImport := f.importAt(d, number)
			switch {
			case isImport && strings.Contains(said, "imported") && strings.Contains(said, "not used"):
				if spec.Name != nil {
					blank(spec.Name.Pos(), spec.Name.End())
				}
				unused = append(unused, f.set.Position(spec.Path.Pos()).Offset)
			case isImport && spec.Name != nil && spec.Name.Name == "_":
				return nil, nil, false
			case isImport && d.Lparen.IsValid():
				blank(spec.Pos(), spec.End())
			case runsUnasked(d):
				return nil, nil, false
			default:
				blank(start(d, d.Doc), d.End())
			}
		default:
			return nil, nil, false
		}
	}
	slices.Sort(unused)
	for _, at := range slices.Backward(slices.Compact(unused)) {
		rest = slices.Insert(rest, at, '_', ' ')
	}
	slices.Sort(names)
	return rest, slices.Compact(names), true
}

// declarationAt is the declaration that holds a line; nil when none does.
func (f *goFile) declarationAt(number int) ast.Decl {
	for _, d := range f.node.Decls {
		if f.set.Position(d.Pos()).Line <= number && number <= f.set.Position(d.End()).Line {
			return d
		}
	}
	return nil
}

// importAt is the import on a line of a declaration.
func (f *goFile) importAt(d *ast.GenDecl, number int) (*ast.ImportSpec, bool) {
	for _, s := range d.Specs {
		if spec, ok := s.(*ast.ImportSpec); ok && f.set.Position(spec.Pos()).Line == number {
			return spec, true
		}
	}
	return nil, false
}

// runsUnasked reports whether a declaration only makes something run: var _ = Describe(…).
func runsUnasked(d *ast.GenDecl) bool {
	for _, s := range d.Specs {
		if v, ok := s.(*ast.ValueSpec); ok && len(v.Values) > 0 && !slices.ContainsFunc(v.Names, func(n *ast.Ident) bool { return n.Name != "_" }) {
			if call, ok := v.Values[0].(*ast.CallExpr); ok && !isConversion(call) {
				return true
			}
		}
	}
	return false
}

// isConversion reports whether a call is one like (*T)(nil), which runs nothing.
func isConversion(call *ast.CallExpr) bool {
	p, ok := call.Fun.(*ast.ParenExpr)
	if ok {
		_, ok = p.X.(*ast.StarExpr)
	}
	return ok
}

// start is where a declaration begins, its comment included.
func start(d ast.Node, doc *ast.CommentGroup) token.Pos {
	if doc != nil {
		return doc.Pos()
	}
	return d.Pos()
}
