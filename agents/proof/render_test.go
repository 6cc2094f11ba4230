package proof

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTheLineSaysItInAFewWords(t *testing.T) {
	tests := func(news ...bool) (list []TestResult) {
		for i, n := range news {
			list = append(list, TestResult{Name: fmt.Sprintf("a.Test%d", i), Base: Failed, Head: Passed, New: n, Tells: true})
		}
		return list
	}
	for _, c := range []struct {
		receipt Receipt
		want    string
	}{
		{Receipt{Proven: true, Strength: Assertion, Against: "main", Tests: tests(true, true)}, "2 new tests fail on main, pass here"},
		{Receipt{Proven: true, Strength: Assertion, Tests: tests(true)}, "1 new test fails on the base, passes here"},
		{Receipt{Proven: true, Strength: Assertion, Against: strings.Repeat("2fd0090a", 5) + "^", Tests: tests(true)}, "1 new test fails on 2fd0090^, passes here"},
		{Receipt{Proven: true, Strength: Assertion, Against: "main", Tests: tests(false)}, "1 changed test fails on main, passes here"},
		{Receipt{Proven: true, Strength: Assertion, Against: "main", Tests: tests(true, false, false)}, "3 tests (1 new) fail on main, pass here"},
		{Receipt{Proven: true, Strength: Compile, Against: "main", Tests: tests(true)}, "1 new test does not compile on main, passes here"},
		{Receipt{Proven: true, Strength: Assertion, Against: "main", Tests: append(tests(false), TestResult{Name: "a.TestNew", Base: Uncompiled, Tells: true, New: true})},
			"1 changed test fails on main, 1 new test does not compile there, all pass here"},
		{Receipt{Proven: true, Strength: Documentation}, "documentation only: nothing that runs has changed"},
		{Receipt{Refusals: []Refusal{{Detail: "no test"}}}, "not proven: no test"},
		{Receipt{Refusals: []Refusal{{Detail: "no test"}, {}, {}}}, "not proven: no test (and 2 more)"},
		{Receipt{Proven: true, Strength: Assertion, Against: "main", Tests: append(tests(true), TestResult{Name: "a.Test0/sub", Tells: true, New: true})}, "1 new test fails on main, passes here"},
	} {
		if got := c.receipt.Line(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestTheReceiptReadsWell(t *testing.T) {
	r := Receipt{
		Proven: true, Strength: Assertion, Base: "1111111aaaa", Head: "2222222bbbb", Against: "main", Seconds: 8.44,
		Tests: []TestResult{
			{Name: "in/csv.TestQuotes", Base: Failed, Head: Passed, New: true, Tells: true},
			{Name: "in/csv.TestQuotes/empty", Base: Failed, Head: Passed, New: true, Tells: true},
			{Name: "in/csv.TestRows", Base: Passed, Head: Passed},
		},
		Suite:    &Suite{Command: "go test ./...", Passed: true, Tests: 312},
		Warnings: []string{"assertions-removed: csv_test.go:12: TestRows has 2 assertions, 1 fewer than before; it fails without the change"},
	}
	const want = "### Proof\n\n" +
		"**1 new test fails on main, passes here** · the whole suite passes\n\n" +
		"<sub>base `1111111` · head `2222222` · strength: assertion · `go test ./...` (312 tests) · 8.4 s · void when head or base changes</sub>\n\n" +
		"| test | on main | here |\n|---|---|---|\n" +
		"| `in/csv.TestQuotes` (`empty`) | fail | pass, twice |\n\n" +
		"To be looked at:\n\n" +
		"- assertions-removed: csv\\_test.go:12: TestRows has 2 assertions, 1 fewer than before; it fails without the change\n"
	if got := r.Markdown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r.Evidence() != "" {
		t.Error("evidence though nothing is refused")
	}
}

func TestNoWordOfTheSessionBecomesMarkup(t *testing.T) {
	hostile := "`x` | <img src=x> @everyone\n# Head [a](http://b) *b* #12"
	r := Receipt{
		Proven: true, Strength: Assertion, Base: "1", Head: "2", Against: "main",
		Tests:    []TestResult{{Name: hostile, Base: Failed, Head: Passed, Tells: true}},
		Warnings: []string{clip(hostile, 200)},
		Suite:    &Suite{Command: hostile, Passed: true},
	}
	for l := range strings.Lines(r.Markdown()) {
		if strings.HasPrefix(l, "# ") {
			t.Errorf("a heading: %q", l)
		}
		outside := strings.Split(strings.ReplaceAll(l, `\]`, ""), "`")
		for i := 0; i < len(outside); i += 2 {
			for _, bad := range []string{"<img", "@everyone", "](", "http://", "#12"} {
				if strings.Contains(outside[i], bad) {
					t.Errorf("%q in %q", bad, l)
				}
			}
		}
		if strings.HasPrefix(l, "|") && strings.Count(strings.ReplaceAll(l, `\|`, ""), "|") != 4 {
			t.Errorf("the table is broken: %q", l)
		}
	}
}

func TestEvidenceTellsTheSessionWhatToRepair(t *testing.T) {
	r := Receipt{Base: "1111111aaaa", Head: "2222222bbbb", Refusals: []Refusal{{
		Policy: PolicyFailOnHead, Detail: "the change's own tests fail with it: in/csv.TestQuotes",
		Ran: "go test -count=1 '-run=^(TestQuotes)$' ./csv", Output: "=== RUN\n    csv_test.go:9: got 1, want 2\n--- FAIL: TestQuotes (0.00s)\n",
	}, {Policy: PolicyStub, Detail: "a body stands for code that is not written", File: "csv/csv.go", Line: 12}}}
	const want = `The work is not accepted yet (base 1111111, head 2222222). Repair each point; it is then judged again.

1. [tests-fail-on-head] the change's own tests fail with it: in/csv.TestQuotes
   ran:      go test -count=1 '-run=^(TestQuotes)$' ./csv
   expected: every test that the change adds or alters passes with the change
   last lines:
      === RUN
          csv_test.go:9: got 1, want 2
      --- FAIL: TestQuotes (0.00s)

2. [stub] csv/csv.go:12: a body stands for code that is not written
   expected: the code itself
`
	if got := r.Evidence(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEvidenceAndReceiptAreBounded(t *testing.T) {
	for _, n := range []int{1, 3, 40, 1000} {
		r := Receipt{Base: "1", Head: "2"}
		for i := range n {
			r.Refusals = append(r.Refusals, Refusal{
				Policy: PolicySuite, Detail: strings.Repeat("wörd ", 300), File: strings.Repeat("é", 300), Line: i,
				Ran: strings.Repeat("go ", 500), Output: strings.Repeat("line ü of the output\n", 400) + "the last line\n" + strings.Repeat("w", 9000),
			})
			r.Tests = append(r.Tests, TestResult{Name: fmt.Sprintf("T%d", i) + strings.Repeat("x", 900), Tells: true})
			r.Warnings = append(r.Warnings, strings.Repeat("w", 400))
		}
		got := r.Evidence()
		if len(got) > maximumEvidence || !utf8.ValidString(got) {
			t.Errorf("%d refusals: %d bytes, valid %v", n, len(got), utf8.ValidString(got))
		}
		if n == 1 && !strings.Contains(got, "the last line") {
			t.Errorf("the last lines are not in the evidence:\n%s", got)
		}
		if got := r.Markdown(); len(got) > 40_000 {
			t.Errorf("%d refusals: %d bytes of Markdown", n, len(got))
		}
	}
}

func TestTheReceiptIsStoredAsAgreed(t *testing.T) {
	r := Receipt{Proven: true, Strength: Assertion, Base: "b", Head: "h", Tests: []TestResult{{Name: "T", Base: Failed, Head: Passed}}, Refusals: []Refusal{}, Warnings: []string{}, Seconds: 1.5}
	got, err := json.Marshal(r)
	const want = `{"proven":true,"strength":"assertion","base":"b","head":"h","tests":[{"name":"T","base":"fail","head":"pass"}],"refusals":[],"warnings":[],"seconds":1.5}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s (%v)", got, want, err)
	}
}
