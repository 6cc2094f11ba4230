package proof

import (
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
	// goSkip are the words with which a Go test skips itself.
	goSkip = lazily(`\bSkip(f|Now)?\(|\b[PX](It|Describe|Context|When|Specify|Entry|DescribeTable)\(`)
	// scriptSkip is how a script of testscript skips itself.
	scriptSkip = lazily(`^skip(\s|$)`)
)

// judgeSpecs looks for specs of a Go file that the change skips, whatever the circumstances.
func (f *file) judgeSpecs(c *change) []Refusal {
	if path.Ext(f.path) != ".go" || f.deleted() || matching(f.added, goSkip) == 0 {
		return nil
	}
	parsed, ok := parseGo(c.head(f.path))
	if !ok || !slices.ContainsFunc(parsed.node.Imports, func(s *ast.ImportSpec) bool { return strings.Contains(s.Path.Value, "ginkgo") }) {
		return nil
	}
	var all []Refusal
	parsed.calls(func(call *ast.CallExpr, guarded bool) {
		name, on := callee(call)
		at := parsed.set.Position(call.Pos()).Line
		if (on == "" || on == "ginkgo") && (pendingSpec.MatchString(name) || skipping[name] && !guarded) && f.adds(at) {
			all = append(all, Refusal{Policy: PolicySkipped, File: f.path, Line: at, Detail: "a spec is skipped: " + name})
		}
	})
	return all
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
	for i, l := range strings.Split(string(c.head(f.path)), "\n") {
		switch {
		case strings.HasPrefix(l, "-- "):
			return nil
		case scriptSkip.MatchString(l) && f.adds(i+1):
			return []Refusal{{Policy: PolicySkipped, File: f.path, Line: i + 1, Detail: "a script is skipped: " + clip(l, 100)}}
		}
	}
	return nil
}
