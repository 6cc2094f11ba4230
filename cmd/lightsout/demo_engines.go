package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/cmd/lightsout/sample"
)

// The coding CLIs that the demo brings for its sample.
const (
	recordedEngineName = "recorded" // replays the sample's solutions
	spentEngine        = "spent"    // the same, and its usage limit is reached: nothing is ever done
)

// engineConfig chooses the coding CLIs: the sample's recorded solutions, or the person's own.
func (d *demo) engineConfig(c *Config) error {
	chosen := d.plan.engines
	if len(chosen) == 0 {
		chosen = []string{recordedEngineName}
	}
	c.Engine, c.Engines = nil, map[string]EngineConfig{}
	for _, words := range chosen {
		name, e, err := d.oneEngine(words, c)
		if err != nil {
			return fmt.Errorf("demo: --engine %s: %w", words, err)
		}
		if _, twice := c.Engines[name]; twice {
			return fmt.Errorf("demo: --engine %s: %s is named already", words, name)
		}
		c.Engine, c.Engines[name] = append(c.Engine, name), e
	}
	return nil
}

func (d *demo) oneEngine(words string, c *Config) (name string, e EngineConfig, err error) {
	if d.plan.fromRepo == "" && (words == recordedEngineName || words == spentEngine) {
		e, err = d.recordedEngine(words)
		return words, e, err
	}
	if guide, known := engine.GuideTo(words); known {
		e.Pass = slices.Clone(guide.Credentials)
		for _, key := range guide.Credentials {
			if provider, ok := strings.CutSuffix(key, "_API_KEY"); ok {
				e.Pass = append(e.Pass, provider+"_BASE_URL", "GOOGLE_"+provider+"_BASE_URL") // the second is gemini's
			}
		}
		return words, e, nil
	}
	return ownProgram(words, c)
}

// present sees to it that a coding CLI is there, and something that opens its provider, before a ticket is begun with it.
func present(words string, environ []string) error {
	program, cure := words, "give it with its path"
	guide, known := engine.GuideTo(words)
	if known {
		program, cure = guide.Program, "npm install -g "+guide.Package
	} else if all := strings.Fields(words); len(all) > 0 {
		program = all[0]
	}
	if info, err := os.Stat(program); !known && err == nil && !info.IsDir() {
		return nil
	}
	if _, err := process.LookPath(program, "/", environ); err != nil {
		return fmt.Errorf("demo: --engine %s: there is no %s in PATH: %s", words, program, cure)
	}
	if known && !slices.ContainsFunc(guide.Credentials, func(name string) bool { return lookup(environ, name) != "" }) {
		return fmt.Errorf("demo: --engine %s: nothing opens its provider: %s and start again; sessions have %s", words, setCredentials(guide), ownHome)
	}
	return nil
}

// recordedEngine is this binary again, speaking as claude does, so that turns, tokens and money are to be seen.
func (d *demo) recordedEngine(name string) (EngineConfig, error) {
	executable, err := os.Executable()
	if err != nil {
		return EngineConfig{}, err
	}
	scripts, program := filepath.Join(d.dir, "solutions"), filepath.Join(d.dir, "engines", name)
	var modes []string
	if name == spentEngine {
		modes = []string{"--mode=quota"}
	}
	err = errors.Join(os.MkdirAll(filepath.Dir(program), 0o700), wrapScripted(program, executable, scripts, modes...))
	if _, missing := os.Stat(scripts); missing != nil {
		err = errors.Join(err, sample.Write(scripts, sample.Solutions()))
	}
	return EngineConfig{Kind: "claude", Path: program, Readable: []string{executable}, Writable: []string{scripts}}, err
}

// ownProgram is a program of the person's own with its arguments, named after its file.
func ownProgram(given string, c *Config) (name string, e EngineConfig, err error) {
	words := strings.Fields(given)
	// A session works in its worktree: what is named from here must be named as a whole.
	for i, word := range words {
		path, err := filepath.Abs(word)
		if err != nil {
			return "", e, err
		}
		info, err := os.Stat(path)
		switch {
		case err != nil, i == 0 && info.IsDir(): // a name to be found in PATH, or a word that is no path
			continue
		case i == 0:
			c.Containment.Readable = append(c.Containment.Readable, filepath.Dir(path))
		case info.IsDir(): // given to the program to work with
			e.Writable = append(e.Writable, path)
		default:
			c.Containment.Readable = append(c.Containment.Readable, path)
		}
		words[i] = path
	}
	if len(words) == 0 {
		return "", e, errors.New("names no program")
	}
	e.Kind, e.Path, e.Args = "command", words[0], words[1:]
	return filepath.Base(words[0]), e, nil
}
