package proof

import (
	"path"
	"strings"
)

// noteRewritten notes which tests that are gone have a single new one in their place: it stands between the same neighbours, and by its name or its words it is
// about the same: it calls all that the old one called. It is the old one under another name: where it proves the change, and the old one holds with it, fewer assertions are the author's choice, as
// they are in a test that keeps its name.
func noteRewritten(c *change, all map[test]*goTestChange, named *naming) {
	for _, f := range c.tests() {
		if path.Ext(f.path) != ".go" || f.before() == "" || f.after() == "" || clean(path.Dir(f.before())) != clean(path.Dir(f.after())) {
			continue
		}
		was, okWas := parseGo(c.base(f.before()))
		is, okIs := parseGo(c.head(f.after()))
		if !okWas || !okIs {
			continue
		}
		for name, came := range replacedInPlace(was, is) {
			gone, now := all[test{clean(path.Dir(f.path)), name}], all[test{clean(path.Dir(f.path)), came}]
			if gone == nil || now == nil || gone.after != nil || now.before != nil {
				continue
			}
			if (sameSubject(name, came) || alike(gone.before.subject, now.after.subject) > 0.5) && now.after.assertions > 0 && named.asksFor(gone.calls, now.test) {
				gone.rewrittenAs = now.test
			}
		}
	}
}

// replacedInPlace are the tests of a file that are gone, each with the new one, when between two functions that both sides have there is one of each.
func replacedInPlace(was, is *goFile) map[string]string {
	found := map[string]string{}
	old, now := between(was, is), between(is, was)
	for at, gone := range old {
		if came := now[at]; len(gone) == 1 && len(came) == 1 {
			found[gone[0]] = came[0]
		}
	}
	return found
}

// between are the tests of a file that the other one has not, by the two functions that both have around them; "" stands for the ends of the file.
func between(f, other *goFile) map[[2]string][]string {
	both := map[string]bool{}
	for _, fn := range other.funcs {
		both[fn.name] = true
	}
	found := map[[2]string][]string{}
	var only []string
	before := ""
	for _, fn := range f.funcs {
		switch {
		case both[fn.name]:
			found[[2]string{before, fn.name}] = only
			before, only = fn.name, nil
		case isGoTest(fn.name):
			only = append(only, fn.name)
		}
	}
	found[[2]string{before, ""}] = only
	return found
}

// sameSubject reports whether the name of one test holds all of what the other's is about.
func sameSubject(a, b string) bool {
	about := func(name string) string {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "Test"), "Fuzz")
		return strings.ToLower(strings.ReplaceAll(name, "_", ""))
	}
	a, b = about(a), about(b)
	return min(len(a), len(b)) >= 4 && (strings.Contains(a, b) || strings.Contains(b, a))
}
