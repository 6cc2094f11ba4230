package engine

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"regexp"
	"time"
)

//go:embed quiet/opencode.json
var quietOpencode string

// opencode is OpenCode: one JSON event a line, usage and cost after every answer.
// Its model is written provider/model.
type opencode struct{}

func (opencode) program() string { return "opencode" }

func (opencode) args(c Config) []string {
	// Its log tells of refused calls, which its events do not while it retries.
	args := []string{"run", "--format", "json", "--print-logs", "--log-level", "ERROR"}
	if c.Model != "" {
		args = append(args, "-m", c.Model)
	}
	return args
}

func (opencode) last() []string { return nil }

func (opencode) env(Config, Session) []string {
	return []string{"OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_LSP_DOWNLOAD=1", "OPENCODE_DISABLE_MODELS_FETCH=1"}
}

func (opencode) files(Config) map[string]string {
	return map[string]string{".config/opencode/opencode.json": quietOpencode}
}

func (opencode) reader(now func() time.Time) sessionReader {
	return &opencodeReader{account: newAccount(now)}
}

type opencodeEvent struct {
	Type string
	Part struct {
		Text   string
		Tool   string
		CallID string
		Reason string // step_finish
		State  struct {
			Status string
			Input  json.RawMessage
			Output string
			Error  string
		}
		Tokens struct {
			Input     int64 // what was cached not included
			Output    int64
			Reasoning int64 // written and paid, not in Output
			Cache     struct{ Read, Write int64 }
		}
		Cost float64
	}
	Error struct {
		Name string
		Data struct {
			Message     string
			StatusCode  int
			IsRetryable bool
			Metadata    struct{ Code string } // of a connection that broke: ECONNRESET, say
		}
	}
}

type opencodeReader struct{ account }

// opencodeRefusal finds a refused call of the session itself in the log; that for
// a title is marked small.
var opencodeRefusal = regexp.MustCompile(`message="stream error".* small=false .*error\.error="((?:[^"\\]|\\.)*)"`)

func (r *opencodeReader) stderr(line []byte) []Event {
	r.other.add(line)
	if m := opencodeRefusal.FindSubmatch(line[:min(len(line), maxWords)]); m != nil {
		return []Event{r.fail(string(m[1]), 0)}
	}
	return nil
}

func (r *opencodeReader) stdout(line []byte, cut bool) []Event {
	var e opencodeEvent
	if !r.decode(line, cut, &e) {
		return nil
	}
	p := e.Part
	switch e.Type {
	case "step_start": // which may be one that a refused call cuts off
		r.ended = false
	case "text":
		return []Event{r.say(p.Text)}
	case "tool_use": // told when it is over
		return []Event{
			{Kind: KindTool, Tool: p.Tool, Text: string(p.State.Input), Call: p.CallID},
			{Kind: KindResult, Tool: p.Tool, Text: p.State.Status + " " + p.State.Output + p.State.Error, Call: p.CallID},
		}
	case "step_finish":
		r.turns++
		t := p.Tokens
		r.usage = r.usage.plus(Usage{Input: t.Input + t.Cache.Write, Cached: t.Cache.Read, Output: t.Output + t.Reasoning, CostUSD: p.Cost})
		// It has no terminal event but this: an answer that asks for nothing more.
		r.ended, r.failed = p.Reason != "tool-calls", false
		return []Event{r.spent()}
	case "error":
		words := e.Error.Data.Message
		if words == "" {
			words = e.Error.Name
		}
		if code := e.Error.Data.Metadata.Code; code != "" {
			words += " (" + code + ")"
		}
		status := e.Error.Data.StatusCode
		if status == 0 && e.Error.Data.IsRetryable && classify(0, words) == Failed {
			status = http.StatusServiceUnavailable // no answer came, for whatever reason the words have
		}
		return []Event{r.fail(words, status)}
	}
	return nil
}
