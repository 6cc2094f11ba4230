package proof

import (
	"slices"
	"strings"
)

// missingImport are the words of Python and of node about a file of tests that asks another one for a name that it does not have.
var missingImport = lazily(`ImportError: cannot import name '(\w+)' from |does not provide an export named '(\w+)'|SyntaxError: Named export '(\w+)' not found`)

// missesName are their words about a test that uses a name which nothing has brought.
var missesName = lazily(`\b\w+'? is not defined`)

// importList is a statement that brings names from another file, up to the end of its list: of Python, in parentheses or not, and of JavaScript.
var importList = lazily(`(?m)^([ \t]*from[ \t]+[\w.]+[ \t]+import[ \t]*\()([^)]*)(\))|^([ \t]*from[ \t]+[\w.]+[ \t]+import[ \t]+)([^\n(#]*)()|^([ \t]*import[ \t]+(?:\w+[ \t]*,[ \t]*)?\{)([^}]*)(\})`)

// cutImport takes a name that is not there out of the imports of a file of tests. The tests that use it then fail by themselves, and the others run.
func cutImport(group, said string, read tree) (overlay, []string, bool) {
	m := missingImport.FindStringSubmatch(said)
	if m == nil {
		return nil, nil, false
	}
	src := string(read(group))
	missing := m[1] + m[2] + m[3]
	rest := importList.ReplaceAllStringFunc(src, func(statement string) string { return withoutName(statement, missing) })
	if rest == src {
		return nil, nil, false
	}
	return overlay{group: []byte(rest)}, nil, true
}

// withoutName is a statement without one of the names that it brings. Its lines stay.
func withoutName(statement, missing string) string {
	m := importList.FindStringSubmatch(statement)
	head, list, tail := m[1]+m[4]+m[7], m[2]+m[5]+m[8], m[3]+m[6]+m[9]
	items := strings.Split(list, ",")
	isIt := func(item string) bool {
		name, _, _ := strings.Cut(strings.TrimSpace(item), " ") // name as other
		return name == missing
	}
	if !slices.ContainsFunc(items, isIt) {
		return statement
	}
	kept := slices.DeleteFunc(slices.Clone(items), func(item string) bool { return isIt(item) || strings.TrimSpace(item) == "" })
	newlines := strings.Count(list, "\n")
	if len(kept) == 0 && !strings.HasSuffix(head, "{") {
		indent := head[:len(head)-len(strings.TrimLeft(head, " \t"))]
		return indent + "pass" + strings.Repeat("\n", newlines)
	}
	rest := strings.Join(kept, ",")
	return head + rest + strings.Repeat("\n", newlines-strings.Count(rest, "\n")) + tail
}
