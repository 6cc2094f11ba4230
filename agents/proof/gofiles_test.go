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
	const words = "\tout := F()\n\tif !strings.Contains(out, \"a: 1\") {\n\t\tt.Error(out)\n\t}\n\tif !strings.Contains(out, \"b: 2\") {\n\t\tt.Error(out)\n\t}\n\tif !strings.Contains(out, \"c: 3\") {\n\t\tt.Error(out)\n\t}\n"
	const loop = "\tout := F()\n\tfor _, want := range []string{\"a: 1\", \"b: 2\", \"c: 3\"} {\n\t\tif !strings.Contains(out, want) {\n\t\t\tt.Error(out)\n\t\t}\n\t}\n"
	const list = "\tgot := F()\n\tif len(got) != 3 {\n\t\tt.Fatal()\n\t}\n\tif got[0] != \"aa\" {\n\t\tt.Error()\n\t}\n\tif got[1] != \"bb\" {\n\t\tt.Error()\n\t}\n\tif got[2] != \"cc\" {\n\t\tt.Error()\n\t}\n"
	const search = "\tfound := false\n\tfor _, s := range F() {\n\t\tif s == \"bb\" {\n\t\t\tfound = true\n\t\t}\n\t}\n\tif !found {\n\t\tt.Error()\n\t}\n"
	const failure = "\terr := F()\n\tif err == nil {\n\t\tt.Fatal()\n\t}\n\tif err.Error() != \"odd\" {\n\t\tt.Error(err)\n\t}\n"
	const structs = "\tgot := F()\n\tassert.Len(t, got, 2)\n\tassert.Equal(t, 10, got[0].ID)\n\tassert.Equal(t, \"ann\", got[0].Name)\n\tassert.Equal(t, 20, got[1].ID)\n\tassert.Equal(t, \"bob\", got[1].Name)\n"
	const setup = "\tdir, err := os.MkdirTemp(\"\", \"a\")\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tdefer func() {\n\t\tif err := os.RemoveAll(dir); err != nil {\n\t\t\tt.Fatal(err)\n\t\t}\n\t}()\n\trequire.NoError(t, os.Setenv(\"A\", \"b\"))\n\tif F(dir) != 1 {\n\t\tt.Error()\n\t}\n"
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
		{"in a loop", words, loop, true},
		{"in a loop, a text less", words, strings.Replace(loop, ", \"b: 2\"", "", 1), false},
		{"in a loop without rounds", words, "\t_ = []string{\"a: 1\", \"b: 2\", \"c: 3\"}\n\tfor range 0 {\n\t\tif !strings.Contains(F(), \"\") {\n\t\t\tt.Error()\n\t\t}\n\t}\n", false},
		{"beside a loop", words, "\tfor range []string{\"a: 1\", \"b: 2\", \"c: 3\"} {\n\t\tif !strings.Contains(F(), \"\") {\n\t\t\tt.Error()\n\t\t}\n\t}\n", false},
		{"thrown away", "\tif F(10) != 22 {\n\t\tt.Error(1)\n\t}\n\tif G(\"ab\") != \"xy\" {\n\t\tt.Error(2)\n\t}\n", "\tif F(10) != 22 || F(11) != 22 {\n\t\tt.Error(1)\n\t}\n\t_, _ = G(\"ab\"), \"xy\"\n", false},
		{"the same the other way round", failure, "\tif err := F(); err == nil || nil == err {\n\t\tt.Error(err, \"odd\")\n\t}\n", false},
		{"an error that is itself", "\tn, err := F()\n\trequire.Error(t, err)\n\trequire.Equal(t, 22, n)\n", "\tn, err := F()\n\trequire.ErrorIs(t, err, err)\n\t_ = n == 22\n", false},
		{"beside a list", words, "\twant := []string{\"a: 1\", \"b: 2\", \"c: 3\"}\n\tif out := F(); !strings.Contains(out, want[0]) {\n\t\tt.Error(out)\n\t}\n", false},
		{"a list by its indexes", list, "\tgot, want := F(), []string{\"aa\", \"bb\", \"cc\"}\n\tif len(got) != len(want) {\n\t\tt.Fatal()\n\t}\n\tfor i := 0; i < len(want); i++ {\n\t\tif got[i] != want[i] {\n\t\t\tt.Error()\n\t\t}\n\t}\n", true},
		{"a list as a whole", list, "\tif got := F(); !slices.Equal(got, []string{\"aa\", \"bb\", \"cc\"}) {\n\t\tt.Error(got)\n\t}\n", true},
		{"a list with itself", list, "\tif got, _ := F(), []string{\"aa\", \"bb\", \"cc\"}; !slices.Equal(got, got) {\n\t\tt.Error(got)\n\t}\n", false},
		{"looked for by a call", search, "\tif !slices.Contains(F(), \"bb\") {\n\t\tt.Error()\n\t}\n", true},
		{"looked for in a text", search, "\tif !strings.Contains(F(), \"bb\") {\n\t\tt.Error()\n\t}\n", false},
		{"one of several", "\tif F() != \"bb\" {\n\t\tt.Error()\n\t}\n", "\tif !slices.Contains([]string{\"aa\", \"bb\"}, F()) {\n\t\tt.Error()\n\t}\n", false},
		{"whether it is there", "\tif strings.Index(F(), \"bb\") == -1 {\n\t\tt.Error()\n\t}\n", "\tif !strings.Contains(F(), \"bb\") {\n\t\tt.Error()\n\t}\n", true},
		{"rows that end the round", "\tfor _, c := range cases {\n\t\tif c.bad == \"\" {\n\t\t\tcontinue\n\t\t}\n\t\tequal(t, F(c.in).Error(), c.bad)\n\t}\n", "\tfor _, c := range cases {\n\t\tif c.bad != \"\" {\n\t\t\trequire.ErrorContains(t, F(c.in), c.bad)\n\t\t}\n\t}\n", true},
		{"where it is", "\tif strings.Index(F(), \"bb\") != 7 {\n\t\tt.Error()\n\t}\n", "\tif !strings.Contains(F(), \"bb\") {\n\t\tt.Error()\n\t}\n", false},
		{"in one condition", failure, "\tif err := F(); err == nil || err.Error() != \"odd\" {\n\t\tt.Error(err)\n\t}\n", true},
		{"half of a condition", failure, "\tif err := F(); err == nil || 1 > 2 {\n\t\tt.Error(err)\n\t}\n", false},
		{"the same twice", failure, "\tif err := F(); err == nil || err == nil {\n\t\tt.Error(err, \"odd\")\n\t}\n", false},
		{"an error and its words", "\terr := F()\n\trequire.Error(t, err)\n\trequire.Contains(t, err.Error(), \"odd\")\n", "\trequire.ErrorContains(t, F(), \"odd\")\n", true},
		{"an error without its words", "\terr := F()\n\trequire.Error(t, err)\n\trequire.Contains(t, err.Error(), \"odd\")\n", "\trequire.Error(t, F())\n", false},
		{"structs as a whole", structs, "\tgot := F()\n\tassert.Equal(t, []P{{ID: 10, Name: \"ann\"}, {ID: 20, Name: \"bob\"}}, got)\n", true},
		{"structs as a whole, one less", structs, "\tgot := F()\n\tassert.Equal(t, []P{{ID: 10, Name: \"ann\"}}, got[:1])\n", false},
		{"a request that cannot be wrong", "\tr, err := http.NewRequest(\"GET\", \"/a\", nil)\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tequal(t, F(r), 10)\n", "\tr := httptest.NewRequest(\"GET\", \"/a\", nil)\n\tequal(t, F(r), 10)\n", true},
		{"a time that is written there", "\tat, err := time.Parse(time.DateOnly, \"2001-02-03\")\n\trequire.NoError(t, err)\n\tequal(t, F(at), 10)\n", "\tequal(t, F(time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC)), 10)\n", true},
		{"a time that is an answer", "\tout := F()\n\t_, err := time.Parse(time.DateOnly, out.At)\n\trequire.NoError(t, err)\n\tequal(t, out, G())\n", "\tequal(t, F(), G())\n", false},
		{"setup by itself", setup, "\tdir := t.TempDir()\n\tt.Setenv(\"A\", \"b\")\n\tif F(dir) != 1 {\n\t\tt.Error()\n\t}\n", true},
		{"setup and no more", setup, "\tdir := t.TempDir()\n\tt.Setenv(\"A\", \"b\")\n\tF(dir)\n", false},
		{"what looks like setup", strings.ReplaceAll(setup, "os.", "it."), "\tdir := t.TempDir()\n\tt.Setenv(\"A\", \"b\")\n\tif F(dir) != 1 {\n\t\tt.Error()\n\t}\n", false},
	} {
		var m [2]measure
		for i, body := range []string{c.before, c.after} {
			parsed, ok := parseGo([]byte("package a\n\nimport (\n\t\"net/http\"\n\t\"os\"\n\t\"time\"\n)\n\nfunc TestA(t *testing.T) {\n" + body + "}\n"))
			if !ok {
				t.Fatalf("%s: the example is wrong", c.name)
			}
			m[i] = parsed.measure(parsed.funcs[0])
		}
		e := goTestChange{before: &m[0], after: &m[1]}
		if same := (!m[1].isWorthLess(m[0]) || e.together() != "") && !m[1].isLooser(m[0]); same != c.same {
			t.Errorf("%s: asks for the same: %v, want %v", c.name, same, c.same)
		}
	}
}

func TestWhatHelpersOfTheFolderCheckCountsForTheTests(t *testing.T) {
	const start = "package a\n\nimport \"testing\"\n\n"
	const inline = start + "func TestA(t *testing.T) {\n\tgot, err := F(3)\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tif got == nil {\n\t\tt.Fatal()\n\t}\n\tif *got != 30 {\n\t\tt.Error(*got)\n\t}\n}\n"
	const handed = start + "func TestA(t *testing.T) {\n\tif got := must(t, 3); got != 30 {\n\t\tt.Error(got)\n\t}\n}\n"
	const helper = start + "func must(t *testing.T, in int) int {\n\tt.Helper()\n\tgot, err := F(in)\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tif got == nil {\n\t\tt.Fatal()\n\t}\n\treturn *got\n}\n"
	const lazy = start + "func must(t *testing.T, in int) int {\n\tt.Helper()\n\tgot, _ := F(in)\n\treturn *got\n}\n"
	const once = start + "func TestOnce(t *testing.T) {\n\tmust(t, 1)\n}\n"
	for _, c := range []struct {
		name          string
		base, changes files
		want          string
	}{
		{"a new helper in a file of its own", files{"a_test.go": inline}, files{"a_test.go": handed, "help_test.go": helper}, ""},
		{"a new helper that checks less", files{"a_test.go": inline}, files{"a_test.go": handed, "help_test.go": lazy}, PolicyRemoved},
		{"a helper that is there", files{"a_test.go": inline, "help_test.go": helper}, files{"a_test.go": handed}, ""},
		{"a helper that is there and checks something else", files{"a_test.go": inline, "help_test.go": strings.ReplaceAll(helper, "F(", "K(")}, files{"a_test.go": strings.Replace(handed, "got := must(t, 3); got != 30", "got := must(t, 3); got != 31", 1)}, PolicyRemoved},
		{"a helper that is hollow, and the test moves", files{"a_test.go": handed + helper[len(start):]}, files{"a_test.go": start + lazy[len(start):], "b_test.go": handed}, PolicyRemoved},
		{"a helper of another package", files{"a_test.go": inline}, files{"a_test.go": handed, "b/help_test.go": helper}, PolicyRemoved},
		{"a helper that moves", files{"a_test.go": handed + helper[len(start):]}, files{"a_test.go": handed, "help_test.go": helper}, ""},
		{"a helper that moves and checks less", files{"a_test.go": handed + helper[len(start):]}, files{"a_test.go": handed, "help_test.go": lazy}, PolicyRemoved},
		{"a helper that stays where it is", files{"a_test.go": handed, "help_test.go": helper}, files{"a_test.go": handed + once[len(start):], "help_test.go": helper + "\n// It helps.\n"}, ""},
	} {
		var got []string
		for _, w := range judgeGoTests(goTestChanges(pretend(c.base, c.changes, ""), nil), func(test) bool { return false }, func(test) string { return Passed }) {
			got = append(got, w.Policy)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
		}
	}
}

func TestSetupThatSkipsIsSeen(t *testing.T) {
	for body, skips := range map[string]int{
		"\tif err := os.Chdir(\"/a\"); err != nil {\n\t\tt.Skip(err)\n\t}\n":  1,
		"\tif err := os.Chdir(\"/a\"); err != nil {\n\t\tt.Fatal(err)\n\t}\n": 0,
	} {
		own, _ := parseGo([]byte("package a\n\nimport \"example.com/a/os\"\n\nfunc TestA(t *testing.T) {\n" + body + "}\n"))
		if m := own.measure(own.funcs[0]); m.skips+m.assertions != 1 {
			t.Errorf("%s: of a package of the repository: %d skips and %d assertions, want one of them", body, m.skips, m.assertions)
		}
		parsed, ok := parseGo([]byte("package a\n\nimport \"os\"\n\nfunc TestA(t *testing.T) {\n" + body + "}\n"))
		if !ok {
			t.Fatalf("%s: the example is wrong", body)
		}
		if m := parsed.measure(parsed.funcs[0]); m.skips != skips || m.assertions > 0 {
			t.Errorf("%s: %d skips and %d assertions, want %d and none", body, m.skips, m.assertions, skips)
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
		"\tSo(F(), ShouldEqual, 3)\n":           {1, 0},
		"\tSo(F(), ShouldContain, 3)\n":         {0, 1},
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
