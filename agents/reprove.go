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
)

// reprove makes one receipt again that an update from the base has made void. The Fixer does it when it has nothing else to do, and lets go of it as
// soon as it has. Nothing waits for it: the pull request is not claimed while its tests run, so that it lands when it is its turn. did is
// whether a proof was begun.
func (x *Fixer) reprove(ctx context.Context, snap Snapshot, met map[int]bool) (did bool, report Report, err error) {
	s, ok := firstVoid(snap.Standings)
	if !ok || x.Settings.Observe {
		return false, Report{}, nil
	}
	receipt, err := x.proveAnew(ctx, snap, s, met)
	if errors.Is(err, errGivenWay) {
		return true, Report{}, nil
	}
	if err != nil {
		return true, Report{}, fmt.Errorf("prove #%d anew: %w", s.Pull.Number, err)
	}
	if err := x.renew(ctx, s, receipt); err != nil {
		return true, Report{}, fmt.Errorf("renew the receipt of #%d: %w", s.Pull.Number, err)
	}
	return true, Report{Acted: true, Said: fmt.Sprintf("proved #%d anew: %s", s.Pull.Number, receipt.Line())}, nil
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

// proveAnew proves a pull request's head against the base as it stands. What could not be told is a receipt too, one that does not prove: otherwise it
// would be tried at every tick.
func (x *Fixer) proveAnew(ctx context.Context, snap Snapshot, s Standing, met map[int]bool) (proof.Receipt, error) {
	name, err := x.Store.Setting(ctx, installation)
	if err != nil {
		return proof.Receipt{}, err
	}
	within, cancel := context.WithTimeoutCause(ctx, reproveLimit, fmt.Errorf("it was not done within %s", reproveLimit))
	defer cancel()
	working, release := x.unlessWanted(within, s, met)
	a := assignment{role: FixerRole, base: snap.BaseSHA}
	run := store.Run{Marker: fmt.Sprintf("lightsout-%s-anew-%d-%d", name, s.Pull.Number, x.Store.Now().UnixMilli())}
	receipt, err := x.prove(working, a, run, s.Facts.PR.Head, sessionText(s.Facts.PR.Body), nil)
	wanted := release()
	tidied := proof.Clear(context.WithoutCancel(ctx), x.Mirror, x.proofDir(FixerRole))
	switch {
	case ctx.Err() != nil:
		return receipt, errors.Join(context.Cause(ctx), tidied)
	case wanted != nil:
		return receipt, errors.Join(wanted, tidied)
	case err != nil:
		receipt.Proven, receipt.Base, receipt.Head = false, snap.BaseSHA, s.Facts.PR.Head
		receipt.Warnings = append(receipt.Warnings, "it could not be told: "+limitLine(x.redact(err.Error()), 300))
	}
	return receipt, tidied
}

// unlessWanted is a context that ends with errGivenWay once the store says that something else is wanted of the Fixer, or nothing at all. The function that comes with it
// ends the lookout and returns that error, nil when nothing came up.
func (x *Fixer) unlessWanted(ctx context.Context, s Standing, met map[int]bool) (context.Context, func() error) {
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
			pulls, err := x.Store.Pulls(working)
			if reason := givesWay(pulls, s, met); err == nil && reason != "" {
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
		if cause := context.Cause(working); errors.Is(cause, errGivenWay) {
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
		} else if needsFixer(p.Verdict) && !met[p.Number] {
			return fmt.Sprintf("#%d needs a repair", p.Number)
		}
	}
	if !there {
		return fmt.Sprintf("#%d has moved on", s.Pull.Number)
	}
	return ""
}

// renew puts a receipt in the place of the one that is void: in the pull request's text, in the store, on the card. It is made for one head; when
// that is no more, nothing is written.
func (x *Fixer) renew(ctx context.Context, s Standing, receipt proof.Receipt) error {
	content, err := json.Marshal(receipt)
	if err != nil {
		return err
	}
	claim, leave, err := x.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: FixerRole}, updateLease)
	if errors.Is(err, store.ErrClaimed) {
		return nil // somebody works on it: the next tick sees what has become of it
	}
	if err != nil {
		return err
	}
	defer leave()
	err = x.writeReceipt(ctx, s, claim, receipt, string(content))
	return errors.Join(err, x.Store.Release(context.WithoutCancel(ctx), claim, "proved anew"))
}

func (x *Fixer) writeReceipt(ctx context.Context, s Standing, claim store.Claim, receipt proof.Receipt, content string) error {
	pr, err := x.Forge.Fresh().PullRequest(ctx, s.Pull.Number)
	if err != nil || pr.Head != receipt.Head || pr.State != "open" {
		return err
	}
	if body := x.redact(renewedReceipt(pr.Body, x.Settings.Base, receipt)); body != pr.Body {
		if err := x.Store.Holds(ctx, claim); err != nil {
			return err
		}
		if _, err := x.Forge.EditPullRequest(ctx, pr.Number, forge.PullRequestEdit{Body: &body}); err != nil {
			return err
		}
	}
	_, err = x.Store.UpdatePull(ctx, pr.Number, func(p *store.Pull) {
		if p.Head == receipt.Head {
			p.Proof, p.Receipt = receipt.Line(), content
		}
	}, store.Event{Kind: store.ProofRenewed, Data: map[string]string{"head": receipt.Head, "proof": receipt.Line(), "proven": strconv.FormatBool(receipt.Proven), "base": s.Pull.Base}})
	return err
}
