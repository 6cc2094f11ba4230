package main

import (
	"errors"

	"lightsout/agents"
)

// engines are the coding CLIs of everybody, the preferred first, and of the roles that have their own. One that two lists
// name is one and the same.
func (d *daemon) engines() (usual []agents.Runner, ofRole map[string][]agents.Runner, err error) {
	if d.engine != nil {
		return []agents.Runner{d.engine}, nil, nil
	}
	made := map[string]agents.Runner{}
	list := func(names []string) (engines []agents.Runner) {
		for _, name := range names {
			if made[name] == nil {
				e, problem := newEngine(d.config, name, d.environ)
				err = errors.Join(err, problem)
				made[name] = e
			}
			engines = append(engines, made[name])
		}
		return engines
	}
	usual, ofRole = list(d.config.Engine), map[string][]agents.Runner{}
	for role, names := range d.config.roleEngines() {
		ofRole[role] = list(names)
	}
	return usual, ofRole, err
}
