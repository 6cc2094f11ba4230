package proof

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// suite runs the repository's whole test command on the head. For the tests that tell it is the second run on the head.
func (p *prover) suite(ctx context.Context, argv []string, s sides) error {
	whole, partly := p.suiteCommands(argv), false
	r, err := p.runAll(ctx, p.place.toHead, whole)
	if err != nil {
		return err
	}
	stuck := r.cut != "" && !remembers(whole)
	if r.cut != "" && !stuck {
		some, reached, all := p.change.toReached(whole, r.failures())
		narrower := reached > 0 && reached < all
		if !narrower || r.groups()*(1+maximumGoesOn) >= all { // else it would not end so either
			if r, stuck, err = p.goOn(ctx, whole, r); err != nil {
				return err
			}
		}
		if partly = r.cut != "" && !stuck && narrower; partly {
			p.warn("the whole suite does not end in the time that a command has: of its %d packages with tests the %d were run that the change can reach", all, reached)
			if r, err = p.runAll(ctx, p.place.toHead, some); err == nil {
				r, stuck, err = p.goOn(ctx, some, r)
			}
			if whole = some; err != nil {
				return err
			}
		}
	}
	p.receipt.Suite = &Suite{Command: r.command, Passed: r.ok && !partly, Tests: r.passed(), Seconds: r.took.Seconds()}
	if !r.ok {
		red, err := p.suiteFailed(ctx, whole, r, stuck, s.lacking)
		if err != nil || len(p.receipt.Refusals) > 0 {
			return err
		}
		p.receipt.Suite.Passed = !red && !partly
	}
	if s.only != nil {
		if err := p.findHidden(ctx, s, r, goFlags(argv)); err != nil || len(p.receipt.Refusals) > 0 {
			return err
		}
	}
	if s.only == nil && tellsTests(whole) {
		if err := p.findUnasked(ctx, whole, r); err != nil || len(p.receipt.Refusals) > 0 {
			return err
		}
	}
	return p.twice(ctx, s, r)
}

// goOn runs a suite again and again while the limit ends it and it gets further: go remembers which packages have passed, so that another run begins where the
// one before was ended. stuck is one that got no further.
func (p *prover) goOn(ctx context.Context, whole []command, r results) (last results, stuck bool, err error) {
	for range maximumGoesOn {
		if r.cut == "" || stuck {
			break
		}
		further, err := p.runAll(ctx, p.place.toHead, whole)
		if err != nil {
			return r, false, err
		}
		stuck, r = further.cut != "" && further.passed() <= r.passed(), further
	}
	return r, stuck, nil
}

// tellsTests reports whether the tool tells its tests apart.
func tellsTests(whole []command) bool {
	return !slices.ContainsFunc(whole, func(c command) bool { return c.again == nil })
}

// maximumGoesOn bounds how often a suite that reached its limit goes on, as long as it gets further.
const maximumGoesOn = 3

// remembers reports whether the tool keeps the results of what has passed.
func remembers(whole []command) bool {
	return !slices.ContainsFunc(whole, func(c command) bool { return !isGoTestCommand(c.args) })
}

func (p *prover) suiteCommands(argv []string) []command {
	if p.JUnit != "" {
		return []command{reportCommand(argv, p.JUnit)}
	}
	return suiteOf(p.change, argv)
}

// suiteFailed tells chance, an older failure and the change's own from each other. red says that the suite cannot be said to pass: for an older failure, or one
// that two runs have shown and a third one has not.
func (p *prover) suiteFailed(ctx context.Context, whole []command, first results, stuck bool, lacking []test) (red bool, err error) {
	retry, named := againOf(whole, first)
	second := first
	if first.cut == "" || !stuck { // else it would only reach its limit again
		if second, err = p.runAll(ctx, p.place.toHead, retry); err != nil {
			return false, err
		}
	}
	failed, flaky := both(first, second)
	if first.cut != "" && !stuck && len(failed) == 0 {
		// What the limit ended passes by itself. What had not begun is not known.
		return false, fmt.Errorf("%w: the whole suite does not end in the time that a command has: %s", ErrLimit, first.cut)
	}
	p.sayFlaky(flaky)
	maps.DeleteFunc(failed, func(t test, _ string) bool { return slices.Contains(lacking, t) })
	if len(failed) == 0 {
		return false, nil
	}
	p.red, _, err = p.blame(ctx, retry, named, failed, second, PolicySuite)
	return len(p.red) > 0 || p.chance, err
}

// againOf makes the commands that run again what failed, or all of it where that cannot be told. named is whether the tool names its tests.
func againOf(whole []command, first results) (retry []command, named bool) {
	failed := first.failures()
	_, blind := failed[first.whole()]
	for _, c := range whole {
		if c.again == nil {
			return whole, false
		}
		if again, ok := c.again(failed); ok && !blind {
			retry = append(retry, again)
		}
	}
	if len(retry) == 0 {
		return whole, true
	}
	return retry, true
}

// twice makes sure that each test that tells has passed on the head a second time, called as it was over the base: a test sees the flags of its program, and
// could fail by those.
func (p *prover) twice(ctx context.Context, s sides, suite results) error {
	sure := func(t test) bool {
		return !suite.cached[t.group] && suite.statusOf(t, s.named) == Passed && (s.only == nil || s.base.status(t) == Uncompiled)
	}
	how := manner{limit: p.patience(s), twice: true}
	var tells []test
	for _, t := range s.tells {
		if !sure(t) {
			tells = append(tells, t.top())
		}
	}
	if len(tells) == 0 {
		return nil
	}
	attempts := [][]command{s.commands(how)}
	if sortTests(tells); s.only != nil { // by themselves, and only then among those that they may lean on
		attempts = slices.Insert(attempts, 0, s.only(slices.Compact(tells), how))
	}
	flaky := slices.DeleteFunc(slices.Clone(s.tells), sure)
	for _, commands := range attempts {
		if len(flaky) == 0 {
			break
		}
		again, err := p.runAll(ctx, p.place.toHead, commands)
		if err != nil {
			return err
		}
		flaky = slices.DeleteFunc(flaky, func(t test) bool { return again.statusOf(t, s.named) == Passed })
	}
	if len(flaky) == 0 {
		return nil
	}
	p.sayFlaky(flaky)
	for i := range p.receipt.Tests {
		row := &p.receipt.Tests[i]
		if slices.ContainsFunc(flaky, func(t test) bool { return t.String() == row.Name }) {
			row.Head, row.Tells = Unsteady, false
		}
	}
	if len(flaky) == len(s.tells) {
		s.flaky = append(s.flaky, flaky...)
		for _, r := range s.whyNothingTells() {
			p.refuse(r)
		}
	}
	return nil
}
