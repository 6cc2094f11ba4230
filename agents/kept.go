package agents

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/isolation"
	"lightsout/agents/process"
	"lightsout/agents/worktree"
	"lightsout/rules"
	"lightsout/store"
)

// keptName names the unfinished work on a ticket as its text is: what was begun for another text is not gone on with.
func keptName(ticket int, hash string) string { return fmt.Sprintf("%d-%.16s", ticket, hash) }

// setAside decides what becomes of work that is not published. Where the code failed, the next session begins anew. Whatever
// else ended it, a person, the daemon's end, a budget, a provider, a red base or an error, says nothing of the work: what
// stands is kept, and the next session of the ticket goes on with it.
func (f *Factory) setAside(ctx context.Context, a assignment, task rules.Task, err error) error {
	var back *setback
	switch errors.As(err, &back); {
	case err == nil: // proven: it is published
		return nil
	case errors.Is(err, store.ErrLost): // the ticket is somebody else's by now, and so is what is kept of it
		return nil
	case back != nil && back.code:
		return f.dropKept(ctx, a.ticket.Number)
	}
	said := f.keepWork(ctx, a, task)
	if back != nil {
		back.reason = strings.TrimPrefix(back.reason+"; "+said, "; ")
	}
	return nil
}

// keepWork takes what an interrupted session has left, once all of its processes are gone, and says in words what became of it.
func (f *Factory) keepWork(ctx context.Context, a assignment, task rules.Task) string {
	text, err := readText(task.TextFile)
	var head string
	if err == nil {
		head, err = f.Mirror.Take(ctx, f.worktreeDir(a.ticket.Number), f.redact(a.message(f.Settings.Base)))
	}
	if err == nil && head == a.start {
		return "it had changed nothing yet"
	}
	if err == nil {
		err = f.Mirror.Keep(ctx, keptName(a.ticket.Number, textHash(a.ticket)), head, f.redact(a.message(f.Settings.Base)+"\n\n"+text))
	}
	if err != nil {
		f.Log.Warn("the work of an interrupted session is lost", "ticket", a.ticket.Number, "error", err)
		return "its work could not be kept: " + limitLine(err.Error(), 200)
	}
	return "its work is kept"
}

// goOn lays out what an interrupted session has left of the same ticket, and tells the next one of it.
func (f *Factory) goOn(ctx context.Context, a assignment, task *rules.Task) error {
	all, err := f.Mirror.Kept(ctx)
	if err != nil {
		return err
	}
	commit, found := all[keptName(a.ticket.Number, textHash(a.ticket))]
	if !found {
		return nil
	}
	fits, err := f.Mirror.Continue(ctx, f.worktreeDir(a.ticket.Number), commit)
	if broken(err) {
		return errors.Join(err, f.dropKept(ctx, a.ticket.Number)) // the next run begins anew
	}
	if err != nil || !fits {
		return err
	}
	message, err := f.Mirror.Message(ctx, commit)
	if err != nil {
		return err
	}
	if _, text, _ := strings.Cut(message, "\n\n"); strings.TrimSpace(text) != "" {
		if err := os.WriteFile(task.TextFile, []byte(text), 0o600); err != nil {
			return fmt.Errorf("lay out the pull request text: %w", err)
		}
	}
	const unfinished = "The session before was interrupted. What it had done stands in this directory, unchecked: look at it, then go on with it."
	task.Evidence = strings.TrimSpace(task.Evidence + "\n\n" + unfinished)
	return nil
}

// broken tells that git will not have a commit, however often it is asked.
func broken(err error) bool {
	var exit *process.ExitError
	return errors.As(err, &exit) && exit.Signal == "" || errors.Is(err, worktree.ErrNoRevision)
}

// dropKept forgets the unfinished work on a ticket: it is on its way out, or came to nothing.
func (f *Factory) dropKept(ctx context.Context, ticket int) error {
	all, err := f.Mirror.Kept(ctx)
	for name := range all {
		if number, _ := keptTicket(name); number == ticket {
			err = errors.Join(err, f.Mirror.Drop(ctx, name))
		}
	}
	return err
}

// dropStaleKept forgets unfinished work that nobody goes on with any more: its ticket is closed, gone or has another text, or
// it is older than logs are kept. Where that cannot be read, it stays.
func (h *Housekeeper) dropStaleKept(ctx context.Context, before time.Time) error {
	all, err := h.Mirror.Kept(ctx)
	for name, commit := range all {
		stale, unread := h.staleKept(ctx, name, commit, before)
		if err = errors.Join(err, unread); stale {
			err = errors.Join(err, h.Mirror.Drop(ctx, name))
		}
	}
	return err
}

func (h *Housekeeper) staleKept(ctx context.Context, name, commit string, before time.Time) (bool, error) {
	number, err := keptTicket(name)
	if err != nil {
		return true, nil // no name of ours
	}
	at, err := h.Mirror.Committed(ctx, commit)
	if broken(err) {
		return true, nil
	}
	if err != nil || at.Before(before) {
		return err == nil, err
	}
	t, err := h.Forge.Ticket(ctx, number)
	if errors.Is(err, forge.ErrNotFound) {
		return true, nil
	}
	return err == nil && (!t.Open || name != keptName(number, textHash(t))), err
}

func keptTicket(name string) (int, error) {
	number, _, _ := strings.Cut(name, "-")
	return strconv.Atoi(number)
}

// preferKept lets a ticket whose work was interrupted go before the ranking.
func (i *Implementer) preferKept(ctx context.Context, d isolation.Decision, tickets []forge.Ticket) (isolation.Decision, error) {
	all, err := i.Mirror.Kept(ctx)
	if err != nil || len(all) == 0 {
		return d, err
	}
	hashes := map[int]string{}
	for _, t := range tickets {
		hashes[t.Number] = textHash(t)
	}
	at := slices.IndexFunc(d.Ranked, func(c isolation.Candidate) bool {
		_, kept := all[keptName(c.Ticket.Number, hashes[c.Ticket.Number])]
		return kept && c.Refused == ""
	})
	if at >= 0 {
		d.Picked = &d.Ranked[at]
	}
	return d, nil
}
