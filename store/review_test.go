package store

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"
)

// reviewed keeps a debate on run 7 in which a bug was found, and a false alarm refuted.
func reviewed(t *testing.T, s *Store) Review {
	t.Helper()
	r := Review{Run: 7, Ticket: 31, Head: "head1", Line: "2 raised, 1 refuted, 1 open", Stands: "list.go:5: the last page is lost",
		Points: []ReviewPoint{{"Real bug", "list.go:5", "The last page is lost."}}, Verdict: "{}", Debate: "# Review"}
	must(t, s.KeepReview(t.Context(), r, []Finding{
		{Name: "F1", File: "list.go", Line: 5, Severity: "high", Claim: "The last page is lost.", Ruling: "real bug", RuledBy: "referee", Reproduced: true,
			Enthusiast: "claude", Adversary: "codex", Referee: "claude", Marks: []Mark{{"enthusiast", "claude", "right", 5}, {"adversary", "codex", "missed", 0}, {"referee", "claude", "right", 1}}},
		{Name: "F2", File: "show.go", Severity: "medium", Claim: "It panics.", Refuted: true, Ruling: "false positive", RuledBy: "referee",
			Enthusiast: "claude", Adversary: "codex", Referee: "claude", Marks: []Mark{{"enthusiast", "claude", "unknown", 0}, {"adversary", "codex", "unknown", 0}}},
	}, Event{Kind: ReviewSentBack, Ticket: 31, Run: 7}))
	return r
}

func TestAReviewBelongsToItsPullRequestOnceThatIsThere(t *testing.T) {
	s, _ := open(t)
	kept := reviewed(t, s)
	if _, err := s.Review(t.Context(), 42); !errors.Is(err, ErrNotFound) {
		t.Errorf("a review of what is not published: %v", err)
	}
	if r, err := s.ReviewOfTicket(t.Context(), 31); err != nil || r.Run != 7 || r.Line != kept.Line {
		t.Errorf("%+v %v", r, err)
	}
	kept.Line, kept.Stands, kept.Head = "2 raised, 1 refuted, 1 fixed", "", "head2"
	must(t, s.KeepReview(t.Context(), kept, nil)) // the second round takes its place
	must(t, s.PublishReview(t.Context(), 7, 42))
	must(t, s.KeepReview(t.Context(), Review{Run: 9, Ticket: 31, Verdict: "{}", Line: "of a repair that was not pushed"}, nil))
	r, err := s.Review(t.Context(), 42)
	must(t, err)
	if r.Run != 7 || r.Line != kept.Line || r.Stands != "" || r.Head != "head2" || len(r.Points) != 1 || r.Points[0].Place != "list.go:5" || r.At.IsZero() {
		t.Errorf("%+v", r)
	}
	findings, err := s.FindingsOf(t.Context(), 42)
	must(t, err)
	if len(findings) != 2 || findings[0].Name != "F1" || findings[0].Pull != 42 || !findings[0].Reproduced || findings[1].File != "show.go" {
		t.Errorf("%+v", findings)
	}
	if events, err := s.Events(t.Context(), 0, 10); err != nil || len(events) != 1 || events[0].Kind != ReviewSentBack {
		t.Errorf("%v %v", events, err)
	}
}

func TestWhatCameToLightIsBookedAndSummedByRoleAndEngine(t *testing.T) {
	s, clock := open(t)
	reviewed(t, s)
	must(t, s.PublishReview(t.Context(), 7, 42))
	open, err := s.OpenFindings(t.Context())
	must(t, err)
	if len(open) != 2 {
		t.Fatalf("%+v", open)
	}
	dismissed := open[1]
	dismissed.Outcome, dismissed.Because = "ci failed", "test fails in show.go"
	dismissed.Marks = []Mark{{"enthusiast", "claude", "right", 3}, {"adversary", "codex", "wrong", -6}, {"referee", "claude", "missed", 0}}
	must(t, s.BookFinding(t.Context(), dismissed))
	missed := Finding{Run: 7, Ticket: 31, Pull: 42, Name: "missed 1", Missed: true, File: "other.go", Outcome: "ci failed", Enthusiast: "claude", Marks: []Mark{{"enthusiast", "claude", "missed", 0}}}
	for range 2 { // a tick that is made again books nothing twice
		must(t, s.BookFinding(t.Context(), missed))
	}
	got, err := s.Tallies(t.Context(), time.Time{})
	must(t, err)
	want := []Tally{
		{Role: "enthusiast", Engine: "claude", Points: 8, Right: 2, Missed: 1},
		{Role: "adversary", Engine: "codex", Points: -6, Wrong: 1, Missed: 1},
		{Role: "referee", Engine: "claude", Points: 1, Right: 1, Missed: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if share, ok := got[0].Precision(); !ok || share != 1 {
		t.Errorf("precision %v %v", share, ok)
	}
	if share, ok := got[0].Recall(); !ok || share != 2.0/3 {
		t.Errorf("recall %v %v", share, ok)
	}
	if _, ok := (Tally{}).Precision(); ok {
		t.Error("a precision of nothing")
	}
	counts, err := s.Outcomes(t.Context(), time.Time{})
	must(t, err)
	if !maps.Equal(counts, map[string]int{"": 1, "ci failed": 1}) {
		t.Errorf("%v", counts)
	}
	if late, err := s.Tallies(t.Context(), clock.now().Add(time.Hour)); err != nil || len(late) != 0 {
		t.Errorf("%v %v", late, err)
	}
}

func TestPointsOutliveTheDebateTheyWereEarnedIn(t *testing.T) {
	s, clock := open(t)
	reviewed(t, s)
	must(t, s.Prune(t.Context(), clock.now().Add(time.Hour)))
	if _, err := s.ReviewOfHead(t.Context(), "head1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an old debate is still there: %v", err)
	}
	if got, err := s.Tallies(t.Context(), time.Time{}); err != nil || len(got) != 3 || got[0].Points != 5 {
		t.Errorf("%+v %v", got, err)
	}
}
