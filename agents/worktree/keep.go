package worktree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// parentsFile, in a keep, names what the next Take commits on, one to a line: the commit that was laid out and, after a
// merge, the one that was merged. HEAD goes on from round to round; this does not.
const parentsFile = "parents"

// head reads where the keep stands: the branch, "" when there is none, and the commit last taken, or laid out.
func (c workingCopy) head() (branch, sha string, err error) {
	lines, err := c.lines("HEAD")
	if err != nil {
		return "", "", err
	}
	ref, symbolic := strings.CutPrefix(lines[0], "ref: ")
	if !symbolic {
		return "", lines[0], nil
	}
	lines, err = c.lines(ref)
	if err != nil {
		return "", "", err
	}
	return strings.TrimPrefix(ref, "refs/heads/"), lines[0], nil
}

func (c workingCopy) parents() ([]string, error) { return c.lines(parentsFile) }

// standOn says what the next Take commits on.
func (c workingCopy) standOn(parents ...string) error {
	return writeIfOther(filepath.Join(c.keep, parentsFile), []byte(strings.Join(parents, "\n")+"\n"))
}

// mergeHead is the commit that git has merged and not committed yet; "" when no merge is under way.
func (c workingCopy) mergeHead() (string, error) {
	lines, err := c.lines("MERGE_HEAD")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return lines[0], nil
}

// lines reads a small file of the keep: commit names, or a reference to one. Only we and our git write there.
func (c workingCopy) lines(name string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(c.keep, name))
	if err != nil {
		return nil, fmt.Errorf("read the keep: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	for _, line := range lines {
		if !isSHA(line) && !strings.HasPrefix(line, "ref: refs/heads/") {
			return nil, fmt.Errorf("read the keep: %s holds %q", name, line)
		}
	}
	return lines, nil
}
