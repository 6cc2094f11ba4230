package proof

import (
	"slices"
	"strings"
)

// PolicyHardCoded: the code gives the very answer that a test expects, without working it out.
const PolicyHardCoded = "hard-coded"

var (
	literal     = "(?:-?\\d[\\w.]*|\"[^\"]*\"|'[^']*'|`[^`]*`|true|false|nil|null|None|True|False|undefined)"
	returned    = lazily(`^\s*(?:return\b|=>)\s*\(?(` + literal + `(?:\s*,\s*` + literal + `)*)\)?\s*;?\s*$`)
	literals    = lazily(literal)
	header      = lazily(`^\s*(?:(?:export|default|async|public|private|protected|static|pub|final|const|let|var)\s+)*(?:func|def|fn|function)?\b[^=()]*\(?[^()]*\)?[^=()]*\(([^()]*)\)[^()]*(?:\([^()]*\))?[^()]*(?:\{|:|=>\s*\{?)\s*$`)
	condition   = lazily(`^\s*(?:\}\s*)?(?:else\s+)?(?:if|elif)\b(.*)$`)
	caseOf      = lazily(`^\s*case\b(.*):\s*$`)
	equality    = lazily(`(?:===?|\bis\b|\.equals\(|bytes\.Equal\()\s*(` + literal + `)|(` + literal + `)\s*===?`)
	trivial     = words(`0 1 -1 2 0.0 1.0 "" '' true false nil null None True False undefined`)
	keywordLike = lazily("^[\"'`](?:[.\\w-]{0,12}|(?:application|audio|font|image|message|model|multipart|text|video)/[\\w.+-]+)[\"'`]$")
)

// judgeHardCoded refuses answers that stand in the code as they stand in the tests: a function with parameters that only returns a
// literal which the new tests expect, and a condition on a literal of the new tests whose only consequence is another of them. A short word
// as the condition is how tables of real programs look, so it is let pass.
func judgeHardCoded(c *change) []Refusal {
	expected := map[string]bool{}
	for _, f := range c.tests() {
		for _, l := range f.added {
			for _, value := range literals.FindAllString(l.text, -1) {
				if !trivial[value] {
					expected[unquoted(value)] = true
				}
			}
		}
	}
	var all []Refusal
	for _, f := range c.source() {
		if f.deleted() || !isCode(f.path) {
			continue
		}
		all = append(all, f.hardCoded(c, expected)...)
		all = append(all, f.watchesForTests(c)...)
	}
	return all
}

// underTest is how a program finds out that it is being tested.
var underTest = lazily(`\btesting\.Testing\(\)|flag\.Lookup\("test\.|os\.Args\[0\]\s*,\s*"[^"]*test"|PYTEST_CURRENT_TEST|["']pytest["']\s+in\s+sys\.modules|JEST_WORKER_ID|process\.env\.VITEST\b`)

// watchesForTests refuses a program that does something else when it is tested: what the tests show of it is not what it does.
func (f *file) watchesForTests(c *change) (all []Refusal) {
	for _, l := range f.added {
		if underTest.MatchString(l.text) && matching(f.removed, underTest) == 0 && !servesTests(c.head(f.path)) {
			all = append(all, Refusal{File: f.path, Line: l.number, Detail: "the program finds out whether it is being tested: " + clip(strings.TrimSpace(l.text), 100)})
		}
	}
	return all
}

func (f *file) hardCoded(c *change, expected map[string]bool) []Refusal {
	var all []Refusal
	var lines []string // of the head, read only when needed
	for _, l := range f.added {
		m := returned.FindStringSubmatch(l.text)
		if m == nil || !slices.ContainsFunc(literals.FindAllString(m[1], -1), func(v string) bool { return !trivial[v] && expected[unquoted(v)] }) {
			continue
		}
		if lines == nil {
			lines = strings.Split(string(c.head(f.path)), "\n")
		}
		above := lineAbove(lines, l.number)
		switch m := condition.FindStringSubmatch(above); {
		case m != nil && !dataOfTests(m[1], expected):
			continue
		case m != nil:
		case caseOf.MatchString(above):
			if !f.patched(lines, l.number, expected) {
				continue
			}
		case !hasParameters(above):
			continue
		}
		all = append(all, Refusal{File: f.path, Line: l.number, Detail: "the answer that a test expects stands in the code instead of being worked out: " + clip(above, 80) + " " + clip(l.text, 80)})
	}
	return all
}

// lineAbove is the last line before the numbered one that holds code.
func lineAbove(lines []string, number int) string {
	for i := min(number-2, len(lines)-1); i >= 0; i-- {
		text := strings.TrimSpace(lines[i])
		if text != "" && !strings.HasPrefix(text, "//") && !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, `"""`) {
			return lines[i]
		}
	}
	return ""
}

// dataOfTests reports whether a condition asks for data of the tests: it compares with literals, all of them stand in the tests, and one at
// least is no short word.
func dataOfTests(cond string, expected map[string]bool) bool {
	found := equality.FindAllStringSubmatch(cond, -1)
	special := false
	for _, m := range found {
		value := m[1] + m[2]
		if !trivial[value] && !expected[unquoted(value)] {
			return false
		}
		special = special || !trivial[value] && !keywordLike.MatchString(value)
	}
	return special || len(found) > 1
}

// patched reports whether the case above the numbered line belongs to a switch that the change puts into a function which was there, and which
// knows nothing but data of the tests. A switch in a new function, or more cases for an old one, is how tables of real programs look.
func (f *file) patched(lines []string, number int, expected map[string]bool) bool {
	added := map[int]bool{}
	for _, l := range f.added {
		added[l.number] = true
	}
	known := true
	for i := number - 2; i >= 0; i-- {
		text := strings.TrimSpace(lines[i])
		if m := caseOf.FindStringSubmatch(text); m != nil {
			values := literals.FindAllString(m[1], -1)
			known = known && len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool {
				return !expected[unquoted(v)] || keywordLike.MatchString(v)
			})
		}
		if strings.HasPrefix(text, "switch") || strings.HasPrefix(text, "match ") {
			return known && added[i+1] && !added[i]
		}
		if !added[i+1] {
			return false
		}
	}
	return false
}

// hasParameters reports whether the line begins a function that is given something it could use.
func hasParameters(s string) bool {
	m := header.FindStringSubmatch(s)
	if m == nil {
		return false
	}
	for _, p := range strings.Split(m[1], ",") {
		switch name, _, _ := strings.Cut(strings.TrimSpace(p), " "); strings.Trim(name, "&:") {
		case "", "_", "self", "cls", "this", "mut":
		default:
			return true
		}
	}
	return false
}

func unquoted(s string) string { return strings.Trim(s, "\"'`") }
