package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
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

func TestAProofThatTellsNothingIsNoWordAgainstTheChange(t *testing.T) {
	journey(t, nil, func(r *rig) {
		pull, before := r.updated(map[string]string{"tests/broken_test.sh": "false\n"}) // main is red, whatever the change does
		if report := r.fix(); !strings.Contains(report.Said, "could not be told") || !strings.Contains(report.Said, "broken_test.sh") {
			t.Errorf("the Fixer says %q", report.Said)
		}
		unsaid := func() {
			t.Helper()
			r.tells(0, store.ProofRenewed, pull, "")
			if got := r.receipt(pull); !got.Proven || got.Head != before || !strings.HasPrefix(r.pull(pull).Proof, "void since") {
				t.Errorf("the receipt is of %.7s, proven %v; the card says %q", got.Head, got.Proven, r.pull(pull).Proof)
			}
		}
		unsaid()
		if report := r.fix(); report.Acted {
			t.Errorf("it is tried again at once: %q", report.Said)
		}
		virtualWait(untoldRest)
		if report := r.fix(); !strings.Contains(report.Said, "could not be told") {
			t.Errorf("it is never tried again: %q", report.Said)
		}
		unsaid()
		r.land()
		r.stands(pull, store.Landed, "")
		r.land()
	})
}

func TestNoProofIsMadeAgainOnAFullDisk(t *testing.T) {
	free := uint64(2 * diskFloor)
	journey(t, func(o *options) { o.settings.FreeDisk = func() (uint64, error) { return free, nil } }, func(r *rig) {
		pull, _ := r.updated(map[string]string{"notes.txt": "one\n"})
		free = diskFloor / 2
		if report := r.fix(); report.Acted {
			t.Errorf("on a full disk the Fixer says %q", report.Said)
		}
		r.tells(1, store.Trouble, 0, "disk nearly full")
		free = 2 * diskFloor
		r.fix()
		r.tells(1, store.ProofRenewed, pull, "proven:true")
	})
}

func TestAReceiptThatGitHubWillNotHaveIsKeptAllTheSame(t *testing.T) {
	journey(t, nil, func(r *rig) {
		pull, _ := r.updated(map[string]string{"notes.txt": "one\n"})
		r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Status: 422, Body: `{"message":"body is too long"}`, Method: http.MethodPatch, Path: "/pulls/", Times: -1})
		r.fix()
		if got := r.receipt(pull); got.Head != r.look(pull).Head || !got.Proven || r.pull(pull).Proof != got.Line() {
			t.Errorf("the receipt is of %.7s, the card says %q", got.Head, r.pull(pull).Proof)
		}
		if report := r.fix(); report.Acted {
			t.Errorf("the proof is made again: %q", report.Said)
		}
		r.tells(1, store.ProofRenewed, pull, "proven:true")
	})
}

func TestAProofIsMadeOnceHoweverLateItsReceiptIsWritten(t *testing.T) {
	proofs := func(r *rig) int {
		r.t.Helper()
		content, err := os.ReadFile(filepath.Join(r.dir, "proofs"))
		must(r.t, err)
		return strings.Count(string(content), "\n")
	}
	for name, row := range map[string]struct {
		hinder func(r *rig, pull int) (lift func())
		fails  bool
	}{
		"GitHub is down": {func(r *rig, pull int) func() {
			return r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Status: 500, Method: http.MethodPatch, Path: "/pulls/", Times: -1})
		}, true},
		"somebody works on it": {func(r *rig, pull int) func() {
			ticket := r.pull(pull).Ticket
			r.factory.desk.enter(ticket)
			return func() { r.factory.desk.leave(ticket) }
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				count := fmt.Sprintf("echo ran >> %s\n", filepath.Join(r.dir, "proofs"))
				pull, _ := r.updated(map[string]string{"tests/counted_test.sh": count})
				lift := row.hinder(r, pull)
				made := 0
				for range 3 {
					report, err := (&Fixer{r.factory}).Run(r.ctx)
					r.settle()
					if (err != nil) != row.fails || strings.Contains(report.Said, "anew") {
						t.Errorf("the Fixer says %q, %v", report.Said, err)
					}
					if n := proofs(r); made == 0 {
						made = n
					} else if n != made {
						t.Errorf("the tests ran %d times at first, %d times by now", made, n)
					}
				}
				r.tells(0, store.ProofRenewed, pull, "")
				lift()
				if report := r.fix(); !strings.Contains(report.Said, "anew") || proofs(r) != made {
					t.Errorf("the Fixer says %q after %d runs of the tests, %d were made before", report.Said, proofs(r), made)
				}
				r.tells(1, store.ProofRenewed, pull, "proven:true")
			})
		})
	}
}

func TestAReceiptOfAHeadThatIsNoMoreIsNotWritten(t *testing.T) {
	journey(t, nil, func(r *rig) {
		pull, before := r.updated(map[string]string{"notes.txt": "one\n"})
		s := Standing{Pull: r.pull(pull)}
		s.Facts.PR = r.look(pull)
		stale := r.receipt(pull) // of the head before the update
		report, err := (&Fixer{r.factory}).renew(r.ctx, s, stale)
		if err != nil || report.Acted || report.Said != "" || stale.Head != before {
			t.Errorf("the Fixer says %q, %v", report.Said, err)
		}
		r.tells(0, store.ProofRenewed, pull, "")
	})
}

func TestAProofThatIsMadeAgainHasARowAndHoldsNothingUp(t *testing.T) {
	journey(t, nil, func(r *rig) {
		at, gone := filepath.Join(r.dir, "at"), filepath.Join(r.dir, "gone")
		for _, pipe := range []string{at, gone} {
			must(t, syscall.Mkfifo(pipe, 0o600))
		}
		must(t, os.WriteFile(filepath.Join(r.dir, "once"), nil, 0o600))
		script := fmt.Sprintf("cd %s && if mv once began 2>/dev/null; then echo > at; cat gone; fi\n", r.dir)
		pull, _ := r.updated(map[string]string{"tests/slow_test.sh": script})
		hold, err := os.OpenFile(gone, os.O_RDWR, 0) // while it is open, who reads it waits
		must(t, err)
		ended := make(chan error)
		go func() {
			_, err := (&Fixer{r.factory}).Run(r.ctx)
			ended <- err
		}()
		_, err = os.ReadFile(at) // its tests run now
		must(t, err)
		running, err := r.store.Running(r.ctx)
		must(t, err)
		if len(running) != 1 || running[0].Role != store.Prover || running[0].Pull != pull || running[0].Step != "proof anew" || running[0].Marker == "" {
			t.Errorf("what runs is %+v", running)
		}
		r.good((&Merger{r.factory}).Run(r.ctx))
		r.stands(pull, store.Landed, "")
		must(t, hold.Close())
		must(t, <-ended)
		r.tells(0, store.ProofRenewed, pull, "")
		if runs, err := r.store.RunsOf(r.ctx, r.pull(pull).Ticket); err != nil || len(runs) != 1 || runs[0].Role != ImplementerRole {
			t.Errorf("the ticket's runs are %+v, %v", runs, err)
		}
		r.tells(1, store.RunEnded, 0, "") // the Implementer's
		r.tells(0, store.FixerClaimed, 0, "")
		r.land()
	})
}

func TestAPersonCancelsAProofThatIsMadeAgain(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.opened(1)
		s := Standing{Pull: r.pull(pull)}
		s.Facts.PR.Head = s.Pull.Head
		run, err := r.store.StartRun(r.ctx, store.Run{Role: store.Prover, Ticket: ticket, Pull: pull, Marker: "m"}, nil)
		must(t, err)
		working, release := (&Fixer{r.factory}).unlessWanted(r.ctx, run, s, r.store.Now(), nil)
		r.cancelRunning()
		virtualWait(2 * reproveLookout)
		var told *untold
		if err := release(); working.Err() == nil || !errors.As(err, &told) || told.reason != "cancelled by Ana" {
			t.Errorf("it goes on: %v", err)
		}
		r.tells(1, store.RequestAnswered, 0, ref(pull)+" stands as it did")
		must(t, r.store.EndRun(r.ctx, run.ID, "not told", "cancelled by Ana"))
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
		"it is red itself":    {[]store.Pull{{Number: 7, Head: "bbb", Verdict: store.Red}}, "#7 is red"},
		"it is rejected":      {[]store.Pull{{Number: 7, Head: "bbb", Verdict: store.Rejected}}, "#7 is rejected"},
		"one that was met is": {[]store.Pull{mine, {Number: 9, Verdict: store.Red}}, ""},
	} {
		if got := givesWay(row.open, s, map[int]bool{9: true}); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestAProofGivesWayToAPersonsWord(t *testing.T) {
	read := time.Unix(1000, 0)
	later := read.Add(time.Second)
	for name, row := range map[string]struct {
		asked store.Request
		want  bool
	}{
		"a rejection":                {store.Request{Kind: store.RequestReject, Pull: 7, At: later}, true},
		"a pull request handed back": {store.Request{Kind: store.RequestHandBack, Pull: 8, At: later}, true},
		"a retry":                    {store.Request{Kind: store.RequestRun, Role: FixerRole, Pull: 8, At: later}, true},
		"a ticket to be taken":       {store.Request{Kind: store.RequestRun, Role: ImplementerRole, At: later}, false},
		"a revert":                   {store.Request{Kind: store.RequestRevert, Pull: 8, At: later}, false},
		"one that has been read":     {store.Request{Kind: store.RequestReject, Pull: 8, At: read}, false},
	} {
		if got := askedSince([]store.Request{row.asked}, read); (got != "") != row.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	journey(t, nil, func(r *rig) {
		_, pull := r.opened(1)
		s := Standing{Pull: r.pull(pull)}
		s.Facts.PR.Head = s.Pull.Head
		r.reject(pull, "before", "It was read with the rest.")
		working, release := (&Fixer{r.factory}).unlessWanted(r.ctx, store.Run{}, s, r.store.Now(), nil)
		virtualWait(2 * reproveLookout)
		if working.Err() != nil {
			t.Errorf("it was ended by nothing new: %v", context.Cause(working))
		}
		r.reject(pull, "since", "Say what it prints.")
		virtualWait(2 * reproveLookout)
		if err := release(); !errors.Is(err, errGivenWay) || !strings.Contains(err.Error(), "asked by Ana") {
			t.Errorf("under a rejection it goes on: %v", err)
		}
	})
}

func TestAPauseEndsAProofThatIsMadeAgain(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.opened(1)
		s := Standing{Pull: r.pull(pull)}
		s.Facts.PR.Head = s.Pull.Head
		working, release := (&Fixer{r.factory}).unlessWanted(r.ctx, store.Run{}, s, r.store.Now(), nil)
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
