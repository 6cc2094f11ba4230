package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Many a program writes to /tmp whatever TMPDIR says. A tree with mounts of its own
// finds a folder of its own there, and nothing of anybody else's.

const sharedTemp = "/tmp"

// tempAllows is whether /tmp may be covered: everything in it that the tree is
// granted is shown by a mount. Landlock will let it write in all that is below /tmp,
// so that what is only to be read has to be a mount that cannot be written.
func (c *Containment) tempAllows(real map[string]string, paths []granted) bool {
	if at, err := filepath.EvalSymlinks(sharedTemp); err != nil || at != sharedTemp || c.Temp == "" || !c.writes(c.Temp, real) {
		return false
	}
	for _, to := range real {
		if !within(to, sharedTemp) {
			continue
		}
		i := slices.IndexFunc(paths, func(p granted) bool { return within(to, p.path) })
		if i < 0 || !within(paths[i].path, sharedTemp) || paths[i].path == sharedTemp {
			return false
		}
		if !paths[i].readOnly && !c.writes(paths[i].path, real) {
			return false // it is to be read, and holds what is to be written
		}
	}
	return true
}

// writes is whether a path without links was granted for writing, itself or as a part
// of what was.
func (c *Containment) writes(path string, real map[string]string) bool {
	return slices.ContainsFunc(c.ReadWrite, func(p string) bool {
		to := real[filepath.Clean(p)]
		return to != "" && within(path, to)
	})
}

// holdsWritable is whether something in a path was granted for writing.
func (c *Containment) holdsWritable(path string, real map[string]string) bool {
	return slices.ContainsFunc(c.ReadWrite, func(p string) bool {
		to := real[filepath.Clean(p)]
		return to != "" && within(to, path)
	})
}

// layTemp makes in the tree's own folder what mounts below /tmp are put upon, and the
// links that lead to them. What an earlier tree has left in their place goes first: it
// may lead anywhere.
func (c *Containment) layTemp(real map[string]string, paths []granted) (err error) {
	root, err := os.OpenRoot(c.Temp)
	if err != nil {
		return fmt.Errorf("lay out /tmp: %w", err)
	}
	defer func() { _ = root.Close() }()
	stands := map[string]*granted{} // by its path in the folder; nil for a link
	for i, p := range paths {
		if within(p.path, sharedTemp) {
			stands[strings.TrimPrefix(p.path, sharedTemp+"/")] = &paths[i]
		}
	}
	links := map[string]string{}
	for path, to := range real {
		if name, ok := strings.CutPrefix(path, sharedTemp+"/"); ok && path != to {
			stands[name], links[name] = nil, to
		}
	}
	for name := range stands {
		first, _, _ := strings.Cut(name, "/")
		if err := root.RemoveAll(first); err != nil {
			return fmt.Errorf("lay out /tmp: %w", err)
		}
	}
	for name, p := range stands {
		switch above := filepath.Dir(name); {
		case p != nil && p.folder:
			err = root.MkdirAll(name, 0o755)
		case p != nil:
			err = errors.Join(root.MkdirAll(above, 0o755), root.WriteFile(name, nil, 0o644))
		default:
			err = errors.Join(root.MkdirAll(above, 0o755), root.Symlink(links[name], name))
		}
		if err != nil {
			return fmt.Errorf("lay out /tmp: %w", err)
		}
	}
	// Whoever may pass through the folders above it is the tree.
	if err := root.Chmod(".", 0o777|os.ModeSticky); err != nil {
		return fmt.Errorf("lay out /tmp: %w", err)
	}
	return nil
}

// showTemp is show for a tree that stays who we are and has a namespace.
func (c *Containment) showTemp(real map[string]string) error {
	var paths []granted
	closeAll := func() {
		for _, p := range paths {
			_ = unix.Close(p.fd)
		}
	}
	for _, path := range append(outermost(real), c.Temp) {
		if !within(path, sharedTemp) && path != c.Temp {
			continue
		}
		readOnly := path != c.Temp && !c.holdsWritable(path, real)
		fd, err := clonedMount(path, unix.MountAttr{}, readOnly)
		if err != nil {
			closeAll()
			return nil // /tmp stays what it was, which the tree may not touch
		}
		paths = append(paths, granted{path: path, folder: isFolder(path), fd: fd, readOnly: readOnly})
	}
	last := len(paths) - 1
	cover := granted{path: sharedTemp, folder: true, fd: paths[last].fd}
	if paths = paths[:last]; !c.tempAllows(real, paths) {
		closeAll()
		return unix.Close(cover.fd)
	}
	if err := c.layTemp(real, paths); err != nil {
		return err
	}
	for _, p := range append([]granted{cover}, paths...) {
		if err := errors.Join(attach(p.fd, p.path), unix.Close(p.fd)); err != nil {
			return fmt.Errorf("show %s: %w", p.path, err)
		}
	}
	c.ownTemp = true
	return nil
}
