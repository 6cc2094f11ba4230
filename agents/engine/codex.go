package engine

import (
	_ "embed"
	"encoding/json"
	"time"
)

//go:embed quiet/codex.toml
var quietCodex string

// codex is OpenAI's Codex CLI: one JSON event a line, usage once at the end, no
// cost.
type codex struct{}

func (codex) program() string { return "codex" }

func (codex) args(c Config) []string {
	args := []string{"exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"}
	if c.Model != "" {
		args = append(args, "-m", c.Model)
	}
	return args
}

// last makes it read the prompt from standard input; it stands behind the
// person's own arguments.
func (codex) last() []string { return []string{"-"} }

func (codex) env(c Config, _ Session) []string {
	// exec takes a key of its own name; the one that everybody has serves too.
	if key := c.Env["OPENAI_API_KEY"]; key != "" && c.Env["CODEX_API_KEY"] == "" {
		return []string{"CODEX_API_KEY=" + key}
	}
	return nil
}

func (codex) files(Config) map[string]string {
	return map[string]string{".codex/config.toml": quietCodex}
}

func (codex) reader(now func() time.Time) sessionReader {
	return &codexReader{account: newAccount(now)}
}

type codexEvent struct {
	Type    string
	Message string // error
	Error   struct{ Message string }
	Usage   struct {
		Input  int64 `json:"input_tokens"` // what was cached included
		Cached int64 `json:"cached_input_tokens"`
		Output int64 `json:"output_tokens"`
	}
	Item codexItem
}

type codexItem struct {
	ID      string
	Type    string
	Text    string          // agent_message
	Command string          // command_execution
	Output  string          `json:"aggregated_output"`
	Exit    *int            `json:"exit_code"`
	Changes json.RawMessage // file_change
	Server  string          // mcp_tool_call
	Tool    string
	Args    json.RawMessage `json:"arguments"`
	Result  json.RawMessage
	Query   string // web_search
	Status  string
}

// call is the tool that an item is about, and with what; "" when about none.
func (i codexItem) call() (tool, input string) {
	switch i.Type {
	case "command_execution":
		return "shell", i.Command
	case "file_change":
		return "edit", string(i.Changes)
	case "mcp_tool_call":
		return i.Server + "." + i.Tool, string(i.Args)
	case "web_search":
		return "web search", i.Query
	}
	return "", ""
}

// result is all that an item tells of how its call went.
func (i codexItem) result() string {
	exit, _ := json.Marshal(i.Exit) // a number or null
	return i.Status + " " + string(exit) + " " + i.Output + string(i.Result)
}

type codexReader struct {
	account
	started map[string]bool // items whose start was told
}

func (r *codexReader) stdout(line []byte, cut bool) []Event {
	var e codexEvent
	if !r.decode(line, cut, &e) {
		return nil
	}
	switch e.Type {
	case "turn.started":
		r.ended = false
	case "turn.completed":
		r.ended, r.failed = true, false
		r.usage = r.usage.plus(Usage{Input: fresh(e.Usage.Input, e.Usage.Cached), Cached: e.Usage.Cached, Output: e.Usage.Output})
		return []Event{r.spent()}
	case "turn.failed":
		return []Event{r.fail(e.Error.Message, 0)}
	case "error":
		return []Event{r.fail(e.Message, 0)}
	case "item.started":
		if tool, input := e.Item.call(); tool != "" {
			r.note(e.Item.ID)
			r.failed = false
			return []Event{{Kind: KindTool, Tool: tool, Text: input, Call: e.Item.ID}}
		}
	case "item.completed":
		return r.completed(e.Item)
	}
	return nil
}

// note remembers that an item's start was told. Few are at work at a time.
func (r *codexReader) note(id string) {
	if r.started == nil || len(r.started) > 100 {
		r.started = map[string]bool{}
	}
	r.started[id] = true
}

// completed reads an item that is done. Its stream does not tell one answer of
// the model from the next, so each word and each call counts as a turn.
func (r *codexReader) completed(i codexItem) (events []Event) {
	tool, input := i.call()
	switch {
	case i.Type == "agent_message":
		r.turns++
		events = append(events, r.say(i.Text))
	case tool != "":
		r.turns++
		r.failed = false
		if !r.started[i.ID] {
			events = append(events, Event{Kind: KindTool, Tool: tool, Text: input, Call: i.ID})
		}
		delete(r.started, i.ID)
		events = append(events, Event{Kind: KindResult, Tool: tool, Text: i.result(), Call: i.ID})
	default: // such as a warning of its own, of type error, or its reasoning
		return nil
	}
	return append(events, r.spent())
}
