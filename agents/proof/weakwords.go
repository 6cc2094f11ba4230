package proof

import "slices"

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
var goFocus = lazily(`^\s*(?:\w+\.)?(?:FIt|FSpecify|FDescribe|FContext|FWhen|FEntry|FDescribeTable)\(`)

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
