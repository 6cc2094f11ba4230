package proof

import (
	"strings"
	"testing"
)

func TestWhatATestCommandDoesIsReadFromItsFiles(t *testing.T) {
	const makefile = "RUN = sh\nOTHER := 1\n\nall: build\n\nbuild:\n\tcc a.c\n\ntest: build tools\n\t$(RUN) tests/a.sh\n\ntools:\n\t./get\n\nclean:\n\trm -f x\n"
	manifest := func(scripts string) string { return "{\"name\": \"x\", \"scripts\": {" + scripts + "}}" }
	for _, c := range []struct {
		name, command, path, before, after string
		altered                            bool
	}{
		{"the target", "make test", "Makefile", makefile, strings.Replace(makefile, "\t$(RUN) tests/a.sh", "\ttrue", 1), true},
		{"a variable of it", "make -s test", "Makefile", makefile, strings.Replace(makefile, "RUN = sh", "RUN = true", 1), true},
		{"what it needs", "make test", "Makefile", makefile, strings.Replace(makefile, "\t./get", "\ttrue", 1), true},
		{"another target", "make test", "Makefile", makefile, strings.Replace(makefile, "rm -f x", "rm -f x y", 1), false},
		{"another variable", "make test", "Makefile", makefile, strings.Replace(makefile, "OTHER := 1", "OTHER := 2", 1), false},
		{"the first target", "make", "Makefile", makefile, strings.Replace(makefile, "cc a.c", "cc b.c", 1), true},
		{"not the first target", "make", "Makefile", makefile, strings.Replace(makefile, "\t./get", "\ttrue", 1), false},
		{"the script of a package", "npm test --silent", "package.json", manifest(`"test": "node --test"`), manifest(`"test": "node --test a.js"`), true},
		{"what runs before it", "npm test", "package.json", manifest(`"test": "x"`), manifest(`"test": "x", "pretest": "y"`), true},
		{"another script", "npm test", "package.json", manifest(`"test": "x"`), manifest(`"test": "x", "lint": "y"`), false},
		{"the program", "./check.sh -v", "check.sh", "sh a\n", "true\n", true},
		{"a program that is new", "./check.sh", "check.sh", "", "true\n", false},
		{"a test that is run", "sh tests/check.sh", "tests/check.sh", "sh a\n", "true\n", false},
		{"a tool that tells its tests", "go test ./...", "Makefile", makefile, "test:\n\ttrue\n", false},
	} {
		base := files{}
		if c.before != "" {
			base[c.path] = c.before
		}
		p := &prover{change: pretend(base, files{c.path: c.after}, reason)}
		p.judgeCommand(strings.Fields(c.command))
		if got := len(p.receipt.Refusals) > 0; got != c.altered {
			t.Errorf("%s: refused %v, want %v", c.name, got, c.altered)
		}
	}
}

func TestSettingsOfATestRunnerAreKnown(t *testing.T) {
	for _, c := range []struct {
		path, before, after string
		want                bool
	}{
		{"pytest.ini", "[pytest]\n", "[pytest]\naddopts = -k a\n", true},
		{"tests/conftest.py", "", "collect_ignore = []\n", true},
		{"vitest.config.ts", "export default {}\n", "export default { test: {} }\n", true},
		{"pyproject.toml", "[project]\nversion = \"1\"\n", "[project]\nversion = \"2\"\n", false},
		{"pyproject.toml", "[project]\n", "[project]\n[tool.pytest.ini_options]\n", true},
		{"package.json", "{\n  \"version\": \"1\"\n}\n", "{\n  \"version\": \"2\"\n}\n", false},
		{"package.json", "{\n}\n", "{\n  \"jest\": {}\n}\n", true},
		{"src/config.js", "", "export default {}\n", false},
	} {
		base := files{}
		if c.before != "" {
			base[c.path] = c.before
		}
		if got := pretend(base, files{c.path: c.after}, reason).altersSettings(); got != c.want {
			t.Errorf("%s: %v, want %v", c.path, got, c.want)
		}
	}
}

func TestTestsThatSettingsGiveOtherParametersAreAskedStill(t *testing.T) {
	for _, c := range []struct{ name, clean, suite, gone string }{
		{"all there", "test_a test_b", "test_a test_b", ""},
		{"one is gone", "test_a test_b", "test_b", "test_a"},
		{"one is skipped", "test_a", "test_a~", "test_a"},
		{"parameters come", "test_a", "test_a[asyncio] test_a[trio]", ""},
		{"other parameters", "test_a[x] test_a[y]", "test_a[x-1] test_a[y-1]", ""},
		{"fewer parameters", "test_a[x] test_a[y]", "test_a[x]", "test_a[y]"},
		{"skipped under other parameters", "test_a", "test_a[x]~", "test_a"},
	} {
		var gone []string
		for _, found := range unasked(ranAs("a_test.py", c.clean), ranAs("a_test.py", c.suite)) {
			gone = append(gone, found.name)
		}
		if got := strings.Join(gone, " "); got != c.gone {
			t.Errorf("%s: %q, want %q", c.name, got, c.gone)
		}
	}
}
