package store

import (
	"context"
	"database/sql"
	"time"
)

// Prune drops what nobody will ask for again: what is over and older than before. What is open (claims, effects in
// doubt, unhandled updates, queued messages) stays, however old; so does what each pull request's story needs while
// that is open, since its rows are younger than any sensible before.
func (s *Store) Prune(ctx context.Context, before time.Time) error {
	return s.update(ctx, "prune", func(tx *sql.Tx) error {
		at := millis(before)
		for _, statement := range []string{
			"DELETE FROM event WHERE at<?",
			"DELETE FROM session WHERE ended_at>0 AND ended_at<?",
			"DELETE FROM inbox WHERE handled_at>0 AND handled_at<?",
			"DELETE FROM token WHERE created_at<? AND (used_at>0 OR row NOT IN (SELECT row FROM card))", // a card's buttons live as long as it does
			"DELETE FROM outbox WHERE state<>'queued' AND created_at<? AND id NOT IN (SELECT row FROM card) AND id NOT IN (SELECT row FROM token)",
			"DELETE FROM effect WHERE state='done' AND done_at<?",
			"DELETE FROM request WHERE answered_at>0 AND answered_at<?",
			"DELETE FROM review WHERE at<?", // its findings and their points stay
			"DELETE FROM setback WHERE at<?",
			"DELETE FROM schedule WHERE scheduled_at<?",
			"DELETE FROM pairing_code WHERE expires_at<?",
		} {
			if _, err := tx.ExecContext(ctx, statement, at); err != nil {
				return err
			}
		}
		return nil
	})
}
