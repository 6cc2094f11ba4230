package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"lightsout/rules"
)

// rulesCommand is the rules file from the command line. It works on the file alone; a running daemon notices at its
// next tick.
type rulesCommand struct {
	Show rulesShow `cmd:"" default:"withargs" help:"Print the rules with where each came from."`
	Lint rulesLint `cmd:"" help:"Check the file; all faults at once."`
	Add  rulesAdd  `cmd:"" help:"Add one rule."`
}

type rulesFile struct {
	File string `short:"f" default:"rules.md" help:"The rules file." type:"path"`
	JSON bool   `name:"json" help:"Print JSON."`
}

type rulesShow struct{ rulesFile }

func (r rulesShow) Run(c console) error {
	file, err := rules.Load(r.File)
	if err != nil {
		return err
	}
	if r.JSON {
		return printJSON(c.out, file.Rules)
	}
	for _, rule := range file.Rules {
		if _, err := fmt.Fprintf(c.out, "%2d. %s\n", rule.Number, rule.Text); err != nil {
			return err
		}
		if rule.Provenance != "" {
			if _, err := fmt.Fprintf(c.out, "    %s\n", rule.Provenance); err != nil {
				return err
			}
		}
	}
	return nil
}

type rulesLint struct{ rulesFile }

func (r rulesLint) Run(c console) error {
	file, err := rules.Load(r.File)
	var fault *rules.Error
	if errors.As(err, &fault) {
		fmt.Fprintln(c.err, err)
		return errNo
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s: %d rules, version %s\n", filepath.Base(r.File), len(file.Rules), file.Version())
	return err
}

type rulesAdd struct {
	rulesFile
	Text string `arg:"" help:"The rule, one sentence."`
}

func (r rulesAdd) Run(_ context.Context, c console) error {
	before, after, err := rules.Add(r.File, r.Text, "added by hand", time.Now())
	var fault *rules.Error
	if errors.As(err, &fault) {
		fmt.Fprintln(c.err, err)
		return errNo
	}
	if err != nil {
		return err
	}
	for _, rule := range rules.Overlaps(before, r.Text) {
		fmt.Fprintf(c.err, "overlaps rule %d: %s\n", rule.Number, rule.Text)
	}
	_, err = fmt.Fprint(c.out, rules.Diff(before, after))
	return err
}
