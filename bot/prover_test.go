package bot

import (
	"strings"
	"testing"

	"lightsout/store"
)

func TestAProofThatIsMadeAgainIsSeenAndEndedButNotTold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		before := len(w.said(otto))
		run, err := w.store.StartRun(w.Context(), store.Run{Role: store.Prover, Ticket: 31, Pull: 42, Marker: "m", Step: "proof anew"}, nil)
		w.must(err)
		w.settle()
		if n := len(w.said(otto)); n != before {
			t.Errorf("%d messages tell of it", n-before)
		}
		w.say(otto, "/status")
		w.last(otto, "Prover · #42 · proof anew")
		w.say(otto, "/pause")
		if m := w.last(otto, "paused"); strings.Contains(m.Text, "work is kept") {
			t.Errorf("a pause says %q", m.Text)
		}
		w.say(otto, "/cancel")
		if m := w.last(otto, "Stopping run"); strings.Contains(m.Text, "work is kept") {
			t.Errorf("the answer is %q", m.Text)
		}
		if asked, err := w.store.Asked(w.Context(), store.RequestCancel); err != nil || len(asked) != 1 || asked[0].Run != run.ID {
			t.Errorf("asked %+v, %v", asked, err)
		}
		before = len(w.said(otto))
		w.must(w.store.EndRun(w.Context(), run.ID, "not told", "cancelled by Otto"))
		w.settle()
		if got := w.said(otto)[before:]; len(got) != 1 || !strings.Contains(got[0].Text, "had ended") {
			t.Errorf("its end is told as %+v", got)
		}
	})
}
