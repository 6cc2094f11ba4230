package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lightsout/store"
)

// diffSeen is the diff that stood before a person at a moment.
type diffSeen struct {
	at    time.Time
	head  string
	patch string
}

func (d diffSeen) same(e diffSeen) bool {
	return d.head == e.head || d.patch == e.patch && d.patch != ""
}

// seen tells which diff of a pull request a call is about: that of the button, that of the question it answers, that of the
// message it replies to as it stood when the person wrote, or else the last that this chat had shown them by then. Only
// where the chat has shown none it is the one last read at that time. ok is false when it cannot be told; then nothing
// may be done in the name of what was seen.
func (b *Bot) seen(ctx context.Context, c call, pull int) (d diffSeen, ok bool, err error) {
	if c.tap != nil {
		return diffSeen{head: c.tap.Head, patch: c.tap.PatchID}, c.tap.Head != "", nil
	}
	if c.replyTo != 0 && c.question == nil {
		shown, err := b.shown(ctx, c.chat, c.replyTo, pull)
		if err != nil {
			return d, false, err
		}
		if len(shown) > 0 {
			d, ok = standing(shown, c.at)
			return d, ok, nil
		}
	}
	if c.question == nil {
		offers, err := b.Store.Shown(ctx, c.chat, pull)
		if err != nil {
			return d, false, err
		}
		var shown []diffSeen
		for _, o := range offers {
			shown = append(shown, offered(o, pull, o.SentAt)...)
		}
		if len(shown) > 0 {
			d, ok = standing(shown, c.at)
			return d, ok, nil
		}
	}
	story, err := b.Store.Story(ctx, 0, pull, 500)
	if err != nil {
		return d, false, err
	}
	var read []diffSeen
	for _, e := range story {
		if head := e.Data["head"]; head != "" && e.Kind != store.Approved && e.Kind != store.ApprovalEnded {
			read = append(read, diffSeen{e.At, head, e.Data["patch"]})
		}
	}
	if c.question != nil {
		// The question was asked about the diff that stood there, at an instant of our own clock.
		read = slices.DeleteFunc(read, func(d diffSeen) bool { return d.at.After(c.question.CreatedAt) })
		return read[max(len(read)-1, 0)], len(read) > 0, nil
	}
	d, ok = standing(read, c.at)
	return d, ok, nil
}

// shown returns the diffs that a message has offered for a pull request, in order.
func (b *Bot) shown(ctx context.Context, chat, message int64, pull int) ([]diffSeen, error) {
	row, err := b.Store.MessageRow(ctx, chat, message)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	versions, err := b.Store.Versions(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	var shown []diffSeen
	for i, v := range versions {
		at := v.SentAt
		switch {
		case i == 0:
			at = time.Time{} // a reply proves that the message had been there
		case v.State != store.Sent:
			continue
		}
		shown = append(shown, offered(v, pull, at)...)
	}
	return shown, nil
}

// offered is the diff of a pull request that the buttons of a message are about; none when they are about none.
func offered(o store.Outgoing, pull int, at time.Time) []diffSeen {
	for _, button := range slices.Concat(o.Buttons...) {
		if button.Pull == pull && button.Head != "" {
			return []diffSeen{{at, button.Head, button.PatchID}}
		}
	}
	return nil
}

// standing picks from a history what stood at a moment that is known to the second, as the chat service dates messages. Where
// it changed within that second it cannot be told what the person saw, and ok is false.
func standing(history []diffSeen, at time.Time) (d diffSeen, ok bool) {
	end := at.Add(time.Second)
	for _, h := range history {
		if !h.at.Before(end) {
			break
		}
		if !h.at.Before(at) && d.head != "" && !d.same(h) {
			return diffSeen{}, false
		}
		d = h
	}
	return d, d.head != ""
}

// target is the pull request or ticket that a call names: by its button, by the question it answers, whatever its words are,
// by its first word, or by the message it replies to.
func (b *Bot) target(ctx context.Context, c call) (number int, rest string, err error) {
	if c.tap != nil {
		return c.tap.Pull, "", nil
	}
	if c.question != nil {
		return c.question.Pull, c.args, nil
	}
	word, rest := cutSpace(c.args)
	if n, ok := parseNumber(word); ok {
		return n, rest, nil
	}
	if c.replyTo == 0 {
		return 0, c.args, nil
	}
	row, err := b.Store.MessageRow(ctx, c.chat, c.replyTo)
	if errors.Is(err, store.ErrNotFound) {
		return 0, c.args, nil
	}
	return row.Pull, c.args, err
}

// approve binds a person's approval to the diff that they were shown.
func (b *Bot) approve(ctx context.Context, c call) (answer, error) {
	n, rest, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if n == 0 {
		return b.candidates(ctx, c)
	}
	p, err := b.Store.Pull(ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		return b.noPull(n)
	}
	if err != nil {
		return answer{}, err
	}
	d, ok, err := b.pinned(ctx, c, p, rest)
	if err != nil {
		return answer{}, err
	}
	if !ok {
		return b.changed(p, c, d)
	}
	if c.tap == nil || c.tap.Verb != "confirm" {
		if files := b.protected(p); len(files) > 0 && d.same(diffSeen{head: p.Head, patch: p.PatchID}) {
			return b.confirm(p, files)
		}
	}
	g, err := b.Store.Approve(ctx, n, d.head, d.patch, c.from, b.sign(ctx, c.by))
	switch {
	case errors.Is(err, store.ErrNotOpen):
		a, err := b.tell(face(p.Verdict), fmt.Sprintf("#%d cannot be approved", n), "it is "+p.Verdict, p.Reason)
		a.spent, a.alert = true, true
		return a, err
	case errors.Is(err, store.ErrStale) && p.PatchID == "":
		return b.tell("🟡", fmt.Sprintf("#%d was not approved", n), "its diff has not been read yet", "try again in a moment")
	case errors.Is(err, store.ErrStale):
		return b.changed(p, c, d)
	case errors.Is(err, store.ErrAlready) && g.ByID != c.from:
		a, err := b.tell("🟢", fmt.Sprintf("#%d is approved already", n), short(g.Head)+" by "+g.ByName)
		a.spent = true
		return a, err
	case err != nil && !errors.Is(err, store.ErrAlready):
		return answer{}, err
	}
	b.Wake(merger)
	lands, err := b.lands(ctx)
	if err != nil {
		return answer{}, err
	}
	a := answer{toast: "Approved " + short(g.Head) + ", " + lands, spent: true}
	if c.tap == nil {
		a.text, err = b.pages.render("approved", map[string]any{"Pull": p, "Head": g.Head, "Lands": lands})
	}
	return a, err
}

// lands is when what is approved now lands.
func (b *Bot) lands(ctx context.Context) (string, error) {
	if b.Observe {
		return "and nothing merges: I am observing only", nil
	}
	pause, paused, err := b.Store.PausedFor(ctx, merger)
	if paused {
		return "merging when green and no longer paused (" + b.until(pause.Until) + ")", err
	}
	return "merging when green", err
}

// pinned is what seen tells, unless the call names the commit: then it must be the one that stands there.
func (b *Bot) pinned(ctx context.Context, c call, p store.Pull, rest string) (diffSeen, bool, error) {
	word, _ := cutSpace(rest)
	if sha, ok := parseSHA(word); ok && c.tap == nil {
		return diffSeen{head: p.Head, patch: p.PatchID}, strings.HasPrefix(p.Head, sha), nil
	}
	return b.seen(ctx, c, p.Number)
}

// changed tells that another diff stands there by now, and asks again about that one.
func (b *Bot) changed(p store.Pull, c call, d diffSeen) (answer, error) {
	text, err := b.pages.render("changed", map[string]any{"Pull": p, "Seen": d.head})
	a := answer{text: text, pull: p.Number, alert: true, toast: fmt.Sprintf("#%d has changed since: it is at %s now. Nothing was done.", p.Number, short(p.Head))}
	if approvable(p, nil) {
		a.buttons = offer(p, c.by.Role, "approve", "diff")
	}
	return a, err
}

func (b *Bot) protected(p store.Pull) []string {
	if b.Protected == nil {
		return nil
	}
	return b.Protected(p.Files)
}

// confirm asks for the second tap that a change of protected files needs.
func (b *Bot) confirm(p store.Pull, files []string) (answer, error) {
	text, err := b.pages.render("confirm", map[string]any{"Pull": p, "Files": files[:min(len(files), 10)], "More": max(len(files)-10, 0)})
	button := store.Button{Text: "✅ Approve " + short(p.Head) + " all the same", Verb: "confirm", Head: p.Head, PatchID: p.PatchID, Once: true}
	return answer{text: text, toast: "It touches protected files: confirm below", pull: p.Number, buttons: [][]store.Button{{button}}}, err
}

// candidates offers what could be approved, for somebody who did not say what.
func (b *Bot) candidates(ctx context.Context, c call) (answer, error) {
	pulls, err := b.Store.Pulls(ctx)
	if err != nil {
		return answer{}, err
	}
	grants, err := b.Store.Grants(ctx)
	if err != nil {
		return answer{}, err
	}
	pulls = slices.DeleteFunc(pulls, func(p store.Pull) bool { return !approvable(p, grantOf(grants, p)) })
	slices.SortStableFunc(pulls, func(x, y store.Pull) int { return rank(x) - rank(y) })
	if len(pulls) == 0 {
		return b.tell("💤", "Nothing waits for an approval")
	}
	pulls = pulls[:min(len(pulls), 10)]
	text, err := b.pages.render("candidates", map[string]any{"Pulls": pulls})
	a := answer{text: text}
	for _, p := range pulls {
		a.buttons = append(a.buttons, []store.Button{{Text: fmt.Sprintf("✅ #%d at %s", p.Number, short(p.Head)), Verb: "approve", Pull: p.Number, Head: p.Head, PatchID: p.PatchID, Once: true}})
	}
	return a, err
}

// rank puts what is ready first.
func rank(p store.Pull) int {
	if p.Verdict == store.Ready {
		return 0
	}
	return 1
}

func grantOf(grants []store.Grant, p store.Pull) *store.Grant {
	for i := range grants {
		if grants[i].Pull == p.Number {
			return &grants[i]
		}
	}
	return nil
}

// unapprove takes an approval back.
func (b *Bot) unapprove(ctx context.Context, c call) (answer, error) {
	n, _, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if n == 0 {
		return b.tell("💬", "Which one?", "/unapprove 42, or reply to its card")
	}
	err = b.Store.EndGrant(ctx, n, store.ApprovalWithdrawn, "withdrawn by "+b.sign(ctx, c.by))
	if errors.Is(err, store.ErrNotFound) {
		return b.tell("💬", fmt.Sprintf("#%d is not approved", n))
	}
	if err != nil {
		return answer{}, err
	}
	b.Wake(merger)
	return b.tell("🟢", fmt.Sprintf("#%d is no longer approved", n), "it waits for a person again")
}

// reject sends a pull request back to the Fixer with a person's reason.
func (b *Bot) reject(ctx context.Context, c call) (answer, error) {
	n, reason, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if n == 0 {
		return b.tell("💬", "Which one, and why?", "/reject 42 the export drops quotes")
	}
	p, err := b.Store.Pull(ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		return b.noPull(n)
	}
	if err != nil {
		return answer{}, err
	}
	switch p.Verdict {
	case store.Landed, store.Closed, store.GivenUp, store.Foreign:
		a, err := b.tell(face(p.Verdict), fmt.Sprintf("#%d cannot be rejected", n), "it is "+p.Verdict, p.Reason)
		a.alert = true
		return a, err
	}
	d, ok, err := b.seen(ctx, c, n)
	if err != nil {
		return answer{}, err
	}
	if !ok || !d.same(diffSeen{head: p.Head, patch: p.PatchID}) {
		return b.changed(p, c, d)
	}
	if reason == "" {
		text, err := b.pages.render("reason", map[string]any{"Pull": p})
		return answer{text: text, toast: "Why? Reply to the question below", pull: n, topic: reasonTopic}, err
	}
	by := b.sign(ctx, c.by)
	request := store.Request{Key: c.key("reject"), Kind: store.RequestReject, Role: fixer, Ticket: p.Ticket, Pull: n, Head: p.Head, Text: clip(2000, visible(reason)),
		ByID: c.from, ByName: by, Chat: c.chat, Message: c.message}
	if err := b.Store.Ask(ctx, request); err != nil {
		return answer{}, err
	}
	if err := b.Store.EndGrant(ctx, n, store.ApprovalVoid, rejectedBy+by); err != nil && !errors.Is(err, store.ErrNotFound) {
		return answer{}, err
	}
	b.Wake(fixer)
	attempt := ""
	if p.Attempts < repairs {
		attempt = fmt.Sprintf("attempt %d/%d", p.Attempts+1, repairs)
	}
	return b.tell("🔧", fmt.Sprintf("#%d goes back to the Fixer", n), attempt)
}

// rejectedBy begins the reason of an approval that ended because a person rejected the diff: nobody need be asked again.
const rejectedBy = "rejected by "

// sign is the name under which a person's deeds are kept. It is theirs alone: two people of one name are told apart.
func (b *Bot) sign(ctx context.Context, p store.Person) string {
	people, err := b.Store.People(ctx)
	if err != nil {
		return p.Name
	}
	return signature(people, p)
}

func signature(people []store.Person, p store.Person) string {
	for _, other := range people {
		if other.ID != p.ID && other.Name == p.Name {
			return fmt.Sprintf("%s (%d)", p.Name, p.ID)
		}
	}
	return p.Name
}
