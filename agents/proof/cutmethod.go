package proof

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// What calls a method may not name it: an interface is asked for it, or a type that holds another one hands on the other's method where its own is gone. The
// rest would compile, and fail at what was cut. So a type goes with its methods.

// blameTypes finds fault with the types, and all their methods, of methods at fault that the rest of a package may miss without a word of the compiler. The
// tests of suites are no such methods, nor is a new one of a type that holds no other, nor one of a type that is gone. ok is false when such a type stands in
// no changed file of tests.
func (c *change) blameTypes(group string, faults map[string]map[int]string, read tree) (ok bool) {
	now, was := c.testFilesIn(group, (*file).after, read), c.testFilesIn(group, (*file).before, c.base)
	had := map[string]bool{}
	for _, f := range was {
		for _, fn := range f.funcs {
			had[fn.name] = true
		}
	}
	missed := map[string]bool{} // types, by package and name
	for name, lines := range faults {
		f := now[name]
		for number := range lines {
			if f == nil {
				continue
			}
			d, isFunc := f.declarationAt(number).(*ast.FuncDecl)
			if !isFunc || d.Recv == nil || strings.HasPrefix(d.Name.Name, "Test") {
				continue
			}
			if lines[f.set.Position(d.Pos()).Line] == "undefined: "+strings.TrimSuffix(receiver(d), ".") {
				continue
			}
			of := typeIn(f, receiver(d))
			holds, found := embeds(now, of)
			if !found && d.Name.IsExported() {
				return false
			}
			if found && (holds || had[receiver(d)+d.Name.Name]) {
				missed[of] = true
			}
		}
	}
	for name, f := range now {
		for _, d := range f.node.Decls {
			if !slices.ContainsFunc(typesOf(d), func(name string) bool { return missed[typeIn(f, name)] }) {
				continue
			}
			if faults[name] == nil {
				faults[name] = map[int]string{}
			}
			if number := f.set.Position(d.Pos()).Line; faults[name][number] == "" {
				faults[name][number] = "goes with its methods"
			}
		}
	}
	return true
}

// testFilesIn are the Go files of one side among the changed tests of a folder, by their names.
func (c *change) testFilesIn(group string, side func(*file) string, read tree) map[string]*goFile {
	files := map[string]*goFile{}
	for _, f := range c.tests() {
		if p := side(f); path.Ext(p) == ".go" && clean(path.Dir(p)) == group {
			if parsed, ok := parseGo(read(p)); ok {
				files[p] = parsed
			}
		}
	}
	return files
}

// typeIn is the name of a type of the file's package: a folder holds two packages of tests.
func typeIn(f *goFile, name string) string {
	return f.node.Name.Name + "." + strings.TrimSuffix(name, ".")
}

// typesOf are the types that a declaration is part of: its own, or that of the method.
func typesOf(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		names = append(names, receiver(d))
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if t, ok := s.(*ast.TypeSpec); ok {
				names = append(names, t.Name.Name)
			}
		}
	}
	return names
}

// embeds reports whether a type holds another one whose methods it hands on; found is false when the files do not have it.
func embeds(files map[string]*goFile, name string) (holds, found bool) {
	for _, f := range files {
		for _, d := range f.node.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				t, ok := s.(*ast.TypeSpec)
				if !ok || typeIn(f, t.Name.Name) != name {
					continue
				}
				found = true
				if fields, ok := t.Type.(*ast.StructType); ok {
					for _, field := range fields.Fields.List {
						holds = holds || len(field.Names) == 0
					}
				}
			}
		}
	}
	return holds, found
}
