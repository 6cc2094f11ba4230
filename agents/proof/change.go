package proof

import (
	"path"
	"slices"
	"strings"
)

// file is one path that the change touches.
type file struct {
	path   string // in the head; in the base for a deleted file
	old    string // in the base, when renamed or copied; "" otherwise
	status byte   // A, M, D, R, C or T, as git says
	mode   string // in the head: 100644, 100755, 120000, 160000; "" or 000000 when deleted
	binary bool
	lines  int // added and deleted, as git counts them
	hunks
}

func (f *file) deleted() bool { return f.status == 'D' }
func (f *file) created() bool { return f.status == 'A' || f.status == 'C' }

// before is the path of the file in the base: "" when it was not there.
func (f *file) before() string {
	switch {
	case f.created():
		return ""
	case f.old != "":
		return f.old
	}
	return f.path
}

// after is the path of the file in the head: "" when it is not there any more.
func (f *file) after() string {
	if f.deleted() {
		return ""
	}
	return f.path
}

// split makes two of a file that moved into the tests or out of them: on the one side it is gone, on the other it is new.
func (f *file) split() []*file {
	if f.old == "" || f.status != 'R' || isTest(f.old) == isTest(f.path) {
		return []*file{f}
	}
	to := *f
	to.old, to.status = "", 'A'
	return []*file{{path: f.old, status: 'D', mode: f.mode, binary: f.binary}, &to}
}

// tree reads one side of the change: nil when there is no such file. It keeps the first error for its maker to look at, so that
// judgements stay free of error paths.
type tree func(path string) []byte

// change is all that the judgements know of the work: they are functions of it and of what the tests said.
type change struct {
	files        []*file
	text         string   // the words that go with the change
	message      bool     // they are a commit's message
	base, head   tree     // contents, read when asked for
	paths        []string // of the head, sorted
	embedders    []string // Go files of the head that embed files; looked for only when documents change
	secrets      []string // never to be committed, word for word
	protected    []string // patterns of the configuration, beside the usual ones
	maximumLines int

	fetch   func(paths []string)  // reads files of the head ahead, many at once; nil does not
	goFiles map[importer][]string // of the head; made when it is first asked what imports what
	imports map[importer]imported
	modules map[string]string // see goModules; nil until the paths are known
}

// tests are the changed files that belong to the tests.
func (c *change) tests() []*file { return c.where(isTest) }

// source are the changed files that are not tests, documents or lists of checksums: what the tests are to prove.
func (c *change) source() []*file {
	return c.where(func(p string) bool { return !isTest(p) && !isDocument(p) })
}

// hasOtherThanTests reports whether anything changes that is neither a test nor data for tests.
func (c *change) hasOtherThanTests() bool {
	return slices.ContainsFunc(c.files, func(f *file) bool { return !isTest(f.path) })
}

// hasSubject reports whether anything changes that tests could be about: a program, or what it depends on.
func (c *change) hasSubject() bool {
	return slices.ContainsFunc(c.files, func(f *file) bool { return !isTest(f.path) && !isDocument(f.path) })
}

func (c *change) where(is func(path string) bool) []*file {
	var files []*file
	for _, f := range c.files {
		if is(f.path) {
			files = append(files, f)
		}
	}
	return files
}

// pathsOfBoth are the paths of the head, and those of changed files that only the base has.
func (c *change) pathsOfBoth() []string {
	all := slices.Clone(c.paths)
	for _, f := range c.files {
		if p := f.before(); p != "" && p != f.after() {
			all = append(all, p)
		}
	}
	return all
}

// has reports whether the head holds the path.
func (c *change) has(path string) bool {
	_, found := slices.BinarySearch(c.paths, path)
	return found
}

// identifiers are the words of s that a programming language would take for names.
func identifiers(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 0x80
	})
}

// everyday are words of compilers and of Go that name nothing.
var everyday = words(`undefined no field or method has type of variable value constant in argument to not have want cannot use as is
	enough many too call assignment mismatch returns values but func function struct interface literal unknown missing does
	implement package import imports required module provides std go test build failed setup FAIL declared and used redeclared
	this block other declaration expected found at the a an it add get string int int64 bool error byte any nil err T t testing`)

// brings reports whether the change adds or alters something that the compiler's words are about: the name of what tests
// call, a type, a package.
func (c *change) brings(said string) bool {
	names := map[string]bool{}
	for _, f := range c.source() {
		for _, lines := range [][]line{f.added, f.removed} {
			for _, l := range lines {
				for _, name := range identifiers(l.text) {
					names[name] = true
				}
			}
		}
		if f.old != "" && path.Dir(f.old) != path.Dir(f.path) { // what it holds is new where it is now
			for _, name := range identifiers(string(c.head(f.path))) {
				names[name] = true
			}
		}
		for _, name := range identifiers(f.path) {
			names[name] = true
		}
	}
	for l := range strings.Lines(said) {
		if _, message, ok := strings.Cut(l, ": "); ok { // after file:line:column
			for _, name := range identifiers(message) {
				if names[name] && !everyday[name] {
					return true
				}
			}
		}
	}
	return false
}
