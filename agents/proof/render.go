package proof

import (
	"fmt"
	"strings"
	"time"
)

// maximumEvidence bounds what goes back to a session: more would crowd its task out of its mind.
const maximumEvidence = 4 << 10

const (
	markdownRows   = 20 // tests shown in a pull request; the rest is counted
	markdownPoints = 10 // refusals and warnings
)

// Markdown is the receipt as it stands in the pull request, under "## Why". It begins with a heading of the third level.
func (r Receipt) Markdown() string {
	var b strings.Builder
	b.WriteString("### Proof\n\n")
	if r.Proven {
		fmt.Fprintf(&b, "**%s**", upper(r.Line()))
	} else {
		b.WriteString("**Not proven**")
	}
	if s := r.Suite; s != nil && s.Passed {
		b.WriteString(" · the whole suite passes")
	}
	fmt.Fprintf(&b, "\n\n<sub>base `%s` · head `%s`", short(r.Base), short(r.Head))
	if r.Strength != "" {
		fmt.Fprintf(&b, " · strength: %s", r.Strength)
	}
	if s := r.Suite; s != nil {
		fmt.Fprintf(&b, " · %s", code(clip(s.Command, 120)))
		if s.Tests > 0 {
			fmt.Fprintf(&b, " (%d tests)", s.Tests)
		}
	}
	if m := r.Mutations; m != nil && m.Tried > 0 {
		fmt.Fprintf(&b, " · %d of %d faults put into it noticed", m.Caught, m.Tried)
	}
	fmt.Fprintf(&b, " · %s · void when head or base changes</sub>\n", seconds(r.Seconds))
	r.writeTests(&b)
	if len(r.Refusals) > 0 {
		b.WriteString("\nRefused:\n\n")
		for _, f := range r.Refusals[:min(len(r.Refusals), markdownPoints)] {
			fmt.Fprintf(&b, "- **%s** %s%s\n", f.Policy, where(f), text(clip(f.Detail, 300)))
		}
		andMore(&b, len(r.Refusals))
	}
	if len(r.Warnings) > 0 {
		b.WriteString("\nTo be looked at:\n\n")
		for _, w := range r.Warnings[:min(len(r.Warnings), markdownPoints)] {
			fmt.Fprintf(&b, "- %s\n", text(w))
		}
		andMore(&b, len(r.Warnings))
	}
	return b.String()
}

// andMore counts the points of a list that are not shown.
func andMore(b *strings.Builder, all int) {
	if more := all - markdownPoints; more > 0 {
		fmt.Fprintf(b, "- and %d more\n", more)
	}
}

// writeTests writes the table of the tests that tell, or of all that ran when none does. A test with subtests is one row, which names a few of them.
func (r Receipt) writeTests(b *strings.Builder) {
	shown, more := 0, 0
	for _, t := range r.Tests {
		if r.Proven && !t.Tells || r.nested(t.Name, r.Proven) {
			continue
		}
		if shown == markdownRows {
			more++
			continue
		}
		if shown == 0 {
			fmt.Fprintf(b, "\n| test | on %s | here |\n|---|---|---|\n", text(clip(r.against(), 60)))
		}
		shown++
		head := t.Head
		if t.Tells {
			head = "pass, twice"
		}
		fmt.Fprintf(b, "| %s%s | %s | %s |\n", code(clip(t.Name, 160)), r.subtests(t), t.Base, head)
	}
	if more > 0 {
		fmt.Fprintf(b, "\nand %d more\n", more)
	}
}

// subtests names a few subtests of t that ended as t did: " (`empty`, `two lines` and 3 more)".
func (r Receipt) subtests(t TestResult) string {
	const most = 3
	var names []string
	more := 0
	for _, o := range r.Tests {
		name, ok := strings.CutPrefix(o.Name, t.Name+"/")
		switch {
		case !ok || o.Tells != t.Tells || o.Base != t.Base:
		case len(names) < most:
			names = append(names, code(clip(name, 60)))
		default:
			more++
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case more == 0:
		return " (" + strings.Join(names, ", ") + ")"
	}
	return fmt.Sprintf(" (%s and %d more)", strings.Join(names, ", "), more)
}

// Evidence is what goes back to the session whose work was refused: what is wrong, where, what was run and its last words. It
// is plain text of at most 4 KiB, and empty when nothing was refused.
func (r Receipt) Evidence() string {
	if len(r.Refusals) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The work is not accepted yet (base %s, head %s). Repair each point; it is then judged again.\n", short(r.Base), short(r.Head))
	for i, f := range r.Refusals {
		room := (maximumEvidence - b.Len()) / (len(r.Refusals) - i) // what one point does not need is left to the next
		entry := f.evidence(i+1, room)
		if b.Len()+len(entry) > maximumEvidence-40 {
			fmt.Fprintf(&b, "\n(and %d more)\n", len(r.Refusals)-i)
			break
		}
		b.WriteString(entry)
	}
	return b.String()
}

// evidence words one refusal in about room bytes.
func (f Refusal) evidence(number, room int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d. [%s] %s%s\n", number, f.Policy, f.place(), clip(f.Detail, 600))
	if f.Ran != "" {
		fmt.Fprintf(&b, "   ran:      %s\n", clip(f.Ran, 300))
	}
	if want := expected[f.Policy]; want != "" {
		fmt.Fprintf(&b, "   expected: %s\n", want)
	}
	if room -= b.Len() + len("   last lines:\n") + 80; strings.TrimSpace(f.Output) != "" && room > 80 {
		b.WriteString("   last lines:\n")
		b.WriteString(lastLines(f.Output, room))
	}
	return b.String()
}

// expected says what would have been right, for the policies where the detail does not.
var expected = map[string]string{
	PolicyFailOnHead:   "every test that the change adds or alters passes with the change",
	PolicyPassOnBase:   "at least one test of the change fails without it and passes with it",
	PolicyNotRun:       "the tests of the change run, and pass",
	PolicySuite:        "all tests that passed before the change pass after it",
	PolicyNotCompiling: "tests that call only what is there, or what the change brings",
	PolicyNoTests:      "a test in the place and manner of the tests that are there",
	PolicyStub:         "the code itself",
	PolicyWhy:          "a heading \"## Why\" in the pull request text, and a reason under it",
}

// lastLines is the end of s in whole lines of at most 200 bytes, indented, in at most room bytes.
func lastLines(s string, room int) string {
	lines := strings.Split(strings.TrimRight(strings.ToValidUTF8(s, "�"), "\n "), "\n")
	size, from := 0, len(lines)
	for from > 0 {
		l := "      " + cut(strings.TrimRight(lines[from-1], " \r"), 200) + "\n"
		if size+len(l) > room {
			break
		}
		from--
		lines[from] = l
		size += len(l)
	}
	return strings.Join(lines[from:], "")
}

// cut shortens a line at a rune, keeping its spaces.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	end := n - len("…")
	for end > 0 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end] + "…"
}

// place is "file:12: ", as far as it is known.
func (f Refusal) place() string {
	switch {
	case f.File == "":
		return ""
	case f.Line == 0:
		return clip(f.File, 200) + ": "
	}
	return fmt.Sprintf("%s:%d: ", clip(f.File, 200), f.Line)
}

func where(f Refusal) string {
	if f.File == "" {
		return ""
	}
	return code(strings.TrimSuffix(f.place(), ": ")) + " "
}

// code writes s as code in Markdown, also inside a table: names of tests and files are the session's words.
func code(s string) string {
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(s) + "`"
}

// text writes s as plain words in Markdown: no markup, no mention, no link of the session's making works in it.
func text(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", "`", "'", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`,
		"@", "@\u200b", "#", "#\u200b", "://", ":\u200b//").Replace(s)
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
