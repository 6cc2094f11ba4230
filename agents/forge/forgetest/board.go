package forgetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// makeProject makes the board: one project with the fields that every project has.
func (c *call) makeProject() {
	p := &c.w.project
	p.id, p.present = c.w.nextID(), true
	for _, f := range []field{
		{name: "Title", dataType: "TITLE"}, {name: "Assignees", dataType: "ASSIGNEES"},
		{name: statusField, dataType: "SINGLE_SELECT", options: makeOptions(c.s.o.Columns)},
		{name: "Labels", dataType: "LABELS"}, {name: "Milestone", dataType: "MILESTONE"},
		{name: "Repository", dataType: "REPOSITORY"},
	} {
		f.id = c.w.nextID()
		p.fields = append(p.fields, f)
	}
}

const statusField = "Status"

func makeOptions(names []string) []option {
	var list []option
	for _, name := range names {
		list = append(list, option{id: optionID(name), name: name, color: "GRAY"})
	}
	return list
}

// optionID is eight hexadecimal digits, as GitHub's are.
func optionID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
}

// setColumn puts an issue into a column: of the project, or as a label.
func (c *call) setColumn(n int, column string) error {
	if _, known := c.w.issues[n]; !known {
		return fmt.Errorf("move #%d: there is none", n)
	}
	if !c.w.project.present {
		c.setColumnLabel(n, column)
		return nil
	}
	if !c.moveOnBoard(n, column) {
		return fmt.Errorf("move #%d to %q: no such column", n, column)
	}
	return nil
}

const columnLabel = "status: "

func (c *call) setColumnLabel(n int, column string) {
	i := c.w.issues[n]
	kept := slices.DeleteFunc(slices.Clone(i.labels), func(l string) bool { return strings.HasPrefix(l, columnLabel) })
	i.labels, i.updated = c.addLabels(kept, []string{columnLabel + strings.ToLower(column)}), c.now
	c.w.issues[n] = i
	c.record("issue.label", hash(n), "%s", columnLabel+strings.ToLower(column))
}

// moveOnBoard puts an issue on the board if it is not there, and into a column; false if the board has no such column.
func (c *call) moveOnBoard(n int, column string) bool {
	f, has := c.fieldNamed(statusField)
	at := slices.IndexFunc(f.options, func(o option) bool { return o.name == column })
	if !has || at < 0 {
		return false
	}
	c.setValue(c.addItem(n), f, f.options[at].id)
	return true
}

// column is the column an issue stands in; empty when in none.
func (c *call) column(n int) string {
	if !c.w.project.present {
		for _, l := range c.w.issues[n].labels {
			if name, is := strings.CutPrefix(l, columnLabel); is {
				for _, column := range c.s.o.Columns {
					if strings.EqualFold(column, name) {
						return column
					}
				}
			}
		}
		return ""
	}
	f, _ := c.fieldNamed(statusField)
	for _, it := range c.w.project.items {
		for _, o := range f.options {
			if it.number == n && n != 0 && it.values[f.id] == o.id {
				return o.name
			}
		}
	}
	return ""
}

func (c *call) fieldNamed(name string) (field, bool) {
	for _, f := range c.w.project.fields {
		if strings.EqualFold(f.name, name) {
			return f, true
		}
	}
	return field{}, false
}

// addItem puts an issue or pull request at the end of the board, and gives its item; the one it has, if it has one.
func (c *call) addItem(n int) int64 {
	p := &c.w.project
	for _, it := range p.items {
		if it.number == n {
			return it.id
		}
	}
	it := item{id: c.w.nextID(), number: n, created: c.now, updated: c.now}
	p.items = append(slices.Clone(p.items), it)
	c.record("project.add", hash(n), "")
	return it.id
}

// AddDraft puts a draft, which is no issue, on the board.
func (s *Server) AddDraft(title, body, status string) error {
	return s.act(s.o.Owner, "person", func(c *call) error {
		if !c.w.project.present {
			return errors.New("add a draft: there is no project")
		}
		it := item{id: c.w.nextID(), title: title, body: body, created: c.now, updated: c.now}
		c.w.project.items = append(slices.Clone(c.w.project.items), it)
		c.record("project.add", title, "a draft")
		f, _ := c.fieldNamed(statusField)
		for _, o := range f.options {
			if o.name == status {
				c.setValue(it.id, f, o.id)
			}
		}
		return nil
	})
}

// setValue gives an item a value of a field; empty clears it.
func (c *call) setValue(id int64, f field, value string) {
	items := slices.Clone(c.w.project.items)
	for i, it := range items {
		if it.id != id {
			continue
		}
		values := maps.Clone(it.values)
		if values == nil {
			values = map[int64]string{}
		}
		was := c.word(f, values[f.id])
		if values[f.id] = value; value == "" {
			delete(values, f.id)
		}
		items[i].values, items[i].updated = values, c.now
		target := hash(it.number)
		if it.number == 0 {
			target = it.title
		}
		c.record("project.move", target, "%s: %s -> %s", f.name, was, c.word(f, value))
	}
	c.w.project.items = items
}

// word is a value as a person sees it.
func (c *call) word(f field, value string) string {
	for _, o := range f.options {
		if o.id == value {
			return o.name
		}
	}
	return value
}

func (c *call) itemByNode(id any) (item, bool) {
	for _, it := range c.w.project.items {
		if node("PVTI", it.id) == id {
			return it, true
		}
	}
	return item{}, false
}

func (c *call) fieldByNode(id any) (field, bool) {
	for _, f := range c.w.project.fields {
		if f.node() == id {
			return f, true
		}
	}
	return field{}, false
}

func (f field) node() string {
	if f.dataType == "SINGLE_SELECT" {
		return node("PVTSSF", f.id)
	}
	return node("PVTF", f.id)
}

func unresolved(id any) problem {
	return problem{"NOT_FOUND", fmt.Sprintf("Could not resolve to a node with the global id of '%v'", id)}
}

// The mutations of the board. Each gets the input object and gives its payload.

func (c *call) moveItem(in map[string]any, value map[string]any) any {
	it, known := c.itemByNode(in["itemId"])
	f, known2 := c.fieldByNode(in["fieldId"])
	switch {
	case in["projectId"] != node("PVT", c.w.project.id):
		return unresolved(in["projectId"])
	case !known:
		return unresolved(in["itemId"])
	case !known2:
		return unresolved(in["fieldId"])
	case it.archived:
		return problem{"UNPROCESSABLE", "The item is archived and cannot be updated"}
	}
	chosen := ""
	switch f.dataType {
	case "SINGLE_SELECT":
		chosen, _ = value["singleSelectOptionId"].(string)
		if value != nil && !slices.ContainsFunc(f.options, func(o option) bool { return o.id == chosen }) {
			return problem{"VALIDATION", "The single select option Id does not belong to the field"}
		}
	case "TEXT":
		chosen, _ = value["text"].(string)
	default:
		return problem{"VALIDATION", "The field of type " + strings.ToLower(f.dataType) + " is currently not supported."}
	}
	c.setValue(it.id, f, chosen)
	it, _ = c.itemByNode(in["itemId"])
	return fields{"projectV2Item": c.itemVertex(it)}
}

func (c *call) addToBoard(in map[string]any) any {
	if in["projectId"] != node("PVT", c.w.project.id) || !c.w.project.present {
		return unresolved(in["projectId"])
	}
	for _, i := range c.w.issues {
		if i.node() == in["contentId"] {
			id := c.addItem(i.number)
			at := slices.IndexFunc(c.w.project.items, func(it item) bool { return it.id == id })
			return fields{"item": c.itemVertex(c.w.project.items[at])}
		}
	}
	return unresolved(in["contentId"])
}

func (c *call) removeFromBoard(in map[string]any) any {
	it, known := c.itemByNode(in["itemId"])
	if !known || in["projectId"] != node("PVT", c.w.project.id) {
		return unresolved(in["itemId"])
	}
	c.w.project.items = slices.DeleteFunc(slices.Clone(c.w.project.items), func(other item) bool { return other.id == it.id })
	c.record("project.remove", hash(it.number), "")
	return fields{"deletedItemId": in["itemId"]}
}

// orderItem puts an item after another, or first.
func (c *call) orderItem(in map[string]any) any {
	it, known := c.itemByNode(in["itemId"])
	if !known {
		return unresolved(in["itemId"])
	}
	items := slices.DeleteFunc(slices.Clone(c.w.project.items), func(other item) bool { return other.id == it.id })
	at := 0
	if after := in["afterId"]; after != nil {
		if at = slices.IndexFunc(items, func(other item) bool { return node("PVTI", other.id) == after }) + 1; at == 0 {
			return unresolved(after)
		}
	}
	c.w.project.items = slices.Insert(items, at, it)
	c.record("project.order", hash(it.number), "to place %d", at+1)
	return fields{"items": connection(func(map[string]any) []*vertex { return c.itemVertices(true, 0) })}
}

func (c *call) createField(in map[string]any) any {
	name, _ := in["name"].(string)
	f := field{name: name, dataType: fmt.Sprint(in["dataType"])}
	switch _, taken := c.fieldNamed(name); {
	case in["projectId"] != node("PVT", c.w.project.id) || !c.w.project.present:
		return unresolved(in["projectId"])
	case taken:
		return problem{"UNPROCESSABLE", "Name has already been taken"}
	case f.dataType != "SINGLE_SELECT" && f.dataType != "TEXT":
		return problem{"UNPROCESSABLE", "forgetest has no fields of type " + f.dataType}
	}
	var refusal *problem
	if f.options, refusal = readOptions(in["singleSelectOptions"]); refusal != nil {
		return *refusal
	}
	if f.dataType == "SINGLE_SELECT" && len(f.options) == 0 {
		return problem{"UNPROCESSABLE", "Options can't be blank"}
	}
	f.id = c.w.nextID()
	c.w.project.fields = append(slices.Clone(c.w.project.fields), f)
	c.record("project.field", name, "%s", optionNames(f))
	return fields{"projectV2Field": c.fieldVertex(f)}
}

// updateField renames a field or replaces its options. As on GitHub, the options are made anew: items lose their value.
func (c *call) updateField(in map[string]any) any {
	f, known := c.fieldByNode(in["fieldId"])
	if !known {
		return unresolved(in["fieldId"])
	}
	if name, given := in["name"].(string); given && name != "" {
		f.name = name
	}
	if in["singleSelectOptions"] != nil {
		options, refusal := readOptions(in["singleSelectOptions"])
		if refusal != nil {
			return *refusal
		}
		for i := range options {
			options[i].id = optionID(fmt.Sprint(options[i].name, c.w.nextID()))
		}
		f.options = options
	}
	all := slices.Clone(c.w.project.fields)
	at := slices.IndexFunc(all, func(other field) bool { return other.id == f.id })
	all[at] = f
	c.w.project.fields = all
	c.record("project.field", f.name, "%s", optionNames(f))
	return fields{"projectV2Field": c.fieldVertex(f)}
}

func readOptions(in any) ([]option, *problem) {
	list, _ := in.([]any)
	var options []option
	for _, each := range list {
		m, _ := each.(map[string]any)
		name, _ := m["name"].(string)
		description, _ := m["description"].(string)
		if name == "" || slices.ContainsFunc(options, func(o option) bool { return o.name == name }) {
			return nil, &problem{"UNPROCESSABLE", "Option names must be unique and not blank"}
		}
		options = append(options, option{optionID(name), name, fmt.Sprint(m["color"]), description})
	}
	return options, nil
}

func optionNames(f field) string {
	var names []string
	for _, o := range f.options {
		names = append(names, o.name)
	}
	return strings.Join(names, ", ")
}
