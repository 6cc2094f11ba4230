package enginetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Model is the provider of a real coding CLI, scripted: an http.Handler that
// speaks Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and
// Gemini, streaming. It answers with the next step of its script until there is
// none left, and then with its last words. Which step is next it reads out of
// the conversation, by the tool results in it, so a call that is repeated gets
// the same answer.
//
// A CLI is served with the tools that it offers: a step's command goes to the
// one that is its shell, a step's file to the one that writes files.
type Model struct {
	Steps []Step
	Say   string // the last words
	Fault Fault

	released chan struct{}
	once     sync.Once

	mu    sync.Mutex
	asked []string
	tools []string
}

// Step is one thing the model wants done: a command run, or a file written.
type Step struct {
	Run     string // a shell command
	Write   string // a file, absolute, if Run is empty
	Content string // of the file
}

// Fault is what goes wrong, from the answer to the given step on, with every call.
type Fault struct {
	Kind FaultKind
	At   int // how many steps are done well before
}

// FaultKind is a way to go wrong.
type FaultKind string

// What can go wrong.
const (
	NoFault      FaultKind = ""
	Unauthorized FaultKind = "401"  // the key is refused
	OutOfQuota   FaultKind = "429"  // the quota is spent
	Broken       FaultKind = "500"  // the provider has an error
	Dropped      FaultKind = "drop" // the connection ends within the answer
	Hanging      FaultKind = "hang" // the answer never comes
)

// NewModel returns a model that does the steps and then says the words. Close it
// before the server that serves it is closed.
func NewModel(say string, steps ...Step) *Model {
	return &Model{Steps: steps, Say: say, released: make(chan struct{})}
}

// Close lets go of the calls that hang.
func (m *Model) Close() { m.once.Do(func() { close(m.released) }) }

// Asked lists the calls so far, as METHOD PATH.
func (m *Model) Asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.asked...)
}

// Tools are the names of the tools that the CLI offered last.
func (m *Model) Tools() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.tools...)
}

// The figures of every answer, the same for each protocol in its own terms.
const (
	FreshTokens  = 100  // read afresh
	CachedTokens = 1000 // read from the cache, not in FreshTokens
	OutputTokens = 50
)

const maxRequest = 32 << 20 // bytes of one call

// protocol is how one provider's calls are read and answered.
type protocol interface {
	read(r *http.Request, body []byte) (question, error)
	// answer writes the whole answer, streamed when asked so.
	answer(w *wire, q question, a answer)
	refuse(status int, kind, message string) object
}

// question is a call, as far as it matters here.
type question struct {
	model   string
	stream  bool
	tools   []offer
	results int // tool results in the conversation
}

// offer is a tool that the CLI has.
type offer struct {
	name     string
	schema   schema
	freeform bool // takes text, not fields
}

type schema struct {
	Properties map[string]struct {
		Type any
		Enum []any
	}
	Required []string
}

// answer is what the model says: words, or a call of a tool.
type answer struct {
	id    string // unlike any other in the conversation
	text  string
	tool  string // "" for words
	input object
}

// ServeHTTP answers a call.
func (m *Model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	m.asked = append(m.asked, r.Method+" "+r.URL.Path)
	m.mu.Unlock()
	p := speaks(r.URL.Path)
	if r.Method != http.MethodPost || p == nil {
		m.other(w, r)
		return
	}
	q, err := p.read(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(q.tools) > 0 {
		m.mu.Lock()
		m.tools = m.tools[:0]
		for _, tool := range q.tools {
			m.tools = append(m.tools, tool.name)
		}
		m.mu.Unlock()
	}
	out := &wire{w: w, stream: q.stream}
	if m.Fault.Kind != NoFault && q.results >= m.Fault.At && m.fail(out, r, p) {
		return
	}
	p.answer(out, q, m.next(q))
}

// speaks is the protocol of a path, nil for others. Providers are reached below
// addresses of many shapes, so only the end of the path counts.
func speaks(path string) protocol {
	switch {
	case strings.HasSuffix(path, "/messages"):
		return messages{}
	case strings.HasSuffix(path, "/responses"):
		return responses{}
	case strings.HasSuffix(path, "/chat/completions"):
		return chat{}
	case strings.HasSuffix(path, ":generateContent"), strings.HasSuffix(path, ":streamGenerateContent"):
		return gemini{}
	}
	return nil
}

// other serves what CLIs ask beside answers.
func (m *Model) other(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/count_tokens"):
		fmt.Fprintf(w, `{"input_tokens":%d}`, FreshTokens)
	case strings.HasSuffix(r.URL.Path, ":countTokens"):
		fmt.Fprintf(w, `{"totalTokens":%d}`, FreshTokens)
	case strings.HasSuffix(r.URL.Path, "/models"):
		fmt.Fprint(w, `{"object":"list","data":[],"models":[]}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"type":"not_found_error","message":"not served here"}}`)
	}
}

// fail does the fault. It returns false when the answer is to be written after
// all, and cut.
func (m *Model) fail(out *wire, r *http.Request, p protocol) bool {
	switch m.Fault.Kind {
	case Unauthorized:
		out.refuse(401, p.refuse(401, "authentication_error", "the key is not valid"))
	case OutOfQuota:
		out.w.Header().Set("Retry-After", "1")
		out.refuse(429, p.refuse(429, "rate_limit_error", "You exceeded your current quota, please check your plan and billing details."))
	case Broken:
		out.refuse(500, p.refuse(500, "api_error", "Internal server error"))
	case Hanging:
		select {
		case <-r.Context().Done():
		case <-m.released:
		}
	case Dropped:
		out.left = 3 // lines of the stream, then the end
		return false
	default:
		http.Error(out.w, "unknown fault "+string(m.Fault.Kind), http.StatusNotImplemented)
	}
	return true
}

// next is the answer to a question: the step that is due, by the tool that can do
// it. A question without tools is a side one, such as for a title.
func (m *Model) next(q question) answer {
	a := answer{id: fmt.Sprintf("%d", q.results+1), text: m.Say}
	if len(q.tools) == 0 || q.results >= len(m.Steps) {
		return a
	}
	step := m.Steps[q.results]
	if step.Run == "" {
		if tool, input, ok := writer(q.tools, step); ok {
			a.text, a.tool, a.input = "", tool, input
			return a
		}
		step.Run = fmt.Sprintf("cat > '%s' <<'END'\n%s\nEND", step.Write, strings.TrimSuffix(step.Content, "\n"))
	}
	for _, tool := range q.tools {
		if input, ok := tool.shell(step.Run); ok {
			a.text, a.tool, a.input = "", tool.name, input
			return a
		}
	}
	a.text = "none of the tools is a shell"
	return a
}

// shell fills in the tool's fields so that it runs command, if it is a shell.
func (o offer) shell(command string) (object, bool) {
	name := strings.ToLower(o.name)
	if o.freeform || !strings.HasSuffix(name, "bash") && !strings.Contains(name, "shell") && name != "exec_command" {
		return nil, false
	}
	for _, field := range []string{"command", "cmd"} {
		property, ok := o.schema.Properties[field]
		if !ok {
			continue
		}
		input := o.required()
		if property.Type == "array" {
			input[field] = []string{"bash", "-c", command}
		} else {
			input[field] = command
		}
		return input, true
	}
	return nil, false
}

// writer finds the tool that writes whole files.
func writer(tools []offer, step Step) (string, object, bool) {
	for _, tool := range tools {
		name := strings.ToLower(tool.name)
		if tool.freeform || name != "write" && name != "write_file" {
			continue
		}
		for _, field := range []string{"file_path", "filePath", "path"} {
			if _, ok := tool.schema.Properties[field]; ok {
				input := tool.required()
				input[field], input["content"] = step.Write, step.Content
				return tool.name, input, true
			}
		}
	}
	return "", nil, false
}

// required gives every field that must be there a value of its type.
func (o offer) required() object {
	input := object{}
	for _, field := range o.schema.Required {
		property := o.schema.Properties[field]
		switch {
		case len(property.Enum) > 0:
			input[field] = property.Enum[0]
		case property.Type == "boolean":
			input[field] = false
		case property.Type == "number", property.Type == "integer":
			input[field] = 60000
		default:
			input[field] = "scripted"
		}
	}
	return input
}

// wire writes an answer: one object, or events of a stream.
type wire struct {
	w      http.ResponseWriter
	stream bool
	opened bool
	left   int // lines until the connection is dropped; 0: never
}

func (o *wire) refuse(status int, body object) {
	o.w.Header().Set("Content-Type", "application/json")
	o.w.WriteHeader(status)
	_ = json.NewEncoder(o.w).Encode(body) // fails only when nobody is left to be told
}

// whole writes an answer that is not streamed; a dropped one never comes.
func (o *wire) whole(body object) {
	if o.left > 0 {
		panic(http.ErrAbortHandler)
	}
	o.refuse(http.StatusOK, body)
}

// event writes one event of a stream; name may be empty.
func (o *wire) event(name string, body any) {
	if !o.opened {
		o.w.Header().Set("Content-Type", "text/event-stream")
		o.opened = true
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Errorf("model: encode event: %w", err)) // our own objects
	}
	if name != "" {
		fmt.Fprintf(o.w, "event: %s\n", name)
	}
	fmt.Fprintf(o.w, "data: %s\n\n", data)
	if flusher, ok := o.w.(http.Flusher); ok {
		flusher.Flush()
	}
	if o.left > 0 {
		if o.left--; o.left == 0 {
			panic(http.ErrAbortHandler) // ends the connection within the answer
		}
	}
}
