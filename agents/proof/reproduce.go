package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// maximumReproduction bounds the files that one reproduction may bring.
const maximumReproduction = 10

// Reproduce lays test files over a clean tree of the head and runs them: does the bug that they are about really happen?
// failed means that at least one of their tests fails there as a test fails, or does not end; output is what that printed,
// its last lines. The files must be new, by their names tests, and outside the protected paths: what they show must be the
// head's doing.
//
// An error means that it could not be told: files that may not be laid, that do not compile, of which nothing runs, or that
// lack something of the machine; and all that is an error of Prove.
func Reproduce(ctx context.Context, r Request, files map[string][]byte) (failed bool, output string, err error) {
	if err := r.check(); err != nil {
		return false, "", fmt.Errorf("reproduce: %w", err)
	}
	p := &prover{Request: r, log: journal{r.Log}, marker: r.Marker}
	if failed, output, err = p.reproduce(ctx, files); err != nil {
		return false, redact(output, r.Secrets), fmt.Errorf("reproduce on %s: %w", short(r.Head), err)
	}
	return failed, redact(output, r.Secrets), nil
}

func (p *prover) reproduce(ctx context.Context, files map[string][]byte) (failed bool, output string, err error) {
	if err := p.loadReproduction(ctx, files); err != nil {
		return false, "", err
	}
	argv := p.Test
	if len(argv) == 0 {
		if argv, err = detect(p.change, p.basePaths); err != nil {
			return false, "", err
		}
	}
	plan := planWhole(argv)
	for _, t := range tools() {
		if claimed, ok := t(p.change, argv); ok {
			plan = claimed
			break
		}
	}
	if p.readError != nil {
		return false, "", p.readError
	}
	if err := p.place.open(ctx); err != nil {
		return false, "", err
	}
	defer func() {
		err = errors.Join(err, p.place.close(context.WithoutCancel(ctx)))
	}()
	commands := plan.commands(manner{limit: cmp.Or(p.Patience, defaultPatience)})
	if !plan.named { // a command that fails without the files says nothing with them
		clean, err := p.runAll(ctx, p.place.toHead, commands)
		if err != nil {
			return false, "", err
		}
		if !clean.ok {
			return false, clean.words(clean.whole()), errors.New("the test command fails without the files as well")
		}
	}
	r, err := p.runAll(ctx, p.place.toHeadWithTests, commands)
	if err != nil {
		return false, "", err
	}
	return plan.reproduced(r)
}

// reproduced reads from a run with the files in place whether one of their tests fails.
func (p plan) reproduced(r results) (failed bool, output string, err error) {
	if !p.named {
		t := r.whole()
		if status := r.tests[t]; bad(status) {
			return p.failure(t, status, r)
		}
		return false, "", nil
	}
	passed := false
	for _, t := range sortedTests(r.tests) {
		if status := r.status(t); p.decides(t) && bad(status) {
			return p.failure(t, status, r)
		} else if p.decides(t) && status == Passed {
			passed = true
		}
	}
	switch groups := slices.Sorted(maps.Keys(r.broken)); {
	case len(groups) > 0:
		return p.failure(test{group: groups[0]}, Uncompiled, r)
	case len(r.crashed) > 0 && !passed: // before or beside its tests, which any test program can be made to do
		return false, r.words(test{group: slices.Sorted(maps.Keys(r.crashed))[0]}), errors.New("its test program ended outside of its tests")
	case !passed:
		return false, r.stray, errors.New("none of its tests was run")
	}
	return false, "", nil
}

// failure tells a test that fails because of the code from one that fails for want of something else.
func (p plan) failure(t test, status string, r results) (failed bool, output string, err error) {
	output = r.words(t)
	switch {
	case status == Uncompiled:
		return false, output, fmt.Errorf("it does not compile: %s", clip(output, 300))
	case lacks.MatchString(output):
		return false, output, fmt.Errorf("%w: %s", ErrNoTool, clip(output, 300))
	}
	return true, output, nil
}

// loadReproduction makes a change of the files: the head as the base, and the head with the files as the head.
func (p *prover) loadReproduction(ctx context.Context, files map[string][]byte) error {
	head, err := p.Mirror.Resolve(ctx, p.Head)
	if err != nil {
		return err
	}
	base, err := p.Mirror.Resolve(ctx, p.Base)
	if err != nil {
		return err
	}
	paths, err := p.Mirror.Tree(ctx, head)
	if err != nil {
		return err
	}
	if p.basePaths, err = p.Mirror.Tree(ctx, base); err != nil {
		return err
	}
	if err := p.checkReproduction(files, paths); err != nil {
		return err
	}
	stored := p.reader(ctx, head)
	c := &change{base: stored, protected: p.Protected}
	c.head = func(path string) []byte {
		if content, ok := files[path]; ok {
			return content
		}
		return stored(path)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := &file{path: name, status: 'A', mode: "100644"}
		for i, text := range strings.Split(strings.TrimSuffix(string(files[name]), "\n"), "\n") {
			f.added = append(f.added, line{number: i + 1, at: i + 1, text: text})
		}
		f.lines = len(f.added)
		c.files = append(c.files, f)
		paths = append(paths, name)
	}
	slices.Sort(paths)
	c.paths = paths
	p.change = c
	p.place = &place{mirror: p.Mirror, dir: p.Dir, change: c, base: base, head: head, keep: p.Keep}
	return nil
}

// checkReproduction refuses files that could make the head fail by themselves.
func (p *prover) checkReproduction(files map[string][]byte, paths []string) error {
	if len(files) == 0 || len(files) > maximumReproduction {
		return fmt.Errorf("%d files; 1 to %d are run", len(files), maximumReproduction)
	}
	tests := false
	for _, name := range slices.Sorted(maps.Keys(files)) {
		above := func(stands string) bool {
			return stands == name || strings.HasPrefix(stands, name+"/") || strings.HasPrefix(name, stands+"/")
		}
		switch shown := clip(name, 100); {
		case !fs.ValidPath(name) || name == ".":
			return fmt.Errorf("%q is no path in the repository", shown)
		case !isTest(name):
			return fmt.Errorf("%q is not a test by its name", shown)
		case isProtected(name, p.Protected):
			return fmt.Errorf("%q is a protected path", shown)
		case slices.ContainsFunc(paths, above):
			return fmt.Errorf("%q would take the place of what stands there", shown)
		}
		tests = tests || isTestCode(name)
	}
	if !tests {
		return errors.New("there is no test among the files")
	}
	return nil
}

// toHeadWithTests makes the tree hold the head, with the files of the change laid over it.
func (p *place) toHeadWithTests(ctx context.Context) error {
	if err := p.toHead(ctx); err != nil {
		return err
	}
	return p.lay(p.change.tests(), (*file).before, (*file).after, p.change.head)
}
