package enginetest

import (
	"os"
	"path/filepath"
	"strings"
)

// Held is how many processes the command of a Hold leaves running.
const Held = 5

// Hold is a step whose command never ends, with children that detach: a background job, one with a session of its own, two that have cleared their
// environment too, and the one that the tool waits for. All of them wait for the file, an absolute path, to grow.
func Hold(file string) Step {
	return Step{Run: strings.ReplaceAll(`echo > HOLD; tail -f HOLD & setsid nohup tail -f HOLD >/dev/null 2>&1 & env -i setsid /bin/sh -c 'tail -f HOLD & exec tail -f HOLD' >/dev/null 2>&1 & tail -f HOLD`, "HOLD", file)}
}

// Holders are the processes of a Hold that are alive, by their folders in /proc.
func Holders(file string) (found []string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well formed
	for _, line := range lines {
		if words, err := os.ReadFile(line); err == nil && string(words) == "tail\x00-f\x00"+file+"\x00" {
			found = append(found, filepath.Dir(line))
		}
	}
	return found
}
