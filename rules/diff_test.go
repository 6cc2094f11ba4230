package rules

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDiffShowsAnAddedRuleWithItsNeighbours(t *testing.T) {
	path := writeFile(t, "# Rules\n\n- One.\n- Two.\n\n<!-- end -->\n")
	before, after, err := Add(path, "Three.", "asked for in the chat", day)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("--- %s %s\n+++ %[1]s %[3]s\n", filepath.Base(path), before.Version(), after.Version()) +
		"@@ -4,2 +4,3 @@\n - Two.\n+- Three. <!-- asked for in the chat, 2026-03-14 -->\n \n"
	if diff := cmp.Diff(want, Diff(before, after)); diff != "" {
		t.Error(diff)
	}
	if got := Diff(after, after); got != "" {
		t.Errorf("a version differs from itself: %s", got)
	}
}

func TestDiffOfAnyTwoVersionsTurnsOneIntoTheOther(t *testing.T) {
	version := rapid.Custom(func(t *rapid.T) File {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"- One.", "- Two.", "- Three.", "", "# Four"}), 0, 12).Draw(t, "lines")
		content := ""
		for _, l := range lines {
			content += l + "\n"
		}
		return File{Path: "rules.md", Content: []byte(content), Hash: hash([]byte(content))}
	})
	rapid.Check(t, func(t *rapid.T) {
		before, after := version.Draw(t, "before"), version.Draw(t, "after")
		diff := Diff(before, after)
		if got, err := patch(splitLines(before.Content), diff); err != nil || !cmp.Equal(got, splitLines(after.Content)) {
			t.Fatalf("%v: the diff\n%smakes %q", err, diff, got)
		}
	})
}

func TestDiffOfFilesTooLargeToAlignIsStillTrue(t *testing.T) {
	var a, b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&a, "- a%d\n", i)
		fmt.Fprintf(&b, "- b%d\n", i)
	}
	before := File{Content: []byte(a.String()), Hash: hash([]byte(a.String()))}
	after := File{Content: []byte(b.String()), Hash: hash([]byte(b.String()))}
	got, err := patch(splitLines(before.Content), Diff(before, after))
	if err != nil || !cmp.Equal(got, splitLines(after.Content)) {
		t.Errorf("%v: %d lines, want 2000", err, len(got))
	}
}

// patch applies a unified diff, and checks the line numbers and counts of its hunks on the way.
func patch(old []string, diff string) (patched []string, err error) {
	lines := splitLines([]byte(diff))
	next := 0 // the old line that comes next, from 0
	for i := 2; i < len(lines); {
		var oldStart, oldCount, newStart, newCount int
		if _, err := fmt.Sscanf(lines[i], "@@ -%d,%d +%d,%d @@", &oldStart, &oldCount, &newStart, &newCount); err != nil {
			return nil, fmt.Errorf("hunk %q: %w", lines[i], err)
		}
		if oldCount > 0 {
			oldStart--
		}
		if newCount > 0 {
			newStart--
		}
		patched = append(patched, old[next:oldStart]...)
		next = oldStart
		if len(patched) != newStart {
			return nil, fmt.Errorf("hunk %q begins behind %d new lines", lines[i], len(patched))
		}
		for i++; oldCount > 0 || newCount > 0; i++ {
			mark, text := lines[i][0], lines[i][1:]
			if mark != '+' {
				if old[next] != text {
					return nil, fmt.Errorf("%q is not %q", old[next], text)
				}
				next, oldCount = next+1, oldCount-1
			}
			if mark != '-' {
				patched, newCount = append(patched, text), newCount-1
			}
		}
	}
	return append(patched, old[next:]...), nil
}
