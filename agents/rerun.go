package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lightsout/agents/forge"
	"lightsout/store"
)

const rerunKind = "rerun"

// logRead is how much of the end of a log is read, in bytes: a test suite that goes on after its first failure prints a lot.
const logRead = 256 << 10

// Budgets of what is not the code's fault, a head. Beyond them a failure is taken for the code's own.
const (
	rerunsFlaky          = 1 // one more run tells a flaky check from a red one
	rerunsInfrastructure = 4 // with the pauses of backOff: about an hour and a quarter
)

// The pauses before the next try of what failed for a reason that is not the code's: doubled each time.
const (
	backOffFirst = 5 * time.Minute
	backOffMost  = 4 * time.Hour
)

// backOff is how long to leave something alone that has been set back a number of times.
func backOff(count int) time.Duration {
	pause := backOffFirst
	for range count - 1 {
		if pause *= 2; pause >= backOffMost {
			return backOffMost
		}
	}
	return pause
}

// atOnce is no pause.
func atOnce(int) time.Duration { return 0 }

// triage is what to do about checks that are not green.
type triage struct {
	repair bool          // the code is at fault, as far as can be told
	cause  string        // else: why they are asked for once more
	reason string        // in words, for people
	again  []forge.Check // those
}

// triageFailures decides between a repair and another run of CI. One failure of the code's own is reason enough for a
// repair: its push starts everything anew.
func triageFailures(failures []failure, changed []string, before []store.Setback) triage {
	spent := func(cause string) int {
		for _, b := range before {
			if b.Cause == cause {
				return b.Count
			}
		}
		return 0
	}
	out := triage{cause: store.CauseInfrastructure}
	var reasons []string
	for _, f := range failures {
		cause, why := diagnose(f, changed)
		switch {
		case cause == "",
			cause == store.CauseFlaky && spent(cause) >= rerunsFlaky,
			cause == store.CauseInfrastructure && spent(cause) >= rerunsInfrastructure:
			return triage{repair: true}
		case cause == store.CauseFlaky:
			out.cause = cause
		}
		out.again = append(out.again, f.Check)
		reasons = append(reasons, f.Check.Name+": "+why)
	}
	out.reason = strings.Join(reasons, "; ")
	return out
}

// failures reads what every check has to say that is not green.
func (x *Fixer) failures(ctx context.Context, s Standing) ([]failure, error) {
	var out []failure
	for _, c := range slices.Concat(s.Verdict.Failed, s.Verdict.Stopped) {
		log, err := x.failureLog(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, failure{c, log})
	}
	return out, nil
}

// failureLog reads what a failed check has to say: its annotations, and its log, or its summary where no log can be had.
func (x *Fixer) failureLog(ctx context.Context, c forge.Check) (string, error) {
	var b strings.Builder
	for _, a := range c.Annotations {
		if strings.HasPrefix(a.Message, completed) {
			continue
		}
		fmt.Fprintf(&b, "%s:%d: %s: %s\n", a.Path, a.Line, a.Level, a.Message)
	}
	log, err := x.Forge.JobLog(ctx, c, logRead)
	switch {
	case err != nil && permanent(err): // there is none, or our token may not read it
		b.WriteString(c.Summary)
	case err != nil:
		return "", fmt.Errorf("read the log of %s: %w", c.Name, err)
	}
	b.Write(log)
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
}

// rerun is a wish for another run of CI, as it is logged.
type rerun struct {
	Pull   int           `json:"pull"`
	Head   string        `json:"head"`
	Cause  string        `json:"cause"`
	Reason string        `json:"reason"`
	Checks []forge.Check `json:"checks"`
}

func (r rerun) key() string {
	return fmt.Sprintf("%s #%d %.12s after %s", rerunKind, r.Pull, r.Head, runIDs(r.Checks))
}

// askAgain has CI run once more what failed for no fault of the code. done is false where it must be repaired instead.
func (x *Fixer) askAgain(ctx context.Context, snap Snapshot, s Standing, failures []failure) (report Report, done bool, err error) {
	wish, known, err := x.wished(ctx, s)
	if err != nil {
		return Report{}, true, err
	}
	if !known {
		before, err := x.Store.Setbacks(ctx, s.Pull.Number, s.Facts.PR.Head)
		if err != nil {
			return Report{}, true, err
		}
		plan := triageFailures(failures, s.Pull.Files, before)
		if plan.repair && len(s.Verdict.Failed) == 0 {
			return Report{}, true, x.tellStopped(ctx, s) // no session can repair what CI does not run
		}
		if plan.repair {
			return Report{}, false, nil
		}
		wish = rerun{s.Pull.Number, s.Facts.PR.Head, plan.cause, plan.reason, plan.again}
	}
	claim, _, leave, err := x.seize(ctx, snap, s, updateLease)
	if passOver(err) {
		return Report{}, true, nil
	}
	if err != nil {
		return Report{}, true, err
	}
	defer leave()
	report.Said = fmt.Sprintf("asked for %s of #%d once more", strings.Join(names(wish.Checks), ", "), wish.Pull)
	report.Acted, err = x.rerun(ctx, wish, claim)
	return report, true, errors.Join(err, x.Store.Release(context.WithoutCancel(ctx), claim, report.Said))
}

// wished finds a wish for another run of this head that was left in doubt.
func (x *Fixer) wished(ctx context.Context, s Standing) (wish rerun, known bool, err error) {
	doubts, err := x.Store.InDoubt(ctx)
	for _, e := range doubts {
		if e.Kind != rerunKind || e.Ticket != s.Pull.Ticket {
			continue
		}
		if err := json.Unmarshal([]byte(e.Detail), &wish); err != nil {
			return wish, false, fmt.Errorf("read the wish %s: %w", e.Key, err)
		}
		if wish.Pull == s.Pull.Number && wish.Head == s.Facts.PR.Head {
			return wish, true, nil
		}
	}
	return wish, false, err
}

// rerun counts a wish and makes it. It is counted first, once: a crash in between costs no second run.
func (x *Fixer) rerun(ctx context.Context, wish rerun, claim store.Claim) (asked bool, err error) {
	detail, err := json.Marshal(wish)
	if err != nil {
		return false, err
	}
	key, pause := wish.key(), atOnce
	if wish.Cause == store.CauseInfrastructure {
		pause = backOff
	}
	checks := strings.Join(names(wish.Checks), ", ")
	_, err = x.Store.SetBack(ctx, store.Setback{Pull: wish.Pull, Cause: wish.Cause, Head: wish.Head, Reason: checks, Mark: key}, pause,
		store.Event{Kind: store.Rerun, Pull: wish.Pull, Ticket: claim.Ticket, Data: map[string]string{"check": checks, "reason": wish.Reason, "head": wish.Head}})
	if err != nil {
		return false, err
	}
	_, err = x.once(ctx, deed{key: key, kind: rerunKind, claim: &claim, detail: string(detail),
		find: func(ctx context.Context) (string, bool, error) {
			now, err := x.Forge.Fresh().Checks(ctx, wish.Head)
			return wish.Reason, err == nil && anotherRun(wish.Checks, now), err
		},
		do: func(ctx context.Context) (string, error) {
			now, err := x.Forge.Fresh().Checks(ctx, wish.Head)
			if err != nil {
				return "", err
			}
			left := slices.DeleteFunc(slices.Clone(wish.Checks), func(c forge.Check) bool { return startedAgain(c, now) })
			return wish.Reason, x.Forge.RerunFailed(ctx, left...)
		}})
	switch {
	case errors.Is(err, forge.ErrBusy):
		return false, nil // the wish stays, and is made when CI has ended
	case err != nil && permanent(err):
		return false, x.Store.Forget(ctx, key) // our token may not: the next look takes it for the code's
	}
	return err == nil, err
}

// tellStopped says, once, that CI does not run a check to its end.
func (x *Fixer) tellStopped(ctx context.Context, s Standing) error {
	return x.Store.Trouble(ctx, store.Problem{What: stoppedWhat(s.Pull.Number), Reason: fmt.Sprintf("%s of #%d does not run to its end, asked for %d times", strings.Join(names(s.Verdict.Stopped), ", "), s.Pull.Number, rerunsInfrastructure),
		Cure: fmt.Sprintf("look at the runner; /retry %d asks again", s.Pull.Number)})
}

func stoppedWhat(pull int) string { return fmt.Sprintf("CI of #%d", pull) }

// runIDs names the runs of checks, so that a wish for the next attempt is another one.
func runIDs(checks []forge.Check) string {
	var ids []string
	for _, c := range checks {
		ids = append(ids, fmt.Sprint(c.RunID))
	}
	return strings.Join(ids, "+")
}

// anotherRun tells that all of the checks have been started again since: those of several workflows are asked for one by
// one, and an interruption may leave some out.
func anotherRun(before, now []forge.Check) bool {
	return !slices.ContainsFunc(before, func(old forge.Check) bool { return !startedAgain(old, now) })
}

func startedAgain(old forge.Check, now []forge.Check) bool {
	return slices.ContainsFunc(now, func(c forge.Check) bool {
		return c.Name == old.Name && c.App == old.App && c.WorkflowRunID == old.WorkflowRunID && (c.RunID > old.RunID || c.State == forge.Pending)
	})
}

// nameFlaky tells of checks that have failed and passed on one and the same head: they cost time, and a person can cure
// them.
func (x *Fixer) nameFlaky(ctx context.Context, snap Snapshot) error {
	for _, s := range snap.Standings {
		switch s.Verdict.Word {
		case store.Ready, store.Approval, store.Landing:
		default:
			continue
		}
		if err := x.Store.Settled(ctx, stoppedWhat(s.Pull.Number)); err != nil {
			return err
		}
		setbacks, err := x.Store.Setbacks(ctx, s.Pull.Number, s.Facts.PR.Head)
		if err != nil {
			return err
		}
		for _, b := range setbacks {
			if b.Cause != store.CauseFlaky {
				continue
			}
			_, err := x.Store.RecordChange(ctx, store.Event{Kind: store.Flaky, Pull: s.Pull.Number, Ticket: s.Pull.Ticket, Data: map[string]string{"check": b.Reason, "head": b.Head}})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// backingOff tells until when a head is left alone after setbacks that were not the code's fault; zero when it is not.
func (x *Fixer) backingOff(ctx context.Context, s Standing) (time.Time, error) {
	setbacks, err := x.Store.Setbacks(ctx, s.Pull.Number, s.Facts.PR.Head)
	var until time.Time
	for _, b := range setbacks {
		if b.Until.After(until) {
			until = b.Until
		}
	}
	if !until.After(x.Store.Now()) {
		until = time.Time{}
	}
	return until, err
}
