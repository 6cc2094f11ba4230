package proof

import "testing"

func TestAFunctionThatOnlyCallsAnotherHandsOnAllThatItIsGiven(t *testing.T) {
	for body, want := range map[string]string{
		"func F(a, b int) int { return G(a, b) }":                "G",
		"func F(a, b int) int { return pkg.G(nil, a, b, true) }": "G",
		"func F(a int) { G(a) }":                                 "G",
		"func F() int { return G() }":                            "G",
		"func F(a, b int) int { return G(b, a) }":                "",
		"func F(a, b int) int { return G(a) }":                   "",
		"func F(a int) int { return G(a) + 1 }":                  "",
		"func F(a int) int { a++; return G(a) }":                 "",
		"func F(a int) int { return F(a) }":                      "",
		"func F(a int) (int, error) { return G(a), nil }":        "",
		"func F(a int) int { G(a); return 1 }":                   "",
		"func F(a int)":                                          "",
	} {
		f, ok := parseGo([]byte("package a\n\n" + body + "\n"))
		if !ok {
			t.Fatal(body)
		}
		if got := handsOn(f.funcs[0].node); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
