package agents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"lightsout/agents/worktree"
	"lightsout/rules"
	"lightsout/store"
)

// installation is this database's own name in the markers of its processes, so that two factories on one machine never
// take each other's sessions for leftovers.
const installation = "installation"

// Marker returns the prefix of the markers of every session of this installation.
func Marker(ctx context.Context, s *store.Store, fresh func() string) (string, error) {
	name, err := s.Setting(ctx, installation)
	if err != nil || name != "" {
		return "lightsout-" + name + "-", err
	}
	name = fresh()
	return "lightsout-" + name + "-", s.SetSetting(ctx, installation, name)
}

func (f *Factory) marker(ctx context.Context, a assignment) (string, error) {
	name, err := f.Store.Setting(ctx, installation)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("lightsout-%s-%d-%d-%s-%d", name, a.ticket.Number, a.claim.Generation, a.role, f.Store.Now().UnixMilli()), nil
}

// loadRules reads the rules file, which is itself the truth, and keeps a version of it where a hand has edited it.
func (f *Factory) loadRules(ctx context.Context) (rules.File, error) {
	file, err := rules.Load(f.RulesPath)
	if err != nil {
		return file, fmt.Errorf("read the rules: %w", err)
	}
	reason := "edited by hand"
	if _, err := f.Store.Rules(ctx); errors.Is(err, store.ErrNotFound) {
		reason = "the rules it starts with"
	}
	_, err = f.Store.KeepRules(ctx, store.RulesVersion{Hash: file.Hash, Content: string(file.Content), Reason: reason})
	return file, err
}

// readText reads the pull request text that a session left; none is "". A symbolic link is refused: it would have the
// daemon read a file that the session cannot. *worktree.TakeRefused when the session left it unreadable.
func readText(name string) (string, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, os.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return "", nil
	}
	var text []byte
	if err == nil {
		text, err = readStart(name, maxText)
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return "", &worktree.TakeRefused{Err: fmt.Errorf("read the pull request text: %w", path.Err)}
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), err
}

// readStart reads the first bytes of a file, n at most.
func readStart(name string, n int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, n))
}
