package proof

import (
	"slices"
	"strings"
)

// whyNothingTells names the policies for a change none of whose tests proves it.
func (s sides) whyNothingTells() (why []Refusal) {
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
	if len(s.flaky) > 0 {
		return []Refusal{{
			Policy: PolicyFlaky, Ran: s.head.command,
			Detail: names(s.flaky) + ": failed, then passed, with nothing changed, so it decides nothing, and no other test shows the change",
		}}
	}
	if len(s.hidden) > 0 && len(idle) == 0 {
		why = append(why, Refusal{
			Policy: PolicySkipped, File: s.hidden[0], Ran: s.head.command,
			Detail: "the tests of the change are not built: a build constraint leaves out " + clip(strings.Join(s.hidden, ", "), 300),
		})
	}
	if len(idle) > 0 && (len(passing) == 0 || s.skips || slices.ContainsFunc(idle, s.touched)) {
		why = append(why, Refusal{
			Policy: PolicySkipped, Ran: s.head.command, Output: s.head.words(idle[0]),
			Detail: "the tests of the change are skipped: " + names(tops(idle)),
		})
	}
	if len(passing) > 0 && (len(why) == 0 || !s.skips) {
		why = append(why, Refusal{
			Policy: PolicyPassOnBase, Ran: s.base.command,
			Detail: "the tests of the change pass without it as well, so they prove nothing: " + names(tops(passing)),
		})
	}
	if len(why) == 0 {
		why = append(why, Refusal{
			Policy: PolicyNotRun, Ran: s.head.command, Output: s.head.stray,
			Detail: "none of the tests of the change was run; a build constraint, a name that the tool does not take for a test, or TestMain may be why",
		})
	}
	return why
}

// nameWhatLacks says why tests came to nothing, where the change has nothing that they could show, or none that could show it.
func (p *prover) nameWhatLacks() {
	if len(p.change.where(isProgram)) == 0 && p.change.hasOtherThanTests() { // else it is refused for that already
		p.refuse(Refusal{Policy: PolicyNoSource, Detail: "only tests change: there is no source in it that they could show to be done"})
	}
	if !slices.ContainsFunc(p.change.tests(), func(f *file) bool { return isTestCode(f.path) && !f.deleted() }) {
		p.refuse(Refusal{Policy: PolicyNoTests, Detail: "no test is added or changed, only data for tests: a test is needed that fails without this change and passes with it"})
	}
}
