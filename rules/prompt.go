package rules

import (
	"embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode"
)

const (
	// MaxOverhead is how many bytes a prompt may have beyond the ticket, the rules and the evidence:
	// instructions, file names, the test command, the path of the pull request text.
	MaxOverhead = 2200
	// MaxFiles is how many predicted files a prompt names at most.
	MaxFiles = 10
)

//go:embed prompt/*.md
var promptFiles embed.FS

var prompts = template.Must(template.ParseFS(promptFiles, "prompt/*.md"))

// A Task is all that a session may be told.
type Task struct {
	Role     string   // whose instructions: "implementer" or "fixer"
	Title    string   // of the ticket
	Body     string   // of the ticket
	Files    []string // that it probably touches, names only; the first MaxFiles are used
	Rules    []Rule
	TextFile string   // where the session writes its pull request text
	Evidence string   // what came back: a refused proof, a failing log, a review. Bounded, and if people wrote it sanitized, by the caller
	Test     string   // the command that runs the tests, "" when the session is to find out
	Docs     []string // names of the repository's own documents that say how to work in it
}

// A Prompt is the text for one session, counted.
type Prompt struct {
	Text     string
	Bytes    int // of Text
	Overhead int // Bytes without title, body, rules and evidence; at most MaxOverhead
}

// Render writes the prompt for a task. Title and body are sanitized. Of the file names and documents
// as many are named, from the first, as MaxOverhead has room for. Its first line is "# " and the
// title; a line of its own reads "Write the pull request text to: " and the TextFile.
//
// An unknown role, a missing title or TextFile, and a TextFile or Test that does not fit on a line or
// into MaxOverhead are errors.
func Render(t Task) (Prompt, error) {
	t.Title = strings.Join(strings.Fields(Sanitize(t.Title)), " ")
	t.Body = strings.TrimSpace(fenced(Sanitize(t.Body)))
	t.Evidence = strings.TrimSpace(fenced(visible(t.Evidence)))
	t.Files = slices.Clone(t.Files[:min(len(t.Files), MaxFiles)])
	t.Docs = slices.Clone(t.Docs)
	if err := t.check(); err != nil {
		return Prompt{}, fmt.Errorf("render %s prompt: %w", t.Role, err)
	}
	for _, names := range [][]string{t.Files, t.Docs} {
		for i, name := range names {
			names[i] = oneLine(name)
		}
	}
	if t.Body == "" {
		t.Body = "(no description)"
	}
	for {
		p, err := t.render()
		switch {
		case err != nil:
			return Prompt{}, fmt.Errorf("render %s prompt: %w", t.Role, err)
		case p.Overhead <= MaxOverhead:
			return p, nil
		case len(t.Docs) > 0:
			t.Docs = t.Docs[:len(t.Docs)-1]
		case len(t.Files) > 0:
			t.Files = t.Files[:len(t.Files)-1]
		default:
			return Prompt{}, fmt.Errorf("render %s prompt: %d bytes beside ticket, rules and evidence, %d are allowed: shorten the test command (%d bytes) or the path of the text file (%d)",
				t.Role, p.Overhead, MaxOverhead, len(t.Test), len(t.TextFile))
		}
	}
}

func (t Task) check() error {
	switch {
	case t.Role != "implementer" && t.Role != "fixer":
		return errors.New("no such role")
	case t.Title == "":
		return errors.New("the ticket has no title")
	case t.TextFile == "":
		return errors.New("no file for the pull request text")
	case t.TextFile != oneLine(t.TextFile):
		return fmt.Errorf("the path of the text file %q does not fit on a line", t.TextFile)
	case t.Test != oneLine(t.Test):
		return fmt.Errorf("the test command %q does not fit on a line", t.Test)
	}
	return nil
}

func (t Task) render() (Prompt, error) {
	var text strings.Builder
	if err := prompts.ExecuteTemplate(&text, t.Role+".md", t); err != nil {
		return Prompt{}, err
	}
	content := len(t.Title) + len(t.Body) + len(t.Evidence)
	for _, r := range t.Rules {
		content += len("- " + r.Text + "\n")
	}
	return Prompt{Text: text.String(), Bytes: text.Len(), Overhead: text.Len() - content}, nil
}

// fence is a tag that fences a text in its prompt.
var fence = regexp.MustCompile(`(?i)<(/?)\s*(ticket|evidence)\s*>`)

// fenced returns a text that cannot end its fence, or begin another.
func fenced(s string) string {
	return fence.ReplaceAllString(s, "[$1$2]")
}

// oneLine quotes a name that has characters which would break its line or cannot be seen.
func oneLine(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
