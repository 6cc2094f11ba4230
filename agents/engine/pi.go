package engine

import (
	_ "embed"
	"encoding/json"
	"strings"
	"time"
)

//go:embed quiet/pi.json
var quietPi string

// pi is the pi coding agent: one JSON event a line, usage and cost with every
// answer. It exits 0 on every error; the answer's stop reason tells. Its model is
// written provider/model.
type pi struct{}

func (pi) program() string { return "pi" }

func (pi) args(c Config) []string {
	args := []string{"-p", "--mode", "json", "--no-session"}
	provider, model, ok := strings.Cut(c.Model, "/")
	if !ok {
		provider, model = "", c.Model
	}
	if provider != "" {
		args = append(args, "--provider", provider)
	}
	if model != "" {
		args = append(args, "--model", model)
	}
	return args
}

func (pi) last() []string { return nil }

func (pi) env(Config, Session) []string {
	// No update check and no downloads of helpers at its start.
	return []string{"PI_OFFLINE=1", "PI_SKIP_VERSION_CHECK=1"}
}

func (pi) files(Config) map[string]string {
	return map[string]string{".pi/agent/settings.json": quietPi}
}

func (pi) reader(now func() time.Time) sessionReader { return &piReader{account: newAccount(now)} }

type piEvent struct {
	Type       string
	Message    piMessage // message_end
	ToolCallID string
	ToolName   string
	Args       json.RawMessage // tool_execution_start
	Result     json.RawMessage // tool_execution_end
}

type piMessage struct {
	Role         string
	Content      piContent
	StopReason   string
	ErrorMessage string
	Usage        struct {
		Input      int64 // what was cached not included
		Output     int64
		CacheRead  int64
		CacheWrite int64
		Cost       struct{ Total float64 }
	}
}

// piContent is the words of a message, its blocks joined.
type piContent string

// UnmarshalJSON takes blocks or a plain string; what is neither says nothing.
func (c *piContent) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = piContent(text)
		return nil
	}
	var blocks []struct{ Type, Text string }
	if err := tolerant(json.Unmarshal(data, &blocks)); err != nil {
		return err
	}
	for _, block := range blocks {
		if block.Type == "text" {
			*c += piContent(block.Text)
		}
	}
	return nil
}

type piReader struct{ account }

func (r *piReader) stdout(line []byte, cut bool) []Event {
	var e piEvent
	if !r.decode(line, cut, &e) {
		return nil
	}
	switch e.Type {
	case "tool_execution_start":
		return []Event{{Kind: KindTool, Tool: e.ToolName, Text: string(e.Args), Call: e.ToolCallID}}
	case "tool_execution_end":
		return []Event{{Kind: KindResult, Tool: e.ToolName, Text: string(e.Result), Call: e.ToolCallID}}
	case "message_end":
		if e.Message.Role == "assistant" {
			return r.answer(e.Message)
		}
	}
	return nil
}

func (r *piReader) answer(m piMessage) (events []Event) {
	u := m.Usage
	r.usage = r.usage.plus(Usage{Input: u.Input + u.CacheWrite, Cached: u.CacheRead, Output: u.Output, CostUSD: u.Cost.Total})
	if m.StopReason == "error" || m.StopReason == "aborted" {
		words := m.ErrorMessage
		switch words {
		case "":
			words = "the answer was " + m.StopReason
		case "terminated": // all that undici says of a stream that broke off
			words = "connection error: " + words
		}
		return []Event{r.fail(words, 0), r.spent()}
	}
	// Its terminal event repeats the whole session, and may be too long to be
	// looked at: an answer that asks for no tool is as good.
	r.ended = m.StopReason != "toolUse"
	r.turns++
	r.failed = false
	if m.Content != "" {
		events = append(events, r.say(string(m.Content)))
	}
	return append(events, r.spent())
}
