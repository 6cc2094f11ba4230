package proof

import (
	"bytes"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// Specs are tests that are no functions of their own: what Ginkgo calls It("…", func() {…}). go test knows nothing of them, so that one which is
// skipped shows in no result.

var (
	pendingSpec = lazily(`^[PX](It|Describe|Context|When|Specify|Entry|DescribeTable)$`)
	anySpec     = lazily(`^[FPX]?(It|Describe|Context|When|Specify|Entry|DescribeTable|DescribeTableSubtree)$`)
	// goSkip are the words with which a Go test skips itself.
	goSkip = lazily(`\bSkip(f|Now)?\(|\b[PX](It|Describe|Context|When|Specify|Entry|DescribeTable)\(|,\s*(?:\w+\.)?Pending\s*[,)]`)
	// scriptSkip is how a script of testscript skips itself, or what is left of it.
	scriptSkip = lazily(`^(skip|stop)(\s|$)`)
)

// judgeSpecs looks for specs of a Go file that the change skips, or runs alone, whatever the circumstances.
func (f *file) judgeSpecs(c *change) []Refusal {
	if path.Ext(f.path) != ".go" || f.deleted() {
		return nil
	}
	content := c.head(f.path)
	if !bytes.Contains(content, []byte("ginkgo")) {
		return nil
	}
	parsed, ok := parseGo(content)
	if !ok {
		return nil
	}
	known := parsed.ginkgoNames()
	var all []Refusal
	refuse := func(policy string, at token.Pos, detail string) {
		if line := parsed.set.Position(at).Line; f.adds(line) {
			all = append(all, Refusal{Policy: policy, File: f.path, Line: line, Detail: detail})
		}
	}
	parsed.calls(func(call *ast.CallExpr, guarded bool) {
		name, on := callee(call)
		if !known[on] {
			return
		}
		if pendingSpec.MatchString(name) || skipping[name] && !guarded {
			refuse(PolicySkipped, call.Pos(), "a spec is skipped: "+name)
		}
		if !anySpec.MatchString(name) {
			return
		}
		for _, arg := range call.Args {
			switch word, on := selected(arg); {
			case word == "Pending" && known[on]:
				refuse(PolicySkipped, arg.Pos(), "a spec is skipped: "+word)
			case word == "Focus" && known[on]:
				refuse(PolicyFocused, arg.Pos(), "one test is run alone and the others are not: "+word)
			}
		}
	})
	return all
}

// ginkgoNames are the names by which the file knows Ginkgo, "" when its words stand alone.
func (f *goFile) ginkgoNames() map[string]bool {
	names := map[string]bool{}
	for _, spec := range f.node.Imports {
		switch {
		case !strings.Contains(spec.Path.Value, "ginkgo"):
		case spec.Name == nil:
			names["ginkgo"] = true
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
