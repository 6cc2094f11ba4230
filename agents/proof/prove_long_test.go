//go:build ci

package proof

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents/process"
)

// What takes long, or needs tools beside Go and git.

// hostileBodies are those of a test that does its worst after it has passed judgement on the change.
var hostileBodies = map[string]struct{ body, says string }{
	"prints a gigabyte": {`line := strings.Repeat("x", 1<<20)
	for i := 0; i < 1<<10; i++ {
		fmt.Println(line)
	}`, "output limit"},
	"never ends": {`signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	select {}`, "wall limit"},
	"forks and detaches":   {`exec.Command("sh", "-c", "trap '' TERM; for i in 1 2 3; do setsid sh -c 'sleep 1000' & done").Run()`, ""},
	"deletes its worktree": {`os.RemoveAll("..")`, ""},
	"fills names with junk": {`for i := 0; i < 50; i++ {
		os.WriteFile(fmt.Sprintf("junk\n%d \xff\x01.go", i), []byte("not go"), 0)
	}`, ""},
	"plants a submodule": {`os.MkdirAll("../sub/.git", 0o755)
	os.WriteFile("../.gitmodules", []byte("[submodule \"sub\"]\n\tpath = sub\n\turl = ext::sh -c touch% ../../hooked\n"), 0o644)
	os.WriteFile("../.git/index", []byte("junk"), 0o644)
	os.WriteFile("../.git/HEAD", []byte("junk"), 0o644)`, ""},
	"makes links out": {`os.Symlink("/", "../root")
	os.RemoveAll("../sum/testdata")
	os.Symlink("/tmp", "../sum/testdata")`, ""},
}

func TestAHostileTestIsEndedBoundedAndReported(t *testing.T) {
	for name, c := range hostileBodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test := "package sum\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"os/exec\"\n\t\"os/signal\"\n\t\"strings\"\n\t\"syscall\"\n\t\"testing\"\n)\n" +
				"\nvar _, _, _, _, _ = fmt.Sprint, os.Getpid, exec.Command, strings.Repeat, signal.Ignore\nvar _ = syscall.SIGTERM\n" + negative + testOf("Worst", c.body)
			r := newRepository(t, calculator, files{"sum/sum.go": goodSum, "sum/negative_test.go": test, "sum/testdata/line\nbreak \xff.txt": "x\n"})
			receipt, err := r.prove(t, func(r *Request) {
				r.Limits = process.Limits{Wall: 20 * time.Second, Output: 32 << 20, Grace: 100 * time.Millisecond}
			})
			if err != nil || receipt.Proven != (c.says == "") {
				t.Fatalf("proven %v, refusals %v, error %v", receipt.Proven, receipt.Refusals, err)
			}
			if c.says != "" && !strings.Contains(receipt.Refusals[0].Detail, c.says) {
				t.Errorf("it does not say why: %v", receipt.Refusals[0])
			}
			if found, _ := filepath.Glob(filepath.Join(r.dir, "*hooked")); len(found) > 0 {
				t.Error("something planted was run")
			}
		})
	}
}

// runnerModules is the folder of packages that .ci/run installs.
func runnerModules(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", ".ci", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "vitest")); err != nil {
		t.Fatalf("run `npm ci` in .ci first: %v", err)
	}
	return dir
}

func TestVitestAndJestTellTestsApart(t *testing.T) {
	modules := runnerModules(t)
	const sumBefore = "exports.sum = (a, b) => (a < 0 ? b : a + b);\n"
	const sumAfter = "exports.sum = (a, b) => a + b;\n"
	for runner, imports := range map[string]string{"vitest run": "import { describe, expect, it } from \"vitest\";\nimport { sum } from \"./sum.js\";\n", "jest": "const { sum } = require(\"./sum.js\");\n"} {
		export := func(s string) string {
			if runner == "jest" {
				return s
			}
			return strings.Replace(s, "exports.sum", "export const sum", 1)
		}
		kind := map[string]string{"vitest run": "module", "jest": "commonjs"}[runner]
		base := files{
			"package.json":    fmt.Sprintf("{\"name\":\"a\",\"type\":%q,\"scripts\":{\"test\":%q}}\n", kind, runner),
			"src/sum.js":      export(sumBefore),
			"src/old.test.js": imports + "describe(\"sum\", () => {\n  it(\"adds\", () => {\n    expect(sum(1, 2)).toBe(3);\n  });\n});\n",
		}
		added := imports + "describe(\"sum\", () => {\n  it(\"adds below zero\", () => {\n    expect(sum(-1, 2)).toBe(1);\n  });\n  it(\"adds zero\", () => {\n    expect(sum(0, 2)).toBe(2);\n  });\n});\n"
		t.Run(runner, func(t *testing.T) {
			t.Parallel()
			with := func(r *Request) {
				r.Modules, r.Env = modules, append(r.Env, "PATH=/usr/bin:/bin:"+os.Getenv("PATH"))
			}
			receipt, err := newRepository(t, base, files{"src/sum.js": export(sumAfter), "src/new.test.js": added}).prove(t, with)
			want := []TestResult{
				{Name: "src/new.test.js.sum/adds below zero", Base: Failed, Head: Passed, New: true, Tells: true},
				{Name: "src/new.test.js.sum/adds zero", Base: Passed, Head: Passed, New: true},
			}
			if err != nil || !receipt.Proven || receipt.Strength != Assertion || !slices.Equal(receipt.Tests, want) || receipt.Suite.Tests != 3 {
				t.Errorf("proven %v, strength %q, tests %+v, suite %+v, refusals %v, error %v", receipt.Proven, receipt.Strength, receipt.Tests, receipt.Suite, receipt.Refusals, err)
			}
			receipt, err = newRepository(t, base, files{"src/new.test.js": added, "src/sum.js": export(sumBefore) + "// same\n"}).prove(t, with)
			if _, refused := receipt.refusedFor(PolicyFailOnHead); err != nil || !refused {
				t.Errorf("no fix: refusals %v, error %v", receipt.Refusals, err)
			}
		})
	}
}

func TestATestThatCompilesShowsWhatItAssertsBesideOneThatDoesNot(t *testing.T) {
	t.Parallel()
	r := newRepository(t, calculator, files{
		"sum/sum.go":           goodSum + "\n// Twice doubles.\nfunc Twice(a int) int { return a + a }\n",
		"sum/negative_test.go": goTests("sum", "", negative),
		"sum/twice_test.go":    goTests("sum", "", testOf("Twice", "if Twice(2) != 4 {\n\t\tt.Fatal()\n\t}")),
	})
	receipt, err := r.prove(t, nil)
	want := []TestResult{
		{Name: "sum.TestNegative", Base: Failed, Head: Passed, New: true, Tells: true},
		{Name: "sum.TestTwice", Base: Uncompiled, Head: Passed, New: true, Tells: true},
	}
	if err != nil || !receipt.Proven || receipt.Strength != Assertion || !slices.Equal(receipt.Tests, want) {
		t.Errorf("proven %v, strength %q, tests %+v, error %v", receipt.Proven, receipt.Strength, receipt.Tests, err)
	}
}

func TestATestThatEndsItsProgramKeepsNoOtherFromTelling(t *testing.T) {
	t.Parallel()
	base := files{"go.mod": calculator["go.mod"], "sum/sum.go": badSum,
		"sum/sum_test.go": goTests("sum", "", testOf("Sum", "if got := Sum(-1, 2); got != 2 {\n\t\tt.Fatal(got)\n\t}"))}
	r := newRepository(t, base, files{"sum/sum.go": goodSum, "sum/sum_test.go": goTests("sum", "",
		testOf("First", "if Sum(-1, 2) != 1 {\n\t\tpanic(\"wrong\")\n\t}"), testOf("Sum", "if got := Sum(-1, 2); got != 1 {\n\t\tt.Fatal(got)\n\t}"))})
	receipt, err := r.prove(t, nil)
	want := []TestResult{
		{Name: "sum.TestFirst", Base: Failed, Head: Passed, New: true, Tells: true},
		{Name: "sum.TestSum", Base: Failed, Head: Passed, Tells: true},
	}
	if err != nil || !receipt.Proven || !slices.Equal(receipt.Tests, want) {
		t.Errorf("proven %v, tests %+v, refusals %v, error %v", receipt.Proven, receipt.Tests, receipt.Refusals, err)
	}
}

func TestANewTestThatNeedsTheNetworkIsLeftToOthers(t *testing.T) {
	t.Parallel()
	lonely := testOf("Fetch", "t.Fatal(\"dial tcp: lookup example.com: no such host\")")
	r := newRepository(t, calculator, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative, lonely)})
	receipt, err := r.prove(t, nil)
	if err != nil || !receipt.Proven || !receipt.warns("sum.TestFetch") {
		t.Errorf("receipt %+v, error %v", receipt, err)
	}
}

func TestAFlakyTestElsewhereIsNamedAndForgiven(t *testing.T) {
	t.Parallel()
	base := files{"other/other_test.go": goTests("other", "\t\"os\"\n\t\"path/filepath\"\n", testOf("Shaky", fmt.Sprintf(onceIn, "b")))}
	for name, content := range calculator {
		base[name] = content
	}
	r := newRepository(t, base, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
	receipt, err := r.prove(t, nil)
	if err != nil || !receipt.Proven || !receipt.warns("other.TestShaky") {
		t.Errorf("proven %v, warnings %v, error %v", receipt.Proven, receipt.Warnings, err)
	}
}

func TestATestElsewhereThatFailsTwiceByChanceIsForgivenToo(t *testing.T) {
	base := maps.Clone(calculator)
	base["other/other_test.go"] = goTests("other", "\t\"os\"\n", testOf("Chance", `name := os.Getenv("KEPT") + "/failed"
	seen, _ := os.ReadFile(name)
	if _, err := os.Stat("../sum/negative_test.go"); err == nil && len(seen) < 2 {
		_ = os.WriteFile(name, append(seen, '.'), 0o600)
		t.Fatal("by chance")
	}`))
	r := newRepository(t, base, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
	receipt, err := r.prove(t, nil)
	if err != nil || !receipt.Proven || !receipt.warns("other.TestChance") || receipt.Suite.Passed {
		t.Errorf("proven %v, warnings %q, refusals %v, error %v", receipt.Proven, receipt.Warnings, receipt.Refusals, err)
	}
}

func TestATestOfWhatTheChangeAltersIsNotForgivenForPassingTheThirdTime(t *testing.T) {
	t.Parallel()
	base := maps.Clone(calculator)
	base["other/other_test.go"] = goTests("other", "\t\"os\"\n\n\t_ \"example.com/calc/sum\"\n", testOf("Chance", `name := os.Getenv("KEPT") + "/failed"
	seen, _ := os.ReadFile(name)
	if _, err := os.Stat("../sum/negative_test.go"); err == nil && len(seen) < 2 {
		_ = os.WriteFile(name, append(seen, '.'), 0o600)
		t.Fatal("now and then")
	}`))
	r := newRepository(t, base, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
	receipt, err := r.prove(t, nil)
	if err != nil || receipt.Proven || !slices.ContainsFunc(receipt.Refusals, func(f Refusal) bool { return f.Policy == PolicySuite }) {
		t.Errorf("proven %v, warnings %q, refusals %v, error %v", receipt.Proven, receipt.Warnings, receipt.Refusals, err)
	}
}

func TestASuiteThatReachesItsLimitGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	base := maps.Clone(calculator)
	base["other/other_test.go"] = goTests("other", "\t\"os\"\n\t\"time\"\n", testOf("Long", `name := os.Getenv("KEPT") + "/begun"
	if _, err := os.Stat(name); err != nil {
		_ = os.WriteFile(name, nil, 0o600)
		time.Sleep(time.Hour)
	}`))
	r := newRepository(t, base, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
	receipt, err := r.prove(t, func(r *Request) { r.Limits.Wall = 20 * time.Second })
	if err != nil || !receipt.Proven || !receipt.Suite.Passed {
		t.Errorf("proven %v, refusals %v, error %v", receipt.Proven, receipt.Refusals, err)
	}
}

func TestOfASuiteThatDoesNotEndWhatTheChangeCanReachIsRun(t *testing.T) {
	t.Parallel()
	base := maps.Clone(calculator)
	base["user/user_test.go"] = goTests("user", "\n\t\"example.com/calc/sum\"\n", testOf("Use", "if sum.Sum(1, 1) != 2 {\n\t\tt.Error(\"one and one\")\n\t}"))
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"} {
		base["far/"+name+"/far_test.go"] = goTests("far", "\t\"time\"\n", testOf("Long", "time.Sleep(time.Hour)"))
	}
	proven := files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)}
	broken := maps.Clone(proven)
	broken["sum/sum.go"] = strings.Replace(goodSum, "\treturn a + b", "\tif a == 1 {\n\t\treturn 1\n\t}\n\treturn a + b", 1)
	for want, change := range map[string]files{"": proven, PolicySuite: broken} {
		r := newRepository(t, base, change)
		receipt, err := r.prove(t, func(r *Request) { r.Limits.Wall = 15 * time.Second })
		_, refused := receipt.refusedFor(want)
		if err != nil || receipt.Proven != (want == "") || refused != (want != "") || receipt.Suite.Passed || !receipt.warns("with tests the 2 were run") {
			t.Errorf("want %q: proven %v, refusals %v, warnings %q, suite %+v, error %v", want, receipt.Proven, receipt.Refusals, receipt.Warnings, receipt.Suite, err)
		}
	}
}

func TestATestThatHangsOnTheBaseIsProof(t *testing.T) {
	t.Parallel()
	base := files{"go.mod": calculator["go.mod"], "lock/lock.go": "package lock\n\n// Wait waits.\nfunc Wait(done chan int) { <-done; <-done }\n"}
	r := newRepository(t, base, files{
		"lock/lock.go":      "package lock\n\n// Wait waits.\nfunc Wait(done chan int) { <-done }\n",
		"lock/lock_test.go": goTests("lock", "\t\"time\"\n", testOf("Wait", "go func() { time.Sleep(time.Hour) }() // else the runtime sees the deadlock\n\tdone := make(chan int, 1)\n\tdone <- 1\n\tWait(done)")),
	})
	receipt, err := r.prove(t, func(r *Request) { r.Patience = time.Second })
	want := []TestResult{{Name: "lock.TestWait", Base: Unfinished, Head: Passed, New: true, Tells: true}}
	if err != nil || !receipt.Proven || !slices.Equal(receipt.Tests, want) {
		t.Errorf("proven %v, tests %+v, error %v", receipt.Proven, receipt.Tests, err)
	}
}

func TestATestWithoutEndIsEndedAndRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   string
		limits process.Limits
		says   string
	}{
		"time":   {"select {}", process.Limits{Wall: 4 * time.Second, Grace: 100 * time.Millisecond}, "wall limit"},
		"output": {"for {\n\t\tprintln(\"0123456789012345678901234567890123456789\")\n\t}", process.Limits{Wall: time.Minute, Output: 1 << 20, Grace: 100 * time.Millisecond}, "output limit"},
	} {
		r := newRepository(t, calculator, files{
			"sum/sum.go":      goodSum,
			"sum/end_test.go": goTests("sum", "\t\"time\"\n", testOf("End", "go func() { time.Sleep(time.Hour) }()\n\t"+c.body)),
		})
		receipt, err := r.prove(t, func(r *Request) { r.Limits = c.limits })
		refusal, ok := receipt.refusedFor(PolicyFailOnHead)
		if err != nil || !ok || !strings.Contains(refusal.Detail, c.says) {
			t.Errorf("%s: refusals %v, error %v", name, receipt.Refusals, err)
		}
	}
}

func TestFaultsThatNoTestNoticesAreAWarning(t *testing.T) {
	t.Parallel()
	clamp := "package sum\n\n// Sum adds, at most to a hundred.\nfunc Sum(a, b int) int {\n\tif a+b > 100 {\n\t\treturn 100\n\t}\n\treturn a + b\n}\n"
	r := newRepository(t, calculator, files{"sum/sum.go": clamp, "sum/negative_test.go": goTests("sum", "", negative)})
	receipt, err := r.prove(t, func(r *Request) { r.Mutate = time.Minute })
	m := receipt.Mutations
	if err != nil || !receipt.Proven || m == nil || m.Tried < 4 || m.Caught == 0 || m.Caught+len(m.Survived) != m.Tried {
		t.Fatalf("mutations %+v, refusals %v, error %v", m, receipt.Refusals, err)
	}
	if !receipt.warns("sum/sum.go:6: `100` made `101`") || receipt.warns("sum.go:8: `a + b`") {
		t.Errorf("warnings %q", receipt.Warnings)
	}
	if receipt, err = r.prove(t, func(r *Request) { r.Mutate = time.Millisecond }); err != nil || !receipt.Proven || receipt.Mutations.Tried != 0 {
		t.Errorf("without a budget: mutations %+v, error %v", receipt.Mutations, err)
	}
}

func TestTestsThatAreRedWithoutTheChangeCannotTell(t *testing.T) {
	t.Parallel()
	base := files{"sum/red_test.go": goTests("sum", "", testOf("Red", "t.Fatal(\"red for months\")"))}
	for name, content := range calculator {
		base[name] = content
	}
	r := newRepository(t, base, files{"sum/sum.go": goodSum, "sum/red_test.go": goTests("sum", "", testOf("Red", "t.Log(Sum(1, 2))\n\tt.Fatal(\"red for months\")"))})
	receipt, err := r.prove(t, nil)
	if !errors.Is(err, ErrBaseRed) || receipt.Proven || len(receipt.Refusals) > 0 {
		t.Fatalf("error %v, refusals %v", err, receipt.Refusals)
	}
	if s := err.Error(); !strings.Contains(s, "sum.TestRed") || !strings.Contains(s, "red for months") {
		t.Errorf("the error does not say what is red: %s", s)
	}
}

func TestAProofWorksInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRepository(t, calculator, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
		request := r.request(t)
		request.Limits, request.Now = process.Limits{Wall: time.Hour}, time.Now
		receipt, err := Prove(t.Context(), request)
		if err != nil || !receipt.Proven || receipt.Seconds != 0 {
			t.Errorf("proven %v after %g virtual seconds, error %v", receipt.Proven, receipt.Seconds, err)
		}
	})
}
