package engine

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// stream is a recorded stream of a kind: what a real CLI printed when a scripted
// model served it, less what is not looked at.
func stream(t testing.TB, kind, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", kind+"-"+name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func readStream(t testing.TB, kind, text string) (sessionReader, []Event) {
	t.Helper()
	r := adapterOf(kind).reader(noon)
	var events []Event
	for line := range strings.Lines(text) {
		events = append(events, r.stdout([]byte(strings.TrimSuffix(line, "\n")), false)...)
	}
	return r, events
}

// Every recorded success wrote a file, ran a command and said so, in three answers
// of 100 tokens read afresh, 1000 out of the cache and 50 written.
func TestRecordedSuccessesAreReadAlike(t *testing.T) {
	for kind, cost := range map[string]float64{"codex": 0, "gemini": 0, "opencode": 0, "qwen": 0, "pi": 0.00405} {
		r, events := readStream(t, kind, stream(t, kind, "success"))
		got := r.verdict(0, "")
		want := Result{Outcome: Done, Turns: 3, Text: "All done.", Usage: Usage{Input: 300, Cached: 3000, Output: 150, CostUSD: cost}}
		if math.Abs(got.Usage.CostUSD-cost) < 1e-9 {
			got.Usage.CostUSD = cost // a sum of floats
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
		var steps []string
		for _, e := range events {
			if e.Kind == KindTool || e.Kind == KindResult {
				steps = append(steps, e.Kind)
			}
		}
		if got := strings.Join(steps, " "); got != "tool result tool result" {
			t.Errorf("%s: %s", kind, got)
		}
		calls := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Kind != KindTool })
		if len(calls) != 2 || calls[0].Call == "" || calls[0].Call == calls[1].Call || !strings.Contains(calls[1].Text, "cat made.txt; echo ran > ran.txt") {
			t.Errorf("%s: calls %+v", kind, calls)
		}
		if i := slices.IndexFunc(events, func(e Event) bool { return e.Kind == KindUsage && e.Usage.Output == 150 && e.Turns == 3 }); i < 0 {
			t.Errorf("%s: no event tells the usage of all three answers: %+v", kind, events)
		}
	}
}

func TestRecordedRefusalsOfEveryKindAreReportedAsWhatTheyWere(t *testing.T) {
	for file, want := range map[string]Outcome{
		"codex-authentication": Authentication, "codex-quota": Quota, "codex-server-error": Overloaded, "codex-dropped": Overloaded,
		"gemini-authentication": Authentication, "gemini-quota": Quota, "gemini-server-error": Overloaded, "gemini-dropped": Overloaded,
		"pi-authentication": Authentication, "pi-quota": Quota, "pi-server-error": Overloaded, "pi-dropped": Overloaded,
		"qwen-authentication": Authentication, "qwen-quota": Quota, "qwen-server-error": Overloaded, "qwen-dropped": Overloaded, "qwen-dropped-late": Overloaded,
		"opencode-authentication": Authentication, "opencode-quota": Quota, "opencode-dropped": Overloaded,
	} {
		kind, name, _ := strings.Cut(file, "-")
		for _, code := range []int{0, 1} { // pi's is always 0
			r, _ := readStream(t, kind, stream(t, kind, name))
			if got := r.verdict(code, ""); got.Outcome != want || got.Reason == "" {
				t.Errorf("%s, exit %d: %s %q, want %s", file, code, got.Outcome, got.Reason, want)
			}
		}
	}
}

func TestSessionIsDoneOnlyWhenItsStreamSaysSo(t *testing.T) {
	for _, kind := range []string{"codex", "gemini", "opencode", "qwen", "pi"} {
		success := stream(t, kind, "success")
		lines := strings.SplitAfter(strings.TrimSpace(success), "\n")
		cut := lines[:len(lines)-1]
		if kind == "pi" { // its last line repeats the one before
			cut = cut[:len(cut)-1]
		}
		for name, c := range map[string]struct {
			stream string
			code   int
			want   Outcome
		}{
			"nothing":                   {"", 0, Failed},
			"all but the terminal line": {strings.Join(cut, ""), 0, Failed},
			"a crash after success":     {success, 139, Failed},
			"noise around it":           {"warning: x\n{broken\n\x00\xff\n" + success + "bye\n{\"type\":\"new\"}\n", 0, Done},
			"fields of other kinds":     {`{"type":7,"item":[],"stats":"x","part":1,"message":"m","error":3}` + "\n" + success, 0, Done},
		} {
			r, _ := readStream(t, kind, c.stream)
			if got := r.verdict(c.code, ""); got.Outcome != c.want || (got.Reason == "") != (c.want == Done) {
				t.Errorf("%s, %s: %s %q, want %s", kind, name, got.Outcome, got.Reason, c.want)
			}
		}
	}
}

func TestErrorThatWasGotOverIsNone(t *testing.T) {
	for kind, trouble := range map[string]string{
		"codex":    `{"type":"error","message":"Reconnecting... 1/5 (unexpected status 429)"}`,
		"gemini":   `{"type":"error","severity":"warning","message":"Loop detected"}`,
		"opencode": `{"type":"error","error":{"name":"APIError","data":{"message":"Overloaded","statusCode":529}}}`,
		"qwen":     `{"type":"system","subtype":"retry","data":{"delayMs":60000}}`,
		"pi":       `{"type":"message_end","message":{"role":"assistant","stopReason":"error","errorMessage":"529 overloaded"}}`,
	} {
		r, _ := readStream(t, kind, trouble+"\n")
		if outcome, words := r.trouble(); kind != "gemini" && (outcome == "" || words == "") {
			t.Errorf("%s: nothing is the trouble after %s", kind, trouble)
		}
		r, _ = readStream(t, kind, trouble+"\n"+stream(t, kind, "success"))
		if outcome, words := r.trouble(); outcome != "" {
			t.Errorf("%s: after success the trouble is %s %q", kind, outcome, words)
		}
		if got := r.verdict(0, ""); got.Outcome != Done {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

func TestRefusalsInTheLogOfOpencodeAreItsTrouble(t *testing.T) {
	r := adapterOf("opencode").reader(noon)
	const line = `timestamp=2026-11-22T10:07:53.034Z level=ERROR run=2067c1e1 message="stream error" providerID=p modelID=m session.id=s small=%s agent=build mode=primary error.error="AI_APICallError: Internal server error"`
	if events := r.stderr([]byte(strings.Replace(line, "%s", "true", 1))); len(events) != 0 {
		t.Errorf("the refused title gave %+v", events)
	}
	r.stderr([]byte(strings.Replace(line, "%s", "false", 1)))
	if outcome, words := r.trouble(); outcome != Overloaded || !strings.Contains(words, "Internal server error") {
		t.Errorf("%s %q", outcome, words)
	}
}

func TestWhatOpencodeWouldTryAgainIsTheProvidersMatter(t *testing.T) {
	for words, want := range map[string]Outcome{
		`"message":"The operation was cut short.","isRetryable":true`:                  Overloaded,
		`"message":"The operation was cut short.","isRetryable":false`:                 Failed,
		`"message":"You exceeded your current quota.","isRetryable":true`:              Quota,
		`"message":"The operation was cut short.","isRetryable":true,"statusCode":401`: Authentication,
	} {
		r, _ := readStream(t, "opencode", `{"type":"error","error":{"name":"APIError","data":{`+words+"}}}\n")
		if got := r.verdict(1, ""); got.Outcome != want {
			t.Errorf("%s: %s, want %s", words, got.Outcome, want)
		}
	}
}

func TestThoughtsOfGeminiAreCountedAsWritten(t *testing.T) {
	r, _ := readStream(t, "gemini", `{"type":"result","status":"success","stats":{"total_tokens":1300,"input_tokens":1000,"output_tokens":100,"cached":400}}`)
	if got, want := r.verdict(0, "").Usage, (Usage{Input: 600, Cached: 400, Output: 300}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEveryKindIsCalledHeadlessWithItsModel(t *testing.T) {
	for kind, want := range map[string]string{
		"codex":    "exec --json --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox -m maker/m",
		"gemini":   "-o stream-json --yolo -m maker/m",
		"opencode": "run --format json --print-logs --log-level ERROR -m maker/m",
		"qwen":     "--output-format stream-json --yolo --auth-type openai -m maker/m",
		"pi":       "-p --mode json --no-session --provider maker --model m",
		"command":  "",
	} {
		c := Config{Model: "maker/m", Env: map[string]string{"OPENAI_API_KEY": "k"}}
		if got := strings.Join(adapterOf(kind).args(c), " "); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
	if got := strings.Join(adapterOf("pi").args(Config{Model: "m"}), " "); got != "-p --mode json --no-session --model m" {
		t.Errorf("pi, a model without its provider: %q", got)
	}
	vertex := adapterOf("gemini").files(Config{Env: map[string]string{"GOOGLE_API_KEY": "k"}})[".gemini/settings.json"]
	if !strings.Contains(vertex, `"selectedType": "vertex-ai"`) {
		t.Errorf("gemini with a key of Vertex: %s", vertex)
	}
	if got := strings.Join(adapterOf("codex").env(Config{Env: map[string]string{"OPENAI_API_KEY": "k"}}, Session{}), " "); got != "CODEX_API_KEY=k" {
		t.Errorf("codex: %q", got)
	}
}

func TestEveryKindHasAnAdapterAndAGuide(t *testing.T) {
	for _, kind := range Kinds() {
		a := adapterOf(kind)
		if a == nil {
			t.Fatalf("%s has no adapter", kind)
		}
		guide, ok := GuideTo(kind)
		if kind == "command" {
			if ok || a.program() != "" {
				t.Errorf("something is known of a command: %+v", guide)
			}
			continue
		}
		if !ok || guide.Program != a.program() || guide.Package == "" || len(guide.Credentials) == 0 {
			t.Errorf("%s: program %q, guide %+v", kind, a.program(), guide)
		}
		for path, content := range a.files(Config{}) {
			var into map[string]any
			err := json.Unmarshal([]byte(content), &into)
			if strings.HasSuffix(path, ".toml") {
				err = toml.Unmarshal([]byte(content), &into)
			}
			if err != nil || len(into) == 0 {
				t.Errorf("%s: %s: %v", kind, path, err)
			}
		}
	}
	if adapterOf("clod") != nil {
		t.Error("an unknown kind has an adapter")
	}
}

// fuzzStream holds a reader to this, whatever a CLI prints: nothing breaks it, a
// bad exit is never done, and a whole success after it is read as one.
func fuzzStream(f *testing.F, kind string) {
	files, err := filepath.Glob("testdata/" + kind + "-*.jsonl")
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
	success := stream(f, kind, "success")
	f.Fuzz(func(t *testing.T, printed []byte) {
		r := adapterOf(kind).reader(noon)
		for line := range bytes.Lines(printed) {
			for _, e := range slices.Concat(r.stdout(bytes.TrimSuffix(line, []byte("\n")), false), r.stdout(line, true), r.stderr(line)) {
				if !slices.Contains([]string{KindMessage, KindTool, KindResult, KindUsage, KindError}, e.Kind) {
					t.Errorf("event of kind %q", e.Kind)
				}
			}
		}
		if v := r.verdict(1, ""); v.Outcome == Done || v.Reason == "" {
			t.Errorf("exit status 1: %+v", v)
		}
		if outcome, _ := r.trouble(); outcome == Done {
			t.Error("the trouble is that it is done")
		}
		for line := range strings.Lines(success) {
			r.stdout([]byte(line), false)
		}
		if got := r.verdict(0, ""); got.Outcome != Done || got.Text != "All done." {
			t.Errorf("after a whole success: %+v", got)
		}
	})
}

func FuzzCodexStreamNeverHidesASuccess(f *testing.F)    { fuzzStream(f, "codex") }
func FuzzGeminiStreamNeverHidesASuccess(f *testing.F)   { fuzzStream(f, "gemini") }
func FuzzOpencodeStreamNeverHidesASuccess(f *testing.F) { fuzzStream(f, "opencode") }
func FuzzQwenStreamNeverHidesASuccess(f *testing.F)     { fuzzStream(f, "qwen") }
func FuzzPiStreamNeverHidesASuccess(f *testing.F)       { fuzzStream(f, "pi") }
