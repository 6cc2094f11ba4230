package bot

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lightsout/store"
)

// granted is the approval in force for #42.
func (w *world) granted() (store.Grant, bool) {
	w.Helper()
	g, err := w.store.Grant(w.Context(), 42)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.Fatal(err)
	}
	return g, err == nil
}

func TestATapApprovesTheDiffThatTheCardShows(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		card := w.last(ana, "Add CSV export")
		if toast := w.tap(ana, card.ID, "✅ Approve"); toast != "Approved 9f3c2a1, merging when green" {
			t.Errorf("toast %q", toast)
		}
		g, ok := w.granted()
		if !ok || g.Head != headA || g.PatchID != patchA || g.ByID != ana || g.ByName != "Ana" {
			t.Errorf("approval %+v", g)
		}
		if woken := w.wakes(); len(woken) != 1 || woken[0] != merger {
			t.Errorf("woken: %v", woken)
		}
		for _, chat := range []int64{ana, oda, vera} {
			card := w.last(chat, "approved by Ana")
			if _, there := card.Button("✅ Approve"); there {
				t.Error("an approved card still offers to approve")
			}
		}
	})
}

func TestATapOnADiffThatIsGoneApprovesNothingAndSaysWhatChanged(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		card := w.card(ana)
		data := ""
		if button, ok := card.Button("✅ Approve"); ok {
			data = button.Data
		}
		w.pull(42, store.Ready, headB, patchB)
		w.settle()
		toast, err := w.TapData(ana, card.ID, data) // a client that has not redrawn the card
		w.must(err)
		w.settle()
		if !strings.Contains(toast, "#42 has changed since: it is at 77be01c now. Nothing was done.") {
			t.Errorf("toast %q", toast)
		}
		if g, ok := w.granted(); ok {
			t.Fatalf("approved %+v", g)
		}
		m := w.hears(ana, "you were shown 9f3c2a1, it is at 77be01c now")
		w.tap(ana, m.ID, "✅ Approve")
		if g, ok := w.granted(); !ok || g.Head != headB || g.PatchID != patchB {
			t.Errorf("asked again, approved %+v", g)
		}
	})
}

func TestACleanBaseUpdateKeepsWhatATapMeans(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		card := w.card(ana)
		button, _ := card.Button("✅ Approve")
		w.pull(42, store.Ready, headB, patchA) // another head, the same diff
		w.settle()
		if toast, err := w.TapData(ana, card.ID, button.Data); err != nil || !strings.HasPrefix(toast, "Approved 77be01c") {
			t.Errorf("toast %q, %v", toast, err)
		}
	})
}

func TestATapThatCrossesAnEditOfTheCardCounts(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		card := w.card(ana)
		before, _ := card.Button("✅ Approve")
		w.pull(42, store.Ready, headA, patchA) // CI went green: the card is edited, its diff is the same
		w.settle()
		after, _ := w.card(ana).Button("✅ Approve")
		if before.Data == "" || before.Data != after.Data {
			t.Errorf("the button changed from %q to %q", before.Data, after.Data)
		}
	})
}

func TestASecondTapDoesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		card := w.card(ana)
		button, _ := card.Button("✅ Approve")
		w.tap(ana, card.ID, "✅ Approve")
		w.say(ana, "/unapprove 42")
		before := w.fingerprint()
		toast, err := w.TapData(ana, card.ID, button.Data)
		w.must(err)
		w.settle()
		if toast != "This button is no longer alive." || w.fingerprint() != before {
			t.Errorf("a used button answered %q", toast)
		}
		if _, ok := w.granted(); ok {
			t.Error("a used button approved again")
		}
	})
}

func TestATypedApprovalBindsWhatStoodThereWhenItWasWritten(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.halt()
		if _, err := w.Say(ana, "/approve 42"); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Minute)
		w.pull(42, store.Ready, headB, patchB) // somebody pushes while the daemon is down
		w.start(Options{})
		if g, ok := w.granted(); ok {
			t.Errorf("an old word approved %+v", g)
		}
		w.last(ana, "you were shown 9f3c2a1, it is at 77be01c now")
	})
}

func TestATypedApprovalSentWhileTheDaemonWasDownIsDoneOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.halt()
		if _, err := w.Say(ana, "/approve 42"); err != nil {
			t.Fatal(err)
		}
		w.wait(3 * time.Hour)
		w.start(Options{})
		if g, ok := w.granted(); !ok || g.Head != headA {
			t.Errorf("approval %+v", g)
		}
		w.hears(ana, "Approved 9f3c2a1, merging when green")
		w.halt()
		w.start(Options{})
		if n := strings.Count(w.transcript(ana), "Approved 9f3c2a1"); n != 1 {
			t.Errorf("said %d times", n)
		}
	})
}

func TestApproveWithoutAnArgumentMeansTheCardThatWasRepliedTo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.pull(43, store.Ready, headB, patchB, store.Event{Kind: store.PullOpened})
		w.settle()
		card := w.card(ana)
		w.reply(ana, card.ID, "/approve")
		if g, ok := w.granted(); !ok || g.Pull != 42 {
			t.Errorf("approval %+v", g)
		}
		if grants, err := w.store.Grants(w.Context()); err != nil || len(grants) != 1 {
			t.Errorf("approvals %+v, %v", grants, err)
		}
	})
}

func TestAReplyToACardMeansTheDiffThatTheCardShowed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		card := w.card(ana)
		w.halt() // the card cannot be edited while the daemon is down
		w.pull(42, store.Ready, headB, patchB)
		w.wait(time.Minute)
		if _, err := w.Reply(ana, card.ID, "/approve"); err != nil {
			t.Fatal(err)
		}
		w.start(Options{})
		if g, ok := w.granted(); ok {
			t.Errorf("approved %+v, which the card did not show", g)
		}
		w.last(ana, "#42 has changed since")
	})
}

func TestAnAmbiguousApproveOffersTheCandidates(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.pull(43, store.Waiting, headB, patchB, store.Event{Kind: store.PullOpened})
		w.settle()
		w.say(ana, "/approve")
		if _, ok := w.granted(); ok {
			t.Fatal("approved something at random")
		}
		m := w.hears(ana, "Approve which one?", "#42", "#43")
		w.tap(ana, m.ID, "✅ #43 at 77be01c")
		grants, err := w.store.Grants(w.Context())
		if err != nil || len(grants) != 1 || grants[0].Pull != 43 || grants[0].Head != headB {
			t.Errorf("approvals %+v, %v", grants, err)
		}
		m = w.last(ana, "Approve which one?")
		if len(m.Buttons) != 1 || m.Buttons[0][0].Text != "✅ #42 at 9f3c2a1" {
			t.Errorf("the list now offers %v", m.Buttons)
		}
	})
}

func TestANamedCommitMustBeTheOneThatStandsThere(t *testing.T) {
	for sha, want := range map[string]bool{"9f3c2a1": true, "9F3C2A1000": true, "77be01c": false} {
		inWorld(t, func(w *world) {
			w.opened(42, store.Ready)
			w.say(ana, "/approve 42 "+sha)
			if _, ok := w.granted(); ok != want {
				t.Errorf("%s: approved %v", sha, ok)
			}
		})
	}
}

func TestWhatIsDecidedCannotBeApproved(t *testing.T) {
	for _, verdict := range []string{store.Landed, store.Closed, store.GivenUp, store.Foreign} {
		inWorld(t, func(w *world) {
			w.opened(42, store.Ready)
			card := w.card(ana)
			button, _ := card.Button("✅ Approve")
			w.pull(42, verdict, headA, patchA)
			w.settle()
			for _, m := range w.said(ana) {
				if b, there := m.Button("✅ Approve"); there {
					t.Errorf("%s: %q still offers %v", verdict, m.Plain, b)
				}
			}
			toast, err := w.TapData(ana, card.ID, button.Data)
			w.must(err)
			w.settle()
			if !strings.Contains(toast, "cannot be approved") || !strings.Contains(toast, verdict) {
				t.Errorf("%s: toast %q", verdict, toast)
			}
		})
	}
}

func TestAChangeOfProtectedFilesNeedsASecondTap(t *testing.T) {
	inWorld(t, func(w *world) {
		w.halt()
		w.start(Options{Protected: func(files []string) []string { return files[:1] }})
		w.opened(42, store.Ready)
		w.tap(ana, w.card(ana).ID, "✅ Approve")
		if _, ok := w.granted(); ok {
			t.Fatal("one tap was enough")
		}
		m := w.hears(ana, "#42 touches protected files", "csv.go", "It is not approved yet")
		w.tap(ana, m.ID, "✅ Approve 9f3c2a1 all the same")
		if g, ok := w.granted(); !ok || g.Head != headA {
			t.Errorf("approval %+v", g)
		}
	})
}

func TestRejectSendsThePullRequestBackWithTheReason(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.tap(ana, w.card(ana).ID, "✅ Approve")
		id := w.say(oda, "/reject 42 it drops quotes")
		w.hears(oda, "#42 goes back to the Fixer", "attempt 1/3")
		requests, err := w.store.Asked(w.Context(), store.RequestReject)
		w.must(err)
		if len(requests) != 1 || requests[0].Pull != 42 || requests[0].Text != "it drops quotes" || requests[0].ByID != oda || requests[0].Message != int64(id) {
			t.Fatalf("requests %+v", requests)
		}
		if _, ok := w.granted(); ok {
			t.Error("the approval stands")
		}
		if strings.Contains(w.transcript(ana), "approve again") {
			t.Error("a rejected diff is asked about again")
		}
		w.must(w.store.Answer(w.Context(), requests[0].ID, "Answered with 77be01c; CI runs on it now."))
		w.settle()
		if m := w.hears(oda, "Answered with 77be01c"); m.ReplyTo != id {
			t.Errorf("the answer replies to %d, not to %d", m.ReplyTo, id)
		}
	})
}

func TestTheRejectButtonAsksForTheReason(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.tap(ana, w.card(ana).ID, "✖️ Reject")
		question := w.hears(ana, "Why is #42 rejected?")
		if !question.ForceReply {
			t.Error("no reply is asked for")
		}
		if requests, _ := w.store.Asked(w.Context(), store.RequestReject); len(requests) > 0 {
			t.Fatal("rejected without a reason")
		}
		w.reply(ana, question.ID, "the header row is missing")
		requests, err := w.store.Asked(w.Context(), store.RequestReject)
		if err != nil || len(requests) != 1 || requests[0].Text != "the header row is missing" || requests[0].Pull != 42 {
			t.Errorf("requests %+v, %v", requests, err)
		}
	})
}

func TestARejectionOfADiffThatIsGoneAsksAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.halt()
		if _, err := w.Say(ana, "/reject 42 it drops quotes"); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Minute)
		w.pull(42, store.Ready, headB, patchB)
		w.start(Options{})
		if requests, _ := w.store.Asked(w.Context(), store.RequestReject); len(requests) > 0 {
			t.Errorf("requests %+v", requests)
		}
		w.last(ana, "#42 has changed since")
	})
}

func TestAnApprovalThatLostItsDiffIsAskedAgainWithASound(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.tap(ana, w.card(ana).ID, "✅ Approve")
		w.pull(42, store.Waiting, headB, patchB)
		w.must(w.store.VoidGrant(w.Context(), 42, "the approved diff was 9f3c2a1, the branch is at 77be01c by now", "-:  ------- > 2:  77be01c by hand\n    +if a < b && \"x\""))
		w.settle()
		m := w.last(ana, "#42 approval void")
		if m.Silent || !strings.Contains(m.Plain, "approved 9f3c2a1 by Ana · now 77be01c") {
			t.Errorf("%v %s", m.Silent, m.Plain)
		}
		if !strings.Contains(m.Text, "<blockquote expandable>-:  ------- &gt; 2:  77be01c by hand\n    +if a &lt; b &amp;&amp; ") {
			t.Errorf("what changed is not shown line by line: %s", m.Text)
		}
		w.tap(ana, m.ID, "✅ Approve")
		if g, ok := w.granted(); !ok || g.PatchID != patchB {
			t.Errorf("approval %+v", g)
		}
	})
}

func TestWhatAPersonSawIsToldToTheSecond(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	first, second, updated := diffSeen{at.Add(-time.Minute), headA, patchA}, diffSeen{at.Add(time.Minute), headB, patchB}, diffSeen{at.Add(time.Minute), headB, patchA}
	moved := func(d diffSeen, by time.Duration) diffSeen { d.at = at.Add(by); return d }
	for name, c := range map[string]struct {
		history []diffSeen
		want    string
	}{
		"nothing is known":                   {nil, ""},
		"read before":                        {[]diffSeen{first}, headA},
		"changed after":                      {[]diffSeen{first, second}, headA},
		"changed before":                     {[]diffSeen{moved(first, -time.Hour), moved(second, -time.Minute)}, headB},
		"changed within that very second":    {[]diffSeen{first, moved(second, 300*time.Millisecond)}, ""},
		"changed as that second began":       {[]diffSeen{first, moved(second, 0)}, ""},
		"updated from the base in that one":  {[]diffSeen{first, moved(updated, 300*time.Millisecond)}, headB},
		"first read within that very second": {[]diffSeen{moved(first, 300*time.Millisecond)}, headA},
		"first read after":                   {[]diffSeen{second}, ""},
	} {
		if d, ok := standing(c.history, at); d.head != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v", name, d.head, ok)
		}
	}
}
