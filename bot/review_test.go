package bot

import (
	"strings"
	"testing"

	"lightsout/store"
)

// reviewed keeps a debate about ticket 31, published as #42.
func (w *world) reviewed(line, stands string) {
	w.Helper()
	unknown := func(role string) store.Mark { return store.Mark{Role: role, Engine: "claude", Mark: "unknown"} }
	w.must(w.store.KeepReview(w.Context(), store.Review{Run: 7, Ticket: 31, Head: headA, Line: line, Stands: stands, Verdict: "{}", Debate: "# Review\n\nF1: the last page <is> lost",
		Points: []store.ReviewPoint{{Fate: "Fixed", Place: "list.go:5", Claim: "The last page <is> lost."}, {Fate: "Refuted", Place: "show.go:7", Claim: "It panics."}}},
		[]store.Finding{
			{Name: "F1", Outcome: "repaired", Marks: []store.Mark{{Role: "enthusiast", Engine: "claude", Mark: "right", Points: 5}, {Role: "referee", Engine: "codex", Mark: "right", Points: 1}}},
			{Name: "F2", Outcome: "nothing", Marks: []store.Mark{{Role: "enthusiast", Engine: "claude", Mark: "wrong"}, {Role: "adversary", Engine: "qwen", Mark: "right", Points: 3}}},
			{Name: "F3", Marks: []store.Mark{unknown("enthusiast"), unknown("referee")}},
		}))
	w.must(w.store.PublishReview(w.Context(), 7, 42))
}

func TestTheCardTellsWhatTheReviewersFoundAndWhatTheyRefuted(t *testing.T) {
	inWorld(t, func(w *world) {
		w.reviewed("3 raised, 1 refuted, 1 fixed, 1 noted", "")
		_, err := w.store.UpdatePull(w.Context(), 42, func(p *store.Pull) {
			p.Ticket, p.Title, p.Head, p.PatchID, p.Verdict, p.Proof = 31, "Show pages", headA, patchA, store.Waiting, "2 new tests fail on main, pass here"
		}, store.Event{Kind: store.PullOpened})
		w.must(err)
		w.settle()
		card := w.hears(oda, "#42 · Show pages")
		for _, words := range []string{"proof: 2 new tests fail on main, pass here · review: 3 raised, 1 refuted, 1 fixed, 1 noted\n", "Fixed: list.go:5 The last page <is> lost.\n", "Refuted: show.go:7 It panics."} {
			if !strings.Contains(card.Plain, words) {
				t.Errorf("the card lacks %q:\n%s", words, card.Plain)
			}
		}
	})
}

func TestARealBugIsToldWhenItGoesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.must(w.store.Record(w.Context(), store.Event{Kind: store.ReviewSentBack, Ticket: 31, Run: 7, Data: map[string]string{"title": "Show pages", "url": "https://example.org/31",
			"round": "1", "rounds": "2", "line": "3 raised, 1 refuted, 1 noted, 1 open", "detail": "list.go:5: The last page is lost."}}))
		w.settle()
		m := w.hears(oda, "Review found a real bug · #31 Show pages", "round 1/2 · 3 raised, 1 refuted, 1 noted, 1 open", "list.go:5: The last page is lost.", "The session is asked again.")
		if !m.Silent {
			t.Error("it makes a sound, and nobody has to do anything")
		}
	})
}

func TestTheWholeDebateIsSentWhenAskedFor(t *testing.T) {
	inWorld(t, func(w *world) {
		w.reviewed("3 raised, 1 refuted, 1 fixed, 1 noted", "")
		w.opened(42, store.Ready)
		for _, asked := range []string{"/log 42 review", "/log 31 review"} {
			w.say(vera, asked)
			m := w.hears(vera, "Review of #", "3 raised, 1 refuted, 1 fixed, 1 noted")
			if m.Document == nil || !strings.Contains(string(m.Document.Bytes), "the last page <is> lost") || !strings.HasSuffix(m.Document.Name, "-review.md") {
				t.Errorf("%s: the debate is not there: %+v", asked, m.Document)
			}
		}
		w.say(vera, "/log 77 review")
		w.hears(vera, "Nobody has reviewed #77")
		w.say(vera, "/log review")
		w.hears(vera, "The review of which one?")
	})
}

func TestStatsTellPointsPrecisionAndRecallOfEachReviewer(t *testing.T) {
	inWorld(t, func(w *world) {
		w.say(vera, "/stats")
		w.hears(vera, "No findings yet")
		w.reviewed("3 raised, 1 refuted, 1 fixed, 1 noted", "")
		w.say(vera, "/stats week")
		m := w.hears(vera, "Reviews · the last 7 days", "1 repaired · 1 came to nothing · 1 not known yet")
		want := `              pts  prec  rec open
enthusiast
 claude         5   50% 100%    1
adversary
 qwen           3  100% 100%    0
referee
 claude         0     –    –    1
 codex          1  100% 100%    0`
		if !strings.Contains(m.Plain, want) {
			t.Errorf("got\n%s\nwant\n%s", m.Plain, want)
		}
		w.say(vera, "/stats year")
		w.hears(vera, "Stats of when?")
	})
}
