package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A contained tree of root's runs as a user that owns nothing on the machine. It
// sees the machine through mounts of its own (mount_namespaces(7)), in which the
// paths it was granted are shown as that user's: mount_setattr(2) calls it an
// idmapped mount. On the disk nothing changes: what the tree makes is root's there,
// so the daemon reads and removes it as if it had made it itself.

// granted is a path of a containment, as a mount that stands nowhere yet.
type granted struct {
	path     string // without links
	folder   bool
	readOnly bool
	fd       int
}

// show makes the mounts and returns the user that the tree is to become: 0 when it
// stays ours, and then why, unless we are not root. Mounts that were made until then
// do no harm: they are gone with the tree.
func (c *Containment) show(o order) (uid int, why, err error) {
	if os.Geteuid() != 0 {
		if c.Namespace && c.Temp != "" {
			err = errors.Join(c.showTemp(resolved(slices.Concat(c.ReadWrite, c.ReadOnly, []string{o.Path}))), os.Chdir(o.Dir))
		}
		return 0, nil, err
	}
	uid = userOf(o.Marker)
	if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")); err != nil {
		return 0, fmt.Errorf("mounts of its own: %w", err), nil
	}
	real := resolved(slices.Concat(c.ReadWrite, c.ReadOnly, []string{o.Path}))
	paths, why := c.open(real, uid)
	if why != nil {
		return 0, why, nil
	}
	if err := nameUser(uid, o.home()); err != nil {
		return 0, nil, err
	}
	if c.ownTemp {
		if err := c.layTemp(real, paths[1:]); err != nil {
			return 0, nil, err
		}
	}
	for _, p := range paths {
		if err := p.place(); err != nil {
			return 0, nil, fmt.Errorf("show %s: %w", p.path, err)
		}
	}
	for path, to := range real {
		if err := relink(path, to); err != nil {
			return 0, nil, fmt.Errorf("show %s: %w", path, err)
		}
	}
	if err := os.Chdir(o.Dir); err != nil {
		return 0, nil, err
	}
	return uid, nil, nil
}

// home is where the tree's HOME is.
func (o order) home() string {
	for _, entry := range slices.Backward(o.Env) {
		if value, ok := strings.CutPrefix(entry, "HOME="); ok {
			return value
		}
	}
	return "/"
}

// resolved are paths by what they are without links. What does not exist is left out.
func resolved(paths []string) map[string]string {
	real := map[string]string{}
	for _, path := range paths {
		if to, err := filepath.EvalSymlinks(path); err == nil {
			real[filepath.Clean(path)] = to
		}
	}
	return real
}

// open makes the mounts of all paths that do not lie in another one. A file system
// that cannot show its files as another user's is an obstacle where the tree must
// write; what it has only to read is left as it is.
func (c *Containment) open(real map[string]string, uid int) (paths []granted, err error) {
	maps := map[[2]uint32]int{} // user namespaces by the owner they show as uid
	defer func() {
		for _, fd := range maps {
			_ = unix.Close(fd) // mounts keep what they need
		}
		if err != nil {
			for _, p := range paths {
				_ = unix.Close(p.fd)
			}
		}
	}()
	for _, path := range outermost(real) {
		var stat unix.Stat_t
		if err := unix.Stat(path, &stat); err != nil {
			return paths, fmt.Errorf("look at %s: %w", path, err)
		}
		owner := [2]uint32{stat.Uid, stat.Gid}
		if _, made := maps[owner]; !made {
			fd, err := ownerMap(int(stat.Uid), int(stat.Gid), uid)
			if err != nil {
				return paths, err
			}
			maps[owner] = fd
		}
		readOnly := !c.holdsWritable(path, real) && !c.writes(path, real)
		fd, err := clonedMount(path, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(maps[owner])}, readOnly)
		switch {
		case err == nil:
			paths = append(paths, granted{path: path, folder: stat.Mode&unix.S_IFMT == unix.S_IFDIR, readOnly: readOnly, fd: fd})
		case slices.ContainsFunc(c.ReadWrite, func(p string) bool { return real[filepath.Clean(p)] != "" && within(real[filepath.Clean(p)], path) }):
			return paths, fmt.Errorf("show %s as another user's: %w", path, err)
		}
	}
	if c.tempAllows(real, paths) {
		// The folder is part of what is granted, so that its owner's map is there.
		var stat unix.Stat_t
		if err := unix.Stat(c.Temp, &stat); err != nil {
			return paths, fmt.Errorf("look at %s: %w", c.Temp, err)
		}
		if userns, made := maps[[2]uint32{stat.Uid, stat.Gid}]; made {
			fd, err := clonedMount(c.Temp, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns)}, false)
			if err != nil {
				return paths, fmt.Errorf("show %s as another user's: %w", c.Temp, err)
			}
			c.ownTemp, paths = true, append([]granted{{path: sharedTemp, folder: true, fd: fd}}, paths...)
		}
	}
	return paths, nil
}

// outermost are the paths that do not lie in another one, sorted.
func outermost(real map[string]string) []string {
	var kept []string
	for _, path := range slices.Sorted(func(yield func(string) bool) {
		for _, to := range real {
			if !yield(to) {
				return
			}
		}
	}) {
		if !slices.ContainsFunc(kept, func(outer string) bool { return within(path, outer) }) {
			kept = append(kept, path)
		}
	}
	return kept
}

// within is whether a path is a folder or lies in it; both are clean.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// clonedMount is a path as a mount of its own that stands nowhere yet, as attr has it.
func clonedMount(path string, attr unix.MountAttr, readOnly bool) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, err
	}
	if readOnly {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if attr.Attr_set == 0 {
		return fd, nil
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// place puts the mount where its path is. A folder above that other users may not
// pass through is covered by an empty one which they may: all in it is hidden but
// what the tree was granted there.
func (p granted) place() error {
	if closed, err := closedAbove(p.path); err != nil {
		return err
	} else if closed != "" {
		if err := unix.Mount("tmpfs", closed, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
			return fmt.Errorf("cover %s: %w", closed, err)
		}
	}
	if _, err := os.Lstat(p.path); errors.Is(err, os.ErrNotExist) {
		if err := p.stand(); err != nil {
			return err
		}
	}
	return errors.Join(attach(p.fd, p.path), unix.Close(p.fd))
}

// stand makes what the mount is put upon.
func (p granted) stand() error {
	if p.folder {
		return os.MkdirAll(p.path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(p.path, nil, 0o644)
}

// closedAbove is the topmost folder above path that only its owner and group may
// pass through; "" when there is none.
func closedAbove(path string) (string, error) {
	for at := 1; at > 0 && at < len(path); {
		next := strings.IndexByte(path[at:], '/')
		if next < 0 {
			break
		}
		folder := path[:at+next]
		info, err := os.Stat(folder)
		if errors.Is(err, os.ErrNotExist) {
			return "", nil // a cover hides it
		}
		if err != nil {
			return "", err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return folder, nil
		}
		at += next + 1
	}
	return "", nil
}

// relink makes a link anew that a cover hides.
func relink(path, to string) error {
	if _, err := os.Lstat(path); path == to || !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(to, path); err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	return nil
}

func attach(fd int, path string) error {
	return unix.MoveMount(fd, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH)
}
