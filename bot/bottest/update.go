package bottest

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Limits of getUpdates, from the Bot API documentation and the public source of the Bot API server.
const (
	maxBatch   = 100
	maxPoll    = 50 * time.Second // a longer timeout is cut to this
	updateLife = 24 * time.Hour   // "incoming updates are stored … not longer than 24 hours"
)

// updateKind tells whether allowed_updates may name a kind, and whether it comes without being named.
func updateKind(kind string) (known, byDefault bool) {
	switch kind {
	case "message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
		"edited_business_message", "deleted_business_messages", "inline_query", "chosen_inline_result", "callback_query",
		"shipping_query", "pre_checkout_query", "purchased_paid_media", "poll", "poll_answer", "my_chat_member",
		"chat_join_request", "chat_boost", "removed_chat_boost":
		return true, true
	case "chat_member", "message_reaction", "message_reaction_count":
		return true, false
	}
	return false, false
}

// updateQueue holds what the bot has not confirmed.
type updateQueue struct {
	next      int64    // id of the next update
	confirmed int64    // every update below it has been confirmed
	allowed   []string // nil means the default kinds
	pending   []update
	done      []update // confirmed ones, kept for Redeliver
	again     []update // to be given once more
}

type update struct {
	id   int64
	at   time.Time
	body json.RawMessage
}

// poll is one getUpdates that waits.
type poll struct{ ended chan *apiError }

// pushUpdate queues an update unless the bot has not asked for its kind, and returns its id; the lock is held.
func (s *Server) pushUpdate(kind string, body any) int64 {
	q := &s.updates
	if _, byDefault := updateKind(kind); q.allowed == nil && !byDefault || q.allowed != nil && !slices.Contains(q.allowed, kind) {
		return 0
	}
	raw, err := json.Marshal(map[string]any{"update_id": q.next, kind: body})
	if err != nil {
		s.note("getUpdates: a %s that is no JSON: %v", kind, err)
		return 0
	}
	q.pending = append(q.pending, update{id: q.next, at: s.now(), body: raw})
	q.next++
	return q.next - 1
}

// Pending counts the updates that the bot has not confirmed.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.updates.pending)
}

// Redeliver makes the next getUpdates give the last n confirmed updates once more, with their old ids, whatever its offset says. A
// bot that takes every update for a new one does things twice.
func (s *Server) Redeliver(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.updates
	q.again = append(q.again, q.done[max(0, len(q.done)-n):]...)
	s.wake()
}

// confirm drops the updates below the offset, and those too old; the lock is held.
func (s *Server) confirm(offset int64) {
	q := &s.updates
	cut := s.now().Add(-updateLife)
	q.pending = slices.DeleteFunc(q.pending, func(u update) bool {
		if u.id < offset {
			q.done = append(q.done, u)
		}
		return u.id < offset || u.at.Before(cut)
	})
	if offset > q.confirmed {
		for _, m := range s.messages {
			if m.update >= q.confirmed && m.update != 0 && m.update < offset {
				m.version = s.touch()
			}
		}
		q.confirmed = min(offset, q.next)
		s.wake()
	}
}

// pollRequest is a checked getUpdates.
type pollRequest struct {
	offset  int64
	limit   int
	timeout time.Duration
}

// beginPoll checks the parameters and the webhook.
func (s *Server) beginPoll(p *params) (pollRequest, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.webhook != "" {
		return pollRequest{}, conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	}
	r := pollRequest{limit: maxBatch}
	if n, ok := p.integer("offset"); ok {
		r.offset = n
	}
	if n, ok := p.integer("limit"); ok {
		if n < 1 || n > maxBatch {
			s.note("getUpdates: limit %d, it goes from 1 to %d", n, maxBatch)
		}
		r.limit = int(min(max(n, 1), maxBatch))
	}
	if n, ok := p.integer("timeout"); ok {
		r.timeout = min(time.Duration(max(n, 0))*time.Second, maxPoll)
	}
	if p.has("allowed_updates") {
		var kinds []string
		if err := p.json("allowed_updates", &kinds); err != nil {
			return r, badRequest("can't parse allowed_updates JSON object")
		}
		for _, kind := range kinds {
			if known, _ := updateKind(kind); !known {
				s.note("getUpdates: allowed_updates names %q", kind)
			}
		}
		s.updates.allowed = kinds // an empty list means the default kinds, as documented
		if len(kinds) == 0 {
			s.updates.allowed = nil
		}
	}
	if r.offset < 0 { // from the end of the queue, forgetting all before
		r.offset = max(s.updates.next+r.offset, s.updates.confirmed)
	}
	return r, nil
}

// confirms tells whether a poll with this offset would confirm anything.
func (s *Server) confirms(offset int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.updates.pending, func(u update) bool { return u.id < offset })
}

// finishPoll waits for updates and returns them. The second of two polls takes the place of the first, which gets the conflict.
func (s *Server) finishPoll(ctx context.Context, r pollRequest) (any, *apiError) {
	timer := time.NewTimer(r.timeout)
	defer timer.Stop()
	me := &poll{ended: make(chan *apiError, 1)}
	s.mu.Lock()
	s.endPoll(conflict("terminated by other getUpdates request; make sure that only one bot instance is running"))
	s.poll = me
	s.wake()
	for over := r.timeout == 0; ; {
		select {
		case e := <-me.ended:
			s.mu.Unlock()
			return nil, e
		default:
		}
		batch := s.batch(r)
		if len(batch) > 0 || over {
			s.poll, s.lastPoll = nil, s.now()
			s.wake()
			s.mu.Unlock()
			return batch, nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			over = true
		case <-s.closed:
			over = true
		}
		s.mu.Lock()
	}
}

// batch is what a poll gets now; the lock is held.
func (s *Server) batch(r pollRequest) []json.RawMessage {
	q := &s.updates
	batch := []json.RawMessage{}
	for _, u := range q.again {
		batch = append(batch, u.body)
	}
	q.again = nil
	for _, u := range q.pending {
		if u.id >= r.offset && len(batch) < r.limit {
			batch = append(batch, u.body)
		}
	}
	return batch
}

// endPoll ends the poll that waits, if any; the lock is held.
func (s *Server) endPoll(e *apiError) {
	if s.poll != nil {
		s.poll.ended <- e
		s.poll, s.lastPoll = nil, s.now()
	}
}

// SetWebhook sets a webhook as another program with the same token would, or removes it with "". It blocks getUpdates.
func (s *Server) SetWebhook(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhook = url
	if url != "" {
		s.endPoll(conflict("terminated by setWebhook request"))
	}
	s.wake()
}

func (s *Server) setWebhook(p *params) (any, *apiError) {
	s.webhook = p.string("url")
	s.dropPending(p)
	if s.webhook != "" {
		s.endPoll(conflict("terminated by setWebhook request"))
	}
	return true, nil
}

func (s *Server) deleteWebhook(p *params) (any, *apiError) {
	s.webhook = ""
	s.dropPending(p)
	return true, nil
}

func (s *Server) dropPending(p *params) {
	if p.flag("drop_pending_updates") {
		s.confirm(s.updates.next)
	}
}

func (s *Server) getWebhookInfo(*params) (any, *apiError) {
	info := map[string]any{"url": s.webhook, "has_custom_certificate": false, "pending_update_count": len(s.updates.pending)}
	if s.updates.allowed != nil {
		info["allowed_updates"] = s.updates.allowed
	}
	return info, nil
}
