package proof

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
)

// lostSubtests are subtests of one test that pass without the change and do not run with it.
type lostSubtests struct {
	of    test
	lost  []test
	short int // how many fewer there are
}

// findLostSubtests refuses that subtests vanish from a test that is still there: by a loop that goes through less, a filter, a file of data that is gone. As
// many new ones of the same test are the old ones under other names. Rows that are gone from the text are judged there.
func (p *prover) findLostSubtests(ctx context.Context, s sides, changes []goTestChange, flags []string) error {
	doubtful := p.change.mayLoseSubtests(s.head, changes)
	if len(doubtful) == 0 {
		return nil
	}
	clean, err := p.runOld(ctx, p.place.toBase, s, sortedTests(doubtful), flags)
	if err != nil {
		return err
	}
	head := s.head
	var unknown []test
	for t := range doubtful {
		if _, ran := head.tests[t]; !ran && clean.tests[t] == Passed {
			unknown = append(unknown, t)
		}
	}
	if len(unknown) > 0 {
		sortTests(unknown)
		more, err := p.runOld(ctx, p.place.toHead, s, unknown, flags)
		if err != nil {
			return err
		}
		more.add(head)
		head = more
	}
	found := slices.DeleteFunc(vanished(clean, head), func(l lostSubtests) bool { return judgedByText(l.of, changes, head) })
	if len(found) == 0 {
		return nil
	}
	var tops []test
	for _, l := range found {
		tops = append(tops, l.of)
	}
	old, err := p.runOld(ctx, p.place.toHeadWithOldTests, s, tops, flags)
	if err != nil {
		return err
	}
	for _, l := range found {
		p.judgeVanished(l, s, changes, old)
	}
	return nil
}

// joins reports whether subtests are gone because the text runs fewer of them, and all that it asserted and asked with is there.
func (e goTestChange) joins(l lostSubtests) bool {
	if e.before == nil || e.after == nil || e.after.assertions < e.before.assertions || e.after.cases < e.before.cases {
		return false
	}
	data := maps.Clone(e.before.data)
	maps.DeleteFunc(data, func(literal string, _ bool) bool {
		return slices.ContainsFunc(l.lost, func(t test) bool { return t.holds(unquoted(literal)) })
	})
	return l.short <= e.before.runs-e.after.runs && hasAll(data, e.after.data) && hasAll(e.before.subject, e.after.subject)
}

// struckOut reports whether the change takes what gave all the subtests their names out of a list of their test, or of one that its tests share.
func struckOut(lost []test, changes []goTestChange) bool {
	return !slices.ContainsFunc(lost, func(t test) bool {
		return !slices.ContainsFunc(changes, func(e goTestChange) bool {
			if e.test != t.top() && (!e.isTable() || e.test.group != t.group) || e.before == nil {
				return false
			}
			for item := range e.before.items {
				if t.holds(item) && (e.after == nil || !e.after.items[item]) {
					return true
				}
			}
			return false
		})
	})
}

// holds reports whether a text is the name of the subtest, or of one around it.
func (t test) holds(text string) bool {
	return text != "" && slices.Contains(strings.Split(t.name, "/")[1:], strings.ReplaceAll(text, " ", "_"))
}

// judgeVanished refuses subtests that are gone, or says why they may be. old is how the tests ended over the new code as they were before.
func (p *prover) judgeVanished(l lostSubtests, s sides, changes []goTestChange, old results) {
	passing := slices.DeleteFunc(slices.Clone(l.lost), func(t test) bool { return old.tests[t] != Passed })
	failing := slices.DeleteFunc(slices.Clone(l.lost), func(t test) bool { return !bad(old.tests[t]) })
	w := weaker{Refusal: Refusal{Policy: PolicyDeleted, Detail: "runs without the change and not with it, though its test is still there: "}}
	switch {
	case old.status(l.of) == Uncompiled:
		w.Detail, w.forgiven = w.Detail+names(l.lost), "as the test was it does not compile with the change"
	case p.change.keepsLines(l.of.group):
		w.Detail, w.forgiven = w.Detail+names(l.lost), "its lines stand elsewhere in the tests"
	case slices.ContainsFunc(changes, func(e goTestChange) bool { return e.test == l.of && e.joins(l) }):
		w.Detail, w.forgiven = w.Detail+names(l.lost), "fewer subtests of it hold all assertions and values that were there"
	case len(passing) > 0:
		w.Detail += names(passing)
		if s.proves(l.of) && strings.HasPrefix(l.of.name, "Fuzz") {
			w.forgiven = proved // by number: seeds were added to it in another way
		}
	case len(failing) > 0 && !slices.ContainsFunc(changes, func(e goTestChange) bool { return e.test == l.of && e.contradicted }):
		w.Detail += names(failing) + ", which as it was contradicts the change"
		if s.proves(l.of) && (p.change.losesData(l.of.group) || struckOut(failing, changes)) {
			w.forgiven = proved // a filter leaves them in the text for nothing; data may be of no use any more
		}
	default:
		return // it does not run over the new code as it was either: what it was made from is gone, or it is judged already
	}
	p.weaken(w, "")
}

// vanished compares two runs, test by test: subtests that passed in the first one and are not in the second, as far as no new ones stand in their place. A new
// one stands for one that is gone: one of the same last name, wherever it ran, or else any of the same test.
func vanished(clean, head results) (found []lostSubtests) {
	parents := map[test]bool{}
	for _, r := range []results{clean, head} {
		for t := range r.tests {
			for i, c := range t.name {
				if c == '/' {
					parents[test{t.group, t.name[:i]}] = true
				}
			}
		}
	}
	fresh := map[test][]test{} // by group and last name
	last := func(t test) test { return test{t.group, t.name[strings.LastIndex(t.name, "/")+1:]} }
	for _, t := range sortedTests(head.tests) {
		if _, was := clean.tests[t]; !was && t != t.top() && !parents[t] {
			fresh[last(t)] = append(fresh[last(t)], t)
		}
	}
	lost, came := map[test][]test{}, map[test]int{}
	for _, t := range sortedTests(clean.tests) {
		_, is := head.tests[t]
		switch {
		case is || t == t.top() || parents[t] || clean.tests[t] != Passed || head.tests[t.top()] != Passed:
		case len(fresh[last(t)]) > 0:
			fresh[last(t)] = fresh[last(t)][1:]
		default:
			lost[t.top()] = append(lost[t.top()], t)
		}
	}
	for _, list := range fresh {
		for _, t := range list {
			came[t.top()]++
		}
	}
	for _, top := range sortedTests(lost) {
		if list := lost[top]; len(list) > came[top] {
			found = append(found, lostSubtests{top, list, len(list) - came[top]})
		}
	}
	return found
}

// judgedByText reports whether the text of a test tells what became of its subtests: it holds fewer cases, or checks the same ones without running them as
// subtests.
func judgedByText(t test, changes []goTestChange, head results) bool {
	runs := false
	for ran := range head.tests {
		runs = runs || ran != t && ran.top() == t
	}
	return slices.ContainsFunc(changes, func(e goTestChange) bool {
		return e.test == t && e.before != nil && e.after != nil && (e.after.isWorthLess(*e.before) || !runs && !e.after.names["Run"])
	})
}

// keepsLines reports whether nearly all lines that the change takes out of the tests of a folder and their data stand in other ones.
func (c *change) keepsLines(folder string) bool {
	gone, there := map[string]bool{}, map[string]bool{}
	for _, f := range c.tests() {
		for _, l := range f.added {
			there[strings.TrimSpace(l.text)] = true
		}
		if owner, ok := fixtureOwner(c, f.path); ok && owner == folder {
			for _, l := range f.removed {
				if len(identifiers(l.text)) > 0 {
					gone[strings.TrimSpace(l.text)] = true
				}
			}
		}
	}
	return len(gone) > 0 && within(gone, there) > 0.8
}

// losesData reports whether the change takes something out of the data of a folder's tests.
func (c *change) losesData(folder string) bool { return c.lessData()[folder] }

// lessData are the folders out of the data of whose tests the change takes something.
func (c *change) lessData() map[string]bool {
	folders := map[string]bool{}
	for _, f := range c.where(isFixture) {
		if f.deleted() || f.old != "" || f.binary || len(f.removed) > 0 {
			if owner, ok := fixtureOwner(c, f.path); ok {
				folders[owner] = true
			}
		}
	}
	return folders
}

// mayLoseSubtests are the tests of the base whose subtests the change may keep from running: it alters more in them than it adds rows, or data of theirs is
// gone, or what their whole program does first is new.
func (c *change) mayLoseSubtests(head results, changes []goTestChange) map[test]bool {
	whole := c.lessData() // folders
	grown := map[test]bool{}
	for _, f := range c.tests() {
		dir := clean(path.Dir(f.path))
		if isFixture(f.path) {
			continue
		}
		if parsed, ok := parseGo(c.head(f.path)); ok && path.Ext(f.path) == ".go" && !f.deleted() {
			known := map[string]bool{}
			if old, ok := parseGo(c.base(f.before())); ok && f.before() != "" {
				whole[dir] = whole[dir] || old.sharedLoses(f.removed)
				for _, fn := range old.funcs {
					known[fn.name] = true
				}
			}
			within, shared := parsed.deciding(f, known)
			for _, name := range within {
				grown[test{dir, name}] = true
			}
			whole[dir] = whole[dir] || shared
		}
	}
	found := map[test]bool{}
	for _, e := range changes {
		if e.before == nil || e.after == nil || !e.altered && !grown[e.test] {
			continue
		}
		if isGoTest(e.test.name) {
			found[e.test] = true
		}
		for ran := range head.tests {
			if ran.isMethod(e.test) {
				found[ran.top()] = true
			}
		}
	}
	for _, p := range c.paths {
		dir := clean(path.Dir(p))
		if !strings.HasSuffix(p, "_test.go") || !whole[dir] {
			continue
		}
		if parsed, ok := parseGo(c.base(p)); ok {
			for _, fn := range parsed.tests() {
				found[test{dir, fn.name}] = true
			}
		}
	}
	return c.withSubtests(found, head)
}

// runsSubtests are the functions with which a test runs others, of itself or by a package that does it for it.
var runsSubtests = lazily(`^(Run\w*|Fuzz)$`)

// testedElsewhere is a function of another package that tests something on behalf of a test.
var testedElsewhere = lazily(`^Test`)

// withSubtests drops the tests that had no subtests, as far as their text tells: neither they nor what they use of their package's tests run any, nor do packages
// of the repository that serve them, and none ran on the head.
func (c *change) withSubtests(found map[test]bool, head results) map[test]bool {
	named, runFor, has := newNamingAt(c, c.base), c.runForTests(), map[test]bool{}
	for ran := range head.tests {
		has[ran.top()] = has[ran.top()] || ran != ran.top()
	}
	for t := range found {
		has, declared := has[t], named.usesIn(t.group)
		for name := range named.reach(t) {
			has = has || runsSubtests.MatchString(name) || declared[name] == nil && testedElsewhere.MatchString(name) || runFor(t.group, name)
		}
		if !has || strings.HasPrefix(t.name, "Example") {
			delete(found, t)
		}
	}
	return found
}

// runForTests tells of a name in the tests of a folder of the base whether it is a package of the repository that runs subtests on behalf of tests. Where the
// folder's own package does so, any name may be.
func (c *change) runForTests() func(folder, name string) bool {
	folderOf, known, imported := goFolder(goModules(c), ""), map[string]string{}, map[string]map[string]bool{}
	serving := func(dir string) string { // its name, "" when it does not
		if name, ok := known[dir]; ok {
			return name
		}
		known[dir] = ""
		for _, p := range c.pathsOfBoth() {
			if clean(path.Dir(p)) == dir && isGoSource(p) && runsTests.Match(c.base(p)) && servesTests(c.base(p)) {
				parsed, _ := parseGo(c.base(p))
				known[dir] = parsed.node.Name.Name
			}
		}
		return known[dir]
	}
	look := func(folder string) map[string]bool {
		names := map[string]bool{".": serving(folder) != ""}
		for _, p := range c.pathsOfBoth() {
			if clean(path.Dir(p)) != folder || !strings.HasSuffix(p, "_test.go") {
				continue
			}
			if parsed, ok := parseGo(c.base(p)); ok {
				for name, importPath := range parsed.importPaths() {
					if own := serving(folderOf(importPath)); own != "" {
						names[name], names[own] = true, true
					}
				}
			}
		}
		return names
	}
	return func(folder, name string) bool {
		if imported[folder] == nil {
			imported[folder] = look(folder)
		}
		return imported[folder]["."] || imported[folder][name]
	}
}

// runsTests is how Go runs a subtest.
var runsTests = lazily(`\.Run\w*\(`)

// decides are the words by which a test goes through less than all.
var decides = lazily(`\b(if|for|range|continue|break|goto|return|switch|case|delete|Getenv|Lookup|Set)\b|\[[^\]]*:[^\]]*\]|[^:!<>=]=[^=]`)

// deciding are the tests of the head to which the change adds lines that may decide what runs; shared is whether it does so in what runs before all of them, or
// serves them. What is new and serves them is named by lines of theirs.
func (f *goFile) deciding(h *file, known map[string]bool) (names []string, shared bool) {
	for _, l := range h.added {
		if !decides.MatchString(l.text) {
			continue
		}
		at := slices.IndexFunc(f.funcs, func(fn goFunc) bool { return l.number >= fn.first && l.number <= fn.last })
		switch {
		case at < 0:
			shared = shared || !h.created() && !f.quiet[l.number] || runsFirst.MatchString(l.text)
		case f.funcs[at].name == "TestMain" || f.funcs[at].name == "init":
			shared = true
		case isGoTest(f.funcs[at].name):
			names = append(names, f.funcs[at].name)
		default:
			shared = shared || known[f.funcs[at].name]
		}
	}
	return names, shared
}

// runsFirst is a variable that nobody reads: what makes its value runs before all tests.
var runsFirst = lazily(`\b_\s*=`)
