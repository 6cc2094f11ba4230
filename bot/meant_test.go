package bot

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lightsout/bot/bottest"
	"lightsout/store"
)

// away lets people write while the bot is down, a minute between one word and the next.
func (w *world) away(words ...func() error) {
	w.Helper()
	w.halt()
	for _, say := range words {
		w.must(say())
		w.wait(time.Minute)
	}
	w.wait(time.Hour)
	w.start(Options{})
}

func (w *world) types(who int64, text string) func() error {
	return func() error {
		_, err := w.Say(who, text)
		return err
	}
}

func TestTheLastWordThatWasSaidWhileTheDaemonWasDownStands(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.away(w.types(ana, "/approve 42"), w.types(ana, "/unapprove 42"), w.types(oda, "/pause"), w.types(oda, "/resume"))
		if g, approved := w.granted(); approved {
			t.Errorf("it is still approved: %+v", g)
		}
		if pauses, err := w.store.Pauses(w.Context()); err != nil || len(pauses) > 0 {
			t.Errorf("still paused: %+v, %v", pauses, err)
		}
		w.away(w.types(ana, "/unapprove 42"), w.types(ana, "/approve 42"))
		if _, approved := w.granted(); !approved {
			t.Errorf("it is not approved:\n%s", w.transcript(ana))
		}
	})
}

func TestAReasonThatBeginsWithANumberIsAboutThePullRequestThatWasAskedAbout(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.pull(3, store.Ready, headB, patchB)
		_, err := w.store.Approve(w.Context(), 3, headB, patchB, oda, "Oda")
		w.must(err)
		w.settle()
		w.tap(ana, w.card(ana).ID, "✖️ Reject")
		w.reply(ana, w.hears(ana, "Why is #42 rejected?").ID, "3 of the tests are tautologies")
		requests, err := w.store.Asked(w.Context(), store.RequestReject)
		if err != nil || len(requests) != 1 || requests[0].Pull != 42 || requests[0].Text != "3 of the tests are tautologies" {
			t.Errorf("requests %+v, %v", requests, err)
		}
		if _, err := w.store.Grant(w.Context(), 3); err != nil {
			t.Errorf("the approval of #3: %v", err)
		}
	})
}

func TestAReasonIsForTheDiffThatTheQuestionWasAskedAbout(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.tap(ana, w.card(ana).ID, "✖️ Reject")
		question := w.hears(ana, "Why is #42 rejected?")
		w.pull(42, store.Waiting, headB, patchB)
		w.settle()
		w.reply(ana, question.ID, "the header row is missing")
		if requests, _ := w.store.Asked(w.Context(), store.RequestReject); len(requests) > 0 {
			t.Errorf("a diff that nobody looked at was rejected: %+v", requests)
		}
		w.last(ana, "#42 has changed since")
	})
}

func TestAnApprovalIsForTheDiffThatTheChatHasShown(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.Fault(bottest.Fault{Method: "editMessageText", Kind: bottest.TooMany, RetryAfter: 600, Times: -1})
		w.pull(42, store.Waiting, headB, patchB) // read, and told to nobody
		w.settle()
		w.say(ana, "/approve 42")
		if g, approved := w.granted(); approved {
			t.Errorf("approved what the chat has not shown: %+v", g)
		}
		m := w.last(ana, "#42 has changed since")
		w.tap(ana, m.ID, "✅ Approve")
		if g, _ := w.granted(); g.Head != headB {
			t.Errorf("approval %+v", g)
		}
	})
}

func TestABareCancelEndsNoRunThatBeganAfterIt(t *testing.T) {
	inWorld(t, func(w *world) {
		begin := func(marker string) store.Run {
			run, err := w.store.StartRun(w.Context(), store.Run{Role: implementer, Ticket: 31, Attempt: 1, Marker: marker, Step: "session"}, nil)
			w.must(err)
			return run
		}
		first := begin("m1")
		w.halt()
		w.must(w.types(otto, "/cancel")())
		w.wait(time.Hour)
		w.must(w.store.EndRun(w.Context(), first.ID, "interrupted", "the daemon was down"))
		second := begin("m2")
		w.start(Options{})
		if asked, _ := w.store.Asked(w.Context(), store.RequestCancel); len(asked) > 0 {
			t.Errorf("asked to end run %d", asked[0].Run)
		}
		w.last(otto, "What you meant has ended")
		w.say(otto, "/cancel")
		if asked, _ := w.store.Asked(w.Context(), store.RequestCancel); len(asked) != 1 || asked[0].Run != second.ID {
			t.Errorf("asked %+v", asked)
		}
	})
}

func TestAGroupThatIsNotNamedHearsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.halt()
		w.start(Options{Groups: []int64{-1}})
		w.opened(42, store.Ready)
		before := w.fingerprint()
		for _, text := range []string{"/status@lightsout_bot", "/approve@lightsout_bot 42", "/diff@lightsout_bot 42"} {
			if _, err := w.Seat(group, ana).Say(text); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		if w.fingerprint() != before || len(w.said(group)) > 0 {
			t.Errorf("it was heard:\n%s", w.transcript(group))
		}
		if logged := w.logged(); !strings.Contains(logged, "group=-1001234567890") {
			t.Errorf("nobody can find out the group's id:\n%s", logged)
		}
	})
}

func TestACodeGivenInAGroupMovesNobodysNotices(t *testing.T) {
	inWorld(t, func(w *world) {
		pairing, err := w.store.NewPairing(w.Context(), store.Owner)
		w.must(err)
		if _, err := w.Seat(group, vera).Say("/start@lightsout_bot " + pairing.Code); err != nil {
			t.Fatal(err)
		}
		w.settle()
		_ = w.store.SettlePairing(w.Context(), pairing.Code, true) // whether it is an error that nobody asked is its own affair
		if p, err := w.store.Person(w.Context(), vera); err != nil || p.Chat != vera || p.Role != store.Viewer {
			t.Errorf("vera is %+v, %v", p, err)
		}
	})
}

func TestWhatAPersonDeletedIsSaidAnewWhenItChanges(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		card := w.card(ana)
		w.must(w.Seat(ana, ana).Delete(card.ID))
		w.pull(42, store.Waiting, headB, patchB)
		w.settle()
		anew := w.card(ana)
		if anew.ID == card.ID || !strings.Contains(anew.Plain, "77be01c") {
			t.Fatalf("the card:\n%s", w.transcript(ana))
		}
		w.tap(ana, anew.ID, "✅ Approve")
		if g, _ := w.granted(); g.Head != headB {
			t.Errorf("approval %+v", g)
		}
		if card := w.card(ana); card.ID != anew.ID || !strings.Contains(card.Plain, "approved by Ana") {
			t.Errorf("the new card does not live:\n%s", w.transcript(ana))
		}
	})
}

func TestWhatIsReadyWhenItIsFirstSeenMakesASound(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		if m := w.last(ana, "#42 ready"); m.Silent {
			t.Error("it was said without a sound")
		}
	})
}

func TestADiffThatIsCutSaysSo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.must(os.WriteFile(filepath.Join(w.dir, "42.diff"), []byte(strings.Repeat("+line\n", 1<<18)), 0o600))
		w.say(ana, "/diff 42")
		m := w.hears(ana, "only the first 1024 KB of 1536 KB")
		if m.Document == nil || !strings.Contains(string(m.Document.Bytes), "only the first 1024 KB of 1536 KB") {
			t.Error("the file does not say that it is cut")
		}
	})
}

func TestStatusNamesWhoApprovedWhatWaits(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		w.tap(ana, w.card(ana).ID, "✅ Approve")
		w.say(ana, "/status")
		if m := w.last(ana, "open 1"); !strings.Contains(m.Plain, "approved by Ana") {
			t.Errorf("status:\n%s", m.Plain)
		}
	})
}

func TestSomethingNewIsSaidBeforeSomethingOldIsEdited(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		card, err := w.store.Card(w.Context(), ana, 42)
		w.must(err)
		w.must(w.store.Enqueue(w.Context(),
			store.Outgoing{Key: "e", Chat: ana, Pull: 42, Kind: store.Edit, TargetRow: card.ID, Text: "edited"},
			store.Outgoing{Key: "s", Chat: ana, Kind: store.Send, Text: "something new"}))
		next, err := w.store.NextOutgoing(w.Context())
		w.must(err)
		i := slices.IndexFunc(next, func(o store.Outgoing) bool { return o.Chat == ana })
		if i < 0 || next[i].Text != "something new" {
			t.Errorf("next: %+v", next)
		}
	})
}
