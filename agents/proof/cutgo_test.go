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

	_ "example.com/m/driver"
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

var _ Doer = (*fake)(nil)

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
		{at: "Doer", gone: "Doer"},
		{at: "m/driver", said: "package example.com/m/driver is not in std"},
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

func TestATypeGoesWithItsMethodsWhereTheCompilerWouldNotMissThem(t *testing.T) {
	const types = `package m

type fake struct{ Store }

func (f *fake) Get() int { return 1 }

type plain struct{ n int }

func (plain) Old() {}

type pair[T any] struct{ *plain }

func (pair[T]) Get() {}

var table = 1
`
	for _, c := range []struct {
		method string
		had    string // what the base has of it
		gone   []string
		ok     bool
	}{
		{"func (f *fake) Put() { Fresh() }", "", []string{"fake.Get", "fake.Put"}, true},
		{"func (f *fake) TestPut() { Fresh() }", "", []string{"fake.TestPut"}, true},
		{"func (plain) New() { Fresh() }", "", []string{"plain.New"}, true},
		{"func (p plain) New() { Fresh() }", "func (plain) New() {}", []string{"plain.New", "plain.Old"}, true},
		{"func (pair[T]) Put() { Fresh() }", "", []string{"pair.Get", "pair.Put"}, true},
		{"func (elsewhere) Put() { Fresh() }", "", nil, false},
		{"func (elsewhere) put() { Fresh() }", "", []string{"elsewhere.put"}, true},
		{"func put() { Fresh() }", "", []string{"put"}, true},
		{"func (gone) Put() { Fresh() }", "", []string{"gone.Put"}, true},
	} {
		now := tree(func(name string) []byte {
			return []byte(map[string]string{"sub/types_test.go": types, "sub/m_test.go": "package m\n\n" + c.method + "\n", "other/m_test.go": types}[name])
		})
		cut := goCutter(&change{
			files: []*file{{path: "sub/types_test.go", status: 'M'}, {path: "sub/m_test.go", status: 'M'}, {path: "other/m_test.go", status: 'M'}},
			base:  func(string) []byte { return []byte("package m\n\n" + c.had + "\n") },
		}, map[string]string{"example.com/m": ""})
		missing := "Fresh"
		if strings.Contains(c.method, "gone") {
			missing = "gone" // its type was cut before
		}
		rest, gone, ok := cut("sub", "# example.com/m/sub\nsub/m_test.go:3:2: undefined: "+missing+"\n", now)
		slices.Sort(gone)
		if ok != c.ok || !slices.Equal(gone, c.gone) || rest["other/m_test.go"] != nil {
			t.Errorf("%s: %v, gone %q", c.method, ok, gone)
		}
		if _, typeStays := rest["sub/types_test.go"]; ok && typeStays != (len(c.gone) > 1) {
			t.Errorf("%s: cut in the file of its type: %v", c.method, typeStays)
		}
	}
}

func TestWhatStandsInAnotherPackageIsNotCut(t *testing.T) {
	read := tree(func(string) []byte { return []byte("package help\n\nvar Table = m.Fresh\n") })
	c := &change{files: []*file{{path: "testdata/help/help.go", status: 'M'}}, base: read}
	if len(c.tests()) == 0 {
		t.Fatal("the file is none of the tests")
	}
	if rest, _, ok := goCutter(c, map[string]string{"example.com/m": ""})("sub", "testdata/help/help.go:3:13: undefined: m.Fresh\n", read); ok {
		t.Errorf("cut for one of the packages that use it: %v", rest)
	}
}

func TestFlagsForTheCompilerStayWhenItIsToNameAllErrors(t *testing.T) {
	for _, c := range [][2][]string{
		{{"-race"}, {"-race", "-gcflags=-e"}},
		{{"-gcflags=all=-l", "-short"}, {"-gcflags=all=-l -e", "-short"}},
	} {
		if got := namingAllErrors(c[0]); !slices.Equal(got, c[1]) {
			t.Errorf("%q became %q, want %q", c[0], got, c[1])
		}
	}
}
