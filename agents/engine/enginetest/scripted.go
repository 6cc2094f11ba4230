// Package enginetest stands in for a coding CLI where no model is to be had: in
// tests, and in the demo. It is a program, not a Go value: a mode of the binary
// that links it, so that the factory starts, feeds, limits and ends it exactly as
// it does a real one. It sees the prompt and the worktree, and its script
// directory in place of a mind.
//
// [Model] stands in for the provider of a real coding CLI instead: it lets claude,
// codex, gemini, opencode, pi and qwen run offline against scripted tool calls.
//
// # The script directory
//
//	<dir>/<slug of the ticket's title>/<k>/   what the k-th session for that ticket does; the last repeats
//	    files/…            copied over the worktree
//	    delete             paths to remove from the worktree, one a line
//	    pull-request.md    copied to the file that the prompt names
//	    say                printed
//	    exit               exit code; 0 when missing
//	    mode               how to misbehave, one mode a line
//	<dir>/<slug>/count     how many sessions have asked so far
//	<dir>/review/<role>/<slug>/…  the same for a session whose prompt is headed Enthusiast, Adversary or
//	                       Referee; where nothing is recorded, it says that it has found nothing
//	<dir>/mode             modes of every session
//
// # Modes
//
// Modes are obeyed before the solution is applied, those of the arguments
// (--mode=…) first, then those of the directory, then those of the solution.
//
//	hang                   lives on in silence
//	deaf                   the same, and ignores TERM, HUP and INT
//	polite                 the same, but answers TERM with success
//	wait DURATION          goes on after a while
//	print N                prints N bytes without a line end, then goes on
//	lines N                the same, in lines of 1024 bytes
//	fill                   writes up to 16 GB into the worktree
//	circle N               calls a tool N times with the same result, then lives on in silence
//	busy N                 the same, with a new result each time
//	fork                   leaves a process behind that has its own session and no environment,
//	                       ignores TERM, writes its process id to <dir>/ghost, and half a
//	                       second later "late" into the worktree
//	outside PATH           tries to write PATH, and says whether it could
//	nothing                exits 0 with nothing done
//	exit N                 exits N with nothing done
//	kill-daemon            kills the daemon (SIGKILL) that started it; its helper then ends it
//	kill-daemon-after      the same, when the solution has been applied
//	quota [EPOCH]          its usage limit is spent until then, an hour from now if not said
//	authentication         its credentials are refused
//	overloaded             its provider is overloaded
//	denied                 it was not permitted to use a tool
//
// Called as claude is (--output-format stream-json) it speaks as claude does,
// else in plain lines.
package enginetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Word is the first argument that makes the binary the scripted CLI; the script
// directory is the second.
const Word = "scripted-cli"

const (
	maxPrompt = 8 << 20 // bytes of the prompt that are read

	exitUsage      = 2 // called wrongly
	exitNoSolution = 3 // nothing is recorded for the ticket
	exitBroken     = 4 // the recorded solution could not be applied
)

// Main is the scripted CLI if args, which are os.Args, ask for it. main and
// TestMain call it next to process.Helper:
//
//	if code, ok := enginetest.Main(os.Args); ok {
//		os.Exit(code)
//	}
func Main(args []string) (code int, ok bool) {
	if len(args) < 2 || args[1] != Word {
		return 0, false
	}
	if len(args) < 3 {
		fmt.Fprintf(os.Stderr, "usage: %s %s DIR [--mode=MODE]…, the prompt on standard input\n", args[0], Word)
		return exitUsage, true
	}
	if len(args) == 6 && args[3] == haunt {
		return haunting(args[2], args[4], args[5]), true
	}
	p := &player{dir: args[2], voice: plain{os.Stdout, os.Stderr}}
	prompt := p.arguments(args[3:])
	if prompt == "" {
		read, err := io.ReadAll(io.LimitReader(os.Stdin, maxPrompt))
		if err != nil {
			return p.fail(exitUsage, fmt.Errorf("read the prompt: %w", err)), true
		}
		prompt = string(read)
	}
	return p.play(prompt), true
}

// player is one session of the scripted CLI.
type player struct {
	dir   string
	modes []string // of the arguments
	voice voice
	after []func() error // what is left for when the solution has been applied
}

// arguments takes what the scripted CLI was called with and returns the prompt,
// if it is there. Flags of the CLI it stands in for are passed over.
func (p *player) arguments(args []string) (prompt string) {
	for i, arg := range args {
		next := ""
		if i+1 < len(args) {
			next = args[i+1]
		}
		switch mode, isMode := strings.CutPrefix(arg, "--mode="); {
		case isMode:
			p.modes = append(p.modes, mode)
		case arg == "--output-format" && next == "stream-json":
			p.voice = newClaude(os.Stdout)
		case arg == "-p" && next != "" && !strings.HasPrefix(next, "-"):
			prompt = next
		}
	}
	return prompt
}

// play obeys the modes, finds the ticket in the prompt, and does what is recorded
// for it.
func (p *player) play(prompt string) int {
	general, err := readLines(filepath.Join(p.dir, "mode"))
	if err != nil {
		return p.fail(exitBroken, err)
	}
	for _, mode := range append(p.modes, general...) {
		if code, over, err := p.obey(mode); err != nil {
			return p.fail(exitUsage, err)
		} else if over {
			return code
		}
	}
	folder, err := p.solution(prompt)
	if errors.Is(err, errNothingToSay) {
		p.voice.end(nothingFound, 0)
		return 0
	}
	if err != nil {
		return p.fail(exitNoSolution, err)
	}
	modes, err := readLines(filepath.Join(folder, "mode"))
	if err != nil {
		return p.fail(exitBroken, err)
	}
	for _, mode := range modes {
		if code, over, err := p.obey(mode); err != nil {
			return p.fail(exitBroken, err)
		} else if over {
			return code
		}
	}
	code, said, err := p.apply(folder, prompt)
	for _, left := range p.after {
		if err == nil {
			err = left()
		}
	}
	if err != nil {
		return p.fail(exitBroken, err)
	}
	p.voice.end(said, code)
	return code
}

func (p *player) fail(code int, err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", Word, err)
	return code
}

// readLines is the lines of a file that say something; a missing file has none.
func readLines(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read script: %w", err)
	}
	var lines []string
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}
