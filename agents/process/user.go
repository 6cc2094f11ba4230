package process

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// firstUser is the first of the user ids that contained trees of root's run as.
	// Distributions, systemd and containers hand out smaller ones.
	firstUser = 2_000_000_000
	userCount = 1 << 16
)

// userOf is the user, and group, of the tree with a marker: no account's, and no
// other tree's unless two markers happen to meet among 65,536.
func userOf(marker string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(marker)) // a hash takes everything
	return firstUser + int(sum.Sum32()%userCount)
}

// becomeUser makes the process, which is root's, another user's, with nothing of root's
// left. It must be the last: what comes after may no more than the tree may.
func becomeUser(uid int) error {
	// The outputs are pipes of ours, which programs open anew as /dev/stderr.
	for fd := range 3 {
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err == nil && stat.Mode&unix.S_IFMT == unix.S_IFIFO {
			if err := unix.Fchown(fd, uid, uid); err != nil {
				return fmt.Errorf("give output %d to user %d: %w", fd, uid, err)
			}
		}
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setresgid(uid, uid, uid), syscall.Setresuid(uid, uid, uid)); err != nil {
		return fmt.Errorf("become user %d: %w", uid, err)
	}
	return nil
}

// ownerMap is a user namespace in which files of uid and gid are to's: what a mount
// is told to show them as. The namespace is that of a process which gets no further
// than its start.
func ownerMap(uid, gid, to int) (int, error) {
	one := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: id, HostID: to, Size: 1}}
	}
	holder, err := os.StartProcess(ownBinary, []string{"lightsout"}, &os.ProcAttr{Env: []string{}, Sys: &syscall.SysProcAttr{
		Ptrace: true, Cloneflags: unix.CLONE_NEWUSER, UidMappings: one(uid), GidMappings: one(gid), Pdeathsig: syscall.SIGKILL}})
	if err != nil {
		return -1, fmt.Errorf("user namespace: %w", refusal(err))
	}
	fd, err := unix.Open(procFile(holder.Pid, "ns/user"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	err = errors.Join(err, holder.Kill())
	if _, waited := holder.Wait(); err == nil && waited != nil {
		err = waited
	}
	if err != nil {
		return -1, fmt.Errorf("user namespace: %w", err)
	}
	return fd, nil
}

// nameUser lets programs find the user's name and home where they look for them,
// which some insist on: /etc/passwd and /etc/group get a line more.
func nameUser(uid int, home string) error {
	added := map[string]string{
		"/etc/passwd": fmt.Sprintf("lightsout:x:%d:%d::%s:/bin/sh\n", uid, uid, strings.NewReplacer(":", "_", "\n", "_").Replace(home)),
		"/etc/group":  fmt.Sprintf("lightsout:x:%d:\n", uid),
	}
	content := map[string][]byte{}
	for path, line := range added {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // then nobody looks there
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		content[path] = append(text, line...)
	}
	// The files lie in memory that is mounted nowhere when this is over.
	const desk = "/etc"
	if err := unix.Mount("tmpfs", desk, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0755"); err != nil {
		return fmt.Errorf("mount memory: %w", err)
	}
	copies := map[string]int{}
	var err error
	for path, text := range content {
		if err = errors.Join(err, os.WriteFile(path, text, 0o644)); err == nil {
			copies[path], err = unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		}
	}
	if err = errors.Join(err, unix.Unmount(desk, unix.MNT_DETACH)); err != nil {
		return fmt.Errorf("name user %d: %w", uid, err)
	}
	for path, fd := range copies {
		if err := errors.Join(attach(fd, path), unix.Close(fd)); err != nil {
			return fmt.Errorf("name user %d: %w", uid, err)
		}
	}
	return nil
}
