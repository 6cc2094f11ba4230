package proof

import (
	"strings"
	"testing"
)

func TestPackagesOfHelpersAreNotToCheckLess(t *testing.T) {
	const source = "package check\n\nimport \"testing\"\n\n// Equal compares.\nfunc Equal(t *testing.T, got, want int) {\n\tt.Helper()\n\tif got != want {\n\t\tt.Fatal(got)\n\t}\n}\n\n// Set is none.\nfunc Set(n int) int { return n }\n"
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", "// Equal compares.", "// Equal is strict.", ""},
		{"no assertion", "\t\tt.Fatal(got)\n", "\t\tt.Log(got)\n", PolicyRemoved},
		{"looser", "got != want", "got > want", PolicyLoosened},
		{"skipped", "\tt.Helper()\n", "\tt.Skip()\n", PolicySkipped},
		{"more words", "t.Fatal(got)", "t.Fatal(got, want)", "a warning"},
		{"by another function", "\tif got != want {\n\t\tt.Fatal(got)\n\t}\n}\n", "\tSame(t, got, want)\n}\n\n// Same compares.\nfunc Same(t *testing.T, got, want int) {\n\tif got != want {\n\t\tt.Fatal(got)\n\t}\n}\n", "a warning"},
		{"another function of it", "return n }", "return n + 1 }", ""},
		{"renamed", "Equal(t", "Same(t", ""},
	} {
		p := &prover{change: pretend(files{"check/check.go": source}, files{"check/check.go": strings.Replace(source, c.old, c.new, 1)}, reason)}
		p.judgeHelpers()
		got := ""
		for range p.receipt.Warnings {
			got = "a warning"
		}
		for _, r := range p.receipt.Refusals {
			got = r.Policy
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPackagesOfHelpersMayCompareAsAWholeWhatTheyComparedInParts(t *testing.T) {
	const head = "package check\n\nimport (\n\t\"reflect\"\n\t\"testing\"\n)\n\ntype pair struct{ a, b, c int }\n\n"
	const parts = head + "func Same(t *testing.T, got, want pair) {\n\tif got.a != want.a {\n\t\tt.Error(got)\n\t}\n\tif got.b != want.b {\n\t\tt.Error(got)\n\t}\n\tif got.c != want.c {\n\t\tt.Error(got)\n\t}\n}\n"
	for _, c := range []struct {
		body    string
		refused bool
	}{
		{"\tif !reflect.DeepEqual(got, want) {\n\t\tt.Error(got)\n\t}\n", false},
		{"\tassert.Equal(t, want, got)\n", false},
		{"\tif diff := cmp.Diff(want, got); diff != \"\" {\n\t\tt.Error(diff)\n\t}\n", false},
		{"\tif !reflect.DeepEqual(got.a, want.a) {\n\t\tt.Error(got)\n\t}\n", true},
		{"\tif diff := cmp.Diff(want, got, ignoreAll); diff != \"\" {\n\t\tt.Error(diff)\n\t}\n", true},
		{"\tif !reflect.DeepEqual(got, got) {\n\t\tt.Error(got)\n\t}\n", true},
		{"\treflect.DeepEqual(got, want)\n", true},
		{"\tt.Skip()\n\tassert.Equal(t, want, got)\n", true},
	} {
		p := &prover{change: pretend(files{"check/check.go": parts}, files{"check/check.go": head + "func Same(t *testing.T, got, want pair) {\n" + c.body + "}\n"}, reason)}
		if p.judgeHelpers(); (len(p.receipt.Refusals) > 0) != c.refused {
			t.Errorf("%s: %v", c.body, p.receipt.Refusals)
		}
	}
}

func TestPackagesOfHelpersMayHandOnToANewOne(t *testing.T) {
	const head = "package check\n\nimport \"testing\"\n\n"
	const body = "\tif got == \"\" {\n\t\tt.Error(got)\n\t}\n\tif got != want {\n\t\tt.Error(got)\n\t}\n}\n"
	base := files{"check/check.go": head + "func Same(t *testing.T, got, want string) {\n" + body}
	const handing = head + "func Same(t *testing.T, got, want string) {\n\tgolden.Assert(t, got, want)\n}\n"
	for _, c := range []struct {
		name    string
		changes files
		refused bool
	}{
		{"to one that checks as much", files{"check/check.go": handing, "golden/golden.go": "package golden\n\nimport \"testing\"\n\nfunc Assert(t *testing.T, got, want string) {\n" + body}, false},
		{"to one that checks nothing", files{"check/check.go": handing, "golden/golden.go": "package golden\n\nimport \"testing\"\n\nfunc Assert(t *testing.T, got, want string) {}\n"}, true},
		{"to none", files{"check/check.go": head + "func Same(t *testing.T, got, want string) {}\n", "golden/golden.go": "package golden\n\nimport \"testing\"\n\nfunc Assert(t *testing.T, got, want string) {\n" + body}, true},
	} {
		p := &prover{change: pretend(base, c.changes, reason)}
		if p.judgeHelpers(); (len(p.receipt.Refusals) > 0) != c.refused {
			t.Errorf("%s: %v", c.name, p.receipt.Refusals)
		}
	}
}
