package forgetest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (c *call) getRepository() answer { return ok(c.repository(true)) }

func (c *call) rateLimit() answer {
	of := func(used int) obj {
		return obj{
			"limit": c.s.o.RateLimit, "used": used, "remaining": c.s.o.RateLimit - used,
			"reset": c.s.ledger.window.Add(time.Hour).Unix(),
		}
	}
	core, graph := of(c.s.ledger.used), of(c.s.ledger.pointsUsed)
	return ok(obj{"resources": obj{"core": core, "search": of(0), "graphql": graph}, "rate": core})
}

func (c *call) whoAmI() answer { return c.profile(c.s.o.Login) }

func (c *call) getUser() answer {
	for login := range c.w.people {
		if strings.EqualFold(login, c.path("login")) {
			return c.profile(login)
		}
	}
	return notFound()
}

func (c *call) profile(login string) answer {
	shown := c.user(login).(obj)
	born := stamp(c.s.start)
	maps.Copy(shown, c.shape("profile", obj{"created_at": born, "updated_at": born}, "$login", login))
	return ok(shown)
}

// permission answers what somebody may do; like GitHub it knows nobody who has no part in the repository.
func (c *call) permission() answer {
	login := c.path("login")
	role := map[string]string{"OWNER": "admin", "MEMBER": "write", "COLLABORATOR": "write"}[c.association(login)]
	shown, known := c.user(login).(obj)
	if !known {
		return notFound()
	}
	if role == "" {
		role = "read"
	}
	shown["role_name"] = role
	return ok(obj{"permission": role, "role_name": role, "user": shown})
}

func (c *call) isAssignable() answer {
	if len(c.known([]string{c.path("login")})) == 0 {
		return notFound()
	}
	return empty()
}

func (c *call) listBranches() answer {
	names := slices.Sorted(maps.Keys(c.w.heads))
	return ok(each(paged(c, names), func(name string) obj {
		sha := c.w.heads[name]
		return obj{
			"name": name, "protected": c.protected(name), "commit": obj{"sha": sha, "url": c.repoURL("commits", sha)},
		}
	}))
}

func (c *call) protected(branch string) bool {
	return branch == c.s.o.DefaultBranch && len(c.s.o.Required) > 0
}

func (c *call) getBranch() answer {
	name := c.path("branch")
	sha, known := c.w.heads[name]
	if !known {
		return refuse(http.StatusNotFound, "Branch not found")
	}
	made, err := c.s.git.commit(sha)
	if err != nil {
		return c.broken(err)
	}
	self := c.repoURL("branches", escape(name))
	level, contexts := "off", []string{}
	if c.protected(name) {
		level, contexts = "non_admins", c.s.o.Required
	}
	return ok(obj{
		"name": name, "commit": c.commit(made), "_links": obj{"self": self, "html": c.pageURL("tree", escape(name))},
		"protected": c.protected(name), "protection_url": self + "/protection",
		"protection": obj{
			"enabled":                c.protected(name),
			"required_status_checks": obj{"enforcement_level": level, "contexts": contexts, "checks": c.requiredChecks(name)},
		},
	})
}

func (c *call) requiredChecks(branch string) []any {
	out := []any{}
	if c.protected(branch) {
		for _, name := range c.s.o.Required {
			out = append(out, obj{"context": name, "app_id": nil})
		}
	}
	return out
}

func (c *call) policy(branch string) obj {
	self := c.repoURL("branches", escape(branch), "protection", "required_status_checks")
	return obj{
		"url": self, "contexts_url": self + "/contexts", "strict": c.s.o.Strict, "contexts": c.s.o.Required,
		"checks": c.requiredChecks(branch),
	}
}

// unprotected is GitHub's answer about the protection of a branch that has none, or does not exist.
func (c *call) unprotected() (answer, bool) {
	branch := c.path("branch")
	if _, known := c.w.heads[branch]; !known {
		return refuse(http.StatusNotFound, "Branch not found"), true
	}
	return refuse(http.StatusNotFound, "Branch not protected"), !c.protected(branch)
}

func (c *call) getProtection() answer {
	if refusal, bare := c.unprotected(); bare {
		return refusal
	}
	branch := c.path("branch")
	self := c.repoURL("branches", escape(branch), "protection")
	off := obj{"enabled": false}
	return ok(obj{
		"url": self, "required_status_checks": c.policy(branch), "enforce_admins": obj{"url": self + "/enforce_admins", "enabled": false},
		"required_linear_history": off, "allow_force_pushes": off, "allow_deletions": off, "block_creations": off,
		"required_conversation_resolution": off, "lock_branch": off, "allow_fork_syncing": off,
		"required_signatures": obj{"url": self + "/required_signatures", "enabled": false},
	})
}

func (c *call) getRequiredChecks() answer {
	if refusal, bare := c.unprotected(); bare {
		return refusal
	}
	return ok(c.policy(c.path("branch")))
}

// getRules answers for the newer rulesets, of which this repository has none.
func (c *call) getRules() answer { return ok([]any{}) }

func (c *call) ref(name string) obj {
	sha := c.w.heads[strings.TrimPrefix(name, "refs/heads/")]
	return obj{
		"ref": name, "node_id": "REF_" + name, "url": c.repoURL("git", escape(name)),
		"object": obj{"type": "commit", "sha": sha, "url": c.repoURL("git", "commits", sha)},
	}
}

func (c *call) getRef() answer {
	name := c.path("ref")
	branch, heads := strings.CutPrefix(name, "heads/")
	if _, known := c.w.heads[branch]; !known || !heads {
		return notFound()
	}
	return ok(c.ref("refs/" + name))
}

func (c *call) matchingRefs() answer {
	prefix := "refs/" + c.path("ref")
	var names []string
	for _, branch := range slices.Sorted(maps.Keys(c.w.heads)) {
		if name := "refs/heads/" + branch; strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return ok(each(paged(c, names), c.ref))
}

func (c *call) deleteRef() answer {
	branch, heads := strings.CutPrefix(c.path("ref"), "heads/")
	sha, known := c.w.heads[branch]
	switch {
	case !heads || !known:
		return refuse(http.StatusUnprocessableEntity, "Reference does not exist")
	case branch == c.s.o.DefaultBranch:
		return refuse(http.StatusUnprocessableEntity, "Cannot delete the default branch")
	}
	if err := c.s.git.remove(branch, sha); err != nil {
		return c.broken(err)
	}
	if err := c.observe(true); err != nil {
		return c.broken(err)
	}
	return empty()
}
