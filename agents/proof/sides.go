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
const defaultPatience = 30 * time.Second

// sides is what the runs of the change's tests said.
type sides struct {
	plan
	head, base results
	clean      results // of the base without the tests of the change, when it was needed
	tells      []test  // fail on the base, pass on the head
	flaky      []test
	red        []test // fail on the head and on the clean base in the same way
	lacking    []test // fail on the head because the machine lacks something
}

// proves reports whether a test, or a subtest of it, fails on the base and passes on the head.
func (s sides) proves(t test) bool {
	return slices.ContainsFunc(s.tells, func(told test) bool { return told.top() == t || told.isMethod(t) || !s.named })
}

// asserts reports whether a test, or a subtest of it, proves by what it asserts, rather than by not compiling on the base.
func (s sides) asserts(t test) bool {
	return slices.ContainsFunc(s.tells, func(told test) bool {
		return (told.top() == t || told.isMethod(t) || !s.named) && s.base.statusOf(told, s.named) != Uncompiled
	})
}

// provesNamed is proves for a test as it stands in a file, without its suites and parameters. Where a tool does not tell tests apart, none is known to
// prove anything by itself.
func (s sides) provesNamed(file, name string) bool {
	return s.named && slices.ContainsFunc(s.tells, func(told test) bool { return told.group == file && told.standsAs(name) })
}

// onHeadNow is how a test, or a method of a suite, ended on the head.
func (s sides) onHeadNow(t test) string {
	if _, ok := s.head.tests[t]; !ok {
		for ran, status := range s.head.tests {
			if ran.isMethod(t) {
				return status
			}
		}
	}
	return s.head.status(t)
}

// patience is how long a test program may take on the base, when the head's took what it took.
func (p *prover) patience(s sides) time.Duration {
	return cmp.Or(p.Patience, defaultPatience) + 4*s.head.took
}

// compare runs the tests of the change on the head and on the base, and refuses when they do not tell the one from the other.
func (p *prover) compare(ctx context.Context, s *sides) error {
	defer func() {
		if slices.ContainsFunc(p.receipt.Refusals, func(r Refusal) bool {
			return r.Policy == PolicyFailOnHead || r.Policy == PolicyPassOnBase || r.Policy == PolicyNotRun || r.Policy == PolicyNotCompiling
		}) {
			p.nameWhatLacks()
		}
	}()
	if ok, err := p.onHead(ctx, s); !ok || err != nil {
		p.receipt.Tests = s.table(s.base, s.head, nil, s.flaky)
		return err
	}
	if !s.named { // a command that fails on the base without the tests says nothing with them
		clean, err := p.runAll(ctx, p.place.toBase, s.commands(manner{}))
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
	if err := p.lookWider(ctx, s); err != nil {
		return err
	}
	p.receipt.Strength = s.strength(s.tells, s.base)
	p.receipt.Tests = s.table(s.base, s.head, s.tells, s.flaky)
	p.sayFlaky(s.flaky)
	if len(s.lacking) > 0 {
		p.warn("not judged, because this machine lacks what they need (%s): %s", clip(lacks.FindString(s.head.words(s.lacking[0])), 80), names(leaves(s.lacking)))
	}
	switch {
	case len(s.tells) == 0 && len(s.lacking) > 0:
		return fmt.Errorf("%w: %s", ErrNoTool, clip(s.head.words(s.lacking[0]), 600))
	case len(s.tells) == 0 && elsewhere(p.change):
		return fmt.Errorf("%w: the change and its tests are for another platform", ErrNoTool)
	case len(s.tells) == 0 && slices.ContainsFunc(s.red, s.mattersHere):
		return p.baseRed(s.red, s.clean)
	case len(s.tells) == 0:
		for _, r := range s.whyNothingTells() {
			p.refuse(r)
		}
	case p.receipt.Strength == Compile && s.named:
		return p.compileOnly(ctx, *s)
	}
	return nil
}

// onHead runs the tests on the head; ok is false when it has refused. What fails there and has failed on the base too, in the same
// way, is set aside.
func (p *prover) onHead(ctx context.Context, s *sides) (ok bool, err error) {
	how := manner{}
	if !p.change.hasSubject() { // nothing that the tests say can make it done
		how.limit = p.patience(*s)
	}
	if s.head, err = p.runAll(ctx, p.place.toHead, s.commands(how)); err != nil || s.head.ok {
		return err == nil, err
	}
	again := s.head
	if !s.head.endless() { // what reached a limit would only reach it again
		if again, err = p.runAll(ctx, p.place.toHead, s.commands(manner{})); err != nil {
			return false, err
		}
	}
	var failed map[test]string
	if failed, s.flaky = both(s.head, again); len(failed) == 0 {
		return true, nil
	}
	if s.lacking = s.without(failed, again); len(failed) == 0 {
		return true, nil
	}
	s.red, s.clean, err = p.blame(ctx, s.commands(manner{}), s.named, failed, again, PolicyFailOnHead)
	if err == nil && !s.named && len(s.red) > 0 {
		err = p.baseRed(s.red, s.clean)
	}
	return len(p.receipt.Refusals) == 0, err
}

// lacks are the words of programs that miss something of the machine: a network, a program, a right, a service at a port that no test would be given.
var lacks = lazily(`no such host|[Nn]etwork is unreachable|no route to host|server misbehaving|name resolution|executable file not found in |` +
	`cannot assign requested address|address family not supported|dial tcp [^ ]+:([1-9]\d{0,3}|[12]\d{4}|3[01]\d{3}): connect: connection refused|` +
	`command not found|operation not permitted|[Pp]ermission denied|[Rr]ead-only file system|ENOTFOUND|EAI_AGAIN|EACCES`)

// without takes those new tests out of the failures that say the machine lacks what they need, as long as others pass: nothing is
// known of them, here.
func (s sides) without(failed map[test]string, seen results) (lacking []test) {
	passes := false
	for t, status := range seen.tests {
		passes = passes || status == Passed && s.touched(t)
	}
	for t := range failed {
		if passes && s.fresh(t) && lacks.MatchString(seen.output[t]) {
			lacking = append(lacking, t)
			delete(failed, t)
		}
	}
	sortTests(lacking)
	return lacking
}

// onBase runs the tests on the base, each twice, and notes which of them tell: those that fail there both times.
func (p *prover) onBase(ctx context.Context, s *sides) (err error) {
	how := manner{limit: p.patience(*s), twice: true}
	instead, err := p.runOnBase(ctx, s, s.commands(how))
	if err == nil {
		err = p.runLeftOut(ctx, s, &s.base, instead, how)
	}
	if err != nil {
		return err
	}
	s.tells = slices.DeleteFunc(s.telling(s.base, s.head), func(t test) bool { return slices.Contains(s.flaky, t) })
	// How often each has still to fail, in a program of its own each time.
	due := map[test]int{}
	for _, t := range s.tells {
		switch second := s.base.second[t]; {
		case s.base.statusOf(t, s.named) == Uncompiled || bad(second):
		case second == "": // its program ended before
			due[t] = 1
		default:
			due[t] = freshPrograms
		}
	}
	var shaky []test
	for len(due) > 0 {
		how.twice = false
		again, err := p.runAll(ctx, p.place.toBaseWithTests(instead), s.commands(how))
		if err == nil {
			err = p.runLeftOut(ctx, s, &again, instead, how)
		}
		if err != nil {
			return err
		}
		for _, t := range sortedTests(due) {
			if due[t]--; !bad(again.statusOf(t, s.named)) {
				shaky = append(shaky, t)
			}
			if due[t] == 0 || slices.Contains(shaky, t) {
				delete(due, t)
			}
		}
	}
	s.tells = slices.DeleteFunc(s.tells, func(t test) bool { return slices.Contains(shaky, t) })
	s.flaky = append(s.flaky, shaky...)
	return nil
}

// freshPrograms is in how many more programs a test has to fail that failed and then passed in one. What its first run left behind may be why it passed: a
// table that is loaded by then, a data race that is reported once.
const freshPrograms = 2

// runLeftOut runs those tests over the base that another one kept from running in a run of them all, because it ended their program: what they say
// counts too.
func (p *prover) runLeftOut(ctx context.Context, s *sides, all *results, instead overlay, how manner) error {
	for range maximumLeftOut {
		var missing []test
		for t, status := range s.head.tests {
			if t == t.top() && status == Passed && s.decides(t) && all.status(t) == NotRun && s.base.status(t) != Uncompiled && all.mayHaveEnded(t.group) {
				missing = append(missing, t)
			}
		}
		if s.only == nil || len(missing) == 0 {
			return nil
		}
		sortTests(missing)
		r, err := p.runAll(ctx, p.place.toBaseWithTests(instead), s.only(missing, how))
		if err != nil {
			return err
		}
		known := len(all.tests)
		if all.add(r); len(all.tests) == known {
			return nil // they do not run there, whatever ends
		}
	}
	return nil
}

// maximumLeftOut bounds how many tests may end the program, one after the other, before those behind them count as not run.
const maximumLeftOut = 10

// compileOnly looks at tests that do not even compile on the base. They count when what they miss there is what the change brings.
func (p *prover) compileOnly(ctx context.Context, s sides) error {
	said := ""
	for _, group := range slices.Sorted(maps.Keys(s.base.broken)) {
		said += s.base.broken[group]
	}
	for _, t := range s.tells {
		said += s.base.output[t] + "\n"
	}
	if p.change.brings(said) {
		return nil
	}
	clean, err := p.runAll(ctx, p.place.toBase, s.commands(manner{}))
	if err != nil {
		return err
	}
	if clean.forgetAbsent(); len(clean.broken) > 0 {
		return p.baseRed([]test{{group: slices.Sorted(maps.Keys(clean.broken))[0]}}, clean)
	}
	p.refuse(Refusal{
		Policy: PolicyNotCompiling, Ran: s.base.command, Output: said,
		Detail: "the tests of the change do not compile without it, and what they miss there is not what it brings",
	})
	return nil
}

// sayFlaky names tests that decide nothing.
func (p *prover) sayFlaky(flaky []test) {
	if flaky = leaves(flaky); len(flaky) > 0 {
		p.warn("flaky, failed and then passed with nothing changed: %s", names(flaky))
	}
}

// mattersHere reports whether a failure keeps the tests of the change from telling: it is one of them, or takes them with it.
func (s sides) mattersHere(t test) bool { return t.name == "" || s.touched(t) }

// blame finds out whose fault failures on the head are: it runs the same commands on the untouched base. What fails there in the same way, red, is
// nothing that the change brought: a base that is red, or a machine that lacks what the tests need. It prevents no verdict as
// long as tests are told from each other by name.
func (p *prover) blame(ctx context.Context, commands []command, named bool, failed map[test]string, seen results, policy string) (red []test, clean results, err error) {
	clean, err = p.runAll(ctx, p.place.toBase, commands)
	if err != nil {
		return nil, clean, err
	}
	clean.forgetAbsent()
	red, ours := inherited(failed, clean, named)
	if len(ours) > 0 && policy == PolicySuite && named && !seen.endless() {
		var chance []test
		if ours, chance, err = p.byChance(ctx, commands, ours); err != nil {
			return nil, clean, err
		}
		p.chance = p.chance || len(chance) > 0
		p.sayFlaky(chance)
	}
	if len(ours) > 0 {
		p.refuse(broken(policy, ours, failed, seen))
	}
	if len(red) > 0 {
		p.warn("base red: fails on %s, without the change, as well, so it is not blamed on the change: %s", short(p.receipt.Base), names(red))
	}
	return red, clean, nil
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
