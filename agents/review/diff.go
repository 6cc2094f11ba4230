package review

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxDiff bounds the diff that a session is given, in bytes: some 1,500 lines, more than anybody reviews well at once.
const maxDiff = 64 << 10

// section is the part of a diff that is about one file.
type section struct {
	path    string // in the head; in the base when it is deleted
	text    []byte // from "diff --git" on, to the end of its last line
	changed []string
}

// sections cuts what `git diff` prints into its files. Lines of a hunk begin with a space, a sign or a backslash, so no
// content can look like the beginning of a file.
func sections(diff []byte) []section {
	const begin = "diff --git "
	var all []section
	for len(diff) > 0 {
		end := len(diff)
		if i := bytes.Index(diff, []byte("\n"+begin)); i >= 0 {
			end = i + 1
		}
		if bytes.HasPrefix(diff, []byte(begin)) {
			all = append(all, readSection(diff[:end]))
		}
		diff = diff[end:]
	}
	return all
}

func readSection(text []byte) section {
	s := section{text: text}
	before, hunks := "", false
	for l := range strings.Lines(string(text)) {
		l = strings.TrimSuffix(l, "\n")
		switch {
		case strings.HasPrefix(l, "@@"):
			hunks = true
		case hunks && (strings.HasPrefix(l, "+") || strings.HasPrefix(l, "-")):
			s.changed = append(s.changed, l[1:])
		case hunks:
		case strings.HasPrefix(l, "--- "):
			before = diffPath(l[len("--- "):], "a/")
		case strings.HasPrefix(l, "+++ "):
			s.path = diffPath(l[len("+++ "):], "b/")
		case strings.HasPrefix(l, "rename to "):
			s.path = diffPath(l[len("rename to "):], "")
		}
	}
	if s.path == "" {
		s.path = cmp.Or(before, headerPath(text))
	}
	return s
}

// headerPath reads the path from "diff --git a/PATH b/PATH", where both are the same: a binary file, or one that only
// changes its mode.
func headerPath(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimPrefix(string(text), "diff --git "), "\n")
	if len(line)%2 == 0 { // two paths of one length have a space between them
		return ""
	}
	return diffPath(line[len(line)/2+1:], "b/")
}

// diffPath reads a name as git writes it in a diff; "" for /dev/null and for what cannot be read.
func diffPath(name, prefix string) string {
	name = strings.TrimSuffix(name, "\t") // git ends a name that holds a space with a tab
	if strings.HasPrefix(name, `"`) {
		plain, err := strconv.Unquote(name)
		if err != nil {
			return ""
		}
		name = plain
	}
	p, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return ""
	}
	return p
}

// bounded fits a diff into most bytes, 512 at least, and says what was left out: in its last lines, and as the second result. Code goes
// before tests, tests before documents and what programs write; within each the diff's own order stays. Whole files are
// kept as long as they fit, then the beginning of one.
func bounded(diff []byte, most int) (text string, leftOut []string) {
	if len(diff) <= most {
		return string(diff), nil
	}
	all := sections(diff)
	slices.SortStableFunc(all, func(a, b section) int { return cmp.Compare(weight(a.path), weight(b.path)) })
	var b strings.Builder
	room := most - max(most/16, 256) // the rest is for naming what is left out
	for _, s := range all {
		part := s.text
		if len(part) > room {
			part = part[:bytes.LastIndexByte(part[:room], '\n')+1]
			if bytes.Count(part, []byte("\n")) < 8 { // its header and a line or two say nothing
				part = nil
			}
			leftOut = append(leftOut, fmt.Sprintf("%s: %d of %d lines", clip(s.path, 200), bytes.Count(s.text[len(part):], []byte("\n")), bytes.Count(s.text, []byte("\n"))))
		}
		b.Write(part)
		room -= len(part)
	}
	if len(all) == 0 {
		leftOut = []string{"all of it: it is no diff of git's"}
	}
	said := "[left out of this diff; read it in the repository: "
	for i, name := range leftOut {
		if b.Len()+len(said)+len(name) > most-64 {
			said += fmt.Sprintf("and %d more files", len(leftOut)-i)
			break
		}
		said += name + "; "
	}
	return b.String() + strings.TrimSuffix(said, "; ") + "]\n", leftOut
}

// weight orders files by how much a reviewer needs to see of them: the lowest first.
func weight(p string) int {
	base := path.Base(p)
	switch {
	case generated(p):
		return 3
	case isDocument(p):
		return 2
	case strings.Contains(base, "_test.") || strings.Contains(base, ".test.") || strings.Contains(base, ".spec.") || strings.HasPrefix(base, "test_") || strings.Contains("/"+p, "/testdata/") || strings.Contains("/"+p, "/tests/"):
		return 1
	}
	return 0
}

// generated tells the files that a program writes, by their usual names.
func generated(p string) bool {
	base := path.Base(p)
	switch base {
	case "go.sum", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "Cargo.lock", "poetry.lock", "uv.lock", "Gemfile.lock", "composer.lock":
		return true
	}
	return strings.HasSuffix(base, ".pb.go") || strings.HasSuffix(base, ".min.js") || strings.HasSuffix(base, ".snap") || strings.HasSuffix(base, ".svg") ||
		strings.Contains("/"+p, "/vendor/") || strings.Contains("/"+p, "/node_modules/")
}

// forPeople are the names, without extension, of documents that stand anywhere.
var forPeople = regexp.MustCompile(`(?i)^(readme|changelog|changes|history|news|licen[cs]e|copying|notice|authors|contributing|security)$`)

// isDocument tells files of words for people. It wants more than their ending: a program may well read what ends in .txt
// or .md somewhere among its code, where it is a prompt, a template or a list of requirements.
func isDocument(p string) bool {
	base := path.Base(p)
	ext := strings.ToLower(path.Ext(base))
	named := forPeople.MatchString(strings.TrimSuffix(base, path.Ext(base)))
	folder, _, below := strings.Cut(p, "/")
	docs := below && (folder == "doc" || folder == "docs")
	switch ext {
	case ".md", ".markdown", ".rst", ".adoc":
		return named || docs || !below
	case ".txt", "":
		return named || docs && ext == ".txt"
	}
	return false
}
