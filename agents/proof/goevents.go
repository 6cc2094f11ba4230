package proof

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
)

// maximumEvent bounds one line of `go test -json`; what is longer is no event of go's own (it splits output at 4 KiB or so).
const maximumEvent = 256 << 10

// timedOut is how package testing says that its -timeout has passed.
const timedOut = "panic: test timed out after "

// goEvent is one line of `go test -json`: see `go doc test2json`, and `go help buildjson` for the events of the compiler.
type goEvent struct {
	Action      string
	Package     string
	Test        string
	Output      string
	ImportPath  string
	FailedBuild string
}

// goEvents reads the output of `go test -json` as it comes, in bounded memory. Lines that are no events (what older tools
// print beside them, what go says before it starts) are kept as stray words.
type goEvents struct {
	folder func(importPath string) string // of the package, in the repository
	log    journal                        // what a person would have seen
	rest   []byte                         // of an unfinished line
	skip   bool                           // the line is too long: wait for its end
	tests  map[test]string
	second map[test]string // of those that run again in the same program
	live   map[test]*tail
	told   map[string]*toldOf // by package
	builds map[string]*head
	said   map[string]*tail  // package -> its words outside of tests
	failed map[string]string // package -> the build that failed, "" when it was not the build
	cached map[string]bool
	stray  tail
}

func newGoEvents(folder func(string) string, log journal) *goEvents {
	return &goEvents{
		folder: folder, log: log,
		tests: map[test]string{}, second: map[test]string{}, live: map[test]*tail{}, told: map[string]*toldOf{}, builds: map[string]*head{},
		said: map[string]*tail{}, failed: map[string]string{}, cached: map[string]bool{},
		stray: tail{limit: outputPerProgram},
	}
}

// Write takes the next bytes of the output; it never fails.
func (g *goEvents) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		p = rest
		if len(g.rest)+len(line) > maximumEvent {
			g.rest, g.skip = g.rest[:0], true
		}
		if !g.skip {
			g.rest = append(g.rest, line...)
		}
		if !ended {
			break
		}
		if !g.skip {
			g.line(g.rest)
		}
		g.rest, g.skip = g.rest[:0], false
	}
	return n, nil
}

func (g *goEvents) line(b []byte) {
	var e goEvent
	if len(b) == 0 || b[0] != '{' || json.Unmarshal(b, &e) != nil || e.Action == "" {
		g.stray.add(string(b) + "\n")
		g.log.say(string(b) + "\n")
		return
	}
	if e.Output != "" {
		g.log.say(e.Output)
	}
	switch {
	case e.Action == "build-output":
		g.buildOutput(e)
	case e.Package == "":
	case e.Test == "":
		g.packageEvent(e)
	case len(e.Test) <= maximumTestName:
		g.testEvent(test{g.folder(e.Package), e.Test}, e)
	}
}

func (g *goEvents) buildOutput(e goEvent) {
	b := g.builds[e.ImportPath]
	if b == nil {
		b = &head{limit: outputPerProgram}
		g.builds[e.ImportPath] = b
	}
	b.add(e.Output)
}

func (g *goEvents) packageEvent(e goEvent) {
	group := g.folder(e.Package)
	switch e.Action {
	case "output":
		said := g.said[group]
		if said == nil {
			said = &tail{limit: outputPerProgram}
			g.said[group] = said
		}
		said.add(e.Output)
		if strings.HasPrefix(e.Output, "ok ") && strings.Contains(e.Output, "(cached)") {
			g.cached[group] = true
		}
	case "fail":
		g.failed[group] = e.FailedBuild
	}
}

func (g *goEvents) testEvent(t test, e goEvent) {
	switch e.Action {
	case "run":
		g.remember(t)
		if s, known := g.tests[t]; known && s != Unfinished {
			g.second[t] = Unfinished
		} else if len(g.tests) < maximumTests {
			g.tests[t] = Unfinished // until it says how it ended
			g.live[t] = &tail{limit: outputPerTest}
		}
	case "output":
		if live := g.live[t]; live != nil && !strings.HasPrefix(e.Output, "=== ") {
			live.add(e.Output)
		}
	case "pass", "skip":
		if _, known := g.tests[t]; known {
			g.ends(t)
			g.setState(t, map[string]string{"pass": Passed, "skip": Skipped}[e.Action])
			if g.tests[t] == g.state(t) {
				delete(g.live, t)
			}
		}
	case "fail":
		if _, known := g.tests[t]; known {
			g.ends(t)
			g.setState(t, Failed)
			if live := g.live[t]; live != nil && strings.Contains(live.String(), timedOut) {
				g.setState(t, Unfinished)
			}
		}
	}
}

// finish gives the results; nothing is written after it.
func (g *goEvents) finish(e ending) results {
	if len(g.rest) > 0 {
		g.line(g.rest)
		g.rest = nil
	}
	r := newResults()
	r.ending, r.tests, r.second, r.cached, r.stray = e, g.tests, g.second, g.cached, g.stray.String()
	for t, live := range g.live {
		r.output[t] = live.String()
		if e.cut != "" && !strings.Contains(r.output[t], "--- FAIL: ") {
			g.tests[t] = Unfinished // go may still say that it failed, when it was only ended
		}
		if _, over := g.failed[t.group]; over && e.cut == "" && g.tests[t] == Unfinished && !strings.Contains(r.output[t], timedOut) {
			g.tests[t] = Crashed // the program ended in the middle of the test
		}
	}
	for group, build := range g.failed {
		said := ""
		if g.said[group] != nil {
			said = g.said[group].String()
		}
		switch {
		case g.builds[build] != nil:
			r.broken[group] = g.builds[build].String()
		case build != "" || strings.Contains(said, "[build failed]") || strings.Contains(said, "[setup failed]"):
			r.broken[group] = r.stray + said // go 1.23 and older: the compiler's words stand among the stray ones
		case !g.failedInside(group):
			r.crashed[group] = said
		}
	}
	return r
}

// failedInside reports whether a test of the package, in its first run or its second, explains why the package failed.
func (g *goEvents) failedInside(group string) bool {
	return failedIn(g.tests, group) || failedIn(g.second, group)
}

// clean writes the root of the repository as "".
func clean(dir string) string {
	if dir = path.Clean(dir); dir == "." {
		return ""
	}
	return dir
}
