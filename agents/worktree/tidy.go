package worktree

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// looseSample is how many loose objects the folder objects/17 may hold, one of 256 that fill evenly: 27 stands for
// about 6,900 in all, where git's own gc --auto begins too.
const looseSample = 27

// tidy packs loose objects, and packs into larger packs, once there are many. It throws nothing away: working copies
// borrow objects that no ref may reach, which is why git's own gc never runs here. The caller holds the lock.
func (m *Mirror) tidy(ctx context.Context, sample int) error {
	loose, err := os.ReadDir(filepath.Join(m.Objects(), "17"))
	if err != nil || len(loose) <= sample { // an error: there is no such folder yet
		return nil
	}
	if _, err := m.git(ctx, call{limit: remoteLimit, args: []string{"repack", "--geometric=2", "-d", "-l", "-q"}}); err != nil {
		return fmt.Errorf("pack the mirror: %w", err)
	}
	return nil
}

// dropStale removes what a git that was killed left in the mirror: locks of refs, which would fail every later fetch,
// and half-written packs. Older than the longest git may run, they are nobody's. It says how many there were.
func (m *Mirror) dropStale(now time.Time) int {
	dropped := 0
	drop := func(path string, d fs.DirEntry) {
		if info, err := d.Info(); err == nil && now.Sub(info.ModTime()) > remoteLimit && os.Remove(path) == nil {
			dropped++
		}
	}
	for _, place := range []string{"refs", "objects/pack", "."} {
		root := filepath.Join(m.dir, place)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // removed meanwhile, or unreadable: the fetch will say what is wrong
			case d.IsDir() && place == "." && path != root:
				return fs.SkipDir
			case strings.HasSuffix(path, ".lock"), strings.HasPrefix(d.Name(), "tmp_"):
				drop(path, d)
			}
			return nil
		})
		if err != nil {
			return dropped
		}
	}
	return dropped
}
