package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// asker asks a person on the console. With yes set it takes every default and agrees to everything, without asking.
type asker struct {
	out   io.Writer
	yes   bool
	lines chan string   // what the person types
	gone  chan struct{} // closed when the asker is
	eof   chan struct{} // closed when they can type no more
}

// newAsker begins to listen to the person, until close is called. A read that waits for a terminal cannot be called
// off: its goroutine ends with the next line, or with the program.
func newAsker(c console, yes bool) *asker {
	a := &asker{out: c.out, yes: yes, lines: make(chan string), gone: make(chan struct{}), eof: make(chan struct{})}
	if yes {
		return a
	}
	go func() {
		defer close(a.eof)
		in := bufio.NewReader(c.in)
		for {
			line, err := in.ReadString('\n')
			if err == nil || line != "" {
				select {
				case a.lines <- strings.TrimSpace(line):
				case <-a.gone:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return a
}

func (a *asker) close() { close(a.gone) }

var errSilent = errors.New("nobody answers: the input has ended; give the answers as flags, with --yes")

// answer waits for a line.
func (a *asker) answer(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("stopped: %w", context.Cause(ctx))
	case line := <-a.lines:
		return line, nil
	case <-a.eof:
		return "", errSilent
	}
}

// ask asks until check accepts an answer, which is the usual one when the person just presses Enter. check returns
// what is wrong with an answer.
func (a *asker) ask(ctx context.Context, question, usual string, check func(string) error) (string, error) {
	for {
		answer := usual
		if !a.yes {
			shown := question
			if usual != "" {
				shown += " [" + usual + "]"
			}
			if _, err := fmt.Fprint(a.out, shown, ": "); err != nil {
				return "", err
			}
			typed, err := a.answer(ctx)
			if err != nil {
				fmt.Fprintln(a.out)
				return "", err
			}
			if typed != "" {
				answer = typed
			}
		}
		err := check(answer)
		if err == nil || a.yes {
			return answer, err
		}
		if _, err := fmt.Fprintf(a.out, "  %v\n", err); err != nil {
			return "", err
		}
	}
}

// agree asks whether something is to be done; Enter means no.
func (a *asker) agree(ctx context.Context, question string) (bool, error) {
	if a.yes {
		return true, nil
	}
	answer, err := a.ask(ctx, question+" [y/N]", "", func(s string) error {
		switch strings.ToLower(s) {
		case "", "y", "yes", "n", "no":
			return nil
		}
		return errors.New("answer y or n")
	})
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}
