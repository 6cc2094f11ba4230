package forgetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vektah/gqlparser/v2"
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
