package proof

import (
	"slices"
	"strings"
	"testing"
)

func TestSpecsThatAreGoneAreToldFromThoseThatStandElsewhere(t *testing.T) {
	const text = "package a\n\nimport . \"example.com/ginkgo/v2\"\n\nvar _ = Describe(\"x\", func() {\n\tIt(\"keeps\", func() {\n\t\tExpect(Abs(33)).To(Equal(33))\n\t})\n\tIt(\"turns\", func() {\n\t\tExpect(Neg(44)).To(Equal(-44))\n\t})\n\tDescribeTable(\"many\", func(a, b int) {\n\t\tExpect(Abs(a)).To(Equal(b))\n\t},\n\t\tEntry(\"one\", 11, 11),\n\t\tEntry(\"two\", 22, 22),\n\t)\n})\n"
	turns := text[strings.Index(text, "\tIt(\"turns\""):strings.Index(text, "\tDescribeTable")]
	base := files{"a.go": "package a\n\nfunc Abs(n int) int { return n }\n\nfunc Neg(n int) int { return -n }\n", "a_test.go": text}
	for _, c := range []struct {
		name    string
		changes files
		want    string // with "?" for one that seems to go on
	}{
		{"deleted", files{"a_test.go": strings.Replace(text, turns, "", 1)}, "turns"},
		{"its file deleted", files{"a_test.go": ""}, "keeps turns many one two"},
		{"moved", files{"a_test.go": strings.Replace(text, turns, "", 1), "b_test.go": "package a\n\nimport . \"example.com/ginkgo/v2\"\n\nvar _ = Describe(\"y\", func() {\n\tContext(\"z\", func() {\n" + turns + "\t})\n})\n"}, ""},
		{"renamed", files{"a_test.go": strings.Replace(text, "turns", "turns round", 1)}, "turns?"},
		{"another of the same things", files{"a_test.go": strings.Replace(text, turns, strings.NewReplacer("turns", "differs", "44", "55").Replace(turns), 1)}, "turns"},
		{"deleted with its subject", files{"a_test.go": strings.Replace(text, turns, "", 1), "a.go": "package a\n\nfunc Abs(n int) int { return n }\n"}, ""},
		{"emptied", files{"a_test.go": strings.Replace(text, "\t\tExpect(Neg(44)).To(Equal(-44))\n", "", 1)}, "turns"},
		{"asking for more", files{"a_test.go": strings.Replace(text, "Equal(-44))\n", "Equal(-44))\n\t\tExpect(Neg(1)).To(Equal(-1))\n", 1)}, ""},
		{"a row deleted", files{"a_test.go": strings.Replace(text, "\t\tEntry(\"two\", 22, 22),\n", "", 1)}, "two"},
		{"a row renamed", files{"a_test.go": strings.Replace(text, "\"two\"", "\"three\"", 1)}, ""},
		{"a row for a spec", files{"a_test.go": strings.Replace(strings.Replace(text, turns, "", 1), "\t)\n", "\t\tEntry(\"more\", -44, 44),\n\t)\n", 1)}, "turns"},
	} {
		var got []string
		for _, l := range pretend(base, c.changes, "").lostSpecs() {
			mark := ""
			if l.goesOn != "" {
				mark = "?"
			}
			got = append(got, l.text+mark)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
		}
	}
	if found := specsIn("a_test.go", []byte(strings.Replace(text, "example.com/ginkgo", "example.com/own", 1))); len(found) > 0 {
		t.Errorf("specs of another package's words: %v", found)
	}
	if !slices.ContainsFunc(specsIn("a_test.go", []byte(text)), func(s spec) bool { return s.text == "one" && s.table == "many" }) {
		t.Error("a row does not know its table")
	}
}
