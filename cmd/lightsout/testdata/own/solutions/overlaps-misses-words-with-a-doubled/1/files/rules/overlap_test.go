package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOverlapsNamesTheRulesThatSpeakOfTheSameThing(t *testing.T) {
	file, err := Parse("rules.md", []byte(`
- Match existing patterns.
- No new dependencies without justification.
- Write tests for every behavioral change.
- Document the why, not just the what.
- Table tests for every parser.
`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{
		"Every change of behavior has a test.":        {"Write tests for every behavioral change."},
		"Add no dependency.":                          {"No new dependencies without justification."},
		"New dependencies are fine.":                  {"No new dependencies without justification."},
		"Write table tests.":                          {"Table tests for every parser.", "Write tests for every behavioral change."},
		"Follow the patterns that exist in the code.": {"Match existing patterns."},
		"Close response bodies.":                      nil,
		"Patterns":                                    {"Match existing patterns."},
		"":                                            nil,
		"the of and":                                  nil,
	} {
		var got []string
		for _, r := range Overlaps(file, text) {
			got = append(got, r.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestOverlapsKnowsAWordInAllItsForms(t *testing.T) {
	for _, forms := range [][]string{
		{"skip", "skips", "skipped", "skipping"},
		{"pass", "passes", "passed", "passing"},
		{"add", "adds", "added", "adding"},
		{"commit", "commits", "committed", "committing"},
		{"write", "writes", "writing"},
	} {
		for _, one := range forms {
			file, err := Parse("rules.md", []byte("- Never "+one+".\n"))
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range forms {
				if len(Overlaps(file, "Always "+other)) != 1 {
					t.Errorf("%q and %q are not taken for one word", one, other)
				}
			}
		}
	}
}
