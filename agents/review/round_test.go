package review

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"lightsout/rules"
)

// firstRound is a verdict with one of each kind, of which the two that block were sent back.
func firstRound(t *testing.T) Verdict {
	t.Helper()
	s := newStage(t)
	s.say(rules.Enthusiast, raise(
		finding("pages/list.go", 5, Critical, "A size of zero panics."),
		finding("pages/list.go", 5, High, "The last page is lost."),
		finding("pages/list.go", 4, Medium, "Negative numbers are not refused."),
		finding("pages/list.go", 1, Low, "The package has no second file."),
		finding("pages/none.go", 1, High, "There is none."),
	))
	s.say(rules.Adversary, answer("F4", "wrong", "pages/more.go:1"))
	one := func(id string, r Ruling, more map[string]any) string {
		return strings.TrimSuffix(strings.TrimPrefix(rulesOn(id, r, more), `{"rulings":[`), `]}`)
	}
	s.say(rules.Referee, `{"rulings":[`+one("F1", RealBug, withTest)+","+one("F2", RealBug, withTrace)+","+one("F3", WorthNoting, nil)+`]}`)
	s.reproduces(true, nil)
	v := s.run()
	if v.Line() != "5 raised, 2 refuted, 1 noted, 2 open" || v.Findings[4].ID != "F5" {
		t.Fatalf("%s: %+v", v.Line(), v.Findings)
	}
	return v
}

// second is a stage for the second round after it, kept as JSON in between.
func second(t *testing.T) *stage {
	t.Helper()
	kept, err := json.Marshal(firstRound(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	s.request.Round, s.request.Earlier = 2, &Verdict{}
	if err := json.Unmarshal(kept, s.request.Earlier); err != nil {
		t.Fatal(err)
	}
	s.request.Since = []byte("diff --git a/pages/list.go b/pages/list.go\n--- a/pages/list.go\n+++ b/pages/list.go\n@@ -5 +5 @@\n-\treturn n\n+\treturn n / size\n")
	return s
}

func TestASecondRoundLooksAtWhatChangedAndTellsWhatIsFixed(t *testing.T) {
	s := second(t)
	s.say(rules.Enthusiast, `{"findings":[]}`)
	s.reproduces(false, nil)
	if v := s.run(); v.Line() != "5 raised, 2 refuted, 2 fixed, 1 noted" || len(s.runs) != 1 || len(v.Turns) != 3+1 || v.Rounds != 2 {
		t.Errorf("%s after %d runs and %d sessions", v.Line(), len(s.runs), len(v.Turns))
	}
	prompt := s.prompts[rules.Enthusiast][0]
	if strings.Contains(prompt, "more.go") || !strings.Contains(prompt, "-\treturn n\n") || !strings.Contains(prompt, "The last page is lost.") {
		t.Errorf("the second round is asked about something else:\n%s", prompt)
	}
	if strings.Contains(prompt, "A size of zero panics.") {
		t.Error("what a test has shown to be gone is asked about again")
	}
}

func TestASecondRound(t *testing.T) {
	again := raise(finding("pages/list.go", 5, High, "The last page is still lost."))
	for _, row := range []struct {
		name string
		play func(*stage)
		line string
	}{
		{"a test that fails still keeps the bug, whatever is said", func(s *stage) {
			s.say(rules.Enthusiast, raise(finding("pages/list.go", 5, Critical, "A size of zero panics.")))
			s.reproduces(true, nil)
		}, "5 raised, 2 refuted, 1 fixed, 1 noted, 1 open"},
		{"a traced bug raised again is argued about again and stands", func(s *stage) {
			s.say(rules.Enthusiast, again)
			s.say(rules.Adversary, answer("F2", "stands", ""))
			s.say(rules.Referee, rulesOn("F2", RealBug, withTrace))
			s.reproduces(false, nil)
		}, "5 raised, 2 refuted, 1 fixed, 1 noted, 1 open"},
		{"a traced bug raised again may be refuted by now", func(s *stage) {
			s.say(rules.Enthusiast, again)
			s.say(rules.Adversary, answer("F2", "wrong", "pages/list.go:5"))
			s.say(rules.Referee, rulesOn("F2", FalsePositive, nil))
			s.reproduces(false, nil)
		}, "5 raised, 3 refuted, 1 fixed, 1 noted"},
		{"a new bug of the repair", func(s *stage) {
			s.say(rules.Enthusiast, raise(finding("pages/list.go", 5, High, "Rounds up twice.")))
			s.say(rules.Adversary, answer("F6", "stands", ""))
			s.say(rules.Referee, rulesOn("F6", RealBug, withTrace))
			s.reproduces(false, nil)
		}, "6 raised, 2 refuted, 2 fixed, 1 noted, 1 open"},
		{"a test that does not fit any more leaves it to the sessions", func(s *stage) {
			s.say(rules.Enthusiast, `{"findings":[]}`)
			s.reproduces(false, errors.New("it does not compile"))
		}, "5 raised, 2 refuted, 2 fixed, 1 noted"},
		{"a silent enthusiast fixes nothing that a test has not shown", func(s *stage) {
			s.say(rules.Enthusiast, "", "")
			s.reproduces(false, nil)
		}, "5 raised, 2 refuted, 1 fixed, 1 noted, 1 open; no answer from the enthusiast"},
		{"the change has become a tiny one of documents", func(s *stage) {
			s.request.Diff = diffOf("README.md", "words")
			s.say(rules.Enthusiast, `{"findings":[]}`)
			s.reproduces(false, nil)
		}, "5 raised, 2 refuted, 2 fixed, 1 noted"},
		{"nothing was changed", func(s *stage) {
			s.request.Since = nil
			s.reproduces(true, nil)
		}, "5 raised, 2 refuted, 1 noted, 2 open"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := second(t)
			row.play(s)
			if v := s.run(); v.Line() != row.line {
				t.Errorf("%q, want %q", v.Line(), row.line)
			}
		})
	}
}

// later is a stage for the repair of a change that was reviewed and published, by another run.
func later(t *testing.T) *stage {
	t.Helper()
	s := second(t)
	for i := range s.request.Earlier.Findings {
		f := &s.request.Earlier.Findings[i]
		f.Fixed = f.Ruling == RealBug
	}
	s.request.Round, s.request.Earlier.Rounds = 1, 2
	return s
}

func TestALaterRepairIsLookedAtByItselfAndGoesOnWithTheDebate(t *testing.T) {
	s := later(t)
	s.say(rules.Enthusiast, raise(finding("pages/list.go", 5, High, "Rounds up twice.")))
	s.say(rules.Adversary, answer("F6", "stands", ""))
	s.say(rules.Referee, rulesOn("F6", RealBug, withTrace))
	v := s.run()
	if v.Line() != "6 raised, 2 refuted, 2 fixed, 1 noted, 1 open" || v.Rounds != 3 || v.Findings[5].Round != 3 || v.Radius.Depth != Light {
		t.Errorf("%s, round %d, %+v", v.Line(), v.Rounds, v.Radius)
	}
	if prompt := s.prompts[rules.Enthusiast][0]; strings.Contains(prompt, "more.go") || strings.Contains(prompt, "A size of zero panics.") {
		t.Errorf("it is asked about what was settled:\n%s", prompt)
	}
}

func TestALaterRepairOfAFewWordsIsNotLookedAtAndNothingIsForgotten(t *testing.T) {
	s := later(t)
	s.request.Since = diffOf("README.md", "words")
	if v := s.run(); v.Line() != "5 raised, 2 refuted, 2 fixed, 1 noted" || v.Rounds != 2 || !v.Looked() {
		t.Errorf("%s after %d rounds", v.Line(), v.Rounds)
	}
}

func TestARoundThatCannotBeLedLeavesWhatStoodAndSaysSo(t *testing.T) {
	s := second(t)
	s.request.Reproduce = nil
	v, err := Run(t.Context(), s.request) // nothing is scripted, so the first session cannot be run
	if err == nil || v.Line() != "5 raised, 2 refuted, 1 noted, 2 open; the last round came to no end" || v.Looked() || len(v.Turns) != 4 {
		t.Errorf("%s, %d turns, %v", v.Line(), len(v.Turns), err)
	}
	s = newStage(t)
	v, err = Run(t.Context(), s.request)
	if err == nil || !strings.HasPrefix(v.Line(), "not reviewed: review, round 1: session of the enthusiast: ") || v.Looked() || !strings.Contains(v.Markdown(), "not reviewed") {
		t.Errorf("%s %v", v.Line(), err)
	}
}

func TestWhatGoesBackToTheAuthorIsBoundedAndHasTheRefereesWords(t *testing.T) {
	v := firstRound(t)
	e := v.Evidence()
	for _, w := range []string{"pages/list.go:5, critical severity: A size of zero panics.", "It happens when: Pages(11, 10)", "The referee: the last page is lost", "pages/last_test.go", "got 1, want 2", "show/show.go:7  return pages.Pages(n, 10)"} {
		if !strings.Contains(e, w) {
			t.Errorf("%q is missing from\n%s", w, e)
		}
	}
	if strings.Contains(e, "Negative numbers") {
		t.Error("what is only worth noting goes back")
	}
	for range 50 {
		v.Findings = append(v.Findings, v.Findings[0])
	}
	if n := len(v.Evidence()); n > maxEvidence {
		t.Errorf("%d bytes", n)
	}
}

func TestThePullRequestSaysWhatIsWorthNotingInPlainWords(t *testing.T) {
	v := firstRound(t)
	v.Findings[2].Claim = "Closes #7, thanks @ana: <script> [here](https://example.org) `x` <!-- hidden -->\u202e"
	m := v.Markdown()
	for _, w := range []string{"### Review\n\n**5 raised, 2 refuted, 1 noted, 2 open**", "**Worth noting** (medium) `pages/list.go:4`: Closes #\u200b7, thanks @\u200bana", "**Real bug** (critical)",
		"<details><summary>Refuted</summary>\n\n- **Refuted** (low) `pages/list.go:1`", "_The review: 3 sessions, 6 s, 30 + 9 tokens, $1.50._"} {
		if !strings.Contains(m, w) {
			t.Errorf("%q is missing from\n%s", w, m)
		}
	}
	for _, w := range []string{"#7", "@ana", "<script>", "[here]", "https://", "hidden", "\u202e"} {
		if strings.Contains(m, w) {
			t.Errorf("%q stands in\n%s", w, m)
		}
	}
	for range 50 {
		v.Findings = append(v.Findings, v.Findings[2])
	}
	if m = v.Markdown(); len(m) > 8<<10 || !strings.Contains(m, "- and 43 more") {
		t.Errorf("%d bytes:\n%s", len(m), m)
	}
}

func TestTheDebateSaysAllThatWasSaid(t *testing.T) {
	text := firstRound(t).Debate()
	for _, w := range []string{"Depth: full, 2 files, 56 lines", "enthusiast (scripted), round 1: done", "in all: 3 sessions, 6 s, 30 + 9 tokens, $1.50", "## F1 `pages/list.go:5`", "real bug, critical severity", "- Enthusiast: A size of zero panics.",
		"- Adversary: wrong (pages/more.go:1): look there", "- Ruling by the adversary: ", "- Ruling by the factory: there is no such file", "      package pages", "got 1, want 2", "`return n/size`"} {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing from\n%s", w, text)
		}
	}
}

func TestTheCountsReadAsOnTheCard(t *testing.T) {
	for want, c := range map[string]Counts{
		"7 raised, 5 refuted, 1 fixed, 1 noted": {Raised: 7, Refuted: 5, Fixed: 1, Noted: 1},
		"2 raised, 2 open":                      {Raised: 2, Open: 2},
		"nothing raised":                        {},
	} {
		if got := c.Line(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
