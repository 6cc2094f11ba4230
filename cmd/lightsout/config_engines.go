package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"lightsout/agents/engine"
	"lightsout/agents/review"
)

// checkEngines judges the coding CLIs and who is to ask which.
func (d *document) checkEngines(c *Config) {
	d.checkChoice(keyOf("engine"), c.Engine, c)
	for key, names := range c.engineLists() {
		d.checkChoice(keyOf(key), names, c)
	}
	d.between("review.rounds", int64(c.Review.Rounds), 0, review.MaxRounds)
	d.positive("review.session", c.Review.Session)
	for _, name := range slices.Sorted(maps.Keys(c.Engines)) {
		d.checkEngine(name, c.Engines[name], c)
	}
}

// checkChoice judges a list of engines, the preferred first.
func (d *document) checkChoice(key toml.Key, chosen []string, c *Config) {
	if len(chosen) == 0 {
		d.fault(key, "names no engine", fmt.Sprintf(`write %s = "claude", or a list such as ["claude", "codex"]: the next takes over while one is not served`, key[len(key)-1]))
	}
	for i, name := range chosen {
		described, exists := c.Engines[name]
		known := slices.Contains(engine.Kinds(), name)
		switch {
		case slices.Contains(chosen[:i], name):
			d.fault(key, fmt.Sprintf("names %q twice", name), "keep the first")
		case !exists && !known:
			names := append(slices.Sorted(maps.Keys(c.Engines)), engine.Kinds()...)
			what, cure := "names no engine", fmt.Sprintf("write one of %s, or describe it under [engines.NAME]", strings.Join(names, ", "))
			if len(chosen) > 1 {
				what = fmt.Sprintf("names %q, which is no engine", name)
			}
			if near := nearest(name, names); near != "" {
				cure = fmt.Sprintf("did you mean %q?", near)
			}
			d.fault(key, what, cure)
		case !exists && name == "command":
			d.fault(keyOf("engines.command.path"), "is missing", `write [engines.command] and below it path = "/where/the/program/is"`)
		case exists && described.Kind == "" && !known:
			d.fault(toml.Key{"engines", name, "kind"}, "is missing", kindCure())
		}
	}
}
