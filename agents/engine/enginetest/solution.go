package enginetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	textLine = "Write the pull request text to: " // of the prompt, before the file
	maxSlug  = 40                                 // bytes
)

// Solution is what one session does. Record writes it into a script directory.
type Solution struct {
	Files  map[string]string // by path in the worktree
	Delete []string          // paths in the worktree
	Text   string            // the pull request text; empty: none is written
	Say    string
	Exit   int
	Modes  []string
}

// Record makes s what the k-th session (1, 2, …) for the ticket does.
func Record(dir, title string, k int, s Solution) error {
	folder := filepath.Join(dir, slug(title), strconv.Itoa(k))
	contents := map[string]string{}
	for path, content := range s.Files {
		contents[filepath.Join("files", path)] = content
	}
	if s.Exit != 0 {
		contents["exit"] = strconv.Itoa(s.Exit)
	}
	contents["pull-request.md"], contents["say"] = s.Text, s.Say
	contents["delete"], contents["mode"] = strings.Join(s.Delete, "\n"), strings.Join(s.Modes, "\n")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("record solution: %w", err)
	}
	for path, content := range contents {
		if content == "" && !strings.HasPrefix(path, "files/") {
			continue
		}
		file := filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("record solution: %w", err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return fmt.Errorf("record solution: %w", err)
		}
	}
	return nil
}

// slug names the folder of a ticket, as worktree.Slug names its branch.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	s := strings.Join(words, "-")
	if len(s) <= maxSlug {
		return s
	}
	if cut := strings.LastIndexByte(s[:maxSlug+1], '-'); cut > 0 {
		return s[:cut]
	}
	return s[:maxSlug]
}

// nothingFound is the answer of a reviewer for whom nothing is recorded.
const nothingFound = `{"findings":[]}`

// errNothingToSay means that a reviewer has nothing recorded about a ticket.
var errNothingToSay = errors.New("nothing is recorded for this reviewer")

// reviewer is the reviewing role that the prompt is headed with, in lower case; "" for none.
func reviewer(prompt string) string {
	heading, _, _ := strings.Cut(strings.TrimSpace(prompt), "\n")
	switch heading = strings.TrimSpace(heading); heading {
	case "# Enthusiast", "# Adversary", "# Referee":
		return strings.ToLower(heading[len("# "):])
	}
	return ""
}

// solution is the folder of what this session does, found by the first heading of
// the prompt that is the title of a recorded ticket. It counts the session.
func (p *player) solution(prompt string) (string, error) {
	var titles []string
	dir, role := p.dir, reviewer(prompt)
	if role != "" {
		dir = filepath.Join(p.dir, "review", role)
	}
	for line := range strings.Lines(prompt) {
		title, isHeading := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !isHeading || slug(title) == "" {
			continue
		}
		titles = append(titles, title)
		ticket := filepath.Join(dir, slug(title))
		if _, err := os.Stat(ticket); err != nil {
			continue
		}
		k, err := count(filepath.Join(ticket, "count"))
		if err != nil {
			return "", err
		}
		for ; k > 0; k-- {
			folder := filepath.Join(ticket, strconv.Itoa(k))
			if _, err := os.Stat(folder); err == nil {
				return folder, nil
			}
		}
	}
	if role != "" {
		return "", errNothingToSay
	}
	return "", fmt.Errorf("no solution is recorded in %s for any of the prompt's headings %q", p.dir, titles)
}

// count adds one to the number in file and returns it. Sessions of one ticket may
// ask at the same time, and may be killed at any time.
func count(file string) (n int, err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 0, fmt.Errorf("count the session: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }() // which gives up the lock
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return 0, fmt.Errorf("count the session: lock: %w", err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("count the session: %w", err)
	}
	if text := strings.TrimSpace(string(before)); text != "" {
		if n, err = strconv.Atoi(text); err != nil {
			return 0, fmt.Errorf("count the session: %w", err)
		}
	}
	n++
	// One write of one width: there is never half a number.
	if _, err := f.WriteAt(fmt.Appendf(nil, "%8d\n", n), 0); err != nil {
		return 0, fmt.Errorf("count the session: %w", err)
	}
	return n, nil
}

// apply does what folder says to the worktree, which is the working directory,
// and returns the exit code and what is to be said.
func (p *player) apply(folder, prompt string) (code int, said string, err error) {
	worktree, err := os.OpenRoot(".")
	if err != nil {
		return 0, "", fmt.Errorf("open worktree: %w", err)
	}
	defer func() { err = errors.Join(err, worktree.Close()) }()
	if err := p.copyFiles(worktree, filepath.Join(folder, "files")); err != nil {
		return 0, "", err
	}
	gone, err := readLines(filepath.Join(folder, "delete"))
	if err != nil {
		return 0, "", err
	}
	for _, path := range gone {
		if err := worktree.RemoveAll(path); err != nil {
			return 0, "", fmt.Errorf("delete: %w", err)
		}
	}
	if err := writeText(filepath.Join(folder, "pull-request.md"), prompt); err != nil {
		return 0, "", err
	}
	words, err := os.ReadFile(filepath.Join(folder, "say"))
	if err != nil && !os.IsNotExist(err) {
		return 0, "", fmt.Errorf("read what to say: %w", err)
	}
	exit, err := readLines(filepath.Join(folder, "exit"))
	if err == nil && len(exit) > 0 {
		code, err = strconv.Atoi(exit[0])
	}
	if err != nil {
		return 0, "", fmt.Errorf("read exit code: %w", err)
	}
	return code, strings.TrimSpace(string(words)), nil
}

// copyFiles lays the recorded files over the worktree, with their mode.
func (p *player) copyFiles(worktree *os.Root, from string) error {
	if _, err := os.Stat(from); os.IsNotExist(err) {
		return nil
	}
	return filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read solution: %w", err)
		}
		path, err := filepath.Rel(from, file)
		if err != nil || path == "." {
			return err
		}
		if entry.IsDir() {
			if err := worktree.MkdirAll(path, 0o755); err != nil {
				return fmt.Errorf("make folder: %w", err)
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return fmt.Errorf("read solution: %w", err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read solution: %w", err)
		}
		p.voice.tool("Write", path)
		if err := worktree.WriteFile(path, content, info.Mode().Perm()); err != nil {
			return fmt.Errorf("write file: %w", err)
		}
		if err := worktree.Chmod(path, info.Mode().Perm()); err != nil {
			return fmt.Errorf("write file: %w", err)
		}
		return nil
	})
}

// writeText writes the pull request text to the file that the prompt names; a
// prompt that names none wants none.
func writeText(from, prompt string) error {
	text, err := os.ReadFile(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read pull request text: %w", err)
	}
	for line := range strings.Lines(prompt) {
		if file, ok := strings.CutPrefix(strings.TrimSpace(line), textLine); ok {
			if err := os.WriteFile(strings.Trim(file, "`"), text, 0o600); err != nil {
				return fmt.Errorf("write pull request text: %w", err)
			}
			return nil
		}
	}
	return nil
}

// Wrap writes file, a shell script that runs binary (which calls Main) as the
// scripted CLI with the script directory dir and arguments, before whatever it is
// called with itself: so an engine that puts its own arguments first can be
// pointed at it. It can be run at once, whatever else is started meanwhile.
func Wrap(file, binary, dir string, arguments ...string) error {
	script := "#!/bin/sh\nexec"
	for _, word := range append([]string{binary, Word, dir}, arguments...) {
		script += " '" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	// A process that is started while the file is being written holds it open until
	// it becomes its program, and as long the file is busy.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, []byte(script+" \"$@\"\n"), 0o755); err != nil {
		return fmt.Errorf("write wrapper: %w", err)
	}
	return nil
}
