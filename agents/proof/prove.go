package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// firstLimit is what a test program gets on the base at least, where a test may well hang that the change mends.
const firstLimit = time.Minute

// prover is one proof on its way.
type prover struct {
	Request
	log         io.Writer
	marker      string
	change      *change
	basePaths   []string
	place       *place
	receipt     Receipt
	runs        int
	uncontained bool
	readError   error
}

// Prove tells whether the head is done. An error means that it could not be told, never that the change is bad; the
// receipt then holds what was found so far.
func Prove(ctx context.Context, r Request) (Receipt, error) {
	if err := r.check(); err != nil {
		return Receipt{}, fmt.Errorf("prove: %w", err)
	}
	now := r.Now
	if now == nil {
		now = time.Now
	}
	began := now()
	p := &prover{Request: r, log: deaf{r.Log}, marker: r.Marker}
	p.receipt = Receipt{Against: r.Against, Tests: []TestResult{}, Refusals: []Refusal{}, Warnings: []string{}}
	err := p.prove(ctx)
	p.receipt.Seconds = now().Sub(began).Seconds()
	if err != nil && len(p.receipt.Refusals) > 0 && ctx.Err() == nil {
		// The change is refused whatever the tests would have said.
		p.warn("the tests could not be judged: %v", err)
		err = nil
	}
	if err != nil {
		return p.receipt, fmt.Errorf("prove %s: %w", short(r.Head), err)
	}
	p.receipt.Proven = len(p.receipt.Refusals) == 0
	return p.receipt, nil
}

func (p *prover) prove(ctx context.Context) (err error) {
	if err := p.load(ctx); err != nil {
		return err
	}
	c := p.change
	if len(c.files) == 0 {
		p.refuse(Refusal{Policy: PolicyEmpty, Detail: "nothing changed between base and head"})
		return nil
	}
	if nothingRuns(c) {
		p.receipt.Strength = Documentation
	}
	if err := p.judge(); err != nil {
		return err
	}
	if p.receipt.Strength == Documentation || !slices.ContainsFunc(c.tests(), func(f *file) bool { return !f.deleted() }) {
		return nil
	}
	argv := p.Test
	if len(argv) == 0 {
		if argv, err = detect(c, p.basePaths); err != nil {
			return err
		}
	}
	if err := p.readError; err != nil {
		return err
	}
	if err := p.place.open(ctx); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, p.place.close(context.WithoutCancel(ctx)))
	}()
	return p.test(ctx, argv)
}

// judge asks the policies.
func (p *prover) judge() error {
	for _, policy := range policies() {
		if p.receipt.Strength == Documentation && policy.name == PolicyNoTests {
			continue // there is nothing that a test could show
		}
		found := policy.judge(p.change)
		for _, r := range found {
			r.Policy = policy.name
			p.refuse(r)
		}
		if len(found) == 0 {
			p.receipt.Held = append(p.receipt.Held, policy.name)
		}
	}
	return p.readError
}

// refuse notes a refusal, or a warning where the configuration says so.
func (p *prover) refuse(r Refusal) {
	if slices.Contains(p.Warn, r.Policy) {
		p.warn("%s: %s", r.Policy, r.place()+r.Detail)
		return
	}
	p.receipt.Refusals = append(p.receipt.Refusals, r)
}

func (p *prover) warn(format string, args ...any) {
	p.receipt.Warnings = append(p.receipt.Warnings, clip(fmt.Sprintf(format, args...), 400))
}

// test runs the tests of the change on both sides, then the whole suite.
func (p *prover) test(ctx context.Context, argv []string) error {
	plan := planWhole(argv)
	for _, t := range tools() {
		if claimed, ok := t(p.change, argv); ok {
			plan = claimed
			break
		}
	}
	head, tells, err := p.sides(ctx, plan)
	if p.uncontained {
		p.warn("the tests ran uncontained: this kernel has no Landlock")
	}
	if err != nil || len(p.receipt.Refusals) > 0 {
		return err
	}
	return p.suite(ctx, argv, plan, head, tells)
}

// sides runs the tests of the change on the head and on the base. It refuses, or gives the tests that prove the change.
func (p *prover) sides(ctx context.Context, plan plan) (head results, tells []test, err error) {
	if err := p.place.toHead(ctx); err != nil {
		return head, nil, err
	}
	if head, err = p.runAll(ctx, plan.commands(0)); err != nil {
		return head, nil, err
	}
	var flaky []test
	if !head.ok {
		again, err := p.runAll(ctx, plan.commands(0))
		if err != nil {
			return head, nil, err
		}
		failed, shaky := both(head, again)
		flaky = shaky
		if len(failed) > 0 {
			return head, nil, p.blame(ctx, plan.commands(0), plan.named, failed, again, PolicyFailOnHead)
		}
	}
	if !plan.named { // a command that fails on the base without the tests says nothing with them
		if err := p.place.toBase(ctx); err != nil {
			return head, nil, err
		}
		clean, err := p.runAll(ctx, plan.commands(0))
		if err != nil {
			return head, nil, err
		}
		if !clean.ok {
			return head, nil, p.baseRed([]test{clean.whole()}, clean)
		}
	}
	base, err := p.onBase(ctx, plan, head)
	if err != nil {
		return head, nil, err
	}
	tells = slices.DeleteFunc(plan.telling(base, head), func(t test) bool { return slices.Contains(flaky, t) })
	if plan.strength(tells, base) == Assertion {
		again, err := p.runAll(ctx, plan.commands(p.patience(head)))
		if err != nil {
			return head, nil, err
		}
		var shaky []test
		tells, shaky = steady(tells, func(t test) bool { return bad(again.statusOf(t, plan.named)) })
		flaky = append(flaky, shaky...)
	}
	p.receipt.Strength = plan.strength(tells, base)
	p.receipt.Tests = plan.table(base, head, tells, flaky)
	p.sayFlaky(flaky)
	if len(tells) == 0 {
		p.refuse(p.whyNothingTells(plan, base, head, flaky))
	}
	return head, tells, nil
}

// patience is how long a test program may take on the base, when the head's took what it took.
func (p *prover) patience(head results) time.Duration { return firstLimit + 4*head.took }

// onBase runs the tests of the change on the base.
func (p *prover) onBase(ctx context.Context, plan plan, head results) (results, error) {
	if err := p.place.toBaseWithTests(ctx); err != nil {
		return results{}, err
	}
	if err := p.readError; err != nil {
		return results{}, err
	}
	return p.runAll(ctx, plan.commands(p.patience(head)))
}

// whyNothingTells names the policy for a change none of whose tests proves it.
func (p *prover) whyNothingTells(plan plan, base, head results, flaky []test) Refusal {
	var passing, idle []test
	for t, s := range head.tests {
		switch {
		case !plan.decides(t):
		case s == Passed && base.statusOf(t, plan.named) == Passed:
			passing = append(passing, t)
		case s == Skipped:
			idle = append(idle, t)
		}
	}
	sortTests(passing)
	sortTests(idle)
	r := Refusal{Ran: base.command}
	switch {
	case len(flaky) > 0:
		r.Policy, r.Ran = PolicyFlaky, head.command
		r.Detail = names(flaky) + ": failed, then passed, with nothing changed, so it decides nothing, and no other test shows the change"
	case len(idle) > 0 && len(passing) == 0:
		r.Policy, r.Ran = PolicyNotRun, head.command
		r.Detail = "the tests of the change are skipped: " + names(leaves(idle))
		r.Output = head.words(idle[0])
	case len(passing) > 0:
		r.Policy = PolicyPassOnBase
		r.Detail = "the tests of the change pass without it as well, so they prove nothing: " + names(leaves(passing))
	default:
		r.Policy, r.Ran = PolicyNotRun, head.command
		r.Detail = "none of the tests of the change was run; a build tag, a name that the tool does not take for a test, or TestMain may be why"
		r.Output = head.stray
	}
	return r
}

// sayFlaky names tests that decide nothing.
func (p *prover) sayFlaky(flaky []test) {
	if flaky = leaves(flaky); len(flaky) > 0 {
		p.warn("flaky, failed and then passed with nothing changed: %s", names(flaky))
	}
}

// suite runs the repository's whole test command on the head. For the tests that tell it is the second run on the head.
func (p *prover) suite(ctx context.Context, argv []string, plan plan, head results, tells []test) error {
	if err := p.place.toHead(ctx); err != nil {
		return err
	}
	whole := suiteOf(p.change, argv)
	r, err := p.run(ctx, whole)
	if err != nil {
		return err
	}
	p.receipt.Suite = &Suite{Command: r.command, Passed: r.ok, Tests: r.passed(), Seconds: r.took.Seconds()}
	if !r.ok {
		if err := p.suiteFailed(ctx, whole, plan, r); err != nil || len(p.receipt.Refusals) > 0 {
			return err
		}
		p.receipt.Suite.Passed = true
	}
	return p.twice(ctx, plan, head, tells, r)
}

// suiteFailed tells chance, an older failure and the change's own from each other.
func (p *prover) suiteFailed(ctx context.Context, whole command, plan plan, first results) error {
	retry := whole
	if _, blind := first.failures()[first.whole()]; whole.again != nil && !blind {
		retry = whole.again(first.failures())
	}
	second, err := p.run(ctx, retry)
	if err != nil {
		return err
	}
	failed, flaky := both(first, second)
	p.sayFlaky(flaky)
	if len(failed) == 0 {
		return nil
	}
	return p.blame(ctx, []command{retry}, whole.again != nil, failed, second, PolicySuite)
}

// twice makes sure that each test that tells has passed on the head a second time.
func (p *prover) twice(ctx context.Context, plan plan, head results, tells []test, suite results) error {
	sure := func(t test) bool {
		return !suite.cached[t.group] && suite.statusOf(t, plan.named) == Passed
	}
	if !slices.ContainsFunc(tells, func(t test) bool { return !sure(t) }) {
		return nil
	}
	again, err := p.runAll(ctx, plan.commands(0))
	if err != nil {
		return err
	}
	kept, flaky := steady(tells, func(t test) bool { return sure(t) || again.statusOf(t, plan.named) == Passed })
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
	if len(kept) == 0 {
		p.refuse(p.whyNothingTells(plan, results{}, head, flaky))
	}
	return nil
}

// blame finds out whose fault failures on the head are: it runs the same commands on the untouched base. What fails there in the same way is
// nothing that the change brought.
func (p *prover) blame(ctx context.Context, commands []command, named bool, failed map[test]string, seen results, policy string) error {
	if err := p.place.toBase(ctx); err != nil {
		return err
	}
	clean, err := p.runAll(ctx, commands)
	if err != nil {
		return err
	}
	red, ours := inherited(failed, clean, named)
	if len(ours) == 0 {
		return p.baseRed(red, clean)
	}
	p.refuse(broken(policy, ours, failed, seen))
	if len(red) > 0 {
		p.warn("base red, so not blamed on the change: %s", names(red))
	}
	return nil
}

// broken words the refusal for tests that fail on the head.
func broken(policy string, ours []test, failed map[test]string, seen results) Refusal {
	r := Refusal{Policy: policy, Ran: seen.command, Output: seen.words(ours[0])}
	switch what := names(ours); {
	case failed[ours[0]] == Uncompiled:
		r.Detail = "does not compile: " + what
	case failed[ours[0]] == Unfinished && seen.cut != "":
		r.Detail = "does not end: " + what + "; " + seen.cut
	case failed[ours[0]] == Unfinished:
		r.Detail = "does not end: " + what
	case policy == PolicySuite:
		r.Detail = "passes without the change and fails with it: " + what
	default:
		r.Detail = "the change's own tests fail with it: " + what
	}
	return r
}

// baseRed says that the base is to blame, and shows how it fails.
func (p *prover) baseRed(red []test, clean results) error {
	return fmt.Errorf("%w: on %s, without the change, `%s` fails as well: %s: %s", ErrBaseRed,
		short(p.receipt.Base), clean.command, names(red), clip(clean.words(red[0]), 600))
}

func short(sha string) string { return sha[:min(len(sha), 7)] }
