package main

import (
	"net/url"
	"path/filepath"
	"regexp"
	"slices"

	"lightsout/agents"
)

var fieldPath = regexp.MustCompile(`^[^.\s]+(\.[^.\s]+)*$`)

// checkStaging judges what follows a merge.
func (d *document) checkStaging(s Staging) {
	d.positive("staging.limit", s.Limit)
	d.positive("staging.health_limit", s.HealthLimit)
	if file := s.Workflow; file != "" && (file != filepath.Base(file) || !slices.Contains([]string{".yml", ".yaml"}, filepath.Ext(file))) {
		d.fault(keyOf("staging.workflow"), "is no workflow file", `write the name of a file in .github/workflows, as in workflow = "staging.yml"`)
	}
	if s.Workflow == "" && len(s.Inputs) > 0 {
		d.fault(keyOf("staging.workflow"), "is missing, though there are inputs for it", `write workflow = "staging.yml", or take the inputs out`)
	}
	if s.Workflow != "" && s.Webhook != "" {
		d.fault(keyOf("staging.webhook"), "stands beside a workflow: each merge would be deployed twice", "keep one of the two")
	}
	if s.Webhook == "" && (s.Secret.File != "" || s.Secret.Env != "") {
		d.fault(keyOf("staging.secret"), "is given, and there is no webhook that it would sign for", `write webhook = "https://…", or take it out`)
	}
	d.checkPlace("staging.webhook", s.Webhook, "https://deploy.example.org/hooks/lightsout")
	d.checkPlace("staging.health", s.Health, "https://staging.example.org/health")
	switch {
	case s.HealthField != "" && s.Health == "":
		d.fault(keyOf("staging.health"), "is missing, though a field of it is named", `write health = "https://…", or take health_field out`)
	case s.HealthField != "" && !fieldPath.MatchString(s.HealthField):
		d.fault(keyOf("staging.health_field"), "is no way into JSON", `write the names that lead to the commit with dots between them, as in health_field = "build.commit"`)
	}
}

// checkPlace judges an address that is asked as it stands, with what it may have behind a question mark.
func (d *document) checkPlace(key, address, example string) {
	if address == "" {
		return
	}
	cure := "write one like " + example
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		d.fault(keyOf(key), "is no http address", cure)
	case u.User != nil:
		d.fault(keyOf(key), "carries a name or a password", cure)
	case u.Fragment != "":
		d.fault(keyOf(key), "has a # in it", cure)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		d.fault(keyOf(key), "is not encrypted, and not on this machine", cure)
	}
}

// settings are what the Merger needs to know of staging.
func (s Staging) settings() agents.Staging {
	return agents.Staging{Workflow: s.Workflow, Inputs: s.Inputs, Webhook: s.Webhook, Secret: s.Secret.value, Limit: s.Limit,
		Health: s.Health, HealthField: s.HealthField, HealthLimit: s.HealthLimit}
}
