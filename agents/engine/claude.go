package engine

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// claude is Claude Code, headless: the prompt on standard input, one JSON event a
// line on standard output.
type claude struct {
	root bool // we run as root: it refuses to skip permissions unless told that it is in a sandbox
}

func (claude) program() string { return "claude" }

func (claude) args(c Config) []string {
	args := []string{"-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "bypassPermissions"}
	if c.Model != "" {
		args = append(args, "--model", c.Model)
	}
	return args
}

func (claude) last() []string { return nil }

func (claude) files(Config) map[string]string { return nil }

func (c claude) env(_ Config, s Session) []string {
	env := []string{
		// Without a cap it repeats a refused call for minutes.
		"CLAUDE_CODE_MAX_RETRIES=3",
		// No update check, telemetry, error reports or surveys.
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"DISABLE_AUTOUPDATER=1",
		"CLAUDE_CODE_TMPDIR=" + filepath.Join(s.Home, "tmp"),
	}
	if c.root {
		env = append(env, "IS_SANDBOX=1")
	}
	return env
}

func (claude) reader(now func() time.Time) sessionReader {
	return &claudeReader{now: now, other: tail{most: maxWords}}
}

// claudeEvent is a line of its stream, as far as we look at it. All fields of all
// kinds of events are here; what an event does not have stays zero.
type claudeEvent struct {
	Type    string
	Subtype string

	// assistant
	Message struct {
		ID      string
		Content claudeContent
		Usage   claudeUsage
	}
	Error json.RawMessage // a word such as "rate_limit", when the message is not the model's

	// result
	IsError           bool `json:"is_error"`
	Result            string
	Errors            []string
	Status            int     `json:"api_error_status"` // HTTP status of the call that failed
	NumTurns          int     `json:"num_turns"`
	TotalCostUSD      float64 `json:"total_cost_usd"`
	Usage             claudeUsage
	PermissionDenials []struct {
		ToolName string `json:"tool_name"`
	} `json:"permission_denials"`

	// rate_limit_event
	RateLimit struct {
		Status   string
		ResetsAt int64 // seconds since 1970
	} `json:"rate_limit_info"`

	// system, subtype api_retry
	Attempt     int
	MaxRetries  int `json:"max_retries"`
	ErrorStatus int `json:"error_status"`
}

type claudeUsage struct {
	Input       int64 `json:"input_tokens"`
	CacheWrites int64 `json:"cache_creation_input_tokens"`
	CacheReads  int64 `json:"cache_read_input_tokens"`
	Output      int64 `json:"output_tokens"`
}

// usage in our terms: what is written into the cache was read afresh. Inclusive
// means that what came out of the cache stands in the input too.
func (u claudeUsage) usage(inclusive bool) Usage {
	input := u.Input
	if inclusive {
		input = fresh(input, u.CacheReads)
	}
	return Usage{Input: input + u.CacheWrites, Cached: u.CacheReads, Output: u.Output}
}

// failure is the words of an error that has a message, as qwen's result has.
func (e claudeEvent) failure() string {
	var failure struct{ Message string }
	if len(e.Error) > 0 {
		_ = json.Unmarshal(e.Error, &failure) // of another kind it says nothing
	}
	return failure.Message
}

// claudeContent is the content of a message: blocks, or a plain string.
type claudeContent []claudeBlock

type claudeBlock struct {
	Type  string
	Text  string
	ID    string // tool_use
	Name  string
	Input json.RawMessage
	Call  string          `json:"tool_use_id"` // tool_result
	Given json.RawMessage `json:"content"`
}

// UnmarshalJSON takes either form.
func (c *claudeContent) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = claudeContent{{Type: "text", Text: text}}
		return nil
	}
	return tolerant(json.Unmarshal(data, (*[]claudeBlock)(c)))
}

// claudeReader gathers what a session's events say.
type claudeReader struct {
	now       func() time.Time
	inclusive bool         // see claudeUsage
	result    *claudeEvent // the terminal event
	text      string       // the last thing it said
	word      string       // the error word of the last assistant event, if it had one
	other     tail         // lines that are no events, of both outputs
	turns     int
	id        string // of the message whose usage is in last
	last      Usage
	total     Usage  // of the messages before it
	resets    int64  // when the limit that refused it is over, seconds since 1970
	status    int    // HTTP status of the call that is being tried again; 0: none is
	refused   string // the error word of that call
}

func (r *claudeReader) stderr(line []byte) []Event {
	r.other.add(line)
	return nil
}

func (r *claudeReader) stdout(line []byte, cut bool) []Event {
	var e claudeEvent
	if cut || len(line) == 0 || line[0] != '{' || tolerant(json.Unmarshal(line, &e)) != nil {
		if !cut {
			r.other.add(line)
		}
		return nil
	}
	switch e.Type {
	case "assistant":
		return r.assistant(e)
	case "result":
		r.result = &e
		return []Event{{Kind: KindUsage, Usage: r.usage(), Turns: r.turns, last: true}}
	case "user":
		return r.results(e)
	case "rate_limit_event":
		if e.RateLimit.Status == "rejected" {
			r.resets = e.RateLimit.ResetsAt
		}
	case "system":
		switch e.Subtype {
		case "retry": // qwen's, which does not say what was refused
			r.refused = "overloaded, the provider is asked again"
			return []Event{{Kind: KindError, Text: r.refused}}
		case "api_retry":
			r.status, r.refused = e.ErrorStatus, fmt.Sprintf("refused with %d, %s", e.ErrorStatus, strings.Trim(string(e.Error), `"`))
			return []Event{{Kind: KindError, Text: fmt.Sprintf("call %d of %d was refused (%d), trying again", e.Attempt, e.MaxRetries, e.ErrorStatus)}}
		}
	}
	return nil
}

func (r *claudeReader) assistant(e claudeEvent) (events []Event) {
	// The blocks of one message come as events of their own, which repeat its
	// usage: it counts once.
	if e.Message.ID != r.id || r.turns == 0 {
		r.turns++
		r.total, r.last, r.id = r.total.plus(r.last), Usage{}, e.Message.ID
	}
	r.last = e.Message.Usage.usage(r.inclusive)
	r.word, r.status, r.refused = "", 0, ""
	if len(e.Error) > 0 {
		_ = json.Unmarshal(e.Error, &r.word) // of another kind it says nothing
	}
	for _, block := range e.Message.Content {
		switch block.Type {
		case "text":
			r.text = clip(block.Text, maxText)
			events = append(events, Event{Kind: KindMessage, Text: block.Text})
		case "tool_use":
			events = append(events, Event{Kind: KindTool, Tool: block.Name, Text: string(block.Input), Call: block.ID})
		}
	}
	return append(events, Event{Kind: KindUsage, Usage: r.usage(), Turns: r.turns})
}

// results are what the tools gave back.
func (r *claudeReader) results(e claudeEvent) (events []Event) {
	for _, block := range e.Message.Content {
		if block.Type == "tool_result" {
			events = append(events, Event{Kind: KindResult, Text: string(block.Given), Call: block.Call})
		}
	}
	return events
}

// trouble is the provider's refusal of the call that is being tried again.
func (r *claudeReader) trouble() (Outcome, string) {
	if r.refused == "" {
		return "", ""
	}
	return classify(r.status, r.refused), r.refused
}

// usage is the terminal event's where there is one, else the sum of the messages.
func (r *claudeReader) usage() Usage {
	if r.result == nil {
		return r.total.plus(r.last)
	}
	u := r.result.Usage.usage(r.inclusive)
	u.CostUSD = r.result.TotalCostUSD
	return u
}

func (r *claudeReader) verdict(code int, signal string) Result {
	result := Result{Turns: r.turns, Usage: r.usage(), Text: r.text}
	if r.result == nil {
		words := r.other.last()
		result.Outcome, result.ResetAt = r.classify(0, r.word+" "+r.other.String())
		result.Reason = strings.TrimSuffix("no result came, "+ending(code, signal)+": "+words, ": ")
		return result
	}
	if r.result.NumTurns > 0 {
		result.Turns = r.result.NumTurns
	}
	if r.result.Result != "" {
		result.Text = r.result.Result
	}
	switch {
	case r.result.Subtype != "success":
		// Such as error_max_turns. Its errors are words of the CLI; the result,
		// if any, is the model's, and what the model says decides nothing.
		failure := strings.Join(r.result.Errors, "; ")
		if failure == "" {
			failure = r.result.failure()
		}
		result.Outcome, result.ResetAt = r.classify(r.result.Status, r.word+" "+failure)
		result.Reason = strings.TrimSuffix(r.result.Subtype+": "+failure, ": ")
	case r.result.IsError:
		result.Outcome, result.ResetAt = r.classify(r.result.Status, r.word+" "+r.result.Result)
		result.Reason = r.result.Result
	case refusal(result.Text):
		// It said success, and the provider's refusal is all it has to show.
		result.Outcome, result.ResetAt = r.classify(0, result.Text)
		result.Reason = result.Text
	case len(r.result.PermissionDenials) > 0:
		result.Outcome, result.Reason = Denied, "it was not permitted to use "+r.result.PermissionDenials[0].ToolName
	case r.brokeOff():
		result.Outcome, result.Reason = Overloaded, "its last answer broke off: the provider told no end of it"
	case code != 0:
		result.Outcome, result.Reason = Failed, "it said success, then "+ending(code, signal)
	default:
		result.Outcome = Done
	}
	return result
}

// brokeOff reports whether the last answer has no usage, of a provider that has told it before: it comes with the end of an answer. qwen takes what there is of
// an answer whose connection is cut for all of it.
func (r *claudeReader) brokeOff() bool {
	return r.inclusive && r.total != (Usage{}) && r.last == (Usage{})
}

// classify reads what stopped a session out of the status of the call that failed,
// where there was one, and out of its words, and until when.
func (r *claudeReader) classify(status int, words string) (Outcome, time.Time) {
	outcome := classify(status, words)
	if outcome != Quota {
		return outcome, time.Time{}
	}
	now := r.now()
	if at := time.Unix(r.resets, 0); r.resets > 0 && at.After(now) {
		return outcome, at
	}
	return outcome, resetTime(words, now)
}
