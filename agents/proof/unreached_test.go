package proof

import (
	"strings"
	"testing"
)

func TestAChangeOfBodiesAloneIsToldFromOneThatTestsCanSeeOtherwise(t *testing.T) {
	const source = "package a\n\nimport \"fmt\"\n\nconst limit = 3\n\ntype Shape interface{ Area() int }\n\ntype box struct{ side int }\n\n// Area is.\nfunc (b box) Area() int {\n\treturn b.side\n}\n\nfunc print() {\n\tfmt.Println(limit)\n}\n"
	edit := func(pairs ...string) files { return files{"a.go": strings.NewReplacer(pairs...).Replace(source)} }
	for _, c := range []struct {
		name    string
		changes files
		want    bool
		altered string
	}{
		{"a body", edit("return b.side", "return b.side * b.side"), true, "box.Area"},
		{"a comment", edit("// Area is.", "// Area is it."), true, ""},
		{"a function more", edit("func print", "func more() int {\n\treturn 1\n}\n\nfunc print"), true, "more"},
		{"a function that does nothing", edit("func print", "func more() {}\n\nfunc print"), true, ""},
		{"a function less", edit("func print() {\n\tfmt.Println(limit)\n}\n", "", "import \"fmt\"\n\n", ""), false, ""},
		{"a function of another name", edit("print()", "show()"), false, "show"},
		{"a constant", edit("limit = 3", "limit = 4"), false, ""},
		{"an interface", edit("Area() int }\n\ntype box", "Area() int; Side() int }\n\ntype box"), true, ""},
		{"a type", edit("struct{ side int }", "struct{ side int64 }"), false, ""},
		{"an import", edit("import \"fmt\"", "import (\n\t\"fmt\"\n)"), true, ""},
		{"data beside it", files{"a.go": edit("return b.side", "return 2 * b.side")["a.go"], "a.json": "{}\n"}, false, "box.Area"},
		{"a test beside it", files{"a.go": edit("return b.side", "return 2 * b.side")["a.go"], "a_test.go": "package a\n\nvar x = 1\n"}, true, "box.Area"},
		{"what others wrote", files{"vendor/b/b.go": "package b\n\nfunc B() int {\n\treturn 1\n}\n"}, false, ""},
		{"dependencies", files{"go.mod": "module a\n\ngo 1.24\n"}, false, ""},
		{"a file less", files{"b.go": ""}, false, ""},
	} {
		changed := pretend(files{"a.go": source, "b.go": "package a\n\nfunc b() {}\n", "go.mod": "module a\n"}, c.changes, reason)
		if got := changed.altersBodiesAlone(); got != c.want {
			t.Errorf("%s: bodies alone %v, want %v", c.name, got, c.want)
		}
		var names []string
		for _, a := range changed.alteredFunctions(nil) {
			names = append(names, a.name)
		}
		if got := strings.Join(names, " "); got != c.altered {
			t.Errorf("%s: altered %q, want %q", c.name, got, c.altered)
		}
	}
}

func TestWhatTestsRunInOtherProgramsIsNotKnown(t *testing.T) {
	const test1 = "package a\n\nimport (\n\t\"testing\"\n\n\t\"m/clitest\"\n)\n\nfunc TestA(t *testing.T) { clitest.Run(t) }\n"
	helper := func(imports string) string {
		return "package clitest\n\nimport (\n\t" + imports + "\n\t\"testing\"\n)\n\nfunc Run(t *testing.T) {}\n"
	}
	base := files{"go.mod": "module m\n", "a/a.go": "package a\n\nimport _ \"m/b\"\n", "a/a_test.go": test1, "b/b.go": "package b\n", "clitest/run.go": helper(`"fmt"`), "sub/go.mod": "module m/sub\n", "sub/s.go": "package s\n"}
	in := test{"a", "TestA"}
	for _, c := range []struct {
		name, altered string
		linked        bool
		changes       files
		want          bool
	}{
		{"in its own program", "a/a.go", true, nil, false},
		{"a helper that starts programs", "a/a.go", true, files{"clitest/run.go": helper(`"os/exec"`)}, true},
		{"a package that starts programs", "a/a.go", true, files{"b/b.go": "package b\n\nimport \"os/exec\"\n"}, false},
		{"the same, of functions elsewhere", "x/x.go", false, files{"b/b.go": "package b\n\nimport \"os/exec\"\n"}, true},
		{"functions elsewhere", "x/x.go", false, nil, false},
		{"itself", "a/a.go", true, files{"a/a_test.go": "package a\n\nimport (\n\t\"os/exec\"\n\t\"testing\"\n)\n\nfunc TestA(t *testing.T) { exec.Command(\"x\") }\n"}, true},
		{"another module", "sub/s.go", true, nil, true},
	} {
		changed := pretend(base, c.changes, reason)
		run := &coverage{files: map[string]bool{}}
		if c.linked {
			run.files[c.altered] = true
		}
		if got := changed.mayRunElsewhere([]alteredFunction{{file: c.altered}}, []test{in}, run); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTestsThatOnlyCallWhatIsNewAreNamed(t *testing.T) {
	const source = "package a\n\nimport \"testing\"\n\nfunc TestCalls(t *testing.T) {\n\tNew()\n}\n\nfunc TestChecks(t *testing.T) {\n\tif New() != 1 {\n\t\tt.Fatal()\n\t}\n}\n\nfunc TestHelped(t *testing.T) {\n\tcheck(t, New())\n}\n"
	changes := goTestChanges(pretend(files{"a.go": "package a\n"}, files{"a_test.go": source}, reason), nil)
	for _, c := range []struct{ tells, base, want string }{
		{"TestCalls", Uncompiled, "TestCalls"},
		{"TestCalls", Failed, ""},
		{"TestChecks", Uncompiled, ""},
		{"TestHelped", Uncompiled, ""},
		{"TestCalls TestChecks", Uncompiled, ""},
		{"", Uncompiled, ""},
	} {
		s := sides{base: newResults()}
		for _, name := range strings.Fields(c.tells) {
			s.tells = append(s.tells, test{"", name})
			s.base.tests[test{"", name}] = c.base
		}
		var got []string
		for _, t := range s.assertNothing(changes) {
			got = append(got, t.name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s, %s on the base: %v, want %q", c.tells, c.base, got, c.want)
		}
	}
}
