package agents

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lightsout/agents/forge"
	"lightsout/store"
)

// Fixer keeps every open pull request of the factory healthy. It acts on state, not on events: what it missed once it
// meets again at its next tick.
type Fixer struct{ *Factory }

// failingLog bounds the failing log that goes into a prompt, in bytes: the end of a log holds the error, and a session
// that reads more of it works worse.
const failingLog = 6 << 10

// Run is one tick: every red, conflicting or rejected pull request gets one repair, or is given up after three. Since a repair takes
// its time, the world is read again after each; what could only be looked at costs no further reading.
func (x *Fixer) Run(ctx context.Context) (Report, error) {
	report := Report{Said: "every open pull request is healthy or waits for somebody else"}
	if err := x.reconcile(ctx); err != nil {
		return Report{}, err
	}
	met, proved := map[int]bool{}, false
	var failures []error
	var kept error // what could not be taken back keeps nobody from the rest
	ended := func(more ...error) error { return errors.Join(append(append(failures, kept), more...)...) }
	for {
		if pause, paused, err := x.Store.PausedFor(ctx, FixerRole); err != nil || paused {
			return Report{Acted: report.Acted, Said: "paused by " + pause.ByName}, ended(err)
		}
		var snap Snapshot
		var err error
		if snap, kept, err = x.look(ctx); err != nil {
			return report, ended(err)
		}
		done, err := x.mendNext(ctx, snap, met)
		if err != nil {
			failures = append(failures, err)
		}
		report = report.and(done)
		if ctx.Err() != nil {
			return report, ended()
		}
		if done.Acted || err != nil {
			continue
		}
		if !proved { // one proof at a tick, then the world is read again: what came up meanwhile goes first
			if proved, done, err = x.reprove(ctx, snap, met); err != nil {
				failures = append(failures, err)
			}
			if report = report.and(done); proved {
				continue
			}
		}
		failed := ended(x.tidy(ctx, snap))
		if !report.Acted && failed == nil {
			return report, x.heartbeat(ctx, snap)
		}
		return report, failed
	}
}

// mendNext goes through the pull requests that were not met in this tick, until one has taken its time.
func (x *Fixer) mendNext(ctx context.Context, snap Snapshot, met map[int]bool) (Report, error) {
	for _, s := range snap.Standings {
		if met[s.Pull.Number] || !x.concerns(s) {
			continue
		}
		met[s.Pull.Number] = true
		done, err := x.mend(ctx, snap, s)
		if err != nil { // it must not keep the others from their repair
			return done, fmt.Errorf("pull request #%d: %w", s.Pull.Number, err)
		}
		if done.Acted {
			return done, nil
		}
	}
	return Report{}, nil
}

// look reads the world, tells what is new about it, and takes back what people have handed back: then it reads once more,
// to see that as the factory's. kept says why something could not be taken back.
func (x *Fixer) look(ctx context.Context) (snap Snapshot, kept, err error) {
	for {
		if snap, err = x.snapshot(ctx, x.Forge); err != nil {
			return snap, nil, err
		}
		if err := errors.Join(x.nameFlaky(ctx, snap), x.watchBase(ctx, snap)); err != nil {
			return snap, nil, err
		}
		taken, kept := x.takeBack(ctx, snap)
		if !taken {
			return snap, kept, nil
		}
	}
}

// concerns tells the verdicts that the Fixer has something to do about.
func (x *Fixer) concerns(s Standing) bool {
	switch s.Verdict.Word {
	case store.Red, store.Conflict, store.Rejected, store.Behind, store.GivenUp:
		return true
	}
	return len(s.Verdict.Stopped) > 0
}

// mend does what one pull request needs of the Fixer.
func (x *Fixer) mend(ctx context.Context, snap Snapshot, s Standing) (Report, error) {
	switch {
	case s.Verdict.Word == store.Behind:
		return x.updateBranch(ctx, snap, s, FixerRole)
	case s.Verdict.Word == store.GivenUp:
		return x.finishGivingUp(ctx, snap, s)
	case x.Settings.Observe:
		return x.wouldHave(ctx, s, "repair: "+s.Verdict.Reason)
	}
	if until, err := x.backingOff(ctx, s); err != nil || !until.IsZero() {
		return Report{}, err
	}
	failures, err := x.failures(ctx, s)
	if err != nil {
		return Report{}, err
	}
	if len(failures) > 0 {
		if report, done, err := x.askAgain(ctx, snap, s, failures); done || err != nil {
			return report, err
		}
	}
	if reason, err := x.unable(ctx, FixerRole); err != nil || reason != "" {
		return Report{}, err
	}
	if elsewhere, err := x.claimedElsewhere(ctx, s); err != nil || elsewhere {
		return Report{}, err
	}
	return x.take(ctx, snap, s, failures)
}

// errMovedOn is met when a pull request is no longer as it was read: the next look decides anew.
var errMovedOn = errors.New("it has moved on since it was read")

// seize claims a pull request and reads it once more. Until the claim is ours another role may bring to its end what was
// left in it, a push too: a session sent by what was read before would work on a head that is no more.
func (x *Fixer) seize(ctx context.Context, snap Snapshot, s Standing, lease time.Duration) (claim store.Claim, now Standing, leave func(), err error) {
	claim, leave, err = x.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: FixerRole, Files: s.Pull.Files}, lease)
	if err != nil {
		return claim, now, nil, err
	}
	now, err = x.stand(ctx, x.Forge.Fresh(), snap, s.Pull.Number)
	if err == nil && now.Verdict.Word == s.Verdict.Word && now.Facts.PR.Head == s.Facts.PR.Head {
		return claim, now, leave, nil
	}
	leave()
	if released := x.Store.Release(context.WithoutCancel(ctx), claim, "not as it was read"); err != nil || released != nil {
		return claim, now, nil, errors.Join(err, released)
	}
	return claim, now, nil, errMovedOn
}

// passOver tells the errors after which a pull request is left to whoever is at it, or to the next tick.
func passOver(err error) bool { return errors.Is(err, store.ErrClaimed) || errors.Is(err, errMovedOn) }

// take claims a pull request that needs a session, and repairs it or, after three attempts, gives it up.
func (x *Fixer) take(ctx context.Context, snap Snapshot, read Standing, failures []failure) (Report, error) {
	claim, s, leave, err := x.seize(ctx, snap, read, x.Settings.Lease)
	if passOver(err) {
		return Report{}, nil
	}
	if err != nil {
		return Report{}, err
	}
	defer leave()
	if over, err := x.outOfAttempts(ctx, s); err != nil {
		return Report{}, errors.Join(err, x.Store.Release(context.WithoutCancel(ctx), claim, "not begun"))
	} else if over {
		if err := x.giveUp(ctx, s, claim); err != nil {
			return Report{}, err // the claim stays for reconcile, the rest of it for the next tick
		}
		return Report{Acted: true, Said: fmt.Sprintf("gave up on #%d", s.Pull.Number)}, x.Store.Release(ctx, claim, "given up")
	}
	return x.attempt(ctx, snap, s, claim, failures)
}

// outOfAttempts tells that a pull request is to be given up. A conflict is no failure of the code, so it is settled
// whatever repairs there were before; only one that a session could not settle counts, not one whose session was interrupted.
func (x *Fixer) outOfAttempts(ctx context.Context, s Standing) (bool, error) {
	if s.Pull.Attempts < MaxAttempts || s.Verdict.Word != store.Conflict {
		return s.Pull.Attempts >= MaxAttempts, nil
	}
	runs, err := x.Store.RunsOf(ctx, s.Pull.Ticket)
	if err != nil || len(runs) == 0 {
		return err == nil, err
	}
	last := setback{outcome: runs[len(runs)-1].Outcome, code: true}
	return failures(runs[len(runs)-1:]) > 0 && last.counter() == "", nil
}

// attempt is one repair, seen on GitHub from its beginning to its end.
func (x *Fixer) attempt(ctx context.Context, snap Snapshot, s Standing, claim store.Claim, failures []failure) (Report, error) {
	attempt := fmt.Sprintf("attempt %d of %d", min(s.Pull.Attempts+1, MaxAttempts), MaxAttempts)
	if err := x.announce(ctx, s, claim, fmt.Sprintf("🔧 The Fixer works on this, %s. %s.", attempt, tame(capital(detail(s, failures))))); err != nil {
		return Report{}, err // the claim stays for reconcile
	}
	err := x.repair(ctx, snap, s, claim, failures)
	after := context.WithoutCancel(ctx)
	var back *setback
	switch {
	case err == nil:
		shown := x.withdraw(after, s, claim, fmt.Sprintf("✅ The Fixer has pushed a repair, %s. CI runs on it now.", attempt))
		return Report{Acted: true, Said: fmt.Sprintf("repaired #%d", s.Pull.Number)}, errors.Join(shown, x.Store.Release(after, claim, "repaired"))
	case errors.As(err, &back):
		said := fmt.Sprintf("tried #%d: %s", s.Pull.Number, back.reason)
		shown := x.withdraw(after, s, claim, fmt.Sprintf("⏸ The Fixer came to no repair, %s: %s.", attempt, tame(firstLine(back.Error()))))
		return Report{Acted: true, Said: said}, errors.Join(x.spend(after, s, back), shown, x.Store.Release(after, claim, back.Error()))
	}
	// The claim stays for reconcile.
	return Report{}, errors.Join(err, x.parkFailing(after, store.Ticket{Number: s.Pull.Ticket, Title: s.Pull.Title, URL: s.Pull.URL}, err))
}

// spend keeps what a repair that came to nothing has cost: only a failure of the code is an attempt. What a person ended,
// or what failed the same way again and again for another reason, is left alone until a person says so.
func (x *Fixer) spend(ctx context.Context, s Standing, why *setback) error {
	again, err := x.repeated(ctx, s.Pull.Ticket, why.outcome)
	if err != nil {
		return err
	}
	cause := why.counter()
	if cause != "" {
		set := store.Setback{Pull: s.Pull.Number, Cause: cause, Head: s.Facts.PR.Head, Reason: x.redact(why.Error())}
		if _, err := x.Store.SetBack(ctx, set, backOff); err != nil {
			return err
		}
	}
	if why.person || again && cause != "" {
		data := map[string]string{"title": s.Pull.Title, "url": s.Pull.URL}
		if err := x.Store.Park(ctx, s.Pull.Ticket, x.redact(why.Error()), data); err != nil {
			return err
		}
	}
	_, err = x.Store.UpdatePull(ctx, s.Pull.Number, func(p *store.Pull) {
		if p.Verdict == store.Landed || p.Verdict == store.Closed {
			return
		}
		if why.code && cause == "" {
			p.Attempts++
		}
		p.Verdict, p.Reason = s.Verdict.Word, s.Verdict.Reason+"; the last repair: "+why.Error()
	})
	return err
}

// repair runs one session on a failing or rejected pull request and pushes what it proved.
func (x *Fixer) repair(ctx context.Context, snap Snapshot, s Standing, claim store.Claim, failures []failure) error {
	t, err := x.Forge.Ticket(ctx, s.Pull.Ticket)
	if errors.Is(err, forge.ErrNotFound) { // nobody can say what it is for
		return &setback{outcome: "ticket changed", reason: fmt.Sprintf("its ticket #%d is gone", s.Pull.Ticket), person: true}
	}
	if err != nil {
		return fmt.Errorf("read its ticket: %w", err)
	}
	evidence, err := x.evidence(ctx, snap, s, failures)
	if err != nil {
		return err
	}
	if err := x.bookWord(ctx, s, evidence); err != nil {
		return err
	}
	// The row says so at once, so that nobody approves or merges what is being changed.
	_, err = x.Store.UpdatePull(ctx, s.Pull.Number, func(p *store.Pull) {
		if p.Verdict != store.Landed && p.Verdict != store.Closed {
			p.Verdict, p.Reason = store.Running, "the Fixer works on it"
		}
	})
	if err != nil {
		return err
	}
	base, err := x.Mirror.MergeBase(ctx, snap.BaseSHA, s.Facts.PR.Head)
	if err != nil {
		return err
	}
	a := assignment{role: FixerRole, ticket: t, pull: s.Pull.Number, claim: claim, attempt: min(s.Pull.Attempts+1, MaxAttempts), base: base, start: s.Facts.PR.Head, proven: s.Facts.PR.Head,
		branch: s.Pull.Branch, files: s.Pull.Files, evidence: evidence, text: sessionText(s.Facts.PR.Body),
		told: map[string]string{"title": s.Pull.Title, "url": s.Pull.URL, "check": strings.Join(names(s.Verdict.Failed), ", "), "detail": detail(s, failures), "of": strconv.Itoa(MaxAttempts)}}
	if s.Verdict.Word == store.Conflict {
		a.base, a.merge, a.clashes = snap.BaseSHA, snap.BaseSHA, s.Facts.Conflicts
	}
	made, err := x.work(ctx, a)
	if err != nil {
		return err
	}
	p := publication{Lease: s.Facts.PR.Head, Cause: s.Verdict.Word}
	if s.Reject != nil {
		p.Reject = s.Reject.ID
	}
	if s.Verdict.Word == store.Rejected {
		var said map[int]string
		made.text, said = cutAnswers(made.text)
		changed, err := x.Mirror.Changed(context.WithoutCancel(ctx), a.start, made.head) // what is proven is not lost to a stop
		if err != nil {
			return errors.Join(err, x.endRun(ctx, made.run, runError, err.Error()))
		}
		var paths []string
		for _, c := range changed {
			paths = append(paths, c.Path)
		}
		p.Answers = answers(s.Facts, said, paths)
	}
	_, err = x.deliver(ctx, a, made, p)
	return err
}

// capital begins a sentence.
func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// detail says in a line what is to be repaired.
func detail(s Standing, failures []failure) string {
	for _, f := range failures {
		if line := headline(f.Log); line != "" {
			return line
		}
	}
	return s.Verdict.Reason
}

// evidence is what a session is told of the failure: what stands around the errors in each failing log, both sides of a
// conflict, or the words of who rejected it.
func (x *Fixer) evidence(ctx context.Context, snap Snapshot, s Standing, failures []failure) (string, error) {
	switch s.Verdict.Word {
	case store.Conflict:
		return x.conflictEvidence(ctx, snap, s)
	case store.Rejected:
		return x.rejectionEvidence(ctx, s)
	}
	var b strings.Builder
	for _, f := range failures {
		fmt.Fprintf(&b, "The check %q failed on the pull request. What its log says of it:\n%s\n", f.Check.Name, relevant(f.Log, failingLog/len(failures)))
	}
	path := x.checkLogPath(s.Pull.Number)
	if err := writeFile(path, []byte(b.String())); err != nil {
		return "", err
	}
	_, err := x.Store.UpdatePull(ctx, s.Pull.Number, func(p *store.Pull) { p.LogPath = path })
	return b.String(), err
}

// limitEnd keeps the last n bytes, from the start of a line.
func limitEnd(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	if _, whole, ok := strings.Cut(s, "\n"); ok {
		s = whole
	}
	return "[…]\n" + strings.ToValidUTF8(s, "\uFFFD")
}
