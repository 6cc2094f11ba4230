package proof

import "context"

// guard judges what the change does to tests that were there. It wants to know which tests prove the change: what changes in those is proved too.
func (p *prover) guard(s sides, argv []string) error {
	flags := goFlags(argv)
	for _, w := range judgeGoTests(goTestChanges(p.change, flags), s.proves, s.head.status) {
		p.weaken(w, "")
	}
	if p.since != nil {
		for _, w := range judgeGoTests(goTestChanges(p.since, flags), func(test) bool { return false }, s.head.status) {
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

// oldTests runs tests whose lines changed, though they prove nothing, once more as they were before: over the new code. One that fails then has been
// loosened until it passed.
func (p *prover) oldTests(ctx context.Context, s sides, argv []string) error {
	flags := goFlags(argv)
	doubtful := map[test]string{}
	packages := map[string]*goPackage{}
	for _, e := range goTestChanges(p.change, flags) {
		if e.before == nil || e.after == nil || !e.altered || s.proves(e.test) || s.head.status(e.test) != Passed {
			continue
		}
		doubtful[e.test] = e.file
		if packages[e.test.group] == nil {
			packages[e.test.group] = &goPackage{tests: map[string]bool{}}
		}
		packages[e.test.group].tests[e.test.name] = true
	}
	if len(doubtful) == 0 {
		return nil
	}
	old, err := p.runAll(ctx, p.place.toHeadWithOldTests, goCommands(goModules(p.change), packages, flags, p.patience(s)))
	if err != nil {
		return err
	}
	for t, s := range old.tests {
		if file, ok := doubtful[t]; ok && (s == Failed || s == Unfinished) {
			p.refuse(Refusal{
				Policy: PolicyLoosened, File: file, Ran: old.command, Output: old.words(t),
				Detail: t.String() + " as it was before fails with the change, and as it is now it passes with and without: it was changed to pass, and nothing shows that it had to be",
			})
		}
	}
	return nil
}
