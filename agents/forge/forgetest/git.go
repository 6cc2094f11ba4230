package forgetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"lightsout/agents/process"
)

// git is the bare repository, spoken to through the git command.
type git struct {
	ctx     context.Context
	dir     string // the repository
	scratch string // where temporary checkouts go
	program string // absolute path of git
	env     []string
	now     func() time.Time
	memory  *memory
}

// memory keeps what git said of commits: the names of commits never change their meaning, and a client that polls asks
// for the same again and again.
type memory struct {
	mu   sync.Mutex
	said map[string]string
}

// mostMemory is how many answers are kept before all are forgotten.
const mostMemory = 2000

// recall is inside for questions whose answer never changes: they name commits by their full names alone. "No", exit
// code 1, is an answer too.
func (g git) recall(args ...string) (out string, yes bool, err error) {
	key := strings.Join(args, "\x00")
	g.memory.mu.Lock()
	defer g.memory.mu.Unlock()
	if said, known := g.memory.said[key]; known {
		return said[1:], said[0] == '+', nil
	}
	out, err = g.inside(args...)
	var exit *process.ExitError
	switch {
	case err == nil:
		yes = true
	case errors.As(err, &exit) && exit.Code == 1:
	default:
		return "", false, err
	}
	if len(g.memory.said) >= mostMemory {
		clear(g.memory.said)
	}
	g.memory.said[key] = map[bool]string{true: "+", false: "-"}[yes] + out
	return out, yes, nil
}

// signature is who stands in a commit.
type signature struct{ name, email string }

// webFlow is who commits what GitHub itself makes.
var webFlow = signature{"GitHub", "noreply@github.com"}

func signatureOf(login string) signature {
	return signature{login, login + "@users.noreply.github.com"}
}

// settings are those of the repository: pushes are taken over HTTP, branches may be deleted, any commit may be fetched as
// on GitHub, and git starts no work of its own beside ours.
const settings = `[http]
	receivepack = true
[receive]
	autogc = false
	denyDeletes = false
[uploadpack]
	allowAnySHA1InWant = true
[fastimport]
	unpackLimit = 0
[gc]
	auto = 0
[maintenance]
	auto = false
`

func newGit(ctx context.Context, o Options) (git, error) {
	g := git{ctx: ctx, dir: filepath.Join(o.Dir, "repo.git"), scratch: filepath.Join(o.Dir, "ci"), now: o.Now}
	g.memory = &memory{said: map[string]string{}}
	for _, dir := range filepath.SplitList(o.Path) {
		file := filepath.Join(dir, "git")
		if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			g.program = file
			break
		}
	}
	if g.program == "" {
		return g, fmt.Errorf("no git in %q", o.Path)
	}
	g.env = []string{
		"PATH=" + o.Path, "HOME=" + g.scratch, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0",
	}
	if err := os.MkdirAll(g.scratch, 0o700); err != nil {
		return g, err
	}
	if _, err := g.run("init", "--quiet", "--bare", "--template=", "--initial-branch="+o.DefaultBranch, g.dir); err != nil {
		return g, err
	}
	config, err := os.OpenFile(filepath.Join(g.dir, "config"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return g, err
	}
	if _, err := config.WriteString(settings); err != nil {
		return g, errors.Join(err, config.Close())
	}
	if err := config.Close(); err != nil {
		return g, err
	}
	return g, nil
}

// run runs git outside the repository.
func (g git) run(args ...string) (string, error) {
	out, err := process.Output(g.ctx, process.Command{Args: append([]string{g.program}, args...), Dir: g.scratch, Env: g.env})
	return string(out), err
}

// inside runs git on the repository.
func (g git) inside(args ...string) (string, error) {
	return g.run(append([]string{"--git-dir=" + g.dir}, args...)...)
}

// refs reads all branches straight from the files of the repository: it is asked before every request, and starting git
// each time would cost more than all the rest. The format is that of gitrepository-layout(5).
func (g git) refs() (map[string]string, error) {
	heads := map[string]string{}
	packed, err := os.ReadFile(filepath.Join(g.dir, "packed-refs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read packed refs: %w", err)
	}
	for line := range strings.Lines(string(packed)) {
		sha, ref, ok := strings.Cut(strings.TrimSpace(line), " ")
		if name, branch := strings.CutPrefix(ref, "refs/heads/"); ok && branch {
			heads[name] = sha
		}
	}
	top := filepath.Join(g.dir, "refs", "heads")
	err = filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // deleted while we looked
		}
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if sha := strings.TrimSpace(string(content)); err == nil && len(sha) >= 40 {
			heads[strings.TrimPrefix(path, top+"/")] = sha
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read refs: %w", err)
	}
	return heads, nil
}

// resolve gives the commit that a branch, a full or abbreviated commit name, or a full ref stands for.
func (g git) resolve(rev string) (string, bool) {
	if rev == "" || strings.HasPrefix(rev, "-") || strings.ContainsAny(rev, " :^~?*[\\") {
		return "", false
	}
	for _, name := range []string{"refs/heads/" + rev, rev} {
		if out, err := g.inside("rev-parse", "--quiet", "--verify", "--end-of-options", name+"^{commit}"); err == nil {
			return strings.TrimSpace(out), true
		}
	}
	return "", false
}

// errMoved says that a branch was no longer where it had been seen: somebody pushed at that moment.
var errMoved = errors.New("the branch moved meanwhile")

// update moves a branch from old to new, or fails with errMoved when it is no longer at old.
func (g git) update(branch, commit, old string) error {
	_, err := g.inside("update-ref", "refs/heads/"+branch, commit, old)
	if exit := (*process.ExitError)(nil); errors.As(err, &exit) {
		return fmt.Errorf("%w: %w", errMoved, err)
	}
	return err
}

func (g git) remove(branch, old string) error {
	_, err := g.inside("update-ref", "-d", "refs/heads/"+branch, old)
	return err
}

// mergeTree merges two commits without a worktree. ok is false when they conflict.
func (g git) mergeTree(ours, theirs string) (tree string, ok bool, err error) {
	out, ok, err := g.recall("merge-tree", "--write-tree", "--no-messages", ours, theirs)
	if err != nil && g.unrelated(ours, theirs) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("merge %s and %s: %w", ours, theirs, err)
	}
	return strings.TrimSpace(out), ok, nil
}

func (g git) isAncestor(old, young string) (bool, error) {
	_, yes, err := g.recall("merge-base", "--is-ancestor", old, young)
	if err != nil {
		return false, fmt.Errorf("is %s an ancestor of %s: %w", old, young, err)
	}
	return yes, nil
}

// unrelated tells that two commits provably have no common history.
func (g git) unrelated(a, b string) bool {
	common, err := g.mergeBase(a, b)
	return err == nil && common == ""
}

// mergeBase is empty when the two have no common history.
func (g git) mergeBase(a, b string) (string, error) {
	out, _, err := g.recall("merge-base", a, b)
	if err != nil {
		return "", fmt.Errorf("merge base of %s and %s: %w", a, b, err)
	}
	return strings.TrimSpace(out), nil
}

// commitTree makes a commit object; no ref moves.
func (g git) commitTree(tree, message string, author signature, parents ...string) (string, error) {
	args := []string{"--git-dir=" + g.dir, "commit-tree", tree, "-F", "-"}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	out, err := process.Output(g.ctx, process.Command{
		Args: append([]string{g.program}, args...), Dir: g.scratch, Env: append(slices.Clone(g.env), g.identity(author)...),
		Stdin: strings.NewReader(strings.TrimRight(message, "\n") + "\n"),
	})
	if err != nil {
		return "", fmt.Errorf("make a commit: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (g git) identity(author signature) []string {
	date := fmt.Sprintf("@%d +0000", g.now().Unix())
	return []string{
		"GIT_AUTHOR_NAME=" + author.name, "GIT_AUTHOR_EMAIL=" + author.email, "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=" + webFlow.name, "GIT_COMMITTER_EMAIL=" + webFlow.email, "GIT_COMMITTER_DATE=" + date,
	}
}

// rebase lays the commits of head that onto lacks on top of onto. ok is false when they conflict.
func (g git) rebase(onto, head string) (commit string, ok bool, err error) {
	dir, err := os.MkdirTemp(g.scratch, "rebase-")
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := g.checkout(g.ctx, dir, head); err != nil {
		return "", false, err
	}
	_, err = process.Output(g.ctx, process.Command{
		Args: []string{g.program, "-c", "core.hooksPath=/dev/null", "rebase", "--quiet", "--force-rebase", onto}, Dir: dir,
		Env: append(slices.Clone(g.env), g.identity(webFlow)[3:]...),
	})
	if exit := (*process.ExitError)(nil); errors.As(err, &exit) {
		return "", false, nil
	} else if err != nil {
		return "", false, err
	}
	if _, err := g.inside("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", dir, "HEAD"); err != nil {
		return "", false, err
	}
	out, err := g.run("-C", dir, "rev-parse", "HEAD")
	return strings.TrimSpace(out), true, err
}

// checkout makes a fresh clone in dir, which shares its objects with the repository, and checks the commit out, as a CI
// runner does.
func (g git) checkout(ctx context.Context, dir, commit string) error {
	for _, args := range [][]string{
		{"clone", "--quiet", "--shared", "--no-checkout", "--template=", g.dir, dir},
		{"-C", dir, "checkout", "--quiet", "--detach", commit},
	} {
		command := process.Command{Args: append([]string{g.program}, args...), Dir: g.scratch, Env: g.env}
		if _, err := process.Output(ctx, command); err != nil {
			return fmt.Errorf("check out %s: %w", commit, err)
		}
	}
	return nil
}

// write commits files on a ref, on top of from: nil content deletes a file. The commit has no parent when from is empty.
func (g git) write(ref, from string, files map[string][]byte, message string, by signature) (string, error) {
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit %s\nmark :1\ncommitter %s <%s> %d +0000\n", ref, by.name, by.email, g.now().Unix())
	fmt.Fprintf(&in, "data %d\n%s\n", len(message), message)
	if from != "" {
		fmt.Fprintf(&in, "from %s\n", from)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		content, mode := files[path], "100644"
		if bytes.HasPrefix(content, []byte("#!")) {
			mode = "100755"
		}
		switch {
		case path == "" || path[0] == '"' || strings.ContainsAny(path, "\n\x00"):
			return "", fmt.Errorf("commit on %s: cannot write a file named %q", ref, path)
		case content == nil:
			fmt.Fprintf(&in, "D %s\n", path)
		default:
			fmt.Fprintf(&in, "M %s inline %s\ndata %d\n%s\n", mode, path, len(content), content)
		}
	}
	in.WriteString("get-mark :1\ndone\n")
	sha, err := process.Output(g.ctx, process.Command{
		Args: []string{g.program, "--git-dir=" + g.dir, "fast-import", "--quiet", "--done", "--date-format=raw"},
		Dir:  g.scratch, Env: g.env, Stdin: &in,
	})
	if err != nil {
		return "", fmt.Errorf("commit %d files on %s: %w", len(files), ref, err)
	}
	return strings.TrimSpace(string(sha)), nil
}
