package proof

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// spec is one spec of Ginkgo as it stands in a file: an It, or an Entry of a table, or a table with all of its entries.
type spec struct {
	folder, file string
	line         int
	text         string // "" when it is no plain text
	table        string // of an Entry, the text of its table
	measure      measure
	same         string // its code, to tell whether it was altered
}

// lostSpec is a spec of the base that the head has not, or has without any assertion.
type lostSpec struct {
	spec
	emptied bool
	goesOn  string // what it seems to go on as
	opposed bool   // a spec about the same things is new or altered
}

var (
	leafSpec  = lazily(`^[FPX]?(It|Specify|Entry)$`)
	tableSpec = lazily(`^[FPX]?DescribeTable(Subtree)?$`)
)

// specs are the specs of a file; none of a file that does not know Ginkgo.
func specsIn(p string, content []byte) (all []spec) {
	if path.Ext(p) != ".go" || !bytes.Contains(content, []byte(ginkgo)) {
		return nil
	}
	f, ok := parseGo(content)
	if !ok {
		return nil
	}
	known := f.namesOf(ginkgo, "ginkgo")
	type table struct {
		text string
		end  token.Pos
	}
	var in table
	f.calls(func(call *ast.CallExpr, _ bool) {
		name, on := callee(call)
		isLeaf, isTable := leafSpec.MatchString(name), tableSpec.MatchString(name)
		if !known[on] || !isLeaf && !isTable || len(call.Args) == 0 {
			return
		}
		at := f.set.Position(call.Pos())
		fn := goFunc{name: name, first: at.Line, node: &ast.FuncDecl{
			Name: ast.NewIdent(name), Type: &ast.FuncType{Params: &ast.FieldList{}}, Body: &ast.BlockStmt{List: []ast.Stmt{&ast.ExprStmt{X: call}}},
		}}
		s := spec{
			folder: clean(path.Dir(p)), file: p, line: at.Line, text: plainText(call.Args[0]), measure: f.measure(fn),
			same: string(content[at.Offset:f.set.Position(call.End()).Offset]),
		}
		delete(s.measure.subject, name)
		delete(s.measure.subject, "Entry")
		if lit, ok := call.Args[0].(*ast.BasicLit); ok {
			delete(s.measure.data, plainValue(lit.Value)) // its name is no data of it
		}
		if isTable {
			in = table{s.text, call.End()}
		} else if call.Pos() < in.end {
			s.table = in.text
		}
		all = append(all, s)
	})
	return all
}

// plainText is the value of a literal text, "" of anything else.
func plainText(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value)
	return s
}

// isEntry reports whether the spec is a row of a table.
func (s spec) isEntry() bool { return s.table != "" }

// lostSpecs are the specs that the change takes away or empties, except for those that stand elsewhere and those whose subject is gone.
func (c *change) lostSpecs() (lost []lostSpec) {
	var before, after []spec
	for _, f := range c.tests() {
		if p := f.before(); p != "" && isTestCode(p) {
			before = append(before, specsIn(p, c.base(p))...)
		}
		if p := f.after(); p != "" && isTestCode(p) {
			after = append(after, specsIn(p, c.head(p))...)
		}
	}
	had, has, rows := map[string]int{}, map[string]int{}, map[string]int{} // by text; by table
	for _, s := range before {
		had[s.text]++
		if s.isEntry() {
			rows[s.table]--
		}
	}
	for _, s := range after {
		has[s.text]++
		if s.isEntry() {
			rows[s.table]++
		}
	}
	var came, altered []spec
	old := map[string]bool{}
	for _, s := range before {
		old[s.same] = true
	}
	for _, s := range after {
		if s.text == "" || had[s.text] == 0 {
			came = append(came, s)
		}
		if !old[s.same] {
			altered = append(altered, s)
		}
	}
	removed := removedFrom(c)
	for _, s := range before {
		l := lostSpec{spec: s}
		switch {
		case s.text == "" && !s.isEntry():
			continue // there is no telling which one it was
		case has[s.text] > 0 && s.text != "":
			has[s.text]--
			same := slices.IndexFunc(after, func(a spec) bool { return a.text == s.text })
			if l.emptied = had[s.text] == 1 && !s.isEntry() && s.measure.assertions > 0 && after[same].measure.assertions == 0; !l.emptied {
				continue
			}
		case s.isEntry() && rows[s.table] >= 0:
			continue // as many rows as before, under other names
		case s.isEntry():
			rows[s.table]++
		}
		if removed[s.folder].takes(s.measure.names) {
			continue
		}
		for _, a := range came {
			if s.goesOnAs(a) {
				l.goesOn = a.text
			}
		}
		about := s
		if i := slices.IndexFunc(before, func(t spec) bool { return s.isEntry() && t.text == s.table && t.folder == s.folder }); i >= 0 {
			about = before[i]
		}
		l.opposed = slices.ContainsFunc(altered, func(a spec) bool {
			return a.folder == s.folder && !(s.isEntry() && a.text == s.table) && within(about.measure.subject, a.measure.subject) > 0.8
		})
		lost = append(lost, l)
	}
	return lost
}

// goesOnAs reports whether a new spec asks nearly the same of the same things.
func (s spec) goesOnAs(a spec) bool {
	checks := func(m measure) int { return m.assertions + m.cases }
	likeness, data := alike(s.measure.names, a.measure.names), within(s.measure.data, a.measure.data)
	return s.measure.isTakenIn(&a.measure) || likeness > 0.7 && checks(a.measure) >= checks(s.measure) && (data > 0.7 || len(s.measure.data) == 0) ||
		(s.isEntry() || a.isEntry() && len(s.measure.data) > 1) && data == 1 && len(s.measure.data) > 0
}

// findLostSpecs refuses that specs are gone while what they tested is there. Which of them failed go test does not say: whether there was a reason is told from
// all of their suite, as it was, over the new code.
func (p *prover) findLostSpecs(ctx context.Context, s sides, flags []string) error {
	lost := p.change.lostSpecs()
	if len(lost) == 0 {
		return nil
	}
	var suites []test
	for _, l := range lost {
		if l.goesOn == "" {
			suites = append(suites, p.change.suitesOf(l.folder)...)
		}
	}
	sortTests(suites)
	suites = slices.Compact(suites)
	old := newResults()
	if len(suites) > 0 && s.base.command != "" {
		var err error
		if old, err = p.runOld(ctx, p.place.toHeadWithOldTests, s, suites, flags); err != nil {
			return err
		}
	}
	for _, l := range lost {
		w := weaker{Refusal: Refusal{Policy: PolicyDeleted, File: l.file, Detail: fmt.Sprintf("the spec %q is gone, and what it tested is still there", clip(l.text, 100))}}
		if l.emptied {
			w.Policy, w.Detail = PolicyRemoved, fmt.Sprintf("the spec %q asserts nothing any more", clip(l.text, 100))
		}
		mine := func(is func(test) bool) bool {
			return slices.ContainsFunc(suites, func(t test) bool { return t.group == l.folder && is(t) })
		}
		switch {
		case l.goesOn != "":
			w.forgiven = fmt.Sprintf("it seems to go on as %q", clip(l.goesOn, 100))
		case mine(func(t test) bool { return old.status(t) == Uncompiled }):
			w.forgiven = "as the specs were they do not compile with the change"
		case l.opposed && mine(func(t test) bool { return bad(old.status(t)) && s.proves(t) }):
			w.forgiven = "as the specs were they contradict the change, which others of the same things prove"
		}
		p.weaken(w, "")
	}
	return nil
}

// suitesOf are the tests of a folder that run its specs.
func (c *change) suitesOf(folder string) (suites []test) {
	for _, p := range c.paths {
		if !strings.HasSuffix(p, "_test.go") || clean(path.Dir(p)) != folder {
			continue
		}
		if parsed, ok := parseGo(c.head(p)); ok {
			for _, fn := range parsed.tests() {
				if slices.Contains(namesUsed(fn.node), "RunSpecs") {
					suites = append(suites, test{folder, fn.name})
				}
			}
		}
	}
	return suites
}
