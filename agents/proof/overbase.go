package proof

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
)

// overlay is what stands over the base in place of changed test files of the head, by path.
type overlay map[string][]byte

// runOnBase runs the tests over the base. Where a program of tests does not compile there, or cannot be loaded, it runs again without what is to blame, so that
// the other tests can still show what they assert; instead is what the test files hold then.
func (p *prover) runOnBase(ctx context.Context, s *sides, commands []command) (instead overlay, err error) {
	if s.base, err = p.runAll(ctx, p.place.toBaseWithTests(nil), commands); err != nil || s.cut == nil {
		return nil, err
	}
	c := cutting{change: p.change, by: s.cut, instead: overlay{}, hopeless: map[string]bool{}, without: map[test]bool{}}
	said := maps.Clone(s.base.broken)
	broken := said
	for range maximumCuts {
		c.cut(broken)
		rest := c.rest(broken, s)
		if len(rest) == 0 {
			break
		}
		how := manner{limit: p.patience(*s), twice: true, allErrors: someUnsaid(broken)}
		again := s.commands(how)
		if s.only != nil {
			again = s.only(rest, how)
		}
		r, err := p.runAll(ctx, p.place.toBaseWithTests(c.instead), again)
		if err != nil {
			return nil, err
		}
		left := map[string]string{}
		for group := range broken {
			if words, still := r.broken[group]; still {
				left[group] = words
			} else if !c.hopeless[group] {
				s.base.takeOver(group, r)
			}
		}
		broken = left
	}
	for group := range broken {
		c.giveUp(group) // as much as ever is not enough
	}
	poorer := c.runners()
	for t := range s.head.tests {
		status, ran := s.base.tests[t]
		if c.isWithout(t) || c.isFile(t.group) && (!ran || missesName.MatchString(s.base.output[t])) || poorer[t] && status == Passed {
			s.base.tests[t], s.base.output[t] = Uncompiled, said[t.group]+"\n"+s.base.output[t]
		}
	}
	return c.instead, nil
}

// maximumCuts bounds how often the base is tried with fewer declarations: one that is cut takes what uses it with it.
const maximumCuts = 6

// someUnsaid reports whether a compiler found fault with more than it says. To have it say all, it compiles all again.
func someUnsaid(broken map[string]string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(broken)), func(said string) bool { return strings.Contains(said, "too many errors") })
}

// cutter takes out of the changed test files of a group, which does not compile or cannot be loaded, what is to blame by the words said about it. read is what
// the files hold so far. names are the tests that are gone. ok is false when nothing can be cut.
type cutter func(group, said string, read tree) (rest overlay, names []string, ok bool)

// cutting is what was cut out of the changed test files so that the rest compiles over the base.
type cutting struct {
	change   *change
	by       cutter
	instead  overlay
	without  map[test]bool   // the tests, and methods of suites, that were cut
	hopeless map[string]bool // groups in which nothing can be cut
}

// cut takes out of the changed test files what is to blame.
func (c *cutting) cut(broken map[string]string) {
	read := func(name string) []byte {
		if content, ok := c.instead[name]; ok {
			return content
		}
		return c.change.head(name)
	}
	for group, said := range broken {
		rest, names, ok := c.by(group, said, read)
		if !ok || len(rest) == 0 {
			c.giveUp(group)
			continue
		}
		maps.Copy(c.instead, rest)
		for _, n := range names {
			c.without[test{group, n}] = true
		}
	}
}

// giveUp leaves the files of a group as they are.
func (c *cutting) giveUp(group string) {
	c.hopeless[group] = true
	maps.DeleteFunc(c.instead, func(name string, _ []byte) bool { return name == group || clean(path.Dir(name)) == group })
	maps.DeleteFunc(c.without, func(t test, _ bool) bool { return t.group == group })
}

// rest are the tests of the change that are left in groups that did not compile so far.
func (c *cutting) rest(broken map[string]string, s *sides) []test {
	left := map[test]bool{}
	for t := range s.head.tests {
		if _, ok := broken[t.group]; ok && s.decides(t) && !c.hopeless[t.group] && !c.isWithout(t) {
			left[t.top()] = true
		}
	}
	return sortedTests(left)
}

// isWithout reports whether the test was cut, or is a subtest or a suite's method that was.
func (c *cutting) isWithout(t test) bool {
	if c.without[t.top()] {
		return true
	}
	for cut := range c.without {
		if t.isMethod(cut) || c.isFile(t.group) && t.group == cut.group && t.standsAs(cut.name) {
			return true
		}
	}
	return false
}

// runners are the tests inside of which methods that were cut run unnamed, and check something whatever the circumstances: without those they are others than on the head.
func (c *cutting) runners() map[test]bool {
	all := map[test]bool{}
	for cut := range c.without {
		if !c.change.runsWhole(cut) {
			continue
		}
		for _, t := range c.change.runnersOf(cut) {
			all[t] = true
		}
	}
	return all
}

// isFile reports whether the group is a file of tests, and was cut.
func (c *cutting) isFile(group string) bool { return c.instead[group] != nil }
