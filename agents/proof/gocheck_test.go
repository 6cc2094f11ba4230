package proof

import "testing"

func TestMethodsThatRunUnnamedBelongToTheTestThatRunsTheirSuite(t *testing.T) {
	const (
		imports = "package p\n\nimport (\n\t\"testing\"\n\n\tcheck \"gopkg.in/check.v1\"\n)\n\n"
		runner  = "func TestAll(t *testing.T) { check.TestingT(t) }\n\nfunc TestOther(t *testing.T) {}\n\n"
		suite   = "type S struct{}\n\nfunc (s *S) TestX(c *check.C) {}\n\n"
		handed  = "var _ = check.Suite(&S{})\n"
	)
	for name, c := range map[string]struct {
		content, declared string
		want              string
	}{
		"run":                   {imports + runner + suite + handed, "S.TestX", "TestAll"},
		"handed to nothing":     {imports + runner + suite, "S.TestX", ""},
		"another one is handed": {imports + runner + suite + "var _ = check.Suite(&R{})\n", "S.TestX", ""},
		"run by nothing":        {imports + suite + handed, "S.TestX", ""},
		"no method":             {imports + runner + suite + handed, "TestOther", ""},
		"a helper":              {imports + runner + suite + handed, "S.helper", ""},
		"of another package":    {"package p\n\n" + runner + suite + handed, "S.TestX", ""},
	} {
		got := ""
		for _, runner := range pretend(files{}, files{"p_test.go": c.content}, reason).runnersOf(test{"", c.declared}) {
			got += runner.name
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
