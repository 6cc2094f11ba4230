package proof

import (
	"path"
	"strings"
)

// nothingRuns reports whether the change alters only what people read: documents that no program embeds, and comments.
// When it is not sure it says no, and a test is asked for.
func nothingRuns(c *change) bool {
	if len(c.files) == 0 {
		return false
	}
	commented := false
	for _, f := range c.files {
		if f.mode == modeLink || f.mode == modeSubmodule || f.status == 'T' {
			return false
		}
		switch {
		case isDocument(f.path) && (f.old == "" || isDocument(f.old)):
			if embedded(c, f.path) {
				return false
			}
			commented = true
		case f.status == 'M' && onlyComments(c, f):
			commented = commented || f.says()
		default:
			return false
		}
	}
	return commented // white space alone documents nothing
}

// says reports whether a changed line holds a word.
func (h *hunks) says() bool {
	for _, l := range append(h.added[:len(h.added):len(h.added)], h.removed...) {
		if len(identifiers(l.text)) > 0 {
			return true
		}
	}
	return false
}

// lineComment is what begins a comment that fills its line, by language. In languages that are not listed nothing counts as a comment.
var lineComment = map[string]*pattern{
	"python":     lazily(`^\s*(#(?:[^!]|$)|$)`),
	"ruby":       lazily(`^\s*(#(?:[^!]|$)|$)`),
	"shell":      lazily(`^\s*(#(?:[^!]|$)|$)`),
	"javascript": lazily(`^\s*(//|$)`),
	"rust":       lazily(`^\s*(//|$)`),
	"c":          lazily(`^\s*(//|$)`),
}

// obeyed are comments that tools act on.
var obeyed = lazily(`(?i)#\s*(type:|noqa|pragma|coding|frozen_string)|//\s*(@ts-|eslint|prettier|istanbul|/ *<reference)|@jest-environment|//!\[`)

// heldTo is a comment that go test compares with what an example prints.
var heldTo = lazily(`(?im)^\s*(//|/\*)?\s*(unordered )?output:`)

// onlyComments reports whether two versions of a source file differ in comments alone.
func onlyComments(c *change, f *file) bool {
	if f.binary {
		return false
	}
	lang := language(f.path)
	if lang == "go" {
		if isTestCode(f.path) && (heldTo.Match(c.base(f.path)) || heldTo.Match(c.head(f.path))) {
			return false // a comment says what an example has to print
		}
		return sameGo(c.base(f.path), c.head(f.path))
	}
	comment := lineComment[lang]
	if comment == nil {
		return false
	}
	// A line inside a string of many lines may look like a comment: where the file has such strings it is not certain.
	for _, quotes := range []string{`"""`, "'''", "`", "<<", "/*", `r#"`, "=begin"} {
		if strings.Contains(string(c.head(f.path)), quotes) || strings.Contains(string(c.base(f.path)), quotes) {
			return false
		}
	}
	for _, l := range append(f.added[:len(f.added):len(f.added)], f.removed...) {
		if !comment.MatchString(l.text) || obeyed.MatchString(l.text) {
			return false
		}
	}
	return len(f.added)+len(f.removed) > 0
}

var embedLine = lazily(`(?m)^//go:embed[ \t]+(.+)$`)

// embedded reports whether a Go file of the head embeds the path: then it is part of the program, whatever its name.
func embedded(c *change, p string) bool {
	for _, q := range c.embedders {
		dir := path.Dir(q)
		if dir != "." && !strings.HasPrefix(p, dir+"/") {
			continue
		}
		for _, m := range embedLine.FindAllSubmatch(c.head(q), -1) {
			for _, pattern := range strings.Fields(string(m[1])) {
				pattern = strings.TrimPrefix(strings.Trim(pattern, "\"`"), "all:")
				if matchesAbove(path.Join(dir, pattern), p) {
					return true
				}
			}
		}
	}
	return false
}

// matchesAbove reports whether the pattern matches the path or a folder above it.
func matchesAbove(pattern, p string) bool {
	for ; p != "." && p != "/"; p = path.Dir(p) {
		if ok, err := path.Match(pattern, p); ok || err != nil {
			return true
		}
	}
	return false
}
