package forgetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// queryRoot is where every query begins.
func (c *call) queryRoot(e *execution) *vertex {
	owner := func(kind string) resolver {
		return func(args map[string]any) any {
			login := fmt.Sprint(args["login"])
			if strings.EqualFold(login, c.s.o.Owner) && (kind == "" || kind == c.s.o.OwnerType) {
				return c.ownerVertex()
			}
			for _, p := range sorted(c.w.people) {
				if kind != "Organization" && strings.EqualFold(p.login, login) && p.login != c.s.o.Owner {
					return c.actorVertex(p.login)
				}
			}
			named := map[string]string{"": "a User or Organization", "User": "a User", "Organization": "an Organization"}[kind]
			return problem{"NOT_FOUND", "Could not resolve to " + named + " with the login of '" + login + "'."}
		}
	}
	return &vertex{"Query", fields{
		"organization": owner("Organization"), "user": owner("User"), "repositoryOwner": owner(""),
		"viewer":     resolver(func(map[string]any) any { return c.actorVertex(c.s.o.Login) }),
		"repository": resolver(c.findRepository),
		"node":       resolver(func(args map[string]any) any { return c.findNode(args["id"]) }),
		"nodes": resolver(func(args map[string]any) any {
			ids, _ := args["ids"].([]any)
			list := make([]any, 0, len(ids))
			for _, id := range ids {
				list = append(list, c.findNode(id))
			}
			return list
		}),
		"rateLimit": resolver(func(map[string]any) any {
			used := c.s.ledger.pointsUsed
			return &vertex{"RateLimit", fields{
				"cost": e.cost, "limit": c.s.o.RateLimit, "nodeCount": 0, "used": used, "remaining": c.s.o.RateLimit - used,
				"resetAt": stamp(c.s.ledger.window.Add(time.Hour)),
			}}
		}),
	}}
}

// mutationRoot has the mutations: each does its work when its field is resolved.
func (c *call) mutationRoot() *vertex {
	root := fields{}
	mutation := func(name, payload string, do func(in map[string]any) any) {
		root[name] = resolver(func(args map[string]any) any {
			in, _ := args["input"].(map[string]any)
			result := do(in)
			made, done := result.(fields)
			if !done {
				return result // a problem
			}
			made["clientMutationId"] = in["clientMutationId"]
			return &vertex{payload, made}
		})
	}
	for name, do := range map[string]func(map[string]any) any{
		"updateProjectV2ItemFieldValue": func(in map[string]any) any {
			value, _ := in["value"].(map[string]any)
			if value == nil {
				value = map[string]any{}
			}
			return c.moveItem(in, value)
		},
		"clearProjectV2ItemFieldValue": func(in map[string]any) any { return c.moveItem(in, nil) },
		"addProjectV2ItemById":         c.addToBoard,
		"deleteProjectV2Item":          c.removeFromBoard,
		"updateProjectV2ItemPosition":  c.orderItem,
		"createProjectV2Field":         c.createField,
		"updateProjectV2Field":         c.updateField,
		"convertPullRequestToDraft":    func(in map[string]any) any { return c.setDraft(in, true) },
		"markPullRequestReadyForReview": func(in map[string]any) any {
			return c.setDraft(in, false)
		},
		"resolveReviewThread":             func(in map[string]any) any { return c.resolveThread(in, true) },
		"unresolveReviewThread":           func(in map[string]any) any { return c.resolveThread(in, false) },
		"addPullRequestReviewThreadReply": c.replyToThread,
	} {
		mutation(name, strings.ToUpper(name[:1])+name[1:]+"Payload", do)
	}
	return &vertex{"Mutation", root}
}

func (c *call) setDraft(in map[string]any, draft bool) any {
	for _, p := range c.w.pulls {
		if node("PR", c.w.issues[p.number].id) != in["pullRequestId"] {
			continue
		}
		if err := c.markDraft(p, draft); err != nil {
			return problem{"UNPROCESSABLE", err.Error()}
		}
		return fields{"pullRequest": c.pullVertex(c.w.pulls[p.number])}
	}
	return unresolved(in["pullRequestId"])
}

func (c *call) markDraft(p pull, draft bool) error {
	if !c.w.issues[p.number].open {
		return errors.New("Pull request is closed")
	}
	p.draft = draft
	c.w.pulls[p.number] = p
	c.touch(p.number)
	c.record(map[bool]string{true: "pull.draft", false: "pull.ready"}[draft], hash(p.number), "")
	return nil
}

func (c *call) resolveThread(in map[string]any, resolved bool) any {
	for _, t := range c.w.threads {
		if node("PRRT", t.id) != in["threadId"] {
			continue
		}
		t.resolved, t.resolvedBy = resolved, ""
		if resolved {
			t.resolvedBy = c.actor
		}
		c.w.threads[t.id] = t
		c.record(map[bool]string{true: "thread.resolve", false: "thread.unresolve"}[resolved], hash(t.number), "%s:%d", t.path, t.line)
		return fields{"thread": c.threadVertex(t)}
	}
	return unresolved(in["threadId"])
}

func (c *call) replyToThread(in map[string]any) any {
	for _, t := range c.w.threads {
		if node("PRRT", t.id) != in["pullRequestReviewThreadId"] {
			continue
		}
		if strings.TrimSpace(fmt.Sprint(in["body"])) == "" {
			return problem{"UNPROCESSABLE", "Body can't be blank"}
		}
		said := c.addReply(t, fmt.Sprint(in["body"]))
		return fields{"comment": c.remarkVertex(t, said)}
	}
	return unresolved(in["pullRequestReviewThreadId"])
}

func (i issue) node() string {
	if i.pull {
		return node("PR", i.id)
	}
	return node("I", i.id)
}

func (c *call) findNode(id any) any {
	if id == node("R", firstID) {
		return c.repositoryVertex()
	}
	if id == node("PVT", c.w.project.id) && c.w.project.present {
		return c.projectVertex()
	}
	if it, known := c.itemByNode(id); known {
		return c.itemVertex(it)
	}
	if f, known := c.fieldByNode(id); known {
		return c.fieldVertex(f)
	}
	for _, i := range c.w.issues {
		if i.node() == id {
			return c.contentVertex(i.number)
		}
	}
	for _, t := range c.w.threads {
		if node("PRRT", t.id) == id {
			return c.threadVertex(t)
		}
	}
	return unresolved(id)
}

func (c *call) findRepository(args map[string]any) any {
	owner, given := args["owner"].(string)
	name := fmt.Sprint(args["name"])
	if !given {
		owner = c.s.o.Owner
	}
	if !strings.EqualFold(owner, c.s.o.Owner) || !strings.EqualFold(name, c.s.o.Repo) {
		return problem{"NOT_FOUND", "Could not resolve to a Repository with the name '" + owner + "/" + name + "'."}
	}
	return c.repositoryVertex()
}

// databaseID is null where the number does not fit GraphQL's Int; fullDatabaseId has it then.
func databaseID(id int64) any {
	if id > math.MaxInt32 {
		return nil
	}
	return id
}

func (c *call) ownerVertex() *vertex { return c.actorVertex(c.s.o.Owner) }

// actorVertex shows a person, the owner or a bot; nil for nobody.
func (c *call) actorVertex(login string) *vertex {
	p, known := c.w.people[login]
	if !known {
		return nil
	}
	kind, code, page := "User", "U", login
	shown := login
	switch {
	case login == c.s.o.Owner && c.s.o.OwnerType == "Organization":
		kind, code = "Organization", "O"
	case strings.HasSuffix(login, "[bot]"):
		kind, code = "Bot", "BOT"
		shown = strings.TrimSuffix(login, "[bot]") // REST alone has the suffix
		page = "apps/" + shown
	}
	v := &vertex{kind, fields{
		"id": node(code, p.id), "databaseId": databaseID(p.id), "login": shown, "name": shown,
		"url": c.s.base + "/" + page, "avatarUrl": c.s.base + "/avatars/" + escape(login),
		"repository": resolver(func(args map[string]any) any {
			if login != c.s.o.Owner {
				return (*vertex)(nil)
			}
			return c.findRepository(args)
		}),
	}}
	c.addProjects(v, login == c.s.o.Owner)
	return v
}

func (c *call) addProjects(v *vertex, has bool) {
	has = has && c.w.project.present
	v.fields["projectV2"] = resolver(func(args map[string]any) any {
		if !has || intOf(args["number"]) != c.s.o.ProjectNumber {
			return problem{"NOT_FOUND", fmt.Sprintf("Could not resolve to a ProjectV2 with the number %d.", intOf(args["number"]))}
		}
		return c.projectVertex()
	})
	v.fields["projectsV2"] = connection(func(map[string]any) []*vertex {
		if !has {
			return nil
		}
		return []*vertex{c.projectVertex()}
	})
}

func (c *call) repositoryVertex() *vertex {
	v := &vertex{"Repository", fields{
		"id": node("R", firstID), "databaseId": databaseID(firstID), "name": c.s.o.Repo,
		"nameWithOwner": c.s.o.Owner + "/" + c.s.o.Repo, "url": c.pageURL(), "isPrivate": false, "isArchived": false,
		"viewerPermission": "WRITE",
		"owner":            resolver(func(map[string]any) any { return c.ownerVertex() }),
		"defaultBranchRef": resolver(func(map[string]any) any { return c.refVertex(c.s.o.DefaultBranch) }),
		"ref": resolver(func(args map[string]any) any {
			return c.refVertex(strings.TrimPrefix(fmt.Sprint(args["qualifiedName"]), "refs/heads/"))
		}),
		"issue": resolver(func(args map[string]any) any {
			i, known := c.w.issues[intOf(args["number"])]
			if !known || i.pull {
				return problem{"NOT_FOUND", fmt.Sprintf("Could not resolve to an Issue with the number of %d.", intOf(args["number"]))}
			}
			return c.issueVertex(i)
		}),
		"pullRequest": resolver(func(args map[string]any) any {
			p, known := c.w.pulls[intOf(args["number"])]
			if !known {
				return problem{"NOT_FOUND", fmt.Sprintf("Could not resolve to a PullRequest with the number of %d.", intOf(args["number"]))}
			}
			return c.pullVertex(p)
		}),
		"issues": connection(func(args map[string]any) []*vertex {
			var list []*vertex
			for _, i := range sorted(c.w.issues) {
				if !i.pull && oneOf(args["states"], strings.ToUpper(openWord(i.open))) {
					list = append(list, c.issueVertex(i))
				}
			}
			return list
		}),
		"pullRequests": connection(func(args map[string]any) []*vertex {
			var list []*vertex
			for _, p := range sorted(c.w.pulls) {
				if oneOf(args["states"], c.pullState(p)) && equal(args["headRefName"], p.headRef) && equal(args["baseRefName"], p.baseRef) {
					list = append(list, c.pullVertex(p))
				}
			}
			return list
		}),
		"milestone": resolver(func(args map[string]any) any { return c.milestoneVertex(intOf(args["number"])) }),
		"milestones": connection(func(args map[string]any) []*vertex {
			var list []*vertex
			for _, m := range sorted(c.w.milestones) {
				if oneOf(args["states"], strings.ToUpper(openWord(m.open))) {
					list = append(list, c.milestoneVertex(m.number))
				}
			}
			return list
		}),
		"label": resolver(func(args map[string]any) any { return c.labelVertex(fmt.Sprint(args["name"])) }),
		"labels": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, l := range sorted(c.w.labels) {
				list = append(list, c.labelVertex(l.name))
			}
			return list
		}),
	}}
	c.addProjects(v, true)
	return v
}

// oneOf says whether a value is among those of an argument; an argument that was not given has every value.
func oneOf(arg any, value string) bool {
	list, given := arg.([]any)
	return !given || slices.Contains(list, any(value))
}

func equal(arg any, value string) bool { return arg == nil || arg == any(value) }

func (c *call) refVertex(branch string) *vertex {
	sha, known := c.w.heads[branch]
	if !known {
		return nil
	}
	return &vertex{"Ref", fields{
		"id": "REF_" + branch, "name": branch, "prefix": "refs/heads/",
		"target": resolver(func(map[string]any) any { return c.commitVertex(sha) }),
	}}
}

func (c *call) commitVertex(sha string) any {
	m, err := c.s.git.commit(sha)
	if err != nil {
		c.s.surprise("graphql: %v", err)
		return (*vertex)(nil)
	}
	headline, _, _ := strings.Cut(m.message, "\n")
	return &vertex{"Commit", fields{
		"id": "C_" + sha, "oid": sha, "abbreviatedOid": sha[:7], "message": m.message, "messageHeadline": headline,
		"url": c.pageURL("commit", sha), "committedDate": stamp(m.made),
		"statusCheckRollup": resolver(func(map[string]any) any { return c.rollupVertex(sha) }),
	}}
}

// rollupVertex sums up the checks and statuses of a commit; nil where there are none.
func (c *call) rollupVertex(sha string) *vertex {
	state := ""
	worse := func(next string) {
		order := []string{"", "SUCCESS", "PENDING", "FAILURE"}
		if slices.Index(order, next) > slices.Index(order, state) {
			state = next
		}
	}
	for _, k := range c.checksAt(sha, true) {
		switch k.conclusion {
		case "":
			worse("PENDING")
		case "success", "neutral", "skipped":
			worse("SUCCESS")
		default:
			worse("FAILURE")
		}
	}
	for _, st := range c.statusesAt(sha, true) {
		worse(map[string]string{"success": "SUCCESS", "pending": "PENDING", "failure": "FAILURE", "error": "FAILURE"}[st.state])
	}
	if state == "" {
		return nil
	}
	return &vertex{"StatusCheckRollup", fields{
		"id": "SCR_" + sha, "state": state, "commit": resolver(func(map[string]any) any { return c.commitVertex(sha) }),
	}}
}

func (c *call) labelVertex(name string) *vertex {
	l, known := c.w.labels[strings.ToLower(name)]
	if !known {
		return nil
	}
	return &vertex{"Label", fields{
		"id": node("LA", l.id), "name": l.name, "color": l.color, "description": text(l.description),
		"url": c.pageURL("labels", escape(l.name)),
	}}
}

func (c *call) milestoneVertex(n int) *vertex {
	m, known := c.w.milestones[n]
	if !known {
		return nil
	}
	return &vertex{"Milestone", fields{
		"id": node("MI", m.id), "number": m.number, "title": m.title, "description": text(m.description), "closed": !m.open,
		"dueOn": stamp(m.due), "state": strings.ToUpper(openWord(m.open)), "url": c.pageURL("milestone", m.number),
		"createdAt": stamp(m.created), "updatedAt": stamp(m.updated),
	}}
}
