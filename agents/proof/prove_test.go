package proof

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lightsout/agents/process"
)

const (
	badSum  = "package sum\n\n// Sum adds.\nfunc Sum(a, b int) int {\n\tif a < 0 {\n\t\treturn b\n\t}\n\treturn a + b\n}\n"
	goodSum = "package sum\n\n// Sum adds.\nfunc Sum(a, b int) int {\n\treturn a + b\n}\n"
)

// calculator is a repository with one bug.
var calculator = files{
	"go.mod":          "module example.com/calc\n\ngo 1.21\n",
	"sum/sum.go":      badSum,
	"sum/sum_test.go": goTests("sum", "", testOf("Sum", "if got := Sum(1, 2); got != 3 {\n\t\tt.Fatal(got)\n\t}")),
}

// goTests is a file of tests.
func goTests(pkg, imports string, tests ...string) string {
	return "package " + pkg + "\n\nimport (\n\t\"testing\"\n" + imports + ")\n" + strings.Join(tests, "")
}

func testOf(name, body string) string {
	return "\nfunc Test" + name + "(t *testing.T) {\n\t" + body + "\n}\n"
}

var negative = testOf("Negative", "if got := Sum(-1, 2); got != 1 {\n\t\tt.Fatal(got)\n\t}")

func (r Receipt) refusedFor(policy string) (Refusal, bool) {
	i := slices.IndexFunc(r.Refusals, func(f Refusal) bool { return f.Policy == policy })
	if i < 0 {
		return Refusal{}, false
	}
	return r.Refusals[i], true
}

func (r Receipt) warns(words string) bool {
	return slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, words) })
}

func TestTheReceiptSaysHowEachTestEndedOnBothSides(t *testing.T) {
	t.Parallel()
	r := newRepository(t, calculator, files{
		"sum/sum.go": goodSum,
		"sum/negative_test.go": goTests("sum", "", negative,
			testOf("Table", "for _, a := range []int{-1, 1} {\n\t\tt.Run(\"\", func(t *testing.T) {\n\t\t\tif Sum(a, 1) != a+1 {\n\t\t\t\tt.Error(a)\n\t\t\t}\n\t\t})\n\t}")),
	})
	receipt, err := r.prove(t, func(r *Request) { r.Warn = []string{PolicyWhy}; r.Text = "Fixed."; r.Base = "later" })
	if err != nil || !receipt.Proven || receipt.Strength != Assertion {
		t.Fatalf("proven %v, strength %q, error %v", receipt.Proven, receipt.Strength, err)
	}
	want := []TestResult{
		{Name: "sum.TestNegative", Base: Failed, Head: Passed, New: true, Tells: true},
		{Name: "sum.TestTable", Base: Failed, Head: Passed, New: true, Tells: true},
		{Name: "sum.TestTable/#00", Base: Failed, Head: Passed, New: true, Tells: true},
		{Name: "sum.TestTable/#01", Base: Passed, Head: Passed, New: true},
	}
	if !slices.Equal(receipt.Tests, want) {
		t.Errorf("got %+v, want %+v", receipt.Tests, want)
	}
	if receipt.Line() != "2 new tests fail on main, pass here" || receipt.Suite == nil || receipt.Suite.Tests != 3 {
		t.Errorf("%q, suite %+v", receipt.Line(), receipt.Suite)
	}
	if !receipt.warns("no-why") {
		t.Errorf("a policy that only warns does not: %v", receipt.Warnings)
	}
	if !receipt.warns("moved on") {
		t.Errorf("nothing says that the base has moved on: %v", receipt.Warnings)
	}
}

func TestNothingChangedIsRefused(t *testing.T) {
	t.Parallel()
	r := newRepository(t, calculator, files{})
	receipt, err := r.prove(t, nil)
	if _, ok := receipt.refusedFor(PolicyEmpty); err != nil || !ok {
		t.Errorf("refusals %v, error %v", receipt.Refusals, err)
	}
}

func TestARedBaseIsNeverBlamedOnTheChange(t *testing.T) {
	t.Parallel()
	base := files{"other/other_test.go": goTests("other", "", testOf("Red", "t.Fatal(\"red for months\")"))}
	for name, content := range calculator {
		base[name] = content
	}
	r := newRepository(t, base, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
	receipt, err := r.prove(t, nil)
	if err != nil || !receipt.Proven || receipt.Suite.Passed || !receipt.warns("base red") || !receipt.warns("other.TestRed") {
		t.Fatalf("error %v, receipt %+v", err, receipt)
	}
}

func TestAMissingToolIsNotTheChangesFault(t *testing.T) {
	t.Parallel()
	r := newRepository(t, files{"a.py": "x = 1\n"}, files{"a.py": "x = 2\n", "test_a.py": "def test_a():\n    assert True\n"})
	receipt, err := r.prove(t, func(r *Request) { r.Test = []string{"no-such-tool-here"} })
	if !errors.Is(err, ErrNoTool) || len(receipt.Refusals) > 0 {
		t.Errorf("error %v, refusals %v", err, receipt.Refusals)
	}
	if _, err = r.prove(t, func(r *Request) { r.Test = nil; r.Env = append(r.Env, "PATH=/nowhere") }); !errors.Is(err, ErrNoTool) {
		t.Errorf("error %v", err)
	}
	python := newRepository(t, files{"pyproject.toml": "[tool.pytest.ini_options]\n", "a.py": "A = 1\n", "tests/test_a.py": "def test_a():\n    pass\n"},
		files{"a.py": "A = 2\n", "tests/test_a.py": "def test_a():\n    assert False\n"})
	receipt, err = python.prove(t, func(r *Request) {
		bin := t.TempDir()
		if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\necho \"$0: No module named pytest\" >&2\nexit 1\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		r.Env, r.Readable = append(r.Env, "PATH="+bin+":/usr/bin:/bin"), append(r.Readable, bin)
	})
	if !errors.Is(err, ErrNoTool) || len(receipt.Refusals) > 0 {
		t.Errorf("without pytest: refusals %v, error %v", receipt.Refusals, err)
	}
}

// onceIn is the body of a test that fails when it runs for the first time in one proof.
const onceIn = `name := filepath.Join(os.Getenv("KEPT"), "seen-%s")
	if _, err := os.Stat(name); err != nil {
		os.WriteFile(name, nil, 0o600)
		t.Fatal("not this time")
	}`

func TestAFlakyTestDecidesNothing(t *testing.T) {
	t.Parallel()
	imports := "\t\"os\"\n\t\"path/filepath\"\n"
	r := newRepository(t, calculator, files{
		"sum/sum.go":        goodSum,
		"sum/flaky_test.go": goTests("sum", imports, testOf("Flaky", fmt.Sprintf(onceIn, "a"))),
	})
	receipt, err := r.prove(t, nil)
	refusal, ok := receipt.refusedFor(PolicyFlaky)
	if err != nil || !ok || !strings.Contains(refusal.Detail, "sum.TestFlaky") {
		t.Errorf("refusals %v, error %v", receipt.Refusals, err)
	}
}

func TestTestsThatProvedAnEarlierHeadAreNotToBeWeakened(t *testing.T) {
	t.Parallel()
	r := newRepositoryWithFix(t, calculator,
		files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative, testOf("More", "if Sum(-2, 2) != 0 {\n\t\tt.Fatal()\n\t}"))},
		files{"sum/negative_test.go": goTests("sum", "", negative)})
	r.head = "fixed"
	receipt, err := r.prove(t, func(r *Request) { r.Since = "work" })
	refusal, ok := receipt.refusedFor(PolicyDeleted)
	if err != nil || !ok || !strings.Contains(refusal.Detail, "sum.TestMore") {
		t.Errorf("refusals %v, error %v", receipt.Refusals, err)
	}
}

// hostile is a test that does what it can to what comes after it, and passes.
const hostile = `package sum

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestNegative(t *testing.T) {
	if got := Sum(-1, 2); got != 1 {
		t.Error(got)
	}
	if names, _ := filepath.Glob("testdata/*"); len(names) != 1 {
		t.Errorf("files: %q", names)
	}
	exec.Command("sh", "-c", "setsid sleep 1000 &").Run()
	os.MkdirAll("../.git/hooks", 0o755)
	for _, hook := range []string{"post-checkout", "pre-commit", "post-index-change"} {
		os.WriteFile("../.git/hooks/"+hook, []byte("#!/bin/sh\ntouch ../../hooked\n"), 0o755)
	}
	os.WriteFile("../.git/config", []byte("[core]\n\thooksPath = .git/hooks\n\tfsmonitor = touch ../../hooked\n[filter \"x\"]\n\tsmudge = touch ../../hooked; cat\n"), 0o644)
	os.WriteFile("../.gitattributes", []byte("* filter=x\n"), 0o644)
	os.MkdirAll("../closed/inside", 0o755)
	os.Chmod("../closed", 0)
	os.WriteFile("sum.go", []byte("package sum\n\nfunc Sum(a, b int) int { return 1 }\n"), 0o644)
	os.RemoveAll("../go.mod")
	if _, err := os.ReadFile("../../../canary"); err == nil {
		t.Error("the canary can be read")
	}
}
`

func TestNothingThatATestDoesReachesWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	r := newRepository(t, calculator, files{
		"sum/sum.go": goodSum, "sum/negative_test.go": hostile,
		"sum/testdata/line\nbreak \xff\".txt": "x\n",
	})
	if err := os.WriteFile(filepath.Join(r.dir, "canary"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	receipt, err := r.prove(t, nil)
	if err != nil || receipt.Proven != (process.LandlockABI() >= 2) {
		t.Errorf("proven %v, refusals %v, error %v", receipt.Proven, receipt.Refusals, err)
	}
	if found, _ := filepath.Glob(filepath.Join(r.dir, "*hooked")); len(found) > 0 {
		t.Error("a planted hook or filter was run")
	}
}

func TestAKeptTreeServesTheNextProofAsANewOneWould(t *testing.T) {
	r := newRepository(t, calculator, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
	request := r.request(t)
	request.Keep = true
	tree := filepath.Join(request.Dir, treeName)
	for round := range 2 {
		receipt, err := Prove(t.Context(), request)
		if err != nil || !receipt.Proven {
			t.Fatalf("round %d: %v, %v", round, receipt.Refusals, err)
		}
		for _, planted := range []string{"sum/planted_test.go", "sum/sum.go"} { // as what a test leaves may be
			if err := os.WriteFile(filepath.Join(tree, planted), []byte("no Go at all"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := Clear(t.Context(), r.mirror, request.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(request.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the work folder is left: %v", err)
	}
}

func TestAnyCommandWillDoByItsExitCode(t *testing.T) {
	t.Parallel()
	base := files{"run.sh": "for t in tests/*.sh; do sh $t || exit 1; done\n", "tests/one.sh": "grep -q one words\n", "words": "one\n"}
	script := func(r *Request) { r.Test = []string{"sh", "run.sh"} }
	for name, c := range map[string]struct {
		change files
		want   string
	}{
		"good":            {files{"words": "one\ntwo\n", "tests/two.sh": "grep -q two words\n"}, ""},
		"passes on base":  {files{"words": "one\ntwo\n", "tests/two.sh": "grep -q one words\n"}, PolicyPassOnBase},
		"fails":           {files{"words": "one\ntwo\n", "tests/two.sh": "grep -q three words\n"}, PolicyFailOnHead},
		"breaks the rest": {files{"words": "two\n", "tests/two.sh": "grep -q two words\n"}, PolicyFailOnHead},
	} {
		receipt, err := newRepository(t, base, c.change).prove(t, script)
		if _, refused := receipt.refusedFor(c.want); err != nil || receipt.Proven != (c.want == "") || refused != (c.want != "") {
			t.Errorf("%s: proven %v, refusals %v, error %v", name, receipt.Proven, receipt.Refusals, err)
		}
	}
	base["words"] = "zero\n"
	_, err := newRepository(t, base, files{"words": "one\ntwo\n", "tests/two.sh": "grep -q two words\n"}).prove(t, script)
	if !errors.Is(err, ErrBaseRed) {
		t.Errorf("error %v, want base red", err)
	}
}

// reporter is a test command that writes a report of three tests: each passes when its word is in the file words.
const reporter = `mkdir -p out
{
	echo '<testsuites><testsuite name="all">'
	for t in tests/*; do
		if grep -q "$(cat $t)" words; then echo "<testcase classname=\"all\" name=\"$t\"/>"
		else echo "<testcase classname=\"all\" name=\"$t\"><failure message=\"no word\"/></testcase>"; failed=1; fi
	done
	echo '</testsuite></testsuites>'
} > out/report.xml
exit $failed
`

func TestAReportTellsTheTestsOfAnyCommandApart(t *testing.T) {
	t.Parallel()
	base := files{"run.sh": reporter, "tests/one": "one\n", "tests/red": "never\n", "words": "one\n"}
	with := func(r *Request) { r.Test, r.JUnit = []string{"sh", "run.sh"}, "out/report.xml" }
	receipt, err := newRepository(t, base, files{"words": "one\ntwo\n", "tests/two": "two\n"}).prove(t, with)
	i := slices.IndexFunc(receipt.Tests, func(t TestResult) bool { return t.Name == "all.tests/two" })
	if err != nil || !receipt.Proven || i < 0 || receipt.Tests[i].Base != Failed || !receipt.Tests[i].Tells || !receipt.warns("all.tests/red") {
		t.Errorf("receipt %+v, error %v", receipt, err)
	}
	receipt, err = newRepository(t, base, files{"words": "two\n", "tests/two": "two\n"}).prove(t, with)
	if refusal, ok := receipt.refusedFor(PolicyFailOnHead); err != nil || !ok || !strings.Contains(refusal.Detail, "tests/one") {
		t.Errorf("refusals %v, error %v", receipt.Refusals, err)
	}
}

func TestACancelledProofIsNoAnswerAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRepository(t, calculator, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
	ctx, cancel := context.WithCancel(t.Context())
	request := r.request(t)
	request.Log = writerFunc(cancel) // at the first word that is logged, before the first command
	receipt, err := Prove(ctx, request)
	if !errors.Is(err, context.Canceled) || receipt.Proven || len(receipt.Refusals) > 0 {
		t.Errorf("receipt %+v, error %v", receipt, err)
	}
	if entries, _ := os.ReadDir(request.Dir); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestARequestThatCannotBeMeantIsAnError(t *testing.T) {
	r := newRepository(t, calculator, files{})
	for name, edit := range map[string]func(*Request){
		"no mirror":         func(r *Request) { r.Mirror = nil },
		"no head":           func(r *Request) { r.Head = "" },
		"a relative folder": func(r *Request) { r.Dir = "work" },
		"no marker":         func(r *Request) { r.Marker = "" },
		"no environment":    func(r *Request) { r.Env = nil },
		"a typo":            func(r *Request) { r.Warn = []string{"no-wy"} },
		"no such commit":    func(r *Request) { r.Head = "nothing" },
	} {
		request := r.request(t)
		edit(&request)
		if _, err := Prove(t.Context(), request); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
