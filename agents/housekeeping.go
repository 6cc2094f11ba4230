package agents

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lightsout/store"
)

// HousekeeperRole is the fourth job of the schedule: it changes nothing outside.
const HousekeeperRole = "housekeeper"

// Housekeeper keeps the state folder from growing for ever, and a copy of the database beside it.
type Housekeeper struct{ *Factory }

// What is kept, and for how long. A quarter of a year of history answers what people ask; logs and diffs are larger.
const (
	historyKept = 90 * 24 * time.Hour
	filesKept   = 30 * 24 * time.Hour
	backupsKept = 7 * 24 * time.Hour
)

// Run is one tick, once a day.
func (h *Housekeeper) Run(ctx context.Context) (Report, error) {
	now := h.Store.Now()
	name, err := h.Store.Backup(ctx, filepath.Join(h.Dir, "backup"))
	if err != nil {
		return Report{}, err
	}
	open, err := h.Store.Pulls(ctx)
	if err != nil {
		return Report{}, err
	}
	var needed []string // however old: somebody is to decide by them yet
	for _, p := range open {
		needed = append(needed, p.DiffPath, p.LogPath)
	}
	err = errors.Join(h.bookOver(ctx), h.dropStaleKept(ctx, now.Add(-filesKept)), h.Store.Prune(ctx, now.Add(-historyKept)),
		removeOlder(filepath.Join(h.Dir, "backup"), now.Add(-backupsKept), nil),
		removeOlder(filepath.Join(h.Dir, "logs"), now.Add(-filesKept), needed),
		removeOlder(filepath.Join(h.Dir, "diffs"), now.Add(-filesKept), needed))
	return Report{Said: "backed up to " + name}, err
}

// removeOlder removes the files of a folder that nobody has written since a moment, but for those that are needed.
func removeOlder(dir string, before time.Time, needed []string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tidy: %w", err)
	}
	var failures []error
	for _, e := range entries {
		info, err := e.Info()
		path := filepath.Join(dir, e.Name())
		if err == nil && info.Mode().IsRegular() && info.ModTime().Before(before) && !slices.Contains(needed, path) {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failures = append(failures, fmt.Errorf("tidy: %w", err))
		}
	}
	return errors.Join(failures...)
}

// diskFloor is the free space under which no new work is begun: a worktree, its build and a database need room to end.
const diskFloor = 1 << 30

// diskFull says why no work is begun for want of space; "" when there is enough.
func (f *Factory) diskFull(ctx context.Context) (string, error) {
	if f.Settings.FreeDisk == nil {
		return "", nil
	}
	free, err := f.Settings.FreeDisk()
	if err != nil {
		return "", err
	}
	const what = "disk nearly full"
	if free >= diskFloor {
		return "", f.Store.Settled(ctx, what)
	}
	reason := fmt.Sprintf("%d MB are free, %d MB are needed to begin", free>>20, diskFloor>>20)
	return what + ": " + reason, f.Store.Trouble(ctx, store.Problem{What: what, Reason: reason, Cure: "make room; the factory takes no ticket until then"})
}
