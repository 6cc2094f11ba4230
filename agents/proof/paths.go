package proof

import (
	"path"
	"strings"
)

// Which file is a test is told from its path alone, by the conventions of the tools that find tests by path: a session
// cannot make a file a test, or stop it being one, by what it writes into it.

// fixtureDirs are folders whose whole content serves tests, in any language.
var fixtureDirs = words("testdata test-fixtures fixtures __fixtures__ __snapshots__ __mocks__ __tests__")

// dataDirs are folders of data that tests read, by the names that people give them where none of fixtureDirs is in use. Code in them is code.
var dataDirs = words("test-data test_data testfiles test-files test_files testcases test-cases test_cases testscript testscripts golden goldens")

// dataKinds are the extensions of files that hold nothing but data. One that is named like a file of Go tests lies beside those that read it.
var dataKinds = words(".csv .json .jsonl .toml .tsv .txt .txtar .xml .yaml .yml")

// testDirs are folders of tests in languages other than Go, where only the name of the file counts.
var testDirs = words("test tests spec specs e2e")

// words makes a set of the words in s.
func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// isTest reports whether the path belongs to the tests: test code or the data that tests read.
func isTest(p string) bool { return isTestCode(p) || isFixture(p) }

// isTestCode reports whether the path is a file of tests by the naming convention of its language.
func isTestCode(p string) bool {
	base := path.Base(p)
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	switch ext {
	case ".go":
		return strings.HasSuffix(stem, "_test") && !inDir(p, words("testdata vendor"))
	case ".py":
		return strings.HasPrefix(stem, "test_") || strings.HasSuffix(stem, "_test") || base == "conftest.py" || inDir(p, testDirs)
	case ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue":
		return strings.HasSuffix(stem, ".test") || strings.HasSuffix(stem, ".spec") || inDir(p, testDirs) || inDir(p, words("__tests__"))
	case ".rs":
		return inDir(p, words("tests"))
	case ".rb":
		return strings.HasSuffix(stem, "_test") || strings.HasSuffix(stem, "_spec") || inDir(p, testDirs)
	case ".java", ".kt", ".scala":
		return strings.HasSuffix(stem, "Test") || strings.HasSuffix(stem, "Tests") || strings.Contains("/"+p, "/src/test/")
	case ".cs", ".php", ".swift":
		return strings.HasSuffix(stem, "Test") || strings.HasSuffix(stem, "Tests")
	case ".ex", ".exs", ".c", ".cc", ".cpp":
		return strings.HasSuffix(stem, "_test") || inDir(p, testDirs)
	case ".sh", ".bats":
		return inDir(p, testDirs) || ext == ".bats"
	}
	return false
}

// isFixture reports whether the path is data for tests.
func isFixture(p string) bool {
	if isTestCode(p) {
		return false
	}
	ext := path.Ext(p)
	switch ext {
	case ".golden", ".snap":
		return true
	case ".go":
		return inDir(p, words("testdata"))
	}
	return inDir(p, fixtureDirs) || inDir(p, testDirs) || mayBeData(p) && dataFolder(p) != "" ||
		dataKinds[ext] && strings.HasSuffix(p, "_test"+ext) && !inDir(p, documentDirs) && !inDir(p, changelogDirs)
}

// mayBeData reports whether a file holds nothing, by its name, that a program is made of or built by.
func mayBeData(p string) bool {
	return language(p) == "" && manifests(path.Base(p)) == nil && !lockFiles[path.Base(p)] && path.Ext(p) != "" && !sourceExts[path.Ext(p)]
}

// sourceExts are extensions of what programs are made of that have no language here.
var sourceExts = words(".ex .exs .sql .proto .lua .pl .pm .erl .hs .ml .clj .dart .zig .nim .r .jl .tf .mod .sum .mk .cmake .gradle .css .scss .html .tmpl .graphql .s .asm .m .y .l")

// dataFolder is the first folder on the way to the file that holds data for tests by its name: one of dataDirs, or a package that serves tests, as
// httptest. "" when there is none.
func dataFolder(p string) string {
	for part := range strings.SplitSeq(path.Dir(p), "/") {
		if dataDirs[part] || servingTests.MatchString(part) && !endInTest[part] {
			return part
		}
	}
	return ""
}

// servingTests is the name of a folder that serves tests: what it is about, and "test".
var servingTests = lazily(`[a-z0-9][_-]?tests?$`)

// endInTest are words that end as if they did.
var endInTest = words(`abtest attest attests backtest backtests brightest contest contests detest fastest greatest highest largest latest loadtest loadtests lowest
	newest oldest pentest protest protests shortest longest smallest speedtest`)

// inDir reports whether one of the folders above the file is in the set.
func inDir(p string, dirs map[string]bool) bool {
	for dir := path.Dir(p); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if dirs[path.Base(dir)] {
			return true
		}
	}
	return false
}

// documents are file names that hold words for people whatever their extension.
var documents = words("LICENSE LICENCE COPYING NOTICE AUTHORS CONTRIBUTORS MAINTAINERS CHANGELOG CHANGES HISTORY README NEWS SECURITY CONTRIBUTING PATENTS")

// changelogDirs are folders of notes of what changed, a file each, which a release puts together.
var changelogDirs = words(".changelog .changes .changeset .chloggen .unreleased changes.d newsfragments release-notes releasenotes")

// plainChangelogDirs may as well hold a program that makes changelogs: only texts in them are words.
var plainChangelogDirs = words("changelog changelogs")

// documentDirs are folders of words and pictures for people.
var documentDirs = words("doc docs")

// isDocument reports whether the path looks like words and pictures for people. A program may still embed it: see embedded.
func isDocument(p string) bool {
	if isTest(p) {
		return false
	}
	base := path.Base(p)
	ext := strings.ToLower(path.Ext(base))
	switch ext {
	case ".md", ".markdown", ".rst", ".adoc", ".asciidoc":
		return true
	case ".txt", "":
		stem := strings.ToUpper(strings.TrimSuffix(base, path.Ext(base)))
		return documents[stem] || ext == ".txt" && (inDir(p, documentDirs) || inDir(p, changelogDirs) || inDir(p, plainChangelogDirs))
	case ".yaml", ".yml":
		return inDir(p, changelogDirs)
	case ".mdx": // a page of code and words, but for folders of words
		return inDir(p, documentDirs)
	case ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp":
		return inDir(p, documentDirs)
	}
	return false
}

// isProgram reports whether the path is what tests are about: neither tests nor words, and no list of what the program depends on.
func isProgram(p string) bool {
	name := path.Base(p)
	return !isTest(p) && !isDocument(p) && !lockFiles[name] && manifests(name) == nil
}

// isCode reports whether the path is source code of a language whose comments and stubs are known here.
func isCode(p string) bool { return language(p) != "" }

// language names the family of syntax of a source file: "" when it is not code that is known here.
func language(p string) string {
	switch strings.ToLower(path.Ext(p)) {
	case ".go":
		return "go"
	case ".py", ".pyi":
		return "python"
	case ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte":
		return "javascript"
	case ".rs":
		return "rust"
	case ".rb":
		return "ruby"
	case ".java", ".kt", ".scala", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".swift", ".php":
		return "c"
	case ".sh", ".bash":
		return "shell"
	}
	return ""
}
