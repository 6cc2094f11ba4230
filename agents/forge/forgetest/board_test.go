package forgetest

import (
	"fmt"
	"strings"
	"testing"
)

// column gives the ids of the board, its status field, an item, and a column.
func (r *rig) column(number int, name string) map[string]any {
	r.t.Helper()
	data, errors := r.graphql(`query($n: Int!) {
		organization(login: "acme") { projectV2(number: 1) { id field(name: "Status") { ... on ProjectV2SingleSelectField { id options { id name } } } } }
		repository(owner: "acme", name: "greet") { issue(number: $n) { projectItems(first: 5) { nodes { id } } } }
	}`, map[string]any{"n": number})
	if errors != nil {
		r.t.Fatal(errors)
	}
	field := at(r.t, data, "organization.projectV2.field").(map[string]any)
	ids := map[string]any{
		"project": at(r.t, data, "organization.projectV2.id"), "field": field["id"], "option": "none",
		"item": at(r.t, data, "repository.issue.projectItems.nodes.0.id"),
	}
	for _, o := range field["options"].([]any) {
		if at(r.t, o, "name") == name {
			ids["option"] = at(r.t, o, "id")
		}
	}
	return ids
}

const moveItem = `mutation($project: ID!, $item: ID!, $field: ID!, $option: String!) {
	updateProjectV2ItemFieldValue(input: {projectId: $project, itemId: $item, fieldId: $field, value: {singleSelectOptionId: $option}}) {
		projectV2Item { fieldValueByName(name: "Status") { ... on ProjectV2ItemFieldSingleSelectValue { name } } }
	}
}`

func TestTicketIsMovedOnTheBoard(t *testing.T) {
	r := newRig(t, judged)
	n, err := r.AddIssue(Issue{Title: "One", Status: "Todo"})
	if err != nil {
		t.Fatal(err)
	}
	data, errors := r.graphql(moveItem, r.column(n, "In Progress"))
	if errors != nil || at(t, data, "updateProjectV2ItemFieldValue.projectV2Item.fieldValueByName.name") != "In Progress" {
		t.Fatalf("%v %v", data, errors)
	}
	if i, _ := r.Issue(n); i.Status != "In Progress" {
		t.Errorf("status %q", i.Status)
	}
	moves := r.Mutations()
	if last := moves[len(moves)-1]; last.Kind != "project.move" || last.Target != "#1" || last.Via != "graphql" ||
		last.Actor != "lightsout-bot" || last.Detail != "Status: Todo -> In Progress" {
		t.Errorf("mutation: %+v", last)
	}
	r.clean()
}

func TestMoveToWhatIsNotThereIsRefused(t *testing.T) {
	r := newRig(t, judged)
	n, err := r.AddIssue(Issue{Title: "One", Status: "Todo"})
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]string{"option": "VALIDATION", "item": "NOT_FOUND", "field": "NOT_FOUND", "project": "NOT_FOUND"} {
		ids := r.column(n, "Done")
		ids[name] = "nonsense"
		_, errors := r.graphql(moveItem, ids)
		if len(errors) != 1 || at(t, errors, "0.type") != wrong {
			t.Errorf("wrong %s: %v", name, errors)
		}
	}
	if i, _ := r.Issue(n); i.Status != "Todo" {
		t.Errorf("status %q", i.Status)
	}
	r.clean()
}

func TestIssueIsPutOnTheBoardOnce(t *testing.T) {
	r := newRig(t, judged)
	issue := r.want(201, "POST", "/issues", map[string]any{"title": "Follow-up"})
	if _, err := r.AddIssue(Issue{Title: "Other", Status: "Done"}); err != nil {
		t.Fatal(err)
	}
	variables := map[string]any{"project": r.column(2, "Done")["project"], "content": issue["node_id"]}
	add := `mutation($project: ID!, $content: ID!) { addProjectV2ItemById(input: {projectId: $project, contentId: $content}) { item { id } } }`
	first, errors := r.graphql(add, variables)
	second, errors2 := r.graphql(add, variables)
	if errors != nil || errors2 != nil || fmt.Sprint(first) != fmt.Sprint(second) {
		t.Errorf("%v %v, %v %v", first, errors, second, errors2)
	}
	r.clean()
}

func TestBoardIsPagedByCursor(t *testing.T) {
	r := newRig(t, judged)
	for _, title := range []string{"a", "b", "c", "d", "e"} {
		if _, err := r.AddIssue(Issue{Title: title, Status: "Todo"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.AddDraft("draft", "", "Todo"); err != nil {
		t.Fatal(err)
	}
	query := `query($after: String) { repositoryOwner(login: "acme") { ... on ProjectV2Owner { projectV2(number: 1) {
		items(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { type content { ... on Issue { title } ... on DraftIssue { title } } } }
	} } } }`
	var titles []string
	var after any
	for more := true; more; {
		data, errors := r.graphql(query, map[string]any{"after": after})
		if errors != nil {
			t.Fatal(errors)
		}
		items := at(t, data, "repositoryOwner.projectV2.items")
		for _, n := range at(t, items, "nodes").([]any) {
			titles = append(titles, at(t, n, "content.title").(string))
		}
		if at(t, items, "totalCount") != 6.0 {
			t.Fatalf("total %v", at(t, items, "totalCount"))
		}
		more, after = at(t, items, "pageInfo.hasNextPage").(bool), at(t, items, "pageInfo.endCursor")
	}
	if got := strings.Join(titles, " "); got != "a b c d e draft" {
		t.Errorf("items: %s", got)
	}
	for _, bad := range []string{`items { totalCount }`, `items(first: 101) { totalCount }`, `items(first: 1, after: "x") { totalCount }`} {
		if _, errors := r.graphql(`{ organization(login: "acme") { projectV2(number: 1) { `+bad+` } } }`, nil); len(errors) != 1 {
			t.Errorf("%s: %v", bad, errors)
		}
	}
	r.clean()
}

func TestBoardOfLabelsHasNoProject(t *testing.T) {
	r := newRig(t, func(o *Options) { judged(o); o.Board = "labels" })
	n, err := r.AddIssue(Issue{Title: "One", Status: "In Review"})
	if err != nil {
		t.Fatal(err)
	}
	if i, _ := r.Issue(n); i.Status != "In Review" || strings.Join(i.Labels, ",") != "status: in review" {
		t.Errorf("issue: %+v", i)
	}
	data, errors := r.graphql(`{ organization(login: "acme") { login projectV2(number: 1) { id } } }`, nil)
	if len(errors) != 1 || at(t, errors, "0.type") != "NOT_FOUND" || at(t, data, "organization.login") != "acme" {
		t.Errorf("%v %v", data, errors)
	}
	r.want(200, "POST", fmt.Sprintf("/issues/%d/labels", n), []string{"status: done"})
	r.want(200, "DELETE", fmt.Sprintf("/issues/%d/labels/status:%%20in%%20review", n), nil)
	if i, _ := r.Issue(n); i.Status != "Done" {
		t.Errorf("status %q", i.Status)
	}
	r.clean()
}

func TestColumnsAreMadeAndReplaced(t *testing.T) {
	r := newRig(t, func(o *Options) { judged(o); o.Columns = []string{"Todo", "Done"} })
	n, err := r.AddIssue(Issue{Title: "One", Status: "Todo"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.AddIssue(Issue{Title: "Two", Status: "In Review"}); err == nil {
		t.Error("there is no such column")
	}
	ids := r.column(n, "Todo")
	update := `mutation($field: ID!, $options: [ProjectV2SingleSelectFieldOptionInput!]!) {
		updateProjectV2Field(input: {fieldId: $field, singleSelectOptions: $options}) {
			projectV2Field { ... on ProjectV2SingleSelectField { options { name color } } }
		}
	}`
	options := []any{}
	for _, name := range []string{"Todo", "In Progress", "In Review", "Done"} {
		options = append(options, map[string]any{"name": name, "color": "BLUE", "description": ""})
	}
	data, errors := r.graphql(update, map[string]any{"field": ids["field"], "options": options})
	if errors != nil || at(t, data, "updateProjectV2Field.projectV2Field.options.2.name") != "In Review" {
		t.Fatalf("%v %v", data, errors)
	}
	if i, _ := r.Issue(n); i.Status != "" {
		t.Errorf("the item kept %q, which GitHub would have taken from it", i.Status)
	}
	if err := r.Move("acme", n, "In Review"); err != nil {
		t.Error(err)
	}
	create := `mutation($project: ID!) { createProjectV2Field(input: {projectId: $project, dataType: SINGLE_SELECT, name: "Stage",
		singleSelectOptions: [{name: "A", color: RED, description: ""}]}) { projectV2Field { ... on ProjectV2FieldCommon { name dataType } } } }`
	if _, errors := r.graphql(create, ids); errors != nil {
		t.Error(errors)
	}
	if _, errors := r.graphql(create, ids); len(errors) != 1 {
		t.Errorf("the name is taken: %v", errors)
	}
	r.clean()
}

func TestThreadIsResolved(t *testing.T) {
	r := newRig(t, judged)
	n, _ := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	err := r.AddReview(n, Review{Author: "ana", State: "CHANGES_REQUESTED", Body: "No.", Comments: []ReviewComment{{"notes.txt", 1, "Why?"}}})
	if err != nil {
		t.Fatal(err)
	}
	query := `query($n: Int!) { repository(owner: "acme", name: "greet") { pullRequest(number: $n) {
		reviewDecision reviewThreads(first: 10) { nodes { id isResolved path comments(first: 1) { nodes { body author { login } } } } }
	} } }`
	data, errors := r.graphql(query, map[string]any{"n": n})
	if errors != nil || at(t, data, "repository.pullRequest.reviewDecision") != "CHANGES_REQUESTED" {
		t.Fatalf("%v %v", data, errors)
	}
	thread := at(t, data, "repository.pullRequest.reviewThreads.nodes.0")
	if at(t, thread, "comments.nodes.0.author.login") != "ana" || at(t, thread, "isResolved") != false {
		t.Errorf("thread: %v", thread)
	}
	resolve := `mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved resolvedBy { login } } } }`
	if data, errors = r.graphql(resolve, map[string]any{"id": at(t, thread, "id")}); errors != nil ||
		at(t, data, "resolveReviewThread.thread.resolvedBy.login") != "lightsout-bot" {
		t.Errorf("%v %v", data, errors)
	}
	answer := `mutation($id: ID!, $body: String!) { addPullRequestReviewThreadReply(input: {pullRequestReviewThreadId: $id, body: $body}) {
		comment { body viewerDidAuthor author { login } } } }`
	data, errors = r.graphql(answer, map[string]any{"id": at(t, thread, "id"), "body": "Since it is one."})
	if errors != nil || at(t, data, "addPullRequestReviewThreadReply.comment.viewerDidAuthor") != true {
		t.Errorf("%v %v", data, errors)
	}
	if _, errors = r.graphql(answer, map[string]any{"id": at(t, thread, "id"), "body": " "}); errors == nil {
		t.Error("an empty reply was taken")
	}
	said := r.list(fmt.Sprintf("/pulls/%d/comments", n))
	if len(said) != 2 || said[1]["body"] != "Since it is one." || said[1]["in_reply_to_id"] != said[0]["id"] {
		t.Errorf("comments on lines: %v", said)
	}
	if p, _ := r.Pull(n); p.UnresolvedThreads != 0 || len(p.Reviews) != 1 {
		t.Errorf("pull request: %+v", p)
	}
	r.clean()
}
