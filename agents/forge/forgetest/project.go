package forgetest

import "strconv"

// projectVertex shows the board.
func (c *call) projectVertex() *vertex {
	return &vertex{"ProjectV2", fields{
		"id": node("PVT", c.w.project.id), "databaseId": databaseID(c.w.project.id), "number": c.s.o.ProjectNumber,
		"title": c.s.o.Repo, "url": c.s.base + "/" + c.s.o.Owner + "/projects/" + strconv.Itoa(c.s.o.ProjectNumber),
		"closed": false, "public": true, "shortDescription": nil, "viewerCanUpdate": true, "createdAt": stamp(c.s.start),
		"updatedAt": stamp(c.s.start), "owner": resolver(func(map[string]any) any { return c.ownerVertex() }),
		"field": resolver(func(args map[string]any) any {
			name, _ := args["name"].(string)
			f, known := c.fieldNamed(name)
			if !known {
				return (*vertex)(nil)
			}
			return c.fieldVertex(f)
		}),
		"fields": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, f := range c.w.project.fields {
				list = append(list, c.fieldVertex(f))
			}
			return list
		}),
		"items": connection(func(args map[string]any) []*vertex {
			list := c.itemVertices(true, 0)
			if order, given := args["orderBy"].(map[string]any); given && order["direction"] == "DESC" {
				reversed := make([]*vertex, 0, len(list))
				for i := len(list) - 1; i >= 0; i-- {
					reversed = append(reversed, list[i])
				}
				list = reversed
			}
			return list
		}),
	}}
}

func (c *call) fieldVertex(f field) *vertex {
	v := &vertex{"ProjectV2Field", fields{
		"id": f.node(), "databaseId": databaseID(f.id), "name": f.name, "dataType": f.dataType,
	}}
	if f.dataType == "SINGLE_SELECT" {
		v.kind = "ProjectV2SingleSelectField"
		list := []*vertex{}
		for _, o := range f.options {
			list = append(list, &vertex{"ProjectV2SingleSelectFieldOption", fields{
				"id": o.id, "name": o.name, "color": o.color, "description": o.description,
			}})
		}
		v.fields["options"] = list
	}
	return v
}

// itemVertices shows the items of the board in its order, those of one issue if a number is given.
func (c *call) itemVertices(archived bool, n int) []*vertex {
	var list []*vertex
	for _, it := range c.w.project.items {
		if (archived || !it.archived) && (n == 0 || it.number == n) {
			list = append(list, c.itemVertex(it))
		}
	}
	return list
}

func (c *call) itemVertex(it item) *vertex {
	kind := "ISSUE"
	switch {
	case it.number == 0:
		kind = "DRAFT_ISSUE"
	case c.w.issues[it.number].pull:
		kind = "PULL_REQUEST"
	}
	return &vertex{"ProjectV2Item", fields{
		"id": node("PVTI", it.id), "databaseId": databaseID(it.id), "fullDatabaseId": strconv.FormatInt(it.id, 10),
		"type": kind, "isArchived": it.archived, "creator": c.ownerVertex(), "createdAt": stamp(it.created),
		"updatedAt": stamp(it.updated), "project": resolver(func(map[string]any) any { return c.projectVertex() }),
		"content": resolver(func(map[string]any) any {
			if it.number == 0 {
				return &vertex{"DraftIssue", fields{
					"id": node("DI", it.id), "title": it.title, "body": it.body, "createdAt": stamp(it.created),
					"updatedAt": stamp(it.updated),
				}}
			}
			return c.contentVertex(it.number)
		}),
		"fieldValueByName": resolver(func(args map[string]any) any {
			name, _ := args["name"].(string)
			f, _ := c.fieldNamed(name)
			return c.valueVertex(it, f)
		}),
		"fieldValues": connection(func(map[string]any) []*vertex {
			var list []*vertex
			for _, f := range c.w.project.fields {
				if v := c.valueVertex(it, f); v != nil {
					list = append(list, v)
				}
			}
			return list
		}),
	}}
}

// valueVertex shows the value an item has in a field; nil when none, or one that a later change of the field's options
// took away.
func (c *call) valueVertex(it item, f field) *vertex {
	v := &vertex{"", fields{
		"id": node("PVTFV", it.id^f.id), "createdAt": stamp(it.created), "updatedAt": stamp(it.updated),
		"field": c.fieldVertex(f), "item": resolver(func(map[string]any) any { return c.itemVertex(it) }),
	}}
	value, has := it.values[f.id]
	if f.dataType == "TITLE" {
		if value, has = it.title, true; it.number != 0 {
			value = c.w.issues[it.number].title
		}
	}
	switch {
	case !has:
		return nil
	case f.dataType != "SINGLE_SELECT":
		v.kind, v.fields["text"] = "ProjectV2ItemFieldTextValue", value
		return v
	}
	for _, o := range f.options {
		if o.id == value {
			v.kind = "ProjectV2ItemFieldSingleSelectValue"
			v.fields["name"], v.fields["optionId"], v.fields["color"], v.fields["description"] = o.name, o.id, o.color, o.description
			return v
		}
	}
	return nil
}
