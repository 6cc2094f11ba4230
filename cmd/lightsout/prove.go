package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"lightsout/agents/process"
	"lightsout/agents/proof"
	"lightsout/agents/worktree"
)

// proveCommand judges one branch of any git repository, without GitHub, chat or store.
type proveCommand struct {
	Repo  string        `required:"" help:"The git repository." type:"existingdir"`
	Base  string        `required:"" help:"What the change is compared with: a branch or commit."`
	Head  string        `required:"" help:"The change: a branch or commit."`
	Text  string        `help:"A file with the pull request's text. Default: the head commit's message." type:"existingfile"`
	Limit time.Duration `default:"15m" help:"Of one test command."`
	JSON  bool          `name:"json" help:"Print the receipt as JSON."`
	Test  []string      `arg:"" optional:"" passthrough:"" help:"The test command, behind --. Default: found."`
}

func (p proveCommand) Run(ctx context.Context, c console) error {
	work, err := os.MkdirTemp("", "lightsout-prove-")
	if err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	receipt, err := p.prove(ctx, c, work)
	if err = errors.Join(err, os.RemoveAll(work)); err != nil {
		return err
	}
	if p.JSON {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err = enc.Encode(receipt)
	} else {
		_, err = io.WriteString(c.out, receipt.Markdown())
	}
	if err == nil && !receipt.Proven {
		err = errNo
	}
	return err
}

func (p proveCommand) prove(ctx context.Context, c console, work string) (proof.Receipt, error) {
	mirror, err := worktree.Open(ctx, worktree.Options{Dir: filepath.Join(work, "mirror.git"), URL: work, AuthorName: "Lightsout", AuthorEmail: "lightsout@localhost",
		Now: time.Now, PrivateDir: filepath.Join(work, "home"), Path: lookup(c.environ, "PATH")})
	if err != nil {
		return proof.Receipt{}, err
	}
	commits, err := mirror.Borrow(ctx, p.Repo, p.Base, p.Head)
	if err != nil {
		return proof.Receipt{}, fmt.Errorf("prove: %w", err)
	}
	base, head := commits[0], commits[1]
	text, err := p.text(ctx, mirror, head)
	if err != nil {
		return proof.Receipt{}, err
	}
	env, caches := hostEnvironment(c.environ)
	return proof.Prove(ctx, proof.Request{Mirror: mirror, Base: base, Head: head, Against: p.Base, Test: without(p.Test, "--"), Text: text, Dir: filepath.Join(work, "proof"), Env: env,
		Limits: process.Limits{Wall: p.Limit, Output: 256 << 20}, Contain: process.LandlockABI() >= oldestLandlock, Writable: caches, Marker: "lightsout-prove-" + rand.Text(), Now: time.Now, Log: c.err})
}

func (p proveCommand) text(ctx context.Context, m *worktree.Mirror, head string) (string, error) {
	if p.Text == "" {
		return m.Message(ctx, head)
	}
	text, err := os.ReadFile(p.Text)
	if err != nil {
		return "", fmt.Errorf("prove: %w", err)
	}
	return string(text), nil
}

// hostEnvironment is the environment for commands that a person tries by hand: the same names as in the factory, with
// this person's own build caches, which are warm.
func hostEnvironment(environ []string) (env, caches []string) {
	env = pass(environ, append(defaults().Containment.Pass, "GOPATH"))
	home := lookup(environ, "HOME")
	for _, cache := range []struct{ name, dir string }{
		{"GOCACHE", ".cache/go-build"}, {"GOMODCACHE", "go/pkg/mod"}, {"npm_config_cache", ".npm"}, {"CARGO_HOME", ".cargo"}, {"PIP_CACHE_DIR", ".cache/pip"},
	} {
		value := lookup(environ, cache.name)
		if value == "" && home != "" {
			value = filepath.Join(home, cache.dir)
		}
		if value == "" {
			continue
		}
		env = append(env, cache.name+"="+value)
		if info, err := os.Stat(value); err == nil && info.IsDir() {
			caches = append(caches, value)
		}
	}
	return env, caches
}

// without drops the separator that the command line may hold.
func without(args []string, word string) []string {
	if len(args) > 0 && args[0] == word {
		return args[1:]
	}
	return args
}
