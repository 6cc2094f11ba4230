package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// The kinds of outgoing call.
const (
	Send     = "send"
	Edit     = "edit"
	Delete   = "delete"
	SendFile = "document"
	React    = "reaction"
)

// The states of an outgoing call.
const (
	Queued   = "queued"
	Sent     = "sent"
	Replaced = "replaced" // a newer edit took its place before it left
	Dead     = "dead"     // refused for good; Error says why
)

// Button is one inline button. A button with a Verb gets a token of its own when the row is written, and its callback
// data is "v1:<verb>:<nonce>".
type Button struct {
	Text    string `json:"text"`
	URL     string `json:"url,omitempty"`
	Verb    string `json:"verb,omitempty"`
	Head    string `json:"head,omitempty"` // what the person is shown, bound to the button
	PatchID string `json:"patch_id,omitempty"`
	Pull    int    `json:"pull,omitempty"` // where it is another than the message's
	Once    bool   `json:"once,omitempty"` // the token serves a single tap
	Nonce   string `json:"nonce,omitempty"`
}

// Outgoing is one call to the chat service, queued until it is known to have arrived.
type Outgoing struct {
	ID           int64
	Key          string // unique: what makes a message once
	Chat         int64
	Thread       int
	Kind         string
	Topic        string // card, ready, heartbeat …; "" for answers
	Pull         int    // what it is about, so that a reply to it is understood
	Text         string // HTML
	Buttons      [][]Button
	ReplyTo      int64  // message id
	ReplyRow     int64  // outbox row whose message is replied to
	TargetRow    int64  // outbox row whose message is edited or deleted
	Document     string // what the file holds; emptied once it has arrived
	DocumentName string
	Silent       bool
	State        string
	Attempts     int
	NotBefore    time.Time
	MessageID    int64
	Error        string
	CreatedAt    time.Time
	SentAt       time.Time
}

const outgoingColumns = `id, key, chat, thread, kind, topic, pull, text, buttons, reply_to, reply_row, target_row, document, document_name, silent, state,
	attempts, not_before, message_id, error, created_at, sent_at`

func scanOutgoing(scan func(...any) error) (Outgoing, error) {
	var o Outgoing
	return o, scan(&o.ID, &o.Key, &o.Chat, &o.Thread, &o.Kind, &o.Topic, &o.Pull, &o.Text, document{&o.Buttons}, &o.ReplyTo, &o.ReplyRow, &o.TargetRow,
		&o.Document, &o.DocumentName, &o.Silent, &o.State, &o.Attempts, moment{&o.NotBefore}, &o.MessageID, &o.Error, moment{&o.CreatedAt}, moment{&o.SentAt})
}

// CardTopic marks the live card of a pull request: the row becomes the one that later edits aim at.
const CardTopic = "card"

// LiveTopic marks an edit that shows how far something is. Of those that have arrived the last alone is kept.
const LiveTopic = "live"

// Enqueue keeps outgoing calls in order. A key that stands there already is the same call: it is left alone. An edit
// whose message has not left yet changes that message instead; an older edit that has not left is replaced.
func (s *Store) Enqueue(ctx context.Context, out ...Outgoing) error {
	return s.update(ctx, "queue messages", func(tx *sql.Tx) error { return s.enqueue(ctx, tx, out) })
}

// Publish keeps outgoing calls made from events and moves the consumer's cursor to upTo, in one transaction: an event
// becomes its messages exactly once.
func (s *Store) Publish(ctx context.Context, consumer string, upTo int64, out []Outgoing) error {
	return s.update(ctx, "publish events", func(tx *sql.Tx) error {
		if err := s.enqueue(ctx, tx, out); err != nil {
			return err
		}
		return setSetting(ctx, tx, s.repo+" cursor "+consumer, strconv.FormatInt(upTo, 10))
	})
}

func (s *Store) enqueue(ctx context.Context, tx *sql.Tx, out []Outgoing) error {
	for _, o := range out {
		if err := s.enqueueOne(ctx, tx, o); err != nil {
			return fmt.Errorf("%s: %w", o.Key, err)
		}
	}
	return nil
}

func (s *Store) enqueueOne(ctx context.Context, tx *sql.Tx, o Outgoing) error {
	_, err := one(ctx, tx, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE key=?", o.Key)
	if err == nil {
		return nil
	}
	if !isNotFound(err) {
		return err
	}
	if err := s.name(ctx, tx, o); err != nil {
		return err
	}
	buttons, err := encode(o.Buttons)
	if err != nil {
		return err
	}
	now := millis(s.now())
	if o.Kind == Edit {
		merged, err := touches(tx.ExecContext(ctx, "UPDATE outbox SET text=?, buttons=? WHERE id=? AND kind='send' AND state='queued' AND attempts=0", o.Text, buttons, o.TargetRow))
		if err != nil {
			return err
		}
		if merged {
			return s.putTokens(ctx, tx, o.TargetRow, o, now)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE outbox SET state='replaced' WHERE target_row=? AND kind='edit' AND state='queued'", o.TargetRow); err != nil {
			return err
		}
		const old = "DELETE FROM outbox WHERE target_row=?1 AND topic=?2 AND state IN ('sent','replaced') AND id<(SELECT MAX(id) FROM outbox WHERE target_row=?1 AND topic=?2 AND state='sent')"
		if _, err := tx.ExecContext(ctx, old, o.TargetRow, LiveTopic); err != nil {
			return err
		}
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO outbox (key, repo, chat, thread, kind, topic, pull, text, buttons, reply_to, reply_row, target_row, document, document_name,
		silent, state, attempts, not_before, message_id, error, created_at, sent_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'queued',0,0,0,'',?,0)`,
		o.Key, s.repo, o.Chat, o.Thread, o.Kind, o.Topic, o.Pull, o.Text, buttons, o.ReplyTo, o.ReplyRow, o.TargetRow, o.Document, o.DocumentName, o.Silent, now)
	if err != nil {
		return err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	if o.Kind == Send && o.Topic == CardTopic {
		_, err := tx.ExecContext(ctx, "INSERT INTO card (repo, chat, pull, row) VALUES (?,?,?,?) ON CONFLICT (repo, chat, pull) DO UPDATE SET row=excluded.row", s.repo, o.Chat, o.Pull, id)
		if err != nil {
			return err
		}
	}
	owner := id
	if o.Kind == Edit {
		owner = o.TargetRow
	}
	return s.putTokens(ctx, tx, owner, o, now)
}

// name gives every button its nonce. A button that stands on the edited message already and means the same keeps the
// one it has, so that a tap which crosses the edit is not lost.
func (s *Store) name(ctx context.Context, tx *sql.Tx, o Outgoing) error {
	var live []Token
	if o.Kind == Edit {
		var err error
		if live, err = liveTokens(ctx, tx, o.TargetRow); err != nil {
			return err
		}
	}
	for _, line := range o.Buttons {
		for i := range line {
			b := &line[i]
			if b.Verb == "" {
				continue
			}
			if b.Pull == 0 {
				b.Pull = o.Pull
			}
			b.Nonce = rand.Text()
			for _, t := range live {
				if t.Verb == b.Verb && t.Pull == b.Pull && t.Head == b.Head && t.PatchID == b.PatchID && t.Once == b.Once {
					b.Nonce = t.Nonce
				}
			}
		}
	}
	return nil
}

// putTokens makes the buttons of a message the only live ones of that message: what it showed before is dead.
func (s *Store) putTokens(ctx context.Context, tx *sql.Tx, row int64, o Outgoing, now int64) error {
	shown := map[string]bool{}
	for _, line := range o.Buttons {
		for _, b := range line {
			if b.Verb == "" {
				continue
			}
			shown[b.Nonce] = true
			_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO token (nonce, verb, row, pull, head, patch_id, once, created_at, used_at, used_by) VALUES (?,?,?,?,?,?,?,?,0,0)",
				b.Nonce, b.Verb, row, b.Pull, b.Head, b.PatchID, b.Once, now)
			if err != nil {
				return err
			}
		}
	}
	if o.Kind != Edit {
		return nil
	}
	live, err := liveTokens(ctx, tx, row)
	if err != nil {
		return err
	}
	for _, t := range live {
		if shown[t.Nonce] {
			continue
		}
		if _, err := tx.ExecContext(ctx, "UPDATE token SET used_at=? WHERE nonce=?", now, t.Nonce); err != nil {
			return err
		}
	}
	return nil
}

// liveTokens are the buttons of a row's message that a tap may still use.
func liveTokens(ctx context.Context, q queryer, row int64) ([]Token, error) {
	return all(ctx, q, scanToken, `SELECT t.nonce, t.verb, t.pull, t.head, t.patch_id, t.once, o.chat, o.message_id, t.used_at, t.used_by
		FROM token t JOIN outbox o ON o.id=t.row WHERE t.row=? AND t.used_at=0`, row)
}

func touches(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// NextOutgoing returns the queued call of every chat that is first: the oldest, but what says something new goes before
// what edits. A later one of the same chat must wait for it, so that order is kept. A call whose NotBefore has not come is returned too: it blocks its chat, and tells until when.
func (s *Store) NextOutgoing(ctx context.Context) ([]Outgoing, error) {
	out, err := all(ctx, s.write, scanOutgoing, "SELECT "+outgoingColumns+` FROM outbox WHERE id IN (
		SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY chat ORDER BY kind='edit', id) AS place FROM outbox WHERE state='queued' AND repo=?) WHERE place=1) ORDER BY id`, s.repo)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return out, nil
}

// Outgoing returns one row of the outbox.
func (s *Store) Outgoing(ctx context.Context, id int64) (Outgoing, error) {
	return one(ctx, s.write, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE id=?", id)
}

// Card returns the outbox row of a pull request's live card in a chat, or ErrNotFound.
func (s *Store) Card(ctx context.Context, chat int64, pull int) (Outgoing, error) {
	return one(ctx, s.read, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE id=(SELECT row FROM card WHERE repo=? AND chat=? AND pull=?)", s.repo, chat, pull)
}

// MessageRow returns the outbox row that became a message, or ErrNotFound.
func (s *Store) MessageRow(ctx context.Context, chat, message int64) (Outgoing, error) {
	return one(ctx, s.read, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE chat=? AND message_id=? AND kind IN ('send','document') AND message_id>0", chat, message)
}

// Keyed returns the row with that key, or ErrNotFound.
func (s *Store) Keyed(ctx context.Context, key string) (Outgoing, error) {
	return one(ctx, s.read, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE key=?", key)
}

// Versions returns what the message of a row has said: the row itself, then its edits in order, without those that were
// replaced or refused before anybody saw them.
func (s *Store) Versions(ctx context.Context, row int64) ([]Outgoing, error) {
	out, err := all(ctx, s.read, scanOutgoing, "SELECT "+outgoingColumns+
		" FROM outbox WHERE id=? OR (target_row=? AND kind='edit' AND state IN ('queued','sent')) ORDER BY id", row, row)
	if err != nil {
		return nil, fmt.Errorf("read versions of message %d: %w", row, err)
	}
	return out, nil
}

// Shown returns what a chat was sent about a pull request, with buttons, in the order in which it arrived there.
func (s *Store) Shown(ctx context.Context, chat int64, pull int) ([]Outgoing, error) {
	out, err := all(ctx, s.read, scanOutgoing, "SELECT "+outgoingColumns+` FROM outbox WHERE repo=? AND chat=? AND state='sent' AND buttons<>'[]'
		AND (pull=? OR id IN (SELECT row FROM token WHERE pull=?)) ORDER BY sent_at, id`, s.repo, chat, pull, pull)
	if err != nil {
		return nil, fmt.Errorf("read what was shown of #%d: %w", pull, err)
	}
	return out, nil
}

// Offered returns the messages, live cards apart, that have had a button of that verb about a pull request.
func (s *Store) Offered(ctx context.Context, pull int, verb string) ([]Outgoing, error) {
	out, err := all(ctx, s.read, scanOutgoing, "SELECT "+outgoingColumns+` FROM outbox WHERE repo=? AND topic<>'card'
		AND id IN (SELECT row FROM token WHERE pull=? AND verb=?) ORDER BY id`, s.repo, pull, verb)
	if err != nil {
		return nil, fmt.Errorf("read messages with buttons about #%d: %w", pull, err)
	}
	return out, nil
}

// LastSpoken returns the newest message queued or sent to a chat, or ErrNotFound.
func (s *Store) LastSpoken(ctx context.Context, chat int64) (Outgoing, error) {
	return one(ctx, s.read, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE repo=? AND chat=? AND kind IN ('send','document') ORDER BY id DESC LIMIT 1", s.repo, chat)
}

// LastAbout returns the newest message of a topic queued or sent to a chat, or ErrNotFound. One that has been deleted
// is none.
func (s *Store) LastAbout(ctx context.Context, chat int64, topic string) (Outgoing, error) {
	return one(ctx, s.read, scanOutgoing, "SELECT "+outgoingColumns+` FROM outbox WHERE repo=? AND chat=? AND topic=? AND kind IN ('send','document')
		AND id NOT IN (SELECT target_row FROM outbox WHERE kind='delete') ORDER BY id DESC LIMIT 1`, s.repo, chat, topic)
}

// Backlog counts the calls waiting to leave and the updates waiting to be handled.
func (s *Store) Backlog(ctx context.Context) (outgoing, incoming int, err error) {
	counts, err := one(ctx, s.read, func(scan func(...any) error) ([2]int, error) {
		var c [2]int
		return c, scan(&c[0], &c[1])
	}, "SELECT (SELECT COUNT(*) FROM outbox WHERE state='queued'), (SELECT COUNT(*) FROM inbox WHERE handled_at=0)")
	if err != nil {
		return 0, 0, fmt.Errorf("read backlog: %w", err)
	}
	return counts[0], counts[1], nil
}

// Depart counts one attempt to make a call, right before it is made, and returns the call as it stands then. From here
// on an edit of its message becomes a call of its own: what is under way can no longer be changed.
func (s *Store) Depart(ctx context.Context, id int64) (Outgoing, error) {
	var o Outgoing
	err := s.update(ctx, "send message", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE outbox SET attempts=attempts+1 WHERE id=?", id); err != nil {
			return err
		}
		var err error
		o, err = one(ctx, tx, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE id=?", id)
		return err
	})
	return o, err
}

// MarkSent closes a call that arrived, with the id of the message that it made (0 for others).
func (s *Store) MarkSent(ctx context.Context, id, messageID int64) error {
	return s.settle(ctx, id, "state='sent', document='', error='', message_id=?, sent_at=?", messageID, millis(s.now()))
}

// MarkRetry keeps a call queued until notBefore.
func (s *Store) MarkRetry(ctx context.Context, id int64, notBefore time.Time, problem string) error {
	return s.settle(ctx, id, "not_before=?, error=?", millis(notBefore), problem)
}

// MarkDead gives a call up, with the reason.
func (s *Store) MarkDead(ctx context.Context, id int64, problem string) error {
	return s.settle(ctx, id, "state='dead', error=?", problem)
}

// SendAnew gives up an edit whose message is gone or takes no text, and queues what it was to say as a message of its own.
// That one takes the old one's place: its key, and the live card's where it was one.
func (s *Store) SendAnew(ctx context.Context, id int64, problem string) error {
	return s.update(ctx, "send message anew", func(tx *sql.Tx) error {
		edit, err := one(ctx, tx, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE id=? AND kind='edit' AND state='queued'", id)
		if err != nil {
			return err
		}
		gone, err := one(ctx, tx, scanOutgoing, "SELECT "+outgoingColumns+" FROM outbox WHERE id=?", edit.TargetRow)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE outbox SET state='dead', error=? WHERE id=?", problem, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE outbox SET key=? WHERE id=?", fmt.Sprintf("%s (row %d)", gone.Key, gone.ID), gone.ID); err != nil {
			return err
		}
		return s.enqueueOne(ctx, tx, Outgoing{Key: gone.Key, Chat: edit.Chat, Thread: gone.Thread, Kind: Send, Topic: gone.Topic, Pull: edit.Pull, Text: edit.Text, Buttons: edit.Buttons, Silent: true})
	})
}

// MoveChat follows a group that the chat service has moved to another id. What waits for it goes there. What has been
// said stays where it was said: the new chat numbers its messages anew, and a number of the old one may be anything there;
// so nothing that waits replies to one or edits one. The old id is what the configuration knows the group by: MovedTo
// tells where it is.
func (s *Store) MoveChat(ctx context.Context, from, to int64) error {
	return s.update(ctx, "move chat", func(tx *sql.Tx) error {
		for _, statement := range []string{
			// A card that has not left yet is a card of the new chat.
			"UPDATE OR REPLACE card SET chat=?1 WHERE chat=?2 AND row IN (SELECT id FROM outbox WHERE state='queued')",
			"UPDATE outbox SET state='dead', error='the chat has moved' WHERE chat=?2 AND state='queued' AND kind IN ('edit', 'delete')",
			"UPDATE outbox SET chat=?1, reply_to=0, reply_row=0 WHERE chat=?2 AND state='queued'",
			"UPDATE person SET chat=?1 WHERE chat=?2",
		} {
			if _, err := tx.ExecContext(ctx, statement, to, from); err != nil {
				return err
			}
		}
		return setSetting(ctx, tx, s.repo+" "+movedSetting(from), strconv.FormatInt(to, 10))
	})
}

// MovedTo is the id that a chat has been moved to, 0 when it has not been.
func (s *Store) MovedTo(ctx context.Context, chat int64) (int64, error) {
	value, err := s.Setting(ctx, movedSetting(chat))
	if err != nil || value == "" {
		return 0, err
	}
	to, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read where chat %d has moved: %w", chat, err)
	}
	return to, nil
}

func movedSetting(chat int64) string { return "moved chat " + strconv.FormatInt(chat, 10) }

func (s *Store) settle(ctx context.Context, id int64, set string, args ...any) error {
	return s.update(ctx, "settle message", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE outbox SET "+set+" WHERE id=? AND state='queued'", append(args, id)...)
		return err
	})
}
