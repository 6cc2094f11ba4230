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
	if f.deleted() {
		return f.judgeGone(c, w)
	}
	// What came in tests that prove the change makes up for nothing that is gone from the others: they ask for something new.
	unproved, told := f.asksByTest(c, w), map[string]asks{}
	maps.DeleteFunc(unproved, func(name string, a asks) bool {
		if tells(f.path, name) {
			told[name] = a
		}
		return tells(f.path, name)
	})
	var all []weaker
	for _, side := range []struct {
		tests    map[string]asks
		forgiven string
	}{{unproved, ""}, {told, proved}} {
		sum := asks{}
		for _, a := range side.tests {
			sum = sum.plus(a)
		}
		r := weaker{Refusal: Refusal{File: f.path}}
		var blamed func(asks) bool
		switch {
		case sum.fewer():
			r.Policy, r.Line, blamed = PolicyRemoved, firstAt(f.removed, w.assertion), asks.fewer
			r.Detail = fmt.Sprintf("%d assertions are gone and %d came", sum.gone, sum.came)
		case sum.looser():
			r.Policy, r.Line, blamed = PolicyLoosened, firstAt(f.added, w.weak), asks.looser
			r.Detail = "an assertion gives way to one that accepts more"
		default:
			continue
		}
		if side.forgiven != "" {
			culprits := maps.Clone(side.tests)
			maps.DeleteFunc(culprits, func(_ string, a asks) bool { return !blamed(a) })
			r.forgiven = clip(strings.Join(slices.Sorted(maps.Keys(culprits)), ", "), 120) + ": " + side.forgiven
		}
		all = append(all, r)
	}
	return append(all, f.judgeGone(c, w)...)
}

// judgeGone judges the tests that the file had and no changed file has.
func (f *file) judgeGone(c *change, w testWords) (all []weaker) {
	if w.test == nil {
		return nil
	}
	for _, name := range f.goneNames(c, w.test) {
		r := weaker{Refusal: Refusal{Policy: PolicyDeleted, File: f.path, Detail: "the test " + clip(name, 100) + " is gone"}}
		if other := f.goesOn(c, w, name); other != "" {
			r.forgiven = "it seems to go on as " + clip(other, 100)
		}
		all = append(all, r)
	}
	return all
}

// asks counts the assertions of a test that are gone and those that came; weak ones accept nearly anything.
type asks struct{ gone, came, weakGone, weakCame int }

func (a asks) fewer() bool { return a.gone > a.came }
func (a asks) looser() bool {
	return a.gone > 0 && a.weakCame > a.weakGone && a.came-a.weakCame < a.gone-a.weakGone
}

func (a asks) plus(b asks) asks {
	return asks{a.gone + b.gone, a.came + b.came, a.weakGone + b.weakGone, a.weakCame + b.weakCame}
}

// asksByTest counts the assertions in the changed lines by the test that they belong to; "" stands for lines outside of all tests. What belonged to a test that
// goes on under another name counts as that one's; what belonged to one that is gone for good is not counted: that one is judged by itself. What stands word for
// word in another test now has come for the one that it is gone from.
func (f *file) asksByTest(c *change, w testWords) map[string]asks {
	goneAs := map[string]string{}
	if w.test != nil {
		for _, name := range f.goneNames(c, w.test) {
			goneAs[name] = f.goesOn(c, w, name)
		}
	}
	all, gave := map[string]asks{}, map[string][]string{} // gave are the tests that lines are gone from
	old, now := strings.Split(string(c.base(f.before())), "\n"), strings.Split(string(c.head(f.path)), "\n")
	for _, l := range f.removed {
		name := enclosing(old, l.number, w.test)
		if as, gone := goneAs[name]; gone {
			name = as
			if as == "" {
				continue
			}
		}
		all[name] = all[name].plus(asks{gone: matching([]line{l}, w.assertion), weakGone: matching([]line{l}, w.assertion, w.weak)})
		text := strings.TrimSpace(l.text)
		gave[text] = append(gave[text], name)
	}
	came := func(l line, name string) {
		all[name] = all[name].plus(asks{came: matching([]line{l}, w.assertion), weakCame: matching([]line{l}, w.assertion, w.weak)})
	}
	var moved []line // or new
	for _, l := range f.added {
		name, text := enclosing(now, l.number, w.test), strings.TrimSpace(l.text)
		if at := slices.Index(gave[text], name); at >= 0 {
			gave[text] = slices.Delete(gave[text], at, at+1)
			came(l, name)
		} else {
			moved = append(moved, l)
		}
	}
	for _, l := range moved {
		name, text := enclosing(now, l.number, w.test), strings.TrimSpace(l.text)
		if from := gave[text]; len(from) > 0 {
			name, gave[text] = from[0], from[1:]
		}
		came(l, name)
	}
	return all
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

// goesOn finds the new test as which one that is gone most likely goes on: one with nearly the same lines. "" when there is none.
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
				return other
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
