package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
		return r.refused(c, err)
	}
	if r.JSON {
		return printJSON(c.out, linesOf(file.Rules))
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

// ruleLine is one rule as --json prints it.
type ruleLine struct {
	Number     int    `json:"number"`
	Text       string `json:"text"`
	Provenance string `json:"provenance"`
	Line       int    `json:"line"`
}

func linesOf(list []rules.Rule) []ruleLine {
	lines := make([]ruleLine, 0, len(list))
	for _, r := range list {
		lines = append(lines, ruleLine(r))
	}
	return lines
}

// rulesVerdict is what lint and add print with --json.
type rulesVerdict struct {
	OK       bool        `json:"ok"`
	File     string      `json:"file"`
	Version  string      `json:"version"` // of the file as it is now; "" where it has faults
	Rules    int         `json:"rules"`
	Added    *ruleLine   `json:"added,omitempty"`
	Overlaps []ruleLine  `json:"overlaps"` // rules that speak of the same as the one that was added
	Faults   []ruleFault `json:"faults"`
}

type ruleFault struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 0: about no line in particular
	Problem string `json:"problem"`
	Cure    string `json:"cure"`
}

// ruleFaults finds the faults of a rules file in an error, however they are wrapped and joined.
func ruleFaults(err error) []ruleFault {
	switch e := err.(type) {
	case *rules.Error:
		return []ruleFault{ruleFault(*e)}
	case interface{ Unwrap() []error }:
		var all []ruleFault
		for _, each := range e.Unwrap() {
			all = append(all, ruleFaults(each)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return ruleFaults(errors.Unwrap(err))
}

// refused answers that the rules have faults, or passes on an error that is another.
func (r rulesFile) refused(c console, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no rules file; lightsout init writes one, and --file names another", r.File)
	}
	faults := ruleFaults(err)
	if len(faults) == 0 {
		return err
	}
	if !r.JSON {
		fmt.Fprintln(c.err, err)
		return errNo
	}
	if err := printJSON(c.out, rulesVerdict{File: r.File, Overlaps: []ruleLine{}, Faults: faults}); err != nil {
		return err
	}
	return errNo
}

type rulesLint struct{ rulesFile }

func (r rulesLint) Run(c console) error {
	file, err := rules.Load(r.File)
	if err != nil {
		return r.refused(c, err)
	}
	if r.JSON {
		return printJSON(c.out, rulesVerdict{OK: true, File: r.File, Version: file.Version(), Rules: len(file.Rules), Overlaps: []ruleLine{}, Faults: []ruleFault{}})
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
	if err != nil {
		return r.refused(c, err)
	}
	overlaps := rules.Overlaps(before, r.Text)
	if r.JSON {
		added := ruleLine(after.Rules[len(after.Rules)-1])
		return printJSON(c.out, rulesVerdict{OK: true, File: r.File, Version: after.Version(), Rules: len(after.Rules), Added: &added, Overlaps: linesOf(overlaps), Faults: []ruleFault{}})
	}
	for _, rule := range overlaps {
		fmt.Fprintf(c.err, "overlaps rule %d: %s\n", rule.Number, rule.Text)
	}
	_, err = fmt.Fprint(c.out, rules.Diff(before, after))
	return err
}
