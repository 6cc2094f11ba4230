package proof

import (
	"go/ast"
	"go/token"
	"strings"
)

// Words that stand for code nobody wrote, in any language. A comment alone is no stub: only one that is all of a body is.
var (
	// quoted is the beginning of a text, as far as before the words, its quote included only when they come first.
	quoted      = `(?:["'` + "`" + `][^"'` + "`" + `]*)??`
	placeholder = `(?i:not[ _-]*(yet[ _-]*)?implemented|unimplemented|implement[ _-]*(me|this)|["'` + "`" + `\s](todo|fixme)\b|["'` + "`" + `](stub|placeholder)\b)`
	stubCall    = lazily(`^\s*(` +
		`panic\((fmt\.\w+\(|errors\.New\()?` + quoted + placeholder + // Go
		`|(log\.(Fatal|Panic)f?)\(` + quoted + placeholder +
		`|raise\s+NotImplementedError` + // Python
		`|throw\s+new\s+\w*Error\(` + quoted + placeholder + // JavaScript, Java
		`|throw\s+new\s+(NotImplementedException|UnsupportedOperationException|NotImplementedError)` +
		`|(todo|unimplemented)!\(` + // Rust
		`|fatalError\(` + quoted + placeholder + `)`) // Swift
	abstractPython = lazily(`@(abc\.)?abstractmethod|\bProtocol\b|\bABC\b`)
	placeholderRE  = lazily(placeholder)
	promised       = lazily(`(?i)` + placeholder + `|\b(to ?do|fix ?me|stub|placeholder)\b`) // as a comment
	declaredEmpty  = lazily(`(?i)deprecated|no-?op\b|nothing|does not do|intentionally`)
)

// judgeStubs refuses bodies that stand for code which is not written.
func judgeStubs(c *change) []Refusal {
	var all []Refusal
	for _, f := range c.source() {
		if f.deleted() || !isCode(f.path) || isGenerated(c, f) {
			continue
		}
		if language(f.path) == "go" && !built(f.path, c.head(f.path), nil) {
			continue // code for another platform: what this one has need not exist there
		}
		all = append(all, stubLines(c, f)...)
		switch language(f.path) {
		case "go":
			all = append(all, goStubs(c, f)...)
		case "python", "javascript":
			all = append(all, emptyBodies(c, f)...)
		}
	}
	return all
}

// stubLines looks at the added lines, one by one.
func stubLines(c *change, f *file) []Refusal {
	var all []Refusal
	moved := map[string]bool{}
	for _, other := range c.source() {
		for _, l := range other.removed {
			moved[strings.TrimSpace(l.text)] = true
		}
	}
	for _, l := range f.added {
		if !stubCall.MatchString(l.text) || moved[strings.TrimSpace(l.text)] {
			continue
		}
		if language(f.path) == "go" && (!f.bodyStatement(c, l.number) || f.partly(c, l.number)) {
			continue // what a switch does with a case that cannot be, or a type with a method that it does not have
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

// Bodies that do nothing, in languages that are not parsed here.
var (
	pythonDef    = lazily(`^\s*(?:async\s+)?def\s+\w+\s*\(.*:\s*(?:#.*)?$`)
	pythonEmpty  = lazily(`^\s*(?:pass|\.\.\.)\s*(?:#.*)?$`)
	pythonInline = lazily(`^\s*(?:async\s+)?def\s+\w+\s*\(.*:\s*(?:pass|\.\.\.)\s*$`)
	scriptEmpty  = lazily(`^\s*(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function\s*)?(\w+)\s*\(.*\)\s*\{\s*\}\s*$`)
)

// emptyBodies looks for functions of Python that only pass, and functions of JavaScript that had a body and have none any more.
func emptyBodies(c *change, f *file) []Refusal {
	lines := strings.Split(string(c.head(f.path)), "\n")
	if language(f.path) == "python" && abstractPython.Match(c.head(f.path)) {
		return nil
	}
	var all []Refusal
	for _, l := range f.added {
		empty := false
		if language(f.path) == "python" {
			empty = pythonInline.MatchString(l.text) || pythonEmpty.MatchString(l.text) && pythonDef.MatchString(lineAbove(lines, l.number))
		} else if m := scriptEmpty.FindStringSubmatch(l.text); m != nil {
			named := lazily(`\b` + quoteMeta(m[1]) + `\s*\(.*\)\s*\{`)
			empty = m[1] != "constructor" && matching(f.removed, named) > 0
		}
		if empty {
			all = append(all, Refusal{Detail: "a body does nothing: " + clip(l.text, 100), File: f.path, Line: l.number})
		}
	}
	return all
}

// bodyStatement reports whether a statement that begins on the line stands in the body of a function itself, not in a branch of it.
func (f *file) bodyStatement(c *change, number int) bool {
	parsed, ok := parseGo(c.head(f.path))
	if !ok {
		return true
	}
	found := false
	at := func(body *ast.BlockStmt) {
		if body == nil {
			return
		}
		for _, s := range body.List {
			line := parsed.set.Position(s.Pos()).Line
			found = found || line == number
		}
	}
	ast.Inspect(parsed.node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			at(n.Body)
		case *ast.FuncLit:
			at(n.Body)
		}
		return true
	})
	return found
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
