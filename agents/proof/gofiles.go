package proof

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"
)

// goFunc is one function of a Go file, with what the judgements look at.
type goFunc struct {
	name        string // Type.Method for a method
	first, last int    // lines, doc comment excluded
	node        *ast.FuncDecl
}

// goFile is a parsed Go file.
type goFile struct {
	set   *token.FileSet
	node  *ast.File
	funcs []goFunc
	quiet map[int]bool // lines that hold no code of their own: comments, blank lines, imports, the package clause
}

// parseGo reads a Go file; ok is false when it does not parse, and then nothing may be concluded from it.
func parseGo(src []byte) (*goFile, bool) {
	set := token.NewFileSet()
	node, err := parser.ParseFile(set, "", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, false
	}
	f := &goFile{set: set, node: node, quiet: quietLines(set, node, src)}
	for _, d := range node.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			f.funcs = append(f.funcs, goFunc{
				name: receiver(fn) + fn.Name.Name, node: fn,
				first: set.Position(fn.Pos()).Line, last: set.Position(fn.End()).Line,
			})
		}
	}
	return f, true
}

func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "."
		default:
			return "?."
		}
	}
}

// quietLines are the lines of a Go file on which a change alters nothing that runs.
func quietLines(set *token.FileSet, node *ast.File, src []byte) map[int]bool {
	loud := map[int]bool{}
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(src))
	s.Init(file, src, nil, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.SEMICOLON && lit == "\n" || tok == token.COMMENT && !toldToGo.MatchString(lit) {
			continue
		}
		first := file.Line(pos)
		for n := 0; n <= strings.Count(lit, "\n"); n++ {
			loud[first+n] = true
		}
	}
	quiet := map[int]bool{}
	for n := 1; n <= file.LineCount(); n++ {
		if !loud[n] {
			quiet[n] = true
		}
	}
	quiet[set.Position(node.Package).Line] = true
	for _, d := range node.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			for n := set.Position(g.Pos()).Line; n <= set.Position(g.End()).Line; n++ {
				quiet[n] = true
			}
		}
	}
	return quiet
}

// isGoTest reports whether `go test` runs the function by its name.
func isGoTest(name string) bool {
	for _, prefix := range []string{"Test", "Fuzz", "Example"} {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || name == "TestMain" {
			continue
		}
		r, _ := utf8.DecodeRuneInString(rest)
		return rest == "" || !unicode.IsLower(r)
	}
	return false
}

// tests are the functions of the file that `go test` runs.
func (f *goFile) tests() []goFunc {
	var tests []goFunc
	for _, fn := range f.funcs {
		if isGoTest(fn.name) {
			tests = append(tests, fn)
		}
	}
	return tests
}

// judged are the tests of the file, and the methods of suites, which a test of the package runs.
func (f *goFile) judged() []goFunc {
	var all []goFunc
	for _, fn := range f.funcs {
		_, method, isMethod := strings.Cut(fn.name, ".")
		if isGoTest(fn.name) || isMethod && strings.HasPrefix(method, "Test") && isGoTest(method) {
			all = append(all, fn)
		}
	}
	return all
}

// touched are the tests of the head's file that the change alters. ok is false when it alters something that they may share (a helper, a
// table, a suite's method): then every test of the package may be another one than before.
func (f *goFile) touched(h hunks) (names []string, ok bool) {
	ok = true
	seen := map[string]bool{}
	mark := func(at int, text string, gone bool) {
		for _, fn := range f.tests() {
			if at >= fn.first && (at <= fn.last && !gone || gone && at > fn.first && at <= fn.last) {
				if !seen[fn.name] {
					seen[fn.name] = true
					names = append(names, fn.name)
				}
				return
			}
		}
		if gone && !quietText(text) || !gone && !f.quiet[at] {
			ok = false
		}
	}
	for _, l := range h.added {
		mark(l.number, l.text, false)
	}
	for _, l := range h.removed {
		mark(l.at, l.text, true)
	}
	return names, ok
}

// toldToGo is a comment by which go decides what it builds, or into what.
var toldToGo = lazily(`^//(go:(build|embed)\s|\s*\+build\s)`)

var importLine = lazily(`^\s*(import\b.*|\)|([\w.]+\s+)?"[^"]*")\s*$`)

// quietText reports whether a line that is gone held nothing that ran, as far as one line tells.
func quietText(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || s == "}" || strings.HasPrefix(s, "//") && !toldToGo.MatchString(s) || importLine.MatchString(s) || strings.HasPrefix(s, "package ")
}

// sameGo reports whether two Go files have the same tokens, comments aside: nothing that runs differs. Comments that
// the compiler or a tool obeys count as code, and a file that imports "C" has its code in comments.
func sameGo(a, b []byte) bool {
	x, okA := goTokens(a)
	y, okB := goTokens(b)
	return okA && okB && bytes.Equal(x, y)
}

var directive = lazily(`^//(go:|line |export |extern |nolint|\s*\+build|sys)|^/\*line `)

func goTokens(src []byte) ([]byte, bool) {
	var out bytes.Buffer
	ok := true
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(src))
	s.Init(file, src, func(token.Position, string) { ok = false }, scanner.ScanComments)
	for {
		_, tok, lit := s.Scan()
		switch {
		case tok == token.EOF:
			return out.Bytes(), ok
		case tok == token.COMMENT && !directive.MatchString(lit):
			continue
		case tok == token.SEMICOLON:
			lit = ";"
		case tok == token.STRING && lit == `"C"`:
			ok = false
		case lit == "":
			lit = tok.String()
		}
		out.WriteString(lit)
		out.WriteByte(0)
	}
}
