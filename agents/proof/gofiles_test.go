package proof

import (
	"slices"
	"strings"
	"testing"
)

const testFile = `package a

import (
	"testing"
)

// limit is shared.
const limit = 3

func TestOne(t *testing.T) {
	if One() != limit {
		t.Fatal("one")
	}
}

func helper() int { return 2 }

func TestTwo(t *testing.T) {
	t.Log(helper())
}

func (s *suite) TestThree() {}

func Testify() {}
`

func TestATestIsTouchedByTheLinesInIt(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           string
		certain        bool
	}{
		{"a line in a test", `t.Fatal("one")`, `t.Fatal("1")`, "TestOne", true},
		{"a line less", "\t\tt.Fatal(\"one\")\n", "", "TestOne", true},
		{"a new test", "func Testify() {}\n", "func Testify() {}\n\nfunc TestFour(t *testing.T) {}\n", "TestFour", true},
		{"an import", "\t\"testing\"\n", "\t\"strings\"\n\t\"testing\"\n", "", true},
		{"a comment", "// limit is shared.", "// limit is what all share.", "", true},
		{"where it is built", "package a\n", "//go:build !windows\n\npackage a\n", "", false},
		{"what tests share", "const limit = 3", "const limit = 4", "", false},
		{"a helper", "return 2", "return 3", "", false},
		{"a method of a suite", "TestThree() {}", "TestThree() { s.Fail() }", "", false},
	} {
		after := strings.Replace(testFile, c.old, c.new, 1)
		parsed, ok := parseGo([]byte(after))
		if !ok || after == testFile {
			t.Fatalf("%s: the example is wrong", c.name)
		}
		names, certain := parsed.touched(oneHunk(testFile, after))
		if strings.Join(names, " ") != c.want || certain != c.certain {
			t.Errorf("%s: %v, certain %v; want %s, %v", c.name, names, certain, c.want, c.certain)
		}
	}
}

func TestOnlyFunctionsThatGoTakesForTestsAreTests(t *testing.T) {
	for name, want := range map[string]bool{
		"TestA": true, "Test": true, "Test_a": true, "Test1": true, "TestÄ": true, "FuzzX": true, "ExampleF": true, "Example": true,
		"Testify": false, "TestMain": false, "BenchmarkX": false, "test": false, "suite.TestA": false, "Testä": false,
	} {
		if isGoTest(name) != want {
			t.Errorf("%s: want %v", name, want)
		}
	}
}

func TestTheSameGoInOtherWordsIsTheSame(t *testing.T) {
	base := "package a\n\n// F.\nfunc F() string { return \"a\" }\n"
	for other, want := range map[string]bool{
		"package a\n\n// F is a.\n// Always.\nfunc F() string { return /* always */ \"a\" }\n": true,
		"package a\n\nfunc F() string { return \"b\" }\n":                                      false,
		"package a\n\n//go:noinline\nfunc F() string { return \"a\" }\n":                       false,
		"//go:build linux\n\npackage a\n\nfunc F() string { return \"a\" }\n":                  false,
		"package a\n\nfunc F() string { return \"a }\n":                                        false,
	} {
		if got := sameGo([]byte(base), []byte(other)); got != want {
			t.Errorf("%q: %v, want %v", other, got, want)
		}
	}
	cgo := "package a\n\n// int f(void) { return 1; }\nimport \"C\"\n"
	if sameGo([]byte(cgo), []byte(strings.Replace(cgo, "1", "2", 1))) {
		t.Error("the code in a comment above import \"C\" is taken for a comment")
	}
}

func TestATestThatAsksForTheSameByFewerCallsAsksForNoLess(t *testing.T) {
	const parts = "\tp := F(\"ann 3\")\n\tif p.Name != \"ann\" {\n\t\tt.Error(p)\n\t}\n\tif p.Age != 3 {\n\t\tt.Error(p)\n\t}\n\tif p.Old != 3 {\n\t\tt.Error(p)\n\t}\n"
	const whole = "\tif want := (P{Name: \"ann\", Age: 3, Old: 3}); !reflect.DeepEqual(F(\"ann 3\"), want) {\n\t\tt.Error(want)\n\t}\n"
	const two = "\tgot, want := F(), G()\n\tif got.A != want.A {\n\t\tt.Error(got)\n\t}\n\tif got.B != want.B {\n\t\tt.Error(got)\n\t}\n\tif got.C != want.C {\n\t\tt.Error(got)\n\t}\n"
	for _, c := range []struct {
		name, before, after string
		same                bool
	}{
		{"the words of an error", "\tassert.Equal(t, \"odd\", F(3).Error())\n", "\tassert.EqualError(t, F(3), \"odd\")\n", true},
		{"a failure without words", "\tif F(3) != 1 {\n\t\tt.Error()\n\t}\n", "\t_ = F(3) != 1\n", false},
		{"as a whole", parts, whole, true},
		{"a part less", parts, strings.Replace(parts, "\tif p.Old != 3 {\n\t\tt.Error(p)\n\t}\n", "", 1), false},
		{"two values as they are", two, "\tgot, want := F(), G()\n\tif !reflect.DeepEqual(got, want) {\n\t\tt.Error(got)\n\t}\n", true},
		{"one value with itself", two, "\tgot, want := F(), G()\n\tif !reflect.DeepEqual(got, got) {\n\t\tt.Error(got, want)\n\t}\n", false},
		{"one of two things", two + "\tif H() != 1 {\n\t\tt.Error()\n\t}\n", "\tgot, want := F(), G()\n\tif !reflect.DeepEqual(got, want) {\n\t\tt.Error(got)\n\t}\n", false},
		{"as a whole, with a value less", parts, strings.Replace(whole, "\"ann 3\"", "\"ann\"", 1), false},
		{"as a whole, with a part less", parts, strings.Replace(whole, ", Old: 3", "", 1), false},
	} {
		var m [2]measure
		for i, body := range []string{c.before, c.after} {
			parsed, ok := parseGo([]byte("package a\n\nfunc TestA(t *testing.T) {\n" + body + "}\n"))
			if !ok {
				t.Fatalf("%s: the example is wrong", c.name)
			}
			m[i] = parsed.measure(parsed.funcs[0])
		}
		if same := !m[1].isWorthLess(m[0]) || m[1].comparesWhole(m[0]); same != c.same {
			t.Errorf("%s: asks for the same: %v, want %v", c.name, same, c.same)
		}
	}
}

func TestTheWordsOfADifferenceAreNoLooseComparison(t *testing.T) {
	for body, loose := range map[string]int{
		"\tif diff := cmp.Diff(F(), 3); diff != \"\" {\n\t\tt.Error(diff)\n\t}\n": 0,
		"\tif diff := fmt.Sprint(F()); diff == \"\" {\n\t\tt.Error(diff)\n\t}\n":  1,
		"\tif got := F(); got == \"\" {\n\t\tt.Error(got)\n\t}\n":                 1,
	} {
		parsed, ok := parseGo([]byte("package a\n\nfunc TestA(t *testing.T) {\n" + body + "}\n"))
		if !ok {
			t.Fatalf("%s: the example is wrong", body)
		}
		if m := parsed.measure(parsed.funcs[0]); m.loose != loose {
			t.Errorf("%s: %d loose comparisons, want %d", body, m.loose, loose)
		}
	}
}

func TestASoOfGoConveyIsAnAssertion(t *testing.T) {
	parsed, ok := parseGo([]byte("package a\n\nfunc TestA(t *testing.T) {\n\tConvey(\"x\", t, func() {\n\t\tSo(f(), ShouldEqual, 1)\n\t})\n}\n"))
	if !ok {
		t.Fatal("the example is wrong")
	}
	if m := parsed.measure(parsed.funcs[0]); m.assertions != 2 {
		t.Errorf("%d assertions, want 2: the test hands itself on, and says so once", m.assertions)
	}
}

func TestWhatAnAssertionIsGivenToCompareWithTellsHowStrictItIs(t *testing.T) {
	for body, want := range map[string][2]int{
		"\tc.Assert(F(), Equals, 3)\n":          {1, 0},
		"\tc.Check(F(), qt.DeepEquals, list)\n": {1, 0},
		"\tc.Assert(F(), qt.IsNotNil)\n":        {0, 1},
		"\tc.Assert(F(), IsNil)\n":              {0, 0},
		"\tassert.Assert(t, F() == 3)\n":        {1, 0},
		"\tF(1, Equals)\n":                      {0, 0},
	} {
		parsed, ok := parseGo([]byte("package a\n\nfunc TestA(t *testing.T) {\n" + body + "}\n"))
		if !ok {
			t.Fatalf("%s: the example is wrong", body)
		}
		if m := parsed.measure(parsed.funcs[0]); m.exact != want[0] || m.loose != want[1] {
			t.Errorf("%s: %d exact and %d loose comparisons, want %v", body, m.exact, m.loose, want)
		}
	}
}

func TestWhatBecameOfGoTests(t *testing.T) {
	const before = "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {\n\tfor _, c := range []struct{ in, out int }{{1, 2}, {2, 3}} {\n\t\tif got := F(c.in); got != c.out {\n\t\t\tt.Error(got)\n\t\t}\n\t}\n\tequal(t, F(0), 1)\n}\n\nfunc TestB(t *testing.T) {\n\tif G() != 1 {\n\t\tt.Fatal(G())\n\t}\n}\n"
	base := files{"go.mod": "module a\n", "a.go": "package a\n\nfunc F(i int) int { return i + 1 }\n\nfunc G() int { return 1 }\n", "a_test.go": before}
	testB := before[strings.Index(before, "\nfunc TestB"):]
	all := func(test) bool { return true }
	none := func(test) bool { return false }
	for _, c := range []struct {
		name    string
		changes files
		tells   func(test) bool
		status  string
		want    string // policy, with "?" for a warning
	}{
		{"nothing", files{"a_test.go": before + "\nfunc TestC(t *testing.T) {}\n"}, none, Passed, ""},
		{"deleted", files{"a_test.go": strings.Replace(before, testB, "", 1)}, none, NotRun, PolicyDeleted},
		{"moved", files{"a_test.go": strings.Replace(before, testB, "", 1), "b_test.go": "package a\n\nimport \"testing\"\n" + testB}, none, Passed, ""},
		{"renamed", files{"a_test.go": strings.Replace(before, "TestB", "TestThatGIsOne", 1)}, none, Passed, PolicyDeleted + "?"},
		{"deleted with what it tested", files{"a_test.go": strings.Replace(before, testB, "", 1), "a.go": "package a\n\nfunc F(i int) int { return i + 1 }\n"}, none, NotRun, PolicyDeleted + "?"},
		{"an assertion less", files{"a_test.go": strings.Replace(before, "\tequal(t, F(0), 1)\n", "", 1)}, none, Passed, PolicyRemoved},
		{"an assertion less, but the test tells", files{"a_test.go": strings.Replace(before, "\tequal(t, F(0), 1)\n", "", 1)}, all, Passed, PolicyRemoved + "?"},
		{"a case less", files{"a_test.go": strings.Replace(before, ", {2, 3}", "", 1)}, none, Passed, PolicyRemoved},
		{"skipped", files{"a_test.go": strings.Replace(before, "\tequal", "\tt.Skip()\n\tequal", 1)}, none, Skipped, PolicySkipped},
		{"skipped, it seems under a condition", files{"a_test.go": strings.Replace(before, "\tequal", "\tif 1 == 1 {\n\t\tt.SkipNow()\n\t}\n\tequal", 1)}, none, Skipped, PolicySkipped},
		{"skipped elsewhere", files{"a_test.go": strings.Replace(before, "\tequal", "\tif runtime.GOOS == \"plan9\" {\n\t\tt.Skip()\n\t}\n\tequal", 1)}, none, Passed, PolicySkipped + "?"},
		{"skipped here", files{"a_test.go": strings.Replace(before, "\tequal", "\tif runtime.GOOS == \"linux\" {\n\t\tt.Skip()\n\t}\n\tequal", 1)}, none, Skipped, PolicySkipped},
		{"a looser comparison", files{"a_test.go": strings.Replace(before, "G() != 1", "G() < 1", 1)}, none, Passed, PolicyLoosened},
		{"a looser comparison, but the test tells", files{"a_test.go": strings.Replace(before, "G() != 1", "G() < 1", 1)}, all, Passed, PolicyLoosened + "?"},
		{"taken in by a table", files{"a_test.go": strings.Replace(before, testB, "", 1) + "\nfunc TestAll(t *testing.T) {\n\tfor _, c := range []struct{ got, want int }{{G(), 1}, {F(1), 2}} {\n\t\tequal(t, c.got, c.want)\n\t}\n}\n"}, none, Passed, PolicyDeleted + "?"},
		{"renamed with a skip of its own", files{"a_test.go": strings.Replace(strings.Replace(before, "TestB", "TestThatGIsOne", 1), "\tif G()", "\tt.Skip()\n\tif G()", 1)}, none, Skipped, PolicyDeleted + "? " + PolicySkipped},
		{"left out by a constraint", files{"a_test.go": "//go:build never\n\n" + before}, none, NotRun, PolicySkipped},
		{"left out by its name", files{"a_test.go": "", "a_plan9_test.go": before}, none, NotRun, PolicySkipped},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := pretend(base, c.changes, "")
			var got []string
			for _, w := range judgeGoTests(goTestChanges(changed, nil), c.tells, func(test) string { return c.status }) {
				mark := ""
				if w.forgiven != "" {
					mark = "?"
				}
				got = append(got, w.Policy+mark)
			}
			slices.Sort(got)
			got = slices.Compact(got)
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v, want %q", got, c.want)
			}
		})
	}
}
