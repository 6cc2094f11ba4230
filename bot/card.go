package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lightsout/store"
)

// card is a pull request as its live card shows it.
type card struct {
	store.Pull
	Facts []string // ticket, time, money
	Size  []string // lines, files, head
	Said  string

	Review store.Review
}

// readCard gathers what a card shows; everything comes from the store, so that a card can be made anew at any time.
func (b *Bot) readCard(ctx context.Context, pull int) (card, *store.Grant, error) {
	p, err := b.Store.Pull(ctx, pull)
	if err != nil {
		return card{}, nil, err
	}
	c := card{Pull: p}
	var grant *store.Grant
	if g, err := b.Store.Grant(ctx, pull); err == nil {
		grant = &g
	} else if !errors.Is(err, store.ErrNotFound) {
		return c, nil, err
	}
	worked, cost, doing := time.Duration(0), 0.0, ""
	if p.Ticket != 0 {
		runs, err := b.Store.RunsOf(ctx, p.Ticket)
		if err != nil {
			return c, nil, err
		}
		for _, r := range runs {
			cost += r.CostUSD
			if !r.EndedAt.IsZero() {
				worked += r.EndedAt.Sub(r.StartedAt)
			} else if r.Pull == pull {
				doing = join([]string{r.Step, minutes(b.Store.Now().Sub(r.StartedAt))})
			}
		}
	}
	if c.Review, err = b.Store.Review(ctx, pull); err != nil && !errors.Is(err, store.ErrNotFound) {
		return c, nil, err
	}
	c.Facts = []string{number("ticket", p.Ticket), "", money(cost)}
	if worked > 0 {
		c.Facts[1] = took(worked)
	}
	c.Size = []string{fmt.Sprintf("+%d −%d", p.Additions, p.Deletions), count(len(p.Files), "file"), "head " + short(p.Head)}
	if p.Head == "" {
		c.Size = nil
	}
	c.Said = says(p, grant)
	if p.Verdict == store.Running {
		c.Said = join([]string{c.Said, doing})
	}
	return c, grant, nil
}

// minutes writes how long something takes by now, so coarsely that a card is not edited all the time.
func minutes(d time.Duration) string {
	switch {
	case d < time.Minute:
		return ""
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return took(d)
}

// green counts the checks that decide, and those of them that are a success.
func green(p store.Pull) (ok, all int) {
	required := false
	for _, c := range p.Checks {
		required = required || c.Required
	}
	for _, c := range p.Checks {
		if required && !c.Required {
			continue
		}
		all++
		if c.State == "success" {
			ok++
		}
	}
	return ok, all
}

// tally is how many checks are green, and what else the reason of the verdict says. The verdict's own count is the better
// one: it knows of required checks that have not reported.
func tally(p store.Pull) (ci, reason string) {
	if strings.HasPrefix(p.Reason, "CI ") {
		ci, reason, _ = strings.Cut(p.Reason, ", ")
		return ci, reason
	}
	if ok, all := green(p); all > 0 {
		return fmt.Sprintf("CI %d/%d", ok, all), p.Reason
	}
	return "", p.Reason
}

// says is where a pull request stands, in one line.
func says(p store.Pull, grant *store.Grant) string {
	ci, reason := tally(p)
	by := ""
	if grant != nil {
		by = "approved by " + grant.ByName
		reason = strings.TrimPrefix(strings.TrimPrefix(reason, "approved"), ", ")
	}
	switch p.Verdict {
	case store.Waiting:
		if ci != "" && strings.HasPrefix(reason, "waiting for ") {
			reason = ""
		}
		if grant != nil {
			return join([]string{ci, reason, by, "lands when green"})
		}
		return join([]string{ci, reason, "lands when green and approved"})
	case store.Ready:
		return join([]string{ci, either(by, "waits for your approval")})
	case store.Approval:
		return join([]string{ci, either(by, "approved"), "merging when green"})
	case store.Landing:
		return join([]string{ci, by, either(reason, "landing")})
	case store.Running:
		return join([]string{either(reason, "a session works on it"), attempt(p)})
	case store.Red, store.Conflict, store.Rejected:
		return join([]string{ci, either(reason, p.Verdict), "for the Fixer", attempt(p)})
	case store.Behind:
		return join([]string{ci, either(reason, "behind "+either(p.Base, "its base"))})
	case store.BaseRed:
		return join([]string{either(reason, either(p.Base, "the base")+" itself is red"), "no repair is started"})
	case store.Landed:
		return landed(p)
	case "":
		return either(reason, "not read yet")
	}
	return join([]string{p.Verdict, p.Reason})
}

func landed(p store.Pull) string {
	said := "merged"
	if p.MergedSHA != "" {
		said += " as " + short(p.MergedSHA)
	}
	if p.MergedBy != "" {
		said += " by " + p.MergedBy
	}
	switch p.Staging {
	case "started":
		return join([]string{said, "staging on its way"})
	case "up":
		return join([]string{said, "staging up", "ready for QA"})
	case "failed":
		return join([]string{said, "staging failed"})
	case "checking":
		return join([]string{said, "deployed, not seen to be up yet"})
	case "handed over":
		return join([]string{said, "the webhook took it"})
	}
	return said
}

// attempt says which repair comes next, once there has been one.
func attempt(p store.Pull) string {
	if p.Attempts == 0 {
		return ""
	}
	return fmt.Sprintf("attempt %d/%d", min(p.Attempts+1, repairs), repairs)
}

func either(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// decided tells whether nothing about a pull request can be decided by a person any more.
func decided(p store.Pull) bool {
	switch p.Verdict {
	case store.Landed, store.Closed:
		return true
	}
	return false
}

// approvable tells whether an approval is asked for: it is open, it is no session's work in progress, and this diff has not been
// approved yet.
func approvable(p store.Pull, grant *store.Grant) bool {
	if grant != nil || p.Head == "" {
		return false
	}
	switch p.Verdict {
	case store.Waiting, store.Ready, store.Behind, store.BaseRed:
		return true
	}
	return false
}

// cardButtons are the buttons of a card for somebody of a role: a button that would be refused is not shown.
func cardButtons(p store.Pull, grant *store.Grant, role string) [][]store.Button {
	switch {
	case decided(p) || p.Head == "":
		return nil
	case p.Verdict == store.Foreign || p.Verdict == store.Draft:
		return offer(p, role, "diff", "log", "retry")
	case p.Verdict == store.GivenUp:
		return offer(p, role, "diff", "log")
	case approvable(p, grant):
		return offer(p, role, "approve", "diff", "reject", "log")
	case p.Verdict == store.Running || p.Verdict == store.Rejected:
		return offer(p, role, "diff", "log")
	}
	return offer(p, role, "diff", "reject", "log")
}

// offer makes the buttons of those verbs that a role may tap, two in a row, all bound to the diff that is shown.
func offer(p store.Pull, role string, verbs ...string) [][]store.Button {
	var rows [][]store.Button
	for _, verb := range verbs {
		command, known := find(Commands(), func(c Command) bool { return c.Name == verb })
		if !known || !allowed(role, command.Role) {
			continue
		}
		button := store.Button{Text: labelOf(verb), Verb: verb, Pull: p.Number, Head: p.Head, PatchID: p.PatchID, Once: verb == "approve" || verb == "revert"}
		if n := len(rows); n > 0 && len(rows[n-1]) < 2 {
			rows[n-1] = append(rows[n-1], button)
			continue
		}
		rows = append(rows, []store.Button{button})
	}
	return rows
}

func labelOf(verb string) string {
	switch verb {
	case "approve":
		return "✅ Approve"
	case "reject":
		return "✖️ Reject"
	case "diff":
		return "📄 Diff"
	case "log":
		return "🧾 Log"
	case "retry":
		return "🔁 Retry"
	case "revert":
		return "↩️ Revert"
	}
	return verb
}
