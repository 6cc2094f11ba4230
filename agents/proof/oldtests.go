package proof

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
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
		if err := p.findContradictedFiles(ctx, s); err != nil {
			return err
		}
	}
	if err := p.findLostSpecs(ctx, s, flags); err != nil {
		return err
	}
	p.judgeHelpers()
	if idle := s.assertNothing(changes); len(idle) > 0 {
		p.warn("the tests that prove the change assert nothing: %s", names(idle))
	}
	if s.only != nil {
		if err := p.findLostScripts(ctx, s, flags); err != nil {
			return err
		}
		if s.base.command != "" {
			if err := p.findLostSubtests(ctx, s, changes, flags); err != nil {
				return err
			}
		}
		idle, red, err := p.findIdle(ctx, s, flags)
		if err != nil {
			return err
		}
		for i, e := range changes {
			is := func(t test) bool { return t.top() == e.test || t.isMethod(e.test) }
			changes[i].idle = slices.ContainsFunc(idle, is)
			changes[i].wasRed = slices.ContainsFunc(red, is) && !changes[i].idle
		}
		if t := slices.IndexFunc(idle, func(t test) bool {
			return !slices.ContainsFunc(changes, func(e goTestChange) bool { return e.test == t.top() })
		}); t >= 0 {
			p.refuse(Refusal{Policy: PolicySkipped, Detail: "runs without the change and is skipped with it: " + names(idle)})
		}
	}
	s.noteWhole(changes)
	for _, w := range append(judgeGoTests(changes, s.proves, s.onHeadNow), judgeTestLines(p.change, s.provesNamed)...) {
		p.weaken(w, "")
	}
	if p.since != nil {
		since := goTestChanges(p.since, flags)
		s.noteWhole(since)
		weakened := judgeGoTests(since, func(test) bool { return false }, s.onHeadNow)
		weakened = append(weakened, judgeTestLines(p.since, func(string, string) bool { return false })...)
		for _, w := range weakened {
			p.weaken(w, "since it was proven: ")
		}
	}
	return p.readError
}

// noteWhole notes the tests that passed on the head, and all parts of them.
func (s sides) noteWhole(changes []goTestChange) {
	for i, e := range changes {
		passed, other := 0, 0
		for t, status := range s.head.tests {
			switch {
			case t.group != e.test.group || t != e.test && !strings.HasPrefix(t.name, e.test.name+"/") && !t.isMethod(e.test):
			case status == Passed:
				passed++
			default:
				other++
			}
		}
		changes[i].ranWhole = passed > 0 && other == 0
	}
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

// findIdle finds tests that the head skips though they ran on the base: what skips them stands in a helper, in the data that they read, in TestMain. red are
// those that it skips and that fail here without the change as well.
func (p *prover) findIdle(ctx context.Context, s sides, flags []string) (idle, red []test, err error) {
	var skipped, tops []test
	for t, status := range s.head.tests {
		if status == Skipped && s.decides(t) && !s.fresh(t) {
			skipped, tops = append(skipped, t), append(tops, t.top())
		}
	}
	if len(skipped) == 0 {
		return nil, nil, nil
	}
	clean, err := p.runOld(ctx, p.place.toBase, s, tops, flags)
	sortTests(skipped)
	for _, t := range skipped {
		switch status := clean.tests[t]; {
		case status == Passed:
			idle = append(idle, t)
		case bad(status):
			red = append(red, t)
		}
	}
	return idle, red, err
}

// judgeUntold judges what needs no run, when the tests could not be judged: nothing that they might have said would have excused it.
func (p *prover) judgeUntold(argv []string) {
	if len(p.change.where(isProgram)) == 0 {
		p.nameWhatLacks()
	}
	flags := goFlags(argv)
	for _, e := range goTestChanges(p.change, withTags(flags, chosenTags(p.change, flags))) {
		if e.skipsMore() && e.after.bare {
			p.refuse(Refusal{Policy: PolicySkipped, File: e.file, Line: e.after.line, Detail: e.test.String() + " is skipped"})
		}
	}
}

// goErrorAt is where the compiler finds fault, relative to the module, and its words.
var goErrorAt = lazily(`(?m)^(?:vet: )?(?:\./)?([^\s:][^:\n]*\.go):(\d+)(?::\d+)?:? ?(.*)$`)

// findReasons looks at tests that are gone or check less, as they were, over the new code: one that does not compile there any more, by its own lines, is so
// because what it tested has another shape.
func (p *prover) findReasons(ctx context.Context, s sides, changes []goTestChange, flags []string) error {
	var gone []test
	for _, e := range changes {
		if e.gone() || e.lost() && !s.proves(e.test) || e.moved() && !s.proves(e.movedTo) {
			gone = append(gone, e.test)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	old, err := p.runOld(ctx, p.place.toHeadWithOldTests, s, gone, namingAllErrors(flags))
	if err != nil {
		return err
	}
	modules := goModules(p.change)
	if err := p.findOpposed(ctx, s, changes, old, flags); err != nil {
		return err
	}
	for i := range changes {
		e := &changes[i]
		e.contradicted = e.after == nil && old.tests[e.test] == Failed
		e.holds = e.after == nil && old.tests[e.test] == Passed
		for _, m := range goErrorAt.FindAllStringSubmatch(old.broken[e.test.group], -1) {
			line, err := strconv.Atoi(m[2])
			if err == nil && e.lost() && path.Join(nearest(modules, e.test.group), m[1]) == e.file && line >= e.first && line <= e.last {
				e.subjectRemoved = true
			}
		}
	}
	return nil
}

// findOpposed looks at tests that seem to go on as others. One that fails with the change, as it was, and does not fail on the base was right to the last.
func (p *prover) findOpposed(ctx context.Context, s sides, changes []goTestChange, old results, flags []string) error {
	var failed []test
	for _, e := range changes {
		if e.moved() && old.tests[e.test] == Failed {
			failed = append(failed, e.test)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	clean, err := p.runOld(ctx, p.place.toBase, s, failed, flags)
	for i, e := range changes {
		changes[i].opposed = slices.Contains(failed, e.test) && clean.tests[e.test] == Passed
	}
	return err
}

// moved reports whether the test is gone and seems to go on as another one.
func (e goTestChange) moved() bool { return e.after == nil && e.movedTo.name != "" }
