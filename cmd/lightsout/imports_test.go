package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the house's table: package -> which packages of ours it may import. A name that ends in "/" stands for
// everything below it.
var mayImport = map[string][]string{
	"store":            {},
	"rules":            {},
	"agents/forge":     {},
	"agents/process":   {},
	"agents/worktree":  {"agents/process"},
	"agents/engine":    {"agents/process"},
	"agents/isolation": {"agents/forge", "agents/worktree"},
	"agents/proof":     {"agents/worktree", "agents/process"},
	"agents/review":    {"agents/engine", "agents/proof", "rules"},
	"agents":           {"agents/", "store", "rules"},
	"bot":              {"store", "rules"},
	"cmd/lightsout":    {"agents", "agents/", "bot", "store", "rules", "cmd/lightsout/sample"},
	// Test packages: what they stand in for, and process.
	"agents/forge/forgetest":   {"agents/forge", "agents/process"},
	"agents/engine/enginetest": {"agents/engine", "agents/process"},
	"bot/bottest":              {"bot"},
	"cmd/lightsout/sample":     {},
}

// onlyImporter names the one package, or the one file, that may import something from outside.
var onlyImporter = map[string]string{
	"os/exec":                             "agents/process",
	"github.com/google/go-github/v60":     "agents/forge",
	"github.com/go-telegram/bot":          "bot",
	"github.com/go-co-op/gocron/v2":       "cmd/lightsout/schedule.go",
	"github.com/landlock-lsm/go-landlock": "agents/process",
	"modernc.org/sqlite":                  "store",
}

// testPackages may be imported by tests and by one file of the program.
var testPackages = []string{"agents/forge/forgetest", "agents/engine/enginetest", "bot/bottest"}

const demoFile = "cmd/lightsout/demo.go"

func TestPackagesImportWhatTheHouseAllows(t *testing.T) {
	root := moduleRoot(t)
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && name != root) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(relative)
		seen[path.Dir(file)] = true
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if problem := judgeImport(file, imported); problem != "" {
				t.Errorf("%s imports %s: %s", file, imported, problem)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range mayImport {
		if !seen[pkg] {
			t.Errorf("the table names %s, which is not there", pkg)
		}
	}
	for pkg := range seen {
		if _, ok := mayImport[pkg]; !ok {
			t.Errorf("%s is not in the table: say what it may import", pkg)
		}
	}
}

// judgeImport says what is wrong with an import, "" when nothing is.
func judgeImport(file, imported string) string {
	pkg, test := path.Dir(file), strings.HasSuffix(file, "_test.go")
	for outside, only := range onlyImporter {
		if imported != outside && !strings.HasPrefix(imported, outside+"/") || test {
			continue
		}
		// Test packages stand in for what their subject talks to, and may know its library.
		if pkg != only && file != only && !slices.Contains(testPackages, pkg) {
			return "only " + only + " may"
		}
	}
	if imported == "testing" && !test {
		return "only tests may"
	}
	ours, ok := strings.CutPrefix(imported, "lightsout/")
	if !ok || test {
		return ""
	}
	if slices.Contains(testPackages, ours) {
		if file == demoFile {
			return ""
		}
		return "only tests and " + demoFile + " may"
	}
	for _, allowed := range mayImport[pkg] {
		if ours == allowed || strings.HasSuffix(allowed, "/") && strings.HasPrefix(ours, allowed) {
			return ""
		}
	}
	return "the table of this test does not allow it"
}

func TestJudgeImport(t *testing.T) {
	for _, row := range []struct {
		file, imported string
		allowed        bool
	}{
		{"agents/fixer.go", "lightsout/agents/forge", true},
		{"agents/fixer.go", "lightsout/bot", false},
		{"bot/bot.go", "lightsout/agents", false},
		{"bot/bot.go", "lightsout/store", true},
		{"store/store.go", "lightsout/rules", false},
		{"agents/worktree/git.go", "os/exec", false},
		{"agents/process/tree.go", "os/exec", true},
		{"cmd/lightsout/daemon.go", "github.com/go-co-op/gocron/v2", false},
		{"cmd/lightsout/schedule.go", "github.com/go-co-op/gocron/v2", true},
		{"cmd/lightsout/demo.go", "lightsout/bot/bottest", true},
		{"cmd/lightsout/daemon.go", "lightsout/bot/bottest", false},
		{"cmd/lightsout/daemon_test.go", "lightsout/bot/bottest", true},
		{"bot/bottest/seat.go", "testing", false},
		{"agents/forge/pull.go", "github.com/google/go-github/v60/github", true},
		{"agents/fixer.go", "github.com/google/go-github/v60/github", false},
	} {
		if got := judgeImport(row.file, row.imported); (got == "") != row.allowed {
			t.Errorf("judgeImport(%s, %s) = %q", row.file, row.imported, got)
		}
	}
}

// moduleRoot is the folder of go.mod, above this test's.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}
