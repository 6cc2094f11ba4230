package worktree

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// This file reads the .git a session leaves, byte by byte and without git: any of it may be a lie, a link to elsewhere
// or a pipe that never ends.

const (
	maxRefFile = 1 << 20 // bytes of HEAD, a ref or packed-refs
	maxObjects = 100_000 // loose objects of one session
)

// readHead follows HEAD of a git directory. branch is "" when HEAD is detached; ok is false when it leads to no commit name.
func readHead(dir string) (branch, sha string, ok bool) {
	root, err := openRealDir(dir)
	if err != nil {
		return "", "", false
	}
	defer root.Close()
	line, err := readRegular(root, "HEAD")
	if err != nil {
		return "", "", false
	}
	head := strings.TrimSpace(string(line))
	ref, symbolic := strings.CutPrefix(head, "ref: ")
	if !symbolic {
		return "", head, isSHA(head)
	}
	branch, isBranch := strings.CutPrefix(ref, "refs/heads/")
	if !isBranch || !validBranch(branch) {
		return "", "", false
	}
	if line, err = readRegular(root, ref); err == nil {
		sha = strings.TrimSpace(string(line))
		return branch, sha, isSHA(sha)
	}
	packed, err := readRegular(root, "packed-refs")
	if err != nil {
		return "", "", false
	}
	for line := range strings.Lines(string(packed)) {
		if sha, name, _ := strings.Cut(strings.TrimSpace(line), " "); name == ref && isSHA(sha) {
			return branch, sha, true
		}
	}
	return "", "", false
}

// readMergeHead is the commit that Merge brought in; "" when no merge is under way.
func readMergeHead(keep string) (string, error) {
	content, err := os.ReadFile(filepath.Join(keep, "MERGE_HEAD"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	sha := strings.TrimSpace(string(content))
	if err == nil && !isSHA(sha) {
		err = fmt.Errorf("read MERGE_HEAD: %q is not a commit name", sha)
	}
	return sha, err
}

// importObjects copies the objects of a session's .git into the keep, each checked against its name. What is not
// sound is left out: a commit that needs it will be found wanting.
func (m *Mirror) importObjects(ctx context.Context, c workingCopy) error {
	git, err := openRealDir(filepath.Join(c.path, ".git"))
	if err != nil {
		return nil // no folder, no objects
	}
	defer git.Close()
	budget := &budget{objects: maxObjects, bytes: maxTaken}
	for _, dir := range listDir(git, "objects") {
		if len(dir) != 2 || strings.Trim(dir, "0123456789abcdef") != "" {
			continue
		}
		for _, name := range listDir(git, "objects/"+dir) {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if !isSHA(dir + name) {
				continue
			}
			if err := importLoose(git, c.keep, dir, name, budget); err != nil {
				return err
			}
		}
	}
	for _, name := range listDir(git, "objects/pack") {
		if !strings.HasSuffix(name, ".pack") {
			continue
		}
		pack, err := openRegular(git, "objects/pack/"+name)
		if err != nil {
			continue
		}
		// The index beside the pack is not read: git makes its own, and with it names every object anew.
		_, err = m.git(ctx, call{gitDir: c.keep, stdin: io.LimitReader(pack, maxTaken), args: []string{"index-pack", "--stdin", "--fix-thin"}})
		pack.Close()
		if unlessExit(err) != nil {
			return fmt.Errorf("read the session's pack: %w", err)
		}
	}
	return nil
}

// budget bounds what is unpacked from one .git, so that a few bytes cannot become a full disk.
type budget struct{ objects, bytes int64 }

// importLoose copies one loose object if it is what its name says. The error is about our side only.
func importLoose(git *os.Root, keep, dir, name string, b *budget) error {
	target := filepath.Join(keep, "objects", dir, name)
	if _, err := os.Lstat(target); err == nil {
		return nil
	}
	file, err := openRegular(git, "objects/"+dir+"/"+name)
	if err != nil {
		return nil
	}
	defer file.Close()
	if b.objects--; b.objects < 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	copied, err := os.CreateTemp(filepath.Dir(target), "tmp_obj_")
	if err != nil {
		return err
	}
	defer os.Remove(copied.Name()) // renamed by then, when all is well
	sound, err := verifyLoose(io.TeeReader(io.LimitReader(file, b.bytes+1), copied), dir+name, b)
	if closeErr := copied.Close(); err == nil {
		err = closeErr
	}
	if err != nil || !sound {
		return err
	}
	return os.Rename(copied.Name(), target)
}

// verifyLoose reads one zlib stream to the end of its input and says whether it is the object of that name.
func verifyLoose(r io.Reader, name string, b *budget) (bool, error) {
	in := bufio.NewReader(r) // an io.ByteReader: zlib then reads no byte beyond the stream
	z, err := zlib.NewReader(in)
	if err != nil {
		return false, nil
	}
	sum := sha1.New()
	n, err := io.Copy(sum, io.LimitReader(z, b.bytes+1))
	b.bytes -= n
	if err != nil || b.bytes < 0 {
		b.bytes = max(0, b.bytes)
		return false, nil
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return false, nil // something follows the object
	}
	return bytes.Equal(sum.Sum(nil), decodeHex(name)), nil
}

func decodeHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// openRealDir opens a folder that is not a link to one, and holds all further reading inside it.
func openRealDir(path string) (*os.Root, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open %s: %w", path, fs.ErrInvalid)
	}
	return os.OpenRoot(path)
}

// openRegular opens a plain file inside root; a pipe would make open itself wait.
func openRegular(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrInvalid)
	}
	return root.Open(name)
}

func readRegular(root *os.Root, name string) ([]byte, error) {
	file, err := openRegular(root, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxRefFile))
}

// listDir names what is in a folder inside root; nothing when it cannot be read.
func listDir(root *os.Root, name string) []string {
	info, err := root.Lstat(name)
	if err != nil || !info.IsDir() {
		return nil
	}
	dir, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	return names
}
