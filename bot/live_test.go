package bot

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/store"
)

// begins starts a run of a role on ticket 31 with a session, as a role would.
func (w *world) begins(r store.Run) (store.Run, store.Session) {
	w.Helper()
	w.must(w.store.SaveTickets(w.Context(), []store.Ticket{{Number: 31, Title: "Add CSV export", URL: "https://github.com/acme/shop/issues/31", Status: "Todo", Open: true}}))
	r.Ticket, r.Engine, r.Attempt, r.Limit, r.Marker, r.Step = 31, "claude", 1, 30*time.Minute, fmt.Sprint(r.Role, r.Pull), "preparing"
	run, err := w.store.StartRun(w.Context(), r, map[string]string{"title": "Add CSV export"})
	w.must(err)
	w.must(w.store.Step(w.Context(), run.ID, "session, round 1"))
	session, err := w.store.BeginSession(w.Context(), store.Session{Run: run.ID, Role: r.Role, Ticket: 31, Engine: "claude"})
	w.must(err)
	return run, session
}

func TestARunningSessionShowsHowFarItIs(t *testing.T) {
	inWorld(t, func(w *world) {
		run, session := w.begins(store.Run{Role: implementer})
		w.settle()
		m := w.last(oda, "Implementer started")
		w.must(w.store.Progress(w.Context(), session, "Bash go test ./...", store.Spend{Turns: 7, Input: 80_000, Output: 4_200, CostUSD: 0.41}))
		w.wait(time.Minute)
		shown := w.last(oda, "Implementer started")
		if shown.ID != m.ID || !strings.Contains(shown.Plain, "session, round 1 · 1m") || !strings.Contains(shown.Plain, " · 7 turns · 84k tokens · $0.41\nBash go test ./...") {
			t.Errorf("it shows:\n%s", shown.Plain)
		}
		// Moving time alone is shown four times a minute at the most.
		if edits := shown.Edits; edits > 6 {
			t.Errorf("%d edits in 80 seconds", edits)
		}
		before := len(w.said(oda))
		w.wait(20 * time.Minute)
		if after := len(w.said(oda)); after != before {
			t.Errorf("%d new messages while a session worked", after-before)
		}
		row, err := w.store.MessageRow(w.Context(), oda, int64(m.ID))
		w.must(err)
		versions, err := w.store.Versions(w.Context(), row.ID)
		w.must(err)
		if len(versions) > 4 {
			t.Errorf("%d versions of a live message are kept", len(versions))
		}

		w.must(w.store.EndSession(w.Context(), session, "done", "", store.Spend{Turns: 9, Input: 90_000, Output: 5_000, CostUSD: 0.5}))
		w.must(w.store.EndRun(w.Context(), run.ID, "done", "#42"))
		w.settle()
		shown = w.last(oda, "Implementer started")
		if !strings.Contains(shown.Plain, "ended: done · 21m") || !strings.Contains(shown.Plain, "9 turns · 95k tokens · $0.50") || strings.Contains(shown.Plain, "go test") {
			t.Errorf("after its end it shows:\n%s", shown.Plain)
		}
		ended := shown.Edits
		w.wait(5 * time.Minute)
		if shown = w.last(oda, "Implementer started"); shown.Edits != ended {
			t.Error("a run that has ended is still edited")
		}
	})
}

func TestTheCardOfAPullRequestShowsTheRepairThatGoesOn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Red)
		_, session := w.begins(store.Run{Role: fixer, Pull: 42})
		w.pull(42, store.Running, headA, patchA)
		w.must(w.store.Progress(w.Context(), session, "Edit csv.go", store.Spend{Turns: 1}))
		w.wait(150 * time.Second)
		if said := w.card(oda).Plain; !strings.HasSuffix(said, "session, round 1 · 2m") {
			t.Errorf("the card:\n%s", said)
		}
		if said := w.last(oda, "Fixer took #42").Plain; !strings.Contains(said, "session, round 1 · 2m") || !strings.HasSuffix(said, "Edit csv.go") {
			t.Errorf("the message of the run:\n%s", said)
		}
	})
}

func TestACodingCLIThatRestsIsToldOnceAndCanBeAskedAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		rest := store.Rest{Engine: "claude", Outcome: "quota", Reason: "usage limit reached", Until: w.store.Now().Add(3 * time.Hour)}
		w.must(w.store.Rest(w.Context(), rest, map[string]string{"next": "codex"}))
		w.must(w.store.Rest(w.Context(), rest, map[string]string{"next": "codex"}))
		w.settle()
		m := w.hears(vera, "claude rests until", "quota", "usage limit reached", "codex takes over", "no attempt is spent")
		if n := strings.Count(w.transcript(vera), "claude rests"); n != 1 || !m.Silent {
			t.Errorf("told %d times, silent %v", n, m.Silent)
		}
		w.say(vera, "/status")
		w.hears(vera, "claude rests until", "quota")

		w.must(w.store.Rest(w.Context(), store.Rest{Engine: "codex", Outcome: "overloaded", Reason: "529", Until: w.store.Now().Add(time.Hour)}, nil))
		w.settle()
		if m := w.hears(vera, "codex rests", "no other is left"); m.Silent {
			t.Error("that nothing can work any more makes no sound")
		}
		w.say(vera, "/resume codex")
		if rests, err := w.store.Rests(w.Context()); err != nil || len(rests) != 2 {
			t.Errorf("a viewer ended a rest: %v, %v", rests, err)
		}
		w.say(otto, "/resume codex")
		w.hears(otto, "codex is asked again")
		if rests, err := w.store.Rests(w.Context()); err != nil || len(rests) != 1 || len(w.wakes()) != 2 {
			t.Errorf("rests %v, %v, woken %v", rests, err, w.wakes())
		}
		w.say(otto, "/resume nobody")
		w.hears(otto, "Resume what?")
	})
}

func TestStatusShowsWhatTodayHasUsed(t *testing.T) {
	inWorld(t, func(w *world) {
		run, session := w.begins(store.Run{Role: implementer})
		w.must(w.store.EndSession(w.Context(), session, "quota", "", store.Spend{Turns: 1, Input: 900, CostUSD: 0.01}))
		other, err := w.store.BeginSession(w.Context(), store.Session{Run: run.ID, Role: implementer, Ticket: 31, Engine: "codex"})
		w.must(err)
		w.must(w.store.Progress(w.Context(), other, "", store.Spend{Turns: 3, Input: 1_200_000, Output: 10_000, CostUSD: 2.5}))
		w.settle()
		w.say(vera, "/status")
		w.hears(vera, "today  1.2M tokens  $2.51", " claude  900 tokens  $0.01", " codex  1.2M tokens  $2.50", "run 1 · Implementer · #31 · codex · session, round 1")
		w.halt() // a day of polls and edits of the run's card has nothing to do with it
		w.wait(24 * time.Hour)
		w.start(Options{})
		w.say(vera, "/status")
		if said := w.said(vera); strings.Contains(said[len(said)-1].Plain, "today") {
			t.Errorf("a day later:\n%s", said[len(said)-1].Plain)
		}
	})
}

func TestTheLogOfARunIsReadWhileItIsWritten(t *testing.T) {
	inWorld(t, func(w *world) {
		path := filepath.Join(w.dir, "ticket-31-1-implementer.log.gz")
		var file bytes.Buffer
		zip := gzip.NewWriter(&file)
		for i := range 30 {
			fmt.Fprintf(zip, "12:00:%02d → Bash step %d\n", i, i)
		}
		w.must(zip.Flush()) // and is not closed: the run goes on, or its daemon was killed
		w.must(os.WriteFile(path, file.Bytes(), 0o600))
		w.begins(store.Run{Role: implementer, LogPath: path})
		w.say(vera, "/log 31")
		m := w.last(vera, "Log · run 1")
		if !strings.Contains(m.Plain, "12:00:29 → Bash step 29") || m.Document == nil || m.Document.Name != "run-1.txt" || !strings.HasPrefix(string(m.Document.Bytes), "12:00:00 → Bash step 0\n") || strings.Contains(m.Plain, "step 20") {
			t.Errorf("document %+v, caption:\n%s", m.Document, m.Plain)
		}
		w.say(vera, "/log 31 output")
		w.last(vera, "There is no log yet · run 1 output")
	})
}
