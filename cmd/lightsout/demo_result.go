package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"lightsout/agents"
	"lightsout/cmd/lightsout/sample"
	"lightsout/store"
)

// demoResult is how a demonstration ended.
type demoResult struct {
	Tickets  []demoTicket `json:"tickets"`
	Merged   int          `json:"merged"`
	Staged   int          `json:"staged"`
	Parked   int          `json:"parked"`
	Messages int          `json:"messages"`
	GitHub   demoCalls    `json:"github"`
	Seconds  float64      `json:"seconds"`

	ok bool // every ticket ended as it should
}

// demoTicket is how one ticket ended.
type demoTicket struct {
	Number     int    `json:"number"`
	Title      string `json:"title"`
	State      string `json:"state"`    // merged, parked, gave up …
	PR         int    `json:"pr"`       // 0: none
	Attempts   int    `json:"attempts"` // sessions of the Implementer and repairs of the Fixer
	Proof      string `json:"proof"`
	ApprovedBy string `json:"approved_by"`
	MergedSHA  string `json:"merged_sha"`
	Staged     bool   `json:"staged"`
	Reason     string `json:"reason"` // why it is parked
}

// endedAs tells whether a ticket ended as the board expects it to.
func (t demoTicket) endedAs(expected string) bool {
	if expected == sample.Vague {
		return t.State == store.Parked && t.Reason == agents.Vague
	}
	return t.State == store.Landed && t.Staged
}

// demoCalls is what the demo's GitHub was asked.
type demoCalls struct {
	Requests int `json:"requests"`
	Points   int `json:"points"`
}

// result reads how every ticket ended. One that ended otherwise than the board expects is a failure of the demonstration.
func (d *demo) result(ctx context.Context, s *store.Store) (demoResult, error) {
	rest, graph := d.forge.Requests()
	r := demoResult{Tickets: []demoTicket{}, Messages: len(d.chat.All()), GitHub: demoCalls{Requests: rest + graph, Points: d.forge.Points()},
		Seconds: time.Since(d.started).Round(100 * time.Millisecond).Seconds(), ok: true}
	deployed := map[string]bool{}
	for _, x := range d.forge.Deployments() {
		deployed[x.SHA] = x.State == "success"
	}
	pulls, err := s.AllPulls(ctx)
	if err != nil {
		return r, err
	}
	for i, number := range d.plan.numbers {
		t, err := s.Ticket(ctx, number)
		if err != nil {
			return r, err
		}
		runs, err := s.RunsOf(ctx, number)
		if err != nil {
			return r, err
		}
		end := demoTicket{Number: number, Title: t.Title, State: t.Status, Attempts: len(runs), Reason: t.Parked}
		if t.Parked != "" {
			end.State = store.Parked
			r.Parked++
		}
		for _, p := range pulls {
			if p.Ticket != number {
				continue
			}
			end.PR, end.State, end.Proof, end.ApprovedBy, end.MergedSHA, end.Staged = p.Number, p.Verdict, p.Proof, p.MergedBy, p.MergedSHA, deployed[p.MergedSHA]
		}
		if end.State == store.Landed {
			r.Merged++
		}
		if end.Staged {
			r.Staged++
		}
		r.ok = r.ok && end.endedAs(d.plan.tickets.Tickets[i].Expect)
		r.Tickets = append(r.Tickets, end)
	}
	if unexpected := append(d.forge.Unexpected(), d.chat.Unexpected()...); len(unexpected) > 0 {
		return r, fmt.Errorf("demo: the servers were asked what the real ones would not understand:\n%s", strings.Join(unexpected, "\n"))
	}
	return r, nil
}

func (r demoResult) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(out, r)
	}
	var b strings.Builder
	fmt.Fprintln(&b)
	for _, t := range r.Tickets {
		fmt.Fprintf(&b, "#%-2d %-44.44s %-8s", t.Number, t.Title, t.State)
		switch {
		case t.PR != 0:
			staged := "not staged"
			if t.Staged {
				staged = "staged"
			}
			fmt.Fprintf(&b, " PR #%d as %.7s, %s, approved by %s, sessions %d", t.PR, t.MergedSHA, staged, t.ApprovedBy, t.Attempts)
		case t.Reason != "":
			fmt.Fprintf(&b, " %s", t.Reason)
		}
		fmt.Fprintln(&b)
	}
	fmt.Fprintf(&b, "\n%d merged, %d staged, %d parked; %d chat messages; %d requests to GitHub; %.1f s\n", r.Merged, r.Staged, r.Parked, r.Messages, r.GitHub.Requests, r.Seconds)
	_, err := io.WriteString(out, b.String())
	return err
}
