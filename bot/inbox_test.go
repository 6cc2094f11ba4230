package bot

import (
	"context"
	"strings"
	"testing"
	"time"

	"lightsout/bot/bottest"
	"lightsout/rules"
	"lightsout/store"
)

// receiveOnly polls as a daemon that dies between the answer of getUpdates and its first handler: what comes is kept and
// confirmed, nothing is handled.
func (w *world) receiveOnly() {
	w.Helper()
	b, err := New(Options{Store: w.store, Token: w.Token(), BaseURL: "http://telegram.test", HTTP: w.client})
	w.must(err)
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	w.must(b.connect(ctx))
	done := make(chan struct{})
	go func() { b.api.Start(ctx); close(done) }()
	w.settle()
	cancel()
	<-done
}

func TestACommandConfirmedAndNotHandledBeforeACrashIsHandledAfterIt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.halt()
		for _, text := range []string{"/pause fixer", "/approve 42", "/addrule Keep exported names stable."} {
			if _, err := w.Say(oda, text); err != nil {
				t.Fatal(err)
			}
		}
		w.receiveOnly()
		if n := w.Pending(); n != 0 {
			t.Fatalf("%d updates are not confirmed: the test shows nothing", n)
		}
		if _, ok := w.granted(); ok {
			t.Fatal("handled already: the test shows nothing")
		}
		w.start(Options{})
		if _, ok := w.granted(); !ok {
			t.Error("the approval is lost")
		}
		if pauses, err := w.store.Pauses(w.Context()); err != nil || len(pauses) != 1 {
			t.Errorf("pauses %+v, %v", pauses, err)
		}
		file, err := rules.Load(w.rulesPath())
		w.must(err)
		if n := len(file.Rules); n != 5 {
			t.Errorf("%d rules", n)
		}
		for _, want := range []string{"Fixer paused", "Approved 9f3c2a1", "Rule 5 added"} {
			if n := strings.Count(w.transcript(oda), want); n != 1 {
				t.Errorf("%q was said %d times", want, n)
			}
		}
	})
}

// crashBeforeClosing handles an update as a daemon that dies right before it closes it: the handler's effects stand, the update
// is open.
func (w *world) crashBeforeClosing() {
	w.Helper()
	updates, err := w.store.Unhandled(w.Context())
	w.must(err)
	b, err := New(Options{Store: w.store, Token: w.Token(), BaseURL: "http://telegram.test", HTTP: w.client, RulesPath: w.rulesPath()})
	w.must(err)
	for _, u := range updates {
		if _, err := b.safely(w.Context(), u); err != nil {
			w.Fatal(err)
		}
	}
}

func TestACommandWhoseEffectOutlivedACrashIsNotDoneTwice(t *testing.T) {
	for text, answer := range map[string]string{
		"/pause 2h":                            "Factory paused",
		"/approve 42":                          "Approved 9f3c2a1",
		"/reject 42 it drops quotes":           "#42 goes back to the Fixer",
		"/run implementer":                     "Implementer asked to run now",
		"/retry 31":                            "#31 again",
		"/skip 31":                             "#31 is parked",
		"/addrule Keep exported names stable.": "in force",
	} {
		t.Run(text, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.opened(42, store.Ready)
				w.must(w.store.Park(w.Context(), 31, "three failures", nil))
				w.settle()
				w.halt()
				if _, err := w.Say(oda, text); err != nil {
					t.Fatal(err)
				}
				w.receiveOnly()
				w.crashBeforeClosing()
				before := w.fingerprint()
				w.start(Options{})
				if after := w.fingerprint(); after != before {
					t.Errorf("done again:\n%s\nthen:\n%s", before, after)
				}
				if _, incoming, err := w.store.Backlog(w.Context()); err != nil || incoming != 0 {
					t.Errorf("%d updates are open, %v", incoming, err)
				}
				w.last(oda, answer)
			})
		})
	}
}

func TestUpdatesThatComeTwiceAndOutOfOrderAreHandledOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Fault(bottest.Fault{Method: "getUpdates", Kind: bottest.Reversed, Times: -1})
		w.halt()
		for _, text := range []string{"/status", "/run fixer", "/queue"} {
			if _, err := w.Say(otto, text); err != nil {
				t.Fatal(err)
			}
		}
		w.receiveOnly()
		w.start(Options{})
		w.Redeliver(3)
		w.wait(time.Minute)
		requests, err := w.store.Asked(w.Context(), store.RequestRun)
		w.must(err)
		if len(requests) != 1 {
			t.Errorf("requests %+v", requests)
		}
		if n := strings.Count(w.transcript(otto), "Fixer asked to run now"); n != 1 {
			t.Errorf("answered %d times", n)
		}
	})
}

func TestAnUpdateThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	inWorld(t, func(w *world) {
		w.halt()
		w.must(w.store.Receive(w.Context(), []store.Update{{ID: 1, Body: `{"update_id": 1, "message": {"message_id": "not a number"}}`},
			{ID: 2, Body: `{"update_id": 2, "message": null}`}, {ID: 3, Body: `{"update_id": 3, "callback_query": {"id": "1", "from": {"id": 11}}}`}, {ID: 4, Body: `not JSON`}}))
		if _, err := w.Say(vera, "/health"); err != nil {
			t.Fatal(err)
		}
		w.start(Options{})
		w.settle()
		w.hears(vera, "Healthy")
		if _, incoming, err := w.store.Backlog(w.Context()); err != nil || incoming != 0 {
			t.Errorf("%d updates are open, %v", incoming, err)
		}
	})
}

func TestAHandlerThatPanicsLosesNoOtherCommand(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range w.bot.commands {
			if w.bot.commands[i].Name == "queue" {
				w.bot.commands[i].do = func(*Bot, context.Context, call) (answer, error) { panic("boom") }
			}
		}
		for _, text := range []string{"/queue", "/health"} {
			if _, err := w.Say(vera, text); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		w.last(vera, "That went wrong · /queue")
		w.last(vera, "Healthy")
	})
}

func TestAnOldRunAsksAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.halt()
		if _, err := w.Say(otto, "/run implementer"); err != nil {
			t.Fatal(err)
		}
		w.wait(3 * time.Hour)
		w.start(Options{})
		w.hears(otto, "You asked 3h00m ago", "nothing was run", "/run implementer")
		if requests, _ := w.store.Asked(w.Context(), store.RequestRun); len(requests) != 0 {
			t.Errorf("requests %+v", requests)
		}
	})
}

func TestAPairingCodeMakesAStrangerAPersonOnceTheHostConfirms(t *testing.T) {
	inWorld(t, func(w *world) {
		p, err := w.store.NewPairing(w.Context(), store.Viewer)
		w.must(err)
		w.say(mallory, "/start wrongone")
		if said := w.said(mallory); len(said) > 0 {
			t.Fatalf("a wrong code was answered: %s", said[0].Plain)
		}
		w.say(mallory, "/start "+strings.ToLower(p.Code))
		w.hears(mallory, "Code received", "66")
		w.say(mallory, "/status")
		if n := len(w.said(mallory)); n != 1 {
			t.Fatalf("%d messages before the host has confirmed", n)
		}
		if asked, err := w.store.Pairing(w.Context(), p.Code); err != nil || asked.AskedBy != mallory || asked.AskedName != "Mallory" {
			t.Errorf("%+v, %v", asked, err)
		}
		w.must(w.store.SettlePairing(w.Context(), p.Code, true))
		w.settle()
		w.hears(mallory, "Mallory may use me", "as viewer")
		w.hears(oda, "Mallory may use me", "as viewer")
		w.say(mallory, "/status")
		w.hears(mallory, "Standing by")
		w.say(mallory, "/pause")
		w.hears(mallory, "needs the role operator")
	})
}

func TestAReactionSaysAtOnceThatACommandHasArrived(t *testing.T) {
	inWorld(t, func(w *world) {
		id := w.say(vera, "/status")
		for _, m := range w.Messages(vera) {
			if m.ID == id && m.Reaction != "👀" {
				t.Errorf("reaction %q", m.Reaction)
			}
		}
	})
}

func TestTheMenuHoldsWhatEachPersonMayAsk(t *testing.T) {
	inWorld(t, func(w *world) {
		for chat, role := range map[int64]string{vera: store.Viewer, otto: store.Operator, ana: store.Approver, oda: store.Owner} {
			var want []string
			for _, c := range Commands() {
				if allowed(role, c.Role) {
					want = append(want, c.Name)
				}
			}
			var have []string
			for _, c := range w.Commands(chat, chat) {
				have = append(have, c.Command)
			}
			if strings.Join(have, " ") != strings.Join(want, " ") {
				t.Errorf("%s: menu %v, want %v", role, have, want)
			}
		}
	})
}

func TestAWebhookIsRemovedAndPollingGoesOn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.SetWebhook("https://elsewhere.example/hook")
		w.wait(time.Minute)
		w.say(vera, "/health")
		w.hears(vera, "Healthy")
	})
}

func TestASecondPollerRaisesAnAlarmOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Fault(bottest.Fault{Method: "getUpdates", Kind: bottest.Conflict, Times: -1})
		w.wait(time.Minute)
		if strings.Contains(w.transcript(oda), conflictTrouble) {
			t.Error("alarm for what a restart does as well")
		}
		w.wait(10 * time.Minute)
		m := w.last(oda, conflictTrouble)
		if m.Silent || strings.Count(w.transcript(oda), conflictTrouble) != 1 {
			t.Errorf("the alarm: silent %v\n%s", m.Silent, w.transcript(oda))
		}
		w.ClearFaults()
		w.wait(10 * time.Minute)
		w.last(oda, "Over · "+conflictTrouble)
	})
}
