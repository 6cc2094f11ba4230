package proof

import (
	"context"
	"fmt"
	"os"
	"path"
)

// Mutations is what became of small faults that were put into the changed lines on purpose: the tests had to notice them.
type Mutations struct {
	Tried    int      `json:"tried"` // those that compile
	Caught   int      `json:"caught"`
	Survived []string `json:"survived"` // place and fault, in words
}

const (
	maximumMutants  = 60 // of one change, spread over its lines
	mutantsPerLine  = 3
	mutantsPerFile  = 400 // looked at before they are spread
	survivorsWarned = 8
)

// mutant is one fault: the file as it is with it.
type mutant struct {
	file    string
	line    int
	fault   string // what was, and what is in its place
	content []byte
}

// mutate puts faults into the changed lines, one at a time, until the budget is spent, and has the tests look for them: first those of the change,
// then the whole suite. A fault that nothing notices is a warning.
func (p *prover) mutate(ctx context.Context, argv []string, s sides) error {
	all := mutants(p.change)
	if len(all) == 0 || p.readError != nil {
		return p.readError
	}
	within, cancel := context.WithTimeout(ctx, p.Mutate)
	defer cancel()
	m := &Mutations{Survived: []string{}}
	suite := p.suiteCommands(argv)
	red := map[test]bool{}
	for _, t := range append(s.red, p.red...) {
		red[t] = true
	}
	for _, fault := range all {
		verdict, err := p.notices(within, fault, s.commands(manner{limit: p.patience(s)}), suite, red)
		if within.Err() != nil && ctx.Err() == nil {
			break // the budget is spent
		}
		if err != nil {
			return err
		}
		switch verdict {
		case Passed:
			m.Tried++
			m.Survived = append(m.Survived, fmt.Sprintf("%s:%d: %s", fault.file, fault.line, fault.fault))
		case Failed:
			m.Tried++
			m.Caught++
		}
	}
	p.receipt.Mutations = m
	for _, survivor := range m.Survived[:min(len(m.Survived), survivorsWarned)] {
		p.warn("mutation: no test notices %s", survivor)
	}
	if more := len(m.Survived) - survivorsWarned; more > 0 {
		p.warn("mutation: no test notices %d more faults", more)
	}
	return nil
}

// notices runs the tests over one fault: Passed when nothing notices it, Failed when something does, Uncompiled when it is no program.
func (p *prover) notices(ctx context.Context, fault mutant, own, suite []command, red map[test]bool) (string, error) {
	prepare := func(ctx context.Context) error {
		if err := p.place.toHead(ctx); err != nil {
			return err
		}
		return p.place.write(fault.file, fault.content)
	}
	for _, commands := range [][]command{own, suite} {
		r, err := p.runAll(ctx, prepare, commands)
		if err != nil {
			return "", err
		}
		for t, status := range r.failures() {
			switch {
			case red[t]:
			case status == Uncompiled:
				return Uncompiled, nil
			default:
				return Failed, nil
			}
		}
	}
	return Passed, nil
}

// write changes one file of the tree that is there.
func (p *place) write(name string, content []byte) error {
	root, err := os.OpenRoot(p.tree())
	if err != nil {
		return fmt.Errorf("change a file of the tree: %w", err)
	}
	defer func() { _ = root.Close() }()
	info, err := root.Lstat(name)
	if err == nil && info.Mode().IsRegular() {
		err = root.WriteFile(name, content, info.Mode().Perm())
	}
	if err != nil {
		return fmt.Errorf("change a file of the tree: %w", err)
	}
	return nil
}

// mutants are the faults to try, those that are unlike each other first: one on each changed line, then the second ones, and so on.
func mutants(c *change) []mutant {
	byLine := map[string][]mutant{}
	var lines []string
	for _, f := range c.source() {
		if f.deleted() || f.binary || f.mode == modeLink || isGenerated(c, f) {
			continue
		}
		var found []mutant
		switch {
		case path.Ext(f.path) == ".go":
			found = goMutants(c.head(f.path), f)
		case isCode(f.path):
			found = lineMutants(c.head(f.path), f)
		}
		for _, m := range found[:min(len(found), mutantsPerFile)] {
			key := fmt.Sprintf("%s:%d", m.file, m.line)
			if byLine[key] == nil {
				lines = append(lines, key)
			}
			byLine[key] = append(byLine[key], m)
		}
	}
	var all []mutant
	for round := range mutantsPerLine {
		for _, key := range lines {
			if round < len(byLine[key]) && len(all) < maximumMutants {
				all = append(all, byLine[key][round])
			}
		}
	}
	return all
}
