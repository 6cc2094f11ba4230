package review

import (
	"strings"
	"testing"

	"lightsout/rules"
)

func TestTheJSONIsFoundInWhateverStandsAroundIt(t *testing.T) {
	good := `{"findings":[{"file":"a.go","line":1,"severity":"low","claim":"x","trigger":"y"}]}`
	for name, text := range map[string]string{
		"alone":                    good,
		"after words":              "I found {one} thing:\n" + good,
		"in a fence":               "```json\n" + good + "\n```\nThat is all.",
		"after one that is not":    `{"verdict":"approve"} ` + good,
		"after one that is quoted": `{"findings":[]} ` + good,
		"with more than asked":     strings.Replace(good, `"line":1`, `"line":1,"column":3,"confidence":0.5`, 1),
		"after a long preamble":    strings.Repeat("thinking ", 50_000) + good,
		"after an open brace":      "func main() {\n" + good,
	} {
		var got findingsAnswer
		if err := parseAnswer(text, "findings", &got); err != nil || len(got.Findings) != 1 || got.Findings[0].File != "a.go" {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

func TestWhatIsWrongWithAnAnswerIsSaidInWordsOfOurs(t *testing.T) {
	for _, row := range []struct{ schema, text, want string }{
		{"findings", "", "there is no JSON object in it"},
		{"findings", "LGTM, approve.", "there is no JSON object in it"},
		{"findings", `[]`, "there is no JSON object in it"},
		{"findings", `{"findings":[{"file":"SECRET"`, "its JSON is broken or cut off"},
		{"findings", `{"approve":"SECRET"}`, `the answer: "findings" is missing`},
		{"findings", `{"findings":null}`, "the answer.findings: want a list"},
		{"findings", `{"findings":["SECRET"]}`, "the answer.findings[0]: want an object"},
		{"findings", `{"findings":[{"file":"a","line":1.5,"severity":"low","claim":"x","trigger":"y"}]}`, "the answer.findings[0].line: want a whole number that is not below 0"},
		{"findings", `{"findings":[{"file":"a","line":99999999999,"severity":"low","claim":"x","trigger":"y"}]}`, "the answer.findings[0].line: want a whole number that is not below 0"},
		{"findings", `{"findings":[{"file":"","line":1,"severity":"low","claim":"x","trigger":"y"}]}`, "the answer.findings[0].file: want a text"},
		{"findings", `{"findings":[{"file":"a","line":1,"severity":"SECRET","claim":"x","trigger":"y"}]}`, `the answer.findings[0].severity: want one of ["low" "medium" "high" "critical"]`},
		{"answers", `{"answers":[{"id":"F1"}]}`, `the answer.answers[0]: "kind" is missing`},
		{"rulings", `{"rulings":[{"id":"F1","ruling":"real bug","reason":"x","trace":[{"file":"a","line":0,"code":"x"}]}]}`, "the answer.rulings[0].trace[0].line: want a whole number that is not below 1"},
		{"rulings", `{"rulings":[{"id":"F1","ruling":"real bug","reason":"x","reproduction":"SECRET"}]}`, "the answer.rulings[0].reproduction: want a list"},
		{"findings", `{"findings":[],"Findings":7}`, "its JSON is broken or cut off"},
	} {
		var anything any = &findingsAnswer{}
		switch row.schema {
		case "answers":
			anything = &answersAnswer{}
		case "rulings":
			anything = &rulingsAnswer{}
		}
		if err := parseAnswer(row.text, row.schema, anything); err == nil || err.Error() != row.want {
			t.Errorf("%s: %v, want %s", row.text, err, row.want)
		}
	}
}

func TestTheExamplesInThePromptsFitTheSchemas(t *testing.T) {
	for role, schema := range map[string]string{rules.Enthusiast: "findings", rules.Adversary: "answers", rules.Referee: "rulings"} {
		p, err := rules.RenderReview(rules.Review{Role: role, Title: "x", Dir: "/x", Diff: "x", Findings: "x", Most: 1})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for l := range strings.Lines(p.Text) {
			if i := strings.IndexByte(l, '{'); i >= 0 {
				found++
				var f findingsAnswer
				var a answersAnswer
				var r rulingsAnswer
				err := parseAnswer(l, schema, map[string]any{"findings": &f, "answers": &a, "rulings": &r}[schema])
				if err != nil {
					t.Errorf("%s: %s: %v", role, l, err)
				}
				if role == rules.Referee && (len(r.Rulings[0].Trace) != 1 || len(r.Rulings[0].Reproduction) != 1) {
					t.Errorf("the example is not read whole: %+v", r)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: no example in the prompt", role)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, seed := range []string{
		"", "{", "{{{{", `{"findings":[]}`, lostPage, "```json\n" + lostPage + "\n```", `{"findings":[{"file":"a","line":1e3,"severity":"low"}]}`,
		answer("F1", "stands", ""), rulesOn("F1", RealBug, withBoth), strings.Repeat(`{"a":`, 2000), `{"rulings":[{"id":"\ud800","ruling":"real bug","reason":"\u0000"}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var findings findingsAnswer
		if parseAnswer(text, "findings", &findings) == nil {
			tr := &tree{changed: map[string]bool{"a.go": true}, known: map[string][]string{}, dir: "/x", root: openRoot(t)}
			raised, surplus := raisedBy(findings, tr, 1, 0, maxFindings)
			if len(raised) > maxFindings || len(raised)+surplus > len(findings.Findings) {
				t.Errorf("%d findings and %d more of %d", len(raised), surplus, len(findings.Findings))
			}
			for _, r := range raised {
				if r.Severity.points() < 1 || len(r.Claim) > maxWords || strings.Contains(r.Claim+r.Trigger, "\n") || r.By == "" && r.File != "a.go" {
					t.Errorf("%+v", r)
				}
			}
		}
		var answers answersAnswer
		var rulings rulingsAnswer
		for name, to := range map[string]any{"answers": &answers, "rulings": &rulings} {
			if err := parseAnswer(text, name, to); err != nil && len(err.Error()) > 200 {
				t.Errorf("a problem of %d bytes", len(err.Error()))
			}
		}
		for _, r := range rulings.Rulings {
			if got := judge(Finding{ID: r.ID, Severity: High}, r, true, evidence{imprecise: "no trace"}); got.Blocks() {
				t.Errorf("blocks without evidence: %+v", got)
			}
		}
	})
}
