package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"lightsout/agents/worktree"
)

// DefaultMaximumLines is about four times what people review well in one sitting.
const DefaultMaximumLines = 2000

// load reads the change from the mirror.
func (p *prover) load(ctx context.Context) error {
	m := p.Mirror
	head, err := m.Resolve(ctx, p.Head)
	if err != nil {
		return err
	}
	tip, err := m.Resolve(ctx, p.Base)
	if err != nil {
		return err
	}
	base, err := m.MergeBase(ctx, tip, head)
	if errors.Is(err, worktree.ErrUnrelated) {
		base, err = tip, nil // as in a clone that holds no more than the two commits
		p.warn("%s and the head have no history in common here: the head is compared with it as it stands", p.receipt.against())
	}
	if err != nil {
		return err
	}
	p.receipt.Base, p.receipt.Head = base, head
	if base != tip {
		p.warn("%s has moved on since the head left it: proved against %s, where it left, not against %s", p.receipt.against(), short(base), short(tip))
	}
	c, err := p.read(ctx, base, head)
	if err != nil {
		return err
	}
	c.text, c.message, c.secrets, c.protected = p.Text, p.Message, p.Secrets, p.Protected
	if c.message && !saysWhy(c.text) {
		p.warn("%s: the commit message says what, not why", PolicyWhy)
	}
	c.maximumLines = cmp.Or(p.MaximumLines, DefaultMaximumLines)
	if c.paths, err = m.Tree(ctx, head); err != nil {
		return err
	}
	slices.Sort(c.paths)
	if len(p.Test) == 0 {
		if p.basePaths, err = m.Tree(ctx, base); err != nil {
			return err
		}
	}
	if len(c.where(isDocument)) > 0 {
		const word = "go:embed"
		found, err := m.Grep(ctx, head, []string{word})
		if err != nil {
			return err
		}
		c.embedders = slices.DeleteFunc(found[word], func(p string) bool { return path.Ext(p) != ".go" })
	}
	if p.Since != "" {
		if err := p.loadSince(ctx, c); err != nil {
			return err
		}
	}
	p.change = c
	p.place = &place{mirror: m, dir: p.Dir, change: c, base: base, head: head, library: p.Modules, keep: p.Keep}
	return nil
}

// read reads what differs between two commits.
func (p *prover) read(ctx context.Context, base, head string) (*change, error) {
	changed, err := p.Mirror.ChangedBetween(ctx, base, head)
	if err != nil {
		return nil, err
	}
	diff, err := p.Mirror.Between(ctx, base, head)
	if err != nil {
		return nil, err
	}
	c := &change{base: p.reader(ctx, base)}
	c.head, c.fetch = p.readerAhead(ctx, head)
	lines := parseDiff(diff)
	for _, ch := range changed {
		f := &file{path: ch.Path, old: ch.Old, status: ch.Status, mode: ch.Mode, binary: ch.Binary, lines: ch.Added + ch.Deleted}
		if h := lines[ch.Path]; h != nil {
			f.hunks = *h
		}
		c.files = append(c.files, f.split()...)
	}
	return c, nil
}

// loadSince reads what became, since the earlier head, of the files that the change touches or touched then. Other files may differ because the
// base was merged in between.
func (p *prover) loadSince(ctx context.Context, whole *change) error {
	earlier, err := p.Mirror.Resolve(ctx, p.Since)
	if err != nil {
		return err
	}
	then, err := p.Mirror.Changed(ctx, p.receipt.Base, earlier)
	if err != nil {
		return err
	}
	touched := map[string]bool{}
	for _, ch := range then {
		touched[ch.Path] = true
	}
	for _, f := range whole.files {
		touched[f.path] = true
	}
	if p.since, err = p.read(ctx, earlier, p.receipt.Head); err != nil {
		return err
	}
	p.since.files = slices.DeleteFunc(p.since.files, func(f *file) bool { return !touched[f.path] && !touched[f.old] })
	return nil
}

// reader reads files of a commit, each once. The first trouble is kept in readError; a file that is not there is none.
func (p *prover) reader(ctx context.Context, commit string) tree {
	read, _ := p.readerAhead(ctx, commit)
	return read
}

// readerAhead is reader, with what reads many files before they are asked for: one by one each costs a process.
func (p *prover) readerAhead(ctx context.Context, commit string) (read tree, ahead func(paths []string)) {
	known := map[string][]byte{}
	note := func(err error) {
		if err != nil && !errors.Is(err, worktree.ErrNoRevision) && p.readError == nil {
			p.readError = fmt.Errorf("read the change: %w", err)
		}
	}
	read = func(path string) []byte {
		if content, ok := known[path]; ok {
			return content
		}
		content, err := p.Mirror.Show(ctx, commit, path)
		note(err)
		known[path] = content
		return content
	}
	ahead = func(paths []string) {
		paths = slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
			_, ok := known[path]
			return ok
		})
		found, err := p.Mirror.ShowAll(ctx, commit, paths)
		note(err)
		for _, path := range paths {
			if content, ok := found[path]; ok || err == nil {
				known[path] = content
			}
		}
	}
	return read, ahead
}
