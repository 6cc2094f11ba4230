package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// noon is when the tests' sessions end.
func noon() time.Time { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) }

// read gives lines to a new reader of claude's stream and returns it with the
// events it made of them.
func read(t *testing.T, stream string) (*claudeReader, []Event) {
	t.Helper()
	r, ok := claude{}.reader(noon).(*claudeReader)
	if !ok {
		t.Fatal("the reader is not claude's")
	}
	var events []Event
	for line := range strings.Lines(stream) {
		events = append(events, r.stdout([]byte(strings.TrimSuffix(line, "\n")), false)...)
	}
	return r, events
}

// recorded is a stream that Claude Code 2.1.197 printed, less what is not looked at.
func recorded(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "claude-"+name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestRecordedSessionIsReadWhole(t *testing.T) {
	r, events := read(t, recorded(t, "success"))
	got := r.verdict(0, "")
	want := Result{Outcome: Done, Turns: 2, Text: "All done.", Usage: Usage{Input: 220, Cached: 2000, Output: 100, CostUSD: 0.00485}}
	if got != want {
		t.Errorf("verdict %+v, want %+v", got, want)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind+" "+e.Tool)
	}
	if got, want := strings.Join(kinds, ","), "tool Bash,usage ,result ,message ,usage ,usage "; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
}

func TestUsageOfASessionWithoutAResultIsThatOfItsMessages(t *testing.T) {
	lines := strings.SplitAfter(recorded(t, "success"), "\n")
	stream := lines[1] + lines[1] + lines[3] // one message in two events, then another
	r, _ := read(t, stream)
	got := r.verdict(-1, "killed")
	if want := (Usage{Input: 220, Cached: 2000, Output: 2}); got.Usage != want || got.Turns != 2 || got.Text != "All done." {
		t.Errorf("%+v, want usage %+v and 2 turns", got, want)
	}
}

func TestRecordedRefusalsAreReportedAsWhatTheyWere(t *testing.T) {
	for name, want := range map[string]Outcome{
		"authentication": Authentication,
		"rate-limit":     Quota,
		"credit":         Quota,
		"overloaded":     Overloaded,
		"server-error":   Overloaded,
		"dropped":        Overloaded,
	} {
		r, _ := read(t, recorded(t, name))
		// The exit code of some versions is 0: it must not matter.
		for _, code := range []int{0, 1} {
			if got := r.verdict(code, ""); got.Outcome != want || got.Reason == "" {
				t.Errorf("%s, exit %d: %+v, want %s", name, code, got, want)
			}
		}
		// Cut off before the terminal event, the error word still tells.
		lines := strings.SplitAfter(strings.TrimSpace(recorded(t, name)), "\n")
		r, _ = read(t, strings.Join(lines[:len(lines)-1], ""))
		if got := r.verdict(1, ""); got.Outcome != want {
			t.Errorf("%s without its result: %+v, want %s", name, got, want)
		}
	}
}

func TestTheCallThatIsTriedAgainIsTheTrouble(t *testing.T) {
	const refused = `{"type":"system","subtype":"api_retry","attempt":1,"max_retries":3,"error_status":401,"error":"authentication_failed"}` + "\n"
	r, events := read(t, refused)
	if outcome, words := r.trouble(); outcome != Authentication || words != "refused with 401, authentication_failed" || len(events) != 1 || events[0].Kind != KindError {
		t.Errorf("%s %q, %+v", outcome, words, events)
	}
	r, _ = read(t, refused+`{"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"well"}]}}`+"\n")
	if outcome, words := r.trouble(); outcome != "" {
		t.Errorf("after an answer the trouble is %s %q", outcome, words)
	}
}

func TestTerminalEventDecidesBeforeTheExitCode(t *testing.T) {
	const success = `{"type":"result","subtype":"success","is_error":false,"result":"done","num_turns":3}`
	for _, c := range []struct {
		name, stream string
		code         int
		want         Outcome
		reason       string
	}{
		{"success", success, 0, Done, ""},
		{"success, then a crash", success, 139, Failed, "it said success, then exit status 139"},
		{"nothing at all", "", 0, Failed, "no result came, exit status 0"},
		{"words only", "Segmentation fault\n", 139, Failed, "no result came, exit status 139: Segmentation fault"},
		{"not logged in", "Not logged in · Please run /login\n", 1, Authentication, "no result came"},
		{"error as such", `{"type":"result","subtype":"success","is_error":true,"result":"odd"}`, 0, Failed, "odd"},
		{"turns used up", `{"type":"result","subtype":"error_max_turns","is_error":false,"num_turns":9}`, 0, Failed, "error_max_turns"},
		{"crash with words", `{"type":"result","subtype":"error_during_execution","errors":["boom","bang"]}`, 1, Failed, "error_during_execution: boom; bang"},
		{"denied", `{"type":"result","subtype":"success","is_error":false,"result":"x","permission_denials":[{"tool_name":"Bash"}]}`, 0, Denied, "it was not permitted to use Bash"},
		{"a refusal dressed as success", `{"type":"result","subtype":"success","is_error":false,"result":"[API Error: 401 no"}`, 0, Authentication, "[API Error: 401 no"},
		{"the model's own words decide nothing", `{"type":"assistant","message":{"id":"1","content":[{"type":"text","text":"I fixed the API Error: 401 and the rate_limit"}]}}`, 1, Failed, "no result came, exit status 1"},
		{"an error that was got over", `{"type":"assistant","error":"rate_limit","message":{"id":"1"}}` + "\n" + `{"type":"assistant","message":{"id":"2"}}`, 1, Failed, "no result came, exit status 1"},
		{"the last result counts", `{"type":"result","subtype":"error_max_turns"}` + "\n" + success, 0, Done, ""},
		{"fields of another kind", `{"type":"result","subtype":"success","is_error":false,"result":7,"num_turns":"many","usage":[],"permission_denials":{}}`, 0, Done, ""},
		{"content as a string", `{"type":"assistant","message":{"id":"1","content":"hello"}}` + "\n" + success, 0, Done, ""},
		{"unknown events and noise", "warning: x\n{\"type\":\"new\",\"x\":[1]}\n[1]\n{broken\n\x00\xff\n" + success, 0, Done, ""},
	} {
		r, _ := read(t, c.stream)
		if got := r.verdict(c.code, ""); got.Outcome != c.want || !strings.HasPrefix(got.Reason, c.reason) || (c.reason == "") != (got.Reason == "") {
			t.Errorf("%s: %s %q, want %s %q", c.name, got.Outcome, got.Reason, c.want, c.reason)
		}
	}
}

func TestQuotaIsOverWhenTheStreamOrTheWordsSay(t *testing.T) {
	const event = `{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1773151200,"rateLimitType":"five_hour"}}` + "\n"
	for name, c := range map[string]struct {
		stream string
		want   time.Time
	}{
		"an event":           {event + `{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"You've hit your limit"}`, time.Unix(1773151200, 0)},
		"words":              {`{"type":"result","subtype":"success","is_error":true,"result":"Claude AI usage limit reached|1773151200"}`, time.Unix(1773151200, 0)},
		"words said success": {`{"type":"result","subtype":"success","is_error":false,"result":"You've hit your session limit · resets 3pm (UTC)"}`, noon().Add(3 * time.Hour)},
		"nobody":             {`{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"no"}`, time.Time{}},
	} {
		r, _ := read(t, c.stream)
		if got := r.verdict(1, ""); got.Outcome != Quota || !got.ResetAt.Equal(c.want) {
			t.Errorf("%s: %s until %v, want quota until %v", name, got.Outcome, got.ResetAt, c.want)
		}
	}
}

func TestArgumentsMakeClaudeHeadless(t *testing.T) {
	got := strings.Join(claude{}.args(Config{Model: "sonnet"}), " ")
	if want := "-p --output-format stream-json --verbose --permission-mode bypassPermissions --model sonnet"; got != want {
		t.Errorf("arguments %q, want %q", got, want)
	}
	for _, root := range []bool{true, false} {
		env := strings.Join(claude{root: root}.env(Config{}, Session{Home: "/h"}), " ")
		if strings.Contains(env, "IS_SANDBOX=1") != root || !strings.Contains(env, "CLAUDE_CODE_MAX_RETRIES=") {
			t.Errorf("as root %v: environment %q", root, env)
		}
	}
}

func FuzzClaudeStreamNeverHidesItsTerminalEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		f.Fatal("no recorded streams")
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte(`{"type":"assistant","message":{"content":{"type":1}},"error":{}}`))
	f.Add([]byte("{\"type\":\"result\",\"usage\":null}\n{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":-1}}"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := claude{}.reader(noon)
		for line := range bytes.Lines(stream) {
			for _, e := range r.stdout(bytes.TrimSuffix(line, []byte("\n")), false) {
				if !slices.Contains([]string{KindMessage, KindTool, KindResult, KindUsage, KindError}, e.Kind) {
					t.Errorf("event of kind %q", e.Kind)
				}
			}
			r.stdout(line, true)
			r.stderr(line)
		}
		if v := r.verdict(1, ""); v.Outcome == Done {
			t.Errorf("exit status 1 is done: %+v", v)
		}
		r.stdout([]byte(`{"type":"result","subtype":"success","is_error":false,"result":"ok","num_turns":1,"total_cost_usd":2,"usage":{"input_tokens":3}}`), false)
		want := Result{Outcome: Done, Turns: 1, Text: "ok", Usage: Usage{Input: 3, CostUSD: 2}}
		if got := r.verdict(0, ""); got != want {
			t.Errorf("verdict %+v, want %+v", got, want)
		}
	})
}
