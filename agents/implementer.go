package agents

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lightsout/agents/forge"
	"lightsout/agents/isolation"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// Implementer takes the most isolated ticket of the current milestone to an open pull request, one a tick.
type Implementer struct{ *Factory }

// Vague is the reason under which a ticket is parked that lacks an expected behaviour or a stopping point.
const Vague = "vague"

// Run is one tick. Its error is the world's or the factory's own; what a session could not do is in the report.
func (i *Implementer) Run(ctx context.Context) (Report, error) {
	if pause, paused, err := i.Store.PausedFor(ctx, ImplementerRole); err != nil || paused {
		return Report{Said: "paused by " + pause.ByName}, err
	}
	if err := i.reconcile(ctx); err != nil {
		return Report{}, err
	}
	snap, err := i.snapshot(ctx, i.Forge)
	if err != nil {
		return Report{}, err
	}
	tickets, err := i.Forge.Tickets(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("read the board: %w", err)
	}
	decision, err := i.rank(ctx, snap, tickets)
	if err != nil {
		return Report{}, err
	}
	if reason, err := i.intakeClosed(ctx, snap); err != nil || reason != "" {
		return i.idle(ctx, reason, err)
	}
	if decision, err = i.preferKept(ctx, decision, tickets); err != nil {
		return Report{}, err
	}
	if decision, err = i.preferAsked(ctx, decision); err != nil {
		return Report{}, err
	}
	if decision.Picked == nil {
		return i.idle(ctx, decision.Reason, nil)
	}
	if i.Settings.Observe {
		return i.idle(ctx, fmt.Sprintf("would take #%d %s (observing only)", decision.Picked.Ticket.Number, decision.Picked.Ticket.Title), nil)
	}
	return i.take(ctx, snap, *decision.Picked)
}

// Rank reads the world and says which ticket stands most alone, without taking it.
func (i *Implementer) Rank(ctx context.Context) (isolation.Decision, error) {
	snap, err := i.snapshot(ctx, i.Forge)
	if err != nil {
		return isolation.Decision{}, err
	}
	tickets, err := i.Forge.Tickets(ctx)
	if err != nil {
		return isolation.Decision{}, fmt.Errorf("read the board: %w", err)
	}
	return i.rank(ctx, snap, tickets)
}

// preferAsked lets a person's /run of one ticket go before the ranking. A ticket that may not be picked stays unpicked,
// and the reason is the answer.
func (i *Implementer) preferAsked(ctx context.Context, d isolation.Decision) (isolation.Decision, error) {
	requests, err := i.Store.Asked(ctx, store.RequestRun)
	if err != nil {
		return d, err
	}
	for _, r := range requests {
		if r.Role != ImplementerRole || r.Ticket == 0 {
			continue
		}
		for k := range d.Ranked {
			if c := &d.Ranked[k]; c.Ticket.Number == r.Ticket && c.Refused == "" {
				d.Picked = c
				return d, nil
			} else if c.Ticket.Number == r.Ticket {
				return isolation.Decision{Ranked: d.Ranked, Reason: fmt.Sprintf("#%d is not taken: %s", r.Ticket, c.Refused)}, nil
			}
		}
		return isolation.Decision{Ranked: d.Ranked, Reason: fmt.Sprintf("#%d is not taken: it is not in Todo in the current milestone", r.Ticket)}, nil
	}
	return d, nil
}

// idle tells, once, why nothing was taken.
func (i *Implementer) idle(ctx context.Context, reason string, err error) (Report, error) {
	if err != nil {
		return Report{}, err
	}
	_, err = i.Store.RecordChange(ctx, store.Event{Kind: store.Intake, Data: map[string]string{"reason": reason}})
	return Report{Said: reason}, err
}

// intakeClosed says why no ticket is taken now, "" when one may be.
func (i *Implementer) intakeClosed(ctx context.Context, snap Snapshot) (string, error) {
	if reason, err := i.tellBase(ctx, snap); err != nil || reason != "" {
		return reason, err
	}
	waiting := 0
	for _, s := range snap.Standings {
		if s.Verdict.Word == store.Ready {
			waiting++
		}
	}
	if reason, err := i.diskFull(ctx); err != nil || reason != "" {
		return reason, err
	}
	if reason, err := i.unable(ctx, ImplementerRole); err != nil || reason != "" {
		return reason, err
	}
	if i.Settings.MaxWaiting > 0 && waiting >= i.Settings.MaxWaiting {
		return fmt.Sprintf("%d pull requests wait for a person; the limit is %d", waiting, i.Settings.MaxWaiting), nil
	}
	return "", nil
}

// rank asks isolation which ticket stands most alone, keeps what it said, and parks what is too vague to work on.
func (i *Implementer) rank(ctx context.Context, snap Snapshot, tickets []forge.Ticket) (isolation.Decision, error) {
	var todo []forge.Ticket
	for _, t := range tickets {
		if t.Open && t.Status == "Todo" {
			todo = append(todo, t)
		}
	}
	kept, err := i.Store.Tickets(ctx)
	if err != nil {
		return isolation.Decision{}, err
	}
	hashes := map[int]string{}
	for _, t := range todo {
		hashes[t.Number] = textHash(t)
	}
	facts := isolation.Facts{Tickets: todo, Parked: map[int]string{}}
	for _, t := range kept {
		if t.Parked != "" && t.ParkHash == hashes[t.Number] { // a changed text is looked at anew, and unparked when it is kept
			facts.Parked[t.Number] = t.Parked
		}
	}
	if !i.Settings.AnyAuthor {
		for _, t := range todo {
			if !trusted(t.AuthorAssociation) {
				facts.Parked[t.Number] = "written by " + t.Author + ", who has no write access here: a member can file it anew"
			}
		}
	}
	if facts.Busy, err = i.busy(ctx, snap); err != nil {
		return isolation.Decision{}, err
	}
	if facts.Tree, err = isolation.Survey(ctx, i.Mirror, snap.BaseSHA, todo); err != nil {
		return isolation.Decision{}, fmt.Errorf("survey the tree: %w", err)
	}
	decision := isolation.Pick(facts)
	if err := i.Store.SaveTickets(ctx, rows(tickets, decision)); err != nil {
		return decision, err
	}
	for _, c := range decision.Ranked {
		if len(c.Lacks) == 0 || facts.Parked[c.Ticket.Number] != "" {
			continue
		}
		err := i.Store.Park(ctx, c.Ticket.Number, Vague, map[string]string{"lacks": strings.Join(c.Lacks, "\n"), "title": c.Ticket.Title, "url": c.Ticket.URL})
		if err != nil {
			return decision, err
		}
	}
	return decision, nil
}

// trusted tells the authors whose text may reach a prompt: GitHub's words for those who can write to the repository.
func trusted(association string) bool {
	return association == "OWNER" || association == "MEMBER" || association == "COLLABORATOR"
}

// rows turns tickets and what isolation said of them into the store's form.
func rows(tickets []forge.Ticket, d isolation.Decision) []store.Ticket {
	said := map[int]isolation.Candidate{}
	for _, c := range d.Ranked {
		said[c.Ticket.Number] = c
	}
	out := make([]store.Ticket, 0, len(tickets))
	for _, t := range tickets {
		if !t.Open {
			continue
		}
		c := said[t.Number]
		out = append(out, store.Ticket{Number: t.Number, Title: t.Title, URL: t.URL, BodyHash: textHash(t), Status: t.Status, Milestone: t.Milestone,
			Position: t.Position, Open: true, Score: c.Score, Refused: c.Refused, Reasons: c.Reasons, Files: c.Files})
	}
	return out
}

// busy lists what is in flight: the files of open pull requests, and those predicted for tickets under a claim. Where anybody
// can open a pull request, one by a stranger keeps no ticket waiting: it could touch every file.
func (i *Implementer) busy(ctx context.Context, snap Snapshot) ([]isolation.Busy, error) {
	var out []isolation.Busy
	for _, s := range snap.Standings {
		out = append(out, isolation.Busy{Label: fmt.Sprintf("#%d", s.Pull.Number), Ticket: s.Pull.Ticket, Files: s.Pull.Files})
	}
	for _, pr := range snap.Others {
		if !trusted(pr.AuthorAssociation) {
			continue
		}
		whole, err := i.Forge.PullRequest(ctx, pr.Number)
		if err != nil {
			return nil, fmt.Errorf("files of #%d: %w", pr.Number, err)
		}
		b := isolation.Busy{Label: fmt.Sprintf("#%d", pr.Number)}
		for _, file := range whole.Files {
			b.Files = append(b.Files, file.Path)
		}
		out = append(out, b)
	}
	claims, err := i.Store.Claims(ctx)
	for _, c := range claims {
		out = append(out, isolation.Busy{Label: fmt.Sprintf("ticket #%d", c.Ticket), Ticket: c.Ticket, Files: c.Files})
	}
	return out, err
}

// take works on one ticket: claim, session, proof, pull request.
func (i *Implementer) take(ctx context.Context, snap Snapshot, c isolation.Candidate) (Report, error) {
	t := c.Ticket
	claim, leave, err := i.claim(ctx, store.Claim{Ticket: t.Number, Role: ImplementerRole, Files: c.Files}, i.Settings.Lease)
	if errors.Is(err, store.ErrClaimed) {
		return Report{Said: fmt.Sprintf("#%d is being worked on", t.Number)}, nil
	}
	if err != nil {
		return Report{}, err
	}
	defer leave()
	said, err := i.implement(ctx, snap, c, claim)
	// From here on nothing may be left behind, even when the daemon is told to stop: a claim that outlives its holder
	// is taken back at the next start, but one that is given back now is better.
	after := context.WithoutCancel(ctx)
	row := store.Ticket{Number: t.Number, Title: t.Title, URL: t.URL}
	var back *setback
	if errors.As(err, &back) {
		return Report{Acted: true, Said: said + ": " + back.Error()}, i.giveBack(after, row, claim, back)
	}
	if err != nil {
		// Not the code's fault and not known to be over: the claim stays for reconcile, which asks the world first.
		return Report{Acted: true}, errors.Join(fmt.Errorf("ticket #%d: %w", t.Number, err), i.parkFailing(after, row, err))
	}
	return Report{Acted: true, Said: said}, i.Store.Release(after, claim, "in review")
}

func (i *Implementer) implement(ctx context.Context, snap Snapshot, c isolation.Candidate, claim store.Claim) (string, error) {
	t := c.Ticket
	if err := i.move(ctx, t.Number, "In Progress"); err != nil {
		return "", err
	}
	branch, start, lease, err := i.branch(ctx, t, snap.BaseSHA)
	if err != nil {
		return "", err
	}
	said := fmt.Sprintf("took #%d %s", t.Number, t.Title)
	earlier, err := i.Store.RunsOf(ctx, t.Number)
	if err != nil {
		return said, err
	}
	a := assignment{role: ImplementerRole, ticket: t, claim: claim, attempt: failures(earlier) + 1, base: snap.BaseSHA, start: start, branch: branch, files: c.Files,
		told: map[string]string{"title": t.Title, "url": t.URL, "touches": strings.Join(c.Files, ", "), "score": fmt.Sprintf("%.0f", c.Score), "why": strings.Join(c.Reasons, "; ")}}
	made, err := i.work(ctx, a)
	if err != nil {
		return said, err
	}
	number, err := i.deliver(ctx, a, made, publication{Lease: lease})
	if err != nil {
		return said, err
	}
	return fmt.Sprintf("%s: opened #%d", said, number), nil
}

// branch finds or names the ticket's branch, where its work starts, and what the remote branch is at.
func (i *Implementer) branch(ctx context.Context, t forge.Ticket, base string) (branch, start, lease string, err error) {
	branch, sha, found, err := i.Mirror.FindBranch(ctx, t.Number)
	if err != nil {
		return "", "", "", fmt.Errorf("find the branch of #%d: %w", t.Number, err)
	}
	if !found {
		branch, err = i.Store.SetBranch(ctx, t.Number, worktree.Branch(t.Number, t.Title))
		return branch, base, "", err
	}
	if err := i.need(ctx, sha); err != nil { // a person may have pushed to it since the last fetch
		return "", "", "", fmt.Errorf("branch of #%d: %w", t.Number, err)
	}
	if _, err := i.Store.SetBranch(ctx, t.Number, branch); err != nil {
		return "", "", "", err
	}
	return branch, sha, sha, nil
}

// deliver publishes what was made of a ticket. It asks nothing of the world before that is logged, and a stop of the daemon does
// not end it before: neither an outage nor a restart at the end of a session costs a session.
func (f *Factory) deliver(ctx context.Context, a assignment, made product, p publication) (int, error) {
	unstopped := context.WithoutCancel(ctx)
	if err := f.Store.Step(unstopped, made.run.ID, "publishing"); err != nil {
		return 0, err
	}
	spent, err := f.Store.Run(unstopped, made.run.ID)
	if err != nil {
		return 0, err
	}
	p.Role, p.Ticket, p.Pull, p.Branch, p.Head = a.role, a.ticket.Number, a.pull, a.branch, made.head
	p.Title, p.Text, p.Hash, p.Receipt, p.Run, p.Log = subject(a.ticket.Title), made.text, textHash(a.ticket), made.receipt, made.run.ID, made.run.LogPath
	if v := made.verdict; v != nil {
		p.Review, p.Draft = v.Markdown(), stands(*v) != ""
	}
	p.Seconds, p.CostUSD = f.elapsed(made.run), spent.CostUSD
	number, err := f.publish(ctx, p, a.claim)
	if err != nil {
		why := cause(err)
		return 0, errors.Join(err, f.endRun(ctx, made.run, why.outcome, why.reason))
	}
	return number, f.endRun(ctx, made.run, "done", fmt.Sprintf("#%d at %.7s", number, made.head))
}

func (f *Factory) endRun(ctx context.Context, run store.Run, outcome, reason string) error {
	return f.Store.EndRun(context.WithoutCancel(ctx), run.ID, outcome, reason)
}

// giveBack returns a ticket that came to nothing to Todo and frees it. A ticket whose code failed, that a person ended,
// or that failed the same way again and again is parked, so that the next tick does not spend another session on it;
// the others are simply taken again.
func (f *Factory) giveBack(ctx context.Context, t store.Ticket, claim store.Claim, why *setback) error {
	again, err := f.repeated(ctx, t.Number, why.outcome)
	if err != nil {
		return err
	}
	if why.code || why.person || again {
		if err := f.Store.Park(ctx, t.Number, f.redact(why.Error()), map[string]string{"title": t.Title, "url": t.URL}); err != nil {
			return err
		}
	}
	if why.outcome != store.ForeignPush { // the person who pushed has the ticket now
		if err := f.move(ctx, t.Number, "Todo"); err != nil && !permanent(err) {
			return err // the claim stays, so reconcile will move it
		}
	}
	return f.Store.Release(ctx, claim, why.Error())
}
