package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"lightsout/agents/engine"
)

// newEngine is the engine of a name as the configuration describes it. One that is not described is a known coding CLI as
// it comes, with no credentials.
func newEngine(c Config, name string, environ []string) (*engine.Engine, error) {
	e := c.Engines[name]
	env := map[string]string{}
	for _, variable := range e.Pass {
		if value := lookup(environ, variable); value != "" {
			env[variable] = value
		}
	}
	maps.Copy(env, e.Env)
	files := map[string]string{}
	for path, file := range e.Files {
		content, err := file.read(c.path)
		if err != nil {
			return nil, fmt.Errorf("engine %s: file %s of its HOME: %w", name, path, err)
		}
		files[path] = content
	}
	return engine.New(engine.Config{Name: name, Kind: cmp.Or(e.Kind, name), Path: e.Path, Model: e.Model, Args: e.Args, Env: env, Files: files,
		Price: engine.Price(e.Price), Readable: e.Readable, Writable: e.Writable})
}

// read is what the file holds. config is the configuration file, beside which a source is found.
func (f HomeFile) read(config string) (string, error) {
	if f.Source == "" {
		return f.Content, nil
	}
	text, err := os.ReadFile(beside(config, f.Source))
	return string(text), err
}

// loadEngines reads a configuration for what it says of engines and of what sessions may reach, for the commands that need
// no GitHub, no chat and no store: what it lacks of those is no fault here. An unknown key is one all the same.
func loadEngines(path string) (Config, error) {
	text, err := readConfig(path)
	if err != nil {
		return Config{}, err
	}
	c := defaults()
	c.path = path
	d := decodeConfig(path, text, &c)
	if !d.broken {
		c.State = d.checkPath("state", cmp.Or(c.State, "state"))
		for _, name := range slices.Sorted(maps.Keys(c.Engines)) {
			d.checkEngine(name, c.Engines[name], &c)
		}
		d.checkLimits(c.Limits)
		d.checkContainment(&c)
	}
	return c, d.err()
}

// knows refuses the name of an engine that is neither described nor a known coding CLI.
func (c Config) knows(name string) error {
	if _, described := c.Engines[name]; described || name != "command" && slices.Contains(engine.Kinds(), name) {
		return nil
	}
	names := slices.Concat(slices.Sorted(maps.Keys(c.Engines)), engine.Kinds())
	names = slices.Compact(slices.DeleteFunc(names, func(name string) bool { return name == "command" }))
	if near := nearest(name, names); near != "" {
		return fmt.Errorf("there is no engine %q: did you mean %q", name, near)
	}
	return fmt.Errorf("there is no engine %q: write one of %s, or describe it in the configuration under [engines.%s]", name, strings.Join(names, ", "), name)
}
