package proof

import (
	"slices"
	"strings"
	"sync"
)

// missingInPython and missingInScript are the words about a file of tests that asks another one for a name that it does not have, missingModule those about one
// that asks a file of Python which is not there.
var (
	missingInPython = lazily(`ImportError: cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'`)
	missingModule   = lazily(`ModuleNotFoundError: No module named '([\w.]+)'`)
	missingInScript = lazily(`The requested module '([^']+)' does not provide an export named '([\w$]+)'|Named export '([\w$]+)' not found\. The requested module '([^']+)'`)
)

// missesName are the words about a test that uses a name which nothing has brought, or that never began because what stands around it did.
var missesName = lazily(`\b\w+'? is not defined|cancelledByParent`)

// importInPython and importInScript are statements that bring names from another file, with the list of the names as a group.
var (
	importInPython = lazily(`(?m)^([ \t]*)from[ \t]+([\w.]+)[ \t]+import[ \t]*(?:\(((?:[^)#]|#[^\n]*)*)\)|[ \t]((?:[^\n(#\\]|\\\r?\n)+))`)
	importInScript = lazily(`(?m)^[ \t]*import[ \t]+(?:\w+[ \t]*,[ \t]*)?\{((?:[^}/]|//[^\n]*|/\*[^*]*\*/)*)\}\s*from\s*["']([^"']+)["']`)
)

// definition is a line that makes a name, in either language.
var definition = lazily(`^\s*(?:export\s+)?(?:async\s+)?(?:def|class|function\*?|const|let|var)\s+([\w$]+)|^(\w+)\s*(?::[^=]*)?=[^=]`)

// aside is what is no code: comments, and words in quotes.
var aside = lazily(`'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|#[^\n]*|//[^\n]*|/\*[^*]*\*/`)

// importCutter takes names that are not there out of the imports of a file of tests. The tests that use them are gone then; what uses them elsewhere fails by
// itself, and the other tests run.
func importCutter(c *change) cutter {
	coming := sync.OnceValue(c.comingNames)
	return func(group, said string, read tree) (overlay, []string, bool) {
		i, src := importCut{coming: coming, gone: map[string]bool{}}, string(read(group))
		cut := i.python
		if language(group) == "javascript" {
			cut = i.script
		}
		rest := cut(src, said)
		if rest == src {
			return nil, nil, false
		}
		return overlay{group: []byte(rest)}, testsUsing(src, testWordsOf[language(group)].test, i.gone), true
	}
}

// comingNames are the names that the change makes, and that no file it changes had. Python and node complain of one name at a time: these are the others.
func (c *change) comingNames() map[string]bool {
	coming := map[string]bool{}
	for _, f := range c.source() {
		for _, l := range f.added {
			if m := definition.FindStringSubmatch(l.text); m != nil {
				coming[m[1]+m[2]] = true
			}
		}
	}
	for _, f := range c.source() {
		for _, name := range identifiers(string(c.base(f.before()))) {
			delete(coming, name)
		}
	}
	return coming
}

// importCut is what is cut out of the imports of one file.
type importCut struct {
	missing []missingName
	coming  func() map[string]bool
	gone    map[string]bool // the names that were cut, as the file calls them
}

// missingName is a name that is not there, and the file it was asked of, as the words about it call it.
type missingName struct{ name, from string }

// everyName stands for all names of a file that is not there itself.
const everyName = "*"

// python cuts a file of Python. Its lines stay where they are.
func (i *importCut) python(src, said string) (rest string) {
	for _, m := range missingInPython.FindAllStringSubmatch(said, -1) {
		i.missing = append(i.missing, missingName{m[1], m[2]})
	}
	for _, m := range missingModule.FindAllStringSubmatch(said, -1) {
		i.missing = append(i.missing, missingName{everyName, m[1]})
	}
	return importInPython.ReplaceAllStringFunc(src, func(statement string) string {
		m := importInPython.FindStringSubmatch(statement)
		indent, module, list := m[1], m[2], m[3]+m[4]
		name := strings.TrimLeft(module, ".") // in full it is known to the words alone
		kept, ok := i.without(list, func(m missingName) bool {
			return name == "" && m.name != everyName || m.from == name || name != "" && strings.HasSuffix(m.from, "."+name)
		})
		newlines := strings.Repeat("\n", strings.Count(statement, "\n"))
		switch {
		case !ok:
			return statement
		case kept == "":
			return indent + "pass" + newlines
		}
		return indent + "from " + module + " import (" + kept + newlines + ")"
	})
}

// script cuts a file of JavaScript. Its lines stay where they are.
func (i *importCut) script(src, said string) (rest string) {
	for _, m := range missingInScript.FindAllStringSubmatch(said, -1) {
		i.missing = append(i.missing, missingName{m[2] + m[3], m[1] + m[4]})
	}
	return importInScript.ReplaceAllStringFunc(src, func(statement string) string {
		m := importInScript.FindStringSubmatch(statement)
		list, module := m[1], m[2]
		kept, ok := i.without(list, func(m missingName) bool { return m.from == module })
		if !ok {
			return statement
		}
		return strings.Replace(statement, "{"+list, "{ "+kept+strings.Repeat("\n", strings.Count(list, "\n"))+" ", 1)
	})
}

// without is a list of imported names without those that are not there; ok is false when all are. asked tells of a missing name whether the list is of names
// from that file.
func (i *importCut) without(list string, asked func(missingName) bool) (rest string, ok bool) {
	absent := map[string]bool{}
	for _, m := range i.missing {
		if asked(m) {
			absent[m.name] = true
		}
	}
	var kept []string
	for item := range strings.SplitSeq(aside.ReplaceAllString(list, ""), ",") {
		words := strings.Fields(strings.ReplaceAll(item, "\\", " ")) // name as other
		switch {
		case len(words) == 0:
		case absent[words[0]] || absent[everyName] || len(absent) > 0 && i.coming()[words[0]]:
			i.gone[words[len(words)-1]], ok = true, true
		default:
			kept = append(kept, strings.Join(words, " "))
		}
	}
	return strings.Join(kept, ", "), ok
}

// testsUsing are the tests of a file in whose lines one of the names stands. A test ends before the first line that is indented no more than its own.
func testsUsing(src string, test *pattern, names map[string]bool) (using []string) {
	name, depth := "", 0
	for l := range strings.Lines(src) {
		l = strings.TrimRight(l, "\r\n")
		text := strings.TrimLeft(l, " \t")
		indent := len(l) - len(text)
		if m := test.FindStringSubmatch(l); m != nil {
			name, depth = m[1], indent
		} else if text != "" && indent <= depth && !strings.ContainsAny(text[:1], ")]}") {
			name = ""
		}
		if name != "" && slices.ContainsFunc(identifiers(aside.ReplaceAllString(l, "")), func(word string) bool { return names[word] }) {
			using = append(using, name)
		}
	}
	slices.Sort(using)
	return slices.Compact(using)
}
