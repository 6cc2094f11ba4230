package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lightsout/agents/process"
	"lightsout/agents/proof"
	"lightsout/agents/worktree"
)

// bench is a change of any repository, laid out for the commands that judge one: that repository is only read.
type bench struct {
	work       string // folder that is the command's own
	mirror     *worktree.Mirror
	base, head string // shas
	fence      fence

	env, caches, readable []string // of commands under test: this person's own tools, and build caches, which are warm
}

// openBench makes a mirror in the folder work that borrows the repository's objects.
func openBench(ctx context.Context, c console, work, repo, base, head string) (bench, error) {
	mirror, err := worktree.Open(ctx, worktree.Options{Dir: filepath.Join(work, "mirror.git"), URL: work, AuthorName: "Lightsout", AuthorEmail: "lightsout@localhost",
		Now: time.Now, PrivateDir: filepath.Join(work, "home"), Path: lookup(c.environ, "PATH")})
	if err != nil {
		return bench{}, err
	}
	commits, err := mirror.Borrow(ctx, repo, base, head)
	if err != nil {
		return bench{}, err
	}
	found, err := findFence(ctx, true)
	if err != nil {
		return bench{}, err
	}
	b := bench{work: work, mirror: mirror, base: commits[0], head: commits[1], fence: found}
	b.env, b.caches = hostEnvironment(c.environ)
	env, folders := toolchains(c.environ)
	b.env, b.readable = append(b.env, env...), append(folders, borrowed(mirror)...)
	return b, nil
}

// maxPrinted is what one command under test, or one session, may print, in bytes.
const maxPrinted = 256 << 20

// proof is what a proof of the change is asked with, each test command within the limit. The folder's name is short: the
// tests' own sockets live below it, and their paths have 108 bytes. Where the kernel has no Landlock, another user and a
// namespace fence all the same.
func (b bench) proof(limit time.Duration) proof.Request {
	return proof.Request{Mirror: b.mirror, Base: b.base, Head: b.head, Dir: filepath.Join(b.work, "p"), Env: b.env, Limits: process.Limits{Wall: limit, Output: maxPrinted},
		Contain: true, Apart: b.fence.apart, Writable: b.caches, Readable: b.readable, Now: time.Now}
}

// hostEnvironment is the environment for commands that a person tries by hand: the same names as in the factory, with
// this person's own build caches, which are warm.
func hostEnvironment(environ []string) (env, caches []string) {
	env = pass(environ, append(defaults().Containment.Pass, "GOPATH", "GOEXPERIMENT", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "CGO_ENABLED", "CC", "CXX"))
	home := lookup(environ, "HOME")
	for _, cache := range []struct{ name, dir string }{
		{"GOCACHE", ".cache/go-build"}, {"GOMODCACHE", "go/pkg/mod"}, {"npm_config_cache", ".npm"}, {"CARGO_HOME", ".cargo"}, {"PIP_CACHE_DIR", ".cache/pip"},
	} {
		value := lookup(environ, cache.name)
		if gopath := lookup(environ, "GOPATH"); value == "" && cache.name == "GOMODCACHE" && gopath != "" {
			value = filepath.Join(filepath.SplitList(gopath)[0], "pkg/mod")
		}
		if value == "" && home != "" {
			value = filepath.Join(home, cache.dir)
		}
		if value == "" {
			continue
		}
		env = append(env, cache.name+"="+value)
		if strings.HasPrefix(cache.name, "GO") {
			_ = os.MkdirAll(value, 0o755) // go cannot work without; if it cannot be made, go says so
		}
		if info, err := os.Stat(value); err == nil && info.IsDir() {
			caches = append(caches, value)
		}
	}
	return env, caches
}

// toolchains are the settings and folders of compilers and interpreters that a person has installed at home. The tests have a HOME of their own.
func toolchains(environ []string) (env, readable []string) {
	readable = goRoot(environ)
	home := lookup(environ, "HOME")
	if home == "" {
		return nil, readable
	}
	for _, tool := range []struct{ name, dir string }{
		{"RUSTUP_HOME", ".rustup"}, {"PYENV_ROOT", ".pyenv"}, {"NVM_DIR", ".nvm"}, {"VOLTA_HOME", ".volta"}, {"GOENV", ".config/go/env"},
		{"", ".cargo/bin"}, {"", ".local/bin"}, {"", ".local/lib"}, {"", "go/bin"}, {"", "sdk"},
	} {
		value := ""
		if tool.name != "" {
			value = lookup(environ, tool.name)
		}
		if value == "" {
			value = filepath.Join(home, tool.dir)
		}
		if _, err := os.Stat(value); err != nil || !filepath.IsAbs(value) {
			continue
		}
		if readable = append(readable, value); tool.name != "" {
			env = append(env, tool.name+"="+value)
		}
	}
	return env, readable
}

// goRoot is where the Go of PATH stands, wherever a person has unpacked it.
func goRoot(environ []string) []string {
	command, err := process.LookPath("go", "/", environ)
	if err == nil {
		command, err = filepath.EvalSymlinks(command)
	}
	root := filepath.Dir(filepath.Dir(command))
	if err == nil {
		_, err = os.Stat(filepath.Join(root, "src", "runtime"))
	}
	if err != nil {
		return nil // none, or a script that knows where it is
	}
	return []string{root}
}

// borrowed are the folders of objects that the mirror reads from: git in a test reads them too.
func borrowed(m *worktree.Mirror) []string {
	content, err := os.ReadFile(filepath.Join(m.Objects(), "info", "alternates"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(content))
}

// without drops the separator that the command line may hold.
func without(args []string, word string) []string {
	if len(args) > 0 && args[0] == word {
		return args[1:]
	}
	return args
}
