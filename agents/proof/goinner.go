package proof

import "slices"

// A test may start its own program again and pass on all that one prints. Tests then begin and end within it: the very test once more, and others that the
// inner program was to run as well, in words that are not those of the outer program. That they came from within is certain as soon as the test that started
// them ends again without having begun again.

// toldTest is what was known of a test before it said something.
type toldTest struct {
	test
	first, second string // "" where nothing was
	live          *tail
}

// toldOf is what the tests of one package have said, in order.
type toldOf struct {
	all   []toldTest
	ended map[test]int // where the end of a test stands that it has told last
}

// maximumTold bounds what is kept of one package: a test begins and ends, twice.
const maximumTold = 4 * maximumTests

// remember keeps what is known of a test that is about to say something.
func (g *goEvents) remember(t test) {
	of := g.told[t.group]
	if of == nil {
		of = &toldOf{ended: map[test]int{}}
		g.told[t.group] = of
	}
	if len(of.all) < maximumTold {
		of.all = append(of.all, toldTest{t, g.tests[t], g.second[t], g.live[t]})
	}
}

// ends keeps what is known of a test that is about to say how it ended. Where it said so before and has not begun again, that was an inner program, and
// all that was said since is taken back.
func (g *goEvents) ends(t test) {
	if of := g.told[t.group]; of != nil && g.state(t) != Unfinished {
		if at, before := of.ended[t]; before {
			running := of.running(at, t)
			for _, was := range slices.Backward(of.all[at:]) {
				if running[was.top()] {
					continue // of the outer program, it seems, beside which the inner one ran
				}
				g.restore(was)
				if of.ended[was.test] >= at {
					delete(of.ended, was.test)
				}
			}
			of.all = of.all[:at]
		}
	}
	g.remember(t)
	if of := g.told[t.group]; len(of.all) < maximumTold {
		of.ended[t] = len(of.all) - 1
	}
}

// running are the tests beside one that had begun, and not ended, before a place of what was told.
func (of *toldOf) running(at int, beside test) map[test]bool {
	found, seen := map[test]bool{}, map[test]bool{}
	for _, was := range of.all[at:] {
		if !seen[was.test] && was.top() != beside.top() && (was.second == Unfinished || was.second == "" && was.first == Unfinished) {
			found[was.top()] = true
		}
		seen[was.test] = true
	}
	return found
}

// state is how the latest run of a test ended.
func (g *goEvents) state(t test) string {
	if s, again := g.second[t]; again {
		return s
	}
	return g.tests[t]
}

// setState says how the latest run of a test ended.
func (g *goEvents) setState(t test, s string) {
	if _, again := g.second[t]; again {
		g.second[t] = s
	} else {
		g.tests[t] = s
	}
}

// restore has a test be known as it was.
func (g *goEvents) restore(was toldTest) {
	hold(g.tests, was.test, was.first)
	hold(g.second, was.test, was.second)
	hold(g.live, was.test, was.live)
}

// hold sets what a map holds for a key, or removes it when that is nothing.
func hold[K, V comparable](m map[K]V, key K, value V) {
	var nothing V
	if value == nothing {
		delete(m, key)
	} else {
		m[key] = value
	}
}
