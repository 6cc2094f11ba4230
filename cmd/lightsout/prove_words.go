package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// testWords are the words of a test command on the command line: `--test go test ./... --json`, `--test "go test ./..."`, or one
// --test for each word.
type testWords []string

// proveFlags end the words of a test command. --config is not among them: too many tools have one of their own.
func proveFlags() []string {
	return []string{"repo", "base", "head", "test", "text", "json", "warn", "protected", "max-lines", "mutate", "junit", "modules", "offline", "limit"}
}

// Decode implements kong.MapperValue.
func (t *testWords) Decode(ctx *kong.DecodeContext) error {
	for first := true; ; first = false {
		token := ctx.Scan.Peek()
		word := token.String()
		name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		if token.IsEOL() || !first && (word == "--" || strings.HasPrefix(word, "--") && slices.Contains(proveFlags(), name)) {
			return nil
		}
		*t = append(*t, ctx.Scan.Pop().String())
	}
}

// command is the command that the words mean. One word with blanks in it is a line for a shell: a shell runs it when more than quotes are
// needed to understand it.
func (t testWords) command() ([]string, error) {
	switch {
	case len(t) > 1:
		return t, nil
	case strings.ContainsAny(t[0], "&|;<>()$`\n") || assigns(t[0]):
		return []string{"sh", "-c", t[0]}, nil
	}
	words, err := shellWords(t[0])
	if err == nil && len(words) == 0 {
		err = errors.New("it names no command")
	}
	return words, err
}

// assigns reports whether a command line sets a variable for the command: CGO_ENABLED=0 go test ./...
func assigns(line string) bool {
	name, _, found := strings.Cut(strings.TrimSpace(line), "=")
	return found && variableName.MatchString(name)
}

// shellWords splits a command as a shell does, without its variables and operators.
func shellWords(s string) ([]string, error) {
	var all []string
	var word strings.Builder
	quote, open := rune(0), false
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, open = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, open = r, true
		case quote == 0 && unicode.IsSpace(r):
			if open {
				all = append(all, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("a quote has no end in %q", s)
	}
	if open {
		all = append(all, word.String())
	}
	return all, nil
}
