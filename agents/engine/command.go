package engine

import (
	"fmt"
	"time"
)

// command is any program: the prompt comes on its standard input, the worktree is
// its directory, and its exit code says how it went.
type command struct{}

func (command) program() string                { return "" }
func (command) args(Config) []string           { return nil }
func (command) last() []string                 { return nil }
func (command) env(Config, Session) []string   { return nil }
func (command) files(Config) map[string]string { return nil }
func (command) reader(func() time.Time) sessionReader {
	return &commandReader{said: tail{most: maxText}, errors: tail{most: maxWords}}
}

type commandReader struct {
	said, errors tail
}

func (r *commandReader) stdout(line []byte, _ bool) []Event {
	r.said.add(line)
	return []Event{{Kind: KindMessage, Text: string(line[:min(len(line), maxEvent+1)])}}
}

func (*commandReader) trouble() (Outcome, string) { return "", "" }

func (r *commandReader) stderr(line []byte) []Event {
	r.errors.add(line)
	return nil
}

func (r *commandReader) verdict(code int, signal string) Result {
	result := Result{Outcome: Done, Text: r.said.String()}
	if code == 0 {
		return result
	}
	result.Outcome, result.Reason = Failed, ending(code, signal)
	last := r.errors.last()
	if last == "" {
		last = r.said.last()
	}
	if last != "" {
		result.Reason += ": " + last
	}
	return result
}

// ending says how a program ended that we did not end.
func ending(code int, signal string) string {
	if signal != "" {
		return "ended by a signal that was not ours (" + signal + ")"
	}
	return fmt.Sprintf("exit status %d", code)
}
