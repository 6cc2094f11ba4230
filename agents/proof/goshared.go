package proof

import (
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"
)

// Tests have much of what they check checked by functions of their package. What those check counts as theirs.

// measureAll counts what the function holds, and what is checked on its behalf by helpers: those of the same file, and those of others of its folder.
func (f *goFile) measureAll(fn goFunc, others map[string]measure) measure {
	m := f.measure(fn)
	add := func(helper measure) {
		m.assertions += max(helper.assertions-1, 0) // the call itself counts as one
		m.severally += max(helper.severally-1, 0)
	}
	ast.Inspect(fn.node, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !handsOver(call) {
			return true
		}
		name, on := callee(call)
		if on != "" || name == fn.name {
			return true
		}
		here := false
		for _, helper := range f.funcs {
			if helper.name == name {
				here = true
				add(f.measure(helper))
			}
		}
		if helper, ok := others[name]; ok && !here {
			add(helper)
		}
		return true
	})
	return m
}

// sharedHelpers are functions that test files of a folder share, on both sides of the change. One that stands in the same file as before counts as it
// was, when it checks as much.
func (c *change) sharedHelpers() func(dir string) (before, after map[string]measure) {
	type sides struct{ before, after map[string]measure }
	known := map[string]sides{}
	return func(dir string) (before, after map[string]measure) {
		if s, ok := known[dir]; ok {
			return s.before, s.after
		}
		was, is := map[string]string{}, map[string]string{} // their files
		if c.fetch != nil {
			c.fetch(slices.DeleteFunc(slices.Clone(c.paths), func(p string) bool { return !strings.HasSuffix(p, "_test.go") || clean(path.Dir(p)) != dir }))
		}
		s := sides{map[string]measure{}, map[string]measure{}}
		changed := map[string]bool{}
		for _, f := range c.files {
			changed[f.after()] = true
			noteHelpers(f.before(), dir, c.base, s.before, was)
			noteHelpers(f.after(), dir, c.head, s.after, is)
		}
		for _, p := range c.paths {
			if !changed[p] {
				noteHelpers(p, dir, c.head, s.before, was)
				noteHelpers(p, dir, c.head, s.after, is)
			}
		}
		for name, m := range s.after {
			if is[name] == was[name] && m.assertions >= s.before[name].assertions {
				s.after[name] = s.before[name]
			}
		}
		known[dir] = s
		return s.before, s.after
	}
}

// countingFor are the helpers of the head whose checks count for a test: not those that it did not call before and that check what they did, unless the test
// and the helper name all that the test did.
func (f *goFile) countingFor(e *goTestChange, fn goFunc, before, after map[string]measure) map[string]measure {
	if e.before == nil || len(after) == 0 {
		return after
	}
	now := f.measure(fn)
	counting := maps.Clone(after)
	maps.DeleteFunc(counting, func(name string, m measure) bool {
		was, known := before[name]
		if !known || was.assertions < m.assertions || slices.Contains(e.calls, name) {
			return false
		}
		for asked := range e.before.subject {
			if !m.subject[asked] && !now.subject[asked] {
				return true
			}
		}
		return false
	})
	return counting
}

// noteHelpers notes what the functions of a test file of the folder check that are given a test, and where they stand.
func noteHelpers(p, dir string, side tree, found map[string]measure, at map[string]string) {
	if !strings.HasSuffix(p, "_test.go") || clean(path.Dir(p)) != dir {
		return
	}
	if parsed, ok := parseGo(side(p)); ok {
		for _, fn := range parsed.funcs {
			if fn.node.Recv == nil && !isGoTest(fn.name) && parsed.checksForTests(fn) {
				found[fn.name], at[fn.name] = parsed.measure(fn), p
			}
		}
	}
}
