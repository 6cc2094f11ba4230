package agents

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lightsout/agents/engine"
)

// script is a coding CLI that does what the test has written down: one turn a session, and what its ticket says when
// nothing is written down.
type script struct {
	name     string // "" is script
	mutex    sync.Mutex
	turns    []turn
	sessions []engine.Session
}

// turn is what one session does.
type turn func(ctx context.Context, s engine.Session) (engine.Result, error)

func (c *script) Name() string { return cmp.Or(c.name, "script") }

func (c *script) Run(ctx context.Context, s engine.Session) (engine.Result, error) {
	c.mutex.Lock()
	c.sessions = append(c.sessions, s)
	do := solve
	if len(c.turns) > 0 {
		do, c.turns = c.turns[0], c.turns[1:]
	}
	c.mutex.Unlock()
	result, err := do(ctx, s)
	result.Engine = c.Name()
	return result, err
}

// next writes down what the next sessions do.
func (c *script) next(turns ...turn) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.turns = append(c.turns, turns...)
}

// asked counts the sessions so far; last is the newest one's prompt.
func (c *script) asked() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.sessions)
}

func (c *script) last() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.sessions) == 0 {
		return ""
	}
	return c.sessions[len(c.sessions)-1].Prompt
}

// solve does what the ticket says.
func solve(_ context.Context, s engine.Session) (engine.Result, error) {
	n, err := partOf(s)
	if err != nil {
		return engine.Result{}, err
	}
	return leave(s, partFiles(n))
}

// leaving leaves these files alone.
func leaving(files map[string]string) turn {
	return func(_ context.Context, s engine.Session) (engine.Result, error) { return leave(s, files) }
}

// ending ends without touching anything.
func ending(r engine.Result) turn {
	return func(context.Context, engine.Session) (engine.Result, error) { return r, nil }
}

// meanwhile does something as a person while the session works.
func meanwhile(f func(), then turn) turn {
	return func(ctx context.Context, s engine.Session) (engine.Result, error) {
		f()
		return then(ctx, s)
	}
}

// hanging works until it is ended.
func hanging(ctx context.Context, _ engine.Session) (engine.Result, error) {
	<-ctx.Done()
	return engine.Result{Outcome: engine.Cancelled, Reason: "cancelled"}, nil
}

func partOf(s engine.Session) (n int, err error) {
	_, after, _ := strings.Cut(s.Prompt, "Part ")
	if _, err := fmt.Sscanf(after, "%d", &n); err != nil {
		return 0, fmt.Errorf("no part named in the prompt: %w", err)
	}
	return n, nil
}

// textFile is where a session is told to write the pull request's text.
func textFile(s engine.Session) string {
	_, after, _ := strings.Cut(s.Prompt, "Write the pull request text to: ")
	name, _, _ := strings.Cut(after, "\n")
	return name
}

func leave(s engine.Session, files map[string]string) (engine.Result, error) {
	if err := os.WriteFile(textFile(s), []byte("## What\n\nIt prints its number.\n\n## Why\n\nIt printed zero.\n"), 0o600); err != nil {
		return engine.Result{}, err
	}
	for name, content := range files {
		name = filepath.Join(s.Dir, name)
		if content == "" {
			if err := os.Remove(name); err != nil {
				return engine.Result{}, err
			}
		} else if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return engine.Result{}, err
		}
	}
	return engine.Result{Outcome: engine.Done, Turns: 1, Seconds: time.Second.Seconds()}, nil
}
