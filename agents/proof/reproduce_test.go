package proof

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// reproduce runs one reproduction on the head of a repository whose head is the calculator with its bug.
func (r *repository) reproduce(t *testing.T, edit func(*Request), laid files) (failed bool, output string, err error) {
	t.Helper()
	request := r.request(t)
	if edit != nil {
		edit(&request)
	}
	var log bytes.Buffer
	request.Log = &log
	contents := map[string][]byte{}
	for name, content := range laid {
		contents[name] = []byte(content)
	}
	failed, output, err = Reproduce(context.WithoutCancel(t.Context()), request, contents)
	if entries, e := os.ReadDir(request.Dir); e == nil && len(entries) > 0 {
		t.Errorf("left behind in the work folder: %v", entries)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("failed %v, output %q, error %v\nlog:\n%s", failed, output, err, log.String())
		}
	})
	return failed, output, err
}

func TestAReproductionTellsABugFromAFalseAlarm(t *testing.T) {
	t.Parallel()
	r := newRepository(t, calculator, files{"sum/extra.go": "package sum\n\n// Twice doubles.\nfunc Twice(a int) int { return Sum(a, a) }\n"})
	for _, row := range []struct {
		name   string
		body   string
		failed bool
		says   string // in the output, or in the error
		untold bool
	}{
		{"a real bug", `if got := Twice(-2); got != -4 { t.Fatalf("Twice(-2) = %d", got) }`, true, "Twice(-2) = -2", false},
		{"a false alarm", `if got := Twice(2); got != 4 { t.Fatal(got) }`, false, "", false},
		{"one that never ends", `select {}`, true, "", false},
		{"one that does not compile", `Thrice(1)`, false, "does not compile: ", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			failed, output, err := r.reproduce(t, func(r *Request) { r.Patience = time.Second }, files{"sum/twice_test.go": goTests("sum", "", testOf("Twice", row.body))})
			said := output
			if row.untold {
				if err == nil {
					t.Fatal("it could be told")
				}
				said = err.Error()
			} else if err != nil {
				t.Fatal(err)
			}
			if failed != row.failed || !strings.Contains(said, row.says) {
				t.Errorf("failed %v and %q, want %v and %q", failed, said, row.failed, row.says)
			}
		})
	}
}

func TestWhatARunSaysOfAReproduction(t *testing.T) {
	ours, other := test{"sum", "TestTwice"}, test{"sum", "TestSum"}
	p := plan{named: true, decides: func(t test) bool { return t.top() == ours }}
	for _, row := range []struct {
		name   string
		run    func(*results)
		failed bool
		says   string // in the error; "" wants none
	}{
		{"it fails", func(r *results) { r.tests[ours], r.output[ours] = Failed, "got 2" }, true, ""},
		{"a subtest fails", func(r *results) { r.tests[test{"sum", "TestTwice/two"}] = Failed }, true, ""},
		{"it does not end", func(r *results) { r.tests[ours] = Unfinished }, true, ""},
		{"it passes", func(r *results) { r.tests[ours] = Passed }, false, ""},
		{"it passes while another test fails", func(r *results) { r.tests[ours], r.tests[other] = Passed, Failed }, false, ""},
		{"it is skipped", func(r *results) { r.tests[ours] = Skipped }, false, "none of its tests was run"},
		{"another test fails and it does not run", func(r *results) { r.tests[other] = Failed }, false, "none of its tests was run"},
		{"it does not compile", func(r *results) { r.broken["sum"] = "undefined: Thrice" }, false, "does not compile: undefined"},
		{"its TestMain gives up", func(r *results) { r.crashed["sum"] = "exit status 1" }, false, "outside of its tests"},
		{"it lacks a network", func(r *results) { r.tests[ours], r.output[ours] = Failed, "lookup x: no such host" }, false, "no such host"},
	} {
		r := newResults()
		row.run(&r)
		failed, _, err := p.reproduced(r)
		if failed != row.failed || (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: failed %v, error %v; want %v, %q", row.name, failed, err, row.failed, row.says)
		}
	}
}

func TestAReproductionWithAWholeTestCommandNeedsItToPassWithoutTheFiles(t *testing.T) {
	t.Parallel()
	shell := files{"total.sh": "total() { echo 1; }\n", "tests/empty_test.sh": ". ./total.sh\n[ -n \"$(total)\" ]\n",
		"run.sh": "for t in tests/*_test.sh; do sh \"$t\" || { echo \"FAIL $t\"; exit 1; }; done\n"}
	r := newRepository(t, shell, files{"doc.md": "words\n"})
	command := func(args ...string) func(*Request) { return func(r *Request) { r.Test = args } }
	laid := func(body string) files { return files{"tests/sum_test.sh": ". ./total.sh\n" + body} }
	if failed, output, err := r.reproduce(t, command("sh", "run.sh"), laid("[ \"$(total 2 3)\" = 5 ]\n")); err != nil || !failed || !strings.Contains(output, "FAIL tests/sum_test.sh") {
		t.Errorf("%v %q %v, want a failure", failed, output, err)
	}
	if failed, _, err := r.reproduce(t, command("sh", "run.sh"), laid("[ \"$(total 2 3)\" = 1 ]\n")); err != nil || failed {
		t.Errorf("%v %v, want a pass", failed, err)
	}
	if _, _, err := r.reproduce(t, command("false"), laid("exit 1\n")); err == nil || !strings.Contains(err.Error(), "fails without the files as well") {
		t.Errorf("error %v", err)
	}
	if _, _, err := r.reproduce(t, command("no-such-tool-here"), laid("exit 1\n")); !errors.Is(err, ErrNoTool) {
		t.Errorf("error %v, want ErrNoTool", err)
	}
}

func TestAReproductionMayLayNothingButNewTests(t *testing.T) {
	t.Parallel()
	r := newRepository(t, calculator, files{"doc.md": "words\n"})
	test := goTests("sum", "", negative)
	for name, row := range map[string]struct {
		laid files
		says string
	}{
		"code":              {files{"sum/sum.go": badSum}, "not a test by its name"},
		"a test that is":    {files{"sum/sum_test.go": test}, "would take the place"},
		"below a file":      {files{"sum/sum.go/x_test.go": test}, "would take the place"},
		"outside":           {files{"../x_test.go": test}, "no path"},
		"absolute":          {files{"/tmp/x_test.go": test}, "no path"},
		"protected":         {files{".github/x_test.go": test}, "protected"},
		"data alone":        {files{"sum/testdata/x.txt": "x"}, "no test among"},
		"nothing":           {files{}, "0 files"},
		"of the repository": {files{".git/hooks/x_test.sh": test}, "not a test by its name"},
	} {
		if _, _, err := r.reproduce(t, nil, row.laid); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, row.says)
		}
	}
	if _, _, err := Reproduce(t.Context(), Request{}, nil); err == nil {
		t.Error("a request without a mirror was run")
	}
}
