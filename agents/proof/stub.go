package proof

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// Words that stand for code nobody wrote, in any language. A comment alone is no stub: only one that is all of a body is.
var (
	placeholder = `(?i:not[ _-]*(yet[ _-]*)?implemented|unimplemented|implement[ _-]*me|to[ ]?do\b|fix[ ]?me\b|stub\b|placeholder)`
	stubCall    = regexp.MustCompile(`^\s*(` +
		`panic\((fmt\.\w+\(|errors\.New\()?["` + "`" + `][^"` + "`" + `]*` + placeholder + // Go
		`|(log\.(Fatal|Panic)f?)\("[^"]*` + placeholder +
		`|raise\s+NotImplementedError` + // Python
		`|throw\s+new\s+\w*Error\(["'` + "`" + `][^"'` + "`" + `]*` + placeholder + // JavaScript, Java
		`|throw\s+new\s+(NotImplementedException|UnsupportedOperationException|NotImplementedError)` +
		`|(todo|unimplemented)!\(` + // Rust
		`|fatalError\("[^"]*` + placeholder + `)`) // Swift
	abstractPython = regexp.MustCompile(`@(abc\.)?abstractmethod|\bProtocol\b|\bABC\b`)
	placeholderRE  = regexp.MustCompile(placeholder)
)

// judgeStubs refuses bodies that stand for code which is not written.
func judgeStubs(c *change) []Refusal {
	var all []Refusal
	for _, f := range c.source() {
		if f.deleted() || !isCode(f.path) {
			continue
		}
		all = append(all, stubLines(c, f)...)
		if language(f.path) == "go" {
			all = append(all, goStubs(c, f)...)
		}
	}
	return all
}

// stubLines looks at the added lines, one by one.
func stubLines(c *change, f *file) []Refusal {
	var all []Refusal
	for _, l := range f.added {
		if !stubCall.MatchString(l.text) {
			continue
		}
		if language(f.path) == "python" && abstractPython.Match(c.head(f.path)) {
			continue // an abstract method says so and is right
		}
		all = append(all, Refusal{
			Detail: "a body stands for code that is not written: " + clip(l.text, 100),
			File:   f.path, Line: l.number,
		})
	}
	return all
}

// goStubs looks at the functions that the change adds or alters: one whose body holds nothing but a comment which promises it, and
// one that had a body and has none any more.
func goStubs(c *change, f *file) []Refusal {
	after, ok := parseGo(c.head(f.path))
	if !ok {
		return nil
	}
	had := map[string]bool{}
	if f.before() != "" {
		if before, ok := parseGo(c.base(f.before())); ok {
			for _, fn := range before.funcs {
				had[fn.name] = fn.node.Body != nil && len(fn.node.Body.List) > 0
			}
		}
	}
	var all []Refusal
	for _, fn := range after.funcs {
		if fn.node.Body == nil || !f.touches(fn.first, fn.last) {
			continue
		}
		if words := onlyExcuse(fn.node.Body); words != "" {
			all = append(all, Refusal{Detail: "all that " + fn.name + " does is to say " + words, File: f.path, Line: fn.first})
		}
		if len(fn.node.Body.List) > 0 {
			continue
		}
		switch promise := after.comment(fn.node.Body); {
		case placeholderRE.MatchString(promise):
			all = append(all, Refusal{Detail: "the body of " + fn.name + " is only a promise: " + clip(promise, 100), File: f.path, Line: fn.first})
		case had[fn.name]:
			all = append(all, Refusal{Detail: "the body of " + fn.name + " was emptied", File: f.path, Line: fn.first})
		}
	}
	return all
}

// onlyExcuse is the message of an error that is all a body returns, when it says that the code is not there.
func onlyExcuse(body *ast.BlockStmt) string {
	if len(body.List) != 1 {
		return ""
	}
	back, ok := body.List[0].(*ast.ReturnStmt)
	if !ok || len(back.Results) == 0 {
		return ""
	}
	call, ok := back.Results[len(back.Results)-1].(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return ""
	}
	if text, ok := call.Args[0].(*ast.BasicLit); ok && text.Kind == token.STRING && placeholderRE.MatchString(text.Value) {
		return text.Value
	}
	return ""
}

// touches reports whether a changed line lies in the span of lines of the head.
func (h *hunks) touches(first, last int) bool {
	for _, l := range h.added {
		if l.number >= first && l.number <= last {
			return true
		}
	}
	for _, l := range h.removed {
		if l.at > first && l.at <= last {
			return true
		}
	}
	return false
}

// comment is the text of the comments inside a node.
func (f *goFile) comment(n ast.Node) string {
	inside := func(p token.Pos) bool { return p > n.Pos() && p < n.End() }
	var b strings.Builder
	for _, group := range f.node.Comments {
		if inside(group.Pos()) {
			b.WriteString(group.Text())
		}
	}
	return strings.TrimSpace(b.String())
}
