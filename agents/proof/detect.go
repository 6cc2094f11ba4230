package proof

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// detect finds how the repository runs all of its tests. It looks at the base first: how the work is judged is not for the work to say.
func detect(c *change, basePaths []string) ([]string, error) {
	for _, side := range []struct {
		read  tree
		paths []string
	}{{c.base, basePaths}, {c.head, c.paths}} {
		if argv := detectIn(side.read, side.paths); argv != nil {
			return argv, nil
		}
	}
	return nil, fmt.Errorf("%w: there is no go.mod, no test script in package.json, no pytest, no Cargo.toml, no test target in a Makefile", ErrNoTestCommand)
}

var (
	makeTest    = lazily(`(?m)^test[ \t]*:([^=]|$)`)
	pytestHints = lazily(`(?m)\[(tool\.pytest|tool:pytest|pytest)|pytest`)
)

// detectIn tells the test command of one tree from the files in its root.
func detectIn(read tree, paths []string) []string {
	has := func(p string) bool { return slices.Contains(paths, p) }
	switch {
	case has("go.mod"):
		return []string{"go", "test", "./..."}
	case has("go.work"), !has("Cargo.toml") && !has("package.json") && slices.ContainsFunc(paths, isGoMod):
		return []string{"go", "test", "./..."} // in each module that the change touches: see suiteOf
	case has("Cargo.toml"):
		return []string{"cargo", "test"}
	case has("package.json") && testScript(read("package.json")):
		return []string{"npm", "test", "--silent"}
	}
	for _, p := range []string{"pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "requirements-dev.txt"} {
		if has(p) && pytestHints.Match(read(p)) {
			return []string{"python3", "-m", "pytest", "-q"}
		}
	}
	if slices.ContainsFunc(paths, func(p string) bool { return path.Base(p) == "conftest.py" }) {
		return []string{"python3", "-m", "pytest", "-q"}
	}
	first := slices.IndexFunc(paths, func(p string) bool { return path.Ext(p) == ".py" && isTestCode(p) })
	switch {
	case first < 0:
	case strings.Contains(string(read(paths[first])), "import unittest"):
		return []string{"python3", "-m", "unittest"}
	default:
		return []string{"python3", "-m", "pytest", "-q"}
	}
	if has("Makefile") && makeTest.Match(read("Makefile")) {
		return []string{"make", "test"}
	}
	return nil
}

// isGoMod reports whether the path makes its folder a module of the repository itself.
func isGoMod(p string) bool { return path.Base(p) == "go.mod" && !inDir(p, words("testdata vendor")) }

// testScript reports whether a package.json names a test script of its own, rather than the one that `npm init` writes.
func testScript(manifest []byte) bool {
	var m struct {
		Scripts map[string]string `json:"scripts"`
	}
	if json.Unmarshal(manifest, &m) != nil {
		return false
	}
	script := m.Scripts["test"]
	return script != "" && !strings.Contains(script, "no test specified")
}
