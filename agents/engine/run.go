package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lightsout/agents/process"
)

// Run runs one session and returns when all its processes are gone. How it ended
// is told by the Result alone; an error means that it could not be run, watched
// or wholly ended, and comes with whatever is known.
func (e *Engine) Run(ctx context.Context, s Session) (Result, error) {
	tree, err := e.tree(s)
	if err != nil {
		return Result{Engine: e.Name(), Outcome: Failed, Reason: clip(err.Error(), maxReason), ExitCode: -1}, fmt.Errorf("engine %s: %w", e.Name(), err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	w := newWatcher(e.adapter.reader(time.Now), s, e.config.Price, stop)
	longest := maxLine
	if _, plain := w.reader.(*commandReader); plain {
		longest = maxText // nothing is read out of its lines
	}
	out, words := newLines(longest, w.stdout), newLines(maxWords, w.stderr)
	tree.Stdout, tree.Stderr = out, words
	w.tell(Event{Kind: KindStarted, Text: e.Name()})
	run, err := tree.Run(ctx)
	out.flush()
	words.flush()
	r := w.judge(ctx, run, s.Limits, err)
	r.Engine = e.Name()
	if err = errors.Join(err, w.journal.close(), e.tidy(s.Home)); err != nil {
		return r, fmt.Errorf("engine %s: %w", e.Name(), err)
	}
	return r, nil
}

// tree is the session as a process tree.
func (e *Engine) tree(s Session) (process.Tree, error) {
	if !filepath.IsAbs(s.Dir) || !filepath.IsAbs(s.Home) {
		return process.Tree{}, fmt.Errorf("worktree %q and home %q must be absolute: %w", s.Dir, s.Home, os.ErrInvalid)
	}
	temporary, err := e.furnish(s.Home)
	if err != nil {
		return process.Tree{}, err
	}
	own := []string{"HOME=" + s.Home, "TMPDIR=" + temporary}
	env := environment(s.Env, own, e.adapter.env(e.config, s), pairs(e.config.Env))
	program, err := process.LookPath(e.config.Path, s.Dir, env)
	if err != nil {
		return process.Tree{}, err
	}
	tree := process.Tree{
		Args:    slices.Concat([]string{program}, e.adapter.args(e.config), e.config.Args, e.adapter.last()),
		Dir:     s.Dir,
		Env:     env,
		Stdin:   strings.NewReader(s.Prompt),
		Marker:  s.Marker,
		Limits:  s.Limits,
		Measure: slices.Concat([]string{s.Dir, s.Home}, s.Writable),
	}
	if s.Contain {
		tree.Contain = &process.Containment{
			ReadWrite: slices.Concat([]string{s.Dir, s.Home}, s.Writable, e.config.Writable),
			ReadOnly:  slices.Concat(s.Readable, e.config.Readable, installed(program, env)),
			Network:   true, // the provider is out there
			Namespace: s.Namespace,
		}
	}
	return tree, nil
}

// furnish makes the temporary folder in a private HOME, lays the files in, and
// returns the folder. An earlier session of the same ticket may have left links
// there: none is followed out of HOME.
func (e *Engine) furnish(home string) (temporary string, err error) {
	const folder = "tmp"
	root, err := os.OpenRoot(home)
	if err != nil {
		return "", fmt.Errorf("private home: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := afresh(root, folder, func() error { return root.MkdirAll(folder, 0o700) }); err != nil {
		return "", fmt.Errorf("temporary folder: %w", err)
	}
	files := map[string]string{}
	for _, set := range []map[string]string{e.adapter.files(e.config), e.config.Files} {
		for path, content := range set {
			files[filepath.Clean(path)] = content
		}
	}
	for path, content := range files {
		err := afresh(root, path, func() error {
			if err := root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return err
			}
			return root.WriteFile(path, []byte(content), 0o600)
		})
		if err != nil {
			return "", fmt.Errorf("lay %s into the private home: %w", path, err)
		}
	}
	return filepath.Join(home, folder), nil
}

// afresh does what makes path. Should something stand in its way, such as a link
// that leads out, that goes, and it is done again.
func afresh(root *os.Root, path string, do func() error) error {
	if do() == nil {
		return nil
	}
	first, _, _ := strings.Cut(path, string(filepath.Separator))
	if err := root.RemoveAll(first); err != nil {
		return err
	}
	return do()
}

// tidy takes away what the person had laid in: it may hold credentials, and the
// next session in this HOME may be another engine's.
func (e *Engine) tidy(home string) error {
	if len(e.config.Files) == 0 {
		return nil
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		return fmt.Errorf("tidy the private home: %w", err)
	}
	for path := range e.config.Files {
		remove := func() error { return root.RemoveAll(path) }
		if failed := afresh(root, filepath.Clean(path), remove); failed != nil {
			err = errors.Join(err, fmt.Errorf("tidy the private home: %w", failed))
		}
	}
	return errors.Join(err, root.Close())
}
