package proof

import (
	"context"
	"path"
	"slices"
	"strconv"
)

// overlay is what stands over the base in place of changed test files of the head, by path.
type overlay map[string][]byte

// runOnBase runs the tests over the base. Where a program of tests does not compile there it runs again without what the compiler finds fault with, so that
// the other tests can still show what they assert; instead is what the test files hold then.
func (p *prover) runOnBase(ctx context.Context, s *sides, commands []command) (instead overlay, err error) {
	if s.base, err = p.runAll(ctx, p.place.toBaseWithTests(nil), commands); err != nil || s.only == nil {
		return nil, err
	}
	c := cutting{change: p.change, modules: goModules(p.change), instead: overlay{}, hopeless: map[string]bool{}, without: map[test]bool{}}
	broken := s.base.broken // stays in s.base: compileOnly wants to know the words
	for range maximumCuts {
		c.cut(broken)
		rest := c.rest(broken, s)
		if len(rest) == 0 {
			break
		}
		r, err := p.runAll(ctx, p.place.toBaseWithTests(c.instead), s.only(rest, manner{limit: p.patience(*s), twice: true, allErrors: true}))
		if err != nil {
			return nil, err
		}
		broken = r.broken
		for t, status := range r.tests {
			s.base.tests[t], s.base.second[t], s.base.output[t] = status, r.second[t], r.output[t]
		}
	}
	for group := range broken {
		c.giveUp(group) // as much as ever is not enough
	}
	for t := range s.head.tests {
		if c.isWithout(t) {
			s.base.tests[t] = Uncompiled
		}
	}
	return c.instead, nil
}

// maximumCuts bounds how often the base is tried with fewer declarations: one that is cut takes what uses it with it.
const maximumCuts = 6

// cutting is what was cut out of the changed test files so that the rest compiles over the base.
type cutting struct {
	change   *change
	modules  map[string]string
	instead  overlay
	without  map[test]bool   // the tests, and methods of suites, that were cut
	hopeless map[string]bool // groups in which nothing can be cut
}

// cut takes out of the changed test files what the compiler names.
func (c *cutting) cut(broken map[string]string) {
	for group, said := range broken {
		faults := map[string]map[int]string{}
		for _, m := range goErrorAt.FindAllStringSubmatch(said, -1) {
			name := path.Join(nearest(c.modules, group), m[1])
			number, err := strconv.Atoi(m[2])
			if err == nil && slices.ContainsFunc(c.change.tests(), func(f *file) bool { return f.after() == name }) {
				if faults[name] == nil {
					faults[name] = map[int]string{}
				}
				faults[name][number] = m[3]
			}
		}
		if len(faults) == 0 {
			c.giveUp(group)
		}
		for name, lines := range faults {
			src, ok := c.instead[name]
			if !ok {
				src = c.change.head(name)
			}
			rest, names, ok := cutGo(src, lines)
			if !ok || len(names) > 0 && clean(path.Dir(name)) != group {
				c.giveUp(group)
				continue
			}
			c.instead[name] = rest
			for _, n := range names {
				c.without[test{group, n}] = true
			}
		}
	}
}

// giveUp leaves the files of a group as they are.
func (c *cutting) giveUp(group string) {
	c.hopeless[group] = true
	for name := range c.instead {
		if clean(path.Dir(name)) == group {
			delete(c.instead, name)
		}
	}
	for t := range c.without {
		if t.group == group {
			delete(c.without, t)
		}
	}
}

// rest are the tests of the change that are left in groups that did not compile so far.
func (c *cutting) rest(broken map[string]string, s *sides) (rest []test) {
	for t := range s.head.tests {
		if _, ok := broken[t.group]; ok && t == t.top() && s.decides(t) && !c.hopeless[t.group] && !c.without[t] {
			rest = append(rest, t)
		}
	}
	sortTests(rest)
	return rest
}

// isWithout reports whether the test was cut, or is a subtest or a suite's method that was.
func (c *cutting) isWithout(t test) bool {
	if c.without[t.top()] {
		return true
	}
	for cut := range c.without {
		if t.isMethod(cut) {
			return true
		}
	}
	return false
}
