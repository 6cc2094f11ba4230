package isolation

import (
	"strings"

	"lightsout/agents/forge"
)

// A document is a ticket's text cut into sections. The first has the title as its only line and no heading.
type document struct{ sections []section }

type section struct {
	heading string // lower case, bare of marks
	level   int    // 1..6 as in markdown; 7 for bold lines and labels; 0 for what stands before the first
	lines   []string
	code    []bool // of each line: it stands in a fence
}

const labelLevel = 7

var (
	atx   = lazily(`^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$`)
	bold  = lazily(`^\s*(?:[-*+]\s+)?(?:\*\*|__)([^*_]+?)(?:\*\*|__)\s*:?\s*$`)
	label = lazily(`^\s*(?:[-*+]\s+)?(?:\*\*|__)?([\p{L}][\p{L}'/ ]{1,40}?)\s*(?:\*\*|__)?:(?:\*\*|__)?(?:\s+(.*))?$`)
	rule  = lazily(`^\s{0,3}(=+|-{3,})\s*$`)
	marks = lazily(`[*_#` + "`" + `]|^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$`)

	sentenceEnd = lazily(`[.!?]+(\s+|$)`)
	listMark    = lazily(`^\s*(>\s*)*([-*+]|\d+[.)])?\s*(\[[ xX]\]\s*)?`)
)

// outline reads a ticket's markdown, as far as Lacks needs it.
func outline(t forge.Ticket) document {
	body := t.Body
	if len(body) > maxText {
		body = strings.ToValidUTF8(body[:maxText], "")
	}
	body = htmlComment.ReplaceAllString(strings.ReplaceAll(body, "\r\n", "\n"), "")
	d := document{sections: []section{{lines: []string{t.Title}, code: []bool{false}}, {}}}
	fence := ""
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\n")
		if mark := fenceMark(line); mark != "" && (fence == "" || fence == mark) {
			if fence == "" {
				fence = mark
			} else {
				fence = ""
			}
			continue
		}
		d.line(line, fence != "")
	}
	return d
}

func fenceMark(line string) string {
	for _, mark := range []string{"```", "~~~"} {
		if strings.HasPrefix(strings.TrimSpace(line), mark) {
			return mark
		}
	}
	return ""
}

func (d *document) line(line string, code bool) {
	last := &d.sections[len(d.sections)-1]
	if !code {
		if m := atx.FindStringSubmatch(line); m != nil {
			d.begin(m[2], len(m[1]))
			return
		}
		if n := len(last.lines); rule.MatchString(line) && n > 0 && strings.TrimSpace(last.lines[n-1]) != "" && len(d.sections) > 1 {
			heading := last.lines[n-1]
			last.lines, last.code = last.lines[:n-1], last.code[:n-1]
			d.begin(heading, 2)
			return
		}
		if m := bold.FindStringSubmatch(line); m != nil {
			d.begin(m[1], labelLevel)
			return
		}
		if m := label.FindStringSubmatch(line); m != nil && (m[2] == "" || isKnown(clean(m[1]))) {
			d.begin(m[1], labelLevel)
			line = m[2]
			last = &d.sections[len(d.sections)-1]
		}
	}
	last.lines, last.code = append(last.lines, line), append(last.code, code)
}

func (d *document) begin(heading string, level int) {
	d.sections = append(d.sections, section{heading: clean(heading), level: level})
}

func clean(heading string) string {
	return strings.ToLower(strings.TrimSpace(marks.ReplaceAllString(heading, "")))
}

// isKnown tells the label "Expected: a 404" from the prose "Note: the file is large".
func isKnown(heading string) bool {
	for _, kind := range []*pattern{expectedHeading, stopHeading, stepsHeading, asideHeading} {
		if kind.MatchString(heading) {
			return true
		}
	}
	return false
}

// filled says whether some section whose heading is of a kind has content, in itself or in the sections below it.
func (d document) filled(kind *pattern) bool {
	for i, s := range d.sections {
		if s.level == 0 || !kind.MatchString(s.heading) {
			continue
		}
		for j := i; j < len(d.sections) && (j == i || d.sections[j].level > s.level); j++ {
			for _, line := range d.sections[j].lines {
				if !placeholder.MatchString(listMark.ReplaceAllString(line, "")) {
					return true
				}
			}
		}
	}
	return false
}

// sentences are those of the title and of the prose that tells what should be: lower case, with the mark that ends
// them. A heading that belongs to what is leaves out all below it.
func (d document) sentences() []string {
	var all []string
	aside := 0 // level of the heading that leaves out; 0 when none does
	for _, s := range d.sections {
		if s.level > 0 && (aside == 0 || s.level <= aside) {
			aside = 0
			if asideHeading.MatchString(s.heading) || stepsHeading.MatchString(s.heading) {
				aside = s.level
			}
		}
		if aside > 0 {
			continue
		}
		var prose strings.Builder
		for i, line := range s.lines {
			switch bare := strings.TrimSpace(listMark.ReplaceAllString(line, "")); {
			case s.code[i]:
			case bare == "" || bare != strings.TrimSpace(line): // a gap or an item of a list ends what stood before
				prose.WriteString("\n" + bare)
			default:
				prose.WriteString(" " + bare)
			}
		}
		for paragraph := range strings.SplitSeq(strings.ToLower(prose.String()), "\n") {
			all = append(all, split(paragraph)...)
		}
	}
	return all
}

func split(paragraph string) []string {
	var sentences []string
	for paragraph != "" {
		end := len(paragraph)
		if at := sentenceEnd.FindStringIndex(paragraph); at != nil {
			end = at[1]
		}
		if s := strings.TrimSpace(paragraph[:end]); s != "" {
			sentences = append(sentences, s)
		}
		paragraph = paragraph[end:]
	}
	return sentences
}
