package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// Setting reads a small named value, "" when it was never set.
func (s *Store) Setting(ctx context.Context, name string) (string, error) {
	value, err := setting(ctx, s.read, s.repo+" "+name)
	if err != nil {
		return "", fmt.Errorf("read setting %s: %w", name, err)
	}
	return value, nil
}

// SetSetting keeps a small named value.
func (s *Store) SetSetting(ctx context.Context, name, value string) error {
	return s.update(ctx, "keep setting "+name, func(tx *sql.Tx) error { return setSetting(ctx, tx, s.repo+" "+name, value) })
}

func setting(ctx context.Context, q queryer, name string) (string, error) {
	value, err := one(ctx, q, func(scan func(...any) error) (string, error) {
		var v string
		return v, scan(&v)
	}, "SELECT value FROM setting WHERE name=?", name)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return value, err
}

func setSetting(ctx context.Context, tx *sql.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO setting (name, value) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value=excluded.value", name, value)
	return err
}

// Cursor reads how far a consumer of events has come, 0 at first.
func (s *Store) Cursor(ctx context.Context, consumer string) (int64, error) {
	value, err := s.Setting(ctx, "cursor "+consumer)
	if err != nil || value == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read cursor %s: %w", consumer, err)
	}
	return n, nil
}
