package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lightsout/rules"
	"lightsout/store"
)

// momentPasses is how old a command to act now may be. An older one was sent while the daemon was down.
const momentPasses = 10 * time.Minute

// roleCalled finds the role of a name, however it is written.
func roleCalled(word string) (string, bool) {
	switch w := strings.ToLower(word); w {
	case implementer, fixer, merger:
		return w, true
	}
	return "", false
}

// title is a role as a sentence begins with it.
func title(role string) string {
	if role == "" {
		return "Factory"
	}
	return strings.ToUpper(role[:1]) + role[1:]
}

// run asks for one run of a role now.
func (b *Bot) run(ctx context.Context, c call) (answer, error) {
	word, _ := cutSpace(c.args)
	role, ticket := implementer, 0
	if n, ok := parseNumber(word); ok {
		ticket = n
	} else if word != "" {
		var known bool
		if role, known = roleCalled(word); !known {
			return b.tell("💬", "Run what?", "/run implementer, /run fixer, /run merger or /run 31")
		}
	}
	if ticket != 0 {
		p, t, err := b.about(ctx, ticket)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return b.noTicket(ticket)
		case err != nil:
			return answer{}, err
		case p.Number == ticket:
			role = fixer
		}
		ticket = t.Number
	}
	if age := b.Store.Now().Sub(c.at); age > momentPasses {
		return b.tell("⚠️", "You asked "+took(age)+" ago", "nothing was run", strings.TrimSpace("send /run "+c.args)+" again if you still want it")
	}
	if pause, paused, err := b.Store.PausedFor(ctx, role); err != nil {
		return answer{}, err
	} else if paused {
		return b.tell("⏸", title(pause.Scope)+" is paused", b.until(pause.Until), "by "+pause.ByName, strings.TrimSpace("/resume "+pause.Scope))
	}
	request := store.Request{Key: c.key("run"), Kind: store.RequestRun, Role: role, Ticket: ticket, ByID: c.from, ByName: b.sign(ctx, c.by), Chat: c.chat, Message: c.message}
	if err := b.Store.Ask(ctx, request); err != nil {
		return answer{}, err
	}
	b.Wake(role)
	return b.tell("⚙️", title(role)+" asked to run now", number("ticket", ticket))
}

func number(noun string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s #%d", noun, n)
}

// retry lets a ticket be worked on again, with all its attempts.
func (b *Bot) retry(ctx context.Context, c call) (answer, error) {
	n, _, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if n == 0 {
		return b.tell("💬", "Which one?", "/retry 31")
	}
	p, t, err := b.about(ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		return b.nothingOf(n)
	}
	if err != nil {
		return answer{}, err
	}
	done, err := b.askedBefore(ctx, c.key("run"))
	if err != nil {
		return answer{}, err
	}
	if theirs(p, t) {
		return b.handBack(ctx, c, p, t)
	}
	held, err := b.Store.Setbacks(ctx, p.Number, p.Head)
	if err != nil {
		return answer{}, err
	}
	if !done && t.Parked == "" && p.Attempts == 0 && p.Verdict != store.GivenUp && len(held) == 0 {
		a, err := b.tell("💬", fmt.Sprintf("#%d is not parked", n), "nothing to retry")
		a.spent = true
		return a, err
	}
	by := b.sign(ctx, c.by)
	if err := b.Store.Unpark(ctx, t.Number, unparkedBy+by); err != nil {
		return answer{}, err
	}
	role := implementer
	if p.Number != 0 && p.Verdict != store.Landed && p.Verdict != store.Closed && p.Verdict != store.GivenUp {
		role = fixer // a given-up ticket is back in Todo: the Implementer goes on from its branch
	}
	request := store.Request{Key: c.key("run"), Kind: store.RequestRun, Role: role, Ticket: t.Number, Pull: p.Number, ByID: c.from, ByName: by, Chat: c.chat, Message: c.message}
	if err := b.Store.Ask(ctx, request); err != nil {
		return answer{}, err
	}
	b.Wake(role)
	asked := title(role) + " asked to run"
	if pause, paused, err := b.Store.PausedFor(ctx, role); err != nil {
		return answer{}, err
	} else if paused {
		asked = title(pause.Scope) + " is paused " + b.until(pause.Until)
	}
	a, err := b.tell("🔁", fmt.Sprintf("#%d again", n), fmt.Sprintf("attempt 1/%d", repairs), asked)
	a.spent = true
	return a, err
}

// theirs tells a pull request that a person has taken from the factory: by a push, or by making it a draft.
func theirs(p store.Pull, t store.Ticket) bool {
	switch p.Verdict {
	case store.Foreign, store.Draft:
		return true
	case store.Parked:
		return p.Pushed != p.Head || strings.HasPrefix(t.Parked, store.ForeignPush)
	}
	return false
}

// handBack asks the Fixer to make a pull request the factory's again, as it was shown.
func (b *Bot) handBack(ctx context.Context, c call, p store.Pull, t store.Ticket) (answer, error) {
	by := b.sign(ctx, c.by)
	request := store.Request{Key: c.key("hand back"), Kind: store.RequestHandBack, Role: fixer, Ticket: t.Number, Pull: p.Number, Head: p.Head, ByID: c.from, ByName: by, Chat: c.chat, Message: c.message}
	if strings.HasPrefix(t.Parked, store.ForeignPush) {
		request.Head = "" // what was pushed meanwhile has not been shown to anybody
	}
	if err := b.Store.Ask(ctx, request); err != nil {
		return answer{}, err
	}
	if err := b.Store.Unpark(ctx, t.Number, unparkedBy+by); err != nil {
		return answer{}, err
	}
	b.Wake(fixer)
	a, err := b.tell("🔁", fmt.Sprintf("#%d is handed back", p.Number), title(fixer)+" asked to take it")
	a.spent = true
	return a, err
}

// askedBefore tells whether this very update has asked already, before a crash.
func (b *Bot) askedBefore(ctx context.Context, key string) (bool, error) {
	asked, err := b.Store.Asked(ctx, store.RequestRun)
	return slices.ContainsFunc(asked, func(r store.Request) bool { return r.Key == key }), err
}

// unparkedBy begins the reason of an unparking by a person.
const unparkedBy = "asked by "

// skip parks a ticket.
func (b *Bot) skip(ctx context.Context, c call) (answer, error) {
	n, _, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if n == 0 {
		return b.tell("💬", "Which ticket?", "/skip 31")
	}
	_, t, err := b.about(ctx, n)
	if errors.Is(err, store.ErrNotFound) || err == nil && t.Number == 0 {
		return b.noTicket(n)
	}
	if err != nil {
		return answer{}, err
	}
	by := b.sign(ctx, c.by)
	if err := b.Store.Park(ctx, t.Number, "skipped by "+by, map[string]string{"title": t.Title, "url": t.URL, "by": by}); err != nil {
		return answer{}, err
	}
	return b.tell("⏸", fmt.Sprintf("#%d is parked", t.Number), t.Title, fmt.Sprintf("/retry %d brings it back", t.Number))
}

// cancel asks for the end of a run.
func (b *Bot) cancel(ctx context.Context, c call) (answer, error) {
	running, err := b.Store.Running(ctx)
	if err != nil {
		return answer{}, err
	}
	word, _ := cutSpace(c.args)
	id, err := strconv.ParseInt(strings.TrimPrefix(word, "#"), 10, 64)
	if err != nil {
		id = 0
	}
	var run *store.Run
	for i := range running {
		if running[i].ID == id || word == "" && len(running) == 1 {
			run = &running[i]
		}
	}
	switch {
	case len(running) == 0:
		return b.tell("💤", "Nothing is running")
	case run != nil && word == "" && run.StartedAt.After(c.at.Add(time.Second)):
		return b.tell("⚠️", "What you meant has ended", cancels(running)...)
	case run == nil && word == "":
		return b.tell("💬", "Which run?", cancels(running)...)
	case run == nil:
		return b.tell("⚠️", "Run "+word+" is not running", cancels(running)...)
	}
	request := store.Request{Key: c.key("cancel"), Kind: store.RequestCancel, Role: run.Role, Ticket: run.Ticket, Pull: run.Pull, Run: run.ID,
		ByID: c.from, ByName: b.sign(ctx, c.by), Chat: c.chat, Message: c.message}
	if err := b.Store.Ask(ctx, request); err != nil {
		return answer{}, err
	}
	kept := "its work is kept"
	if run.Role == store.Prover {
		kept = "" // a proof leaves none
	}
	return b.tell("✋", fmt.Sprintf("Stopping run %d", run.ID), kept)
}

func cancels(running []store.Run) []string {
	var out []string
	for _, r := range running {
		out = append(out, fmt.Sprintf("/cancel %d is the %s on #%d", r.ID, title(r.Role), max(r.Pull, r.Ticket)))
	}
	return out
}

// pause stops a role or everything. It never asks.
func (b *Bot) pause(ctx context.Context, c call) (answer, error) {
	scope, until := "", time.Time{}
	for _, word := range strings.Fields(c.args) {
		if role, ok := roleCalled(word); ok {
			scope = role
		} else if span, ok := parseSpan(word); ok {
			until = c.at.Add(span)
		} else if strings.ToLower(word) != "all" {
			return b.tell("💬", "Pause what, and for how long?", "/pause, /pause 2h or /pause implementer 90m")
		}
	}
	if !until.IsZero() && !until.After(b.Store.Now()) {
		return b.tell("💬", "That pause would be over", b.until(until), "nothing was paused")
	}
	by := b.sign(ctx, c.by)
	pauses, err := b.Store.Pauses(ctx)
	if err != nil {
		return answer{}, err
	}
	written := false // by this very update, before a crash
	for _, p := range pauses {
		written = written || p.Scope == scope && p.ByName == by && p.Until.Equal(until) && !p.At.Before(c.at)
	}
	if !written {
		if err := b.Store.Pause(ctx, scope, until, by); err != nil {
			return answer{}, err
		}
	}
	what := "merges too"
	if scope != "" {
		what = "the others go on"
	}
	ends, err := b.pausedRuns(ctx, scope)
	if err != nil {
		return answer{}, err
	}
	return b.tell("⏸", title(scope)+" paused", b.until(until), what, ends, strings.TrimSpace("/resume "+scope)+" ends it")
}

// pausedRuns says which runs a pause of a scope ends; "" when none is at work. What is proven and on its way out is not, and a proof that is made again
// has no work to lose.
func (b *Bot) pausedRuns(ctx context.Context, scope string) (string, error) {
	running, err := b.Store.Running(ctx)
	if err != nil {
		return "", err
	}
	var runs []string
	for _, r := range running {
		if (scope == "" || scope == r.Role) && r.Step != publishing && r.Role != store.Prover {
			runs = append(runs, strconv.FormatInt(r.ID, 10))
		}
	}
	switch len(runs) {
	case 0:
		return "", nil
	case 1:
		return "run " + runs[0] + " is ended, its work is kept", nil
	}
	return "runs " + strings.Join(runs, " and ") + " are ended, their work is kept", nil
}

// publishing is the step of a run whose work is done.
const publishing = "publishing"

// until says when something ends.
func (b *Bot) until(t time.Time) string {
	if t.IsZero() {
		return "until /resume"
	}
	return "until " + clock(t, b.Store.Now())
}

// resume ends pauses.
func (b *Bot) resume(ctx context.Context, c call) (answer, error) {
	word, _ := cutSpace(c.args)
	scope, known := roleCalled(word)
	if word != "" && !known && strings.ToLower(word) != "all" {
		return b.rouse(ctx, c, word)
	}
	lifted, err := b.Store.Resume(ctx, scope, b.sign(ctx, c.by))
	if err != nil {
		return answer{}, err
	}
	if !lifted {
		return b.tell("💬", "Nothing was paused")
	}
	for _, role := range []string{implementer, fixer, merger} {
		if scope == "" || scope == role {
			b.Wake(role)
		}
	}
	return b.tell("▶️", title(scope)+" goes on")
}

// rouse ends the rest of a coding CLI: a person knows that it is served again.
func (b *Bot) rouse(ctx context.Context, c call, engine string) (answer, error) {
	rested, err := b.Store.Rouse(ctx, engine, b.sign(ctx, c.by))
	if err != nil {
		return answer{}, err
	}
	if !rested {
		return b.tell("💬", "Resume what?", "/resume, /resume implementer, or the name of a coding CLI that rests")
	}
	b.Wake(implementer)
	b.Wake(fixer)
	return b.tell("▶️", engine+" is asked again")
}

// addRule puts a rule into the rules file and shows what changed.
func (b *Bot) addRule(ctx context.Context, c call) (answer, error) {
	rule := oneLine(c.args)
	if rule == "" && c.quoted != "" {
		return b.tell("💬", "Say the rule itself", "/addrule Keep exported names stable.", "your reply tells me what it is about")
	}
	if rule == "" {
		return b.tell("💬", "Which rule?", "/addrule Keep exported names stable.")
	}
	by := b.sign(ctx, c.by)
	provenance := "by " + by
	if c.quoted != "" {
		provenance += ", about: " + clip(80, oneLine(plain(c.quoted)))
	}
	before, after, err := rules.Add(b.RulesPath, rule, provenance, c.at)
	var refused *rules.Error
	if errors.As(err, &refused) {
		if n, kept, err := b.addedBefore(ctx, c, rule, by); err != nil || kept {
			a, tell := b.tell("📜", fmt.Sprintf("Rule %d is in force", n), rule)
			return a, errors.Join(err, tell)
		}
		return b.tell("⚠️", "Rule not added", refused.Problem, refused.Cure)
	}
	if err != nil {
		return answer{}, err
	}
	version := store.RulesVersion{Hash: after.Hash, Content: string(after.Content), Reason: addedRule + rule, ByName: by}
	if _, err := b.Store.KeepRules(ctx, version); err != nil {
		return answer{}, err
	}
	text, err := b.pages.render("rule_added", map[string]any{"Number": len(after.Rules), "Version": after.Version(), "Diff": rules.Diff(before, after), "Overlaps": rules.Overlaps(before, rule)})
	return answer{text: text}, err
}

// addedRule begins the reason of a version of the rules that a person has made in the chat.
const addedRule = "added: "

// addedBefore finishes the adding of a rule by this very call, which a crash has interrupted behind the file or the store.
func (b *Bot) addedBefore(ctx context.Context, c call, rule, by string) (number int, kept bool, err error) {
	file, err := rules.Load(b.RulesPath)
	number = len(file.Rules)
	if err != nil || number == 0 || file.Rules[number-1].Text != rule {
		return number, false, nil
	}
	last, err := b.Store.Rules(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return number, false, err
	}
	if last.Hash == file.Hash {
		return number, last.Reason == addedRule+rule && last.ByName == by && !last.At.Before(c.at), nil
	}
	kept, err = b.Store.KeepRules(ctx, store.RulesVersion{Hash: file.Hash, Content: string(file.Content), Reason: addedRule + rule, ByName: by})
	return number, kept, err
}
