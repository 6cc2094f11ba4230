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
