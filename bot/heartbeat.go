package bot

import (
	"context"
	"errors"
	"strings"
	"time"

	"lightsout/store"
)

const heartbeatTopic = "heartbeat"

// sameBeat is how long a heartbeat that says the same again is the one before, brought up to date. It is shorter than
// the way from one idle cycle to the next: there each comes as a message of its own, and its absence means trouble.
const sameBeat = 10 * time.Minute

// placeHeartbeat decides where a heartbeat stands: in place of the one before where that says the same and is fresh, or
// has not left; else as a message of its own, and the one before is deleted if nothing was said since.
func (b *Bot) placeHeartbeat(ctx context.Context, o store.Outgoing) ([]store.Outgoing, error) {
	before, err := b.Store.LastAbout(ctx, o.Chat, heartbeatTopic)
	if errors.Is(err, store.ErrNotFound) || err == nil && before.State == store.Dead {
		return []store.Outgoing{fit(o)}, nil
	}
	if err != nil {
		return nil, err
	}
	last, err := b.Store.LastSpoken(ctx, o.Chat)
	if err != nil {
		return nil, err
	}
	versions, err := b.Store.Versions(ctx, before.ID)
	if err != nil {
		return nil, err
	}
	stands := versions[len(versions)-1].Text
	fresh := firstLine(stands) == firstLine(o.Text) && b.Store.Now().Sub(before.CreatedAt) < sameBeat
	switch {
	case fresh && stands == o.Text:
		return nil, nil
	case fresh, last.ID == before.ID && before.State == store.Queued && before.Attempts == 0:
		o.Kind, o.TargetRow = store.Edit, before.ID
		return []store.Outgoing{fit(o)}, nil
	case last.ID == before.ID:
		return []store.Outgoing{{Key: o.Key + ":before", Chat: o.Chat, Kind: store.Delete, TargetRow: before.ID}, fit(o)}, nil
	}
	return []store.Outgoing{fit(o)}, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
