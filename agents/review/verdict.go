package review

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lightsout/rules"
)

const (
	maxEvidence = 6 << 10 // bytes that go back to the author's session
	maxNotes    = 10      // points in a pull request; the rest is counted
)

// Blocks are the real bugs that stand.
func (v Verdict) Blocks() []Finding { return v.where(Finding.Blocks) }

// Notes are the findings that belong into the pull request's text.
func (v Verdict) Notes() []Finding {
	return v.where(func(f Finding) bool { return f.Ruling == WorthNoting })
}

func (v Verdict) where(which func(Finding) bool) []Finding {
	var list []Finding
	for _, f := range v.Findings {
		if which(f) {
			list = append(list, f)
		}
	}
	return list
}

// Looked reports whether somebody has looked at the change to the end, so that a later round may pass over it.
func (v Verdict) Looked() bool {
	return v.Rounds > 0 && v.Failure == "" && !slices.ContainsFunc(v.Silent, func(s string) bool { return strings.HasPrefix(s, rules.Enthusiast) })
}

// Counts is the debate in numbers. Raised is the sum of the others.
type Counts struct{ Raised, Refuted, Fixed, Noted, Open int }

// Counts counts what became of the findings of all rounds.
func (v Verdict) Counts() Counts {
	c := Counts{Raised: len(v.Findings)}
	for _, f := range v.Findings {
		switch {
		case f.Blocks():
			c.Open++
		case f.Ruling == RealBug:
			c.Fixed++
		case f.Ruling == FalsePositive:
			c.Refuted++
		default:
			c.Noted++
		}
	}
	return c
}

// Line is the counts as they stand on a card: "7 raised, 5 refuted, 1 fixed, 1 noted". What is 0 is left out.
func (c Counts) Line() string {
	if c.Raised == 0 {
		return "nothing raised"
	}
	line := fmt.Sprintf("%d raised", c.Raised)
	for _, part := range []struct {
		n    int
		word string
	}{{c.Refuted, "refuted"}, {c.Fixed, "fixed"}, {c.Noted, "noted"}, {c.Open, "open"}} {
		if part.n > 0 {
			line += fmt.Sprintf(", %d %s", part.n, part.word)
		}
	}
	return line
}

// Line is the verdict as it stands on a card, "" when the change was not worth a look. It says who stayed silent: without
// the Enthusiast nothing raised means nothing.
func (v Verdict) Line() string {
	if v.Radius.Depth == Unread {
		return ""
	}
	line := v.Counts().Line()
	var silent []string
	for _, s := range v.Silent {
		role, _, _ := strings.Cut(s, ":")
		silent = append(silent, role)
	}
	switch {
	case v.Failure != "" && len(v.Findings) == 0:
		return "not reviewed: " + clip(v.Failure, 200)
	case v.Failure != "":
		return line + "; the last round came to no end"
	case len(silent) == 0:
		return line
	case len(v.Findings) == 0 && slices.Contains(silent, rules.Enthusiast):
		return "not reviewed: the enthusiast gave no answer"
	}
	return line + "; no answer from the " + strings.Join(silent, ", ")
}

// Evidence is what goes back to the author's session: the real bugs that stand, in the Referee's words, with what shows
// them. "" when nothing blocks. It is bounded.
func (v Verdict) Evidence() string {
	var b strings.Builder
	for _, f := range v.Blocks() {
		fmt.Fprintf(&b, "%s, %s severity: %s\nIt happens when: %s\nThe referee: %s\n", f.Place(), f.Severity, f.Claim, f.Trigger, f.Reason)
		for _, s := range f.Trace {
			fmt.Fprintf(&b, "  %s:%d  %s\n", s.File, s.Line, s.Code)
		}
		if f.Reproduced {
			for _, file := range f.Reproduction {
				fmt.Fprintf(&b, "This test fails because of it (%s):\n%s\n", file.Path, strings.TrimSpace(clipText(file.Content, 2<<10)))
			}
			fmt.Fprintf(&b, "It printed:\n%s\n", strings.TrimSpace(f.Output))
		}
		b.WriteString("\n")
	}
	return strings.TrimSpace(clipText(b.String(), maxEvidence))
}

// Markdown is what stands in the pull request's text, from a heading of the third level on; "" when the change was not
// worth a look.
func (v Verdict) Markdown() string {
	if v.Radius.Depth == Unread {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### Review\n\n**%s**\n", plain(v.Line()))
	fixed := v.where(func(f Finding) bool { return f.Ruling == RealBug && f.Fixed })
	points(&b, "", slices.Concat(v.Blocks(), v.Notes(), fixed))
	points(&b, "Refuted", v.where(func(f Finding) bool { return f.Ruling == FalsePositive }))
	if len(v.Turns) > 0 {
		fmt.Fprintf(&b, "\n_The review: %s._\n", v.Spent())
	}
	return b.String()
}

// points writes findings as points of a list, folded away below a summary if one is given.
func points(b *strings.Builder, summary string, list []Finding) {
	if len(list) == 0 {
		return
	}
	b.WriteString("\n")
	if summary != "" {
		fmt.Fprintf(b, "<details><summary>%s</summary>\n\n", summary)
		defer b.WriteString("\n</details>\n")
	}
	for i, f := range list {
		if i == maxNotes {
			fmt.Fprintf(b, "- and %d more\n", len(list)-maxNotes)
			break
		}
		fmt.Fprintf(b, "- **%s** (%s) %s: %s", f.Fate(), f.Severity, code(f.Place()), plain(clip(f.Claim, 300)))
		if f.Reason != "" {
			fmt.Fprintf(b, " %s", plain(clip("("+f.Reason+")", 300)))
		}
		b.WriteString("\n")
	}
}

// Fate is what became of the finding, in a word or two for people.
func (f Finding) Fate() string {
	switch {
	case f.Blocks():
		return "Real bug"
	case f.Fixed:
		return "Fixed"
	case f.Ruling == FalsePositive:
		return "Refuted"
	}
	return "Worth noting"
}

// Spent is what the debate took: "4 sessions, 61 s, 1200 + 340 tokens, $0.12".
func (v Verdict) Spent() string {
	sessions := "1 session"
	if len(v.Turns) != 1 {
		sessions = fmt.Sprintf("%d sessions", len(v.Turns))
	}
	return fmt.Sprintf("%s, %.0f s, %d + %d tokens, $%.2f", sessions, v.Seconds, v.Usage.Input, v.Usage.Output, v.Usage.CostUSD)
}

// Debate is all that was said, in Markdown, for whoever wants to know how a ruling came about.
func (v Verdict) Debate() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Review\n\n%s\n\n", plain(fallback(v.Line(), "not looked at")))
	fmt.Fprintf(&b, "Depth: %s, %d files, %d lines", v.Radius.Depth, v.Radius.Files, v.Radius.Lines)
	if len(v.Radius.Areas) > 0 {
		fmt.Fprintf(&b, ", touches %s", strings.Join(v.Radius.Areas, ", "))
	}
	fmt.Fprintf(&b, ". Rounds: %d.\n", v.Rounds)
	for _, t := range v.Turns {
		fmt.Fprintf(&b, "- %s (%s), round %d: %s in %.0f s, %d + %d tokens, $%.2f", t.Role, plain(t.Engine), t.Round, t.Outcome, t.Seconds, t.Usage.Input, t.Usage.Output, t.Usage.CostUSD)
		if t.Problem != "" {
			fmt.Fprintf(&b, "; no answer: %s", plain(t.Problem))
		}
		if t.Note != "" {
			fmt.Fprintf(&b, "; %s", plain(t.Note))
		}
		b.WriteString("\n")
	}
	if len(v.Turns) > 1 {
		fmt.Fprintf(&b, "- in all: %s\n", v.Spent())
	}
	if v.Failure != "" {
		fmt.Fprintf(&b, "- the last round came to no end: %s\n", plain(v.Failure))
	}
	for _, l := range v.LeftOut {
		fmt.Fprintf(&b, "- not shown to them: %s\n", plain(l))
	}
	if v.Surplus > 0 {
		fmt.Fprintf(&b, "- %d more findings were raised than are looked at\n", v.Surplus)
	}
	for _, f := range v.Findings {
		f.write(&b)
	}
	for i, t := range v.Turns {
		if i == 0 {
			b.WriteString("\n## Word for word\n")
		}
		fmt.Fprintf(&b, "\n- %s, round %d:\n\n%s", t.Role, t.Round, indented(fallback(strings.TrimSpace(t.Answer), "(nothing)")))
	}
	return b.String()
}

// write adds the argument about one finding.
func (f Finding) write(b *strings.Builder) {
	fate := string(f.Ruling)
	if f.Fixed {
		fate += ", fixed"
	}
	fmt.Fprintf(b, "\n## %s %s\n\n%s, %s severity\n\n- Enthusiast: %s\n- Trigger: %s\n", f.ID, code(f.Place()), fate, f.Severity, plain(f.Claim), plain(f.Trigger))
	if f.Refuted != "" {
		fmt.Fprintf(b, "- Adversary: %s\n", plain(f.Refuted))
	}
	fmt.Fprintf(b, "- Ruling by the %s: %s\n", f.By, plain(f.Reason))
	for _, s := range f.Trace {
		fmt.Fprintf(b, "- %s %s\n", code(fmt.Sprintf("%s:%d", s.File, s.Line)), code(s.Code))
	}
	for _, file := range f.Reproduction {
		fmt.Fprintf(b, "- reproduction %s:\n\n%s\n", code(file.Path), indented(file.Content))
	}
	if f.Output != "" {
		fmt.Fprintf(b, "- it printed:\n\n%s\n", indented(f.Output))
	}
}

// Place is the file with its line, where there is one.
func (f Finding) Place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

func fallback(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

// code writes s as code in Markdown: names of files are the repository's words.
func code(s string) string {
	return "`" + strings.ReplaceAll(strings.Join(strings.Fields(rules.Sanitize(s)), " "), "`", "'") + "`"
}

// entity is what Markdown would read as another character.
var entity = regexp.MustCompile(`&(#?\w+;)`)

// plain writes s as words in Markdown: no markup, no mention, no reference and no link of a session's making works in it.
func plain(s string) string {
	s = strings.Join(strings.Fields(rules.Sanitize(s)), " ")
	s = entity.ReplaceAllString(s, "&amp;$1")
	return strings.NewReplacer("<", "&lt;", "`", "'", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`,
		"@", "@\u200b", "#", "#\u200b", "://", ":\u200b//").Replace(s)
}

// indented writes a text as a block of code inside a point of a list.
func indented(s string) string {
	var b strings.Builder
	for l := range strings.Lines(strings.TrimRight(rules.Sanitize(s), "\n")) {
		b.WriteString("      " + strings.TrimSuffix(l, "\n") + "\n")
	}
	return b.String()
}
