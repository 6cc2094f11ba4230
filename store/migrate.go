package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

//go:embed migration/*.sql
var migrations embed.FS

// migrate brings the schema to the newest embedded version, one file a transaction. The version is SQLite's
// user_version; a file from a newer program is refused, because its rows may mean something this one does not know.
func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Glob(migrations, "migration/*.sql")
	if err != nil {
		return fmt.Errorf("migrate store: %w", err)
	}
	var have int
	if err := s.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return fmt.Errorf("migrate store: %w", err)
	}
	if have > len(files) {
		return fmt.Errorf("open store %s: its schema is version %d and this program knows %d: it was written by a newer lightsout; start that one", s.path, have, len(files))
	}
	for i, name := range files[have:] {
		version := have + i + 1
		number, _, _ := strings.Cut(path.Base(name), "_")
		if n, err := strconv.Atoi(number); err != nil || n != version {
			return fmt.Errorf("migrate store: %s stands where migration %04d is expected", name, version)
		}
		script, err := migrations.ReadFile(name)
		if err != nil {
			return fmt.Errorf("migrate store: %w", err)
		}
		err = s.update(ctx, "migrate store: "+name, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, string(script)); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(version))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
