package agents

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lightsout/agents/forge"
	"lightsout/store"
)

// Facts are what a verdict on one pull request is made from: everything read at one instant.
type Facts struct {
	Now        time.Time
	PR         forge.PullRequest
	Checks     []forge.Check    // of the head
	BaseChecks []forge.Check    // of the commit the base branch stands at
	ForkChecks []forge.Check    // of the commit where the branch left the base, when that is another
	Base       string           // the branch that the factory's pull requests go to
	Reverts    int              // the merged pull request that it takes back; 0 for none
	Parked     string           // why a person wants no session to touch it; "" when none said so
	Required   []forge.Required // checks that must be a success
	Reviews    []forge.Review
	Threads    []forge.Thread // what was said about lines
	SameWork   []string       // earlier heads of the branch that differ from this one by updates from the base alone
	Pushed     string         // the last head that came from the factory, or a clean base update of it
	Approved   bool           // an approval binds this very diff
	Current    bool           // the head contains the base as it stands
	Conflicts  []string       // files that a merge of the base would conflict in
	Working    bool           // a session works on it
	GivenUp    bool
	Doubt      string   // the real bug that the reviewers found in this head and that stands; "" for none
	Reject     string   // a person's /reject of this head that has not been worked on; "" for none
	Reviewers  []string // automated reviewers whose word counts
	HeadSince  time.Time
	Patience   time.Duration // after which missing checks are called missing
}

// Verdict is what a pull request needs, in one word of the store's, and why.
type Verdict struct {
	Word    string
	Reason  string
	Failed  []forge.Check // for red: the checks that failed
	Stopped []forge.Check // while waiting for nothing else: checks that CI did not run to their end
}

// Judge says what a pull request needs. It fails closed: what cannot be known, or is not provably green, is not ready.
func Judge(f Facts) Verdict {
	switch {
	case f.PR.BaseRef != f.Base && f.PR.State == "closed":
		return Verdict{Word: store.Closed, Reason: "a person pointed it at " + f.PR.BaseRef + " and closed it there"}
	case f.PR.BaseRef != f.Base:
		return Verdict{Word: store.Foreign, Reason: "a person pointed it at " + f.PR.BaseRef}
	case f.PR.Merged:
		return Verdict{Word: store.Landed}
	case f.PR.State == "closed":
		return Verdict{Word: store.Closed, Reason: "closed without a merge"}
	case f.Working:
		return Verdict{Word: store.Running, Reason: "a session works on it"}
	case f.GivenUp:
		return Verdict{Word: store.GivenUp, Reason: fmt.Sprintf("not repaired in %d attempts", MaxAttempts)}
	case f.PR.Draft && f.Doubt != "":
		return Verdict{Word: store.Draft, Reason: "the review found a real bug that stands: " + f.Doubt + "; /retry overrules that"}
	case f.PR.Draft:
		return Verdict{Word: store.Draft, Reason: "it is a draft"}
	}
	v := f.health()
	if f.Parked != "" && needsFixer(v.Word) {
		return Verdict{Word: store.Parked, Reason: v.Reason + "; parked: " + f.Parked}
	}
	if f.Reverts != 0 && needsFixer(v.Word) {
		return Verdict{Word: store.Parked, Reason: fmt.Sprintf("%s; a revert of #%d is for a person to repair", v.Reason, f.Reverts)}
	}
	if foreign := f.PR.Head != f.Pushed; foreign && needsFixer(v.Word) {
		return Verdict{Word: store.Foreign, Reason: "a person pushed to the branch, so it is theirs: " + v.Reason}
	}
	return v
}

// needsFixer tells the verdicts that a session of the Fixer could cure.
func needsFixer(word string) bool {
	return word == store.Red || word == store.Conflict || word == store.Rejected
}

func (f Facts) health() Verdict {
	if f.Reject != "" {
		return Verdict{Word: store.Rejected, Reason: "rejected: " + f.Reject}
	}
	objection, objects := changesRequested(f.Reviews, f.Reviewers)
	if objects && f.about(objection) {
		return Verdict{Word: store.Rejected, Reason: "changes requested by " + objection.Author + ": " + firstLine(objection.Body)}
	}
	if open := f.automatedRemarks(); len(open) > 0 {
		return Verdict{Word: store.Rejected, Reason: remarked(open)}
	}
	if len(f.Conflicts) > 0 {
		return Verdict{Word: store.Conflict, Reason: "conflicts with " + f.PR.BaseRef + " in " + strings.Join(f.Conflicts, ", ")}
	}
	green, waiting, failed := f.sortChecks()
	if len(failed) > 0 {
		if inherited := alsoRed(failed, f.BaseChecks); len(inherited) == len(failed) {
			return Verdict{Word: store.BaseRed, Reason: strings.Join(inherited, ", ") + " fails on " + f.PR.BaseRef + " too"}
		}
		if inherited := alsoRed(failed, f.ForkChecks); len(inherited) == len(failed) && len(f.Conflicts) == 0 {
			return Verdict{Word: store.Behind, Reason: strings.Join(inherited, ", ") + " failed on " + f.PR.BaseRef + " where the branch left it, and is repaired there"}
		}
		return Verdict{Word: store.Red, Reason: "failed: " + strings.Join(names(failed), ", "), Failed: failed}
	}
	if len(waiting) > 0 {
		reason := "CI " + fmt.Sprint(green) + "/" + fmt.Sprint(green+len(waiting)) + ", waiting for " + strings.Join(waiting, ", ")
		if f.overdue() && len(f.Checks) == 0 {
			reason = f.noChecks()
		}
		if f.overdue() && !f.Current && len(f.Checks) > 0 && len(f.missing()) == len(waiting) {
			// As where main has got a new workflow: the branch lacks it, and will until it is brought up to date.
			return Verdict{Word: store.Behind, Reason: fmt.Sprintf("%s has not reported for %s, and the branch lacks what %s has taken up", strings.Join(f.missing(), ", "), f.Patience, f.PR.BaseRef)}
		}
		v := Verdict{Word: store.Waiting, Reason: reason}
		if stopped := f.stopped(); len(stopped) == len(waiting) {
			v.Stopped = stopped
		}
		return v
	}
	if green == 0 && f.overdue() {
		return Verdict{Word: store.Waiting, Reason: f.noChecks()}
	}
	if green == 0 {
		return Verdict{Word: store.Waiting, Reason: "no checks have reported yet"}
	}
	ci := fmt.Sprintf("CI %d/%d", green, green)
	switch {
	case objects:
		return Verdict{Word: store.Waiting, Reason: ci + ", answered; waits for " + objection.Author + " to look again"}
	case f.Approved && !f.Current:
		return Verdict{Word: store.Landing, Reason: ci + ", approved, waits for an update from " + f.PR.BaseRef}
	case f.Approved:
		return Verdict{Word: store.Approval, Reason: ci + ", approved"}
	case f.PR.MergeableState == "behind":
		// GitHub says so only where a merge needs an up to date branch. It is brought there once it is approved, in its turn:
		// each update restarts a CI, and one of all branches after each landing would restart them all.
		return Verdict{Word: store.Ready, Reason: ci + ", behind " + f.PR.BaseRef}
	}
	return Verdict{Word: store.Ready, Reason: ci}
}

// noChecks says, in the same words as long as it lasts, that CI has not begun.
func (f Facts) noChecks() string {
	return fmt.Sprintf("no checks after %s: is CI set up for %s?", f.Patience, f.PR.BaseRef)
}

// overdue tells that the head has waited for its checks longer than CI ever takes.
func (f Facts) overdue() bool {
	return f.Patience > 0 && !f.HeadSince.IsZero() && f.Now.Sub(f.HeadSince) > f.Patience
}

// sortChecks counts what is green and names the rest. Where checks are required, only those decide; where none are
// named, every check that reported does. Only "success" on this very commit is green: skipped, neutral, missing, stale or
// by another app is not.
func (f Facts) sortChecks() (green int, waiting []string, failed []forge.Check) {
	wanted := f.Required
	if len(wanted) == 0 {
		for _, c := range f.Checks {
			if name := (forge.Required{Name: c.Name}); c.SHA == f.PR.Head && !slices.Contains(wanted, name) {
				wanted = append(wanted, name)
			}
		}
	}
	for _, required := range wanted {
		c, reported := f.worst(required)
		switch {
		case !reported && slices.ContainsFunc(f.Checks, func(c forge.Check) bool { return c.Name == required.Name && c.SHA == f.PR.Head }):
			waiting = append(waiting, required.Name+" (only another app reports it)")
		case !reported:
			waiting = append(waiting, required.Name+" (missing)")
		case c.State == forge.Success:
			green++
		case isFailure(c.State):
			failed = append(failed, c)
		case c.State == forge.Pending:
			waiting = append(waiting, required.Name)
		default: // neutral, skipped, cancelled: no success, and nothing that a session could repair
			waiting = append(waiting, required.Name+" ("+string(c.State)+")")
		}
	}
	return green, waiting, failed
}

// missing names the required checks that no app at all has reported on this head.
func (f Facts) missing() []string {
	var out []string
	for _, r := range f.Required {
		if !slices.ContainsFunc(f.Checks, func(c forge.Check) bool { return c.SHA == f.PR.Head && c.Name == r.Name }) {
			out = append(out, r.Name)
		}
	}
	return out
}

// stopped are the required checks that were cancelled: CI can be asked for them once more.
func (f Facts) stopped() []forge.Check {
	var out []forge.Check
	for _, c := range f.Checks {
		wanted := len(f.Required) == 0 || slices.ContainsFunc(f.Required, func(r forge.Required) bool { return r.Is(c) })
		if c.SHA == f.PR.Head && wanted && c.State == forge.Cancelled {
			out = append(out, c)
		}
	}
	return out
}

// worst is the worst word on this very head about a required check: several apps may report under one name.
func (f Facts) worst(required forge.Required) (worst forge.Check, reported bool) {
	for _, c := range f.Checks {
		if c.SHA == f.PR.Head && required.Is(c) && (!reported || rank(c.State) > rank(worst.State)) {
			worst, reported = c, true
		}
	}
	return worst, reported
}

func rank(s forge.CheckState) int {
	switch {
	case s == forge.Success:
		return 0
	case isFailure(s):
		return 2
	}
	return 1
}

func isFailure(s forge.CheckState) bool {
	return s == forge.Failure || s == forge.TimedOut || s == forge.Errored
}

// alsoRed names the failed checks that fail on the base as well: no change of this pull request can be blamed.
func alsoRed(failed, base []forge.Check) []string {
	var out []string
	for _, c := range failed {
		for _, b := range base {
			if b.Name == c.Name && isFailure(b.State) {
				out = append(out, c.Name)
				break
			}
		}
	}
	return out
}

func names(checks []forge.Check) []string {
	out := make([]string, 0, len(checks))
	for _, c := range checks {
		out = append(out, c.Name)
	}
	return out
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
