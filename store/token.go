package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// ErrDeadButton is returned for a tap whose button was never there, has been used, or belongs to another message.
var ErrDeadButton = errors.New("this button is no longer alive")

// Token is what one button of one message stands for. Callback data names it by its nonce and says nothing else, since
// a client can send any data.
type Token struct {
	Nonce   string
	Verb    string
	Pull    int
	Head    string
	PatchID string
	Once    bool
	Chat    int64
	Message int64
	UsedAt  time.Time
	UsedBy  int64 // who tapped it; 0 when UsedAt is set because the message shows another diff by now
}

func scanToken(scan func(...any) error) (Token, error) {
	var t Token
	return t, scan(&t.Nonce, &t.Verb, &t.Pull, &t.Head, &t.PatchID, &t.Once, &t.Chat, &t.Message, moment{&t.UsedAt}, &t.UsedBy)
}

// Token looks a button up without using it: the nonce must have been put on that message of that chat under that verb.
// A person can tap before the answer to the send has come and its message's id is known; the nonce, which nobody but that
// chat has seen, speaks for such a tap.
// A used button is returned with its UsedAt set, so that a replayed tap can be told from a forged one, and one that an
// edit took off the message too, so that a tap on it can be told what has changed.
func (s *Store) Token(ctx context.Context, nonce, verb string, chat, message int64) (Token, error) {
	return token(ctx, s.write, nonce, verb, chat, message)
}

func token(ctx context.Context, q queryer, nonce, verb string, chat, message int64) (Token, error) {
	t, err := one(ctx, q, scanToken, `SELECT t.nonce, t.verb, t.pull, t.head, t.patch_id, t.once, o.chat, o.message_id, t.used_at, t.used_by
		FROM token t JOIN outbox o ON o.id=t.row WHERE t.nonce=? AND t.verb=? AND o.chat=? AND (o.message_id=? OR o.message_id=0 AND o.attempts>0)`, nonce, verb, chat, message)
	if isNotFound(err) {
		return t, ErrDeadButton
	}
	return t, err
}

// UseToken marks a single-use button as tapped by a person; a second tap gets ErrDeadButton. So does the tap on one that an
// edit took off its message while the tap was being handled; it counts as tapped all the same, else it would act once more
// when it is sent again.
func (s *Store) UseToken(ctx context.Context, nonce string, by int64) error {
	alive := false
	err := s.update(ctx, "use button", func(tx *sql.Tx) error {
		var err error
		alive, err = touches(tx.ExecContext(ctx, "UPDATE token SET used_at=?, used_by=? WHERE nonce=? AND (used_at=0 OR once=0)", millis(s.now()), by, nonce))
		if err != nil || alive {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE token SET used_by=? WHERE nonce=? AND used_by=0", by, nonce)
		return err
	})
	if err == nil && !alive {
		return ErrDeadButton
	}
	return err
}
