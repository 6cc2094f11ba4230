package proof

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// judgeCommand refuses that a change alters the command by which it is judged, where its exit code is all that is known: the target of a Makefile, the script
// of a package, the script that is run.
func (p *prover) judgeCommand(argv []string) {
	if p.JUnit == "" && tellsTests(p.suiteCommands(argv)) {
		return // the tests are told apart, and are run by a command of ours
	}
	before, after := recipe(p.change.base, argv), recipe(p.change.head, argv)
	for name, was := range before {
		if after[name] != was && slices.ContainsFunc(p.change.files, func(f *file) bool { return f.path == name || f.old == name }) {
			p.refuse(Refusal{Policy: PolicyProtected, File: name, Detail: "how `" + strings.Join(argv, " ") + "` judges the work is altered by the work: a person has to change it"})
		}
	}
}

// recipe is what the files of a tree say that a command does, by their names. What it cannot read it leaves out.
func recipe(read tree, argv []string) map[string]string {
	said := map[string]string{}
	if len(argv) == 0 {
		return said
	}
	switch path.Base(argv[0]) {
	case "make", "gmake":
		for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} {
			if content := read(name); content != nil {
				said[name] = target(string(content), argv[1:])
				break
			}
		}
	case "npm", "pnpm", "yarn", "bun":
		var manifest struct {
			Scripts map[string]string `json:"scripts"`
		}
		if content := read("package.json"); content != nil && json.Unmarshal(content, &manifest) == nil {
			s := manifest.Scripts
			said["package.json"] = s["pretest"] + "\n" + s["test"] + "\n" + s["posttest"]
		}
	default:
		for _, arg := range argv {
			if name := path.Clean(arg); !isTest(name) && !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "..") {
				if content := read(name); content != nil {
					said[name] = string(content)
				}
			}
		}
	}
	return said
}

var (
	makeRule     = lazily(`^([\w./ -]+):([^=].*|)$`)
	makeVariable = lazily(`^(?:export\s+)?(\w+)\s*[:?+]?=`)
	makeUse      = lazily(`\$[({](\w+)[)}]`)
)

// target is the text of a Makefile that some targets are made by: their rules, those of what they need, and the variables in them.
func target(makefile string, args []string) string {
	rules, variables := map[string][]string{}, map[string][]string{}
	needs := map[string][]string{}
	first := ""
	var current []string
	for l := range strings.Lines(makefile) {
		l = strings.TrimRight(l, "\r\n")
		if strings.HasPrefix(l, "\t") {
			for _, name := range current {
				rules[name] = append(rules[name], l)
			}
			continue
		}
		if m := makeVariable.FindStringSubmatch(l); m != nil {
			variables[m[1]] = append(variables[m[1]], l)
			continue
		}
		if m := makeRule.FindStringSubmatch(l); m != nil {
			current = strings.Fields(m[1])
			for _, name := range current {
				rules[name] = append(rules[name], l)
				needs[name] = append(needs[name], strings.Fields(m[2])...)
				if first == "" && !strings.HasPrefix(name, ".") {
					first = name
				}
			}
		}
	}
	next := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") || strings.Contains(a, "=") })
	if len(next) == 0 {
		next = []string{first}
	}
	var text []string
	seen := map[string]bool{}
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, l := range append(slices.Clone(rules[name]), variables[name]...) {
			text = append(text, l)
			for _, m := range makeUse.FindAllStringSubmatch(l, -1) {
				next = append(next, m[1])
			}
		}
		next = append(next, needs[name]...)
	}
	return strings.Join(text, "\n")
}

var (
	// runnerSettings are files that say which tests a runner looks for, and what it does before.
	runnerSettings = lazily(`(^|/)(conftest\.py|pytest\.ini|(jest|vitest|vite)\.config\.\w+|\.mocharc\.\w+)$`)
	// sharedSettings may say so beside much else, in lines of asksRunner.
	sharedSettings = lazily(`(^|/)(tox\.ini|setup\.cfg|pyproject\.toml|package\.json)$`)
	asksRunner     = lazily(`pytest|addopts|testpaths|python_(files|classes|functions)|norecursedirs|deselect|jest|vitest|testMatch|testRegex|PathIgnore|"(roots|include|exclude)"`)
)

// altersSettings reports whether the change alters what a test runner is told about all tests.
func (c *change) altersSettings() bool {
	return slices.ContainsFunc(c.files, func(f *file) bool {
		return runnerSettings.MatchString(f.path) ||
			sharedSettings.MatchString(f.path) && matching(f.added, asksRunner)+matching(f.removed, asksRunner) > 0
	})
}

// findUnasked refuses that settings keep tests from running whose files the change leaves alone. suite is what ran on the head.
func (p *prover) findUnasked(ctx context.Context, whole []command, suite results) error {
	if !p.change.altersSettings() || suite.cut != "" {
		return nil
	}
	clean, err := p.runAll(ctx, p.place.toBase, whole)
	if err != nil {
		return err
	}
	gone := slices.DeleteFunc(unasked(clean, suite), func(t test) bool {
		return !p.change.has(t.group) || slices.ContainsFunc(p.change.files, func(f *file) bool { return f.path == t.group })
	})
	if len(gone) > 0 {
		p.refuse(Refusal{Policy: PolicySkipped, Ran: suite.command, Detail: "passes without the change and does not run with it: " + names(leaves(gone))})
	}
	return nil
}

// unasked are the tests that pass in the first run, and in the second one neither run nor stand there with other parameters.
func unasked(clean, suite results) (gone []test) {
	fewer := map[test]int{} // how many runs of each function are missing, whatever its parameters
	for t, status := range clean.tests {
		if status == Passed {
			fewer[t.withoutParameters()]++
		}
	}
	for t, status := range suite.tests {
		if status == Passed {
			fewer[t.withoutParameters()]--
		}
	}
	for t, status := range clean.tests {
		is, ran := suite.tests[t]
		if status == Passed && t != clean.whole() && (ran && is == Skipped || !ran && fewer[t.withoutParameters()] > 0) {
			gone = append(gone, t)
		}
	}
	sortTests(gone)
	return gone
}

// withoutParameters is the function of a test of pytest, or the test.
func (t test) withoutParameters() test {
	name, _, _ := strings.Cut(t.name, "[")
	return test{t.group, name}
}
