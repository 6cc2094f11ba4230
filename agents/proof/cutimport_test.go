package proof

import (
	"strings"
	"testing"
)

func TestNamesThatAreNotThereAreCutOutOfImports(t *testing.T) {
	python := func(name string) string {
		return "E   ImportError: cannot import name '" + name + "' from 'shop.price' (/x/shop/price.py)"
	}
	node := "SyntaxError: The requested module '../price.js' does not provide an export named 'parse'"
	for src, want := range map[string]string{
		"from price import fmt, parse\nx = 1\n":           "from price import fmt\nx = 1\n",
		"from price import parse as p, fmt as f # both\n": "from price import  fmt as f # both\n",
		"import os\nfrom price import parse\nx = 1\n":     "import os\npass\nx = 1\n",
		"if x:\n    from a.price import parse\n":          "if x:\n    pass\n",
		"from price import (\n    fmt,\n    parse,\n)\n":  "from price import (\n    fmt\n\n)\n",
		"from price import (\n    parse,\n)\nx = 1\n":     "pass\n\n\nx = 1\n",
		"from price import parser\n":                      "", // nothing to cut
		"parse = 1\n":                                     "",
	} {
		rest, names, ok := cutImport("t.py", python("parse"), func(string) []byte { return []byte(src) })
		if ok != (want != "") || len(names) > 0 || string(rest["t.py"]) != want {
			t.Errorf("%q: %v, %q, want %q", src, ok, rest["t.py"], want)
		}
	}
	for src, want := range map[string]string{
		"import { fmt, parse } from './price.js'\n":             "import { fmt} from './price.js'\n",
		"import { parse as p } from './price.js'\n":             "import {} from './price.js'\n",
		"import price, {\n  fmt,\n  parse,\n} from 'price'\n":   "import price, {\n  fmt\n\n} from 'price'\n",
		"import parse from './price.js'\nimport { parser } x\n": "",
	} {
		rest, _, ok := cutImport("t.js", node, func(string) []byte { return []byte(src) })
		if ok != (want != "") || string(rest["t.js"]) != want || strings.Count(want, "\n") != strings.Count(src, "\n") && ok {
			t.Errorf("%q: %v, %q, want %q", src, ok, rest["t.js"], want)
		}
	}
	if _, _, ok := cutImport("t.py", "SyntaxError: invalid syntax", func(string) []byte { return []byte("from a import b\n") }); ok {
		t.Error("cut without a name that is missing")
	}
}
