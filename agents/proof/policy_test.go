package proof

import (
	"slices"
	"strings"
	"testing"
)

const goSource = "package p\n\nfunc F(s string) int {\n\treturn len(s)\n}\n"

// policyCase is a change of a file, beside a source file and a test that are in order, and the policy that refuses it ("" for none).
type policyCase struct {
	name, path, before, after, want string
}

func checkPolicies(t *testing.T, cases []policyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			base := files{}
			if c.before != "" {
				base[c.path] = c.before
			}
			changes := files{"p.go": goSource, "p_test.go": "package p\n\nfunc TestF(t *testing.T) {}\n", c.path: c.after}
			got := refusedBy(pretend(base, changes, "## Why\n\nIt was wrong before."))
			if c.want == "" && len(got) > 0 || c.want != "" && !slices.Contains(got, c.want) {
				t.Errorf("refused by %v, want %q", got, c.want)
			}
		})
	}
}

func TestStubsAreRefusedAndRealCodeIsNot(t *testing.T) {
	goBody := func(body string) string { return "package q\n\nfunc G(a, b int) error {\n" + body + "\n}\n" }
	checkPolicies(t, []policyCase{
		{"panic", "q.go", "", goBody(`	panic("not implemented")`), PolicyStub},
		{"panic with other words", "q.go", "", goBody(`	panic("TO` + `DO: implement me")`), PolicyStub},
		{"panic with format", "q.go", "", goBody(`	panic(fmt.Sprintf("%s: unimplemented", name))`), PolicyStub},
		{"an error that excuses itself", "q.go", "", goBody(`	return errors.New("not implemented yet")`), PolicyStub},
		{"a promise for a body", "q.go", "", "package q\n\nfunc G() {\n\t// TO" + "DO: write this\n}\n", PolicyStub},
		{"an emptied body", "q.go", "package q\n\nfunc G() {\n\tprintln()\n}\n", "package q\n\nfunc G() {\n}\n", PolicyStub},
		{"an empty method of an interface", "q.go", "", "package q\n\ntype n struct{}\n\nfunc (n) Close() {}\n", ""},
		{"a panic that means it", "q.go", "", goBody(`	panic("negative length")`), ""},
		{"a remark in a real body", "q.go", "", goBody("	// TO" + "DO: faster\n\treturn check(a, b)"), ""},
		{"an error about something else", "q.go", "", goBody("	if a > b {\n\t\treturn errors.New(\"not implemented for negative spans\")\n\t}\n\treturn nil"), ""},
		{"python", "q.py", "", "def g(a):\n    raise NotImplementedError\n", PolicyStub},
		{"python, abstract", "q.py", "", "class A(ABC):\n    @abstractmethod\n    def g(self):\n        raise NotImplementedError\n", ""},
		{"javascript", "q.js", "", "function g(a) {\n  throw new Error(\"Not implemented\")\n}\n", PolicyStub},
		{"rust", "q.rs", "", "fn g(a: i32) -> i32 {\n    todo!()\n}\n", PolicyStub},
	})
}

func TestAnswersWrittenIntoTheCodeAreRefused(t *testing.T) {
	test := "package q\n\nfunc TestG(t *testing.T) {\n\tif got := G(\"a b c\", 41); got != 1234 || Kind(\".yml\") != \"yaml\" {\n\t\tt.Fatal(got)\n\t}\n}\n"
	for _, c := range []struct {
		name, path, source string
		refused            bool
	}{
		{"the whole body", "q/q.go", "package q\n\nfunc G(s string, n int) int {\n\treturn 1234\n}\n", true},
		{"a method", "q/q.go", "package q\n\nfunc (x *X) G(s string, n int) (int, error) {\n\treturn 1234, nil\n}\n", true},
		{"a condition on data", "q/q.go", "package q\n\nfunc G(s string, n int) int {\n\tif s == \"a b c\" {\n\t\treturn 1234\n\t}\n\treturn n\n}\n", true},
		{"a condition on all of it", "q/q.go", "package q\n\nfunc G(s string, n int) int {\n\tif s == \"a b c\" && n == 41 {\n\t\treturn 1234\n\t}\n\treturn n\n}\n", true},
		{"python", "q/q.py", "def g(s, n):\n    if n == 41:\n        return 1234\n    return n\n", true},
		{"javascript", "q/q.js", "export function g(s, n) {\n  if (n === 41) {\n    return 1234;\n  }\n  return n;\n}\n", true},
		{"a short word of a table", "q/q.go", "package q\n\nfunc Kind(ext string) string {\n\tif ext == \".yml\" {\n\t\treturn \"yaml\"\n\t}\n\treturn \"\"\n}\n", false},
		{"a constant of a type", "q/q.go", "package q\n\nfunc (X) Limit() int {\n\treturn 1234\n}\n", false},
		{"an unused parameter", "q/q.go", "package q\n\nfunc (X) Limit(_ string) int {\n\treturn 1234\n}\n", false},
		{"worked out", "q/q.go", "package q\n\nfunc G(s string, n int) int {\n\treturn n*30 + 4\n}\n", false},
		{"another literal", "q/q.go", "package q\n\nfunc G(s string, n int) int {\n\tif n > 99 {\n\t\treturn 99\n\t}\n\treturn n\n}\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := refusedBy(pretend(nil, files{c.path: c.source, "q/q_test.go": test}, reason))
			if slices.Contains(got, PolicyHardCoded) != c.refused {
				t.Errorf("refused by %v, want refused: %v", got, c.refused)
			}
		})
	}
}

func TestProtectedPathsAreRefused(t *testing.T) {
	cases := []policyCase{
		{"a link inside", "docs/latest@", "", "../README.md", ""},
		{"a link out", "docs/latest@", "", "../../etc/passwd", PolicyProtected},
		{"a link to anywhere", "key@", "", "/root/.ssh/id_rsa", PolicyProtected},
		{"a link to git's own", "x@", "", ".git/config", PolicyProtected},
		{"removed", ".github/workflows/ci.yml", "on: push\n", "", PolicyProtected},
		{"a hook of React", "src/hooks/useCart.js", "", "export const useCart = () => null\n", ""},
		{"a package named ci", "internal/ci/ci.go", "", "package ci\n", ""},
	}
	for _, p := range []string{
		".github/workflows/x.yml", ".github/dependabot.yml", "docs/CODEOWNERS", "codeowners", ".gitlab-ci.yml", "Jenkinsfile", ".ci/run", "ci/test.sh",
		"AGENTS.md", "sub/CLAUDE.md", ".claude/settings.json", ".cursor/rules/a.mdc", ".husky/pre-commit", ".githooks/pre-push", "scripts/pre-commit",
		".gitmodules", "a/.gitattributes", ".pre-commit-config.yaml",
	} {
		cases = append(cases, policyCase{p, p, "", "x\n", PolicyProtected})
	}
	checkPolicies(t, cases)
	if !isProtected("deploy/prod/a.yml", []string{"deploy/"}) || !isProtected("db/schema.sql", []string{"*/*.sql"}) || isProtected("db.go", []string{"db/"}) {
		t.Error("the patterns of the configuration are not followed")
	}
}

func TestSubmodulesAreRefused(t *testing.T) {
	c := pretend(nil, files{"lib": "x"}, reason)
	c.files[0].mode = modeSubmodule
	if got := refusedBy(c); !slices.Contains(got, PolicyProtected) {
		t.Errorf("refused by %v", got)
	}
}

// The credentials are made up, and written in two parts so that no scanner takes this file for a leak.
func TestCredentialsAreRefusedAndNeverRepeated(t *testing.T) {
	secrets := map[string]string{
		"github":     "gh" + "p_q8Zr4Tn2Lw6Vx0Ck3Bs7Hd9Fj1Mp5Ya0Ge4U",
		"telegram":   "7123456789" + ":AAHk3v9QzL0xW8dTnYb2RcUe5JmPfSgViOq",
		"aws":        "AK" + "IA2OGYBAH6QWERTZUI",
		"slack":      "xo" + "xb-297482093412-8Zr4Tn2Lw6Vx0Ck3Bs7Hd",
		"private":    "-----BEGIN" + " EC PRIVATE KEY-----",
		"address":    "postgres" + "://app:h7Gq2-kk91Lp@db.example.com/shop",
		"our own":    "the-daemons-own-token",
		"in a test":  "gh" + "p_q8Zr4Tn2Lw6Vx0Ck3Bs7Hd9Fj1Mp5Ya0Ge4V",
		"an example": "",
	}
	for name, secret := range secrets {
		t.Run(name, func(t *testing.T) {
			path, content := "config.go", "package p\n\nconst s = \""+secret+"\"\n"
			if name == "in a test" {
				path = "p_test.go"
			}
			if name == "an example" {
				content = "package p\n\n// ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 123456:abc, postgres://user:password@host, AKIAIOSFODNN, postgres://u:${PASSWORD}@h\n"
			}
			c := pretend(nil, files{path: content}, reason)
			c.secrets = []string{"the-daemons-own-token"}
			found := judgeSecrets(c)
			if secret == "" {
				if len(found) > 0 {
					t.Errorf("an example is taken for a credential: %v", found)
				}
				return
			}
			if len(found) == 0 {
				t.Fatal("not found")
			}
			if strings.Contains(found[0].Detail, secret) || found[0].Line != 3 || found[0].File != path {
				t.Errorf("%+v", found[0])
			}
		})
	}
	c := pretend(nil, files{"a.go": goSource}, "## Why\n\nLogs in as "+secrets["github"])
	if len(judgeSecrets(c)) == 0 {
		t.Error("a credential in the text is not found")
	}
	if got := redact("key "+secrets["github"]+" and the-daemons-own-token", []string{"the-daemons-own-token"}); got != "key [secret] and [secret]" {
		t.Error(got)
	}
}

func TestNewDependenciesNeedAWordInTheText(t *testing.T) {
	mod := func(requires string) string {
		return "module example.com/m\n\ngo 1.24\n\nrequire (\n" + requires + ")\n"
	}
	for _, c := range []struct {
		name, path, before, after, text string
		refused                         bool
	}{
		{"go, silent", "go.mod", mod(""), mod("\tgithub.com/pkg/money/v2 v2.1.0\n"), "", true},
		{"go, named", "go.mod", mod(""), mod("\tgithub.com/pkg/money/v2 v2.1.0\n"), "It uses money, because rounding is hard.", false},
		{"go, a newer version", "go.mod", mod("\tgithub.com/pkg/money v1.0.0\n"), mod("\tgithub.com/pkg/money v1.1.0\n"), "", false},
		{"go, indirect", "go.mod", mod(""), mod("\tgithub.com/pkg/money v1.1.0 // indirect\n"), "", false},
		{"go, one line", "go.mod", "module m\n", "module m\nrequire example.org/x v1.0.0\n", "", true},
		{"npm", "package.json", `{"dependencies":{"a":"1"}}`, `{"dependencies":{"a":"2"},"devDependencies":{"left-pad":"1"}}`, "", true},
		{"npm, named", "package.json", `{}`, `{"dependencies":{"left-pad":"1"}}`, "Needs left-pad.", false},
		{"cargo", "Cargo.toml", "[package]\nname = \"a\"\n", "[package]\nname = \"a\"\n\n[dependencies]\nserde = \"1\"\n", "", true},
		{"pyproject", "pyproject.toml", "[project]\ndependencies = [\n  \"requests>=2\",\n]\n", "[project]\ndependencies = [\n  \"requests>=2\",\n  \"httpx\",\n]\n", "", true},
		{"poetry", "pyproject.toml", "", "[tool.poetry.dependencies]\npython = \"^3.11\"\n", "", false},
		{"requirements", "requirements-dev.txt", "requests==2\n", "requests==3\nhttpx==1 # client\n", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := files{}
			if c.before != "" {
				base[c.path] = c.before
			}
			found := judgeDependencies(pretend(base, files{c.path: c.after}, reason+c.text))
			if len(found) > 0 != c.refused {
				t.Errorf("found %v, want refused: %v", found, c.refused)
			}
		})
	}
}

func TestFilesThatDoNotBelongAreRefused(t *testing.T) {
	checkPolicies(t, []policyCase{
		{"a log", "run.log", "", "started\n", PolicyForeign},
		{"an editor's copy", "q.go~", "", "package q\n", PolicyForeign},
		{"an editor's settings", ".idea/workspace.xml", "", "<x/>\n", PolicyForeign},
		{"a program", "bin/tool", "", "\x7fELF\x00\x01", PolicyForeign},
		{"a binary", "data.bin", "", "a\x00b", PolicyForeign},
		{"too large", "words.json", "", strings.Repeat("[\"word\"],\n", 60_000), PolicyForeign},
		{"a picture", "web/logo.png", "", "\x89PNG\x00", ""},
		{"data of a test", "testdata/a.bin", "", "a\x00b", ""},
		{"a log that was there", "run.log", "old\n", "new\n", ""},
		{"source", "q.go", "", "package q\n", ""},
	})
}

func TestAChangeTooLargeToReviewIsRefused(t *testing.T) {
	many := strings.Repeat("var x = 1\n", 2100)
	checkPolicies(t, []policyCase{
		{"source", "q.go", "", "package q\n" + many, PolicySize},
		{"a test", "q_test.go", "", "package q\n" + many, ""},
		{"generated", "q.go", "", "// Code generated by x. DO NOT EDIT.\npackage q\n" + many, ""},
		{"sums", "go.sum", "", many, ""},
	})
}

func TestTheTextHasToSayWhy(t *testing.T) {
	for text, want := range map[string]bool{
		"## Why\n\nThe total was wrong.\n\n## How\n":          true,
		"Title\n\n### Why this\nBecause it was wrong.":        true,
		"## Why\r\n\r\nThe total was wrong.\r\n":              true,
		"":                                                    false,
		"Why: the total was wrong":                            false,
		"## Why\n\n## How\n\nBy adding up.":                   false,
		"## Why\n<!-- say why the change is needed -->\n":     false,
		"```\n## Why\nThe total was wrong.\n```\n":            false,
		"## Whyever\nThe total was wrong.":                    false,
		"<!-- ## Why\nThe total was wrong. ":                  false,
		"## What\nA sum.\n## Why\nThe total was always wrong": true,
	} {
		if got := len(judgeWhy(&change{text: text})) == 0; got != want {
			t.Errorf("%q: accepted %v, want %v", text, got, want)
		}
	}
}

func TestTestsOfOtherLanguagesAreNotToBeWeakened(t *testing.T) {
	py := "import pytest\n\ndef test_sum():\n    assert add(1, 2) == 3\n    assert add(0, 0) == 0\n\ndef test_zero():\n    assert add(0, 1) == 1\n"
	js := "test(\"adds\", () => {\n  expect(add(1, 2)).toBe(3)\n})\n"
	checkPolicies(t, []policyCase{
		{"python, added", "test_a.py", py, py + "\ndef test_more():\n    assert add(-1, 1) == 0\n", ""},
		{"python, skipped", "test_a.py", py, strings.Replace(py, "def test_zero", "@pytest.mark.skip\ndef test_zero", 1), PolicySkipped},
		{"python, expected to fail", "test_a.py", py, strings.Replace(py, "def test_zero", "@pytest.mark.xfail(reason=\"x\")\ndef test_zero", 1), PolicySkipped},
		{"python, deleted", "test_a.py", py, py[:strings.Index(py, "\ndef test_zero")], PolicyDeleted},
		{"python, file deleted", "test_a.py", py, "", PolicyDeleted},
		{"python, assertion deleted", "test_a.py", py, strings.Replace(py, "    assert add(0, 0) == 0\n", "", 1), PolicyRemoved},
		{"python, loosened", "test_a.py", py, strings.Replace(py, "add(1, 2) == 3", "add(1, 2)", 1), PolicyLoosened},
		{"python, another value", "test_a.py", py, strings.Replace(py, "add(1, 2) == 3", "add(1, 3) == 4", 1), ""},
		{"javascript, skipped", "a.test.js", js, strings.Replace(js, "test(", "test.skip(", 1), PolicySkipped},
		{"javascript, focused", "a.test.js", js, js + "test.only(\"more\", () => { expect(1).toBe(1) })\n", PolicyFocused},
		{"javascript, loosened", "a.test.js", js, strings.Replace(js, "toBe(3)", "toBeTruthy()", 1), PolicyLoosened},
		{"javascript, deleted", "a.test.js", js, "// nothing\n", PolicyDeleted},
		{"rust, ignored", "tests/a.rs", "#[test]\nfn adds() { assert_eq!(1, 1); }\n", "#[test]\n#[ignore]\nfn adds() { assert_eq!(1, 1); }\n", PolicySkipped},
		{"ginkgo, focused", "a_test.go", "", "package a\n\nvar _ = Describe(\"x\", func() {\n\tFIt(\"y\", func() {})\n})\n", PolicyFocused},
	})
}

func TestBarsAreNotToBeLowered(t *testing.T) {
	checkPolicies(t, []policyCase{
		{"coverage of python", "setup.cfg", "[coverage:report]\nfail_under = 90\n", "[coverage:report]\nfail_under = 50\n", PolicyThreshold},
		{"raised", "setup.cfg", "[coverage:report]\nfail_under = 50\n", "[coverage:report]\nfail_under = 90\n", ""},
		{"coverage of jest", "jest.config.js", "module.exports = {\n  branches: 80,\n}\n", "module.exports = {\n  branches: 20,\n}\n", PolicyThreshold},
		{"warnings", "package.json", "{\"lint\": \"eslint --max-warnings 0\"}\n", "{\"lint\": \"eslint --max-warnings 99\"}\n", PolicyThreshold},
	})
}

func TestExpectedResultsAreNotRewrittenAlone(t *testing.T) {
	base := files{"testdata/a.golden": "1\n", "a_test.go": "package a\n", "a.go": goSource}
	if got := refusedBy(pretend(base, files{"testdata/a.golden": "2\n"}, reason)); !slices.Contains(got, PolicyGolden) {
		t.Errorf("refused by %v", got)
	}
	if got := refusedBy(pretend(base, files{"testdata/a.golden": "2\n", "a.go": goSource + "// x\n"}, reason)); slices.Contains(got, PolicyGolden) {
		t.Errorf("refused by %v, though the program changes", got)
	}
}

func TestOnlyPoliciesThatAreNotTheProofItselfCanWarn(t *testing.T) {
	if err := checkWarn([]string{PolicySize, PolicyWhy}); err != nil {
		t.Error(err)
	}
	for _, name := range []string{PolicyNoTests, PolicyPassOnBase, "sise"} {
		if checkWarn([]string{name}) == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}
