package engine

import (
	"os"
	"time"
)

// adapter is one coding CLI.
type adapter interface {
	program() string                           // its usual name
	args(c Config) []string                    // arguments that make it run headless; the prompt comes on standard input
	last() []string                            // arguments that stand behind the person's own
	env(c Config, s Session) []string          // what makes it quiet and keeps it in its HOME
	files(c Config) map[string]string          // the same, as files in that HOME: content by path
	reader(now func() time.Time) sessionReader // a new one for every session
}

// sessionReader reads what one session says. Its methods are not called
// concurrently.
type sessionReader interface {
	// stdout reads a line; cut means that it was longer and is not whole.
	stdout(line []byte, cut bool) []Event
	stderr(line []byte) []Event
	// trouble is what the provider refused, if that is the last thing that came
	// of the session: what it waits for when it has to be ended by us. Else "".
	trouble() (Outcome, string)
	// verdict judges a session that ended by itself and fills in Outcome,
	// Reason and ResetAt; for any session it fills in Turns, Usage and Text.
	verdict(code int, signal string) Result
}

// Kinds are the coding CLIs that are known, and command, which is any program.
func Kinds() []string {
	return []string{"claude", "codex", "command", "gemini", "opencode", "pi", "qwen"}
}

func adapterOf(kind string) adapter {
	switch kind {
	case "claude":
		return claude{root: os.Geteuid() == 0}
	case "codex":
		return codex{}
	case "command":
		return command{}
	case "gemini":
		return gemini{}
	case "opencode":
		return opencode{}
	case "pi":
		return pi{}
	case "qwen":
		return qwen{}
	}
	return nil
}

// Guide is what a person must know of a kind to make it ready.
type Guide struct {
	Program string // its usual name; called with --version it tells its version
	Package string // on npm
	// Credentials are environment variables any one of which opens its provider;
	// the first is the usual one. None of them needs be there where its
	// configuration names another provider.
	Credentials []string
}

// GuideTo is the guide to a kind; of a command nothing is known.
func GuideTo(kind string) (Guide, bool) {
	switch kind {
	case "claude":
		return Guide{"claude", "@anthropic-ai/claude-code", []string{"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"}}, true
	case "codex":
		return Guide{"codex", "@openai/codex", []string{"OPENAI_API_KEY", "CODEX_API_KEY"}}, true
	case "gemini":
		return Guide{"gemini", "@google/gemini-cli", []string{"GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"}}, true
	case "opencode":
		return Guide{"opencode", "opencode-ai", []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "OPENCODE_API_KEY"}}, true
	case "pi":
		return Guide{"pi", "@mariozechner/pi-coding-agent", []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"}}, true
	case "qwen":
		return Guide{"qwen", "@qwen-code/qwen-code", []string{"OPENAI_API_KEY", "DASHSCOPE_API_KEY"}}, true
	}
	return Guide{}, false
}
