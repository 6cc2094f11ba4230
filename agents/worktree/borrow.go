package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Borrow lets the mirror read every object of a repository on this machine, without copying or changing anything, and
// names the commits that the revisions mean there: branches, tags, HEAD~2, shortened names, whatever git understands.
// It is for judging a local branch; a mirror that has borrowed is not for fetching or pushing.
func (m *Mirror) Borrow(ctx context.Context, repository string, revisions ...string) ([]string, error) {
	// It may belong to another user, as a checkout in a container does; it is only read.
	theirs := [][2]string{{"safe.directory", "*"}}
	where, err := m.git(ctx, call{args: []string{"rev-parse", "--path-format=absolute", "--git-common-dir"}, dir: repository, found: true, config: theirs})
	if err != nil {
		return nil, fmt.Errorf("look at repository %s: %w", repository, err)
	}
	objects := filepath.Join(strings.TrimSuffix(string(where), "\n"), "objects")
	if strings.ContainsAny(objects, "\n\"") {
		return nil, fmt.Errorf("look at repository %s: its path cannot be borrowed from", repository)
	}
	alternates := filepath.Join(m.dir, "objects", "info", "alternates")
	if err := os.MkdirAll(filepath.Dir(alternates), 0o700); err != nil {
		return nil, fmt.Errorf("borrow objects: %w", err)
	}
	if err := os.WriteFile(alternates, []byte(objects+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("borrow objects: %w", err)
	}
	if err := m.borrowShallow(strings.TrimSuffix(string(where), "\n")); err != nil {
		return nil, fmt.Errorf("borrow objects: %w", err)
	}
	shas := make([]string, 0, len(revisions))
	for _, revision := range revisions {
		out, err := m.git(ctx, call{args: []string{"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"}, dir: repository, found: true, config: theirs})
		if exited(err, 1, 128) {
			err = ErrNoRevision
		}
		sha := strings.TrimSpace(string(out))
		if err == nil && !isSHA(sha) {
			err = errors.New("unexpected answer of git")
		}
		if err != nil {
			return nil, fmt.Errorf("resolve %q in %s: %w", revision, repository, err)
		}
		shas = append(shas, sha)
	}
	return shas, nil
}

// borrowShallow notes where the history of a repository that was cloned in part ends, as the repository has it noted: git would look
// for the parents of those commits.
func (m *Mirror) borrowShallow(from string) error {
	ends, err := os.ReadFile(filepath.Join(from, "shallow"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.dir, "shallow"), ends, 0o600)
}

// Message is the message of a commit.
func (m *Mirror) Message(ctx context.Context, commit string) (string, error) {
	out, err := m.git(ctx, call{args: []string{"log", "-1", "--format=%B", "--end-of-options", commit}})
	if err != nil {
		return "", fmt.Errorf("message of %s: %w", commit, err)
	}
	return strings.TrimSpace(string(out)) + "\n", nil
}
