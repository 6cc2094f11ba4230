package agents

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"lightsout/agents/forge"
	"lightsout/agents/proof"
	"lightsout/store"
)

// updated is a pull request of the factory's own that is proven, approved, and has just been brought up to date with main.
func (r *rig) updated(change map[string]string) (pull int, before string) {
	r.t.Helper()
	_, pull = r.opened(1)
	r.fix()
	r.approve(pull)
	before = r.pull(pull).Head
	r.pushTo("main", change)
	r.land()
	if p := r.pull(pull); p.Head == before && r.look(pull).Head == before {
		r.t.Fatal("the branch was not brought up to date")
	}
	return pull, before
}

// look is a pull request as GitHub shows it.
func (r *rig) look(pull int) forge.PullRequest {
	r.t.Helper()
	pr, err := r.factory.Forge.Fresh().PullRequest(r.ctx, pull)
	must(r.t, err)
	return pr
}

func (r *rig) receipt(pull int) (got proof.Receipt) {
	r.t.Helper()
	must(r.t, json.Unmarshal([]byte(r.pull(pull).Receipt), &got))
	return got
}

func TestAReceiptIsMadeAgainAfterAnUpdateFromTheBase(t *testing.T) {
	journey(t, nil, func(r *rig) {
		pull, before := r.updated(map[string]string{"notes.txt": "one\n"})
		if body := r.look(pull).Body; !strings.Contains(body, voidMark) {
			t.Errorf("the receipt is not taken back:\n%s", body)
		}
		base, err := r.git("rev-parse", "main")
		must(t, err)
		if report := r.fix(); !strings.Contains(report.Said, "anew") {
			t.Errorf("the Fixer says %q", report.Said)
		}
		p, shown, got := r.pull(pull), r.look(pull), r.receipt(pull)
		if got.Head != shown.Head || got.Head == before || got.Base != strings.TrimSpace(base) || !got.Proven {
			t.Errorf("the receipt is of %.7s against %.7s, proven %v; the head is %.7s, main is at %.7s", got.Head, got.Base, got.Proven, shown.Head, base)
		}
		if p.Proof != got.Line() || strings.Contains(p.Proof, "void") {
			t.Errorf("the card says %q", p.Proof)
		}
		for text, count := range map[string]int{voidMark: 0, "head `" + shown.Head[:7] + "`": 1, "head `" + before[:7] + "`": 0, receiptHeading: 1, "Closes #": 1, "Made again after an update from main": 1, "## Why": 1} {
			if n := strings.Count(shown.Body, text); n != count {
				t.Errorf("%d times %q in the text, want %d:\n%s", n, text, count, shown.Body)
			}
		}
		r.tells(1, store.ProofRenewed, pull, "proven:true")
		r.fix()
		r.tells(1, store.ProofRenewed, pull, "")
		r.land()
		r.stands(pull, store.Landed, "")
		r.land()
	})
}

func TestAProofThatNoLongerHoldsIsSaidAndStopsNothing(t *testing.T) {
	journey(t, nil, func(r *rig) {
		pull, _ := r.updated(map[string]string{"test.sh": "true\n"}) // main's tests pass with anything now
		r.fix()
		if got := r.receipt(pull); got.Proven || got.Head != r.look(pull).Head || !strings.Contains(r.pull(pull).Proof, "not proven: the tests of the change pass without it") {
			t.Errorf("proven %v, the card says %q", got.Proven, r.pull(pull).Proof)
		}
		if body := r.look(pull).Body; !strings.Contains(body, "**Not proven**") || strings.Contains(body, voidMark) {
			t.Errorf("the text says\n%s", body)
		}
		r.tells(1, store.ProofRenewed, pull, "proven:false")
		r.fix() // it is not tried again and again
		r.tells(1, store.ProofRenewed, pull, "")
		r.land()
		r.stands(pull, store.Landed, "")
		r.land()
	})
}

func TestAReceiptOfAPersonsPushIsNotMadeAgain(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.opened(1)
		r.fix()
		r.push(pull, map[string]string{"more.txt": "by hand\n"})
		r.fix()
		r.tells(0, store.ProofRenewed, pull, "")
		if p := r.pull(pull); !strings.HasPrefix(p.Proof, "void since") {
			t.Errorf("the card says %q", p.Proof)
		}
	})
}

func TestWhichReceiptIsMadeAgainFirst(t *testing.T) {
	standing := func(number int, change func(*Standing)) Standing {
		s := Standing{Pull: store.Pull{Number: number, Receipt: `{"head":"aaa","proven":true}`}, Verdict: Verdict{Word: store.Waiting}}
		s.Facts.PR.Head, s.Facts.Pushed = "bbb", "bbb"
		if change != nil {
			change(&s)
		}
		return s
	}
	for name, row := range map[string]struct {
		change func(*Standing)
		want   bool
	}{
		"updated from the base":           {nil, true},
		"green":                           {func(s *Standing) { s.Verdict.Word = store.Ready }, true},
		"approved":                        {func(s *Standing) { s.Verdict.Word = store.Approval }, true},
		"of this head":                    {func(s *Standing) { s.Facts.PR.Head, s.Facts.Pushed = "aaa", "aaa" }, false},
		"a person has pushed":             {func(s *Standing) { s.Facts.Pushed = "aaa" }, false},
		"never proven":                    {func(s *Standing) { s.Pull.Receipt = "" }, false},
		"about to be updated":             {func(s *Standing) { s.Verdict.Word = store.Landing }, false},
		"red":                             {func(s *Standing) { s.Verdict.Word = store.Red }, false},
		"a session works on it":           {func(s *Standing) { s.Verdict.Word = store.Running }, false},
		"its checks are to be asked anew": {func(s *Standing) { s.Verdict.Stopped = []forge.Check{{Name: "test"}} }, false},
	} {
		if got := isVoid(standing(1, row.change)); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	approved := func(s *Standing) { s.Facts.Approved = true }
	all := []Standing{standing(9, nil), standing(8, approved), standing(7, approved), standing(6, func(s *Standing) { s.Verdict.Word = store.Red })}
	if s, ok := firstVoid(all); !ok || s.Pull.Number != 7 {
		t.Errorf("#%d is first", s.Pull.Number)
	}
	if _, ok := firstVoid(all[3:]); ok {
		t.Error("one that is red is proven anew")
	}
}

func TestAProofGivesWayToWhatCannotWait(t *testing.T) {
	s := Standing{Pull: store.Pull{Number: 7}}
	s.Facts.PR.Head = "bbb"
	mine := store.Pull{Number: 7, Head: "bbb", Verdict: store.Waiting}
	for name, row := range map[string]struct {
		open []store.Pull
		want string
	}{
		"nothing came up":     {[]store.Pull{mine, {Number: 8, Verdict: store.Ready}}, ""},
		"it has landed":       {nil, "#7 has moved on"},
		"its head has moved":  {[]store.Pull{{Number: 7, Head: "ccc"}}, "#7 has moved on"},
		"another one is red":  {[]store.Pull{mine, {Number: 8, Verdict: store.Red}}, "#8 needs a repair"},
		"one that was met is": {[]store.Pull{mine, {Number: 9, Verdict: store.Red}}, ""},
	} {
		if got := givesWay(row.open, s, map[int]bool{9: true}); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestAPauseEndsAProofThatIsMadeAgain(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.opened(1)
		s := Standing{Pull: r.pull(pull)}
		s.Facts.PR.Head = s.Pull.Head
		working, release := (&Fixer{r.factory}).unlessWanted(r.ctx, s, nil)
		virtualWait(2 * reproveLookout)
		if working.Err() != nil {
			t.Errorf("it was ended by nothing: %v", context.Cause(working))
		}
		must(t, r.store.Pause(r.ctx, "", noTime, "Ana"))
		virtualWait(2 * reproveLookout)
		if err := release(); !errors.Is(err, errGivenWay) || !strings.Contains(err.Error(), "paused by Ana") {
			t.Errorf("under a pause it goes on: %v", err)
		}
	})
}
