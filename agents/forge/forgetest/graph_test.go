package forgetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func mustGraph(t *testing.T) *graph {
	t.Helper()
	g, err := newGraph()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// forgeQueries are the queries that agents/forge sends, by the name of their file.
func forgeQueries(t *testing.T) map[string]string {
	t.Helper()
	queries := map[string]string{}
	for _, pattern := range []string{"../*.graphql", "../*/*.graphql"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if filepath.Base(file) == "schema.graphql" {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			queries[filepath.Base(file)] = string(text)
		}
	}
	if len(queries) == 0 {
		t.Fatal("agents/forge has no queries")
	}
	return queries
}

func TestQueriesOfTheForgeAreServed(t *testing.T) {
	g := mustGraph(t)
	for name, text := range forgeQueries(t) {
		if _, errs := gqlparser.LoadQueryWithRules(g.schema, text, nil); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
	}
}

func TestFieldsAskedForTwiceAndDirectivesAreHeeded(t *testing.T) {
	r := newRig(t, judged)
	data, errors := r.graphql(`query($no: Boolean!) {
		repository(owner: "acme", name: "greet") { name ...R owner { login } name @skip(if: true) }
		viewer @include(if: $no) { login }
	} fragment R on Repository { owner { id } url @include(if: $no) }`, map[string]any{"no": false})
	if errors != nil {
		t.Fatal(errors)
	}
	repository := at(t, data, "repository").(map[string]any)
	_, viewer := data["viewer"]
	_, url := repository["url"]
	if at(t, repository, "owner.login") != "acme" || at(t, repository, "owner.id") == nil || repository["name"] != "greet" || viewer || url {
		t.Errorf("data: %v", data)
	}
	r.clean()
}

// Everything in the served schema is asked for, four levels deep, and every answer must have the type that the schema
// says.
func TestEveryFieldOfTheSchemaIsServedAndTyped(t *testing.T) {
	r := newRig(t, func(o *Options) { judged(o); o.OwnerType = "User" })
	m := r.AddMilestone("Walking", r.start)
	if _, err := r.AddIssue(Issue{Title: "One", Status: "Todo", Milestone: m, Labels: []string{"bug"}, Assignees: []string{"acme"}}); err != nil {
		t.Fatal(err)
	}
	if err := r.AddDraft("Draft", "", "Todo"); err != nil {
		t.Fatal(err)
	}
	r.opened("topic", map[string]string{"notes.txt": "one\n"}, "Closes #1")
	if err := r.AddReview(2, Review{Author: "ana", State: "APPROVED", Comments: []ReviewComment{{"notes.txt", 1, "Ha"}}}); err != nil {
		t.Fatal(err)
	}
	if err := r.AddComment("dependabot[bot]", 2, "Beep."); err != nil {
		t.Fatal(err)
	}
	if err := r.Move("acme", 2, "In Review"); err != nil {
		t.Fatal(err)
	}
	r.idle()
	schema := r.graph.schema
	thread := sorted(r.w.threads)[0]
	for query, kind := range map[string]string{
		`viewer`: "User", `user(login: "acme")`: "User", `repositoryOwner(login: "acme")`: "User", `rateLimit`: "RateLimit",
		`repository(owner: "acme", name: "greet")`:                  "Repository",
		`node(id: "` + node("PVT", r.w.project.id) + `")`:           "ProjectV2",
		`node(id: "` + node("PVTI", r.w.project.items[0].id) + `")`: "ProjectV2Item",
		`node(id: "` + node("PVTI", r.w.project.items[1].id) + `")`: "ProjectV2Item",
		`nodes(ids: ["` + r.w.issues[1].node() + `"])`:              "Issue",
		`nodes(ids: ["` + r.w.issues[2].node() + `", "gone"])`:      "PullRequest",
		`node(id: "` + node("PRRT", thread.id) + `")`:               "PullRequestReviewThread",
		`node(id: "` + r.w.project.fields[2].node() + `")`:          "ProjectV2SingleSelectField",
		`node(id: "` + r.w.project.fields[0].node() + `")`:          "ProjectV2Field",
	} {
		data, errors := r.graphql("{ root: "+query+" { ... on "+kind+selection(schema, kind, 4)+" } }", nil)
		for _, e := range errors { // but for the projects of people who have none, and the id that means nothing
			if at(t, e, "type") != "NOT_FOUND" {
				t.Errorf("%s: %v", query, e)
			}
		}
		root, list := data["root"].([]any)
		if !list {
			root = []any{data["root"]}
		}
		for _, problem := range mistyped(schema, &ast.Type{NamedType: kind, NonNull: true}, root[0], kind) {
			t.Error(problem)
		}
	}
	r.clean()
}

// selection asks for all fields of a type.
func selection(schema *ast.Schema, kind string, depth int) string {
	definition := schema.Types[kind]
	if definition.IsLeafType() {
		return ""
	}
	var b strings.Builder
	b.WriteString(" { __typename")
	possible := schema.PossibleTypes[kind]
	if !definition.IsAbstractType() {
		possible = []*ast.Definition{definition}
	}
	for _, concrete := range possible {
		fmt.Fprintf(&b, " ... on %s {", concrete.Name)
		for _, f := range concrete.Fields {
			if strings.HasPrefix(f.Name, "__") || depth == 1 && !schema.Types[f.Type.Name()].IsLeafType() {
				continue
			}
			inner := selection(schema, f.Type.Name(), depth-1)
			arguments := ""
			switch {
			case f.Arguments.ForName("first") != nil:
				arguments = "(first: 3)"
			case f.Arguments.ForName("number") != nil:
				arguments = map[string]string{"pullRequest": "(number: 2)"}[f.Name]
				if arguments == "" {
					arguments = "(number: 1)"
				}
			case f.Name == "repository" && len(f.Arguments) > 0:
				arguments = `(name: "greet")`
			case f.Name == "field" && len(f.Arguments) > 0, f.Name == "fieldValueByName":
				arguments = `(name: "Status")`
			case f.Name == "label":
				arguments = `(name: "bug")`
			case f.Name == "ref":
				arguments = `(qualifiedName: "refs/heads/main")`
			}
			// An alias of its own for each type: fields of one name may differ in type.
			fmt.Fprintf(&b, " %s_%s: %s%s%s", concrete.Name, f.Name, f.Name, arguments, inner)
		}
		b.WriteString(" __typename }")
	}
	return b.String() + " }"
}

// mistyped lists where a value is not of its type.
func mistyped(schema *ast.Schema, kind *ast.Type, value any, path string) []string {
	if value == nil {
		if kind.NonNull {
			return []string{path + " is null and must not be"}
		}
		return nil
	}
	wrong := []string{fmt.Sprintf("%s is %v, which is no %s", path, value, kind)}
	if kind.Elem != nil {
		list, isList := value.([]any)
		if !isList {
			return wrong
		}
		var problems []string
		for i, element := range list {
			problems = append(problems, mistyped(schema, kind.Elem, element, fmt.Sprintf("%s.%d", path, i))...)
		}
		return problems
	}
	definition := schema.Types[kind.NamedType]
	switch definition.Kind {
	case ast.Enum:
		if text, isText := value.(string); !isText || definition.EnumValues.ForName(text) == nil {
			return wrong
		}
	case ast.Scalar:
		number, isNumber := value.(float64)
		_, isBool := value.(bool)
		_, isText := value.(string)
		switch kind.NamedType {
		case "Int":
			if !isNumber || number != float64(int32(number)) {
				return wrong
			}
		case "Boolean":
			if !isBool {
				return wrong
			}
		default:
			if !isText {
				return wrong
			}
		}
	default:
		object := value.(map[string]any)
		concrete, _ := object["__typename"].(string)
		var problems []string
		for name, inner := range object {
			field, prefixed := strings.CutPrefix(name, concrete+"_")
			if !prefixed {
				continue
			}
			problems = append(problems, mistyped(schema, schema.Types[concrete].Fields.ForName(field).Type, inner, path+"."+field)...)
		}
		return problems
	}
	return nil
}

func FuzzGraphQLRequestsAreReadWithoutHarm(f *testing.F) {
	f.Add(`{ viewer { login } }`)
	f.Add(`query A($n: Int = 3) { repository(owner: "a", name: "b") { issue(number: $n) { ...F } } } fragment F on Issue { id }`)
	f.Add(`mutation { resolveReviewThread(input: {threadId: "x"}) { clientMutationId } }`)
	f.Add(`fragment F on Issue { ...F } { viewer { ...F } }`)
	f.Add(`{`)
	g, err := newGraph()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		doc, refusal := g.read(query, "", nil)
		if (doc == nil) == (refusal == nil) {
			t.Errorf("%q is neither read nor refused", query)
		}
		if doc != nil && doc.cost < 1 {
			t.Errorf("%q costs %d", query, doc.cost)
		}
	})
}
