package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// prover is one proof on its way.
type prover struct {
	Request
	log         journal
	marker      string
	change      *change
	since       *change // from an earlier head, nil when there is none
	basePaths   []string
	place       *place
	receipt     Receipt
	argv        []string // the test command
	uncontained bool
	red         []test // of the suite, on the base as on the head
	chance      bool   // a test of the suite has failed two times in a row, and was taken for flaky
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
	p := &prover{Request: r, log: journal{r.Log}, marker: r.Marker}
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
	if p.receipt.Strength == Documentation {
		return nil
	}
	if !slices.ContainsFunc(c.tests(), func(f *file) bool { return !f.deleted() }) {
		return p.guard(ctx, sides{}, p.Test)
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
		for _, r := range atMost(policy.judge(p.change)) {
			r.Policy = cmp.Or(r.Policy, policy.name)
			p.refuse(r)
		}
	}
	if p.since != nil {
		for _, r := range atMost(judgeTestWords(p.since)) {
			r.Detail = "since it was proven: " + r.Detail
			p.refuse(r)
		}
	}
	return p.readError
}

// atMost keeps the first refusals of one policy: a few show what is meant.
func atMost(found []Refusal) []Refusal {
	const most = 10
	if more := len(found) - most; more > 0 {
		found = found[:most]
		found[most-1].Detail += fmt.Sprintf(" (and %d more places like this)", more)
	}
	return found
}

// refuse notes a refusal, or a warning where the configuration says so.
func (p *prover) refuse(r Refusal) {
	if slices.Contains(p.Warn, r.Policy) {
		p.warn("%s: %s", r.Policy, r.place()+r.Detail)
		return
	}
	r.Output = redact(r.Output, p.Secrets)
	p.receipt.Refusals = append(p.receipt.Refusals, r)
}

func (p *prover) warn(format string, args ...any) {
	p.receipt.Warnings = append(p.receipt.Warnings, clip(redact(fmt.Sprintf(format, args...), p.Secrets), 400))
}

// test runs the tests of the change on both sides, then, if nothing was refused so far, the whole suite.
func (p *prover) test(ctx context.Context, argv []string) error {
	p.argv = argv
	p.judgeCommand(argv)
	chosen, err := p.plan(ctx, argv)
	if err != nil {
		return err
	}
	s := sides{plan: chosen}
	err = p.compare(ctx, &s)
	if p.uncontained {
		p.warn("the tests ran uncontained: this kernel has no Landlock")
	}
	switch {
	case err == nil:
		err = p.guard(ctx, s, argv)
	case ctx.Err() == nil:
		p.judgeUntold(argv)
	}
	if err == nil && len(p.receipt.Refusals) == 0 {
		err = p.findUnreached(ctx, s, argv)
	}
	if err != nil || len(p.receipt.Refusals) > 0 {
		return err
	}
	if err = p.suite(ctx, argv, s); err == nil && p.Mutate > 0 && len(p.receipt.Refusals) == 0 {
		err = p.mutate(ctx, argv, s)
	}
	return err
}

// plan finds the tool that runs the tests of the change.
func (p *prover) plan(ctx context.Context, argv []string) (plan, error) {
	if p.JUnit != "" {
		return planReport(argv, p.JUnit), nil
	}
	for _, t := range tools() {
		if claimed, ok := t(p.change, argv); ok {
			return claimed, nil
		}
	}
	if isGoTestCommand(argv) { // data of which no package is the owner
		readers, err := p.otherReaders(ctx)
		if claimed, ok := planPackages(p.change, readers, argv); ok || err != nil {
			return claimed, err
		}
	}
	return planWhole(argv), nil
}

func short(sha string) string { return sha[:min(len(sha), 7)] }
