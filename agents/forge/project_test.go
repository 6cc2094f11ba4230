package forge

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fakeBoard answers our documents by their operation's name and remembers them with their variables.
type fakeBoard struct {
	t       *testing.T
	answers map[string]func(variables object) string // the data; for errors the whole answer
	asked   []string
	sent    []object
}

var operation = regexp.MustCompile(`(?:query|mutation) (\w+)`)

func (f *fakeBoard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Query     string
		Variables object
	}
	decode(f.t, r, &body)
	name := operation.FindStringSubmatch(body.Query)[1]
	f.asked, f.sent = append(f.asked, name), append(f.sent, body.Variables)
	answer, ok := f.answers[name]
	if !ok {
		f.t.Errorf("unexpected operation %s %v", name, body.Variables)
		answer = func(object) string { return `null` }
	}
	data := answer(body.Variables)
	if !strings.HasPrefix(data, `{"errors"`) {
		data = `{"data":` + data + `}`
	}
	says(200, data)(w, r)
}

func (f *fakeBoard) client(change func(*Options)) *Client {
	s := newServer(f.t)
	s.onGraphQL(f.ServeHTTP)
	s.on("GET", "/milestones", paged(f.t, []any{object{"number": 1, "title": "now"}}))
	s.on("GET", "/issues", paged(f.t, []any{
		object{"number": 1, "state": "open", "node_id": "I1"}, object{"number": 2, "state": "open", "node_id": "I2"},
		object{"number": 3, "state": "closed", "node_id": "I3"}, object{"number": 4, "state": "open", "node_id": "I4"},
	}))
	return s.client(func(o *Options) {
		projectOptions(o)
		if change != nil {
			change(o)
		}
	})
}

const columnsToday = `{"repositoryOwner":{"projectV2":{"id":"P","url":"https://github.test/p","field":{"id":"F","options":[
	{"id":"a","name":"Backlog","color":"RED","description":"later"},{"id":"b","name":"todo","color":"GRAY","description":""},
	{"id":"c","name":"In Progress","color":"BLUE","description":""},{"id":"d","name":"Done","color":"GREEN","description":""}]}}}}`

func constant(data string) func(object) string { return func(object) string { return data } }

func onBoard(id, repo string, number int, status string, archived bool) object {
	it := object{"id": id, "isArchived": archived, "content": object{"number": number, "repository": object{"nameWithOwner": repo}}}
	if status != "" {
		it["fieldValueByName"] = object{"name": status}
	}
	return it
}

func TestTicketsStandWhereTheBoardHasThem(t *testing.T) {
	// Two pages; among them a draft, an issue we may not see, one of another repository and an archived one.
	pages := [][]any{
		{object{"id": "D0", "content": object{}}, object{"id": "D", "content": object{}}, onBoard("A", "O/R", 4, "Todo", false)},
		{object{"id": "S", "content": nil}, onBoard("B", "o/r", 1, "doing", false), onBoard("C", "o/r", 2, "In Progress", true), onBoard("E", "o/r", 3, "", false), nil,
			onBoard("X", "other/repo", 1, "Done", false)},
	}
	f := &fakeBoard{t: t, answers: map[string]func(object) string{"ProjectItems": func(v object) string {
		page, more := pages[0], true
		if v["after"] != nil {
			page, more = pages[1], false
		}
		return toJSON(t, object{"repositoryOwner": object{"projectV2": object{"id": "P", "items": object{
			"pageInfo": object{"hasNextPage": more, "endCursor": "next"}, "nodes": page}}}})
	}}}
	c := f.client(func(o *Options) {
		o.Board.ProjectOwner, o.Board.ProjectNumber, o.Board.StatusField = "team", 7, "Stage"
		o.Board.Columns = map[string]string{InProgress: "Doing"}
	})
	tickets, err := c.Tickets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, ticket := range tickets {
		got = append(got, fmt.Sprintf("#%d %s %q at %d", ticket.Number, ticket.ItemID, ticket.Status, ticket.Position))
	}
	// The archived #2 is off the board. "Backlog" would be its own name, "Doing" is ours in any case of letters.
	want := []string{`#4 A "Todo" at 3`, `#1 B "In Progress" at 5`, `#3 E "" at 7`, `#2  "" at 0`}
	if !slices.Equal(got, want) {
		t.Errorf("tickets are\n%q, want\n%q", got, want)
	}
	if v := f.sent[0]; v["owner"] != "team" || v["number"] != 7.0 || v["field"] != "Stage" || v["after"] != nil || f.sent[1]["after"] != "next" {
		t.Errorf("asked with %v", f.sent)
	}
}

func TestAColumnThatIsNoneOfOursKeepsItsName(t *testing.T) {
	b := newProject(Options{})
	var ticket Ticket
	b.put(&ticket, item{ID: "A", Status: &struct {
		Name string `json:"name"`
	}{"Backlog"}})
	if ticket.Status != "Backlog" {
		t.Errorf("status is %q", ticket.Status)
	}
}

func TestOneTicketIsFoundAmongTheBoardsItIsOn(t *testing.T) {
	f := &fakeBoard{t: t, answers: map[string]func(object) string{
		"Project": constant(columnsToday),
		"IssueItems": constant(`{"repository":{"issue":{"id":"I1","projectItems":{"nodes":[
			{"id":"A","project":{"id":"P"},"fieldValueByName":{"name":"Todo"}},null,{"id":"X","project":{"id":"another"},"fieldValueByName":{"name":"Done"}}]}}}}`),
	}}
	c := f.client(nil)
	ticket := Ticket{Number: 1}
	for range 2 {
		if err := c.board.place(t.Context(), c, &ticket); err != nil || ticket.ItemID != "A" || ticket.Status != Todo || ticket.NodeID != "I1" {
			t.Errorf("ticket is %+v, %v", ticket, err)
		}
	}
	if want := []string{"Project", "IssueItems", "IssueItems"}; !slices.Equal(f.asked, want) {
		t.Errorf("asked %q, want %q: the board's ids once", f.asked, want)
	}
}

func moved(status string) func(object) string {
	return constant(`{"updateProjectV2ItemFieldValue":{"projectV2Item":{"id":"A","fieldValueByName":{"name":"` + status + `"}}}}`)
}

func TestATicketMovesBetweenColumns(t *testing.T) {
	for _, test := range []struct {
		name   string
		ticket Ticket
		to     string
		answer func(object) string
		asked  []string
		option any
		want   string
	}{
		{"straight on", Ticket{Number: 1, ItemID: "A"}, InProgress, moved("In Progress"), []string{"Project", "MoveItem"}, "c", "none"},
		{"in the board's own letters", Ticket{Number: 1, ItemID: "A"}, Todo, moved("todo"), []string{"Project", "MoveItem"}, "b", "none"},
		{"onto the board first", Ticket{Number: 1, NodeID: "I1"}, Done, moved("Done"), []string{"Project", "AddItem", "MoveItem"}, "d", "none"},
		{"into a column the board lacks", Ticket{Number: 1, ItemID: "A"}, InReview, nil, []string{"Project"}, nil, "not found"},
		{"somebody moves it at once", Ticket{Number: 1, ItemID: "A"}, InProgress, moved("Done"), []string{"Project", "MoveItem"}, "c", "*forge.Refused 422"},
		{"the item is gone", Ticket{Number: 1, ItemID: "A"}, InProgress, constant(`{"errors":[{"type":"NOT_FOUND","message":"Could not resolve to a node"}],"data":null}`),
			[]string{"Project", "MoveItem"}, "c", "not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fakeBoard{t: t, answers: map[string]func(object) string{"Project": constant(columnsToday), "MoveItem": test.answer,
				"AddItem": constant(`{"addProjectV2ItemById":{"item":{"id":"A"}}}`)}}
			got, err := f.client(nil).Move(t.Context(), test.ticket, test.to)
			if sortOf(err) != test.want || err == nil && (got.Status != test.to || got.ItemID != "A") {
				t.Errorf("moved to %+v, %v", got, err)
			}
			if !slices.Equal(f.asked, test.asked) {
				t.Errorf("asked %q, want %q", f.asked, test.asked)
			}
			if last := f.sent[len(f.sent)-1]; test.option != nil && (last["option"] != test.option || last["item"] != "A" || last["field"] != "F" || last["project"] != "P") {
				t.Errorf("moved with %v", last)
			}
		})
	}
}

func TestIdsThatGitHubDoesNotAcceptAreReadAgain(t *testing.T) {
	f := &fakeBoard{t: t, answers: map[string]func(object) string{"Project": constant(columnsToday)}}
	c := f.client(nil)
	f.answers["MoveItem"] = constant(`{"errors":[{"message":"The single select option Id does not belong to the field"}]}`)
	_, err := c.Move(t.Context(), Ticket{Number: 1, ItemID: "A"}, Done)
	wantError[*Refused](t, err)
	f.answers["Project"] = constant(strings.Replace(columnsToday, `"id":"d"`, `"id":"new"`, 1))
	f.answers["MoveItem"] = moved("Done")
	if _, err := c.Move(t.Context(), Ticket{Number: 1, ItemID: "A"}, Done); err != nil {
		t.Fatal(err)
	}
	if last := f.sent[len(f.sent)-1]; last["option"] != "new" {
		t.Errorf("moved with %v", last)
	}
}

func TestColumnsAreMadeOnlyWhereNobodyLosesTheirs(t *testing.T) {
	items := func(list ...any) func(object) string {
		return constant(toJSON(t, object{"repositoryOwner": object{"projectV2": object{"id": "P", "items": object{"nodes": list}}}}))
	}
	for _, test := range []struct {
		name    string
		project string
		items   func(object) string
		made    []string
		options []string // sent
		want    string
	}{
		{"nothing missing", strings.Replace(columnsToday, "Backlog", "In Review", 1), nil, nil, nil, "none"},
		{"no field", `{"repositoryOwner":{"projectV2":{"id":"P","field":null}}}`, nil, []string{Todo, InProgress, InReview, Done},
			[]string{Todo, InProgress, InReview, Done}, "none"},
		{"an empty board", columnsToday, items(onBoard("A", "o/r", 1, "", false)), []string{InReview},
			[]string{"Backlog", "todo", InProgress, InReview, Done}, "none"},
		{"tickets stand on it", columnsToday, items(onBoard("A", "o/r", 1, "Done", false)), nil, nil, "*forge.Refused 409"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sent []string
			keep := func(v object) string {
				for _, o := range v["options"].([]any) {
					o := o.(object)
					sent = append(sent, o["name"].(string))
					if o["color"] == "" || o["description"] == nil || o["id"] != nil {
						t.Errorf("option sent as %v", o)
					}
				}
				return `{}`
			}
			f := &fakeBoard{t: t, answers: map[string]func(object) string{"Project": constant(test.project), "ProjectItems": test.items,
				"CreateField": keep, "UpdateField": keep}}
			made, err := f.client(nil).EnsureColumns(t.Context())
			if sortOf(err) != test.want || !slices.Equal(made, test.made) || !slices.Equal(sent, test.options) {
				t.Errorf("made %q by sending %q, %v; want %q by %q, %s", made, sent, err, test.made, test.options, test.want)
			}
			if test.want != "none" && !strings.Contains(err.Error(), "https://github.test/p") {
				t.Errorf("the advice does not say where: %v", err)
			}
		})
	}
}

func TestABoardThatIsNotThereIsNotFound(t *testing.T) {
	f := &fakeBoard{t: t, answers: map[string]func(object) string{
		"Project": constant(`{"errors":[{"type":"NOT_FOUND","message":"Could not resolve to a ProjectV2 with the number 1."}],"data":null}`),
	}}
	_, err := f.client(nil).Missing(t.Context())
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "project 1 of o") {
		t.Errorf("error is %v", err)
	}
}
