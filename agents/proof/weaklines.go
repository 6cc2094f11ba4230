package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What became of the assertions of tests in languages other than Go. First each file is looked at as a whole, so that what moves from one test
// to another counts as there; then the tests to blame are named.

// judgeTestLines judges the files. tells reports whether a test of a file fails on the base and passes on the head: what changes in it is proved.
func judgeTestLines(c *change, tells func(file, test string) bool) []weaker {
	var all []weaker
	for _, f := range c.tests() {
		if w := testWordsOf[language(f.path)]; isTestCode(f.path) && w.assertion != nil {
			all = append(all, f.judgeLines(c, w, tells)...)
		}
	}
	return all
}

const proved = "it fails without the change and passes with it"

func (f *file) judgeLines(c *change, w testWords, tells func(file, test string) bool) []weaker {
	var all []weaker
	add := func(policy string, form *pattern, blame func(asked) bool, format string, args ...any) {
		r := weaker{Refusal: Refusal{Policy: policy, File: f.path, Detail: fmt.Sprintf(format, args...)}}
		if form != nil {
			if r.Line = firstAt(f.removed, form); policy == PolicyLoosened {
				r.Line = firstAt(f.added, form)
			}
		}
		if culprits := f.culprits(c, w, blame); len(culprits) > 0 && !slices.ContainsFunc(culprits, func(name string) bool { return !tells(f.path, name) }) {
			r.forgiven = clip(strings.Join(culprits, ", "), 120) + ": " + proved
		}
		all = append(all, r)
	}
	before, after := asks(f.removed, w), asks(f.added, w)
	switch {
	case f.deleted():
	case before.all > after.all:
		add(PolicyRemoved, w.assertion, asked.fewer, "%d assertions are gone and %d came", before.all, after.all)
	case before.all > 0 && after.weak > before.weak && after.all-after.weak < before.all-before.weak:
		add(PolicyLoosened, w.weak, asked.looser, "an assertion gives way to one that accepts more")
	}
	if w.test != nil {
		for _, name := range f.goneNames(c, w.test) {
			all = append(all, weaker{Refusal: Refusal{Policy: PolicyDeleted, File: f.path, Detail: "the test " + clip(name, 100) + " is gone"}, forgiven: f.goesOn(c, w, name)})
		}
	}
	return all
}

// asked counts assertions; for a test it is what came, less what is gone.
type asked struct{ all, weak int }

func (a asked) fewer() bool  { return a.all < 0 }
func (a asked) looser() bool { return a.weak > 0 && a.all-a.weak < 0 }

func asks(lines []line, w testWords) asked {
	return asked{all: matching(lines, w.assertion), weak: matching(lines, w.assertion, w.weak)}
}

// culprits are the tests of the file that are to blame; "" stands for lines outside of all tests.
func (f *file) culprits(c *change, w testWords, blame func(asked) bool) []string {
	change := map[string]asked{}
	for _, side := range []struct {
		sign    int
		lines   []line
		content []byte
	}{{-1, f.removed, c.base(f.before())}, {1, f.added, c.head(f.path)}} {
		text := strings.Split(string(side.content), "\n")
		for _, l := range side.lines {
			name, a := enclosing(text, l.number, w.test), asks([]line{l}, w)
			change[name] = asked{change[name].all + side.sign*a.all, change[name].weak + side.sign*a.weak}
		}
	}
	maps.DeleteFunc(change, func(_ string, a asked) bool { return !blame(a) })
	return slices.Sorted(maps.Keys(change))
}

// enclosing is the name of the last test that begins on the numbered line or above it, "" when none does.
func enclosing(text []string, number int, test *pattern) string {
	for i := min(number, len(text)) - 1; i >= 0 && test != nil; i-- {
		if m := test.FindStringSubmatch(text[i]); m != nil {
			return m[1]
		}
	}
	return ""
}

// goneNames are the tests that the file had and no changed test file has any more.
func (f *file) goneNames(c *change, test *pattern) []string {
	has := map[string]bool{}
	for _, g := range c.tests() {
		if g.after() != "" {
			maps.Copy(has, namesIn(c.head(g.after()), test))
		}
	}
	var gone []string
	for _, l := range f.removed {
		if m := test.FindStringSubmatch(l.text); m != nil && m[1] != "" && !has[m[1]] {
			gone = append(gone, m[1])
		}
	}
	return gone
}

// goesOn finds the new test as which one that is gone most likely goes on, and says so: one with nearly the same lines. "" when there is none.
func (f *file) goesOn(c *change, w testWords, name string) string {
	was := bodies(c.base(f.before()), w.test)
	mine := was[name]
	for _, g := range c.tests() {
		if g.after() == "" {
			continue
		}
		known := namesIn(c.base(g.before()), w.test)
		for other, body := range bodies(c.head(g.after()), w.test) {
			if !known[other] && len(mine) > 0 && within(mine, body) > 0.7 {
				return "it seems to go on as " + clip(other, 100)
			}
		}
	}
	return ""
}

// bodies are the lines of each test of a file, from its own to the next one's.
func bodies(content []byte, test *pattern) map[string]map[string]bool {
	found := map[string]map[string]bool{}
	name := ""
	for l := range strings.Lines(string(content)) {
		if m := test.FindStringSubmatch(strings.TrimRight(l, "\n")); m != nil {
			name = m[1]
			found[name] = map[string]bool{}
		} else if l = strings.TrimSpace(l); name != "" && len(identifiers(l)) > 0 {
			found[name][l] = true
		}
	}
	return found
}
