// Package process exists so that no process of ours is ever out of hand: it is
// the only place that starts one, and what it starts it limits, contains and
// ends.
//
// There are two ways in. [Output] runs a short, trusted command, such as git,
// and returns what it printed. [Tree.Run] runs a session, or tests that a
// session wrote: code nobody has read, which may fork, leave its process group,
// clear its environment, ignore signals and print without end. It returns when
// the last process of that tree is gone.
//
// # How a tree ends
//
// The daemon starts a helper, which is this same binary called again (see
// [Helper]). The helper is a child subreaper, so every process of the tree
// whose parent died becomes the helper's child, whatever it did to its session,
// group or environment. To end the tree the helper sends TERM to the leader's
// group, waits for the grace time, and then kills its children until it has
// none: only a parent can be sure that a process id still means the process it
// started, so no other id is ever signalled by number. The helper holds the
// read end of a pipe from the daemon; when the daemon dies, by whatever means,
// the pipe ends and the helper kills the tree at once.
//
// Should the tree manage to kill the helper itself, the marker that each
// process inherited in its environment is the second net: the daemon ends every
// process that carries it (see [EndMarked]), through a pidfd, so that a process
// id used again is never mistaken.
//
// # What containment does and does not do
//
// With a [Containment] the tree is under Landlock: it can open only the paths
// listed and what any program needs to start ([SystemPaths]), and from ABI 6 on it
// can signal nothing outside itself. Landlock also keeps the memory and the open
// files of every process outside from it, through /proc as through ptrace.
//
// Run by root, the tree is another user besides, one that owns nothing on the
// machine and that no other tree is at the same time (see mount.go): the kernel then
// keeps it from the daemon's processes and files also where Landlock is missing.
// Where root may not do that, as in most containers, the tree stays root's but loses
// the capabilities that would lead around Landlock: with CAP_PERFMON alone the
// environment of any process can be read through /proc. [Result] says which it was.
// For everybody else [KeepPrivate] closes the daemon's own /proc entry.
//
// With [Containment.Namespace] the tree is in a process-id namespace besides, with
// its helper as the first process (see namespace.go): it sees and can signal nobody
// else, and the kernel ends all of it with that helper. Without, the list of processes
// and their command lines stay visible, so no secret is ever put into an argument. Before ABI 9 a Unix socket that the user may use, such as
// Docker's, can be connected to, and before ABI 10 UDP is not denied. Without
// Landlock, a tree that is not another user's can read whatever the daemon's user
// can, and can kill its helper: the caller sees that in [Result.Contained] and must
// say so.
package process

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// KeepPrivate closes what /proc shows of this process to other processes of its
// user: environment, memory and open files; and keeps what was open when it was
// started from all that it starts. main calls it before anything else has begun.
func KeepPrivate() error {
	if err := closeOnExec(3); err != nil {
		return fmt.Errorf("keep this process private: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("keep this process private: %w", err)
	}
	return nil
}

// closeOnExec lets no descriptor from first on get into a program that is executed.
func closeOnExec(first uint) error {
	return unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}

// defaultPath is where programs are looked for when an environment names no
// PATH; execvp(3) has the same habit.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// LookPath finds the file that name stands for in an environment and directory
// which are not our own, as execvp(3) would there. The error wraps
// os.ErrNotExist when there is none. Entries of PATH that are not
// absolute are passed over: they would mean whatever the directory holds.
func LookPath(name, dir string, env []string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("find program: no name: %w", os.ErrInvalid)
	}
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if err := executable(name); err != nil {
			return "", fmt.Errorf("find program: %w", err)
		}
		return name, nil
	}
	path := defaultPath
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			path = value
		}
	}
	for _, folder := range filepath.SplitList(path) {
		if !filepath.IsAbs(folder) {
			continue
		}
		file := filepath.Join(folder, name)
		if executable(file) == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("find program %q in PATH %q: %w", name, path, os.ErrNotExist)
}

func executable(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return &os.PathError{Op: "exec", Path: file, Err: os.ErrPermission}
	}
	return nil
}
