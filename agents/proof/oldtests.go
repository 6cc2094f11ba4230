package proof

import (
	"context"
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
		if err := p.findContradicted(ctx, s, changes, flags); err != nil {
			return err
		}
	}
	for _, w := range append(judgeGoTests(changes, s.proves, s.onHeadNow), judgeTestLines(p.change, s.provesNamed)...) {
		p.weaken(w, "")
	}
	if p.since != nil {
		weakened := judgeGoTests(goTestChanges(p.since, flags), func(test) bool { return false }, s.onHeadNow)
		weakened = append(weakened, judgeTestLines(p.since, func(string, string) bool { return false })...)
		for _, w := range weakened {
			p.weaken(w, "since it was proven: ")
		}
	}
	return p.readError
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
	return p.runAll(ctx, prepare, goCommands(goModules(p.change), packagesOf(tests), flags, manner{limit: p.patience(s)}))
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
		e.contradicted = e.after == nil && old.tests[e.test] == Failed
		for _, m := range goErrorAt.FindAllStringSubmatch(old.broken[e.test.group], -1) {
			line, err := strconv.Atoi(m[2])
			if err == nil && e.lost() && path.Join(nearest(modules, e.test.group), m[1]) == e.file && line >= e.first && line <= e.last {
				e.subjectRemoved = true
			}
		}
	}
	return nil
}
