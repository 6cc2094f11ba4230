package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lightsout/agents/proof"
	"lightsout/agents/worktree"
)

// proveCommand judges one branch of any git repository, without GitHub, chat or store. Flags win over the configuration.
type proveCommand struct {
	Repo      string        `required:"" help:"The git repository." type:"existingdir"`
	Base      string        `required:"" help:"What the change is compared with: a branch or commit."`
	Head      string        `required:"" help:"The change: a branch or commit."`
	Test      testWords     `help:"The test command, up to the next of our flags; one word with blanks is taken as a shell takes it. Default: found." placeholder:"CMD…"`
	Text      string        `help:"A file with the pull request's text. Default: the head commit's message, which needs no heading." type:"existingfile"`
	JSON      bool          `name:"json" help:"Print the receipt as JSON."`
	Config    string        `short:"c" help:"A configuration file, for its [proof] and its test command." type:"existingfile"`
	Warn      []string      `help:"Policies that only warn: too-large,stub,…" placeholder:"POLICY"`
	Protected []string      `help:"More paths that the change may not touch: deploy/,*.pem" placeholder:"PATTERN"`
	MaxLines  int           `help:"Lines that the change may add and delete, tests and generated files not counted. Default: 2000." placeholder:"N"`
	Mutate    time.Duration `help:"Put small faults into the changed lines for that long, and warn about those that no test notices: 30s."`
	JUnit     string        `name:"junit" help:"Where in the repository the test command leaves a JUnit XML report." placeholder:"PATH"`
	Modules   string        `help:"The folder node_modules with the packages of a JavaScript repository. Default: the repository's own, if it is there." type:"existingdir"`
	Offline   bool          `help:"No network for the tests, where the machine can deny it: but loopback where it allows namespaces, none at all where it has Landlock alone."`
	Limit     time.Duration `default:"15m" help:"Of one test command."`
	Rest      []string      `arg:"" optional:"" passthrough:"" name:"cmd" help:"The test command, behind --."`
}

// answer is the receipt as the command prints it.
type answer struct {
	Proven   bool            `json:"proven"`
	Strength string          `json:"strength"`
	Base     string          `json:"base"`
	Head     string          `json:"head"`
	Tests    []answerTest    `json:"tests"`
	Refusals []answerRefusal `json:"refusals"`
	Warnings []string        `json:"warnings"`
	Seconds  float64         `json:"seconds"`
}

type answerTest struct {
	Name string `json:"name"`
	Base string `json:"base"`
	Head string `json:"head"`
}

type answerRefusal struct {
	Policy string `json:"policy"`
	Detail string `json:"detail"`
	File   string `json:"file"`
	Line   int    `json:"line"`
}

func answerOf(r proof.Receipt) answer {
	a := answer{Proven: r.Proven, Strength: r.Strength, Base: r.Base, Head: r.Head, Tests: []answerTest{}, Refusals: []answerRefusal{},
		Warnings: append([]string{}, r.Warnings...), Seconds: r.Seconds}
	for _, t := range r.Tests {
		a.Tests = append(a.Tests, answerTest{t.Name, t.Base, t.Head})
	}
	for _, f := range r.Refusals {
		a.Refusals = append(a.Refusals, answerRefusal{f.Policy, f.Detail, f.File, f.Line})
	}
	return a
}

func (p *proveCommand) Run(ctx context.Context, c console) error {
	work, err := proveFolder(p.Repo)
	if err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	receipt, err := p.prove(ctx, c, work)
	if err = errors.Join(err, worktree.RemoveAll(work)); err != nil {
		if p.JSON { // who reads programs' words finds the reason where warnings are; the exit code tells it from a refusal
			receipt.Proven = false
			receipt.Warnings = append(receipt.Warnings, "could not tell: "+err.Error())
			err = errors.Join(err, printJSON(c.out, answerOf(receipt)))
		}
		return err
	}
	if p.JSON {
		err = printJSON(c.out, answerOf(receipt))
	} else {
		_, err = io.WriteString(c.out, receipt.Markdown())
	}
	if err == nil && !receipt.Proven {
		err = errNo
	}
	return err
}

// proveFolder makes the work folder: the same one each time for a repository, because build caches know what they hold by its folder too, and
// another while that one is in use. Its name is short: the tests' own sockets live below it, and their paths have 108 bytes.
func proveFolder(repo string) (string, error) {
	whole, err := filepath.Abs(repo)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("prove-%.5x", sha256.Sum256([]byte(whole))))
	if err = os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
		return os.MkdirTemp("", "prove-")
	}
	return dir, err
}

func (p *proveCommand) prove(ctx context.Context, c console, work string) (proof.Receipt, error) {
	test, settings, err := p.settings()
	if err != nil {
		return proof.Receipt{}, err
	}
	on, err := openBench(ctx, c, work, p.Repo, p.Base, p.Head)
	if err != nil {
		return proof.Receipt{}, fmt.Errorf("prove: %w", err)
	}
	text, err := p.text(ctx, on.mirror, on.head)
	if err != nil {
		return proof.Receipt{Base: on.base, Head: on.head}, err
	}
	request := on.proof(p.Limit)
	request.Against, request.Test, request.Text, request.Message, request.Settings = p.Base, test, text, p.Text == "", settings
	request.Marker, request.Log = "lightsout-prove-"+rand.Text(), c.err
	receipt, err := proof.Prove(ctx, request)
	receipt.Base, receipt.Head = cmp.Or(receipt.Base, on.base), cmp.Or(receipt.Head, on.head)
	return receipt, err
}

// settings are the test command, nil when none is given, and how to judge: the configuration's, as far as the flags say nothing else.
func (p *proveCommand) settings() (test []string, settings proof.Settings, err error) {
	if p.Config != "" {
		text, err := readConfig(p.Config)
		if err != nil {
			return nil, settings, err
		}
		config, d := parseConfig(p.Config, text)
		if err := d.err(); err != nil {
			return nil, settings, err
		}
		test, settings = config.Test, config.Proof.settings()
	}
	switch behind := without(p.Rest, "--"); {
	case len(p.Test) > 0 && len(behind) > 0:
		return nil, settings, fmt.Errorf("prove: two test commands: %q and %q", p.Test, behind)
	case len(p.Test)+len(behind) > 0:
		if test, err = append(p.Test, behind...).command(); err != nil {
			return nil, settings, fmt.Errorf("prove: the test command: %w", err)
		}
	}
	if len(p.Warn) > 0 {
		settings.Warn = p.Warn
	}
	settings.Protected = append(settings.Protected, p.Protected...)
	settings.MaximumLines = cmp.Or(p.MaxLines, settings.MaximumLines)
	settings.Mutate = cmp.Or(p.Mutate, settings.Mutate)
	settings.JUnit = cmp.Or(p.JUnit, settings.JUnit)
	settings.Offline = p.Offline || settings.Offline
	settings.Modules, err = p.modules(settings.Modules)
	return test, settings, err
}

// modules finds the installed packages of a JavaScript repository: a clean checkout has none.
func (p *proveCommand) modules(configured string) (string, error) {
	dir := cmp.Or(p.Modules, configured)
	if dir == "" {
		dir = filepath.Join(p.Repo, "node_modules")
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return "", nil
		}
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return "", fmt.Errorf("prove: look for installed packages: %w", err)
	}
	return dir, nil
}

func (p *proveCommand) text(ctx context.Context, m *worktree.Mirror, head string) (string, error) {
	if p.Text == "" {
		return m.Message(ctx, head)
	}
	text, err := os.ReadFile(p.Text)
	if err != nil {
		return "", fmt.Errorf("prove: %w", err)
	}
	return string(text), nil
}
