package proof

import (
	"maps"
	"slices"
	"testing"
)

func TestFilesAreToldApartByTheirPaths(t *testing.T) {
	for path, want := range map[string]string{
		"a_test.go":                      "test",
		"a.go":                           "source",
		"tests/helper.go":                "source",
		"internal/test/run.go":           "source",
		"testdata/src/a_test.go":         "fixture",
		"testdata/in.json":               "fixture",
		"a/testdata/b/README.md":         "fixture",
		"render/page.golden":             "fixture",
		"proxytest/adapt/one.conf":       "fixture",
		"proxytest/adapt.go":             "source",
		"testscripts/commands/new.txt":   "fixture",
		"testcases/all.txt":              "fixture",
		"testcases/take.go":              "source",
		"snapshots/query.sql":            "source",
		"e2etest/package.json":           "source",
		"proxytest/Dockerfile":           "source",
		"graph/shortest/nodes.csv":       "source",
		"images/latest/tags.json":        "source",
		"speedtest/servers.json":         "source",
		"query/rules_test.yml":           "fixture",
		"rules_test.json":                "fixture",
		"latest.yml":                     "source",
		"drop_test.sql":                  "source",
		"load_test.md":                   "document",
		"docs/load_test.txt":             "document",
		"test_a.py":                      "test",
		"pkg/a_test.py":                  "test",
		"conftest.py":                    "test",
		"tests/helpers.py":               "test",
		"tests/data/in.csv":              "fixture",
		"latest.py":                      "source",
		"a.test.ts":                      "test",
		"a.spec.jsx":                     "test",
		"src/__tests__/a.js":             "test",
		"src/__snapshots__/a.snap":       "fixture",
		"attest.ts":                      "source",
		"tests/it.rs":                    "test",
		"src/lib.rs":                     "source",
		"spec/a_spec.rb":                 "test",
		"src/test/java/ATest.java":       "test",
		"README.md":                      "document",
		"LICENSE":                        "document",
		"docs/picture.png":               "document",
		"docs/notes.txt":                 "document",
		".changes/v2/BUG-17.yaml":        "document",
		"changelog/17.txt":               "document",
		"changelog/render.go":            "source",
		"db/changelog/001.sql":           "source",
		"db/changelog/all.yaml":          "source",
		"tools/changelog/Makefile":       "source",
		"pages/index.mdx":                "source",
		"website/docs/install.mdx":       "document",
		"docs/conf.py":                   "source",
		"requirements.txt":               "source",
		"web/logo.png":                   "source",
		"Makefile":                       "source",
		"go.mod":                         "source",
		"vendor/example.com/x/x_test.go": "source",
	} {
		got := "source"
		switch {
		case isTestCode(path):
			got = "test"
		case isFixture(path):
			got = "fixture"
		case isDocument(path):
			got = "document"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestNothingRunsWhenOnlyWordsChange(t *testing.T) {
	base := files{
		"README.md": "# A\n", "prompt.md": "Do it.\n", "docs/a.md": "a\n", "testdata/a.md": "a\n",
		"a.go":     "package a\n\n// F is one.\nfunc F() int { return 1 }\n",
		"embed.go": "package a\n\nimport _ \"embed\"\n\n//go:embed prompt.md docs\nvar prompt string\n",
		"a.py":     "# one\nx = 1\n", "s.py": "x = '''\n# one\n'''\n",
	}
	for _, c := range []struct {
		name    string
		changes files
		want    bool
	}{
		{"a document", files{"README.md": "# B\n"}, true},
		{"a new document", files{"CHANGELOG.md": "# B\n"}, true},
		{"a document that the program embeds", files{"prompt.md": "Do that.\n"}, false},
		{"a document in a folder that the program embeds", files{"docs/a.md": "b\n"}, false},
		{"a document that tests read", files{"testdata/a.md": "b\n"}, false},
		{"a comment", files{"a.go": "package a\n\n// F is always one.\nfunc F() int { return 1 }\n"}, true},
		{"a comment and code", files{"a.go": "package a\n\n// F is two.\nfunc F() int { return 2 }\n"}, false},
		{"a comment that the compiler obeys", files{"a.go": "package a\n\n//go:noinline\nfunc F() int { return 1 }\n"}, false},
		{"white space alone", files{"a.go": "package a\n\n// F is one.\nfunc F() int {\n\treturn 1\n}\n"}, false},
		{"a comment of Python", files{"a.py": "# two\nx = 1\n"}, true},
		{"what looks like a comment of Python", files{"s.py": "x = '''\n# two\n'''\n"}, false},
		{"a file of settings", files{"a.toml": "# one\n"}, false},
		{"a document and code", files{"README.md": "# B\n", "b.go": "package a\n"}, false},
	} {
		if got := nothingRuns(pretend(base, c.changes, "")); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTheTestCommandIsFoundInTheBase(t *testing.T) {
	for _, c := range []struct {
		name string
		base files
		want string
	}{
		{"go", files{"go.mod": "module a\n", "package.json": `{"scripts":{"test":"x"}}`}, "go test ./..."},
		{"npm", files{"package.json": `{"scripts":{"test":"node --test"}}`}, "npm test --silent"},
		{"npm without tests", files{"package.json": `{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}`, "Makefile": "all:\ntest: all\n\tx\n"}, "make test"},
		{"pytest", files{"pyproject.toml": "[tool.pytest.ini_options]\n"}, "python3 -m pytest -q"},
		{"unittest", files{"test_a.py": "import unittest\n"}, "python3 -m unittest"},
		{"cargo", files{"Cargo.toml": "[package]\n"}, "cargo test"},
		{"a variable of make", files{"Makefile": "test := x\n"}, ""},
		{"nothing", files{"README.md": "x\n"}, ""},
	} {
		changed := pretend(c.base, files{"x": "x"}, "")
		argv, err := detect(changed, slices.Sorted(maps.Keys(c.base)))
		got := command{args: argv}.String()
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q and %v, want %q", c.name, got, err, c.want)
		}
	}
}
