package store

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// ready puts a pull request into the store that a person could approve.
func ready(t *testing.T, s *Store, head, patch string) {
	t.Helper()
	_, err := s.UpdatePull(t.Context(), 42, func(p *Pull) { p.Ticket, p.Head, p.PatchID, p.Verdict = 31, head, patch, Ready })
	must(t, err)
}

func TestAnApprovalBindsTheDiffThatWasShown(t *testing.T) {
	s, _ := open(t)
	ready(t, s, "head1", "patch1")
	if _, err := s.Approve(t.Context(), 42, "head0", "patch0", 1001, "ana"); !errors.Is(err, ErrStale) {
		t.Errorf("an approval of an old diff: %v, want ErrStale", err)
	}
	g, err := s.Approve(t.Context(), 42, "head0", "patch1", 1001, "ana") // the head moved, the diff did not
	must(t, err)
	if g.Head != "head1" || g.PatchID != "patch1" {
		t.Errorf("the approval binds %s %s", g.Head, g.PatchID)
	}
	if _, err := s.Approve(t.Context(), 42, "head1", "patch1", 1002, "ben"); !errors.Is(err, ErrAlready) {
		t.Errorf("a second approval of the same diff: %v, want ErrAlready", err)
	}
	must(t, s.EndGrant(t.Context(), 42, ApprovalWithdrawn, "changed my mind"))
	if err := s.EndGrant(t.Context(), 42, ApprovalWithdrawn, "again"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second end: %v, want ErrNotFound", err)
	}
}

func TestWhatIsOverCannotBeApproved(t *testing.T) {
	for _, verdict := range []string{Landed, Closed, GivenUp, Foreign} {
		s, _ := open(t)
		ready(t, s, "head1", "patch1")
		_, err := s.UpdatePull(t.Context(), 42, func(p *Pull) { p.Verdict = verdict })
		must(t, err)
		if _, err := s.Approve(t.Context(), 42, "head1", "patch1", 1001, "ana"); !errors.Is(err, ErrNotOpen) {
			t.Errorf("%s: %v, want ErrNotOpen", verdict, err)
		}
	}
}

func TestAnUnreadDiffCannotBeApproved(t *testing.T) {
	s, _ := open(t)
	ready(t, s, "head1", "")
	if _, err := s.Approve(t.Context(), 42, "head1", "", 1001, "ana"); !errors.Is(err, ErrStale) {
		t.Errorf("Approve() = %v, want ErrStale", err)
	}
}

func TestAnEffectIsIntendedOnce(t *testing.T) {
	s, _ := open(t)
	_, known, err := s.Intend(t.Context(), Effect{Key: "push", Kind: "push", Ticket: 31, Generation: 2})
	must(t, err)
	if known {
		t.Fatal("a new effect was known")
	}
	again, known, err := s.Intend(t.Context(), Effect{Key: "push", Kind: "push", Ticket: 31, Generation: 3})
	must(t, err)
	if !known || again.Done || again.Generation != 2 {
		t.Errorf("the effect in doubt = %+v, known %v", again, known)
	}
	must(t, s.Complete(t.Context(), "push", "abc"))
	again, _, err = s.Intend(t.Context(), Effect{Key: "push"})
	must(t, err)
	if !again.Done || again.Result != "abc" {
		t.Errorf("the completed effect = %+v", again)
	}
	must(t, s.Forget(t.Context(), "push")) // done: not forgotten
	if _, known, err = s.Intend(t.Context(), Effect{Key: "push"}); err != nil || !known {
		t.Errorf("a completed effect was forgotten: %v", err)
	}
}

func TestAPullIsToldOnlyWhenItsCardWouldChange(t *testing.T) {
	s, clock := open(t)
	var cursor int64
	ready(t, s, "head1", "patch1")
	kinds(t, s, &cursor)
	clock.pass(time.Minute)
	ready(t, s, "head1", "patch1")
	if got := kinds(t, s, &cursor); len(got) != 0 {
		t.Errorf("the same reading told %v", got)
	}
	_, err := s.UpdatePull(t.Context(), 42, func(p *Pull) { p.Checks = []Check{{Name: "test", State: "success"}} })
	must(t, err)
	if got := kinds(t, s, &cursor); !slices.Equal(got, []string{PullRead}) {
		t.Errorf("a changed check told %v", got)
	}
}

func TestAPullIsToldToBeReadyAlsoWhenItIsMetSo(t *testing.T) {
	s, _ := open(t)
	for number, verdict := range map[int]string{42: Ready, 43: Waiting} {
		_, err := s.UpdatePull(t.Context(), number, func(p *Pull) { p.Head, p.PatchID, p.Verdict = "a", "p", verdict }, Event{Kind: PullOpened})
		must(t, err)
		told := 0
		events, err := s.Events(t.Context(), 0, 100)
		must(t, err)
		for _, e := range events {
			if e.Pull == number && e.Kind == PullRead && e.Data["to"] == Ready {
				told++
			}
		}
		if want := map[string]int{Ready: 1, Waiting: 0}[verdict]; told != want {
			t.Errorf("met as %s: told %d times to be ready, want %d", verdict, told, want)
		}
	}
}

func TestAMergeIsToldOnceWhoeverMeetsItFirst(t *testing.T) {
	s, _ := open(t)
	for _, by := range []string{"Ana", "somebody"} {
		p, err := s.LandPull(t.Context(), 42, func(p *Pull) { p.Verdict, p.MergedBy = Landed, by }, Event{Kind: Merged})
		must(t, err)
		if p.MergedBy != "Ana" {
			t.Errorf("merged by %s", p.MergedBy)
		}
	}
	events, err := s.Events(t.Context(), 0, 100)
	must(t, err)
	told := 0
	for _, e := range events {
		if e.Kind == Merged {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

func TestAChangedTextUnparks(t *testing.T) {
	s, clock := open(t)
	board := func(hash string) []Ticket {
		return []Ticket{{Number: 31, Title: "Add CSV export", BodyHash: hash, Status: "Todo", Open: true}}
	}
	must(t, s.SaveTickets(t.Context(), board("one")))
	var cursor int64
	must(t, s.Park(t.Context(), 31, "vague", nil))
	must(t, s.Park(t.Context(), 31, "vague", nil))
	if got := kinds(t, s, &cursor); !slices.Equal(got, []string{TicketParked}) {
		t.Errorf("parking twice for one reason told %v", got)
	}
	clock.pass(time.Minute)
	must(t, s.SaveTickets(t.Context(), board("one")))
	if ticket, err := s.Ticket(t.Context(), 31); err != nil || ticket.Parked == "" {
		t.Errorf("the same text unparked it: %+v, %v", ticket, err)
	}
	clock.pass(time.Minute)
	must(t, s.SaveTickets(t.Context(), board("two")))
	if ticket, err := s.Ticket(t.Context(), 31); err != nil || ticket.Parked != "" {
		t.Errorf("a changed text left it parked: %+v, %v", ticket, err)
	}
}

func TestATicketThatLeftTheBoardIsNoLongerListed(t *testing.T) {
	s, clock := open(t)
	must(t, s.SaveTickets(t.Context(), []Ticket{{Number: 1, Open: true, Status: "Todo"}, {Number: 2, Open: true, Status: "Todo"}}))
	clock.pass(time.Second)
	must(t, s.SaveTickets(t.Context(), []Ticket{{Number: 2, Open: true, Status: "Todo"}}))
	tickets, err := s.Tickets(t.Context())
	must(t, err)
	if len(tickets) != 1 || tickets[0].Number != 2 {
		t.Errorf("tickets = %v", tickets)
	}
}

func TestABranchIsNamedOnce(t *testing.T) {
	s, _ := open(t)
	must(t, s.SaveTickets(t.Context(), []Ticket{{Number: 31, Open: true}}))
	for _, name := range []string{"lightsout/31-add-csv", "lightsout/31-renamed"} {
		got, err := s.SetBranch(t.Context(), 31, name)
		must(t, err)
		if got != "lightsout/31-add-csv" {
			t.Errorf("SetBranch(%s) = %s", name, got)
		}
	}
}

func TestTroubleIsToldAtItsBeginningAndItsEnd(t *testing.T) {
	s, _ := open(t)
	var cursor int64
	for _, reason := range []string{"502", "503", "timeout"} {
		must(t, s.Trouble(t.Context(), Problem{What: "GitHub unreadable", Reason: reason}))
	}
	problems, err := s.Problems(t.Context())
	must(t, err)
	if len(problems) != 1 || problems[0].Reason != "502" {
		t.Errorf("problems = %+v", problems)
	}
	for range 2 {
		must(t, s.Settled(t.Context(), "GitHub unreadable"))
	}
	if got := kinds(t, s, &cursor); !slices.Equal(got, []string{Trouble, TroubleOver}) {
		t.Errorf("events = %v", got)
	}
}

func TestAPauseEndsByItself(t *testing.T) {
	s, clock := open(t)
	must(t, s.Pause(t.Context(), "fixer", clock.now().Add(time.Hour), "ana"))
	if _, paused, err := s.PausedFor(t.Context(), "merger"); err != nil || paused {
		t.Errorf("the merger is paused: %v", err)
	}
	if _, paused, err := s.PausedFor(t.Context(), "fixer"); err != nil || !paused {
		t.Errorf("the fixer is not paused: %v", err)
	}
	clock.pass(time.Hour)
	if _, paused, err := s.PausedFor(t.Context(), "fixer"); err != nil || paused {
		t.Errorf("the fixer is still paused: %v", err)
	}
	must(t, s.Pause(t.Context(), "", time.Time{}, "ana"))
	if _, paused, _ := s.PausedFor(t.Context(), "merger"); !paused {
		t.Error("a pause of everything does not stop merges")
	}
	lifted, err := s.Resume(t.Context(), "", "ana")
	must(t, err)
	if _, paused, _ := s.PausedFor(t.Context(), "merger"); paused || !lifted {
		t.Error("/resume lifted nothing")
	}
}

func TestAMomentIsTickedOnce(t *testing.T) {
	s, clock := open(t)
	moment := clock.now()
	for i, want := range []bool{true, false} {
		first, err := s.BeginTick(t.Context(), "fixer", moment)
		must(t, err)
		if first != want {
			t.Errorf("tick %d: first = %v", i, first)
		}
	}
	must(t, s.EndTick(t.Context(), "fixer", moment, "boom"))
	last, err := s.LastTick(t.Context(), "fixer")
	must(t, err)
	if last.Error != "boom" || !last.ScheduledAt.Equal(moment) {
		t.Errorf("last tick = %+v", last)
	}
}

func TestARequestIsAskedOnceAndAnsweredOnce(t *testing.T) {
	s, _ := open(t)
	var cursor int64
	for range 2 {
		must(t, s.Ask(t.Context(), Request{Key: "update:7", Kind: RequestRun, Role: "fixer", Chat: 1001}))
	}
	asked, err := s.Asked(t.Context(), RequestRun)
	must(t, err)
	if len(asked) != 1 {
		t.Fatalf("asked = %v", asked)
	}
	for range 2 {
		must(t, s.Answer(t.Context(), asked[0].ID, "done"))
	}
	if got := kinds(t, s, &cursor); !slices.Equal(got, []string{RequestAnswered}) {
		t.Errorf("events = %v", got)
	}
}

func TestARunThatEndedStaysAsItEnded(t *testing.T) {
	s, _ := open(t)
	run, err := s.StartRun(t.Context(), Run{Role: "implementer", Ticket: 31, Marker: "m", Limit: time.Minute}, nil)
	must(t, err)
	session, err := s.BeginSession(t.Context(), Session{Run: run.ID, Role: "implementer", Ticket: 31, Engine: "claude"})
	must(t, err)
	must(t, s.EndSession(t.Context(), session, "done", "", Spend{Turns: 3, Input: 100, Cached: 50, Output: 20, CostUSD: 0.25}))
	must(t, s.EndRun(t.Context(), run.ID, "done", "#42"))
	must(t, s.EndRun(t.Context(), run.ID, "interrupted", "late"))
	got, err := s.Run(t.Context(), run.ID)
	must(t, err)
	if got.Outcome != "done" || got.CostUSD != 0.25 || got.Limit != time.Minute || got.EndedAt.IsZero() {
		t.Errorf("run = %+v", got)
	}
	running, err := s.Running(t.Context())
	must(t, err)
	if len(running) != 0 {
		t.Errorf("running = %v", running)
	}
	spent, err := s.SpentSince(t.Context(), got.StartedAt)
	must(t, err)
	if Total(spent).CostUSD != 0.25 {
		t.Errorf("spent %v", spent)
	}
}
