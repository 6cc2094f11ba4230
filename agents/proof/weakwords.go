package proof

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// In languages other than Go the lines themselves are looked at. It is coarser, so it counts per file.

// testWords are what the lines of tests look like in one language.
type testWords struct {
	test, skip, focus, assertion, weak *pattern // test has the test's name as a group
}

var testWordsOf = map[string]testWords{
	"python": {
		test:      lazily(`^\s*(?:async\s+)?def\s+(test\w*)\s*\(`),
		skip:      lazily(`@(?:pytest\.mark\.|unittest\.)?(?:skip|skipif|skipIf|skipUnless|xfail|expectedFailure)\b|\b(?:pytest\.(?:skip|xfail|importorskip)|self\.skipTest)\(|^\s*__test__\s*=\s*False|collect_ignore`),
		assertion: lazily(`^\s*assert\b|\bself\.(?:assert|fail)\w*\(|pytest\.raises\(|\.assert_\w+\(`),
		weak:      lazily(`^\s*assert\s+(?:True|1|not\s+False|[\w.]+(?:\(.*\))?)\s*(?:#.*)?$|assert(?:True|IsNotNone|Is)\w*\(|is not None\s*$|isinstance\(|\bin\b|pytest\.approx\(.*(?:abs|rel)\s*=`),
	},
	"javascript": {
		test:      lazily("^\\s*(?:it|test)(?:\\.\\w+)*\\(\\s*[\"'`]([^\"'`]+)"),
		skip:      lazily(`\b(?:it|test|describe|suite|context)\.(?:skip|todo|fails|failing|skipIf)\b|\bx(?:it|test|describe)\(|\.skip\(\s*\)|\bskip:\s*(?:true|["'])|\btodo:\s*(?:true|["'])`),
		focus:     lazily(`\b(?:it|test|describe|suite|context)\.only\b|\bf(?:it|describe)\(|\bonly:\s*true`),
		assertion: lazily(`\bexpect\(|\bassert(?:\.\w+)*\(|\.should\b|\bt\.(?:is|deepEqual|true|false|throws|equal)\(`),
		weak:      lazily(`\.(?:toBeTruthy|toBeDefined|toBeFalsy|toContain|toMatch|toHaveProperty|toBeInstanceOf)\(|\.not\.(?:toBe(?:Null|Undefined)?|toThrow)\(|expect\.any|assert\.ok\(|assert\(`),
	},
	"rust": {
		test:      lazily(`^\s*(?:pub\s+)?(?:async\s+)?fn\s+(\w+)\s*\(\s*\)`),
		skip:      lazily(`#\[ignore|#\[cfg\(any\(\)\)\]`),
		assertion: lazily(`\b(?:debug_)?assert(?:_eq|_ne)?!\(|should_panic|\bpanic!\(`),
		weak:      lazily(`\bassert!\(`),
	},
	"ruby": {
		test:      lazily(`^\s*(?:def\s+(test_\w+)|it\s+["'].*)`),
		skip:      lazily(`^\s*(?:skip|pending|xit|xdescribe|xcontext)\b`),
		focus:     lazily(`^\s*f(?:it|describe|context)\b|:focus\b|focus:\s*true`),
		assertion: lazily(`\bexpect\(|\bassert\w*\b|\.should\b|\brefute\w*\b`),
	},
	"c": {
		skip:      lazily(`@(?:Disabled|Ignore)\b|\[Ignore|GTEST_SKIP|Assume\.`),
		assertion: lazily(`\b(?:assert\w*|Assert\.\w+|EXPECT_\w+|ASSERT_\w+|verify)\(|assertThat`),
	},
}

// goFocus is how Ginkgo is told to run some tests alone.
var goFocus = lazily(`^\s*(?:FIt|FDescribe|FContext|FWhen|FEntry|FDescribeTable)\(`)

// judgeTestWords judges what became of tests in languages other than Go, and of focus in all.
func judgeTestWords(c *change) []Refusal {
	var all []Refusal
	for _, f := range c.tests() {
		if !isTestCode(f.path) {
			continue
		}
		w := testWordsOf[language(f.path)]
		if language(f.path) == "go" {
			w.focus = goFocus
		}
		all = append(all, f.judgeWords(c, w)...)
	}
	return all
}

func (f *file) judgeWords(c *change, w testWords) []Refusal {
	var all []Refusal
	for _, l := range f.added {
		if w.skip != nil && w.skip.MatchString(l.text) {
			all = append(all, Refusal{Policy: PolicySkipped, File: f.path, Line: l.number, Detail: "a test is skipped, or expected to fail: " + clip(l.text, 100)})
		}
		if w.focus != nil && w.focus.MatchString(l.text) {
			all = append(all, Refusal{Policy: PolicyFocused, File: f.path, Line: l.number, Detail: "one test is run alone and the others are not: " + clip(l.text, 100)})
		}
	}
	removed, added := matching(f.removed, w.assertion), matching(f.added, w.assertion)
	switch weakBefore, weakAfter := matching(f.removed, w.assertion, w.weak), matching(f.added, w.assertion, w.weak); {
	case f.deleted():
	case removed > added:
		all = append(all, Refusal{Policy: PolicyRemoved, File: f.path, Line: firstAt(f.removed, w.assertion),
			Detail: fmt.Sprintf("%d assertions are gone and %d came", removed, added)})
	case removed > 0 && weakAfter > weakBefore && added-weakAfter < removed-weakBefore:
		all = append(all, Refusal{Policy: PolicyLoosened, File: f.path, Line: firstAt(f.added, w.weak),
			Detail: "an assertion gives way to one that accepts more"})
	}
	if w.test != nil {
		for _, name := range f.goneNames(c, w.test) {
			all = append(all, Refusal{Policy: PolicyDeleted, File: f.path, Detail: "the test " + clip(name, 100) + " is gone"})
		}
	}
	return all
}

// goneNames are the tests that the file had and no changed test file has any more.
func (f *file) goneNames(c *change, test *pattern) []string {
	has := map[string]bool{}
	for _, g := range c.tests() {
		if g.after() == "" {
			continue
		}
		for l := range strings.Lines(string(c.head(g.after()))) {
			if m := test.FindStringSubmatch(l); m != nil {
				has[m[1]] = true
			}
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

// matching counts the lines that match all of the forms; without a form nothing does.
func matching(lines []line, forms ...*pattern) int {
	n := 0
	for _, l := range lines {
		if !slices.ContainsFunc(forms, func(form *pattern) bool { return form == nil || !form.MatchString(l.text) }) {
			n++
		}
	}
	return n
}

// firstAt is where in the head the first matching line stands or stood.
func firstAt(lines []line, form *pattern) int {
	for _, l := range lines {
		if form.MatchString(l.text) {
			return l.at
		}
	}
	return 0
}

// PolicyThreshold: a number that the tests or their coverage have to reach is lower than before.
const PolicyThreshold = "threshold-lowered"

var (
	least = lazily(`(?i)["']?\b(fail[_-]under|min[_-]?coverage|coverage[_-]?threshold|covermin|branches|functions|statements|lines)\b["']?\s*[:=]\s*["']?(\d+(?:\.\d+)?)`)
	most  = lazily(`(?i)["']?(max[_-]?warnings)["']?\s*[:= ]\s*["']?(\d+(?:\.\d+)?)`)
)

// judgeThresholds refuses lower bars in files of configuration.
func judgeThresholds(c *change) []Refusal {
	var all []Refusal
	for _, f := range c.files {
		if isTest(f.path) || isDocument(f.path) || language(f.path) != "" && language(f.path) != "javascript" && language(f.path) != "shell" {
			continue
		}
		for _, bar := range []struct {
			form *pattern
			sign float64
		}{{least, 1}, {most, -1}} {
			before := map[string]float64{}
			for _, l := range f.removed {
				if m := bar.form.FindStringSubmatch(l.text); m != nil {
					before[strings.ToLower(m[1])], _ = strconv.ParseFloat(m[2], 64)
				}
			}
			for _, l := range f.added {
				m := bar.form.FindStringSubmatch(l.text)
				if m == nil {
					continue
				}
				was, had := before[strings.ToLower(m[1])]
				if is, err := strconv.ParseFloat(m[2], 64); had && err == nil && is*bar.sign < was*bar.sign {
					all = append(all, Refusal{File: f.path, Line: l.number, Detail: fmt.Sprintf("%s goes from %g to %g", m[1], was, is)})
				}
			}
		}
	}
	return all
}
