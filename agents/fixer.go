package agents

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lightsout/agents/forge"
	"lightsout/rules"
	"lightsout/store"
)

// Fixer keeps every open pull request of the factory healthy. It acts on state, not on events: what it missed once it
// meets again at its next tick.
type Fixer struct{ *Factory }

// failingLog bounds the failing log that goes into a prompt, in bytes: the end of a log holds the error, and a session
// that reads more of it works worse.
const failingLog = 6 << 10

// Run is one tick: every red or rejected pull request gets one repair, or is given up after three.
func (x *Fixer) Run(ctx context.Context) (Report, error) {
	if pause, paused, err := x.Store.PausedFor(ctx, FixerRole); err != nil || paused {
		return Report{Said: "paused by " + pause.ByName}, err
	}
	if err := x.reconcile(ctx); err != nil {
		return Report{}, err
	}
	snap, err := x.snapshot(ctx, x.Forge)
	if err != nil {
		return Report{}, err
	}
	var report Report
	var failures []error
	for _, s := range snap.Standings {
		said, err := x.mend(ctx, snap, s)
		if err != nil {
			// One pull request that cannot be read or repaired must not keep the others from it.
			failures = append(failures, fmt.Errorf("pull request #%d: %w", s.Pull.Number, err))
		}
		if said != "" {
			report.Acted = true
			report.Said = strings.TrimPrefix(report.Said+"; "+said, "; ")
		}
	}
	if err := errors.Join(failures...); err != nil {
		return report, err
	}
	if !report.Acted {
		report.Said = "every open pull request is healthy or waits for somebody else"
		return report, x.heartbeat(ctx, snap)
	}
	return report, nil
}

// mend does what one pull request needs of the Fixer, and says what it did; "" when that is nothing.
func (x *Fixer) mend(ctx context.Context, snap Snapshot, s Standing) (string, error) {
	word := s.Verdict.Word
	if word != store.Red && word != store.Rejected {
		return "", nil
	}
	if x.Settings.Observe {
		_, err := x.Store.RecordChange(ctx, store.Event{Kind: store.Intake, Pull: s.Pull.Number, Ticket: s.Pull.Ticket,
			Data: map[string]string{"reason": fmt.Sprintf("would repair #%d: %s (observing only)", s.Pull.Number, s.Verdict.Reason)}})
		return "", err
	}
	claim, leave, err := x.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: FixerRole, Files: s.Pull.Files}, x.Settings.Lease)
	if errors.Is(err, store.ErrClaimed) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer leave()
	if s.Pull.Attempts >= MaxAttempts {
		if err := x.giveUp(ctx, s, claim); err != nil {
			return "", err
		}
		return fmt.Sprintf("gave up on #%d", s.Pull.Number), x.Store.Release(ctx, claim, "given up")
	}
	err = x.repair(ctx, snap, s, claim)
	after := context.WithoutCancel(ctx)
	var back *setback
	switch {
	case err == nil:
		return fmt.Sprintf("repaired #%d", s.Pull.Number), x.Store.Release(after, claim, "repaired")
	case errors.As(err, &back):
		return fmt.Sprintf("tried #%d: %s", s.Pull.Number, back.reason), errors.Join(x.spend(after, s, back), x.Store.Release(after, claim, back.Error()))
	}
	return "", err // the claim stays for reconcile
}

// spend keeps what a repair that came to nothing has cost: only a failure of the code is an attempt.
func (x *Fixer) spend(ctx context.Context, s Standing, why *setback) error {
	_, err := x.Store.UpdatePull(ctx, s.Pull.Number, func(p *store.Pull) {
		if why.code {
			p.Attempts++
		}
		p.Verdict, p.Reason = s.Verdict.Word, s.Verdict.Reason+"; the last repair: "+why.Error()
	})
	return err
}

// repair runs one session on a failing or rejected pull request and pushes what it proved.
func (x *Fixer) repair(ctx context.Context, snap Snapshot, s Standing, claim store.Claim) error {
	t, err := x.Forge.Ticket(ctx, s.Pull.Ticket)
	if err != nil {
		return fmt.Errorf("read its ticket: %w", err)
	}
	evidence, err := x.evidence(ctx, s)
	if err != nil {
		return err
	}
	// The row says so at once, so that nobody approves or merges what is being changed.
	if _, err := x.Store.UpdatePull(ctx, s.Pull.Number, func(p *store.Pull) { p.Verdict, p.Reason = store.Running, "the Fixer works on it" }); err != nil {
		return err
	}
	base, err := x.Mirror.MergeBase(ctx, snap.BaseSHA, s.Facts.PR.Head)
	if err != nil {
		return err
	}
	a := assignment{role: FixerRole, ticket: t, pull: s.Pull.Number, claim: claim, attempt: s.Pull.Attempts + 1, base: base, start: s.Facts.PR.Head, proven: s.Facts.PR.Head,
		branch: s.Pull.Branch, files: s.Pull.Files, evidence: evidence, text: sessionText(s.Facts.PR.Body),
		told: map[string]string{"title": s.Pull.Title, "url": s.Pull.URL, "check": strings.Join(names(s.Verdict.Failed), ", "), "detail": s.Verdict.Reason, "of": strconv.Itoa(MaxAttempts)}}
	made, err := x.work(ctx, a)
	if err != nil {
		return err
	}
	p := publication{Lease: s.Facts.PR.Head}
	if s.Reject != nil {
		p.Reject = s.Reject.ID
	}
	_, err = x.deliver(ctx, a, made, p)
	return err
}

// evidence is what a session is told of the failure: the end of each failing log, or the words of who rejected it.
func (x *Fixer) evidence(ctx context.Context, s Standing) (string, error) {
	var b strings.Builder
	if s.Verdict.Word == store.Rejected {
		words := s.Facts.Reject
		if objection, ok := changesRequested(s.Facts.Reviews); words == "" && ok {
			words = objection.Body
		}
		fmt.Fprintf(&b, "The pull request was rejected. Do what the reviewer asks:\n%s\n", limitEnd(rules.Sanitize(words), failingLog))
		return b.String(), nil
	}
	for _, c := range s.Verdict.Failed {
		log, err := x.failure(ctx, c)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "The check %q failed on the pull request. The end of its log:\n%s\n", c.Name, limitEnd(log, failingLog/len(s.Verdict.Failed)))
	}
	path := x.checkLogPath(s.Pull.Number)
	if err := writeFile(path, []byte(b.String())); err != nil {
		return "", err
	}
	_, err := x.Store.UpdatePull(ctx, s.Pull.Number, func(p *store.Pull) { p.LogPath = path })
	return b.String(), err
}

// failure reads what a failed check has to say: its log, or its summary where no log can be had.
func (x *Fixer) failure(ctx context.Context, c forge.Check) (string, error) {
	var b strings.Builder
	for _, a := range c.Annotations {
		fmt.Fprintf(&b, "%s:%d: %s\n", a.Path, a.Line, a.Message)
	}
	log, err := x.Forge.JobLog(ctx, c, failingLog)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		b.WriteString(c.Summary)
	case err != nil:
		return "", fmt.Errorf("read the log of %s: %w", c.Name, err)
	}
	b.Write(log)
	return b.String(), nil
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

// heartbeat says that all is well, and says it only from what was read in this tick.
func (x *Fixer) heartbeat(ctx context.Context, snap Snapshot) error {
	count := map[string]int{}
	for _, s := range snap.Standings {
		count[s.Verdict.Word]++
	}
	running, err := x.Store.Running(ctx)
	if err != nil {
		return err
	}
	tickets, err := x.Store.Tickets(ctx)
	if err != nil {
		return err
	}
	queue := 0
	for _, t := range tickets {
		if t.Status == "Todo" && t.Parked == "" {
			queue++
		}
	}
	rate := x.Forge.Rate()
	return x.Store.Record(ctx, store.Event{Kind: store.Heartbeat, Data: map[string]string{
		"line": heartbeatLine(count, len(snap.Standings), running), "open": strconv.Itoa(len(snap.Standings)), "ready": strconv.Itoa(count[store.Ready]),
		"waiting": strconv.Itoa(count[store.Waiting]), "fixing": strconv.Itoa(count[store.Running]), "queue": strconv.Itoa(queue),
		"rate": fmt.Sprintf("%d/%d", rate.Remaining, rate.Limit), "read": snap.At.Format(time.RFC3339)}})
}

// heartbeatLine is the first line of a heartbeat: how the pull requests stand, and who is at work.
func heartbeatLine(count map[string]int, open int, running []store.Run) string {
	line := "All PRs green."
	green := count[store.Ready] + count[store.Approval] + count[store.Landing]
	switch {
	case open == 0:
		line = "No open PRs."
	case green < open && green+count[store.Waiting] == open:
		line = fmt.Sprintf("%d of %d PRs green, the others wait.", green, open)
	case green < open:
		line = fmt.Sprintf("%d of %d PRs green.", green, open)
	}
	if len(running) == 0 {
		return line + " Standing by."
	}
	for _, r := range running {
		line += fmt.Sprintf(" %s%s works on #%d.", strings.ToUpper(r.Role[:1]), r.Role[1:], r.Ticket)
	}
	return line
}
