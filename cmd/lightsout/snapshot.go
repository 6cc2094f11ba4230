package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lightsout/agents/process"
)

// snapshot is what git sees of a folder: what each file is that no .gitignore leaves out, by its path.
type snapshot map[string]string

// takeSnapshot looks at a folder with a git directory of our own, empty and gone afterwards. The folder's own .git is not
// asked: what a session left there is obeyed by whoever calls git with it.
func takeSnapshot(ctx context.Context, dir string, environ []string) (taken snapshot, err error) {
	own, err := os.MkdirTemp("", "lightsout-git-")
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
	for _, folder := range []string{"objects", "refs"} {
		if err := os.Mkdir(filepath.Join(own, folder), 0o700); err != nil {
			return nil, fmt.Errorf("look at %s: %w", dir, err)
		}
	}
	if err := os.WriteFile(filepath.Join(own, "HEAD"), []byte("ref: refs/heads/main\n"), 0o600); err != nil {
		return nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	list, err := process.Output(ctx, process.Command{Dir: dir, Args: []string{"git", "--git-dir=" + own, "--work-tree=" + dir, "ls-files", "-z", "--others", "--exclude-standard"},
		Env: append(pass(environ, []string{"PATH"}), "HOME="+own, "GIT_CONFIG_NOSYSTEM=1")})
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	taken = snapshot{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		if taken[name], err = describeFile(root, name); err != nil {
			return nil, fmt.Errorf("look at %s: %w", dir, err)
		}
	}
	return taken, nil
}

// describeFile says of a file what git keeps of it: its kind, whether it may be executed, and its content.
func describeFile(root *os.Root, name string) (string, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return "", err
	}
	switch mode := info.Mode(); {
	case mode&os.ModeSymlink != 0:
		to, err := root.Readlink(name)
		return "link " + to, err
	case mode.IsRegular():
		file, err := root.Open(name)
		if err != nil {
			return "", err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, file)
		return fmt.Sprintf("file %v %x", mode&0o100 != 0, sum.Sum(nil)), errors.Join(err, file.Close())
	default: // a repository within
		return mode.Type().String(), nil
	}
}
