package proof

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// defaultPatience is what a test program gets on the base at least, where a test may well hang that the change mends.
const defaultPatience = time.Minute

// sides is what the runs of the change's tests said.
type sides struct {
	plan
	head, base results
	tells      []test // fail on the base, pass on the head
	flaky      []test
}

// proves reports whether a test, or a subtest of it, fails on the base and passes on the head.
func (s sides) proves(t test) bool {
	return slices.ContainsFunc(s.tells, func(told test) bool { return told.top() == t || !s.named })
}

// patience is how long a test program may take on the base, when the head's took what it took.
func (p *prover) patience(s sides) time.Duration {
	return cmp.Or(p.Patience, defaultPatience) + 4*s.head.took
}

// compare runs the tests of the change on the head and on the base, and refuses when they do not tell the one from the other.
func (p *prover) compare(ctx context.Context, s *sides) error {
	if ok, err := p.onHead(ctx, s); !ok || err != nil {
		p.receipt.Tests = s.table(s.base, s.head, nil, s.flaky)
		return err
	}
	if !s.named { // a command that fails on the base without the tests says nothing with them
		clean, err := p.runAll(ctx, p.place.toBase, s.commands(0))
		if err != nil {
			return err
		}
		if !clean.ok {
			return p.baseRed([]test{clean.whole()}, clean)
		}
	}
	if err := p.onBase(ctx, s); err != nil {
		return err
	}
	p.receipt.Strength = s.strength(s.tells, s.base)
	p.receipt.Tests = s.table(s.base, s.head, s.tells, s.flaky)
	p.sayFlaky(s.flaky)
	switch {
	case len(s.tells) == 0:
		p.refuse(s.whyNothingTells())
	case p.receipt.Strength == Compile && s.named:
		return p.compileOnly(ctx, *s)
	}
	return nil
}

// onHead runs the tests on the head; ok is false when it has refused.
func (p *prover) onHead(ctx context.Context, s *sides) (ok bool, err error) {
	if s.head, err = p.runAll(ctx, p.place.toHead, s.commands(0)); err != nil || s.head.ok {
		return err == nil, err
	}
	again := s.head
	if s.head.cut == "" { // what reached a limit would only reach it again
		if again, err = p.runAll(ctx, p.place.toHead, s.commands(0)); err != nil {
			return false, err
		}
	}
	var failed map[test]string
	if failed, s.flaky = both(s.head, again); len(failed) == 0 {
		return true, nil
	}
	return false, p.blame(ctx, s.commands(0), s.named, failed, again, PolicyFailOnHead)
}

// onBase runs the tests on the base, again if they fail there by what they assert, and notes which of them tell.
func (p *prover) onBase(ctx context.Context, s *sides) (err error) {
	commands := s.commands(p.patience(*s))
	if s.base, err = p.runAll(ctx, p.place.toBaseWithTests, commands); err != nil {
		return err
	}
	s.tells = slices.DeleteFunc(s.telling(s.base, s.head), func(t test) bool { return slices.Contains(s.flaky, t) })
	if s.strength(s.tells, s.base) != Assertion {
		return nil
	}
	again, err := p.runAll(ctx, p.place.toBaseWithTests, commands)
	if err != nil {
		return err
	}
	var shaky []test
	s.tells, shaky = steady(s.tells, func(t test) bool { return bad(again.statusOf(t, s.named)) })
	s.flaky = append(s.flaky, shaky...)
	return nil
}

// compileOnly looks at tests that do not even compile on the base. They count when what they miss there is what the change brings.
func (p *prover) compileOnly(ctx context.Context, s sides) error {
	said := ""
	for _, group := range slices.Sorted(maps.Keys(s.base.broken)) {
		said += s.base.broken[group]
	}
	if p.change.brings(said) {
		return nil
	}
	clean, err := p.runAll(ctx, p.place.toBase, s.commands(0))
	if err != nil {
		return err
	}
	if len(clean.broken) > 0 {
		return p.baseRed([]test{{group: slices.Sorted(maps.Keys(clean.broken))[0]}}, clean)
	}
	p.refuse(Refusal{
		Policy: PolicyNotCompiling, Ran: s.base.command, Output: said,
		Detail: "the tests of the change do not compile without it, and what they miss there is not what it brings",
	})
	return nil
}

// whyNothingTells names the policy for a change none of whose tests proves it.
func (s sides) whyNothingTells() Refusal {
	var passing, idle []test
	for t, status := range s.head.tests {
		switch {
		case !s.decides(t):
		case status == Passed && s.base.statusOf(t, s.named) == Passed:
			passing = append(passing, t)
		case status == Skipped:
			idle = append(idle, t)
		}
	}
	sortTests(passing)
	sortTests(idle)
	switch {
	case len(s.flaky) > 0:
		return Refusal{
			Policy: PolicyFlaky, Ran: s.head.command,
			Detail: names(s.flaky) + ": failed, then passed, with nothing changed, so it decides nothing, and no other test shows the change",
		}
	case len(idle) > 0 && len(passing) == 0:
		return Refusal{
			Policy: PolicySkipped, Ran: s.head.command, Output: s.head.words(idle[0]),
			Detail: "the tests of the change are skipped: " + names(tops(idle)),
		}
	case len(passing) > 0:
		return Refusal{
			Policy: PolicyPassOnBase, Ran: s.base.command,
			Detail: "the tests of the change pass without it as well, so they prove nothing: " + names(tops(passing)),
		}
	}
	return Refusal{
		Policy: PolicyNotRun, Ran: s.head.command, Output: s.head.stray,
		Detail: "none of the tests of the change was run; a build constraint, a name that the tool does not take for a test, or TestMain may be why",
	}
}

// sayFlaky names tests that decide nothing.
func (p *prover) sayFlaky(flaky []test) {
	if flaky = leaves(flaky); len(flaky) > 0 {
		p.warn("flaky, failed and then passed with nothing changed: %s", names(flaky))
	}
}

// blame finds out whose fault failures on the head are: it runs the same commands on the untouched base. What fails there in the same way is
// nothing that the change brought.
func (p *prover) blame(ctx context.Context, commands []command, named bool, failed map[test]string, seen results, policy string) error {
	clean, err := p.runAll(ctx, p.place.toBase, commands)
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
		short(p.receipt.Base), clean.command, names(red), clip(redact(clean.words(red[0]), p.Secrets), 600))
}
