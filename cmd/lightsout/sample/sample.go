// Package sample is the world of the demo as data: a small service with bugs, the tickets that tell
// them, and what a scripted coding CLI does about each. Being data it can be checked by itself: its
// test holds every claim the demo relies on.
package sample

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed repo.txtar
var repo []byte

//go:embed solutions.txtar
var solutions []byte

//go:embed tickets.toml
var tickets []byte

// A Board is one milestone with its tickets, the first to be done at the top.
type Board struct {
	Milestone string   `toml:"milestone"`
	Tickets   []Ticket `toml:"ticket"`
}

// A Ticket as a person files it.
type Ticket struct {
	Title  string   `toml:"title"`
	Body   string   `toml:"body"` // markdown
	Labels []string `toml:"labels"`
	Expect string   `toml:"expect"` // how it should end: Staged, which "" stands for, or Vague
}

// How a ticket should end: on staging, or parked because it is too vague to work on.
const (
	Staged = "staged"
	Vague  = "vague"
)

// Repo returns the files of the sample repository by their slash-separated paths.
func Repo() map[string][]byte {
	return unpack(repo)
}

// Solutions returns the script directory of the scripted CLI, by slash-separated paths:
// <slug of the ticket's title>/<k>/… is what the k-th session for that ticket does, and
// review/<role>/<slug>/<k>/say what a reviewer answers.
func Solutions() map[string][]byte {
	return unpack(solutions)
}

// Tickets returns the board of the sample repository.
func Tickets() (Board, error) {
	return ParseTickets("tickets.toml", tickets)
}

// ParseTickets reads a board from TOML: a milestone, and [[ticket]] tables with title, body,
// labels and expect. Unknown keys, tickets without title or body, unknown ends, and titles that stand
// twice are faults, all of them returned at once; the name is for their text.
func ParseTickets(name string, content []byte) (Board, error) {
	var b Board
	meta, err := toml.Decode(string(content), &b)
	if err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return Board{}, fmt.Errorf("%s:%d: %s", name, syntax.Position.Line, syntax.Message)
		}
		return Board{}, fmt.Errorf("%s: %w", name, err)
	}
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf(name+": "+format, args...))
	}
	for _, key := range meta.Undecoded() {
		fault("unknown key %q; known are milestone, and in each [[ticket]] title, body, labels, expect", key)
	}
	if strings.TrimSpace(b.Milestone) == "" {
		fault(`no milestone; write milestone = "…" above the first [[ticket]]`)
	}
	if len(b.Tickets) == 0 {
		fault("no ticket; write at least one [[ticket]] with title and body")
	}
	seen := map[string]int{}
	for i, t := range b.Tickets {
		if strings.TrimSpace(t.Title) == "" {
			fault(`ticket %d has no title; write title = "…"`, i+1)
			continue
		}
		if strings.TrimSpace(t.Body) == "" {
			fault("ticket %d, %q, has no body; write what is expected and when it is done", i+1, t.Title)
		}
		if t.Expect != "" && t.Expect != Staged && t.Expect != Vague {
			fault("ticket %d, %q, expects %q; write expect = %q or %q", i+1, t.Title, t.Expect, Staged, Vague)
		}
		if first := seen[t.Title]; first > 0 {
			fault("tickets %d and %d are both called %q; rename one", first, i+1, t.Title)
		}
		seen[t.Title] = i + 1
	}
	return b, errors.Join(faults...)
}

// Write puts files, as Repo and Solutions return them, below a directory.
func Write(dir string, files map[string][]byte) error {
	for path, content := range files {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return fmt.Errorf("write sample: %w", err)
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return fmt.Errorf("write sample: %w", err)
		}
	}
	return nil
}

func unpack(archive []byte) map[string][]byte {
	files := map[string][]byte{}
	for _, f := range txtar.Parse(archive).Files {
		files[f.Name] = f.Data
	}
	return files
}
