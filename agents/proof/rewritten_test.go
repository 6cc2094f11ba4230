package proof

import (
	"fmt"
	"testing"
)

func TestATestIsOnlyTakenForRewrittenWhereASingleNewOneStandsInItsPlace(t *testing.T) {
	write := func(names ...string) string {
		text := "package p\n"
		for i, name := range names {
			text += fmt.Sprintf("\nfunc %s(t *testing.T) {\n\tequal(t, use%s(), %d)\n}\n", name, name, i)
		}
		return text
	}
	for name, c := range map[string]struct {
		before, after string
		want          string // what TestKeepOrder is rewritten as
	}{
		"in its place":             {write("TestA", "TestKeepOrder", "TestB"), write("TestA", "TestOrder", "TestB"), "TestOrder"},
		"at the end of the file":   {write("TestA", "TestKeepOrder"), write("TestA", "TestOrder"), "TestOrder"},
		"elsewhere in the file":    {write("TestA", "TestKeepOrder", "TestB"), write("TestA", "TestB", "TestOrder"), ""},
		"beside another new one":   {write("TestA", "TestKeepOrder", "TestB"), write("TestA", "TestOrder", "TestMore", "TestB"), ""},
		"beside another lost one":  {write("TestA", "TestKeepOrder", "TestKeep", "TestB"), write("TestA", "TestOrder", "TestB"), ""},
		"about something else":     {write("TestA", "TestKeepOrder", "TestB"), write("TestA", "TestSpeed", "TestB"), ""},
		"by a test that was there": {write("TestOrder", "TestKeepOrder", "TestB"), write("TestB", "TestOrder"), ""},
	} {
		changes := goTestChanges(pretend(files{"p_test.go": c.before}, files{"p_test.go": c.after}, reason), nil)
		for _, e := range changes {
			if e.test.name == "TestKeepOrder" && e.rewrittenAs.name != c.want {
				t.Errorf("%s: rewritten as %q, want %q", name, e.rewrittenAs.name, c.want)
			}
		}
	}
}

func TestATestThatCallsLessIsNotTakenForARewrittenOne(t *testing.T) {
	base := files{"p.go": "package p\n\nfunc Upper() {}\n\nfunc Half() {}\n", "p_test.go": "package p\n\nfunc TestWords(t *testing.T) {\n\tequal(t, Upper(), 1)\n}\n"}
	for body, want := range map[string]string{
		"equal(t, Upper(), 1)": "TestWordsHalf", "equal(t, Half(), 1)": "", "_ = Upper": "",
	} {
		changed := files{"p.go": "package p\n\nfunc Upper() {}\n\nfunc Half() { print() }\n", "p_test.go": "package p\n\nfunc TestWordsHalf(t *testing.T) {\n\t" + body + "\n}\n"}
		for _, e := range goTestChanges(pretend(base, changed, reason), nil) {
			if e.test.name == "TestWords" && e.rewrittenAs.name != want {
				t.Errorf("%s: rewritten as %q, want %q", body, e.rewrittenAs.name, want)
			}
		}
	}
}

func TestARewrittenTestIsNoLossWhereItProvesTheChangeAndTheOldOneHolds(t *testing.T) {
	gone := goTestChange{test: test{"", "TestOld"}, file: "p_test.go", before: &measure{}, rewrittenAs: test{"", "TestNew"}}
	for _, c := range []struct{ holds, tells, forgiven bool }{
		{true, true, true}, {true, false, false}, {false, true, false},
	} {
		gone.holds = c.holds
		seen := judgeGoTests([]goTestChange{gone}, func(t test) bool { return c.tells && t.name == "TestNew" }, func(test) string { return Passed })
		if len(seen) != 1 || seen[0].Policy != PolicyDeleted || (seen[0].forgiven != "") != c.forgiven {
			t.Errorf("%+v: %+v", c, seen)
		}
	}
}
