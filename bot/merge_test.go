package bot

import (
	"strings"
	"testing"

	"lightsout/store"
)

func TestWhyAnApprovedPullRequestDoesNotLandIsToldWithASound(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.tap(ana, w.card(ana).ID, "✅ Approve")
		refused := store.Event{Kind: store.MergeRefused, Pull: 42, Ticket: 31, Data: map[string]string{"reason": "GitHub will not merge it: Required review is missing"}}
		w.must(w.store.Record(w.Context(), refused))
		w.settle()
		m := w.last(ana, "#42 not merged")
		if m.Silent || !strings.Contains(m.Plain, "GitHub will not merge it: Required review is missing\nThe approval stands: it lands as soon as that is over.") {
			t.Errorf("silent %v: %s", m.Silent, m.Plain)
		}
		w.say(ana, "/unapprove 42")
		w.must(w.store.Record(w.Context(), refused))
		w.settle()
		if m := w.last(ana, "#42 not merged"); strings.Contains(m.Plain, "stands") {
			t.Errorf("no approval stands: %s", m.Plain)
		}
	})
}
