package proof

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// telling are the tests of the change that fail on the base and pass on the head: they prove it. Where the program does not compile, all of its tests
// fail alike, so only those count that are touched themselves.
func (p plan) telling(base, head results) []test {
	var list []test
	for t, s := range head.tests {
		was := base.statusOf(t, p.named)
		if s == Passed && p.decides(t) && bad(was) && (was != Uncompiled || p.touched(t)) {
			list = append(list, t)
		}
	}
	sortTests(list)
	return list
}

// statusOf is status, for a tool that names its tests; otherwise the command is the test, whatever it is called.
func (r results) statusOf(t test, named bool) string {
	if named {
		return r.status(t)
	}
	return r.tests[r.whole()]
}

// steady keeps the tests that ended in the second run as the first one said, by whatever says so; the others are flaky.
func steady(tests []test, same func(test) bool) (kept, flaky []test) {
	for _, t := range tests {
		if same(t) {
			kept = append(kept, t)
		} else {
			flaky = append(flaky, t)
		}
	}
	return kept, flaky
}

func sortTests(tests []test) {
	slices.SortFunc(tests, compareTests)
}

// sortedTests are the keys of a map in order.
func sortedTests[V any](m map[test]V) []test {
	tests := slices.Collect(maps.Keys(m))
	sortTests(tests)
	return tests
}

func compareTests(a, b test) int { return cmp.Compare(a.String(), b.String()) }

// strength is the strongest way in which one of the tests fails on the base.
func (p plan) strength(tells []test, base results) string {
	for _, t := range tells {
		if base.statusOf(t, p.named) != Uncompiled {
			return Assertion
		}
	}
	if len(tells) == 0 {
		return ""
	}
	return Compile
}

// maximumReported bounds the tests that a receipt lists; those that prove something go first.
const maximumReported = 200

// table is the per-test part of the receipt: the tests of the change, those that tell first, and of them those that assert.
func (p plan) table(base, head results, tells, flaky []test) []TestResult {
	rows := []TestResult{}
	seen := map[test]bool{}
	add := func(t test) {
		if !p.decides(t) || t.name == "" || seen[t] {
			return
		}
		seen[t] = true
		row := TestResult{
			Name: clip(t.String(), 300), Base: base.statusOf(t, p.named), Head: head.statusOf(t, p.named),
			New: p.fresh(t), Tells: slices.Contains(tells, t),
		}
		if slices.Contains(flaky, t) {
			row.Head = Unsteady
		}
		rows = append(rows, row)
	}
	for t := range head.tests {
		add(t)
	}
	if p.named {
		for t := range base.tests {
			add(t)
		}
	}
	slices.SortFunc(rows, func(a, b TestResult) int {
		if a.Tells != b.Tells {
			if a.Tells {
				return -1
			}
			return 1
		}
		if weak := a.Base == Uncompiled; weak != (b.Base == Uncompiled) {
			if weak {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return rows[:min(len(rows), maximumReported)]
}

// inherited splits the failures of the head into those that the untouched base has too, in the same way, and those that the change brought.
func inherited(failed map[test]string, clean results, named bool) (red, ours []test) {
	cleanFailures := clean.failures()
	for t, s := range failed {
		was := cleanFailures[t]
		if !named || t.name == "" || t.group == "" && t.name == clean.command {
			was = cmp.Or(was, cleanFailures[clean.whole()])
		}
		if was == s {
			red = append(red, t)
		} else {
			ours = append(ours, t)
		}
	}
	sortTests(red)
	sortTests(ours)
	return leaves(red), leaves(ours)
}

// leaves drops the tests of which a subtest is in the list: the subtest says more.
func leaves(tests []test) []test {
	parent := map[test]bool{}
	for _, t := range tests {
		for i, r := range t.name {
			if r == '/' {
				parent[test{t.group, t.name[:i]}] = true
			}
		}
	}
	return slices.DeleteFunc(tests, func(t test) bool { return parent[t] })
}

// tops drops the subtests of tests that are in the sorted list too.
func tops(tests []test) []test {
	return slices.DeleteFunc(slices.Clone(tests), func(t test) bool { return t != t.top() && slices.Contains(tests, t.top()) })
}

// both are the failures of two runs of the same thing; those of the first alone are flaky.
func both(first, second results) (failed map[test]string, flaky []test) {
	failed = map[test]string{}
	again := second.failures()
	for t, s := range first.failures() {
		if _, ok := again[t]; ok {
			failed[t] = s
		} else {
			flaky = append(flaky, t)
		}
	}
	sortTests(flaky)
	return failed, leaves(flaky)
}

// names lists a few tests for a sentence.
func names(tests []test) string {
	const most = 5
	var list []string
	for _, t := range tests[:min(most, len(tests))] {
		name := t.String()
		if t.name == "" {
			name = cmp.Or(t.group, "the root package")
		}
		list = append(list, clip(name, 120))
	}
	s := strings.Join(list, ", ")
	if more := len(tests) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
