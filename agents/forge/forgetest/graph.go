package forgetest

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

// schemaText is the part of GitHub's published schema that is served, field for field; the contract test holds it
// against the whole.
//
//go:embed schema.graphql
var schemaText string

// graph reads GraphQL requests.
type graph struct{ schema *ast.Schema }

func newGraph() (*graph, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: schemaText})
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return &graph{schema}, nil
}

// vertex is one object of the graph. A field is a value, another vertex, a list of vertices, a connection, or a
// resolver that makes one of these when it is asked for.
type vertex struct {
	kind   string
	fields fields
}

type (
	fields     map[string]any
	resolver   func(args map[string]any) any
	connection func(args map[string]any) []*vertex
)

// problem is an error of one field, with GitHub's type for it.
type problem struct{ kind, message string }

// mutationKinds are the mutations that change something, by how they stand in the log.
var mutationKinds = map[string]string{
	"updateProjectV2ItemFieldValue": "project.move", "clearProjectV2ItemFieldValue": "project.move",
	"addProjectV2ItemById": "project.add", "deleteProjectV2Item": "project.remove",
	"updateProjectV2ItemPosition": "project.order", "createProjectV2Field": "project.field",
	"updateProjectV2Field": "project.field", "convertPullRequestToDraft": "pull.draft",
	"markPullRequestReadyForReview": "pull.ready", "resolveReviewThread": "thread.resolve",
	"unresolveReviewThread": "thread.unresolve", "addPullRequestReviewThreadReply": "thread.reply",
}

// execution is one operation being answered.
type execution struct {
	*parsed
	c      *call
	errors []any
}

func (s *Server) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	body, fits := s.read(w, r)
	if !fits {
		return
	}
	x := exchange{resource: "graphql", cost: 1, body: body}
	x.success = func(a answer) bool {
		reply, isObject := a.body.(obj)
		return a.status == http.StatusOK && isObject && reply["errors"] == nil
	}
	p, refusal := s.graph.parse(r, body)
	if refusal != nil {
		x.handle = func(c *call) answer {
			c.s.surprise("%s: %v", method(r), *refusal)
			return *refusal
		}
		s.api(w, r, x)
		return
	}
	x.cost = p.cost
	if p.operation.Operation == ast.Mutation {
		for _, f := range p.selected(p.operation.SelectionSet, "Mutation") {
			x.kind = mutationKinds[f.Name]
		}
	}
	x.handle = p.answer
	s.api(w, r, x)
}

// parse reads a request as far as it can be read without looking at the world.
func (g *graph) parse(r *http.Request, body []byte) (*parsed, *answer) {
	bad := func(status int, format string, args ...any) (*parsed, *answer) {
		a := refuse(status, format, args...)
		return nil, &a
	}
	if r.Method != http.MethodPost {
		return bad(http.StatusNotFound, "Not Found")
	}
	var req struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return bad(http.StatusBadRequest, "Problems parsing JSON")
	}
	return g.read(req.Query, req.OperationName, req.Variables)
}

// read holds a query against the schema.
func (g *graph) read(query, operationName string, given map[string]any) (*parsed, *answer) {
	doc, errs := gqlparser.LoadQueryWithRules(g.schema, query, nil)
	if len(errs) > 0 {
		var list []any
		for _, e := range errs {
			list = append(list, obj{"message": e.Message, "locations": e.Locations, "extensions": obj{"code": e.Rule}})
		}
		return nil, &answer{http.StatusOK, obj{"errors": list}}
	}
	operation := doc.Operations.ForName(operationName)
	if operation == nil {
		return nil, &answer{http.StatusOK, obj{"errors": []any{obj{"message": "No operation named " + strconv.Quote(operationName)}}}}
	}
	variables, err := validator.VariableValues(g.schema, operation, given)
	if err != nil {
		return nil, &answer{http.StatusOK, obj{"errors": []any{obj{"message": err.Error()}}}}
	}
	p := &parsed{schema: g.schema, operation: operation, variables: variables}
	p.cost = max(1, (p.requests(operation.SelectionSet, 1)+50)/100)
	return p, nil
}

// parsed is a request that fits the schema.
type parsed struct {
	schema    *ast.Schema
	operation *ast.OperationDefinition
	variables map[string]any
	cost      int
}

// selected gives the fields that a selection asks of an object of a kind, fragments included.
func (p *parsed) selected(set ast.SelectionSet, kind string) []*ast.Field {
	var list []*ast.Field
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if p.wanted(s.Directives) {
				list = append(list, s)
			}
		case *ast.InlineFragment:
			if p.wanted(s.Directives) && p.fits(kind, s.TypeCondition) {
				list = append(list, p.selected(s.SelectionSet, kind)...)
			}
		case *ast.FragmentSpread:
			if p.wanted(s.Directives) && p.fits(kind, s.Definition.TypeCondition) {
				list = append(list, p.selected(s.Definition.SelectionSet, kind)...)
			}
		}
	}
	return list
}

// wanted heeds @skip and @include.
func (p *parsed) wanted(list ast.DirectiveList) bool {
	for _, d := range list {
		if on := d.ArgumentMap(p.variables)["if"] == true; d.Name == "skip" && on || d.Name == "include" && !on {
			return false
		}
	}
	return true
}

func (p *parsed) fits(kind, condition string) bool {
	return condition == "" || condition == kind ||
		slices.ContainsFunc(p.schema.PossibleTypes[condition], func(d *ast.Definition) bool { return d.Name == kind })
}

// requests counts as GitHub does for its rate limit: each connection is asked for once for every node above it.
func (p *parsed) requests(set ast.SelectionSet, times int) int {
	sum := 0
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			below := times
			if strings.HasSuffix(s.Definition.Type.Name(), "Connection") {
				sum += times
				args := s.ArgumentMap(p.variables)
				below = times * max(1, intOf(args["first"])+intOf(args["last"]))
			}
			sum += p.requests(s.SelectionSet, below)
		case *ast.InlineFragment:
			sum += p.requests(s.SelectionSet, times)
		case *ast.FragmentSpread:
			sum += p.requests(s.Definition.SelectionSet, times)
		}
	}
	return sum
}

func intOf(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case int64:
		return int(v)
	case float64:
		return int(v)
	default:
		return 0
	}
}

// answer carries the operation out.
func (p *parsed) answer(c *call) answer {
	e := &execution{parsed: p, c: c}
	root := c.queryRoot(e)
	if p.operation.Operation == ast.Mutation {
		root = c.mutationRoot()
	}
	reply := obj{"data": e.object(root, p.operation.SelectionSet, nil)}
	if e.errors != nil {
		reply["errors"] = e.errors
	}
	return ok(reply)
}

func (e *execution) object(v *vertex, set ast.SelectionSet, path []any) obj {
	asked := e.selected(set, v.kind)
	below := map[string]ast.SelectionSet{} // a field that is asked for twice is answered once, with both selections
	for _, f := range asked {
		below[f.Alias] = append(below[f.Alias], f.SelectionSet...)
	}
	out := obj{}
	for _, f := range asked {
		if _, done := out[f.Alias]; done {
			continue
		}
		if f.Name == "__typename" {
			out[f.Alias] = v.kind
			continue
		}
		out[f.Alias] = e.value(f, below[f.Alias], e.field(v, f), append(slices.Clone(path), f.Alias))
	}
	return out
}

func (e *execution) field(v *vertex, f *ast.Field) any {
	value, served := v.fields[f.Name]
	if !served {
		e.c.s.surprise("graphql: %s.%s is in the schema but not served", v.kind, f.Name)
		return problem{"INTERNAL", "Something went wrong while executing your query."}
	}
	if resolve, lazy := value.(resolver); lazy {
		return resolve(f.ArgumentMap(e.variables))
	}
	return value
}

func (e *execution) value(f *ast.Field, below ast.SelectionSet, value any, path []any) any {
	switch value := value.(type) {
	case problem:
		e.errors = append(e.errors, obj{
			"type": value.kind, "path": path, "message": value.message,
			"locations": []any{obj{"line": f.Position.Line, "column": f.Position.Column}},
		})
		return nil
	case *vertex:
		if value == nil {
			return nil
		}
		return e.object(value, below, path)
	case []*vertex:
		return elements(e, f, below, value, path)
	case []any: // each a vertex or a problem
		return elements(e, f, below, value, path)
	case connection:
		args := f.ArgumentMap(e.variables)
		return e.value(f, below, paginate(f.Definition.Type.Name(), f.Name, value(args), args), path)
	default:
		return value
	}
}

func elements[T any](e *execution, f *ast.Field, below ast.SelectionSet, list []T, path []any) []any {
	out := make([]any, 0, len(list))
	for i, v := range list {
		out = append(out, e.value(f, below, v, append(slices.Clone(path), i)))
	}
	return out
}

// paginate cuts a connection to what was asked for. GitHub insists on a bound of at most 100.
func paginate(kind, name string, all []*vertex, args map[string]any) any {
	first, last := intOf(args["first"]), intOf(args["last"])
	switch {
	case args["first"] == nil && args["last"] == nil:
		return problem{"MISSING_PAGINATION_BOUNDARIES",
			"You must provide a `first` or `last` value to properly paginate the `" + name + "` connection."}
	case first > 100 || last > 100:
		return problem{"EXCESSIVE_PAGINATION", fmt.Sprintf(
			"Requesting %d records on the `%s` connection exceeds the `first` limit of 100 records.", max(first, last), name)}
	case first < 0 || last < 0:
		return problem{"INVALID_CURSOR_ARGUMENTS", "`first` and `last` on the `" + name + "` connection cannot be negative."}
	}
	from, to := 0, len(all)
	if after, given := args["after"].(string); given && after != "" {
		at, valid := position(after)
		if !valid {
			return problem{"INVALID_CURSOR_ARGUMENTS", "`" + after + "` does not appear to be a valid cursor."}
		}
		from = min(at, to)
	}
	if before, given := args["before"].(string); given && before != "" {
		at, valid := position(before)
		if !valid {
			return problem{"INVALID_CURSOR_ARGUMENTS", "`" + before + "` does not appear to be a valid cursor."}
		}
		to = max(from, min(at-1, to))
	}
	if args["first"] != nil {
		to = min(to, from+first)
	}
	if args["last"] != nil {
		from = max(from, to-last)
	}
	var edges []*vertex
	for i, v := range all[from:to] {
		edges = append(edges, &vertex{strings.TrimSuffix(kind, "Connection") + "Edge", fields{"node": v, "cursor": cursor(from + i)}})
	}
	info := fields{"hasNextPage": to < len(all), "hasPreviousPage": from > 0, "startCursor": nil, "endCursor": nil}
	if from < to {
		info["startCursor"], info["endCursor"] = cursor(from), cursor(to-1)
	}
	return &vertex{kind, fields{
		"nodes": all[from:to], "edges": edges, "totalCount": len(all), "pageInfo": &vertex{"PageInfo", info},
	}}
}

// cursor names the place of an element, and position is where the one after it stands.
func cursor(i int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "cursor:v2:%d", i+1))
}

func position(cursor string) (int, bool) {
	plain, err := base64.StdEncoding.DecodeString(cursor)
	number, prefixed := strings.CutPrefix(string(plain), "cursor:v2:")
	n, err2 := strconv.Atoi(number)
	return n, err == nil && err2 == nil && prefixed && n > 0
}
