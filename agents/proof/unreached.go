package proof

import (
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// findUnreached looks at what the tests that prove the change run of it. Where it alters nothing but the bodies of functions and they run none of what is
// altered there, they see something else: a text, a file, a fake of their own.
func (p *prover) findUnreached(ctx context.Context, s sides, argv []string) error {
	c := p.change
	flags := goFlags(argv)
	flags = withTags(flags, chosenTags(c, flags))
	altered := c.alteredFunctions(flags)
	if s.only == nil || len(s.tells) == 0 || len(altered) == 0 {
		return nil
	}
	var tells []test
	for _, t := range s.tells {
		tells = append(tells, t.top())
	}
	sortTests(tells)
	tells = slices.Compact(tells)
	run, err := p.runCode(ctx, p.place.toHead, s, tells, flags)
	if err != nil || run == nil || !run.ok {
		return err
	}
	reached := c.altered(run.blocks)
	missed := slices.DeleteFunc(slices.Clone(altered), func(a alteredFunction) bool {
		for b := range reached {
			if a.holds(b) {
				return true
			}
		}
		return false
	})
	var list []string
	for _, a := range missed[:min(len(missed), 5)] {
		list = append(list, a.file+" "+a.name)
	}
	where := strings.Join(list, ", ")
	if more := len(missed) - len(list); more > 0 {
		where += fmt.Sprintf(" and %d more", more)
	}
	switch {
	case len(reached) > 0 && 2*len(missed) > len(altered):
		p.warn("not run by the tests that prove the change: %s", where)
	case len(reached) > 0:
	case slices.ContainsFunc(altered, func(a alteredFunction) bool { return slices.ContainsFunc(run.blocks, a.holds) }):
		p.warn("the tests that prove the change run none of the lines that it alters, but functions around them: %s", where)
	case c.mayRunElsewhere(altered, tells, run):
		p.warn("the tests that prove the change run none of the functions that it alters, unless in a program that they start, which is not looked into: %s", where)
	case c.altersMethodSets(altered) && s.seesMethodSets(c):
		p.warn("the tests that prove the change see which methods there are, and run none of those that it alters: %s", where)
	case c.altersBodiesAlone():
		p.refuse(Refusal{Policy: PolicyUnreached, File: altered[0].file, Line: altered[0].first, Detail: "the tests that fail without the change run nothing of what it alters: " + where})
	default:
		p.warn("the tests that prove the change run none of the functions that it alters: %s", where)
	}
	return nil
}

// mayRunElsewhere reports whether what the tests run of the altered functions may not show: another module holds them, or the tests start programs, themselves
// or by packages that serve tests, or by any package where the functions are no part of their own program.
func (c *change) mayRunElsewhere(altered []alteredFunction, tells []test, run *coverage) bool {
	modules := goModules(c)
	apart := false
	for _, a := range altered {
		if nearest(modules, clean(path.Dir(a.file))) != run.module {
			return true
		}
		apart = apart || !run.files[a.file]
	}
	if slices.ContainsFunc(tells, newNaming(c).runsPrograms) {
		return true
	}
	for _, t := range tells {
		folders, ok := c.madeOf(t.group)
		if !ok {
			return true
		}
		for _, p := range c.paths {
			dir := clean(path.Dir(p))
			if path.Ext(p) == ".go" && folders[dir] && (apart && (dir == t.group || !isTest(p)) || dir != t.group && (servesTests(c.head(p)) || testHelper.MatchString(path.Base(dir)))) && startsPrograms(c.head(p)) {
				return true
			}
		}
	}
	return false
}

// testHelper is how packages are called that serve tests.
var testHelper = lazily(`test|^e2e|^helpers?$|^fixtures?$`)

// startingPackage is a package, not go's own, that starts other programs.
var startingPackage = lazily(`/(testscript|scripttest|gexec|icmd|cmdtest|go-cmdtest|execabs|safeexec|bitfield/script)$`)

// startsPrograms reports whether a Go file uses a package that starts other programs.
func startsPrograms(content []byte) bool {
	f, ok := parseGo(content)
	return !ok || slices.ContainsFunc(slices.Collect(maps.Values(f.importPaths())), func(p string) bool {
		return p == "os/exec" || p == "plugin" || startingPackage.MatchString(p)
	})
}

// assertNothing are the tests that prove the change, when none of them holds an assertion and they fail on the base only for what it does not declare: they show
// that there is something to call, not what it does.
func (s sides) assertNothing(changes []goTestChange) (tells []test) {
	for _, t := range s.tells {
		i := slices.IndexFunc(changes, func(e goTestChange) bool { return e.test == t.top() || t.isMethod(e.test) })
		if i < 0 || changes[i].after == nil || changes[i].after.assertions > 0 || s.base.status(t) != Uncompiled {
			return nil
		}
		tells = append(tells, t.top())
	}
	sortTests(tells)
	return slices.Compact(tells)
}

// alteredFunction is a function of the head that the base has not in these words.
type alteredFunction struct {
	file string
	goFunc
}

// holds reports whether the block is one of the function.
func (a alteredFunction) holds(b block) bool {
	return b.file == a.file && b.first >= a.first && b.last <= a.last
}

// alteredFunctions are the functions of the source that the change adds or alters and that do something, as far as they are built here.
func (c *change) alteredFunctions(flags []string) (all []alteredFunction) {
	had := c.functionsBefore()
	for _, f := range c.source() {
		p := f.after()
		if p == "" || path.Ext(p) != ".go" || inDir(p, words("vendor")) || !built(p, c.head(p), flags) {
			continue // code of others is theirs to test
		}
		parsed, ok := parseGo(c.head(p))
		if !ok {
			continue
		}
		same := map[string]bool{}
		for _, fn := range c.asBefore(f, had) {
			same[fn.name] = true
		}
		for _, fn := range parsed.funcs {
			if !same[fn.name] && fn.node.Body != nil && len(fn.node.Body.List) > 0 {
				all = append(all, alteredFunction{p, fn})
			}
		}
	}
	return all
}

// altersBodiesAlone reports whether the change alters nothing that a test could see without running a function of it: no data, types, variables, nothing that
// is gone, no other language. An interface by itself does nothing.
func (c *change) altersBodiesAlone() bool {
	if len(c.embedders) > 0 {
		return false
	}
	for _, f := range c.files {
		switch {
		case isTest(f.path) || isDocument(f.path):
		case path.Ext(f.path) != ".go" || f.deleted() || f.old != "" && path.Dir(f.old) != path.Dir(f.path) || inDir(f.path, words("vendor")):
			return false
		default:
			head, ok := parseGo(c.head(f.path))
			if !ok || slices.ContainsFunc(f.added, func(l line) bool { return !head.quiet[l.number] && !head.silent(l.number, nil) }) {
				return false
			}
			base, ok := parseGo(c.base(f.before()))
			if f.before() != "" && (!ok || slices.ContainsFunc(f.removed, func(l line) bool { return !base.quiet[l.number] && !base.silent(l.number, head) })) {
				return false
			}
		}
	}
	return true
}

// altersMethodSets reports whether all altered functions are methods that are new, or that another kind of receiver has now: what is to be seen of them
// without running any.
func (c *change) altersMethodSets(altered []alteredFunction) bool {
	had := map[string]bool{}
	key := func(fn goFunc) string {
		_, pointer := fn.node.Recv.List[0].Type.(*ast.StarExpr)
		if pointer {
			return "*" + fn.name
		}
		return fn.name
	}
	for _, f := range c.source() {
		if parsed, ok := parseGo(c.base(f.before())); ok && isGoSource(f.before()) {
			for _, fn := range parsed.funcs {
				if fn.node.Recv != nil {
					had[path.Dir(f.before())+" "+key(fn)] = true
				}
			}
		}
	}
	return !slices.ContainsFunc(altered, func(a alteredFunction) bool {
		return a.node.Recv == nil || had[path.Dir(a.file)+" "+key(a.goFunc)]
	})
}

// notImplemented is how the compiler says that a type lacks methods.
var notImplemented = lazily(`does not implement|missing method|has no field or method`)

// seesMethodSets reports whether a test that proves the change fails on the base for want of a method, or asks which interface a value is of.
func (s sides) seesMethodSets(c *change) bool {
	return slices.ContainsFunc(s.tells, func(t test) bool {
		if s.base.status(t) == Uncompiled {
			return notImplemented.MatchString(s.base.broken[t.group] + s.base.output[t])
		}
		return slices.ContainsFunc(c.tests(), func(f *file) bool {
			if f.deleted() || path.Ext(f.path) != ".go" || clean(path.Dir(f.path)) != t.group {
				return false
			}
			parsed, ok := parseGo(c.head(f.path))
			return ok && slices.ContainsFunc(parsed.funcs, func(fn goFunc) bool { return fn.name == t.top().name && asksForInterface(fn.node) })
		})
	})
}

// asksForInterface reports whether a function asks of what type, or of what interface, a value is.
func asksForInterface(fn *ast.FuncDecl) (asks bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeAssertExpr:
			asks = true
		case *ast.SelectorExpr:
			asks = asks || isNamed(n.X, "reflect") || n.Sel.Name == "Implements" || n.Sel.Name == "As" || n.Sel.Name == "ErrorAs"
		}
		return true
	})
	return asks
}

// silent reports whether a line stands in a function, that is still there where a later file is given, or in an interface.
func (f *goFile) silent(number int, later *goFile) bool {
	for _, fn := range f.funcs {
		if number >= fn.first && number <= fn.last {
			return later == nil || slices.ContainsFunc(later.funcs, func(g goFunc) bool { return g.name == fn.name })
		}
	}
	for _, d := range f.node.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE || number < f.set.Position(g.Pos()).Line || number > f.set.Position(g.End()).Line {
			continue
		}
		return !slices.ContainsFunc(g.Specs, func(s ast.Spec) bool {
			t, isType := s.(*ast.TypeSpec)
			if !isType {
				return true
			}
			_, isInterface := t.Type.(*ast.InterfaceType)
			return !isInterface
		})
	}
	return false
}

// runsPrograms reports whether a test of the head starts other programs, of whose code nothing is known.
func (n *naming) runsPrograms(t test) bool {
	named := n.reach(t)
	return named["exec"] || named["testscript"] || named["scripttest"] || named["StartProcess"] || named["plugin"] ||
		named["gexec"] || named["icmd"] || named["cmdtest"] || named["execabs"] || named["safeexec"]
}
