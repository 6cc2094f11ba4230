package process

import (
	"context"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// diskRound is the least time between two looks at the disk. A look that takes
	// long is followed by diskPause times as long a pause: it costs at most a
	// twentieth of one processor, however many files there are.
	diskRound = 300 * time.Millisecond
	// diskDelay is what a tree gets to start before the first look, which all others
	// are compared with: it may be a long one, of build caches.
	diskDelay = 50 * time.Millisecond
	diskPause = 20
	// diskFloor is the free space, in bytes, below which a tree is ended that
	// started above it: files that have no name any more are found by no look.
	diskFloor = 256 << 20
)

// watchDisk ends the tree when its folders have grown by more than its limit, and
// returns when ctx ends.
func watchDisk(ctx context.Context, most int64, folders []string, hit func(Cause)) {
	pause := time.NewTimer(diskDelay)
	defer pause.Stop()
	var before, free int64
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		began := time.Now()
		if first {
			before, free = usage(ctx, folders), freeSpace(folders)
			pause.Reset(max(diskRound, diskPause*time.Since(began)))
			continue
		}
		if usage(ctx, folders)-before > most || free >= diskFloor && freeSpace(folders) < diskFloor {
			hit(CauseDisk)
			return
		}
		pause.Reset(max(diskRound, diskPause*time.Since(began)))
	}
}

// usage is what the files in folders take up on the disk, in bytes. What cannot be
// read counts nothing, and what comes and goes meanwhile may.
func usage(ctx context.Context, folders []string) (bytes int64) {
	for _, folder := range folders {
		// The error is ctx's, and then nobody asks.
		_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if info, err := entry.Info(); err == nil {
				if stat, ok := info.Sys().(*syscall.Stat_t); ok {
					bytes += stat.Blocks * 512 // stat(2): in units of 512 bytes whatever the file system
				}
			}
			return ctx.Err()
		})
	}
	return bytes
}

// freeSpace is the least that is free, in bytes, where any of the folders lies.
func freeSpace(folders []string) int64 {
	least := int64(1) << 62
	for _, folder := range folders {
		var stat unix.Statfs_t
		if unix.Statfs(folder, &stat) == nil {
			least = min(least, int64(stat.Bavail)*stat.Bsize)
		}
	}
	return least
}
