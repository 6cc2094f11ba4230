// Package rules keeps the one file that says how coding sessions behave, and renders the prompts
// they are given, so that nothing reaches a session that did not pass through here.
//
// The file is markdown: one rule a bullet, its provenance in an HTML comment behind it. The file
// itself is the truth; a version of it is named by the hash of its bytes.
package rules

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

const (
	// MaxText is the longest rule, in bytes. Every rule goes into every prompt, so each must be short.
	MaxText = 300
	// MaxFile is the largest rules file that is read, in bytes.
	MaxFile = 64 << 10
	// maxProvenance bounds the comment that Add writes behind a rule, in bytes.
	maxProvenance = 200
)

//go:embed founding.md
var founding []byte

// A Rule is one bullet of the rules file.
type Rule struct {
	Number     int    // counted from 1, in the order of the file
	Text       string // one line, however many lines the bullet has; at most MaxText bytes
	Provenance string // where the rule came from: the HTML comments on the bullet, "" when there are none
	Line       int    // of the bullet, counted from 1
}

// A File is one version of the rules file.
type File struct {
	Path    string
	Rules   []Rule
	Hash    string // SHA-256 of Content in hex: the name of this version
	Content []byte
}

// An Error is one thing wrong with a rules file, or with a rule that was to be added to it.
// Errors of reading and writing are of other types.
type Error struct {
	File    string
	Line    int // 0 when it is about no line in particular
	Problem string
	Cure    string // what to write instead
}

func (e *Error) Error() string {
	place := e.File
	if e.Line > 0 {
		place = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return fmt.Sprintf("%s: %s; %s", place, e.Problem, e.Cure)
}

// Load reads the rules file at path. Faults in it are *Error, joined, all at once.
func Load(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("load rules: %w", err)
	}
	defer f.Close()
	content, err := readBounded(f)
	if err != nil {
		return File{}, fmt.Errorf("load rules: %w", err)
	}
	return Parse(path, content)
}

// Create writes a rules file with the four founding rules. A file that is there already is left
// alone: the error is then fs.ErrExist.
func Create(path string) (File, error) {
	file, err := Parse(path, founding)
	if err != nil {
		return File{}, err
	}
	release, err := lock(path)
	if err != nil {
		return File{}, fmt.Errorf("create rules: %w", err)
	}
	defer release()
	if err := writeNew(path, founding); err != nil {
		return File{}, fmt.Errorf("create rules: %w", err)
	}
	return file, nil
}

// Add puts one rule behind the last one and returns the file as it was and as it is now. The
// provenance gets the day of at. Adds by several processes wait for each other, and a reader sees
// the old file or the new one, never half of it. A rule that is empty, longer than MaxText, of more
// than one line, or there already is refused with *Error, and the file stays as it is.
func Add(path, text, provenance string, at time.Time) (before, after File, err error) {
	real, err := filepath.EvalSymlinks(path) // a linked rules file stays a link
	if err != nil {
		return File{}, File{}, fmt.Errorf("add rule: %w", err)
	}
	release, err := lock(real)
	if err != nil {
		return File{}, File{}, fmt.Errorf("add rule: %w", err)
	}
	defer release()
	before, err = Load(real)
	if err != nil {
		return File{}, File{}, fmt.Errorf("add rule: %w", err)
	}
	before.Path = path
	after, err = with(before, text, provenance, at)
	if err != nil {
		return File{}, File{}, err
	}
	if err := replace(real, after.Content); err != nil {
		return File{}, File{}, fmt.Errorf("add rule: %w", err)
	}
	return before, after, nil
}

// with returns file with one more rule behind the last one.
func with(file File, text, provenance string, at time.Time) (File, error) {
	refuse := func(problem, cure string) (File, error) {
		return File{}, &Error{File: file.Path, Problem: problem, Cure: cure}
	}
	text = strings.TrimSpace(text)
	text = strings.TrimSpace(strings.TrimPrefix(text, "- "))
	switch {
	case !strings.ContainsFunc(text, unicode.IsLetter):
		return refuse("the rule is empty", "say in one sentence what a session must do")
	case strings.ContainsAny(text, "\r\n"):
		return refuse("the rule has more than one line", "write it as one line, or as several rules")
	case strings.Contains(text, "<!--") || strings.Contains(text, "-->"):
		return refuse("the rule contains an HTML comment", "leave the comment out: the provenance is written for you")
	}
	for _, r := range file.Rules {
		if sameRule(r.Text, text) {
			return File{}, &Error{File: file.Path, Line: r.Line,
				Problem: fmt.Sprintf("rule %d says this already", r.Number),
				Cure:    "change that rule instead of adding it again"}
		}
	}

	ending := "\n"
	if strings.Contains(string(file.Content), "\r\n") {
		ending = "\r\n"
	}
	bullet := "- " + text + " <!-- " + comment(provenance, at) + " -->" + ending
	head, tail := splitAfterLastRule(file.Content)
	if head != "" && !strings.HasSuffix(head, "\n") {
		bullet = ending + bullet
	}
	after, err := Parse(file.Path, []byte(head+bullet+tail))
	if err != nil {
		// The file was in order before, so every fault is one of the new rule.
		var e *Error
		if errors.As(err, &e) {
			return refuse("the new rule: "+e.Problem, e.Cure)
		}
		return File{}, err
	}
	if n := len(file.Rules) + 1; len(after.Rules) != n || after.Rules[n-1].Text != strings.Join(strings.Fields(text), " ") {
		return refuse("the rule would not be read back as it was written", "write it as one plain sentence")
	}
	return after, nil
}

// comment is what stands behind a new rule: one line that cannot end the comment early.
func comment(provenance string, at time.Time) string {
	provenance = strings.Join(strings.Fields(Sanitize(provenance)), " ")
	provenance = strings.TrimSpace(cut(strings.NewReplacer("<", "", ">", "").Replace(provenance), maxProvenance))
	day := at.UTC().Format(time.DateOnly)
	if provenance == "" {
		return day
	}
	return provenance + ", " + day
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
