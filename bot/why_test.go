package bot

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/store"
)

func TestWhyTellsWhyATicketWasPickedWhereItStandsAndWhoLooksNext(t *testing.T) {
	inWorld(t, func(w *world) {
		w.halt()
		w.start(Options{Next: func() map[string]time.Time { return map[string]time.Time{merger: w.store.Now().Add(5 * time.Minute)} }})
		w.opened(42, store.Ready)
		run, err := w.store.StartRun(w.Context(), store.Run{Role: implementer, Ticket: 31, Engine: "claude", Attempt: 1, Marker: "m"},
			map[string]string{"score": "92", "why": "touches 2 files, overlaps nothing; the text names csv.go"})
		w.must(err)
		w.must(w.store.EndRun(w.Context(), run.ID, "done", ""))
		for i := range 40 { // readings that change nothing to tell must not push the story out
			head := headA[:39] + string(rune('a'+i%2))
			w.pull(42, store.Ready, head, patchA)
		}
		w.pull(42, store.Ready, headA, patchA)
		w.say(ana, "/approve 42")
		w.pull(42, store.Approval, headA, patchA)
		w.say(vera, "/why 42")
		said := w.hears(vera, "CI 1/1 · approved by Ana", "picked: score 92 · touches 2 files, overlaps nothing · the text names csv.go",
			"Implementer began: attempt 1/3 · claude", "approved by Ana", "Merger looks again at").Plain
		for _, unsaid := range []string{"waits for your approval", "claim released", "pull read", "ready: ready"} {
			if strings.Contains(said, unsaid) {
				t.Errorf("it says %q:\n%s", unsaid, said)
			}
		}
	})
}

func TestWhyUnderAPauseNamesThePause(t *testing.T) {
	inWorld(t, func(w *world) {
		w.halt()
		w.start(Options{Next: func() map[string]time.Time { return map[string]time.Time{merger: w.store.Now().Add(time.Hour)} }})
		w.opened(42, store.Ready)
		w.say(ana, "/approve 42")
		w.pull(42, store.Approval, headA, patchA)
		w.say(oda, "/pause")
		w.say(vera, "/why 42")
		if said := w.hears(vera, "Merger is paused until /resume, by").Plain; strings.Contains(said, "looks again at") {
			t.Errorf("under a pause it says\n%s", said)
		}
	})
}

func TestARetryAndAnApprovalSayThatTheyWaitForAPause(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		w.must(w.store.Park(w.Context(), 31, "skipped", nil))
		w.say(oda, "/pause 2h")
		w.say(oda, "/approve 42")
		w.hears(oda, "merging when green and no longer paused (until ")
		w.say(oda, "/retry 31")
		w.last(oda, "Factory is paused until ")
	})
}

func TestTheRefusedProofsOfARunAreOneMessage(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		run, err := w.store.StartRun(w.Context(), store.Run{Role: implementer, Ticket: 31, Engine: "claude", Attempt: 1, Marker: "m"}, nil)
		w.must(err)
		for _, round := range []string{"1", "2", "3"} {
			w.must(w.store.Record(w.Context(), store.Event{Kind: store.ProofRefused, Ticket: 31, Run: run.ID,
				Data: map[string]string{"round": round, "rounds": "3", "policy": "empty change", "detail": "nothing was changed in round " + round}}))
			w.settle()
		}
		var refused []string
		for _, m := range w.said(vera) {
			if strings.HasPrefix(m.Plain, "🟡 Proof refused") {
				refused = append(refused, m.Plain)
			}
		}
		if len(refused) != 1 || !strings.Contains(refused[0], "round 3/3 · empty change\nnothing was changed in round 3\nThat was the last round.") {
			t.Errorf("%q", refused)
		}
	})
}

func TestHealthHasNoLineThatAPhoneCutsOff(t *testing.T) {
	inWorld(t, func(w *world) {
		w.say(vera, "/health")
		if m := w.last(vera, "Healthy"); strings.Contains(m.Text, "<pre>") {
			t.Errorf("long lines do not wrap in a table: %s", m.Text)
		}
	})
}

func TestHealthShowsTheLevelOfContainmentAsTheDaemonTellsIt(t *testing.T) {
	levels := []string{
		"containment: Landlock ABI 7, another user for each session, a process-id namespace each",
		"containment: Landlock ABI 4, our own user, no process-id namespace: namespace: operation not permitted",
		"containment: Landlock ABI 7, root's own user with few capabilities: mounts of its own: <operation> & not permitted",
		"containment: no Landlock, our own user, no process-id namespace: sessions can read what this user can read, the daemon's own files among it",
		"containment: switched off: sessions can read what this user can read, the daemon's own files among it",
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		level := ""
		w.start(Options{Health: func(context.Context) []string { return []string{"sessions: claude, then codex", level} }})
		for _, level = range levels {
			w.say(vera, "/health")
			if m := w.last(vera, "Healthy"); !strings.Contains(m.Plain+"\n", "\nsessions: claude, then codex\n"+level+"\n") {
				t.Errorf("%q is not in:\n%s", level, m.Plain)
			}
		}
	})
}

func TestAHeartbeatThatSaysTheSameSoonAfterIsNotSaidAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		beat := func(line, rate string) {
			w.must(w.store.Record(w.Context(), store.Event{Kind: store.Heartbeat, Data: map[string]string{"line": line, "rate": rate}}))
			w.settle()
		}
		beats := func() (all []string) {
			for _, m := range w.said(vera) {
				if strings.HasPrefix(m.Plain, "💤") {
					all = append(all, m.Plain)
				}
			}
			return all
		}
		beat("All PRs green. Standing by.", "4812/5000")
		w.say(vera, "/rules")
		beat("All PRs green. Standing by.", "4790/5000")
		if all := beats(); len(all) != 1 || !strings.Contains(all[0], "4,790/5,000") {
			t.Errorf("one minute later: %q", all)
		}
		w.wait(30 * time.Minute)
		beat("All PRs green. Standing by.", "5000/5000")
		if all := beats(); len(all) != 2 {
			t.Errorf("in the next cycle, with something said between: %q", all)
		}
		w.must(w.store.Record(w.Context(), store.Event{Kind: store.Heartbeat, Data: map[string]string{"line": "Implementer works on #1.", "running": "1"}}))
		w.settle()
		w.last(vera, "⚙️ Implementer works on #1.")
	})
}

func TestATicketThatIsWorkedOnIsNotInTheQueue(t *testing.T) {
	inWorld(t, func(w *world) {
		w.must(w.store.SaveTickets(w.Context(), []store.Ticket{{Number: 31, Title: "Add CSV export", Status: "Todo", Open: true}, {Number: 32, Title: "Add search", Status: "Todo", Open: true}}))
		_, err := w.store.StartRun(w.Context(), store.Run{Role: implementer, Ticket: 31, Engine: "claude", Attempt: 1, Marker: "m"}, nil)
		w.must(err)
		w.say(vera, "/queue")
		if said := w.last(vera, "1 in the queue").Plain; strings.Contains(said, "#31") || !strings.Contains(said, "#32 Add search") {
			t.Errorf("it lists what is being worked on:\n%s", said)
		}
	})
}
