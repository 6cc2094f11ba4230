//go:build ci

package forgetest

import (
	"bytes"
	"cmp"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// These tests hold the server against what GitHub publishes: its OpenAPI description and its GraphQL schema, installed
// by `npm ci` in .ci at the root of the repository.

var npm = flag.String("npm", "", "the node_modules folder with @octokit/openapi and @octokit/graphql-schema; default .ci/node_modules of the repository")

// published reads a file that npm installed.
func published(t *testing.T, path string) []byte {
	t.Helper()
	dir := *npm
	for up := "."; dir == ""; up = filepath.Join(up, "..") {
		if _, err := os.Stat(filepath.Join(up, "go.mod")); err == nil {
			dir = filepath.Join(up, ".ci", "node_modules")
		}
		if len(up) > 60 {
			t.Fatal("no go.mod above this folder")
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		t.Fatalf("%v: run `npm ci` in .ci first", err)
	}
	return text
}

func TestAnswersFitThePublishedOpenAPI(t *testing.T) {
	spec, err := openapi3.NewLoader().LoadFromData(published(t, "@octokit/openapi/generated/api.github.com.json"))
	if err != nil {
		t.Fatal(err)
	}
	known := operations(spec)
	for _, x := range tour(t) {
		name := x.request.Method + " " + x.request.URL.Path
		at := slices.IndexFunc(known, func(o operation) bool {
			return o.Method == x.request.Method && o.path.MatchString(x.request.URL.EscapedPath())
		})
		if at < 0 {
			t.Errorf("%s: GitHub has no such operation", name)
			continue
		}
		route := &known[at].Route
		if route.Operation.Responses.Status(x.reply.status) == nil {
			t.Errorf("%s: GitHub documents no answer %d", name, x.reply.status)
			continue
		}
		err := openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: x.request, Route: route},
			Status:                 x.reply.status,
			Header:                 x.reply.header,
			Body:                   io.NopCloser(bytes.NewReader(x.reply.body)),
			Options:                &openapi3filter.Options{MultiError: true},
		})
		if err != nil {
			t.Errorf("%s: %s", name, brief(err))
		}
	}
}

// brief leaves the schemas and values out of a validation error: they fill pages.
func brief(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimRight(line, "\n"); strings.Contains(line, "Error at") || strings.Contains(line, "doesn't match") {
			lines = append(lines, line)
		}
	}
	if lines == nil {
		return err.Error()
	}
	return strings.Join(lines, "\n\t")
}

// operation is one of the description's, with the expression that its path fits.
type operation struct {
	routers.Route
	path *regexp.Regexp
}

var variable = regexp.MustCompile(`\\\{[^}]*\\\}`)

// operations are all of them; where the paths of several fit, the one with the fewest variables, and then with the most
// words, comes first.
func operations(spec *openapi3.T) []operation {
	var list []operation
	for pattern, item := range spec.Paths.Map() {
		expression := variable.ReplaceAllStringFunc(regexp.QuoteMeta(pattern), func(v string) string {
			if v == `\{ref\}` || v == `\{branch\}` { // their names may have slashes
				return `.+`
			}
			return `[^/]+`
		})
		path := regexp.MustCompile("^/api/v3" + expression + "$")
		for method, o := range item.Operations() {
			list = append(list, operation{
				routers.Route{Spec: spec, Path: pattern, PathItem: item, Method: method, Operation: o}, path,
			})
		}
	}
	slices.SortFunc(list, func(a, b operation) int {
		return cmp.Or(cmp.Compare(strings.Count(a.Path, "{"), strings.Count(b.Path, "{")), cmp.Compare(len(b.Path), len(a.Path)))
	})
	return list
}

// publishedSchema is GitHub's schema, less two fields that it has twice.
func publishedSchema(t *testing.T) *ast.Schema {
	t.Helper()
	text := string(published(t, "@octokit/graphql-schema/schema.graphql"))
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "github", Input: withoutTwins(text, "EnterpriseOwnerInfo")})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// withoutTwins drops, from the definition of a type, fields that are defined a second time.
func withoutTwins(text, kind string) string {
	begin := strings.Index(text, "\ntype "+kind+" ")
	if begin < 0 {
		return text
	}
	end := begin + strings.Index(text[begin:], "\n}")
	field := regexp.MustCompile(`(?s)\n(?:  """.*?"""\n)?  (\w+)(?:\(.*?\n  \))?: [^\n]*\n`)
	seen := map[string]bool{}
	body := field.ReplaceAllStringFunc(strings.ReplaceAll(text[begin:end], "\n\n", "\n\n\n"), func(f string) string {
		name := field.FindStringSubmatch(f)[1]
		if seen[name] {
			return "\n"
		}
		seen[name] = true
		return f
	})
	return text[:begin] + body + text[end:]
}

func TestServedSchemaIsPartOfThePublishedOne(t *testing.T) {
	whole := publishedSchema(t)
	for name, ours := range mustGraph(t).schema.Types {
		if ours.BuiltIn || strings.HasPrefix(name, "__") {
			continue
		}
		theirs := whole.Types[name]
		if theirs == nil || theirs.Kind != ours.Kind {
			t.Errorf("GitHub has no %s %s", ours.Kind, name)
			continue
		}
		for _, f := range ours.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			published := theirs.Fields.ForName(f.Name)
			if published == nil || published.Type.String() != f.Type.String() {
				t.Errorf("GitHub has no %s.%s: %s", name, f.Name, f.Type)
				continue
			}
			for _, a := range f.Arguments {
				if p := published.Arguments.ForName(a.Name); p == nil || p.Type.String() != a.Type.String() {
					t.Errorf("GitHub has no %s.%s(%s: %s)", name, f.Name, a.Name, a.Type)
				}
			}
		}
		if ours.Kind == ast.InputObject {
			for _, f := range theirs.Fields {
				if f.Type.NonNull && f.DefaultValue == nil && ours.Fields.ForName(f.Name) == nil {
					t.Errorf("%s lacks %s, which GitHub requires", name, f.Name)
				}
			}
		}
		for _, v := range ours.EnumValues {
			if theirs.EnumValues.ForName(v.Name) == nil {
				t.Errorf("GitHub's %s has no value %s", name, v.Name)
			}
		}
		for _, member := range append(ours.Types, ours.Interfaces...) {
			if !strings.Contains(strings.Join(append(theirs.Types, theirs.Interfaces...), " ")+" ", member+" ") {
				t.Errorf("GitHub's %s has nothing to do with %s", name, member)
			}
		}
	}
}

func TestQueriesOfTheForgeFitThePublishedSchema(t *testing.T) {
	whole := publishedSchema(t)
	for name, text := range forgeQueries(t) {
		if _, errs := gqlparser.LoadQueryWithRules(whole, text, nil); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
	}
}
