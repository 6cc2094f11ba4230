package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/rules"
)

func TestMain(m *testing.M) {
	if code, ok := process.Helper(os.Args); ok {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}

// The change that the tests argue about: paging, with a last page that is lost.
const (
	listFile = "package pages\n\n// Pages says how many pages n items fill.\nfunc Pages(n, size int) int {\n\treturn n / size\n}\n"
	showFile = "package show\n\nfunc Show(n int) int {\n\tif n < 0 {\n\t\treturn 0\n\t}\n\treturn pages.Pages(n, 10)\n}\n"
)

// listDiff is padded so that it gets a full debate.
var listDiff = []byte("diff --git a/pages/list.go b/pages/list.go\nnew file mode 100644\nindex 0000000..1111111\n--- /dev/null\n+++ b/pages/list.go\n@@ -0,0 +1,6 @@\n" +
	added(listFile) + "diff --git a/pages/more.go b/pages/more.go\nnew file mode 100644\n--- /dev/null\n+++ b/pages/more.go\n@@ -0,0 +1,50 @@\n" + strings.Repeat("+var _ = 1\n", 50))

func added(text string) string {
	return "+" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n+") + "\n"
}

// stage is a change, three scripted roles, and what they were asked.
type stage struct {
	t       *testing.T
	request Request
	answers map[string][]string // by role, in turn
	prompts map[string][]string
	runs    []map[string][]byte // reproductions
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, answers: map[string][]string{}, prompts: map[string][]string{}}
	dir := t.TempDir()
	for name, content := range map[string]string{"pages/list.go": listFile, "pages/more.go": strings.Repeat("var _ = 1\n", 50), "show/show.go": showFile} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s.request = Request{Ask: s.ask, Dir: dir, Diff: listDiff, Title: "Show pages", Body: "The last page is shown."}
	return s
}

// outcome makes an answer the way a session ends badly.
const outcome = "outcome:"

func (s *stage) ask(ctx context.Context, role, prompt string) (engine.Result, error) {
	n := len(s.prompts[role])
	s.prompts[role] = append(s.prompts[role], prompt)
	result := engine.Result{Engine: "scripted", Outcome: engine.Done, Usage: engine.Usage{Input: 10, Cached: 2, Output: 3, CostUSD: 0.5}, Seconds: 2}
	if n >= len(s.answers[role]) {
		return result, fmt.Errorf("the %s was asked for the %d. time", role, n+1)
	}
	result.Text = s.answers[role][n]
	if bad, ok := strings.CutPrefix(result.Text, outcome); ok {
		result.Outcome, result.Text = engine.Outcome(bad), ""
	}
	return result, nil
}

// say makes what a role answers, in turn.
func (s *stage) say(role string, answers ...string) {
	s.answers[role] = append(s.answers[role], answers...)
}

// reproduces makes every reproduction end so.
func (s *stage) reproduces(failed bool, err error) {
	s.request.Reproduce = func(_ context.Context, files map[string][]byte) (bool, string, error) {
		s.runs = append(s.runs, files)
		return failed, "--- FAIL: TestPages\n    got 1, want 2\n", err
	}
}

// run runs the round and checks what holds after every one: all that was scripted was asked for, every prompt and the
// debate are bounded, every finding has a ruling with a reason, and only what has evidence blocks.
func (s *stage) run() Verdict {
	s.t.Helper()
	v, err := Run(s.t.Context(), s.request)
	if err != nil {
		s.t.Fatal(err)
	}
	asked, before := 0, 0
	if s.request.Earlier != nil {
		before = len(s.request.Earlier.Turns)
	}
	for role, prompts := range s.prompts {
		asked += len(prompts)
		for _, p := range prompts {
			if len(p) > maxDiff+maxTicket+64<<10 {
				s.t.Errorf("a prompt of %d bytes for the %s", len(p), role)
			}
		}
	}
	for role, answers := range s.answers {
		if len(answers) != len(s.prompts[role]) {
			s.t.Errorf("the %s was asked %d times, want %d", role, len(s.prompts[role]), len(answers))
		}
	}
	if all := asked + before; all != len(v.Turns) || asked > 3*maxAsked || v.Usage.Input != int64(10*all) || v.Seconds != float64(2*all) {
		s.t.Errorf("%d sessions, %d turns, usage %+v, %v s", asked, len(v.Turns), v.Usage, v.Seconds)
	}
	ids := map[string]bool{}
	for _, f := range v.Findings {
		if f.Ruling == "" || f.By == "" || f.Reason == "" || ids[f.ID] {
			s.t.Errorf("no ruling, no reason, or twice: %+v", f)
		}
		ids[f.ID] = true
		if f.Blocks() && !f.Reproduced && len(f.Trace) < 2 {
			s.t.Errorf("blocks without evidence: %+v", f)
		}
	}
	c := v.Counts()
	if c.Raised != c.Refuted+c.Fixed+c.Noted+c.Open || c.Open != len(v.Blocks()) || c.Noted != len(v.Notes()) {
		s.t.Errorf("counts do not add up: %+v", c)
	}
	if n := len(v.Debate()); n > 512<<10 {
		s.t.Errorf("a debate of %d bytes", n)
	}
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("%s\n%s", v.Line(), v.Debate())
		}
	})
	return v
}

// finding is one finding as an Enthusiast writes it.
func finding(file string, line int, severity Severity, claim string) string {
	return toJSON(map[string]any{"file": file, "line": line, "severity": severity, "claim": claim, "trigger": "Pages(11, 10)"})
}

func raise(findings ...string) string { return `{"findings":[` + strings.Join(findings, ",") + `]}` }

func answer(id, kind, place string) string {
	return toJSON(map[string]any{"answers": []any{map[string]any{"id": id, "kind": kind, "place": place, "reason": "look there"}}})
}

// rulesOn is a ruling on one finding as a Referee writes it.
func rulesOn(id string, r Ruling, more map[string]any) string {
	one := map[string]any{"id": id, "ruling": r, "reason": "the last page is lost"}
	for name, value := range more {
		one[name] = value
	}
	return toJSON(map[string]any{"rulings": []any{one}})
}

var (
	withTest  = map[string]any{"reproduction": []any{map[string]any{"path": "pages/last_test.go", "content": "package pages\n"}}}
	withTrace = map[string]any{"trace": []any{
		map[string]any{"file": "show/show.go", "line": 7, "code": "return pages.Pages(n, 10)"},
		map[string]any{"file": "pages/list.go", "line": 5, "code": "return n/size"},
	}}
	withBoth = map[string]any{"reproduction": withTest["reproduction"], "trace": withTrace["trace"]}
)

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// lostPage is the bug.
var lostPage = raise(finding("pages/list.go", 5, High, "The last page is lost."))

var roles = []string{rules.Enthusiast, rules.Adversary, rules.Referee}
