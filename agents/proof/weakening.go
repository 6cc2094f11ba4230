package proof

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Policies on what happens to tests that are there already.
const (
	PolicyDeleted  = "tests-deleted"      // a test is gone
	PolicySkipped  = "tests-skipped"      // a test is there and does not run
	PolicyFocused  = "tests-focused"      // one test runs and the others do not
	PolicyRemoved  = "assertions-removed" // a test checks less than before
	PolicyLoosened = "assertions-loosened"
	PolicyGolden   = "golden-rewritten" // expected results change and the program does not
)

// goTestChange is one test, or one table outside of functions, on both sides of the change.
type goTestChange struct {
	test           test
	file           string
	before, after  *measure // nil where it is not there
	first, last    int      // its lines in the base
	calls          []string // the functions that it called
	altered        bool     // lines of the old one are gone
	wasBuilt       bool     // its file was one that go builds here
	isBuilt        bool     // its file is one
	movedTo        test     // as which it goes on
	subjectRemoved bool     // what it tested is gone as well
	opposed        bool     // it goes on as another one, and as it was it fails with the change, and not without it
	contradicted   bool     // as it was it fails with the change, and not without it, by what it asserts
	idle           bool     // it ran on the base, and is skipped on the head by what is not in it
	ranWhole       bool     // it passes on the head, and no part of it is skipped
	wasRed         bool     // it fails on the base, as on the head it is skipped
	explained      bool     // by tests that prove the change: see prover.explained
	ran, said      string   // how it fails then
	replacedBy     test     // a new test of nearly the same things
	rewrittenAs    test     // a new test that stands where it stood, and is about the same
	holds          bool     // it is gone, and as it was it passes with the change
}

// goTestChanges compares the Go tests of the changed test files, package by package, so that a test that only moved counts as there.
func goTestChanges(c *change, flags []string) []goTestChange {
	type side = map[test]*goTestChange
	all := side{}
	shared := map[string]bool{}     // folders where what the tests share was altered
	unreadable := map[string]bool{} // folders where a file of tests does not parse: what it holds is not known
	old := map[string][]*goFile{}   // the files of tests as they were, by folder
	folder := goFolder(goModules(c), "")
	ours := func(importPath string) bool { return folder(importPath) != importPath }
	helpers := c.sharedHelpers()
	var later []func()
	get := func(t test, file string) *goTestChange {
		if all[t] == nil {
			all[t] = &goTestChange{test: t, file: file}
		}
		return all[t]
	}
	for _, f := range c.tests() {
		if path.Ext(f.path) != ".go" || isFixture(f.path) {
			continue
		}
		if p := f.before(); p != "" {
			content := c.base(p)
			wasBuilt := built(p, content, flags)
			if parsed, ok := parseGo(content); ok {
				dir := clean(path.Dir(p))
				old[dir] = append(old[dir], parsed)
				others, _ := helpers(dir)
				for _, fn := range parsed.judged() {
					m := parsed.measureAll(fn, others)
					e := get(test{dir, fn.name}, p)
					e.before, e.first, e.last, e.wasBuilt = &m, fn.first, fn.last, wasBuilt
					e.altered, e.calls = fn.loses(f.removed), parsed.functionsCalled(fn.node)
					parsed.forgetForeign(fn.node, e.before.subject, ours)
				}
				shared[dir] = shared[dir] || f.after() != "" && parsed.sharedLoses(f.removed)
				for name, m := range parsed.tables() {
					get(test{dir, tablePrefix + name}, p).before = &m
				}
			}
		}
		if p := f.after(); p != "" {
			content := c.head(p)
			isBuilt := built(p, content, flags)
			dir := clean(path.Dir(p))
			parsed, ok := parseGo(content)
			unreadable[dir] = unreadable[dir] || !ok && isBuilt // else go passes it over, and its tests are gone
			if ok {
				for _, fn := range parsed.judged() {
					later = append(later, func() { // when it is known what it was
						e := get(test{dir, fn.name}, p)
						was, is := helpers(dir)
						m := parsed.measureAll(fn, parsed.countingFor(e, fn, was, is))
						e.after, e.file, e.isBuilt = &m, p, isBuilt
					})
				}
				for name, m := range parsed.tables() {
					get(test{dir, tablePrefix + name}, p).after = &m
				}
			}
		}
	}
	for _, measure := range later {
		measure()
	}
	for _, e := range all {
		e.altered = e.altered || shared[e.test.group]
	}
	removed, named := removedFrom(c), newNaming(c)
	noteRewritten(c, all, named)
	var list []goTestChange
	for _, e := range all {
		if e.before != nil && e.after == nil {
			if unreadable[e.test.group] {
				continue // the compiler has its word about it
			}
			e.movedTo = successor(e, all, func(t test) bool { return named.asksFor(e.calls, t) })
			e.replacedBy = replacement(e, all)
			e.subjectRemoved = removed[e.test.group].takes(e.before.names) || c.emptied(e.test.group) && removed[e.test.group].whole() && !c.reachesOthers(e.test, old[e.test.group])
		}
		list = append(list, *e)
	}
	list = append(list, c.servedBy(shared)...)
	slices.SortFunc(list, func(a, b goTestChange) int { return compareTests(a.test, b.test) })
	return list
}

// servedBy are the tests in files that the change leaves alone, in folders where it alters what the tests share: they may ask for something else now.
func (c *change) servedBy(shared map[string]bool) (list []goTestChange) {
	for _, p := range c.paths {
		dir := clean(path.Dir(p))
		if !shared[dir] || !strings.HasSuffix(p, "_test.go") || slices.ContainsFunc(c.files, func(f *file) bool { return f.after() == p }) {
			continue
		}
		if parsed, ok := parseGo(c.head(p)); ok {
			for _, fn := range parsed.tests() {
				m := parsed.measureAll(fn, nil)
				list = append(list, goTestChange{test: test{dir, fn.name}, file: p, before: &m, after: &m, first: fn.first, last: fn.last, altered: true})
			}
		}
	}
	return list
}

// loses reports whether a line of code of the function is among the removed ones.
func (fn goFunc) loses(removed []line) bool {
	return slices.ContainsFunc(removed, func(l line) bool { return l.number >= fn.first && l.number <= fn.last && !quietText(l.text) })
}

// sharedLoses reports whether a line of code outside of all tests is among the removed ones.
func (f *goFile) sharedLoses(removed []line) bool {
	return slices.ContainsFunc(removed, func(l line) bool {
		return !f.quiet[l.number] && !slices.ContainsFunc(f.tests(), func(fn goFunc) bool { return l.number >= fn.first && l.number <= fn.last })
	})
}

// successor finds the new test that a test which is gone most likely goes on as: one with nearly the same words that checks no less, and that
// calls what the other one called.
func successor(gone *goTestChange, all map[test]*goTestChange, asks func(test) bool) (found test) {
	best := 0.7
	for t, e := range all {
		if e.after != nil && e.after.worth() > gone.before.worth() && (e.before == nil || e.after.worth() > e.before.worth()) && gone.before.isTakenIn(e.after) && asks(t) {
			return t
		}
		if e.before != nil || e.after == nil || e.after.assertions+e.after.cases < gone.before.assertions+gone.before.cases {
			continue
		}
		likeness := alike(gone.before.names, e.after.names)
		if (likeness > best || likeness == best && t.String() < found.String()) && asks(t) {
			best, found = likeness, t
		}
	}
	return found
}

// isTakenIn reports whether another test asks all that this one asked, data and all. Numbers of one digit are in any test: they tell little.
func (m *measure) isTakenIn(by *measure) bool {
	subject, data := within(m.subject, by.subject), within(m.data, by.data)
	telling := 0
	for value := range m.data {
		if len(value) > 1 {
			telling++
		}
	}
	all := data == 1
	return subject > 0.8 && data > 0.6 || all && (subject > 0.5 && len(m.data) > 1 || subject > 0 && telling > 2)
}

// replacement finds a new test that is about all that a test which is gone was about.
func replacement(gone *goTestChange, all map[test]*goTestChange) (found test) {
	for t, e := range all {
		if e.before == nil && e.after != nil && t.group == gone.test.group && within(gone.before.subject, e.after.subject) > 0.8 &&
			(found.name == "" || t.name < found.name) {
			found = t
		}
	}
	return found
}

// splitInto is a new test of the same folder that asks of the same things with all numbers and texts that are gone from this one (of one digit there are any), and makes up for the cases and
// assertions; none when there is no such test.
func (e goTestChange) splitInto(all []goTestChange) test {
	lost := maps.Clone(e.before.data)
	maps.DeleteFunc(lost, func(value string, _ bool) bool { return len(value) < 2 || e.after.data[value] })
	for _, n := range all {
		if len(lost) > 0 && n.before == nil && n.after != nil && !n.isTable() && n.test.group == e.test.group && within(lost, n.after.data) == 1 &&
			within(e.before.subject, n.after.subject) > 0.5 && e.after.assertions+n.after.assertions >= e.before.assertions && e.after.cases+n.after.cases >= e.before.cases {
			return n.test
		}
	}
	return test{}
}

// weaker is one way in which a test checks less than before.
type weaker struct {
	Refusal
	forgiven string // why it is only a warning; "" refuses
}

// judgeGoTests judges what became of the tests that were there. tells reports whether a test fails on the base and passes on the
// head: what changes in such a test is proved by it. headStatus is how a test ended on the head.
func judgeGoTests(changes []goTestChange, tells func(test) bool, headStatus func(test) string) []weaker {
	var all []weaker
	was := map[test]*measure{} // of those that are gone, by what they seem to go on as
	for _, e := range changes {
		if e.moved() {
			was[e.movedTo] = e.before
		}
	}
	for _, e := range changes {
		add := func(policy, forgiven, format string, args ...any) {
			w := weaker{Refusal: Refusal{Policy: policy, File: e.file, Detail: fmt.Sprintf(format, args...)}, forgiven: forgiven}
			if e.after != nil {
				w.Line = e.after.line
			}
			all = append(all, w)
		}
		why := ""
		if tells(e.test) {
			why = proved
		}
		switch {
		case e.after == nil && e.isTable(): // what used it is judged by itself
		case e.after == nil && e.opposed && !tells(e.movedTo):
			add(PolicyDeleted, "", "%s is gone: it seems to go on as %s, but as it was it fails with the change, and nothing shows that it had to", e.test, e.movedTo)
		case e.after == nil && e.movedTo.name != "":
			add(PolicyDeleted, "it seems to go on as "+e.movedTo.String(), "%s is gone", e.test)
		case e.after == nil && e.contradicted && e.replacedBy.name != "" && tells(e.replacedBy):
			add(PolicyDeleted, "it contradicts the change, which "+e.replacedBy.String()+" proves", "%s is gone", e.test)
		case e.after == nil && e.subjectRemoved:
			add(PolicyDeleted, "what it tested is gone, or has another shape", "%s is gone", e.test)
		case e.after == nil && e.holds && e.rewrittenAs.name != "" && tells(e.rewrittenAs):
			add(PolicyDeleted, "it seems to be rewritten as "+e.rewrittenAs.String()+", which proves the change", "%s is gone", e.test)
		case e.after == nil:
			add(PolicyDeleted, "", "%s is gone, and what it tested is still there", e.test)
		case e.wasBuilt && !e.isBuilt:
			add(PolicySkipped, "", "%s is not built any more: a build constraint or the name of its file leaves it out", e.test)
		case e.skipsMore() && e.wasRed && !e.after.bare:
			add(PolicySkipped, "it fails here without the change as well", "%s is skipped under a condition", e.test)
		case e.skipsMore() && e.after.bare && e.ranWhole: // what is called Skip is no test
		case e.skipsMore() && e.before == nil && was[e.test] != nil && !e.after.skipsMore(was[e.test]): // it stood there with its skip
		case e.skipsMore() && (e.after.bare || headStatus(e.test) == Skipped && e.before != nil):
			add(PolicySkipped, "", "%s is skipped", e.test)
		case e.skipsMore():
			add(PolicySkipped, "it ran here", "%s is skipped under a condition", e.test)
		case e.idle:
			add(PolicySkipped, "", "%s runs without the change and is skipped with it", e.test)
		}
		if e.before == nil || e.after == nil {
			continue
		}
		if together := e.together(); together != "" {
			add(PolicyRemoved, together, "%s has %d assertions, %d fewer than before", e.test, e.after.assertions, e.before.assertions-e.after.assertions)
			continue
		}
		loosened := e.after.isLooser(*e.before)
		switch {
		case e.contradicted && why != "" && !loosened:
			add(PolicyLoosened, "it does not compile without the change, so that nothing shows this by itself", "%s expects something else than before", e.test)
		case e.contradicted && e.explained && !loosened:
			why = "as it was it contradicts the change, and tests that prove the change run through all that it runs through of it"
			add(PolicyLoosened, why, "%s expects something else than before", e.test)
		case e.contradicted && why == "":
			add(PolicyLoosened, "", "%s as it was before fails with the change, and as it is now it does not fail without it: it was changed to pass, and nothing shows that it had to be", e.test)
			all[len(all)-1].Ran, all[len(all)-1].Output = e.ran, e.said
		case loosened:
			add(PolicyLoosened, why, "%s asks for less: %d comparisons with what is expected gave way to ones that accept more", e.test, max(e.before.exact-e.after.exact, e.before.sought-e.after.sought))
		}
		if why == "" && e.subjectRemoved {
			why = "as it was it does not compile with the change: what it tested has another shape"
		}
		if !e.after.isWorthLess(*e.before) {
			continue // fewer of one and more of the other: a table may have come, or gone
		}
		if onward := e.splitInto(changes); why == "" && onward.name != "" && !e.contradicted {
			why = "what it asked for beside that goes on in " + onward.String()
		}
		if less := e.before.assertions - e.after.assertions; less > 0 {
			add(PolicyRemoved, why, "%s has %d assertions, %d fewer than before", e.test, e.after.assertions, less)
		}
		if less := e.before.cases - e.after.cases; less > 0 {
			add(PolicyRemoved, why, "%s has %d cases, %d fewer than before", e.test, e.after.cases, less)
		}
	}
	return all
}

// together says how the test asks by fewer assertions for no less than before, "" when it does not.
func (e goTestChange) together() string {
	switch {
	case e.contradicted:
		return ""
	case e.after.comparesWhole(*e.before):
		return "it compares as one value what it compared in parts"
	case e.after.isWorthLess(*e.before) && e.after.goesThrough(*e.before) && !e.after.isLooser(*e.before):
		return "it asks of a list for what it asked one by one"
	}
	return ""
}

// lost reports whether the test is gone or checks less, and nothing explains it yet.
func (e goTestChange) lost() bool {
	return e.gone() || e.before != nil && e.after != nil && !e.isTable() && e.after.isWorthLess(*e.before)
}

// gone reports whether the test is gone and nothing explains it yet.
func (e goTestChange) gone() bool {
	return e.before != nil && e.after == nil && !e.isTable() && e.movedTo.name == "" && !e.subjectRemoved
}

// isTable reports whether it is a table rather than a test.
func (e goTestChange) isTable() bool { return strings.HasPrefix(e.test.name, tablePrefix) }

// tablePrefix marks the names of tables among those of tests.
const tablePrefix = "var "

// skipsMore reports whether the test has a skip that it had not.
func (e goTestChange) skipsMore() bool {
	return e.after != nil && e.after.skips > 0 && (e.before == nil || e.after.skipsMore(e.before))
}

// skipsMore reports whether a test skips itself more often than it did, or whatever the circumstances.
func (m *measure) skipsMore(before *measure) bool {
	return m.skips > before.skips || m.bare && !before.bare
}

// judgeGolden refuses new expected results where the program is the same.
func judgeGolden(c *change) []Refusal {
	if len(c.source()) > 0 {
		return nil
	}
	var all []Refusal
	for _, f := range c.tests() {
		if isFixture(f.path) && !f.created() {
			all = append(all, Refusal{File: f.path, Detail: "an expected result is rewritten and nothing in the program changes"})
		}
	}
	return all
}
