package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// around is how many unchanged lines stand around a change: one is enough to find the place.
	around = 1
	// maxTable bounds the table of compare, in cells. Rules files of a thousand lines each stay below.
	maxTable = 1 << 20
)

// Diff shows what changed from one version of the rules file to another, as a unified diff. It is
// empty when nothing changed. It is read in the chat too, so the file is named without its folder.
func Diff(before, after File) string {
	if before.Hash == after.Hash && string(before.Content) == string(after.Content) {
		return ""
	}
	lines := compare(splitLines(before.Content), splitLines(after.Content))
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s %s\n+++ %s %s\n", filepath.Base(before.Path), before.Version(), filepath.Base(after.Path), after.Version())
	oldLine, newLine := 1, 1
	for i := 0; i < len(lines); {
		if lines[i].mark == ' ' && !changeWithin(lines[i:]) {
			i, oldLine, newLine = i+1, oldLine+1, newLine+1
			continue
		}
		end := hunkEnd(lines, i)
		writeHunk(&out, lines[i:end], oldLine, newLine)
		for ; i < end; i++ {
			if lines[i].mark != '+' {
				oldLine++
			}
			if lines[i].mark != '-' {
				newLine++
			}
		}
	}
	return out.String()
}

// Version is the beginning of the hash, for people to read.
func (f File) Version() string {
	return cut(f.Hash, 7)
}

type diffLine struct {
	mark byte // ' ', '-' or '+'
	text string
}

// changeWithin says whether a change begins so soon that the first line is its context.
func changeWithin(lines []diffLine) bool {
	for _, l := range lines[:min(around+1, len(lines))] {
		if l.mark != ' ' {
			return true
		}
	}
	return false
}

// hunkEnd finds where the hunk that begins at i ends: context lines behind its last change, and
// further changes that are so near that their contexts touch.
func hunkEnd(lines []diffLine, i int) int {
	lastChange := i
	for j := i; j < len(lines) && j-lastChange <= 2*around+1; j++ {
		if lines[j].mark != ' ' {
			lastChange = j
		}
	}
	return min(lastChange+around+1, len(lines))
}

func writeHunk(out *strings.Builder, lines []diffLine, oldLine, newLine int) {
	var olds, news int
	for _, l := range lines {
		if l.mark != '+' {
			olds++
		}
		if l.mark != '-' {
			news++
		}
	}
	fmt.Fprintf(out, "@@ -%d,%d +%d,%d @@\n", start(oldLine, olds), olds, start(newLine, news), news)
	for _, l := range lines {
		fmt.Fprintf(out, "%c%s\n", l.mark, l.text)
	}
}

// start is the line a hunk names: the one before it when it has no line of that side.
func start(line, count int) int {
	if count == 0 {
		return line - 1
	}
	return line
}

// compare aligns two texts by their longest common subsequence of lines. Beyond maxTable it takes
// everything between the equal beginnings and ends for changed, which is true too, only longer.
func compare(a, b []string) []diffLine {
	var head, tail []diffLine
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, diffLine{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, diffLine{' ', a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	slices.Reverse(tail)
	return slices.Concat(head, align(a, b), tail)
}

func align(a, b []string) (lines []diffLine) {
	if (len(a)+1)*(len(b)+1) > maxTable {
		for _, text := range a {
			lines = append(lines, diffLine{'-', text})
		}
		for _, text := range b {
			lines = append(lines, diffLine{'+', text})
		}
		return lines
	}
	longest := make([][]int, len(a)+1) // longest[i][j]: of a[i:] and b[j:]
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			lines = append(lines, diffLine{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			lines = append(lines, diffLine{'-', a[i]})
			i++
		default:
			lines = append(lines, diffLine{'+', b[j]})
			j++
		}
	}
	return lines
}

func splitLines(content []byte) []string {
	text := strings.TrimSuffix(string(content), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
