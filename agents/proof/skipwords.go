package proof

import "strings"

// judgeTestWords looks for tests that are skipped in languages other than Go, and for focus in all.
func judgeTestWords(c *change) []Refusal {
	var all []Refusal
	was, known := map[mark]int{}, map[string]bool{} // the marks that were there and how often, and the tests
	for _, f := range c.tests() {
		if p := f.before(); p != "" && isTestCode(p) {
			text := strings.Split(string(c.base(p)), "\n")
			for _, m := range marksIn(text, wordsFor(p)) {
				was[m.mark]++
			}
			for _, l := range text {
				for _, form := range []*pattern{declares, wordsFor(p).test} {
					if form != nil {
						if m := form.FindStringSubmatch(l); m != nil {
							known[m[1]] = true
						}
					}
				}
			}
		}
	}
	for _, f := range c.tests() {
		if !isTestCode(f.path) {
			all = append(all, f.judgeScript(c)...)
			continue
		}
		if !f.deleted() {
			all = append(all, f.judgeMarks(marksIn(strings.Split(string(c.head(f.path)), "\n"), wordsFor(f.path)), was, known)...)
		}
	}
	return append(all, judgeSpecs(c)...)
}

// wordsFor are the words of the language of a file of tests.
func wordsFor(p string) testWords {
	w := testWordsOf[language(p)]
	if language(p) == "go" {
		w.focus = goFocus
	}
	return w
}

// mark is a line that skips a test or makes it the only one that runs, wherever it stands and however far in.
type mark struct {
	text, test string
	policy     string
}

// markAt is a mark with its line.
type markAt struct {
	mark
	number int
}

// judgeMarks refuses the marks that were not there. One that stood elsewhere is not new, as long as it is the same test's; and one whose own line is the
// same is new when it has become that of another test which was there.
func (f *file) judgeMarks(marks []markAt, was map[mark]int, known map[string]bool) []Refusal {
	var all []Refusal
	for _, m := range marks {
		if was[m.mark] > 0 {
			was[m.mark]--
			continue
		}
		if !f.adds(m.number) && !known[m.test] {
			continue
		}
		r := Refusal{Policy: m.policy, File: f.path, Line: m.number, Detail: "a test is skipped, or expected to fail: " + clip(m.text, 100)}
		if m.policy == PolicyFocused {
			r.Detail = "one test is run alone and the others are not: " + clip(m.text, 100)
		}
		all = append(all, r)
	}
	return all
}

// marksIn are the marks of a file.
func marksIn(text []string, w testWords) (all []markAt) {
	for i, l := range text {
		l = strings.TrimRight(l, "\r")
		for _, kind := range []struct {
			form   *pattern
			policy string
		}{{w.skip, PolicySkipped}, {w.focus, PolicyFocused}} {
			if kind.form != nil && kind.form.MatchString(l) {
				all = append(all, markAt{mark{strings.TrimSpace(l), owner(text, i, w), kind.policy}, i + 1})
			}
		}
	}
	return all
}

var (
	// annotates begins a line that is about what is declared below.
	annotates = lazily(`^\s*(?:@|#!?\[|\[)`)
	// declares is a line that declares something an annotation can be about.
	declares = lazily(`^\s*(?:(?:pub(?:\([^)]*\))?|async|unsafe|public|private|protected|internal|static|final|abstract|override)\s+)*(?:def|class|fn|mod|fun|func|void|Task)\s+(\w+)`)
	// namesItself is a line that says itself which test it is about.
	namesItself = lazily("^\\s*[fx]?(?:it|test|describe|context|suite|When|It|Describe|Context)(?:\\.\\w+)*[( ]\\s*[\"'`]")
)

// owner is the test that a line belongs to: the one that it names or annotates, or else the one in which it stands; "" when its own words tell.
func owner(text []string, i int, w testWords) string {
	l := strings.TrimSpace(text[i])
	switch {
	case namesItself.MatchString(l):
		return ""
	case annotates.MatchString(l):
		for _, below := range text[i:] {
			if m := declares.FindStringSubmatch(below); m != nil {
				return m[1]
			}
		}
		return ""
	case strings.HasSuffix(l, "(") && i+1 < len(text):
		return strings.TrimSpace(text[i+1])
	case w.test != nil:
		return enclosing(text, i+1, w.test)
	}
	in := indentation(text[i])
	for n := i - 1; n >= 0; n-- {
		if strings.TrimSpace(text[n]) != "" && indentation(text[n]) < in {
			return strings.TrimSpace(text[n])
		}
	}
	return ""
}

// indentation is how far in a line begins.
func indentation(l string) int { return len(l) - len(strings.TrimLeft(l, " \t")) }
