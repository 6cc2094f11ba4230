package review

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	// maxFile bounds what is read of a file that a session names, in bytes.
	maxFile = 4 << 20
	// nearby is by how many lines a session may be wrong about where code stands.
	nearby = 3
)

// tree is the head of the change, as far as sessions name files of it. Its working copy holds what a stranger may have
// written: no link is followed out of it, and nothing but regular files is read.
type tree struct {
	root    *os.Root
	dir     string
	changed map[string]bool     // paths of the diff, deleted files too
	known   map[string][]string // lines of the files that were read; nil when there is no such file
}

func openTree(dir string, diffs ...[]byte) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	t := &tree{root: root, dir: filepath.Clean(dir), changed: map[string]bool{}, known: map[string][]string{}}
	for _, diff := range diffs {
		for _, s := range sections(diff) {
			t.changed[s.path] = true
		}
	}
	return t, nil
}

func (t *tree) close() error { return t.root.Close() }

// name is the path in the repository that a session means: it may name it from the root of the machine, or as a diff
// does. "" when it is none.
func (t *tree) name(said string) string {
	said = t.relative(strings.TrimSpace(said))
	for _, prefix := range []string{"", "a/", "b/"} {
		if p, ok := strings.CutPrefix(said, prefix); ok {
			if p = path.Clean(p); fs.ValidPath(p) && p != "." && (t.changed[p] || t.lines(p) != nil) {
				return p
			}
		}
	}
	return ""
}

// relative is a path below the change as the repository names it, and any other as it is.
func (t *tree) relative(said string) string {
	return strings.TrimPrefix(strings.TrimPrefix(said, t.dir+"/"), "./")
}

// lines are the lines of a file of the head; nil when there is no such file.
func (t *tree) lines(p string) []string {
	lines, ok := t.known[p]
	if !ok {
		lines = t.read(p)
		t.known[p] = lines
	}
	return lines
}

func (t *tree) read(p string) []string {
	if info, err := t.root.Lstat(p); err != nil || !info.Mode().IsRegular() || p == ".git" || strings.HasPrefix(p, ".git/") {
		return nil
	}
	file, err := t.root.Open(p)
	if err != nil {
		return nil
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil
	}
	return strings.Split(string(bytes.ToValidUTF8(content, []byte("\uFFFD"))), "\n")
}

// placeForm is file:line, with what models like to put behind it.
var placeForm = regexp.MustCompile(`([^\s:,;()]+):(\d{1,7})`)

// hasPlace reports whether the words name a line that exists, as file:line.
func (t *tree) hasPlace(said string) bool {
	for _, m := range placeForm.FindAllStringSubmatch(clip(said, 1000), 10) {
		line, err := strconv.Atoi(m[2])
		if p := t.name(m[1]); err == nil && p != "" && line >= 1 && line <= len(t.lines(p)) {
			return true
		}
	}
	return false
}

// precise says why a trace proves nothing, "" when it does: its steps, two at least, quote code that stands where they
// say, and one of them is in a file that the change touches.
func (t *tree) precise(steps []Step) string {
	if len(steps) < 2 {
		return "no trace from the input to the wrong result"
	}
	touches := false
	for _, s := range steps {
		p := t.name(s.File)
		if !stands(t.lines(p), s.Line, s.Code) {
			return "the trace quotes code that does not stand at " + clip(s.File, 100) + ":" + strconv.Itoa(s.Line)
		}
		touches = touches || t.changed[p]
	}
	if !touches {
		return "the trace leads through nothing that the change touches"
	}
	return ""
}

// stands reports whether the code is at that line of the file, or very near. White space does not count; a quote may be
// of a part of the line, or of several lines, of which the first decides.
func stands(lines []string, number int, code string) bool {
	first := ""
	for l := range strings.Lines(code) {
		if first = squeeze(l); first != "" {
			break
		}
	}
	if len(first) < 3 { // a lone brace stands everywhere
		return false
	}
	for i := max(0, number-1-nearby); i < min(len(lines), number+nearby); i++ {
		if strings.Contains(squeeze(lines[i]), first) {
			return true
		}
	}
	return false
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }
