package proof

import (
	"io"
	"maps"
	"path"
	"slices"
)

// planWhole is the last resort: the whole test command is the only test, and its exit code the result. The base is then tested without the
// tests of the change too, because a command that fails there anyway says nothing.
func planWhole(argv []string) plan {
	suite := wholeCommand(argv)
	return plan{
		commands: func(manner) []command { return []command{suite} },
		decides:  func(test) bool { return true },
		touched:  func(test) bool { return true },
		fresh:    func(test) bool { return false },
	}
}

// planReport is planWhole with a report: its tests are told from each other, so each of them that fails without the change and passes with it shows
// it, wherever it stands.
func planReport(argv []string, report string) plan {
	p := planWhole(argv)
	p.named = true
	p.commands = func(manner) []command { return []command{reportCommand(argv, report)} }
	return p
}

func reportCommand(argv []string, report string) command {
	c := reporting(slices.Clone(argv), readJUnit("", anyName))
	c.report = report
	c.again = func(map[test]string) (command, bool) { return reportCommand(argv, report), true }
	return c
}

func wholeCommand(argv []string) command {
	c := command{args: slices.Clone(argv)}
	c.reader = func(log journal) reader {
		last := &tail{limit: outputPerProgram}
		both := io.MultiWriter(last, log)
		return reader{stdout: both, stderr: both, finish: func(e ending) results {
			r := newResults()
			r.ending, r.stray = e, last.String()
			t := r.whole()
			r.tests[t] = r.verdict()
			if r.tests[t] == Failed && doesNotLoad.MatchString(r.stray) {
				r.tests[t] = Uncompiled
			}
			r.output[t] = r.stray
			return r
		}}
	}
	return c
}

// doesNotLoad are the words with which common tools say that tests could not even be loaded, which is less than failing.
var doesNotLoad = lazily(`(?m)` +
	`^(E\s+)?(ImportError|ModuleNotFoundError|SyntaxError|AttributeError: module)\b` + // Python
	`|Cannot find module|SyntaxError: |does not provide an export named` + // node
	`|^error\[E\d{4}\]|could not compile` + // Rust
	`|error TS\d+:|COMPILATION ERROR|\[build failed\]`) // TypeScript, Maven, Go

// suiteOf is the whole test command of the repository. `go test ./...` stays within one module, so it is run in the root's and in each that the
// change touches.
func suiteOf(c *change, argv []string) []command {
	if own, ok := pytestSuite(argv); ok {
		return []command{own}
	}
	if own, ok := scriptSuite(c, argv); ok {
		return own
	}
	switch {
	case isCargoTest(argv):
		return []command{cargoCommand(argv, nil)}
	case !isGoTestCommand(argv):
		return []command{wholeCommand(argv)}
	}
	modules := goModules(c)
	touched := map[string]bool{}
	if c.has("go.mod") {
		touched[""] = true
	}
	if slices.Contains(argv, "./...") {
		for _, f := range c.files {
			if dir, ok := goModule(c, clean(path.Dir(f.path))); ok && slices.Contains(slices.Collect(maps.Values(modules)), dir) {
				touched[dir] = true
			}
		}
	}
	if len(touched) == 0 {
		touched[""] = true
	}
	var commands []command
	for _, dir := range slices.Sorted(maps.Keys(touched)) {
		commands = append(commands, goSuite(modules, dir, argv))
	}
	return commands
}
