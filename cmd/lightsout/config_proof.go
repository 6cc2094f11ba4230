package main

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lightsout/agents/proof"
)

// checkProof judges how work is to be judged.
func (d *document) checkProof(c *Config) {
	p := &c.Proof
	for _, name := range p.Warn {
		if !slices.Contains(proof.PolicyNames(), name) {
			cure := "take it out; the ones that can are " + strings.Join(proof.PolicyNames(), ", ")
			if near := nearest(name, proof.PolicyNames()); near != "" {
				cure = "did you mean \"" + near + "\"?"
			}
			d.fault(keyOf("proof.warn"), "holds what is no policy that can be a warning", cure)
		}
	}
	d.between("proof.maximum_lines", int64(p.MaximumLines), 1, 1_000_000)
	for _, pattern := range p.Protected {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" || strings.HasPrefix(pattern, "/") {
			d.fault(keyOf("proof.protected"), "holds what is no path of the repository", `write a folder with a / behind it, or a pattern, as in protected = ["deploy/", "*.pem"]`)
		}
	}
	if p.Mutate < 0 {
		d.fault(keyOf("proof.mutate"), "is less than nothing", `write mutate = "30s", or "0s" for never`)
	}
	if p.JUnit != "" && (!filepath.IsLocal(p.JUnit) || p.JUnit == ".") {
		d.fault(keyOf("proof.junit"), "is no file in the repository", `write its path from the repository's root, as in junit = "build/report.xml"`)
	}
	if p.JUnit != "" && len(c.Test) == 0 {
		d.fault(keyOf("proof.junit"), "is the report of a test command that is not named", `write test = ["make", "test"], or whatever it is, above the first [table]`)
	}
	if p.Modules != "" {
		p.Modules = d.checkPath("proof.modules", p.Modules)
	}
	if p.Offline && c.Containment.Landlock == "off" {
		d.fault(keyOf("proof.offline"), "asks for a fence that containment.landlock switches off", `write offline = false, or landlock = "auto"`)
	}
}

// settings are the same for the proof.
func (p Proof) settings() proof.Settings {
	return proof.Settings{Warn: p.Warn, MaximumLines: p.MaximumLines, Protected: p.Protected, Mutate: p.Mutate, JUnit: p.JUnit, Modules: p.Modules, Offline: p.Offline}
}
