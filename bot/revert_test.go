package bot

import (
	"strings"
	"testing"

	"lightsout/store"
)

func TestAnUnhealthyStagingOffersARevertWithASound(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.pull(42, store.Landed, headA, patchA, store.Event{Kind: store.StagingFailed, Data: map[string]string{
			"sha": headB, "reason": "unhealthy: after 5m0s it shows 77be01c", "url": "https://staging.example.org/health"}})
		w.settle()
		m := w.last(ana, "#42 is not on staging")
		if m.Silent || !strings.Contains(m.Plain, "unhealthy: after 5m0s it shows 77be01c") || !strings.Contains(m.Plain, "It lands only when you approve it.") {
			t.Errorf("silent %v: %s", m.Silent, m.Plain)
		}
		w.tap(ana, m.ID, "↩️ Revert")
		w.last(ana, "Preparing a revert of #42")
		requests, err := w.store.Asked(w.Context(), store.RequestRevert)
		if err != nil || len(requests) != 1 || requests[0].Pull != 42 || requests[0].ByName != "Ana" {
			t.Errorf("requests %+v, %v", requests, err)
		}
		w.say(otto, "/revert 42")
		w.last(otto, "A revert of #42 is being prepared")
		if again, _ := w.store.Asked(w.Context(), store.RequestRevert); len(again) != 1 {
			t.Errorf("asked %d times", len(again))
		}
		w.pull(43, store.Ready, headB, patchB)
		w.say(ana, "/revert 43")
		w.last(ana, "#43 cannot be reverted")
		w.must(w.store.Record(w.Context(), store.Event{Kind: store.Reverted, Pull: 42, Ticket: 31, Data: map[string]string{"by": "44"}}))
		w.settle()
		w.last(ana, "#42 is taken back · by #44")
	})
}
