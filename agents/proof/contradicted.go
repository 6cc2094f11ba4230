package proof

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// findContradicted runs tests whose lines changed, though they assert nothing that the base does not hold, once more as they were before: over the new code. One that fails
// then, and does not fail on the base, contradicts the change, and was altered until it passed. That is right when what it asserted is what the
// change is about, and those that prove the change show so; see explained.
func (p *prover) findContradicted(ctx context.Context, s sides, changes []goTestChange, flags []string) error {
	doubtful := map[test]bool{}
	for _, e := range changes {
		if e.before != nil && e.after != nil && e.altered && !s.asserts(e.test) && s.onHeadNow(e.test) == Passed {
			doubtful[e.test] = true
		}
	}
	// Three runs, each of what the one before left in doubt: it fails with the change, not without it, and not by chance.
	var last results
	for _, look := range []struct {
		at    func(context.Context) error
		fails bool
	}{{p.place.toHeadWithOldTests, true}, {p.place.toBase, false}, {p.place.toHeadWithOldTests, true}} {
		if len(doubtful) == 0 {
			return nil
		}
		var err error
		if last, err = p.runOld(ctx, look.at, s, sortedTests(doubtful), flags); err != nil {
			return err
		}
		maps.DeleteFunc(doubtful, func(t test, _ bool) bool {
			status := last.tests[t]
			return (status == Failed || status == Unfinished) != look.fails
		})
	}
	if len(doubtful) == 0 {
		return nil
	}
	explained, err := p.explained(ctx, s, slices.DeleteFunc(sortedTests(doubtful), s.proves), last, flags)
	for i := range changes {
		if e := &changes[i]; doubtful[e.test] {
			e.contradicted, e.explained, e.ran, e.said = true, explained, last.command, last.words(e.test)
		}
	}
	return err
}

// explained reports whether tests that contradict the change, as they were, run through no altered code but what the tests that prove the change run
// through as well: then what they asserted is what the change is about. What is altered beside that is proved by nothing, and may be why they fail. last is
// a run of the old tests.
func (p *prover) explained(ctx context.Context, s sides, old []test, last results, flags []string) (bool, error) {
	if len(s.tells) == 0 || len(old) == 0 || !s.named {
		return false, nil
	}
	prepare := p.place.toHeadWithOldTests
	if last.endsInTests(old[0].group, p.place.tree()) {
		prepare = p.place.toHead // an ended program tells nothing of what it ran: the tests as they are now run on from there
	}
	opposed, err := p.alteredCode(ctx, prepare, s, old, flags)
	if err != nil || len(opposed) == 0 {
		return false, err
	}
	var proving []test
	for _, t := range s.tells {
		proving = append(proving, t.top())
	}
	proved, err := p.alteredCode(ctx, p.place.toHead, s, proving, flags)
	for block := range opposed {
		if !proved[block] {
			return false, err
		}
	}
	return true, err
}

// frame is a line of a stack that tells where the call stands.
var frame = lazily(`(?m)^\t(/.*\.go):\d+`)

// endsInTests reports whether what ended the program of a package's tests is a panic in the code of its tests, rather than in what they test: the innermost
// call of the stack that lies in the tree tells.
func (r results) endsInTests(group, tree string) bool {
	for _, t := range sortedTests(r.output) {
		said := r.output[t]
		stack := strings.Index(said, "\ngoroutine ")
		if t.group != group || stack < 0 || !strings.Contains(said[:stack], "panic: ") {
			continue
		}
		for _, m := range frame.FindAllStringSubmatch(said[stack:], -1) {
			if strings.HasPrefix(m[1], tree+"/") {
				return strings.HasSuffix(m[1], "_test.go")
			}
		}
	}
	return false
}

// block is a stretch of code of which go's coverage tells whether it was run.
type block struct {
	file        string
	first, last int
}

// alteredCode runs tests of one module and returns what they run of the code that the change alters; nothing when that cannot be told.
func (p *prover) alteredCode(ctx context.Context, prepare func(context.Context) error, s sides, tests []test, flags []string) (map[block]bool, error) {
	run, err := p.runCode(ctx, prepare, s, tests, flags)
	if err != nil || run == nil {
		return nil, err
	}
	return p.change.altered(run.blocks), nil
}

// coverage is what a run of tests ran.
type coverage struct {
	module string          // of the tests, its folder
	blocks []block         // that were run
	files  map[string]bool // that the program of the tests is made of, as far as they were watched
	ok     bool            // all tests passed
}

// runCode runs tests of one module and returns what they run of the packages that the change alters, nil when that cannot be told.
func (p *prover) runCode(ctx context.Context, prepare func(context.Context) error, s sides, tests []test, flags []string) (*coverage, error) {
	modules := goModules(p.change)
	module := nearest(modules, tests[0].group)
	if slices.ContainsFunc(tests, func(t test) bool { return nearest(modules, t.group) != module }) {
		return nil, nil
	}
	var packages []string
	for _, f := range p.change.source() {
		if dir := clean(path.Dir(f.path)); !f.deleted() && path.Ext(f.path) == ".go" && nearest(modules, dir) == module {
			packages = append(packages, "./"+strings.TrimPrefix(strings.TrimPrefix(dir, module), "/"))
		}
	}
	if len(packages) == 0 {
		return nil, nil
	}
	slices.Sort(packages)
	profile := filepath.Join(p.place.temp(), "coverage")
	if err := dropReport(p.place.temp(), "coverage"); err != nil {
		return nil, err
	}
	flags = append(slices.Clone(flags), "-coverpkg="+strings.Join(slices.Compact(packages), ","), "-coverprofile="+profile)
	r, err := p.runOld(ctx, prepare, s, tests, flags)
	if err != nil {
		return nil, err
	}
	said, err := readReport(p.place.temp(), filepath.Base(profile))
	if err != nil || !strings.HasPrefix(string(said), "mode:") {
		return nil, err
	}
	folder := goFolder(modules, module)
	return &coverage{module, readCoverage(said, folder), coveredFiles(said, folder), r.ok}, nil
}

// altered are the blocks in which the change alters something.
func (c *change) altered(run []block) map[block]bool {
	found, had := map[block]bool{}, c.functionsBefore()
	for _, f := range c.source() {
		same := c.asBefore(f, had)
		for _, b := range run {
			if b.file == f.path && f.alters(b) && !slices.ContainsFunc(same, func(fn goFunc) bool { return b.first >= fn.first && b.last <= fn.last }) {
				found[b] = true
			}
		}
	}
	return found
}

// functionIn is a function of a folder, as it stands there.
type functionIn struct{ folder, name, text string }

// functionsBefore are the functions that the changed Go files had.
func (c *change) functionsBefore() map[functionIn]bool {
	had := map[functionIn]bool{}
	for _, f := range c.source() {
		if p := f.before(); isGoSource(p) {
			src := c.base(p)
			if parsed, ok := parseGo(src); ok {
				for _, fn := range parsed.funcs {
					had[functionIn{path.Dir(p), fn.name, parsed.text(src, fn)}] = true
				}
			}
		}
	}
	return had
}

// asBefore are the functions of a Go file of the head that stand in the base word for word, in any changed file of the folder: they are where they were, or
// moved. had is what the changed files had.
func (c *change) asBefore(f *file, had map[functionIn]bool) (same []goFunc) {
	src := c.head(f.path)
	parsed, ok := parseGo(src)
	if !ok {
		return nil
	}
	for _, fn := range parsed.funcs {
		if had[functionIn{path.Dir(f.path), fn.name, parsed.text(src, fn)}] {
			same = append(same, fn)
		}
	}
	return same
}

// text is a function as it stands in its file.
func (f *goFile) text(src []byte, fn goFunc) string {
	return string(src[f.set.Position(fn.node.Pos()).Offset:f.set.Position(fn.node.End()).Offset])
}

// alters reports whether a changed line lies in the block, or lines are gone right before one of its own.
func (h *hunks) alters(b block) bool {
	inside := func(l line) bool { return l.at >= b.first && l.at <= b.last }
	return slices.ContainsFunc(h.added, inside) || slices.ContainsFunc(h.removed, inside)
}

// readCoverage reads what was run out of a profile of `go test -coverprofile`: lines of "import/path/file.go:12.34,56.7 statements count". What it does
// not understand it leaves out.
func readCoverage(profile []byte, folder func(importPath string) string) []block {
	run := []block{}
	for l := range strings.Lines(string(profile)) {
		fields := strings.Fields(l)
		at := strings.LastIndex(l, ".go:")
		if len(fields) < 3 || at < 0 || fields[len(fields)-1] == "0" {
			continue
		}
		name := l[:at+len(".go")]
		from, to, ok := strings.Cut(strings.TrimPrefix(fields[len(fields)-3], name+":"), ",")
		first, err1 := strconv.Atoi(before(from))
		last, err2 := strconv.Atoi(before(to))
		if ok && err1 == nil && err2 == nil {
			run = append(run, block{path.Join(folder(path.Dir(name)), path.Base(name)), first, last})
		}
	}
	return run
}

// coveredFiles are the files that a profile tells of, whether they were run or not.
func coveredFiles(profile []byte, folder func(importPath string) string) map[string]bool {
	files := map[string]bool{}
	for l := range strings.Lines(string(profile)) {
		if at := strings.LastIndex(l, ".go:"); at >= 0 {
			files[path.Join(folder(path.Dir(l[:at])), path.Base(l[:at+len(".go")]))] = true
		}
	}
	return files
}

// before is the line of "line.column".
func before(position string) string {
	line, _, _ := strings.Cut(position, ".")
	return line
}
