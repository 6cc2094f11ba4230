package engine

import (
	_ "embed"
	"encoding/json"
	"strings"
	"time"
)

//go:embed quiet/gemini.json
var quietGemini string

// gemini is Google's Gemini CLI: one JSON event a line, usage once at the end, no
// cost.
type gemini struct{}

func (gemini) program() string { return "gemini" }

func (gemini) args(c Config) []string {
	args := []string{"-o", "stream-json", "--yolo"}
	if c.Model != "" {
		args = append(args, "-m", c.Model)
	}
	return args
}

func (gemini) last() []string { return nil }

func (gemini) env(Config, Session) []string {
	return []string{
		// Else it asks whether the worktree is to be trusted.
		"GEMINI_CLI_TRUST_WORKSPACE=true",
		// Else it starts itself anew to be allowed more memory.
		"GEMINI_CLI_NO_RELAUNCH=true",
	}
}

func (gemini) files(c Config) map[string]string {
	settings := quietGemini
	if c.Env["GEMINI_API_KEY"] == "" && (c.Env["GOOGLE_API_KEY"] != "" || c.Env["GOOGLE_APPLICATION_CREDENTIALS"] != "") {
		settings = strings.Replace(settings, `"gemini-api-key"`, `"vertex-ai"`, 1)
	}
	return map[string]string{".gemini/settings.json": settings}
}

func (gemini) reader(now func() time.Time) sessionReader {
	return &geminiReader{account: newAccount(now)}
}

type geminiEvent struct {
	Type       string
	Role       string
	Content    string
	Delta      bool
	ToolName   string `json:"tool_name"`
	ToolID     string `json:"tool_id"`
	Parameters json.RawMessage
	Output     string
	Status     string
	Message    string // error
	Error      struct{ Message string }
	Stats      struct {
		Total  int64 `json:"total_tokens"`
		Input  int64 `json:"input_tokens"` // what was cached included
		Output int64 `json:"output_tokens"`
		Cached int64
	}
}

type geminiReader struct {
	account
	speaking bool // the last event was a piece of its words
}

func (r *geminiReader) stdout(line []byte, cut bool) []Event {
	var e geminiEvent
	if !r.decode(line, cut, &e) {
		return nil
	}
	speaking := r.speaking
	r.speaking = false
	switch e.Type {
	case "message":
		if e.Role != "assistant" {
			return nil
		}
		r.speaking, r.ended = true, false
		if !speaking || !e.Delta {
			r.turns++
			return []Event{r.say(e.Content)}
		}
		r.say(r.text + e.Content)
		return []Event{{Kind: KindMessage, Text: e.Content}}
	case "tool_use":
		r.failed, r.ended = false, false
		if !speaking { // words before a call are of the same answer
			r.turns++
		}
		return []Event{{Kind: KindTool, Tool: e.ToolName, Text: string(e.Parameters), Call: e.ToolID}, r.spent()}
	case "tool_result":
		return []Event{{Kind: KindResult, Text: e.Status + " " + e.Output + e.Error.Message, Call: e.ToolID}}
	case "error": // a warning: the result tells whether it was the end
		return []Event{{Kind: KindMessage, Text: e.Message}}
	case "result":
		return r.result(e)
	}
	return nil
}

func (r *geminiReader) result(e geminiEvent) []Event {
	r.ended, r.failed = true, false
	// Thoughts are written and paid, but stand in the sum alone.
	r.usage = Usage{Input: fresh(e.Stats.Input, e.Stats.Cached), Cached: e.Stats.Cached, Output: max(e.Stats.Output, e.Stats.Total-e.Stats.Input)}
	events := []Event{r.spent()}
	if e.Status != "success" {
		events = append(events, r.fail(e.Error.Message, 0))
	}
	return events
}
