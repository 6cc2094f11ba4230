package proof

import (
	"bytes"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// Specs are tests that are no functions of their own: what Ginkgo calls It("…", func() {…}), and GoConvey Convey("…", func() {…}). go test knows nothing
// of them, so that one which is skipped shows in no result.

var (
	pendingSpec = lazily(`^[PX](It|Describe|Context|When|Specify|Entry|DescribeTable)$|^Skip(Convey|So)$`)
	anySpec     = lazily(`^[FPX]?(It|Describe|Context|When|Specify|Entry|DescribeTable|DescribeTableSubtree)$|^(Skip|Focus)?Convey$`)
	// goSkip are the words with which a Go test skips itself.
	goSkip = lazily(`\bSkip(f|Now|Convey|So)?\(|\b[PX](It|Describe|Context|When|Specify|Entry|DescribeTable)\(|,\s*(?:\w+\.)?Pending\s*[,)]`)
	// scriptSkip is how a script of testscript skips itself, or what is left of it.
	scriptSkip = lazily(`^(skip|stop)(\s|$)`)
)

// specMark is a word that skips a spec or runs it alone, whatever the circumstances: in the spec of that text, or of none.
type specMark struct{ policy, word, spec string }

// specMarkAt is a mark with its line.
type specMarkAt struct {
	specMark
	line int
}

// specMarks are the marks of a Go file that knows specs, and the texts of its specs.
func specMarks(p string, content []byte) (all []specMarkAt, texts []string) {
	if path.Ext(p) != ".go" || !bytes.Contains(content, []byte(ginkgo)) && !bytes.Contains(content, []byte(goconvey)) {
		return nil, nil
	}
	parsed, ok := parseGo(content)
	if !ok {
		return nil, nil
	}
	known := parsed.namesOf(ginkgo, "ginkgo")
	maps.Copy(known, parsed.namesOf(goconvey, "convey"))
	type around struct {
		text string
		end  token.Pos
	}
	var in []around
	note := func(policy, word string, at token.Pos) {
		m := specMarkAt{specMark{policy, word, ""}, parsed.set.Position(at).Line}
		if len(in) > 0 {
			m.spec = in[len(in)-1].text
		}
		all = append(all, m)
	}
	parsed.calls(func(call *ast.CallExpr, guarded bool) {
		name, on := callee(call)
		if !known[on] {
			return
		}
		for len(in) > 0 && call.Pos() >= in[len(in)-1].end {
			in = in[:len(in)-1]
		}
		isSpec := anySpec.MatchString(name)
		if isSpec && len(call.Args) > 0 {
			in = append(in, around{plainText(call.Args[0]), call.End()})
			texts = append(texts, plainText(call.Args[0]))
		}
		if pendingSpec.MatchString(name) || skipping[name] && !guarded {
			note(PolicySkipped, name, call.Pos())
		}
		if name == "FocusConvey" {
			note(PolicyFocused, name, call.Pos())
		}
		for _, arg := range call.Args {
			switch word, on := selected(arg); {
			case !isSpec || !known[on]:
			case word == "Pending":
				note(PolicySkipped, word, arg.Pos())
			case word == "Focus":
				note(PolicyFocused, word, arg.Pos())
			}
		}
	})
	return all, texts
}

// judgeSpecs looks for specs that the change skips, or runs alone, whatever the circumstances. A mark that stood at the same spec is not new, wherever that
// stands now.
func judgeSpecs(c *change) []Refusal {
	was, known := map[specMark]int{}, map[string]bool{}
	for _, f := range c.tests() {
		if p := f.before(); p != "" && isTestCode(p) {
			marks, texts := specMarks(p, c.base(p))
			for _, m := range marks {
				was[m.specMark]++
			}
			for _, text := range texts {
				known[text] = text != ""
			}
		}
	}
	var all []Refusal
	for _, f := range c.tests() {
		if f.deleted() || !isTestCode(f.path) {
			continue
		}
		marks, _ := specMarks(f.path, c.head(f.path))
		for _, m := range marks {
			if was[m.specMark] > 0 {
				was[m.specMark]--
				continue
			}
			if !f.adds(m.line) && !known[m.spec] {
				continue
			}
			r := Refusal{Policy: m.policy, File: f.path, Line: m.line, Detail: "a spec is skipped: " + m.word}
			if m.policy == PolicyFocused {
				r.Detail = "one test is run alone and the others are not: " + m.word
			}
			all = append(all, r)
		}
	}
	return all
}

// What the paths of the packages hold that know specs.
const (
	ginkgo   = "ginkgo"
	goconvey = "goconvey"
)

// namesOf are the names by which the file knows the packages whose paths hold a word, "" when their words stand alone; own is what they call themselves.
func (f *goFile) namesOf(word, own string) map[string]bool {
	names := map[string]bool{}
	for _, spec := range f.node.Imports {
		switch {
		case !strings.Contains(spec.Path.Value, word):
		case spec.Name == nil:
			names[own] = true
		default:
			names[strings.TrimPrefix(spec.Name.Name, ".")] = true
		}
	}
	return names
}

// selected is a plain name, and what it is taken from.
func selected(e ast.Expr) (name, on string) {
	return callee(&ast.CallExpr{Fun: e})
}

// calls hands over each call of a file, with whether it happens only under a condition.
func (f *goFile) calls(see func(call *ast.CallExpr, guarded bool)) {
	guards := []token.Pos{} // the ends of the conditions around
	ast.Inspect(f.node, func(n ast.Node) bool {
		if n == nil {
			return true
		}
		for len(guards) > 0 && n.Pos() >= guards[len(guards)-1] {
			guards = guards[:len(guards)-1]
		}
		if call, ok := n.(*ast.CallExpr); ok {
			see(call, len(guards) > 0)
		}
		if isGuard(n) {
			guards = append(guards, n.End())
		}
		return true
	})
}

// adds reports whether the line of the head is one of the added ones.
func (h *hunks) adds(number int) bool {
	return slices.ContainsFunc(h.added, func(l line) bool { return l.number == number })
}

// judgeScript looks for a script of testscript that the change skips, whatever the circumstances: its commands stand above its files.
func (f *file) judgeScript(c *change) []Refusal {
	if ext := path.Ext(f.path); ext != ".txtar" && ext != ".txt" || !isFixture(f.path) || f.deleted() {
		return nil
	}
	script, _, _ := strings.Cut("\n"+string(c.head(f.path)), "\n-- ")
	lines := strings.Split(strings.TrimRight(script, " \t\r\n"), "\n")
	for i, l := range lines[1:] {
		switch {
		case strings.HasPrefix(l, "stop") && i+2 == len(lines): // nothing is left
		case scriptSkip.MatchString(l) && f.adds(i+1):
			return []Refusal{{Policy: PolicySkipped, File: f.path, Line: i + 1, Detail: "a script is skipped, or what is left of it: " + clip(l, 100)}}
		}
	}
	return nil
}
