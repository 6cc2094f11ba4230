package proof

import (
	"fmt"
	"strings"
	"testing"
)

func TestOfASuiteThatIsTooLongThePackagesAreRunThatTheChangeReaches(t *testing.T) {
	base := files{
		"go.mod": "module example.com/m\n", "a/a.go": "package a\n", "a/a_test.go": "package a\n",
		"b/b.go": "package b\n\nimport _ \"example.com/m/a\"\n", "b/b_test.go": "package b\n",
		"c/c.go": "package c\n", "c/c_test.go": "package c\n\nimport _ \"example.com/m/b\"\n",
		"d/d.go": "package d\n", "d/d_test.go": "package d\n", "_e/e_test.go": "package e\n",
		"n/go.mod": "module example.com/m/n\n", "n/n_test.go": "package n\n\nimport _ \"example.com/m/a\"\n",
	}
	for _, c := range []struct {
		suite   []string
		change  files
		failed  map[test]string
		want    string
		reached int
		all     int
	}{
		{[]string{"go", "test", "-race", "./..."}, files{"a/a.go": "package a\n\nvar A int\n"}, nil, "go test -json -race ./a ./b ./c", 3, 4},
		{[]string{"go", "test", "./..."}, files{"d/d_test.go": "package d\n\nvar D int\n"}, map[test]string{{"b", "TestB"}: Unfinished}, "go test -json ./d", 1, 4},
		{[]string{"go", "test", "./..."}, files{"d/d_test.go": "package d\n\nvar D int\n"}, map[test]string{{"b", "TestB"}: Failed}, "go test -json ./b ./d", 2, 4},
		{[]string{"go", "test", "./..."}, files{"go.mod": "module example.com/m\n\ngo 1.24\n"}, nil, "go test -json ./a ./b ./c ./d", 4, 4},
		{[]string{"go", "test", "./a", "./b"}, files{"a/a.go": "package a\n\nvar A int\n"}, nil, "", 0, 0},
		{[]string{"make", "test"}, files{"a/a.go": "package a\n\nvar A int\n"}, nil, "", 0, 0},
	} {
		changed := pretend(base, c.change, "")
		commands, reached, all := changed.toReached(suiteOf(changed, c.suite), c.failed)
		var got []string
		for _, command := range commands {
			got = append(got, strings.Join(command.args, " "))
		}
		if strings.Join(got, " && ") != c.want || reached != c.reached || all != c.all {
			t.Errorf("%q: %q, %d of %d; want %q, %d of %d", c.suite, got, reached, all, c.want, c.reached, c.all)
		}
	}
}

// Of a hundred packages each imports the five before it: by way of all of them that is more than can be gone.
func TestWhatAPackageIsMadeOfIsLookedAtOnce(t *testing.T) {
	base := files{"go.mod": "module example.com/m\n"}
	for i := range 100 {
		var imports strings.Builder
		for j := max(i-5, 0); j < i; j++ {
			fmt.Fprintf(&imports, "import _ \"example.com/m/p%d\"\n", j)
		}
		base[fmt.Sprintf("p%d/p.go", i)] = "package p\n\n" + imports.String()
	}
	base["p99/p_test.go"] = "package p\n"
	folders, ok := pretend(base, files{"p0/p.go": "package p\n\nvar P int\n"}, "").madeOf("p99")
	if !ok || len(folders) != 100 || !folders["p0"] {
		t.Errorf("made of %d folders: %v", len(folders), folders)
	}
}
