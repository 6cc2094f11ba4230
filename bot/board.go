package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lightsout/store"
)

// Board is what the factory knows at one instant: what /status shows, and the status command when the chat is down.
type Board struct {
	Repo     string          `json:"repo"`
	At       time.Time       `json:"at"`
	Observe  bool            `json:"observe,omitempty"`
	Pauses   []store.Pause   `json:"pauses,omitempty"`
	Problems []store.Problem `json:"problems,omitempty"`
	Running  []store.Run     `json:"running,omitempty"`
	Pulls    []store.Pull    `json:"pulls,omitempty"` // open ones
	Unstaged []store.Pull    `json:"unstaged,omitempty"`
	// Approvals are those that stand.
	Approvals []store.Grant        `json:"approvals,omitempty"`
	Queue     []store.Ticket       `json:"queue,omitempty"`  // in Todo, those first that would be picked first
	Parked    []store.Ticket       `json:"parked,omitempty"` // in Todo, not to be picked
	Next      map[string]time.Time `json:"next,omitempty"`   // of each role
	Spent     []store.EngineSpend  `json:"spent,omitempty"`  // since midnight UTC, by coding CLI
	Rests     []store.Rest         `json:"rests,omitempty"`  // coding CLIs that are not asked for a while
}

// ReadBoard reads the store. next may be nil.
func ReadBoard(ctx context.Context, s *store.Store, next map[string]time.Time) (Board, error) {
	b := Board{Repo: s.Repo(), At: s.Now(), Next: next}
	tickets, err := s.Tickets(ctx)
	if err != nil {
		return b, err
	}
	if b.Running, err = s.Running(ctx); err != nil {
		return b, err
	}
	for _, t := range tickets {
		switch {
		case t.Status != "Todo":
		case slices.ContainsFunc(b.Running, func(r store.Run) bool { return r.Ticket == t.Number }): // taken since the board was read
		case t.Parked != "":
			b.Parked = append(b.Parked, t)
		default:
			b.Queue = append(b.Queue, t)
		}
	}
	slices.SortStableFunc(b.Queue, inPickOrder)
	if b.Pauses, err = s.Pauses(ctx); err != nil {
		return b, err
	}
	if b.Problems, err = s.Problems(ctx); err != nil {
		return b, err
	}
	if b.Pulls, err = s.Pulls(ctx); err != nil {
		return b, err
	}
	if b.Approvals, err = s.Grants(ctx); err != nil {
		return b, err
	}
	if b.Unstaged, err = s.Unstaged(ctx); err != nil {
		return b, err
	}
	if b.Rests, err = s.Rests(ctx); err != nil {
		return b, err
	}
	b.Spent, err = s.SpentToday(ctx)
	return b, err
}

// inPickOrder puts tickets that would be picked before those that would not, and the more isolated first.
func inPickOrder(x, y store.Ticket) int {
	switch {
	case (x.Refused == "") != (y.Refused == ""):
		if x.Refused == "" {
			return -1
		}
		return 1
	case x.Score > y.Score:
		return -1
	case x.Score < y.Score:
		return 1
	}
	return x.Position - y.Position
}

// Text is the board as plain text.
func (b Board) Text() (string, error) {
	p, err := newPages(func(s string) string { return s })
	if err != nil {
		return "", err
	}
	html, err := p.render("status", b.view())
	return plain(html), err
}

// boardView is a board as its text shows it.
type boardView struct {
	Board
	Face, Headline string
	Notes          []string // pauses, and that nothing is changed outside
	Counts         string
	Sessions       []string
	Cards          []boardCard
	More           int
	Times          string
	Spending       []string // of today
}

type boardCard struct {
	store.Pull
	Said string
}

const (
	boardPulls = 20
	boardTitle = 60
)

func (b Board) view() boardView {
	v := boardView{Board: b}
	fixing := 0
	for _, r := range b.Running {
		if r.Role == fixer {
			fixing++
		}
		v.Sessions = append(v.Sessions, join(append([]string{fmt.Sprintf("run %d", r.ID), title(r.Role), fmt.Sprintf("#%d", max(r.Pull, r.Ticket)), r.Engine, r.Step, took(b.At.Sub(r.StartedAt)), r.Doing}, used(r)...)))
	}
	ready := 0
	for i, p := range b.Pulls {
		if p.Verdict == store.Ready {
			ready++
		}
		if i < boardPulls {
			v.Cards = append(v.Cards, boardCard{p, says(p, grantOf(b.Approvals, p))})
		}
	}
	v.More = len(b.Pulls) - len(v.Cards)
	for _, p := range b.Pauses {
		v.Notes = append(v.Notes, join([]string{"⏸ " + title(p.Scope) + " paused", untilWords(p.Until, b.At), "by " + p.ByName}))
	}
	for _, r := range b.Rests {
		v.Notes = append(v.Notes, join([]string{"😴 " + r.Engine + " rests until " + clock(r.Until, b.At), r.Outcome}))
	}
	if b.Observe {
		v.Notes = append(v.Notes, "👀 Observing: nothing is changed outside")
	}
	v.Counts = fmt.Sprintf("open %d  ready %d  fixing %d  queue %d", len(b.Pulls), ready, fixing, len(b.Queue))
	if times := nextTimes(b.Next, b.At); times != "" {
		v.Times = "next " + strings.ReplaceAll(times, "\n", "\n     ")
	}
	v.Spending = spending(b.Spent)
	switch {
	case len(b.Problems) > 0:
		v.Face, v.Headline = "⚠️", "In trouble"
	case slices.ContainsFunc(b.Pauses, func(p store.Pause) bool { return p.Scope == "" }):
		v.Face, v.Headline = face("paused"), "Paused"
	case len(b.Running) > 0:
		v.Face, v.Headline = face("running"), "Working"
	case ready > 0:
		v.Face, v.Headline = face("ready"), count(ready, "pull request")+" ready for you"
	default:
		v.Face, v.Headline = face("idle"), "Standing by"
	}
	return v
}

func untilWords(t, now time.Time) string {
	if t.IsZero() {
		return "until /resume"
	}
	return "until " + clock(t, now)
}

// nextTimes lists when each role runs next, the soonest first.
func nextTimes(next map[string]time.Time, now time.Time) string {
	var roles []string
	for role, at := range next {
		if !at.IsZero() {
			roles = append(roles, role)
		}
	}
	slices.SortFunc(roles, func(x, y string) int {
		if c := next[x].Compare(next[y]); c != 0 {
			return c
		}
		return strings.Compare(x, y)
	})
	var out []string
	for _, role := range roles {
		out = append(out, role+" "+clock(next[role], now))
	}
	return strings.Join(out, "\n")
}

// spending is what today has used, in lines of at most 34 characters: all of it, then each coding CLI where there are more.
func spending(spent []store.EngineSpend) []string {
	if len(spent) == 0 {
		return nil
	}
	line := func(name string, s store.Spend) string {
		return clip(34, strings.Join(slices.DeleteFunc([]string{name, tokens(s.Tokens()), money(s.CostUSD)}, func(w string) bool { return w == "" }), "  "))
	}
	lines := []string{line("today", store.Total(spent))}
	for _, e := range spent {
		if len(spent) > 1 {
			lines = append(lines, line(" "+e.Engine, e.Spend))
		}
	}
	return lines
}
