package proof

import (
	"context"
	"maps"
	"path"
	"slices"
	"strconv"
)

// guard judges what the change does to tests that were there. It wants to know which tests prove the change: what changes in those is proved too.
func (p *prover) guard(ctx context.Context, s sides, argv []string) error {
	flags := goFlags(argv)
	flags = withTags(flags, chosenTags(p.change, flags))
	changes := goTestChanges(p.change, flags)
	if s.base.command != "" { // the tests could be run
		if err := p.findReasons(ctx, s, changes, flags); err != nil {
			return err
		}
	}
	for _, w := range judgeGoTests(changes, s.proves, s.onHeadNow) {
		p.weaken(w, "")
	}
	if p.since != nil {
		for _, w := range judgeGoTests(goTestChanges(p.since, flags), func(test) bool { return false }, s.onHeadNow) {
			p.weaken(w, "since it was proven: ")
		}
	}
	if p.readError != nil || s.base.command == "" {
		return p.readError
	}
	return p.findLoosened(ctx, s, changes, flags)
}

func (p *prover) weaken(w weaker, when string) {
	w.Detail = when + w.Detail
	if w.forgiven != "" {
		p.warn("%s: %s%s; %s", w.Policy, w.place(), w.Detail, w.forgiven)
		return
	}
	p.refuse(w.Refusal)
}

// runOld runs some tests by name.
func (p *prover) runOld(ctx context.Context, prepare func(context.Context) error, s sides, tests []test, flags []string) (results, error) {
	packages := map[string]*goPackage{}
	for _, t := range tests {
		if packages[t.group] == nil {
			packages[t.group] = &goPackage{tests: map[string]bool{}}
		}
		packages[t.group].tests[t.name] = true
	}
	return p.runAll(ctx, prepare, goCommands(goModules(p.change), packages, flags, manner{limit: p.patience(s)}))
}

// goErrorAt is where the compiler finds fault, relative to the module.
var goErrorAt = lazily(`(?m)^(?:vet: )?(?:\./)?([^\s:][^:\n]*\.go):(\d+)`)

// findReasons looks at tests that are gone or check less, as they were, over the new code: one that does not compile there any more, by its own lines, is so
// because what it tested has another shape.
func (p *prover) findReasons(ctx context.Context, s sides, changes []goTestChange, flags []string) error {
	var gone []test
	for _, e := range changes {
		if e.gone() || e.lost() && !s.proves(e.test) {
			gone = append(gone, e.test)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	const allErrors = "-gcflags=-e"
	old, err := p.runOld(ctx, p.place.toHeadWithOldTests, s, gone, append(slices.Clone(flags), allErrors))
	if err != nil {
		return err
	}
	modules := goModules(p.change)
	for i := range changes {
		e := &changes[i]
		e.contradicted = old.tests[e.test] == Failed
		for _, m := range goErrorAt.FindAllStringSubmatch(old.broken[e.test.group], -1) {
			line, err := strconv.Atoi(m[2])
			if err == nil && e.lost() && path.Join(nearest(modules, e.test.group), m[1]) == e.file && line >= e.first && line <= e.last {
				e.subjectRemoved = true
			}
		}
	}
	return nil
}

// findLoosened runs tests whose lines changed, though they prove nothing, once more as they were before: over the new code. One that fails then,
// and does not fail on the base, has been loosened until it passed.
func (p *prover) findLoosened(ctx context.Context, s sides, changes []goTestChange, flags []string) error {
	doubtful := map[test]string{} // test -> its file
	for _, e := range changes {
		if e.before != nil && e.after != nil && e.altered && !s.proves(e.test) && s.onHeadNow(e.test) == Passed {
			doubtful[e.test] = e.file
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
		maps.DeleteFunc(doubtful, func(t test, _ string) bool {
			status := last.tests[t]
			return (status == Failed || status == Unfinished) != look.fails
		})
	}
	for _, t := range sortedTests(doubtful) {
		p.refuse(Refusal{
			Policy: PolicyLoosened, File: doubtful[t], Ran: last.command, Output: last.words(t),
			Detail: t.String() + " as it was before fails with the change, and as it is now it passes with and without: it was changed to pass, and nothing shows that it had to be",
		})
	}
	return nil
}
