package proof

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// A shape is a small repository that stands for one way in which changes of real Go projects look. Of each good one three bad ones are made: without
// its tests, without its source, and with its tests skipped. The comment of the archive says what has to come out, as in the corpus.
type shape struct {
	corpusCase
	base files
}

func readShapes(t *testing.T) []shape {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "shapes", "*.txtar"))
	if err != nil || len(names) < 20 {
		t.Fatalf("shapes: %v, %v", names, err)
	}
	var all []shape
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := shape{corpusCase{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), changes: files{}}, files{}}
		archive := txtar.Parse(content)
		for l := range strings.Lines(string(archive.Comment)) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(l), ": "); key {
			case "want":
				s.want = value
			case "run":
				s.rare = value == "ci"
			case "delete":
				s.changes[value] = ""
			case "lines":
				if value == "crlf" {
					for i := range archive.Files {
						archive.Files[i].Data = bytes.ReplaceAll(archive.Files[i].Data, []byte("\n"), []byte("\r\n"))
					}
				}
			}
		}
		for _, f := range archive.Files {
			side, inside, _ := strings.Cut(f.Name, "/")
			map[string]files{"base": s.base, "head": s.changes}[side][inside] = string(f.Data)
		}
		all = append(all, s)
	}
	return all
}

var (
	testBegins   = regexp.MustCompile(`(?m)^func (?:Test|Fuzz)\w*\((\w+) \*testing\.[TF]\) \{`)
	methodBegins = regexp.MustCompile(`(?m)^func \((\w+) \*?\w+\) Test\w*\(\) \{`)
	checkBegins  = regexp.MustCompile(`(?m)^func \(\w+ \*?\w+\) Test\w*\((\w+) \*(?:\w+\.)?C\) \{`)
	specBegins   = regexp.MustCompile(`\bIt\(".*", func\(\) \{`)
)

// skipped makes all tests of the changed files skip, as somebody in a hurry would do it.
func (s shape) skipped() files {
	all := maps.Clone(s.changes)
	for name, content := range all {
		if strings.HasSuffix(name, "_test.go") {
			content = testBegins.ReplaceAllString(content, "$0\n\t$1.Skip(\"later\")\n")
			content = methodBegins.ReplaceAllString(content, "$0\n\t$1.T().Skip(\"later\")\n")
			content = checkBegins.ReplaceAllString(content, "$0\n\t$1.Skip(\"later\")\n")
			all[name] = specBegins.ReplaceAllString(content, "$0\nSkip(\"later\")\n")
		}
	}
	return all
}

// variants are what is made of a good change, by what was done to it.
func (s shape) variants() map[string]corpusCase {
	all := map[string]corpusCase{
		"/without tests":  {want: "refused " + PolicyNoTests, changes: s.where(func(name string) bool { return !isTest(name) })},
		"/without source": {want: "refused " + PolicyNoSource, changes: s.where(isTest)},
	}
	if skipped := s.skipped(); !maps.Equal(skipped, s.changes) {
		all["/skipped"] = corpusCase{want: "refused " + PolicySkipped, changes: skipped}
	}
	return all
}

// where are the changed files of which keep says so.
func (s shape) where(keep func(name string) bool) files {
	some := maps.Clone(s.changes)
	maps.DeleteFunc(some, func(name, _ string) bool { return !keep(name) })
	return some
}

// TestChangesOfTheShapesOfRealProjectsAreJudgedRight proves the shapes and what is made of them; without the build tag ci a few of them.
func TestChangesOfTheShapesOfRealProjectsAreJudgedRight(t *testing.T) {
	for _, s := range readShapes(t) {
		if s.rare && !everything {
			continue
		}
		variants := map[string]corpusCase{"": {want: s.want, changes: s.changes}}
		if everything && strings.HasPrefix(s.want, "proven") {
			maps.Copy(variants, s.variants())
		}
		for _, name := range slices.Sorted(maps.Keys(variants)) {
			c := variants[name]
			c.name = s.name + name
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.judge(t, newRepository(t, s.base, c.changes), func(r *Request) { r.Text, r.Message = "m: mend it\n", true })
			})
		}
	}
}
