package proof

import (
	"slices"
	"strings"
	"testing"
)

func TestNamesThatAreNotThereAreCutOutOfImports(t *testing.T) {
	for _, language := range []struct {
		file, said string
		rest       map[string]string // what is left; "" when there is nothing to cut
	}{
		{"t.py", "E   ImportError: cannot import name 'parse' from 'shop.price' (/x/shop/price.py)", map[string]string{
			"from shop.price import fmt, parse\nx = 1\n":                              "from shop.price import (fmt)\nx = 1\n",
			"from shop.price import parse as p, fmt as f # both\n":                    "from shop.price import (fmt as f)# both\n",
			"import os\nfrom .price import parse\nx = 1\n":                            "import os\npass\nx = 1\n",
			"if x:\n    from . import parse\n":                                        "if x:\n    pass\n",
			"from price import (\n    fmt,\n    parse,\n)\n":                          "from price import (fmt\n\n\n)\n",
			"from price import(  # (both)\n    fmt,  # old\n    parse,  # new\n)\n":   "from price import (fmt\n\n\n)\n",
			"from price import (\n    parse,  # new\n)\nx = 1\n":                      "pass\n\n\nx = 1\n",
			"from price import fmt, \\\n    parse\nx = 1\n":                           "from price import (fmt\n)\nx = 1\n",
			"from price import fmt, parse\r\nx = 1\r\n":                               "from price import (fmt)\nx = 1\r\n",
			"from price import fmt, parse, coming\n":                                  "from price import (fmt)\n",
			"from price import fmt, parse\nfrom other import parse as q, coming\n":    "from price import (fmt)\nfrom other import parse as q, coming\n",
			"from other import parse\n":                                               "",
			"from ice import parse\n":                                                 "",
			"from price import parser\n":                                              "",
			"from price import coming\n":                                              "pass\n",
			"parse = 1\n":                                                             "",
			"from price import ((((((((((((((((((((((((((((((((((((((((((((((((parse": "",
		}},
		{"t.js", "SyntaxError: The requested module '../price.js' does not provide an export named 'parse'", map[string]string{
			"import { fmt, parse } from '../price.js'\n":                                     "import { fmt } from '../price.js'\n",
			"import {parse as p} from \"../price.js\"\n":                                     "import {  } from \"../price.js\"\n",
			"import price, {\n  fmt,\n  parse,\n} from '../price.js'\n":                      "import price, { fmt\n\n\n } from '../price.js'\n",
			"import {\n  fmt, // {}\n  /* new */ parse,\n} from '../price.js'\n":             "import { fmt\n\n\n } from '../price.js'\n",
			"import { fmt, parse, coming } from '../price.js'\n":                             "import { fmt } from '../price.js'\n",
			"import { parse } from './price.js'\n":                                           "",
			"import parse from '../price.js'\nimport { parser } from '../price.js'\n":        "",
			"import { parse } from './other.js'\nimport { parse as p } from '../price.js'\n": "import { parse } from './other.js'\nimport {  } from '../price.js'\n",
		}},
		{"t.mjs", "SyntaxError: Named export 'parse' not found. The requested module 'price' is a CommonJS module", map[string]string{
			"import { fmt, parse } from 'price'\n": "import { fmt } from 'price'\n",
		}},
		{"t.py", "E   ModuleNotFoundError: No module named 'shop.read'", map[string]string{
			"from shop.read import parse, more\nfrom shop import read as r\nfrom . import other\n": "pass\nfrom shop import read as r\nfrom . import other\n",
			"from .read import (\n    parse,\n)\n":                                                 "pass\n\n\n",
			"from . import read\nimport shop.read\n":                                               "",
			"from shop.reader import parse\n":                                                      "",
		}},
		{"t.py", "SyntaxError: invalid syntax", map[string]string{"from price import parse\n": ""}},
		{"t.js", "SyntaxError: Unexpected token", map[string]string{"import { parse } from 'price'\n": ""}},
	} {
		source := &file{path: "price.py", status: 'A', hunks: hunks{added: []line{{text: "def coming():"}}}}
		cut := importCutter(&change{files: []*file{source}, base: func(string) []byte { return nil }})
		for src, want := range language.rest {
			rest, _, ok := cut(language.file, language.said, func(string) []byte { return []byte(src) })
			got := string(rest[language.file])
			if ok != (want != "") || got != want || ok && strings.Count(got, "\n") != strings.Count(src, "\n") {
				t.Errorf("%q: %v, %q, want %q", src, ok, got, want)
			}
		}
	}
}

func TestTestsThatUseANameThatWasCutAreGone(t *testing.T) {
	said := "ImportError: cannot import name 'parse' from 'price' (/x/price.py)"
	src := `from price import fmt, parse as read

def test_uses(
    a
):
    assert read("1") == a

def helper():
    return read("2")

class TestAll:
    def test_inside(self):
        with raises(Exception):
            read("x")

    def test_speaks(self):
        "reads as read would"
        assert fmt(1) == "read" # and read
`
	cut := importCutter(&change{})
	if _, names, ok := cut("t.py", said, func(string) []byte { return []byte(src) }); !ok || !slices.Equal(names, []string{"test_inside", "test_uses"}) {
		t.Errorf("%v, gone with the name: %q", ok, names)
	}
	said = "The requested module './price.js' does not provide an export named 'parse'"
	src = `import { parse } from './price.js'
describe("price", () => {
  it("parse reads", () => {
    assert.ok(1);
  });
  it("throws", () => assert.throws(() => parse("x")));
  const late = parse("1");
});
`
	if _, names, ok := cut("t.js", said, func(string) []byte { return []byte(src) }); !ok || !slices.Equal(names, []string{"throws"}) {
		t.Errorf("%v, gone with the name: %q", ok, names)
	}
}
