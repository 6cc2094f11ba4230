package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseReadsWhatPeopleWrite(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    []Rule
	}{
		"bullets of every kind": {
			"- One.\n* Two.\n+ Three.\n",
			[]Rule{{1, "One.", "", 1}, {2, "Two.", "", 2}, {3, "Three.", "", 3}},
		},
		"a rule over several lines": {
			"- One\n  goes on\n\n  and on.\n- Two\nlazily.\n",
			[]Rule{{1, "One goes on and on.", "", 1}, {2, "Two lazily.", "", 5}},
		},
		"headings, breaks and comments between": {
			"# Rules\n<!-- about\nthem -->\n- One.\n---\n## More\n* * *\n- Two.\n",
			[]Rule{{1, "One.", "", 4}, {2, "Two.", "", 8}},
		},
		"provenance behind, before, below and over lines": {
			"- One. <!-- a -->\n- <!-- b --> Two. <!-- c -->\n- Three.\n  <!-- d -->\n- Four. <!-- e\nf --> Goes on.\n",
			[]Rule{{1, "One.", "a", 1}, {2, "Two.", "b; c", 2}, {3, "Three.", "d", 3}, {4, "Four. Goes on.", "e f", 5}},
		},
		"a comment at the margin belongs to no rule": {
			"- One.\n<!-- about the next ones -->\n- Two.\n",
			[]Rule{{1, "One.", "", 1}, {2, "Two.", "", 3}},
		},
		"a list that is indented as a whole": {
			"  - One.\n  - Two.\n",
			[]Rule{{1, "One.", "", 1}, {2, "Two.", "", 2}},
		},
		"carriage returns, a byte order mark and no final line feed": {
			"\uFEFF- One.\r\n- Two.",
			[]Rule{{1, "One.", "", 1}, {2, "Two.", "", 2}},
		},
		"markdown inside a rule": {
			"- **Never** use `panic`; see #7.\n",
			[]Rule{{1, "**Never** use `panic`; see #7.", "", 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := Parse("rules.md", []byte(c.content))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, file.Rules); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseNamesEachFaultWithItsLineAndCure(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    string
	}{
		"nothing":            {"", `rules.md: the file has no rule; write at least one bullet, such as "- Match existing patterns."`},
		"only a heading":     {"# Rules\n", `rules.md: the file has no rule; write at least one bullet, such as "- Match existing patterns."`},
		"prose":              {"- One.\n\nAlways test.\nAlways.\n", `rules.md:3: "Always test." is neither a rule nor a heading nor a comment; begin it with "- " to make it a rule, or put it between <!-- and -->`},
		"a missing space":    {"-One.\n", `rules.md:1: "-One." is neither a rule nor a heading nor a comment; begin it with "- " to make it a rule, or put it between <!-- and -->`},
		"an empty bullet":    {"- One.\n- <!-- why -->\n", "rules.md:2: the rule is empty; write what it demands behind the bullet, or delete the line"},
		"a numbered list":    {"1. One.\n   goes on\n", `rules.md:1: a numbered line is not a rule; begin it with "- ": rules are numbered by their order`},
		"a rule in a rule":   {"- One.\n  - Two.\n    goes on\n", "rules.md:2: a rule stands inside another rule; begin it at the left margin: one rule a bullet"},
		"a duplicate":        {"- One.\n- one\n", "rules.md:2: the rule stands on line 1 already; delete one of the two"},
		"an open comment":    {"- One.\n- Two. <!-- why\n- Three.\n", "rules.md:2: the comment is never closed; end it with -->"},
		"a long rule":        {"- " + strings.Repeat("x", 301) + "\n", "rules.md:1: the rule has 301 bytes, 300 are allowed; shorten it or make two of it: each rule goes into every prompt"},
		"hidden characters":  {"- One\u202e.\n", "rules.md:1: the rule contains characters that cannot be seen; type the line again instead of pasting it"},
		"another encoding":   {"- One.\n- Gr\xfc\xdfe.\n", "rules.md:2: the file is not UTF-8 text; save it as UTF-8"},
		"far too large":      {strings.Repeat("\n", MaxFile+1), "rules.md: the file is larger than 64 KiB; keep the rules few: each one goes into every prompt"},
		"several at a time":  {"Prose.\n- \n1) Two.\n", "rules.md:1: \"Prose.\" is neither a rule nor a heading nor a comment; begin it with \"- \" to make it a rule, or put it between <!-- and -->\nrules.md:2: the rule is empty; write what it demands behind the bullet, or delete the line\nrules.md:3: a numbered line is not a rule; begin it with \"- \": rules are numbered by their order"},
		"prose after a rule": {"- One.\n# More\nProse.\n", `rules.md:3: "Prose." is neither a rule nor a heading nor a comment; begin it with "- " to make it a rule, or put it between <!-- and -->`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("rules.md", []byte(c.content))
			if err == nil {
				t.Fatal("no fault was found")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAVersionIsNamedByTheBytesOfTheFile(t *testing.T) {
	one, err := Parse("a.md", []byte("- One.\n"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := Parse("b.md", []byte("- One.\n"))
	if err != nil {
		t.Fatal(err)
	}
	spaced, err := Parse("a.md", []byte("- One. \n"))
	if err != nil {
		t.Fatal(err)
	}
	if one.Hash != elsewhere.Hash {
		t.Error("the same bytes have two hashes")
	}
	if one.Hash == spaced.Hash {
		t.Error("other bytes have the same hash")
	}
	if want := "1cee28e469537928dee83d0c70310f7ea8a45f3f3b6e925cf386e13197090318"; one.Hash != want || one.Version() != want[:7] { // as sha256sum prints it
		t.Errorf("hash %q, version %q", one.Hash, one.Version())
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		string(founding), "", "-", "- a\n  b <!-- c\n-->d\n", "- a\n\n  - b\n", "<!-- <!-- --> -->", "1. a\n", "- a\r\n- a\r\n",
		"\uFEFF- a", "- a\xff", "---\n- - -\n-- a", "- <!---->", "\t- a\n\t\tb\n", "- a <!-- -->\n<!-- b", "- a\n  <!-- x\n\n  y -->\n\nz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		file, err := Parse("rules.md", []byte(content))
		lines := strings.Count(content, "\n") + 1
		if err != nil {
			joined, ok := err.(interface{ Unwrap() []error })
			if !ok {
				t.Fatalf("faults are not joined: %v", err)
			}
			for _, one := range joined.Unwrap() {
				var fault *Error
				if !errors.As(one, &fault) || fault.Problem == "" || fault.Cure == "" || fault.Line < 0 || fault.Line > lines {
					t.Errorf("fault %#v in a file of %d lines", one, lines)
				}
			}
			return
		}
		if len(file.Rules) == 0 || file.Hash != hash([]byte(content)) {
			t.Errorf("%d rules, hash %s", len(file.Rules), file.Hash)
		}
		above := 0
		for i, r := range file.Rules {
			if r.Number != i+1 || r.Line <= above || r.Line > lines || r.Text == "" || len(r.Text) > MaxText || strings.Contains(r.Text, "\n") {
				t.Errorf("rule %#v after line %d", r, above)
			}
			above = r.Line
		}
		longer, err := with(file, "A rule that nobody would think of.", "a --> b", day)
		if err != nil {
			if len(content) > MaxFile-200 {
				return
			}
			t.Fatalf("a file that was in order takes no rule: %v", err)
		}
		if diff := cmp.Diff(texts(file), texts(longer)[:len(file.Rules)]); diff != "" {
			t.Errorf("adding a rule changed the others: %s", diff)
		}
	})
}
