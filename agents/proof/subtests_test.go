package proof

import (
	"strings"
	"testing"
)

// ranAs are results of the named tests of a group: "TestA!" has failed, "TestA~" was skipped, the others passed.
func ranAs(group, names string) results {
	r := newResults()
	for _, name := range strings.Fields(names) {
		status := Passed
		if rest, failed := strings.CutSuffix(name, "!"); failed {
			name, status = rest, Failed
		} else if rest, skipped := strings.CutSuffix(name, "~"); skipped {
			name, status = rest, Skipped
		}
		r.tests[test{group, name}] = status
	}
	return r
}

func TestSubtestsThatVanishAreToldFromThoseWithOtherNames(t *testing.T) {
	for _, c := range []struct{ name, clean, head, lost string }{
		{"all there", "TestA TestA/a TestA/b", "TestA TestA/a TestA/b TestA/c", ""},
		{"one is gone", "TestA TestA/a TestA/b", "TestA TestA/a", "TestA/b"},
		{"other names", "TestA TestA/a TestA/b", "TestA TestA/c TestA/d", ""},
		{"fewer, under other names", "TestA TestA/a TestA/b TestA/c", "TestA TestA/d TestA/e", "TestA/a TestA/b TestA/c"},
		{"moved to another test", "TestA TestA/a TestA/b", "TestA TestA/a TestB TestB/b", ""},
		{"the one around them has another name, and one is gone", "TestA TestA/x/a TestA/x/b TestA/x/c", "TestA TestA/y/a TestA/y/b", "TestA/x/c"},
		{"the one around them has another name", "TestA TestA/x/a TestA/x/b", "TestA TestA/y/a TestA/y/b", ""},
		{"one of two by one name is gone", "TestA TestA/x/a TestA/y/a TestA/y/b", "TestA TestA/z/a TestA/y/b", "TestA/y/a"},
		{"it failed before", "TestA TestA/a TestA/b!", "TestA TestA/a", ""},
		{"its test fails", "TestA TestA/a TestA/b", "TestA! TestA/a!", ""},
		{"its test is gone", "TestA TestA/a TestA/b", "", ""},
		{"further in", "TestA TestA/a TestA/a/x TestA/a/y", "TestA TestA/a TestA/a/x", "TestA/a/y"},
	} {
		var lost []string
		for _, l := range vanished(ranAs("p", c.clean), ranAs("p", c.head)) {
			for _, t := range l.lost {
				lost = append(lost, t.name)
			}
		}
		if got := strings.Join(lost, " "); got != c.lost {
			t.Errorf("%s: %q, want %q", c.name, got, c.lost)
		}
	}
}

func TestSubtestsAreOnlyInDoubtWhereTheChangeMayKeepThemFromRunning(t *testing.T) {
	const rows = "package a\n\nimport \"testing\"\n\nvar shared = []string{\"x\"}\n\nfunc each() []string { return shared }\n\nfunc TestA(t *testing.T) {\n\tfor _, c := range []struct{ in string }{\n\t\t{\"a\"},\n\t} {\n\t\tt.Run(c.in, func(t *testing.T) {})\n\t}\n}\n\nfunc TestB(t *testing.T) {\n\tfor _, s := range each() {\n\t\tt.Run(s, func(t *testing.T) {})\n\t}\n}\n"
	base := files{"a.go": "package a\n", "a_test.go": rows, "testdata/a.txt": "1\n2\n"}
	for _, c := range []struct {
		name    string
		changes files
		want    string
	}{
		{"a row more", files{"a_test.go": strings.Replace(rows, "\t\t{\"a\"},\n", "\t\t{\"a\"},\n\t\t{\"b\"},\n", 1)}, ""},
		{"a test more", files{"a_test.go": rows + "\nfunc TestC(t *testing.T) {\n\tif 1 > 2 {\n\t\tt.Fatal()\n\t}\n}\n"}, ""},
		{"a filter", files{"a_test.go": strings.Replace(rows, "\t\tt.Run(c", "\t\tif c.in > \"a\" {\n\t\t\tcontinue\n\t\t}\n\t\tt.Run(c", 1)}, "TestA"},
		{"a filter in a helper", files{"a_test.go": strings.Replace(rows, "{ return shared }", "{ return shared[1:] }", 1)}, "TestA TestB"},
		{"a start of its own", files{"b_test.go": "package a\n\nfunc init() { shared = nil }\n"}, "TestA TestB"},
		{"a variable that nobody reads", files{"b_test.go": "package a\n\nvar _ = func() bool { shared = nil; return true }()\n"}, "TestA TestB"},
		{"a helper more", files{"b_test.go": "package a\n\nfunc more() []string { return shared[:1] }\n"}, ""},
		{"data less", files{"testdata/a.txt": "1\n"}, "TestA TestB"},
		{"data more", files{"testdata/b.txt": "1\n"}, ""},
		{"no subtests", files{"a_test.go": strings.ReplaceAll(rows, "t.Run(", "see("), "testdata/a.txt": "1\n"}, "TestA TestB"},
	} {
		changed := pretend(base, c.changes, "")
		var got []string
		for _, t := range sortedTests(changed.mayLoseSubtests(newResults(), goTestChanges(changed, nil))) {
			got = append(got, t.name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
		}
	}
	const plain, handed = "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) { see(t) }\n\nfunc see(t *testing.T) { t.Log() }\n\nfunc TestB(t *testing.T) { each(t) }\n\nfunc each(t *testing.T) { t.Run(\"a\", see) }\n",
		"package a\n\nimport (\n\t\"testing\"\n\n\t\"example.com/a/cases\"\n)\n\nfunc TestA(t *testing.T) { cases.Each(t) }\n\nfunc TestB(t *testing.T) { t.Log() }\n"
	for _, c := range []struct{ name, tests, cases, want string }{
		{"one of two has subtests", plain, "", "TestB"},
		{"none has", strings.ReplaceAll(plain, "t.Run(", "look("), "", ""},
		{"a package runs them for it", handed, "package cases\n\nimport \"testing\"\n\nfunc Each(t *testing.T) { t.Run(\"a\", func(t *testing.T) {}) }\n", "TestA"},
		{"a package of another repository tests for it", strings.Replace(plain, "t.Log()", "nettest.TestConn(t, nil)", 1), "", "TestA TestB"},
		{"a package checks for it", handed, "package cases\n\nimport \"testing\"\n\nfunc Each(t *testing.T) { t.Log() }\n", ""},
	} {
		changed := pretend(files{"go.mod": "module example.com/a\n", "a.go": "package a\n", "a_test.go": c.tests, "cases/cases.go": c.cases, "testdata/a.txt": "1\n2\n"}, files{"testdata/a.txt": "1\n"}, "")
		var got []string
		for _, t := range sortedTests(changed.mayLoseSubtests(newResults(), goTestChanges(changed, nil))) {
			got = append(got, t.name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
		}
	}
}
