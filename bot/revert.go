package bot

import (
	"context"
	"errors"
	"fmt"

	"lightsout/store"
)

// revert asks the Merger to prepare a pull request that takes a merge back. It lands like any other: green and approved.
func (b *Bot) revert(ctx context.Context, c call) (answer, error) {
	n, _, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if n == 0 {
		return b.tell("💬", "Which one?", "/revert 42 takes the merge of #42 back")
	}
	p, err := b.Store.Pull(ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		return b.noPull(n)
	}
	if err != nil {
		return answer{}, err
	}
	if p.Verdict != store.Landed {
		return b.tell(face(p.Verdict), fmt.Sprintf("#%d cannot be reverted", n), "it is "+p.Verdict+", not merged")
	}
	asked, err := b.Store.Asked(ctx, store.RequestRevert)
	if err != nil {
		return answer{}, err
	}
	for _, r := range asked {
		if r.Pull == n && r.Key != c.key("revert") {
			a, err := b.tell("↩️", fmt.Sprintf("A revert of #%d is being prepared", n), "asked by "+r.ByName)
			a.spent = true
			return a, err
		}
	}
	request := store.Request{Key: c.key("revert"), Kind: store.RequestRevert, Role: merger, Ticket: p.Ticket, Pull: n, Head: p.MergedSHA, ByID: c.from, ByName: b.sign(ctx, c.by), Chat: c.chat, Message: c.message}
	if err := b.Store.Ask(ctx, request); err != nil {
		return answer{}, err
	}
	b.Wake(merger)
	facts := []string{"it comes as a pull request", "nothing lands without an approval"}
	if pause, paused, err := b.Store.PausedFor(ctx, merger); err != nil {
		return answer{}, err
	} else if paused {
		facts = []string{"the Merger is paused by " + pause.ByName, "it comes after /resume"}
	}
	a, err := b.tell("↩️", fmt.Sprintf("Preparing a revert of #%d", n), facts...)
	a.spent = true
	return a, err
}
