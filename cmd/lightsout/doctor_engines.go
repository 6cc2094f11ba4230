package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/agents/worktree"
)

// engineState is what is known of one engine: what doctor --engines --json prints.
type engineState struct {
	Engine        string `json:"engine"`
	Kind          string `json:"kind"`
	Installed     bool   `json:"installed"`
	Path          string `json:"path"`
	Version       string `json:"version"` // empty also for a command, which is not started to be asked
	Authenticated bool   `json:"authenticated"`
	Credentials   string `json:"credentials"` // what would open its provider; with --try, what came of that
	Ready         bool   `json:"ready"`
	Todo          string `json:"todo"` // empty when ready
}

// enginesReport is all of them. Ready means that the configuration's engine is, or any where nothing is configured.
type enginesReport struct {
	Ready   bool          `json:"ready"`
	Engines []engineState `json:"engines"`
}

// engines examines the engines of the configuration and, beside them, the coding CLIs that are known.
func (d doctorCommand) engines(ctx context.Context, c console) error {
	config, err := loadEngines(d.Config)
	configured := err == nil
	if _, missing := os.Stat(d.Config); errors.Is(missing, fs.ErrNotExist) && filepath.Base(d.Config) == "lightsout.toml" {
		config, err = defaults(), nil // none is named, and none is there yet
	}
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(config.Engines))
	for _, kind := range engine.Kinds() {
		if _, described := config.Engines[kind]; !described && kind != "command" {
			names = append(names, kind)
		}
	}
	x := &doctor{daemon: &daemon{config: config, environ: c.environ}}
	report := enginesReport{Engines: make([]engineState, len(names))}
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			state := x.engineState(ctx, name, !configured)
			if d.Try && state.Ready {
				state = x.try(ctx, state, !configured)
			}
			report.Engines[i] = state
		})
	}
	all.Wait()
	for _, state := range report.Engines {
		report.Ready = report.Ready || state.Ready && (!configured || slices.Contains(config.Engine, state.Engine))
	}
	if d.JSON {
		err = printJSON(c.out, report)
	} else {
		_, err = fmt.Fprint(c.out, report.text())
	}
	if err == nil && !report.Ready {
		err = errNo
	}
	return err
}

func (r enginesReport) text() string {
	var b strings.Builder
	homes := false
	for _, s := range r.Engines {
		mark, words := "✗", "not installed"
		if s.Installed {
			words = strings.TrimSpace(s.Version + " " + s.Path)
			if s.Authenticated {
				words += ", authenticated: " + s.Credentials
			} else {
				words += ", not authenticated"
				if s.Credentials != "" {
					words += ": " + s.Credentials
				}
			}
		}
		if s.Ready {
			mark, words = "✓", words+", ready"
		}
		fmt.Fprintf(&b, "%s %-9s %s\n", mark, s.Engine, words)
		if s.Todo != "" {
			fmt.Fprintf(&b, "            → %s\n", s.Todo)
		}
		homes = homes || s.Installed && s.Credentials == ""
	}
	if homes {
		b.WriteString("Sessions have " + ownHome + ".\n")
	}
	return b.String()
}

// ownHome is why a person's own login does not serve.
const ownHome = "a HOME of their own, so a login of yours is not found there"

// engineState looks for an engine's program, asks for its version, and looks for what opens its provider. A command of the
// person's own is not started: that might be to start work. With implied, the usual credentials are handed on without
// being named, as the command session does that has no configuration.
func (x *doctor) engineState(ctx context.Context, name string, implied bool) engineState {
	e := x.config.Engines[name]
	s := engineState{Engine: name, Kind: cmp.Or(e.Kind, name)}
	guide, known := engine.GuideTo(s.Kind)
	if implied {
		e.Pass = guide.Credentials
	}
	env := x.handedOn(e)
	program := cmp.Or(e.Path, guide.Program)
	path, err := process.LookPath(program, "/", env)
	if err != nil {
		s.Todo = fmt.Sprintf("install it, or name the whole path under [engines.%s]", name)
		if known && e.Path == "" {
			s.Todo = "npm install -g " + guide.Package
		}
		return s
	}
	s.Installed, s.Path = true, path
	if !known {
		s.Authenticated, s.Credentials, s.Ready = true, "a command's own matter", true
		return s
	}
	if s.Version, err = x.coderVersion(ctx, path, env); err != nil {
		s.Version, s.Todo = "", fmt.Sprintf("it does not even tell its version (%v): try it by hand: %s --version", err, shellWord(path))
		return s
	}
	if s.Credentials = credentialsOf(guide, e, env); s.Credentials == "" {
		s.Todo = credentialsCure(name, guide, x.config.Engines[name].Pass, x.environ)
		return s
	}
	s.Authenticated, s.Ready = true, true
	return s
}

// credentialsOf names what would open an engine's provider: the usual variable, one that is named like a key where the
// engine has a provider of its own, or a file of its HOME.
func credentialsOf(guide engine.Guide, e EngineConfig, env []string) string {
	for _, key := range guide.Credentials {
		if lookup(env, key) != "" {
			return key
		}
	}
	for _, key := range slices.Sorted(slices.Values(slices.Concat(e.Pass, slices.Collect(maps.Keys(e.Env))))) {
		if (strings.HasSuffix(key, "KEY") || strings.HasSuffix(key, "TOKEN")) && lookup(env, key) != "" {
			return key
		}
	}
	for _, path := range slices.Sorted(maps.Keys(e.Files)) {
		if strings.Contains(path, "auth") || strings.Contains(path, "credentials") {
			return path
		}
	}
	return ""
}

// credentialsCure says how sessions of an engine, to which the variables of pass are handed on, come to what opens its
// provider.
func credentialsCure(name string, guide engine.Guide, pass, environ []string) string {
	key := guide.Credentials[0]
	for _, handed := range pass {
		if slices.Contains(guide.Credentials, handed) {
			return fmt.Sprintf("set %s where lightsout is started: [engines.%s] hands it on", handed, name)
		}
	}
	for _, set := range guide.Credentials {
		if lookup(environ, set) != "" {
			return fmt.Sprintf("%s is set, but not handed on: write pass = [%q] under [engines.%s]", set, set, name)
		}
	}
	return fmt.Sprintf("%s where lightsout is started, and write pass = [%q] under [engines.%s]", setCredentials(guide), key, name)
}

// setCredentials says what to set.
func setCredentials(guide engine.Guide) string {
	if guide.Program == "claude" {
		return `set ANTHROPIC_API_KEY, or CLAUDE_CODE_OAUTH_TOKEN from "claude setup-token"`
	}
	return "set " + guide.Credentials[0]
}

// tryTime bounds the session that asks a provider for one word.
const tryTime = 90 * time.Second

// try runs a session that costs a few cents at most: whether a provider takes the credentials, only it can say.
func (x *doctor) try(ctx context.Context, s engineState, implied bool) engineState {
	outcome, err := x.answer(ctx, s, implied)
	switch {
	case err != nil:
		s.Ready, s.Todo = false, err.Error()
	case outcome.Outcome == engine.Done:
		s.Credentials += ", its provider answered"
	default:
		s.Ready, s.Todo = false, answerCure(s.Credentials, outcome.Outcome)+": "+x.redact(outcome.Reason)
		if s.Credentials += ", " + string(outcome.Outcome); outcome.Outcome == engine.Authentication {
			s.Authenticated, s.Credentials = false, strings.TrimSuffix(s.Credentials, string(outcome.Outcome))+"refused"
		}
	}
	return s
}

// answerCure says what to do when no word came of a provider.
func answerCure(credentials string, outcome engine.Outcome) string {
	switch outcome {
	case engine.Authentication:
		return "its provider refuses " + credentials + ", put another there"
	case engine.Quota:
		return "wait until its quota is back, or raise it"
	case engine.Overloaded, engine.Timeout, engine.Stalled:
		return "try again later, and look whether this machine reaches its provider"
	}
	return "run it by hand"
}

func (x *doctor) answer(ctx context.Context, s engineState, implied bool) (result engine.Result, err error) {
	var chosen *engine.Engine
	if implied {
		chosen, err = sessionCommand{Engine: s.Engine}.unnamed(console{environ: x.environ})
	} else {
		chosen, err = newEngine(x.config, s.Engine, x.environ)
	}
	if err != nil {
		return result, err
	}
	place, err := os.MkdirTemp("", "lightsout-doctor-")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, worktree.RemoveAll(place)) }()
	dir, home := filepath.Join(place, "desk"), filepath.Join(place, "home")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(home, 0o700)); err != nil {
		return result, err
	}
	fenced := &daemon{config: x.config} // engines are tried side by side
	contain, err := fenced.contain(ctx)
	if err != nil {
		return result, err
	}
	return chosen.Run(ctx, engine.Session{Prompt: "Answer with the one word OK. Use no tool.\n", Dir: dir, Home: home, Marker: "lightsout-doctor-" + rand.Text(),
		Env: x.handedOn(EngineConfig{}), Limits: process.Limits{Wall: tryTime, Output: 16 << 20}, Contain: contain, Namespace: fenced.fence.apart, Readable: x.readable()})
}
