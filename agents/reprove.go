package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/proof"
	"lightsout/store"
)

const (
	// reproveLimit bounds one proof that is made again. It is longer than most whole suites take, and what does not get done in it is for CI to judge.
	reproveLimit = 15 * time.Minute
	// reproveLookout is how often such a proof looks whether something else has come up.
	reproveLookout = 5 * time.Second
	// untoldRest is how long a head is left alone whose proof could not be told: a base that is red where the branch left it stays so, and a suite that is
	// too slow too, but a test may have failed by chance and a full disk gets emptied.
	untoldRest = 3 * time.Hour
)

// reprove makes one receipt again that an update from the base has made void. The Fixer does it when it has nothing else to do, and lets go of it as
// soon as it has. Nothing waits for it: the pull request is not claimed while its tests run, so that it lands when it is its turn. did is
// whether the world is to be read again.
func (x *Fixer) reprove(ctx context.Context, snap Snapshot, met map[int]bool) (did bool, report Report, err error) {
	if x.Settings.Observe {
		return false, Report{}, nil
	}
	s, before, ok, err := x.nextVoid(ctx, snap)
	if err != nil || !ok {
		return false, Report{}, err
	}
	if before.Receipt != nil { // made at an earlier tick, and not written then
		report, err = x.renew(ctx, s, *before.Receipt)
		return true, report, err
	}
	if full, err := x.diskFull(ctx); err != nil || full != "" {
		return false, Report{}, err
	}
	receipt, err := x.proveAnew(ctx, snap, s, met)
	var told *untold
	switch {
	case errors.Is(err, errGivenWay):
		return true, Report{}, nil
	case errors.As(err, &told):
		report = Report{Acted: true, Said: fmt.Sprintf("the proof of #%d could not be told anew: %s", s.Pull.Number, told.reason)}
		return true, report, x.noteTry(ctx, s.Pull.Number, &try{Head: s.Facts.PR.Head, At: x.Store.Now()})
	case err != nil:
		return true, Report{}, fmt.Errorf("prove #%d anew: %w", s.Pull.Number, err)
	}
	if err := x.noteTry(ctx, s.Pull.Number, &try{Head: receipt.Head, At: x.Store.Now(), Receipt: &receipt}); err != nil {
		return true, Report{}, err
	}
	report, err = x.renew(ctx, s, receipt)
	return true, report, err
}

// try is what is kept of a proof that was made again, for one head: the receipt until it is written, or that there was none to be had.
type try struct {
	Head    string         `json:"head"`
	At      time.Time      `json:"at"`
	Receipt *proof.Receipt `json:"receipt,omitempty"` // nil: it could not be told
}

// due reports whether there is something to do for a head: a receipt to write, or a proof to make.
func (t try) due(head string, now time.Time) bool {
	return t.Head != head || t.Receipt != nil || now.Sub(t.At) >= untoldRest
}

func tryOf(pull int) string { return fmt.Sprintf("proof anew #%d", pull) }

// lastTry is what is known of a head; of another one it says nothing.
func (x *Fixer) lastTry(ctx context.Context, pull int, head string) (t try, err error) {
	value, err := x.Store.Setting(ctx, tryOf(pull))
	if err != nil || value == "" {
		return t, err
	}
	if err := json.Unmarshal([]byte(value), &t); err != nil {
		return t, fmt.Errorf("read the %s: %w", tryOf(pull), err)
	}
	if t.Head != head {
		return try{}, nil
	}
	return t, nil
}

// noteTry keeps a try, or nothing once its receipt is written.
func (x *Fixer) noteTry(ctx context.Context, pull int, t *try) error {
	if t == nil {
		return x.Store.SetSetting(ctx, tryOf(pull), "")
	}
	value, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return x.Store.SetSetting(ctx, tryOf(pull), string(value))
}

// nextVoid is the first of the void receipts about which something is to be done now.
func (x *Fixer) nextVoid(ctx context.Context, snap Snapshot) (s Standing, before try, ok bool, err error) {
	tries := map[int]try{}
	var due []Standing
	for _, s := range snap.Standings {
		if !isVoid(s) {
			continue
		}
		t, err := x.lastTry(ctx, s.Pull.Number, s.Facts.PR.Head)
		if err != nil {
			return s, t, false, err
		}
		if t.due(s.Facts.PR.Head, x.Store.Now()) {
			tries[s.Pull.Number], due = t, append(due, s)
		}
	}
	s, ok = firstVoid(due)
	return s, tries[s.Pull.Number], ok, nil
}

// firstVoid is the pull request whose receipt is to be made again first: one that is approved lands soon.
func firstVoid(standings []Standing) (Standing, bool) {
	var void []Standing
	for _, s := range standings {
		if isVoid(s) {
			void = append(void, s)
		}
	}
	if len(void) == 0 {
		return Standing{}, false
	}
	return slices.MinFunc(void, func(a, b Standing) int {
		return cmp.Or(-cmp.Compare(soon(a), soon(b)), cmp.Compare(a.Pull.Number, b.Pull.Number))
	}), true
}

func soon(s Standing) int {
	if s.Facts.Approved {
		return 1
	}
	return 0
}

// isVoid reports whether a receipt is of an earlier head and the branch has got nothing since but updates from the base, so that the proof can be made
// again. One that is to be updated, repaired or left to a person would only become void once more.
func isVoid(s Standing) bool {
	var r proof.Receipt
	if s.Pull.Receipt == "" || json.Unmarshal([]byte(s.Pull.Receipt), &r) != nil || r.Head == s.Facts.PR.Head || s.Facts.PR.Head != s.Facts.Pushed {
		return false
	}
	switch s.Verdict.Word {
	case store.Waiting, store.Ready, store.Approval:
		return len(s.Verdict.Stopped) == 0
	}
	return false
}

// errGivenWay is met when a proof was let go of for something that cannot wait.
var errGivenWay = errors.New("given way")

// untold is met when a proof ended without a word about the change: the base is red, the time was over, git failed.
type untold struct{ reason string }

func (u *untold) Error() string { return "it could not be told: " + u.reason }

// proveAnew proves a pull request's head against the base as it stands.
func (x *Fixer) proveAnew(ctx context.Context, snap Snapshot, s Standing, met map[int]bool) (proof.Receipt, error) {
	name, err := x.Store.Setting(ctx, installation)
	if err != nil {
		return proof.Receipt{}, err
	}
	run, err := x.Store.StartRun(ctx, store.Run{Role: store.Prover, Ticket: s.Pull.Ticket, Pull: s.Pull.Number, Step: "proof anew", Limit: reproveLimit,
		Marker: fmt.Sprintf("lightsout-%s-anew-%d-%d", name, s.Pull.Number, x.Store.Now().UnixMilli())}, nil)
	if err != nil {
		return proof.Receipt{}, err
	}
	receipt, err := x.proveUnder(ctx, run, snap, s, met)
	outcome, reason := "done", receipt.Line()
	if err != nil {
		outcome, reason = "not told", limitLine(x.redact(err.Error()), 300)
	}
	return receipt, errors.Join(err, x.Store.EndRun(context.WithoutCancel(ctx), run.ID, outcome, reason))
}

func (x *Fixer) proveUnder(ctx context.Context, run store.Run, snap Snapshot, s Standing, met map[int]bool) (proof.Receipt, error) {
	within, cancel := context.WithTimeoutCause(ctx, reproveLimit, fmt.Errorf("it was not done within %s", reproveLimit))
	defer cancel()
	working, release := x.unlessWanted(within, run, s, snap.At, met)
	a := assignment{role: FixerRole, base: snap.BaseSHA}
	receipt, err := x.prove(working, a, run, s.Facts.PR.Head, sessionText(s.Facts.PR.Body), nil)
	wanted := release()
	tidied := proof.Clear(context.WithoutCancel(ctx), x.Mirror, x.proofDir(FixerRole))
	switch {
	case ctx.Err() != nil:
		return receipt, errors.Join(context.Cause(ctx), tidied)
	case wanted != nil:
		return receipt, errors.Join(wanted, tidied)
	case err != nil:
		return receipt, errors.Join(&untold{limitLine(x.redact(err.Error()), 300)}, tidied)
	}
	return receipt, tidied
}

// unlessWanted is a context that ends with errGivenWay once the store says that something else is wanted of the Fixer since the world was read, or nothing
// at all, and as untold once a person cancels its run. The function that comes with it ends the lookout and returns that error, nil when nothing came up.
func (x *Fixer) unlessWanted(ctx context.Context, run store.Run, s Standing, read time.Time, met map[int]bool) (context.Context, func() error) {
	working, stop := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		look := time.NewTicker(reproveLookout)
		defer look.Stop()
		for {
			select {
			case <-working.Done():
				return
			case <-look.C:
			}
			var back *setback
			if err := x.cancelled(working, run); errors.As(err, &back) {
				stop(&untold{back.reason})
			}
			pulls, err := x.Store.Pulls(working)
			if reason := givesWay(pulls, s, met); err == nil && reason != "" {
				stop(fmt.Errorf("%w: %s", errGivenWay, reason))
			}
			asked, err := x.Store.Unanswered(working)
			if reason := askedSince(asked, read); err == nil && reason != "" {
				stop(fmt.Errorf("%w: %s", errGivenWay, reason))
			}
			if pause, paused, err := x.Store.PausedFor(working, FixerRole); err == nil && paused {
				stop(fmt.Errorf("%w: paused by %s", errGivenWay, pause.ByName))
			}
		}
	}()
	return working, func() error {
		stop(nil)
		<-over
		var told *untold
		if cause := context.Cause(working); errors.Is(cause, errGivenWay) || errors.As(cause, &told) {
			return cause
		}
		return nil
	}
}

// givesWay says why a proof of s is to be let go of, from the open pull requests as the store has them; "" when it may go on.
func givesWay(open []store.Pull, s Standing, met map[int]bool) string {
	there := false
	for _, p := range open {
		if p.Number == s.Pull.Number {
			there = p.Head == s.Facts.PR.Head
			if needsFixer(p.Verdict) {
				return fmt.Sprintf("#%d is %s", p.Number, p.Verdict)
			}
		} else if needsFixer(p.Verdict) && !met[p.Number] {
			return fmt.Sprintf("#%d needs a repair", p.Number)
		}
	}
	if !there {
		return fmt.Sprintf("#%d has moved on", s.Pull.Number)
	}
	return ""
}

// askedSince says what a person has asked of the Fixer since the world was read; what was asked before has been looked at. "" for nothing.
func askedSince(asked []store.Request, read time.Time) string {
	for _, r := range asked {
		again := r.Kind == store.RequestRun && r.Role == FixerRole
		if (again || r.Kind == store.RequestReject || r.Kind == store.RequestHandBack) && r.At.After(read) {
			return fmt.Sprintf("%s of #%d asked by %s", r.Kind, r.Pull, r.ByName)
		}
	}
	return ""
}

// renew puts a receipt in the place of the one that is void: in the pull request's text, in the store, on the card. It is made for one head: when
// that is no more, nothing is written, and nothing said. While somebody works on the pull request the receipt is kept for a later tick.
func (x *Fixer) renew(ctx context.Context, s Standing, receipt proof.Receipt) (Report, error) {
	claim, leave, err := x.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: FixerRole}, updateLease)
	if errors.Is(err, store.ErrClaimed) {
		return Report{}, nil
	}
	if err != nil {
		return Report{}, err
	}
	defer leave()
	written, err := x.writeReceipt(ctx, s, claim, receipt)
	if err == nil {
		err = x.noteTry(ctx, s.Pull.Number, nil)
	}
	if err = errors.Join(err, x.Store.Release(context.WithoutCancel(ctx), claim, "proved anew")); err != nil {
		return Report{}, fmt.Errorf("renew the receipt of #%d: %w", s.Pull.Number, err)
	}
	if !written {
		return Report{}, nil
	}
	return Report{Acted: true, Said: fmt.Sprintf("proved #%d anew: %s", s.Pull.Number, receipt.Line())}, nil
}

func (x *Fixer) writeReceipt(ctx context.Context, s Standing, claim store.Claim, receipt proof.Receipt) (written bool, err error) {
	content, err := json.Marshal(receipt)
	if err != nil {
		return false, err
	}
	pr, err := x.Forge.Fresh().PullRequest(ctx, s.Pull.Number)
	if err != nil || pr.Head != receipt.Head || pr.State != "open" {
		return false, err
	}
	if body := x.redact(renewedReceipt(pr.Body, x.Settings.Base, receipt)); body != pr.Body {
		if err := x.Store.Holds(ctx, claim); err != nil {
			return false, err
		}
		// A text that GitHub will not have keeps the word that its receipt is void; the card shows the new one.
		if _, err := x.Forge.EditPullRequest(ctx, pr.Number, forge.PullRequestEdit{Body: &body}); unlessPermanent(err) != nil {
			return false, err
		}
	}
	_, err = x.Store.UpdatePull(ctx, pr.Number, func(p *store.Pull) {
		if p.Head == receipt.Head {
			p.Proof, p.Receipt = receipt.Line(), string(content)
		}
	}, store.Event{Kind: store.ProofRenewed, Data: map[string]string{"head": receipt.Head, "proof": receipt.Line(), "proven": strconv.FormatBool(receipt.Proven), "base": s.Pull.Base}})
	return err == nil, err
}
