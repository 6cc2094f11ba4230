package proof

import (
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// planGo runs the packages of the changed Go tests, and of those only the tests that the change touches where that is certain.
func planGo(c *change, argv []string) (plan, bool) {
	return planPackages(c, goPackages(c), argv)
}

// planPackages runs tests of some packages.
func planPackages(c *change, packages map[string]*goPackage, argv []string) (plan, bool) {
	if len(packages) == 0 {
		return plan{}, false
	}
	modules := goModules(c)
	flags := goFlags(argv)
	flags = withTags(flags, chosenTags(c, flags))
	known, came := testNames(c)
	return plan{
		named: true,
		commands: func(m manner) []command {
			return goCommands(modules, packages, flags, m)
		},
		only: func(tests []test, m manner) []command {
			return goCommands(modules, packagesOf(tests), flags, m)
		},
		cut: goCutter(c, modules),
		decides: func(t test) bool {
			p := packages[t.group]
			return p != nil && (p.whole || p.tests[t.top().name])
		},
		touched: func(t test) bool {
			p := packages[t.group]
			return p != nil && (len(p.tests) == 0 || p.tests[t.top().name])
		},
		fresh:  func(t test) bool { return came[t.top()] && !known[t.top()] },
		skips:  slices.ContainsFunc(c.tests(), func(f *file) bool { return matching(f.added, goSkip)+matching(f.added, scriptSkip) > 0 }),
		hidden: hiddenTests(c, flags),
	}, true
}

// testNames are the Go tests that the changed files held in the base, and those that they hold in the head.
func testNames(c *change) (before, after map[test]bool) {
	before, after = map[test]bool{}, map[test]bool{}
	note := func(names map[test]bool, p string, side tree) {
		if p == "" || path.Ext(p) != ".go" {
			return
		}
		if parsed, ok := parseGo(side(p)); ok {
			for _, fn := range parsed.tests() {
				names[test{clean(path.Dir(p)), fn.name}] = true
			}
		}
	}
	for _, f := range c.tests() {
		note(before, f.before(), c.base)
		note(after, f.after(), c.head)
	}
	return before, after
}

// goPackage is a package whose tests the change touches.
type goPackage struct {
	tests map[string]bool // by name
	whole bool            // what is touched may be any of them
}

// goPackages are the packages of the head whose tests the change touches, by their folder.
func goPackages(c *change) map[string]*goPackage {
	all := map[string]*goPackage{}
	get := func(dir string) *goPackage {
		if all[dir] == nil {
			all[dir] = &goPackage{tests: map[string]bool{}}
		}
		return all[dir]
	}
	for _, f := range c.tests() {
		dir := clean(path.Dir(f.path))
		switch {
		case isFixture(f.path):
			if dir, ok := fixtureOwner(c, f.path); ok {
				get(dir).whole = true
			}
		case f.deleted() || path.Ext(f.path) != ".go" || ignoredByGo(f.path):
		default:
			parsed, ok := parseGo(c.head(f.path))
			if !ok { // it does not compile, which is for the compiler to say
				get(dir).whole = true
				continue
			}
			names, certain := parsed.touched(f.hunks)
			if f.created() && len(parsed.tests()) > 0 { // what else it holds serves its own tests, or others that change too
				certain = true
			}
			p := get(dir)
			p.whole = p.whole || !certain
			for _, name := range names {
				p.tests[name] = true
			}
			if f.old != "" && clean(path.Dir(f.old)) != dir { // the same tests of another package
				for _, fn := range parsed.tests() {
					p.tests[fn.name] = true
				}
			}
		}
	}
	// Files in which no test is touched: they have moved, or something else by the same name is imported. Where nothing else is left, it may be any of theirs.
	touches := slices.ContainsFunc(slices.Collect(maps.Values(all)), (*goPackage).runs)
	for dir, p := range all {
		p.whole = p.whole || !touches
		if _, ok := goModule(c, dir); !ok || !p.runs() {
			delete(all, dir)
		}
	}
	return all
}

// runs reports whether anything of the package is to be run.
func (p *goPackage) runs() bool { return p.whole || len(p.tests) > 0 }

// packagesOf are the packages of some tests, with those alone.
func packagesOf(tests []test) map[string]*goPackage {
	packages := map[string]*goPackage{}
	for _, t := range tests {
		if packages[t.group] == nil {
			packages[t.group] = &goPackage{tests: map[string]bool{}}
		}
		packages[t.group].tests[t.name] = true
	}
	return packages
}

// ignoredByGo reports whether `./...` passes the file over.
func ignoredByGo(p string) bool {
	for _, part := range strings.Split(p, "/") {
		if strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

// fixtureOwner finds the Go package whose tests read a file: the nearest folder above it that holds Go tests.
func fixtureOwner(c *change, p string) (string, bool) {
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		folder := clean(dir)
		if !inDir(dir+"/x", words("testdata")) && slices.ContainsFunc(c.paths, func(q string) bool {
			return strings.HasSuffix(q, "_test.go") && clean(path.Dir(q)) == folder
		}) {
			return folder, true
		}
		if folder == "" {
			return "", false
		}
	}
}

var moduleLine = lazily(`(?m)^module[ \t]+"?([^\s"]+)`)

// goModules are the modules of the repository: their folder by module path. They are looked for once.
func goModules(c *change) map[string]string {
	if c.modules != nil {
		return c.modules
	}
	modules := map[string]string{}
	for _, p := range c.paths {
		if isGoMod(p) && len(modules) < 200 {
			if m := moduleLine.FindSubmatch(c.head(p)); m != nil {
				modules[string(m[1])] = clean(path.Dir(p))
			}
		}
	}
	if len(c.paths) > 0 {
		c.modules = modules
	}
	return modules
}

// goModule finds the folder of the module that a folder is part of.
func goModule(c *change, dir string) (string, bool) {
	for {
		if c.has(path.Join(dir, "go.mod")) {
			return clean(dir), true
		}
		if dir == "" || dir == "." {
			return "", false
		}
		dir = clean(path.Dir(dir))
	}
}

// goCommands makes one command for each module and way to run: with the tests named, or whole packages.
func goCommands(modules map[string]string, packages map[string]*goPackage, flags []string, m manner) []command {
	type key struct {
		module string
		whole  bool
	}
	patterns, names := map[key][]string{}, map[key][]string{}
	for dir, p := range packages {
		k := key{nearest(modules, dir), p.whole}
		rel := strings.TrimPrefix(strings.TrimPrefix(dir, k.module), "/")
		patterns[k] = append(patterns[k], "./"+rel)
		for name := range p.tests {
			names[k] = append(names[k], name)
		}
	}
	var commands []command
	for k, list := range patterns {
		slices.Sort(list)
		args := slices.Clone(flags)
		if m.limit > 0 {
			args = append(args, "-timeout="+m.limit.Round(time.Second).String())
		}
		if m.twice {
			args = append(args, "-count=2")
		}
		if m.allErrors {
			args = namingAllErrors(args)
		}
		if !k.whole {
			slices.Sort(names[k])
			args = append(args, "-run=^("+strings.Join(slices.Compact(names[k]), "|")+")$")
		}
		commands = append(commands, goCommand(modules, k.module, args, list))
	}
	slices.SortFunc(commands, func(a, b command) int { return strings.Compare(a.String(), b.String()) })
	return commands
}

// namingAllErrors has the compiler name all that it finds fault with, rather than the first ten places. Flags for the compiler that are there stay: of
// several go takes the last.
func namingAllErrors(flags []string) []string {
	all, there := slices.Clone(flags), false
	for i, flag := range all {
		if strings.HasPrefix(flag, "-gcflags=") {
			all[i], there = flag+" -e", true
		}
	}
	if !there {
		all = append(all, "-gcflags=-e")
	}
	return all
}

// nearest is the folder of the innermost module that holds dir.
func nearest(modules map[string]string, dir string) string {
	best := ""
	for _, m := range modules {
		if (dir == m || strings.HasPrefix(dir, m+"/")) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// goCommand runs packages of one module, never from remembered results.
func goCommand(modules map[string]string, dir string, flags, patterns []string) command {
	args := append([]string{"go", "test", "-json", "-count=1"}, flags...) // a later -count goes before
	return command{
		dir:    dir,
		args:   append(args, patterns...),
		reader: goReader(modules, dir),
		again:  goAgain(modules, dir, flags),
	}
}

// goSuite is the repository's own `go test` command, made to speak JSON. Packages that the change does not touch may come from go's
// memory of earlier runs: go knows better than anyone what they depend on.
func goSuite(modules map[string]string, dir string, argv []string) command {
	args := []string{argv[0], "test", "-json"}
	for _, a := range argv[2:] {
		if a != "-json" && a != "--json" && a != "-v" {
			args = append(args, a)
		}
	}
	return command{dir: dir, args: args, reader: goReader(modules, dir), again: goAgain(modules, dir, goFlags(argv))}
}

// goAgain runs the packages again in which something failed.
func goAgain(modules map[string]string, dir string, flags []string) func(map[test]string) (command, bool) {
	return func(failed map[test]string) (command, bool) {
		var patterns []string
		for t := range failed {
			if nearest(modules, t.group) != dir {
				continue
			}
			patterns = append(patterns, "./"+strings.TrimPrefix(strings.TrimPrefix(t.group, dir), "/"))
		}
		slices.Sort(patterns)
		return goCommand(modules, dir, flags, slices.Compact(patterns)), len(patterns) > 0
	}
}

func goReader(modules map[string]string, dir string) func(journal) reader {
	return func(log journal) reader {
		events := newGoEvents(goFolder(modules, dir), log)
		return reader{stdout: events, stderr: io.MultiWriter(&events.stray, log), finish: events.finish}
	}
}

// goFolder turns import paths into folders of the repository, for a command that runs in dir. Go names a package that it
// cannot load by the pattern it was asked for.
func goFolder(modules map[string]string, dir string) func(string) string {
	return func(importPath string) string {
		if rest, ok := strings.CutPrefix(importPath, "./"); ok || importPath == "." {
			return clean(path.Join(dir, rest))
		}
		for module := importPath; module != "." && module != "/"; module = path.Dir(module) {
			if folder, ok := modules[module]; ok {
				return clean(path.Join(folder, "."+strings.TrimPrefix(importPath, module)))
			}
		}
		return importPath
	}
}

// keptFlags are the flags of the repository's test command that decide which code is tested, and how; true for those that take a value.
var keptFlags = map[string]bool{
	"tags": true, "race": false, "short": false, "mod": true, "modfile": true, "ldflags": true, "gcflags": true, "vet": true,
	"cpu": true, "p": true, "parallel": true, "timeout": true, "msan": false, "asan": false, "trimpath": false, "buildvcs": true,
}

// goFlags are the flags worth keeping of a `go test` command, written as one word each; none of any other command.
func goFlags(argv []string) []string {
	if !isGoTestCommand(argv) {
		return nil
	}
	var flags []string
	for i := 2; i < len(argv); i++ {
		name, value, joined := strings.Cut(strings.TrimLeft(argv[i], "-"), "=")
		takes, known := keptFlags[name]
		switch {
		case argv[i] == "-args" || argv[i] == "--args":
			return flags
		case !strings.HasPrefix(argv[i], "-") || !known:
		case joined:
			flags = append(flags, "-"+name+"="+value)
		case takes && i+1 < len(argv):
			i++
			flags = append(flags, "-"+name+"="+argv[i])
		case !takes:
			flags = append(flags, "-"+name)
		}
	}
	return flags
}

func isGoTestCommand(argv []string) bool {
	return len(argv) >= 2 && path.Base(argv[0]) == "go" && argv[1] == "test"
}
