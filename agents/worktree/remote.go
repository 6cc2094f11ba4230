package worktree

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fetch brings the branches of the remote up to date, and forgets those that are gone there.
func (m *Mirror) Fetch(ctx context.Context) error {
	release, err := m.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	fetch := call{remote: true, limit: remoteLimit,
		args: []string{"fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "origin"}}
	_, err = m.git(ctx, fetch)
	if exited(err) && m.dropStale(time.Now()) > 0 {
		_, err = m.git(ctx, fetch)
	}
	if err == nil {
		err = m.tidy(ctx, looseSample)
	}
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// Remote asks the remote where a branch is now; ok is false when it has none by that name.
func (m *Mirror) Remote(ctx context.Context, branch string) (sha string, ok bool, err error) {
	if err := checkBranch(branch); err != nil {
		return "", false, err
	}
	heads, err := m.heads(ctx, "refs/heads/"+branch)
	if err != nil {
		return "", false, fmt.Errorf("ask the remote for %s: %w", branch, err)
	}
	sha, ok = heads[branch]
	return sha, ok, nil
}

// FindBranch asks the remote for the branch of a ticket, whatever its title was when the branch was made. Should there
// be several, it is the first by name: the same one at every call.
func (m *Mirror) FindBranch(ctx context.Context, number int) (branch, sha string, ok bool, err error) {
	heads, err := m.heads(ctx, "refs/heads/"+ticketPrefix(number)+"*")
	if err != nil {
		return "", "", false, fmt.Errorf("ask the remote for the branch of ticket %d: %w", number, err)
	}
	var names []string
	for name := range heads {
		if strings.HasPrefix(name, ticketPrefix(number)) && Ours(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "", "", false, nil
	}
	branch = slices.Min(names)
	return branch, heads[branch], true, nil
}

// heads lists branches of the remote by one pattern. ls-remote matches a pattern at any slash, so callers compare names.
func (m *Mirror) heads(ctx context.Context, pattern string) (map[string]string, error) {
	out, err := m.git(ctx, call{remote: true, limit: askLimit, args: []string{"ls-remote", "--quiet", "--refs", "origin", pattern}})
	if err != nil {
		return nil, err
	}
	heads := map[string]string{}
	for line := range strings.Lines(string(out)) {
		sha, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if name, isHead := strings.CutPrefix(ref, "refs/heads/"); ok && isHead && isSHA(sha) {
			heads[name] = sha
		}
	}
	return heads, nil
}

// PushRejected: the branch was not where the lease said. Nothing was changed.
type PushRejected struct {
	Branch string
	Want   string // the lease; "" when the branch was to be new
	Have   string // where the remote has it; "" when it has none
}

func (e *PushRejected) Error() string {
	return fmt.Sprintf("push %s rejected: expected %s, the remote has %s", e.Branch, orNone(e.Want), orNone(e.Have))
}

// PushRefused: the remote did not want the push although the branch was where the lease said: a rule of its own, or a
// right that is missing. Asking again changes nothing.
type PushRefused struct {
	Branch string
	Err    error // of git, with what the remote said
}

func (e *PushRefused) Error() string {
	return fmt.Sprintf("the remote refuses %s: %v", e.Branch, e.Err)
}

// Unwrap makes git's own error visible to errors.As.
func (e *PushRefused) Unwrap() error { return e.Err }

func orNone(sha string) string {
	if sha == "" {
		return "no such branch"
	}
	return sha
}

// Push sets a branch of ours on the remote to sha, if it still is at lease there ("" = does not exist yet); else the
// error is *PushRejected. A branch that is not ours is refused. To push what is already there succeeds, so a push
// whose reply was lost may be repeated.
func (m *Mirror) Push(ctx context.Context, branch, sha, lease string) error {
	if !isSHA(sha) {
		return fmt.Errorf("push %s: %q is not a full commit name", branch, sha)
	}
	if err := m.move(ctx, branch, sha, lease); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	return nil
}

// DeleteRemote removes a branch of ours from the remote if it still is at lease; else the error is *PushRejected. A
// branch that is gone already is a success.
func (m *Mirror) DeleteRemote(ctx context.Context, branch, lease string) error {
	if !isSHA(lease) {
		return fmt.Errorf("delete branch %s: %q is not a full commit name", branch, lease)
	}
	if err := m.move(ctx, branch, "", lease); err != nil {
		return fmt.Errorf("delete branch: %w", err)
	}
	return nil
}

// move is a compare-and-swap of one remote branch: from lease to sha, where "" is absence. The remote is asked after a
// failure, since the words of a refusal differ from server to server and a broken connection may hide a success.
func (m *Mirror) move(ctx context.Context, branch, sha, lease string) error {
	if !Ours(branch) {
		return fmt.Errorf("branch %q: %w", branch, ErrNotOurs)
	}
	if lease != "" && !isSHA(lease) {
		return fmt.Errorf("branch %s: lease %q is not a full commit name", branch, lease)
	}
	release, err := m.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	ref := "refs/heads/" + branch
	_, pushErr := m.git(ctx, call{remote: true, limit: remoteLimit, args: []string{"push", "--quiet", "--no-verify", "--no-follow-tags",
		"--recurse-submodules=no", "--no-signed", "--force-with-lease=" + ref + ":" + lease, "origin", sha + ":" + ref}})
	if pushErr == nil {
		return nil
	}
	have, _, err := m.Remote(ctx, branch)
	switch {
	case err != nil:
		return errors.Join(pushErr, err)
	case have == sha:
		return nil
	case have != lease:
		return &PushRejected{Branch: branch, Want: lease, Have: have}
	case strings.Contains(pushErr.Error(), "[remote rejected]"):
		return &PushRefused{Branch: branch, Err: pushErr}
	}
	return pushErr
}
