package forgetest

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// shapeFiles are the parts of GitHub's answers that never change but for names and numbers in them, mostly URLs: words
// that begin with $ stand for those.
//
//go:embed shape/*.json
var shapeFiles embed.FS

func readShapes() (map[string]any, error) {
	files, err := shapeFiles.ReadDir("shape")
	if err != nil {
		return nil, err
	}
	shapes := map[string]any{}
	for _, f := range files {
		text, err := shapeFiles.ReadFile("shape/" + f.Name())
		if err != nil {
			return nil, err
		}
		var shape map[string]any
		if err := json.Unmarshal(text, &shape); err != nil {
			return nil, fmt.Errorf("read shape %s: %w", f.Name(), err)
		}
		shapes[strings.TrimSuffix(f.Name(), ".json")] = shape
	}
	return shapes, nil
}

// shape makes an object from its shape, with what is special to this one on top. The words are pairs: "$number", "7".
func (c *call) shape(name string, special obj, words ...string) obj {
	words = append(words,
		"$api", c.s.base+"/api/v3", "$html", c.s.base, "$owner", c.s.o.Owner, "$name", c.s.o.Repo,
		"$repo", c.repoURL(), "$page", c.pageURL())
	made := fill(c.s.shapes[name], strings.NewReplacer(words...)).(map[string]any)
	maps.Copy(made, special)
	return made
}

func fill(v any, r *strings.Replacer) any {
	switch v := v.(type) {
	case string:
		return r.Replace(v)
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = fill(e, r)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = fill(e, r)
		}
		return l
	default:
		return v
	}
}

// repoURL is where the API has the repository, and pageURL where a person sees it.
func (c *call) repoURL(parts ...any) string {
	return c.s.base + "/api/v3/repos/" + c.s.o.Owner + "/" + c.s.o.Repo + join(parts)
}

func (c *call) pageURL(parts ...any) string {
	return c.s.base + "/" + c.s.o.Owner + "/" + c.s.o.Repo + join(parts)
}

func join(parts []any) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "/%v", p)
	}
	return b.String()
}

// node makes the global id of something, as opaque to clients as GitHub's.
func node(kind string, id int64) string { return fmt.Sprintf("%s_kwDO%08x", kind, id) }

// meet makes a person known, with how they stand to the repository; later words about that replace earlier ones.
func (c *call) meet(login, association string) {
	p, known := c.w.people[login]
	if !known {
		p = person{id: c.w.nextID(), login: login, association: "NONE"}
	}
	if association != "" {
		p.association = association
	}
	c.w.people[login] = p
}

func (c *call) association(login string) string {
	if p, known := c.w.people[login]; known {
		return p.association
	}
	return "NONE"
}

// user shows a person; nil for nobody.
func (c *call) user(login string) any {
	p, known := c.w.people[login]
	if !known {
		return nil
	}
	kind, code := "User", "U"
	switch {
	case login == c.s.o.Owner && c.s.o.OwnerType == "Organization":
		kind, code = "Organization", "O"
	case strings.HasSuffix(login, "[bot]"):
		kind, code = "Bot", "BOT"
	}
	special := obj{"id": p.id, "type": kind, "login": login}
	if kind == "Bot" {
		special["html_url"] = c.s.base + "/apps/" + escape(strings.TrimSuffix(login, "[bot]"))
	}
	return c.shape("user", special, "$login", escape(login), "$node", node(code, p.id))
}

func (c *call) users(logins []string) []any {
	out := []any{}
	for _, l := range logins {
		out = append(out, c.user(l))
	}
	return out
}

// repository shows the repository, whole or as it stands inside other things.
func (c *call) repository(full bool) obj {
	special := obj{"id": int64(firstID), "owner": c.user(c.s.o.Owner)}
	r := c.shape("repository", special, "$node", node("R", firstID))
	if full {
		open := 0
		for _, i := range c.w.issues {
			if i.open {
				open++
			}
		}
		born := stamp(c.s.start)
		maps.Copy(r, c.shape("repository_full", obj{
			"default_branch": c.s.o.DefaultBranch, "open_issues": open, "open_issues_count": open,
			"created_at": born, "updated_at": born, "pushed_at": born,
		}))
	}
	return r
}
