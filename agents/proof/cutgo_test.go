package proof

import (
	"slices"
	"strings"
	"testing"
)

const cuttable = `package m

import (
	"os"
	alias "strings"
	"testing"

	"example.com/m/fresh"
)

// helper is new.
func helper() int {
	return Fresh()
}

type fake struct{}

func (fake) Do() { Fresh() }

func (s *Suite) TestFresh() { s.Equal(1, fresh.Two()) }

var table = []int{1, Fresh()}

var _ = Describe("fresh", func() {})

func TestMain(m *testing.M) { Fresh() }

func TestOld(t *testing.T) {
	os.Getpid()
}
`

func TestDeclarationsThatDoNotCompileAreCutAndTheLinesStay(t *testing.T) {
	lineOf := func(text string) int { return strings.Count(cuttable[:strings.Index(cuttable, text)], "\n") + 1 }
	for _, c := range []struct {
		at, said string
		names    []string
		gone     string // "" when nothing can be cut
		comes    string
	}{
		{at: "return Fresh()", names: []string{"helper"}, gone: "// helper is new."},
		{at: "Do() {", names: []string{"fake.Do"}, gone: "fake) Do"},
		{at: "TestFresh", names: []string{"Suite.TestFresh"}, gone: "fresh.Two"},
		{at: "var table", gone: "var table"},
		{at: "type fake", gone: "type fake"},
		{at: "os.Getpid", names: []string{"TestOld"}, gone: "TestOld"},
		{at: `"os"`, said: `"os" imported and not used`, gone: "\t\"os\"", comes: `_ "os"`},
		{at: "alias", said: `"strings" imported as alias and not used`, gone: "alias", comes: `_ "strings"`},
		{at: `"example.com/m/fresh"`, said: "package example.com/m/fresh is not in std", gone: "m/fresh"},
		{at: "Describe"},
		{at: "TestMain"},
		{at: "package m"},
	} {
		rest, names, ok := cutGo([]byte(cuttable), map[int]string{lineOf(c.at): c.said})
		if ok != (c.gone != "") || !slices.Equal(names, c.names) {
			t.Errorf("%s: %v, cut %q", c.at, ok, names)
		}
		if !ok {
			continue
		}
		if strings.Contains(string(rest), c.gone) || !strings.Contains(string(rest), c.comes) || strings.Count(string(rest), "\n") != strings.Count(cuttable, "\n") {
			t.Errorf("%s: what is left:\n%s", c.at, rest)
		}
		if _, ok := parseGo(rest); !ok {
			t.Errorf("%s: what is left does not parse:\n%s", c.at, rest)
		}
	}
	if _, _, ok := cutGo([]byte("package"), map[int]string{1: ""}); ok {
		t.Error("what does not parse was cut")
	}
}

func TestSeveralDeclarationsAreCutAtOnce(t *testing.T) {
	src := "package m\n\nimport \"testing\"\nimport \"os\"\n\nfunc TestA(t *testing.T) { X(); X() }\nfunc TestB(t *testing.T) {\n\tX()\n\tX()\n}\nfunc TestC(t *testing.T) {}\n"
	rest, names, ok := cutGo([]byte(src), map[int]string{4: `"os" imported and not used`, 6: "undefined: X", 8: "undefined: X", 9: "undefined: X"})
	if f, parses := parseGo(rest); !ok || !parses || !slices.Equal(names, []string{"TestA", "TestB"}) || len(f.tests()) != 1 || !strings.Contains(string(rest), "import _ \"os\"") {
		t.Errorf("%v %q\n%s", ok, names, rest)
	}
}
