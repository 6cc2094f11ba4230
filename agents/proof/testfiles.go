package proof

import (
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// What the tools have in common that run whole files of tests and write a report: pytest, node's runner, vitest, jest.

// reportPath stands in a command for the file that its report goes to. It is in no repository.
const reportPath = "{report}"

// loading is the name of a test that stands for its whole file, which could not be loaded.
const loading = "(loading)"

// planFiles is the plan for whole files of tests. name finds the tests in a file's lines.
func (c *change) planFiles(paths []string, name *pattern, commands func(manner) []command) plan {
	before, touched := map[test]bool{}, map[test]bool{}
	whole := map[string]bool{}
	for _, f := range c.tests() {
		if !slices.Contains(paths, f.after()) {
			continue
		}
		for n := range namesIn(c.base(f.before()), name) {
			before[test{f.path, n}] = true
		}
		names, all := f.touchedNames(c, name)
		whole[f.path] = all
		for _, n := range names {
			touched[test{f.path, n}] = true
		}
	}
	plain := func(t test) test { // as it stands in the file: without suites and parameters
		known := t
		for _, part := range strings.FieldsFunc(t.name, func(r rune) bool { return r == '/' || r == '.' }) {
			if candidate := (test{t.group, part}); before[candidate] || touched[candidate] {
				known = candidate
			}
		}
		return known
	}
	return plan{
		named:    true,
		commands: commands,
		cut:      importCutter(c),
		decides:  func(t test) bool { return slices.Contains(paths, t.group) },
		touched:  func(t test) bool { return whole[t.group] || touched[plain(t)] || t.name == loading },
		fresh:    func(t test) bool { return !before[plain(t)] },
	}
}

// namesIn are the tests in a file's text.
func namesIn(content []byte, name *pattern) map[string]bool {
	found := map[string]bool{}
	for l := range strings.Lines(string(content)) {
		if m := name.FindStringSubmatch(strings.TrimRight(l, "\n")); m != nil {
			found[m[1]] = true
		}
	}
	return found
}

// touchedNames are the tests that the added lines belong to: to the last one that begins above. all is true when lines belong to none.
func (f *file) touchedNames(c *change, name *pattern) (names []string, all bool) {
	lines := strings.Split(string(c.head(f.path)), "\n")
	for _, l := range f.added {
		found := ""
		for i := min(l.number, len(lines)) - 1; i >= 0 && found == ""; i-- {
			if m := name.FindStringSubmatch(lines[i]); m != nil {
				found = m[1]
			}
		}
		names = append(names, found)
		all = all || found == "" && strings.TrimSpace(l.text) != "" && !loads.MatchString(l.text)
	}
	slices.Sort(names)
	return slices.Compact(names), all
}

// loads are lines that only name what a file of tests uses.
var loads = lazily(`^\s*(import|from|const .*require\(|var .*require\(|let .*require\(|#|//|\}|\)|[\w, ]+,?$)`)

// reporting is a command whose report says how the tests ended; where it has none, or nothing in it, the command is all there is.
func reporting(args []string, read func([]byte, *results)) command {
	return command{args: args, report: reportPath, read: read, reader: plainReader}
}

// plainReader keeps the last words of a command.
func plainReader(log journal) reader {
	last := &tail{limit: outputPerProgram}
	both := io.MultiWriter(last, log)
	return reader{stdout: both, stderr: both, finish: func(e ending) results {
		r := newResults()
		r.ending, r.stray = e, last.String()
		return r
	}}
}

// settle makes programs out of files that could not be loaded, once the report is read.
func (r *results) settle() {
	for t, status := range maps.Clone(r.tests) {
		if t.name != loading && t.name != t.group && path.Base(t.name) != path.Base(t.group) || !bad(status) {
			continue
		}
		words := r.output[t]
		delete(r.tests, t)
		delete(r.output, t)
		if status == Uncompiled || doesNotLoad.MatchString(r.stray) && doesNotLoad.MatchString(words+r.stray) {
			r.broken[t.group] = words + "\n" + r.stray
		} else {
			r.crashed[t.group] = words + "\n" + r.stray
		}
	}
}

// groupsOf are the programs that some tests are part of.
func groupsOf(failed map[test]string) []string {
	groups := map[string]bool{}
	for t := range failed {
		groups[t.group] = true
	}
	return slices.Sorted(maps.Keys(groups))
}
