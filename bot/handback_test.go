package bot

import (
	"strings"
	"testing"

	"lightsout/store"
)

func TestAPullRequestThatAPersonTookIsLeftToThemAndHandedBack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.pull(42, store.Foreign, headB, patchB)
		w.settle()
		if m := w.reads("⏸ #42 is left to you · /retry 42 hands it back"); !m.Silent {
			t.Error("it makes a sound")
		}
		if card := w.card(oda); !strings.Contains(card.Plain, "foreign") {
			t.Errorf("the card: %q", card.Plain)
		}
		w.tap(oda, w.card(oda).ID, "🔁 Retry")
		w.settle()
		w.hears(oda, "#42 is handed back", "Fixer asked to take it")
		asked, err := w.store.Asked(w.Context(), store.RequestHandBack)
		w.must(err)
		if len(asked) != 1 || asked[0].Pull != 42 || asked[0].Head != headB {
			t.Errorf("asked %+v", asked)
		}
		w.must(w.store.Answer(w.Context(), asked[0].ID, "#42 is the factory's again, from 1234567 on."))
		w.settle()
		w.hears(oda, "#42 is the factory's again, from 1234567 on.")
	})
}

func TestWhatCostsNoAttemptIsSaidSo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Red)
		w.must(w.store.Record(w.Context(), store.Event{Kind: store.Rerun, Pull: 42, Ticket: 31, Data: map[string]string{"check": "test", "reason": "test: nothing that failed names a changed file", "head": headA}}))
		w.settle()
		w.reads("🟡 #42: CI asked once more · test: nothing that failed names a changed file · no attempt spent")
		w.must(w.store.Record(w.Context(), store.Event{Kind: store.Flaky, Pull: 42, Ticket: 31, Data: map[string]string{"check": "test", "head": headA}}))
		w.settle()
		w.reads("⚠️ #42: test is flaky · it failed and passed on 9f3c2a1 · no attempt spent")
	})
}
