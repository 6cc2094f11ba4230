package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MaxReviewOverhead is how many bytes a reviewer's prompt may have beyond the ticket, the rules, the diff and what is
// argued about.
const MaxReviewOverhead = 2000

// The roles that look at a change before it is published.
const (
	Enthusiast = "enthusiast"
	Adversary  = "adversary"
	Referee    = "referee"
)

// A Review is all that a reviewing session may be told. Whatever comes from the repository, the ticket or another
// session is fenced as evidence.
type Review struct {
	Role     string // Enthusiast, Adversary or Referee
	Title    string // of the ticket
	Body     string // of the ticket
	Rules    []Rule
	Dir      string   // absolute: where the change can be read
	Diff     string   // bounded by the caller, who says in it what was left out
	Areas    []string // the caller's own words for what the change touches
	Most     int      // findings that the Enthusiast may make
	Earlier  string   // for the Enthusiast: what was found real in the round before
	Findings string   // for the others: what is argued about
	Problem  string   // the caller's own words for why the answer before could not be read; "" the first time
}

// RenderReview writes the prompt for a reviewer. Title and body are sanitized; what cannot be seen in the diff and in
// the findings is not taken out but made visible, because hidden code is a finding too.
//
// An unknown role, a missing diff and a Dir that does not fit on a line are errors.
func RenderReview(r Review) (Prompt, error) {
	r.Title = strings.Join(strings.Fields(enclosed(Sanitize(r.Title))), " ")
	r.Body = strings.TrimSpace(enclosed(Sanitize(r.Body)))
	for _, text := range []*string{&r.Diff, &r.Earlier, &r.Findings} {
		*text = strings.Trim(enclosed(reveal(*text)), "\n")
	}
	if err := r.check(); err != nil {
		return Prompt{}, fmt.Errorf("render %s prompt: %w", r.Role, err)
	}
	if r.Title == "" {
		r.Title = "(no title)"
	}
	if r.Body == "" {
		r.Body = "(no description)"
	}
	var text strings.Builder
	if err := prompts.ExecuteTemplate(&text, r.Role+".md", r); err != nil {
		return Prompt{}, fmt.Errorf("render %s prompt: %w", r.Role, err)
	}
	content := len(r.Title) + len(r.Body) + len(r.Diff) + len(r.Earlier) + len(r.Findings)
	for _, rule := range r.Rules {
		content += len("- " + rule.Text + "\n")
	}
	p := Prompt{Text: text.String(), Bytes: text.Len(), Overhead: text.Len() - content}
	if p.Overhead > MaxReviewOverhead {
		return Prompt{}, fmt.Errorf("render %s prompt: %d bytes beside ticket, rules, diff and findings, %d are allowed: shorten the path %q",
			r.Role, p.Overhead, MaxReviewOverhead, r.Dir)
	}
	return p, nil
}

func (r Review) check() error {
	switch {
	case !slices.Contains([]string{Enthusiast, Adversary, Referee}, r.Role):
		return errors.New("no such role")
	case r.Diff == "":
		return errors.New("no diff")
	case r.Role != Enthusiast && r.Findings == "":
		return errors.New("no findings to argue about")
	case r.Dir == "" || r.Dir != oneLine(r.Dir):
		return fmt.Errorf("the path %q does not fit on a line", r.Dir)
	}
	return nil
}

// reviewFence is a tag that fences a text in a reviewer's prompt, however it is spelled.
var reviewFence = regexp.MustCompile(`(?i)<(\s*/?\s*)(ticket|diff|findings)\b([^<>]*)>`)

// enclosed returns a text that cannot end its fence, or begin another.
func enclosed(s string) string {
	return reviewFence.ReplaceAllString(s, "[$1$2$3]")
}

// reveal writes characters that leave no mark as their code point, and keeps all others.
func reveal(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		if hidden(c) {
			fmt.Fprintf(&b, "[%U]", c)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return r != '\n' && r != '\t' && invisible(r) }
