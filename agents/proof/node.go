package proof

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// modulesPath stands in a command for the folder of installed packages: Request.Modules.
const modulesPath = "{modules}"

// scriptRunner is a test runner of the JavaScript world.
type scriptRunner struct {
	name   string
	named  *pattern // in a command, or in the script that a command runs
	single bool     // each file is a run of its own
	args   func(paths []string) []string
	read   func(paths []string) func([]byte, *results)
}

func scriptRunners() []scriptRunner {
	jest := func([]string) func([]byte, *results) { return readJest }
	return []scriptRunner{
		{name: "vitest", named: lazily(`\bvitest\b`), read: jest, args: func(paths []string) []string {
			return append([]string{"node", modulesPath + "/vitest/vitest.mjs", "run", "--reporter=json", "--outputFile=" + reportPath}, paths...)
		}},
		{name: "jest", named: lazily(`\bjest\b`), read: jest, args: func(paths []string) []string {
			return append([]string{"node", modulesPath + "/jest/bin/jest.js", "--ci", "--watchman=false", "--json", "--outputFile=" + reportPath, "--runTestsByPath"}, paths...)
		}},
		{name: "node", named: lazily(`\bnode\b.*\s--test\b`), single: true, args: func(paths []string) []string {
			return append([]string{"node", "--test", "--test-reporter=junit", "--test-reporter-destination=" + reportPath,
				"--test-reporter=tap", "--test-reporter-destination=stdout"}, paths...) // only tap shows what a file says that cannot be loaded
		}, read: func(paths []string) func([]byte, *results) { return readJUnit(paths[0], suitesName) }},
	}
}

// planScripts runs the changed test files of JavaScript and TypeScript with the runner that the repository uses.
func planScripts(c *change, argv []string) (plan, bool) {
	var paths []string
	for _, f := range c.tests() {
		if p := f.after(); p != "" && isScriptTest(p) {
			paths = append(paths, p)
		}
	}
	runner, ok := runnerOf(c, argv)
	if !ok || len(paths) == 0 {
		return plan{}, false
	}
	return c.planFiles(paths, testWordsOf["javascript"].test, func(manner) []command { return runner.commands(c, paths) }), true
}

// scriptSuite is the repository's test command when it is a runner itself, made to write a report.
func scriptSuite(c *change, argv []string) ([]command, bool) {
	runner, ok := runnerOf(c, argv)
	if !ok || runner.single {
		return nil, false
	}
	whole := runner.commands(c, nil)[0]
	if runner.name == "jest" {
		whole.args = whole.args[:len(whole.args)-1] // --runTestsByPath asks for paths
	}
	whole.again = func(failed map[test]string) (command, bool) {
		return runner.commands(c, groupsOf(failed))[0], true
	}
	return []command{whole}, true
}

// commands run files: each in the folder of the package that it is part of.
func (s scriptRunner) commands(c *change, paths []string) []command {
	byFolder := map[string][]string{}
	for _, p := range paths {
		dir := packageFolder(c, p)
		byFolder[dir] = append(byFolder[dir], p)
	}
	if len(paths) == 0 {
		byFolder[""] = nil
	}
	var all []command
	for dir, list := range byFolder {
		inside := make([]string, len(list))
		for i, p := range list {
			inside[i] = strings.TrimPrefix(p, dir+"/")
		}
		step := max(len(list), 1)
		if s.single {
			step = 1
		}
		for i := 0; i < max(len(list), 1); i += step {
			run := reporting(s.args(inside[i:min(i+step, len(list))]), s.read(list[i:min(i+step, len(list))]))
			run.dir = dir
			all = append(all, run)
		}
	}
	slices.SortFunc(all, func(a, b command) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// packageFolder is the nearest folder above the file with a package.json, "" for the root.
func packageFolder(c *change, p string) string {
	for dir := path.Dir(p); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if c.has(dir + "/package.json") {
			return dir
		}
	}
	return ""
}

// runnerOf tells the runner from the test command, or from the script of package.json that it runs.
func runnerOf(c *change, argv []string) (scriptRunner, bool) {
	words := strings.Join(argv, " ")
	if len(argv) > 0 && slices.Contains([]string{"npm", "pnpm", "yarn", "bun"}, path.Base(argv[0])) {
		var manifest struct {
			Scripts map[string]string `json:"scripts"`
		}
		if json.Unmarshal(c.head("package.json"), &manifest) == nil {
			words = manifest.Scripts["test"]
		}
	}
	for _, runner := range scriptRunners() {
		if runner.named.MatchString(words) {
			return runner, true
		}
	}
	return scriptRunner{}, false
}

var scriptTest = lazily(`(\.|^)(test|spec)\.[cm]?[jt]sx?$`)

// isScriptTest reports whether the file is one that runners take for tests by its name.
func isScriptTest(p string) bool {
	return scriptTest.MatchString(path.Base(p)) || isTestCode(p) && language(p) == "javascript" && (inDir(p, words("__tests__")) || inDir(p, words("test tests")))
}
