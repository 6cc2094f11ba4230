package proof

import (
	"bytes"
	"io"
	"path"
	"slices"
	"strings"
)

// planCargo runs all tests of the packages whose tests the change touches: in Rust unit tests stand in the files of the source, so only tests of
// the folder tests/ can be laid over the base. Their names say which file they are from.
func planCargo(c *change, argv []string) (plan, bool) {
	if !isCargoTest(argv) {
		return plan{}, false
	}
	var paths, targets []string
	for _, f := range c.tests() {
		if p := f.after(); p != "" && path.Ext(p) == ".rs" {
			paths = append(paths, p)
			if path.Base(path.Dir(p)) == "tests" {
				targets = append(targets, strings.TrimSuffix(path.Base(p), ".rs"))
			}
		}
	}
	if len(paths) == 0 || len(targets) < len(paths) {
		return plan{}, false // a module shared by tests: which ones, only cargo knows
	}
	return c.planFiles(paths, testWordsOf["rust"].test, func(manner) []command {
		return []command{cargoCommand(argv, targets)}
	}), true
}

func isCargoTest(argv []string) bool {
	return len(argv) >= 2 && path.Base(argv[0]) == "cargo" && argv[1] == "test"
}

// cargoCommand runs the named files of tests, all tests when there is none.
func cargoCommand(argv, targets []string) command {
	args := append(slices.Clone(argv[:2]), "--no-fail-fast")
	for _, t := range targets {
		args = append(args, "--test", t)
	}
	return command{args: args, reader: cargoReader, again: func(map[test]string) (command, bool) { return cargoCommand(argv, nil), true }}
}

var (
	cargoRunning = lazily(`^\s*Running (?:unittests )?(\S+\.rs) \(`)
	cargoDoc     = lazily(`^\s*Doc-tests (\S+)`)
	cargoTest    = lazily(`^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)`)
	cargoOutput  = lazily(`^---- (.+) stdout ----$`)
	cargoError   = lazily(`^error(\[E\d{4}\])?:`)
	cargoTarget  = lazily("could not compile `[^`]*` \\((?:test|bin|lib test|lib) \"?([\\w-]+)?")
	cargoAt      = lazily(`^\s*--> ([^:]+\.rs):\d+`)
)

// cargoEvents reads the words of cargo and of the test programs that it runs. Cargo says on its second output which program it runs next, and the
// program speaks on the first: only when both are one do they come in their order.
type cargoEvents struct {
	r     results
	group string
	of    test  // whose output is being read
	said  *tail // the same
	build head
	at    map[string]bool // files in which the compiler finds fault
}

func cargoReader(log journal) reader {
	e := &cargoEvents{r: newResults(), at: map[string]bool{}, build: head{limit: outputPerProgram}}
	lines := &lineWriter{line: e.line}
	both := io.MultiWriter(lines, log)
	return reader{stdout: both, stderr: both, finish: func(end ending) results {
		lines.end()
		return e.finish(end)
	}}
}

func (e *cargoEvents) line(l string) {
	switch m := cargoTest.FindStringSubmatch(l); {
	case m != nil:
		e.r.note(test{e.group, strings.ReplaceAll(m[1], "::", "/")}, map[string]string{"ok": Passed, "FAILED": Failed, "ignored": Skipped}[m[2]], "")
		return
	case cargoRunning.MatchString(l):
		e.group, e.said = cargoRunning.FindStringSubmatch(l)[1], nil
		return
	case cargoDoc.MatchString(l):
		e.group, e.said = "doc "+cargoDoc.FindStringSubmatch(l)[1], nil
		return
	case cargoOutput.MatchString(l):
		e.of = test{e.group, strings.ReplaceAll(cargoOutput.FindStringSubmatch(l)[1], "::", "/")}
		e.said = &tail{limit: outputPerTest}
		return
	case e.said != nil && (l == "" || strings.HasPrefix(l, "failures:")):
		e.r.output[e.of], e.said = e.said.String(), nil
	case e.said != nil:
		e.said.add(l + "\n")
	}
	if m := cargoAt.FindStringSubmatch(l); m != nil {
		e.at[m[1]] = true
	}
	if cargoError.MatchString(l) || len(e.build.data) > 0 {
		e.build.add(l + "\n")
	}
}

func (e *cargoEvents) finish(end ending) results {
	e.r.ending, e.r.stray = end, e.build.String()
	if !end.ok && cargoTarget.MatchString(e.build.String()) {
		for file := range e.at {
			if isTest(file) {
				e.r.broken[file] = e.build.String()
			}
		}
		if len(e.r.broken) == 0 {
			e.r.broken["cargo"] = e.build.String()
		}
	}
	return e.r
}

// lineWriter cuts what is written into lines; of one longer than a report needs only the beginning is kept.
type lineWriter struct {
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		if room := maximumEvent - len(w.rest); room > 0 {
			w.rest = append(w.rest, line[:min(room, len(line))]...)
		}
		if p = rest; ended {
			w.end()
		}
	}
	return n, nil
}

// end hands on what is not ended yet.
func (w *lineWriter) end() {
	w.line(string(w.rest))
	w.rest = w.rest[:0]
}
