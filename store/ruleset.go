package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// RulesVersion is one state of the rules file. The file is the truth; this is its history.
type RulesVersion struct {
	ID      int64
	Hash    string
	Content string
	Reason  string
	ByName  string
	At      time.Time
}

func scanRulesVersion(scan func(...any) error) (RulesVersion, error) {
	var v RulesVersion
	return v, scan(&v.ID, &v.Hash, &v.Content, &v.Reason, &v.ByName, moment{&v.At})
}

// KeepRules stores a version of the rules file and tells of it. The version that is newest already is not stored again;
// changed says whether it was.
func (s *Store) KeepRules(ctx context.Context, v RulesVersion) (changed bool, err error) {
	err = s.update(ctx, "keep rules", func(tx *sql.Tx) error {
		last, err := lastRules(ctx, tx, s.repo)
		if err != nil && !isNotFound(err) {
			return err
		}
		if last.Hash == v.Hash {
			return nil
		}
		changed = true
		if _, err := tx.ExecContext(ctx, "INSERT INTO rules_version (repo, hash, content, reason, by_name, at) VALUES (?,?,?,?,?,?)",
			s.repo, v.Hash, v.Content, v.Reason, v.ByName, millis(s.now())); err != nil {
			return err
		}
		return s.record(ctx, tx, Event{Kind: RulesChanged, Data: map[string]string{"hash": v.Hash, "reason": v.Reason, "by": v.ByName}})
	})
	return changed, err
}

// Rules returns the newest version stored, or ErrNotFound.
func (s *Store) Rules(ctx context.Context) (RulesVersion, error) {
	v, err := lastRules(ctx, s.read, s.repo)
	if err != nil {
		return v, fmt.Errorf("read rules: %w", err)
	}
	return v, nil
}

func lastRules(ctx context.Context, q queryer, repo string) (RulesVersion, error) {
	return one(ctx, q, scanRulesVersion, "SELECT id, hash, content, reason, by_name, at FROM rules_version WHERE repo=? ORDER BY id DESC LIMIT 1", repo)
}
