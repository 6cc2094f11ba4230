package proof

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lightsout/agents/process"
)

// runAll makes the tree what it has to be, and the home and the temporary folder empty, as if nothing had ever run there: a test that keeps count of its runs
// could fail in those over the base alone. Then it runs the commands one after the other and adds up what they said. An error means that it could not be told.
func (p *prover) runAll(ctx context.Context, prepare func(context.Context) error, commands []command) (results, error) {
	if err := errors.Join(prepare(ctx), p.place.forget()); err != nil {
		return results{}, err
	}
	if p.readError != nil { // of files that were to be laid over the tree
		return results{}, p.readError
	}
	all := newResults()
	for _, c := range commands {
		r, err := p.run(ctx, c)
		if err != nil {
			return results{}, err
		}
		all.merge(r)
	}
	return all, nil
}

// run runs one command of the session's making, under limits and contained.
func (p *prover) run(ctx context.Context, c command) (results, error) {
	p.log.say("$ " + c.String() + "\n")
	out := c.reader(p.log)
	var turn sync.Mutex
	dir := p.place.tree()
	if c.dir != "" {
		dir += "/" + c.dir
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) { // a folder that this side has not: there is nothing to run in it
			return out.finish(ending{command: c.String(), ok: true}), nil
		}
	}
	folder, report := p.place.temp(), "report"
	if c.report != "" && c.report != reportPath {
		folder, report = p.place.tree(), c.report
	}
	if c.report != "" {
		if err := dropReport(folder, report); err != nil {
			return results{}, err
		}
	}
	fill := strings.NewReplacer(reportPath, filepath.Join(folder, report), modulesPath, p.place.modules())
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = fill.Replace(a)
	}
	t := process.Tree{
		Args: args, Dir: dir, Env: environment(p.Env, p.home(), c.env),
		Stdout: inTurn{&turn, out.stdout}, Stderr: inTurn{&turn, out.stderr},
		Marker: p.marker + "-" + rand.Text(), // a number would tell the tests which run it is
		Limits: p.Limits,
	}
	if p.Contain {
		t.Contain = &process.Containment{
			ReadWrite: append([]string{p.place.tree(), p.place.home(), p.place.temp()}, p.Writable...),
			ReadOnly:  append([]string{p.Mirror.Objects()}, p.Readable...),
			Network:   !p.Offline,
			Temp:      p.place.temp(),
			Namespace: p.Apart,
		}
		if p.Modules != "" {
			// The link by which they are found, too: it lies in a folder that is not given to another user.
			t.Contain.ReadOnly = append(t.Contain.ReadOnly, p.Modules, p.place.modules())
		}
	}
	r, err := t.Run(ctx)
	switch {
	case ctx.Err() != nil:
		return results{}, fmt.Errorf("run %s: %w", c, context.Cause(ctx))
	case errors.Is(err, fs.ErrNotExist) && r.Cause == process.CauseNotStarted:
		return results{}, fmt.Errorf("%w: %w", ErrNoTool, err)
	case err != nil:
		return results{}, fmt.Errorf("run %s: %w", c, err)
	}
	p.uncontained = p.uncontained || p.Contain && !r.Contained
	e := ending{command: c.String(), ok: r.Cause == process.CauseExited && r.Code == 0, code: r.Code, took: r.Duration}
	if r.Cause != process.CauseExited {
		e.cut = p.limit(r.Cause)
	}
	p.log.say("[" + e.String() + "]\n")
	all := out.finish(e)
	if missing := noRunner.FindString(all.stray); !e.ok && len(all.tests) == 0 && missing != "" {
		return results{}, fmt.Errorf("%w: %s says: %s", ErrNoTool, c, missing)
	}
	if c.report != "" {
		said, err := readReport(folder, report)
		if err != nil {
			return results{}, err
		}
		c.read(said, &all)
		all.settle()
		if len(all.tests)+len(all.broken)+len(all.crashed) == 0 {
			all.tests[all.whole()], all.output[all.whole()] = all.verdict(), all.stray
		}
	}
	return all, nil
}

// noRunner is how an interpreter says that the program which runs tests is not installed. Nothing of the change has been run then.
var noRunner = lazily(`(?m)^\S*python\S*: No module named (pytest|unittest|nose)\b.*$|Cannot find module '[^']*node_modules/(vitest|jest)/[^']*'`)

// limit says which limit was reached, with its size.
func (p *prover) limit(c process.Cause) string {
	switch c {
	case process.CauseWall:
		return fmt.Sprintf("it was ended after %s (%s)", p.Limits.Wall, c)
	case process.CauseSilence:
		return fmt.Sprintf("it was ended after %s without a word (%s)", p.Limits.Silence, c)
	case process.CauseOutput:
		return fmt.Sprintf("it was ended because it printed more than %d bytes (%s)", p.Limits.Output, c)
	}
	return fmt.Sprintf("it was ended (%s)", c)
}

func (e ending) String() string {
	switch {
	case e.cut != "":
		return e.cut
	case e.ok:
		return "passed in " + e.took.Round(10*time.Millisecond).String()
	}
	return fmt.Sprintf("exit code %d after %s", e.code, e.took.Round(10*time.Millisecond))
}

// home is the HOME and temporary folder of what is run: its own, and gone with the proof.
func (p *prover) home() []string {
	return []string{"HOME=" + p.place.home(), "TMPDIR=" + p.place.temp(), "GIT_TERMINAL_PROMPT=0"}
}

// environment joins environments; of two values of one name the later one counts.
func environment(parts ...[]string) []string {
	last := map[string]int{}
	var all []string
	for _, part := range parts {
		for _, entry := range part {
			name, _, _ := strings.Cut(entry, "=")
			if at, ok := last[name]; ok {
				all[at] = entry
				continue
			}
			last[name] = len(all)
			all = append(all, entry)
		}
	}
	return all
}

// inTurn lets one of two outputs write at a time: a reader takes both.
type inTurn struct {
	turn *sync.Mutex
	w    io.Writer
}

func (i inTurn) Write(b []byte) (int, error) {
	i.turn.Lock()
	defer i.turn.Unlock()
	return i.w.Write(b)
}

// journal is a log that never makes a run fail: one that cannot be written is no reason to doubt the tests.
type journal struct{ w io.Writer }

func (j journal) Write(b []byte) (int, error) {
	if j.w != nil {
		_, _ = j.w.Write(b)
	}
	return len(b), nil
}

func (j journal) say(s string) { _, _ = j.Write([]byte(s)) }
