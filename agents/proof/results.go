package proof

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Bounds on what is kept of a run: a test prints what it likes, as much as it likes.
const (
	maximumTests     = 100_000
	maximumTestName  = 512
	outputPerTest    = 3 << 10
	outputPerProgram = 4 << 10
)

// test names one test: the group is the program it is part of (for Go the package's folder), "" where a tool has none.
type test struct{ group, name string }

func (t test) String() string {
	if t.group == "" {
		return t.name
	}
	return t.group + "." + t.name
}

// top is the test that t is a subtest of, or t itself.
func (t test) top() test {
	name, _, _ := strings.Cut(t.name, "/")
	return test{t.group, name}
}

// isMethod reports whether t is the run of a suite's method, which stands in the code as Suite.TestName: TestSuite/TestName.
func (t test) isMethod(declared test) bool {
	_, method, ok := strings.Cut(declared.name, ".")
	return ok && t.group == declared.group && strings.Contains(t.name+"/", "/"+method+"/")
}

// standsAs reports whether the test stands in its file under the name: without its suites and parameters.
func (t test) standsAs(name string) bool {
	in := func(full string) bool { return strings.Contains("/"+full+"/", "/"+name+"/") }
	return in(t.name) || in(strings.ReplaceAll(t.name, ".", "/"))
}

// results are what one run said, test by test, in the words of the tool that ran it.
type results struct {
	tests   map[test]string   // Passed, Failed, Skipped, Unfinished
	second  map[test]string   // how those ended that ran two times in a row
	output  map[test]string   // the last lines of those that did not pass
	broken  map[string]string // group -> what the compiler said
	crashed map[string]string // group that failed outside all of its tests -> its last words
	cached  map[string]bool   // group whose results are remembered ones: nothing was run
	stray   string            // the last words that belong to no group
	ending
}

// ending is how the command itself ended.
type ending struct {
	command string // as a person would type it
	ok      bool   // it exited with 0
	cut     string // why we ended it, "" when it ended by itself
	code    int
	took    time.Duration
}

func newResults() results {
	return results{
		tests: map[test]string{}, second: map[test]string{}, output: map[test]string{},
		broken: map[string]string{}, crashed: map[string]string{}, cached: map[string]bool{},
	}
}

// status is how the test ended, also when it is its program that has something to say about it.
func (r results) status(t test) string {
	if s, ok := r.tests[t]; ok {
		return s
	}
	if r.tests[t.top()] == Uncompiled {
		return Uncompiled
	}
	if _, ok := r.broken[t.group]; ok {
		return Uncompiled
	}
	if _, ok := r.crashed[t.group]; ok {
		return Crashed
	}
	return NotRun
}

// bad reports whether the status is one of a test that does not pass.
func bad(status string) bool {
	switch status {
	case Failed, Crashed, Unfinished, Uncompiled:
		return true
	}
	return false
}

// failures are the tests that did not pass, by name, and one nameless test for each program that did not even run them. When
// there is none and the command failed all the same, it is the command.
func (r results) failures() map[test]string {
	all := map[test]string{}
	for t, s := range r.tests {
		if bad(s) {
			all[t] = s
		}
	}
	for group := range r.broken {
		all[test{group: group}] = Uncompiled
	}
	for group := range r.crashed {
		all[test{group: group}] = Crashed
	}
	if len(all) == 0 && !r.ok {
		all[r.whole()] = r.verdict()
	}
	return all
}

// whole names the command itself, for when there is no test to name.
func (r results) whole() test { return test{name: r.command} }

// verdict is how the command ended, as if it were one test.
func (r results) verdict() string {
	switch {
	case r.ok:
		return Passed
	case r.cut != "":
		return Unfinished
	}
	return Failed
}

// passed counts the tests that passed, subtests of other tests not counted.
func (r results) passed() int {
	n := 0
	for t, s := range r.tests {
		if _, nested := r.tests[t.top()]; s == Passed && (!nested || t == t.top()) {
			n++
		}
	}
	return n
}

// groups counts the programs of which a test has passed.
func (r results) groups() int {
	seen := map[string]bool{}
	for t, s := range r.tests {
		if s == Passed {
			seen[t.group] = true
		}
	}
	return len(seen)
}

// words are the last lines that explain how the test ended.
func (r results) words(t test) string {
	for _, s := range []string{r.output[t], r.broken[t.group], r.crashed[t.group], r.output[t.top()]} {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return r.stray
}

// absent is how go says that there is no such package at all.
var absent = lazily(`directory not found|no Go files in|no such file or directory|is not in std|matched no packages`)

// endless reports whether a limit ended the command, or all that failed in it.
func (r results) endless() bool {
	failed := r.failures()
	finished := slices.ContainsFunc(slices.Collect(maps.Values(failed)), func(status string) bool { return status != Unfinished })
	return r.cut != "" || len(failed) > 0 && !finished
}

// forgetAbsent drops the programs that do not compile because they are not there: that is no fault of a base that never had them.
func (r *results) forgetAbsent() {
	maps.DeleteFunc(r.broken, func(_, said string) bool { return absent.MatchString(said) })
}

// mayHaveEnded reports whether a test of the program has failed, so that it may have ended the program for all: go says of a panic that
// the test failed.
func (r results) mayHaveEnded(group string) bool {
	return failedIn(r.tests, group) || failedIn(r.second, group)
}

// failedIn reports whether one of a group's tests did not pass.
func failedIn(tests map[test]string, group string) bool {
	for t, status := range tests {
		if t.group == group && bad(status) {
			return true
		}
	}
	return false
}

// add takes over what another run says of tests that did not run in this one.
func (r *results) add(o results) {
	for t, status := range o.tests {
		if _, known := r.tests[t]; !known {
			r.tests[t], r.second[t], r.output[t] = status, o.second[t], o.output[t]
		}
	}
}

// takeOver replaces what is known of a program by what another run says of it.
func (r *results) takeOver(group string, o results) {
	delete(r.broken, group)
	if words, ok := o.crashed[group]; ok {
		r.crashed[group] = words
	}
	for t, status := range o.tests {
		if t.group == group {
			r.tests[t], r.second[t], r.output[t] = status, o.second[t], o.output[t]
		}
	}
}

// merge adds the results of another command of the same run.
func (r *results) merge(o results) {
	for t, s := range o.tests {
		r.tests[t] = s
	}
	for t, s := range o.second {
		r.second[t] = s
	}
	for t, s := range o.output {
		r.output[t] = s
	}
	for _, pair := range []struct{ to, from map[string]string }{{r.broken, o.broken}, {r.crashed, o.crashed}} {
		for group, words := range pair.from {
			pair.to[group] = words
		}
	}
	for group := range o.cached {
		r.cached[group] = true
	}
	if o.stray != "" {
		r.stray = o.stray
	}
	if r.command == "" {
		r.ending = o.ending
		return
	}
	r.ok = r.ok && o.ok
	r.took += o.took
	r.command += " && " + o.command
	if r.cut == "" {
		r.cut = o.cut
	}
	if r.code == 0 {
		r.code = o.code
	}
}

// tail keeps the last bytes added or written to it.
type tail struct {
	limit int
	data  []byte
	lost  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.add(string(p))
	return len(p), nil
}

func (t *tail) add(s string) {
	if over := len(s) - t.limit; over > 0 {
		s, t.lost = s[over:], true
	}
	if over := len(t.data) + len(s) - t.limit; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
		t.lost = true
	}
	t.data = append(t.data, s...)
}

// String is what is kept, from the first whole line on.
func (t *tail) String() string {
	s := strings.ToValidUTF8(string(t.data), "�")
	if t.lost {
		if _, rest, ok := strings.Cut(s, "\n"); ok {
			s = rest
		}
	}
	return s
}

// head keeps the first bytes added to it: of what a compiler says the first words count.
type head struct {
	limit int
	data  []byte
}

func (h *head) add(s string) {
	if room := h.limit - len(h.data); room > 0 {
		h.data = append(h.data, s[:min(room, len(s))]...)
	}
}

func (h *head) String() string { return strings.ToValidUTF8(string(h.data), "�") }
