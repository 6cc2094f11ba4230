// Command lightsout is an agent factory: it takes tickets from a GitHub board to merged, staged pull requests, steered
// from a Telegram chat.
//
// A guided tour: main.go reads the command line; config.go and config_load.go read the configuration; daemon.go puts
// the factory together from it; schedule.go ticks its roles; demo.go does the same on one machine with nothing else.
// Each judgement of the factory is also a command of its own: pick.go, prove.go, review.go, session.go, rules.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"lightsout/agents/process"
)

func main() {
	// The helper that stays a session's parent is this binary again: it must be met before anything else.
	if code, ok := process.Helper(os.Args); ok {
		os.Exit(code)
	}
	if code, ok := scripted(os.Args); ok {
		os.Exit(code)
	}
	if err := process.KeepPrivate(); err != nil {
		fmt.Fprintln(os.Stderr, "lightsout:", err)
		os.Exit(exitUnknown)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program as Ctrl-C does
	os.Exit(run(ctx, os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}))
}

// console is the world of a command: what it reads, writes and was started with.
type console struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
}

// The exit codes of every command: yes, no, could not tell.
const (
	exitYes     = 0
	exitNo      = 1
	exitUnknown = 2
)

// errNo is returned by a command whose answer is no; it has said why already.
var errNo = errors.New("no")

// commands is the command line.
type commands struct {
	Run     runCommand     `cmd:"" help:"Run the factory. It stays in the foreground; Ctrl-C drains it, a second one forces."`
	Demo    demoCommand    `cmd:"" help:"The whole factory on this machine with nothing else: a GitHub, a chat page, a sample repository."`
	Init    initCommand    `cmd:"" help:"Write a commented configuration, and create what the board lacks."`
	Pair    pairCommand    `cmd:"" help:"Let somebody steer the factory from their Telegram account."`
	Doctor  doctorCommand  `cmd:"" help:"Try everything the factory needs, and say what to do about what is missing."`
	Status  statusCommand  `cmd:"" help:"What the factory is doing, from its store; for when the chat is down."`
	Pick    pickCommand    `cmd:"" help:"Which ticket would be taken next, and why."`
	Prove   proveCommand   `cmd:"" help:"Is this branch done? The two-sided test proof, on any git repository."`
	Review  reviewCommand  `cmd:"" help:"Enthusiast, Adversary and Referee argue about a branch of any git repository."`
	Session sessionCommand `cmd:"" help:"One run of one coding CLI in a folder."`
	Rules   rulesCommand   `cmd:"" help:"Show, check or extend the rules file."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// run parses the arguments and runs the command they name.
func run(ctx context.Context, args []string, c console) int {
	var cli commands
	exit := -1
	parser, err := kong.New(&cli, kong.Name("lightsout"), kong.UsageOnError(), kong.Writers(c.out, c.err), kong.Exit(func(code int) { exit = code }),
		kong.Description("An agent factory: from ticket to merged pull request, steered from Telegram.\n\nExit codes: 0 yes, 1 no, 2 could not tell."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(c))
	if err != nil {
		fmt.Fprintln(c.err, "lightsout:", err)
		return exitUnknown
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help has been answered
		return exit
	}
	if err != nil {
		fmt.Fprintf(c.err, "lightsout: %s (lightsout --help lists the commands, lightsout COMMAND --help what each takes)\n", err)
		return exitUnknown
	}
	switch err := parsed.Run(); {
	case errors.Is(err, errNo):
		return exitNo
	case err != nil:
		fmt.Fprintln(c.err, "lightsout:", err)
		return exitUnknown
	}
	return exitYes
}

// printJSON prints a value for a program to read: what --json gives, everywhere in the same form.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

type versionCommand struct{}

func (versionCommand) Run(c console) error {
	_, err := fmt.Fprintln(c.out, "lightsout", version())
	return err
}
