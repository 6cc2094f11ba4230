package main

import (
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// version is what the module system or the build's VCS stamp says of this binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v = fmt.Sprintf("%s (%.7s)", v, s.Value)
		}
	}
	return v
}

// disk is how full the file system of a folder is, in percent, and how many bytes a user may still write.
func disk(dir string) (usedPercent int, free uint64, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, 0, fmt.Errorf("disk of %s: %w", dir, err)
	}
	free = fs.Bavail * uint64(fs.Bsize)
	all := (fs.Blocks-fs.Bfree)*uint64(fs.Bsize) + free
	if all == 0 {
		return 0, 0, nil
	}
	return int(100 - free*100/all), free, nil
}
