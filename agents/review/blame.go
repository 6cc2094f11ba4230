package review

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Suspect is a finding of which it is asked whether some trouble is about it.
type Suspect struct {
	File  string
	Line  int // 0: of the file as a whole
	Claim string
}

// around is by how many lines trouble may be away from a finding that it is about: the size of a function.
const around = 15

// mentioned is a place as compilers, linters and tests name it, with or without a line.
var mentioned = regexp.MustCompile(`([A-Za-z0-9_][A-Za-z0-9_./-]*\.[A-Za-z][A-Za-z0-9]{0,7})(?::(\d{1,7}))?`)

// Blame tells what words about a failure, a rejection or a revert are about: which of the suspects, by their index, and at
// which of the changed files nobody had raised anything. Both are empty where the words name nothing that is known: it is
// better to book nothing than what was not said.
//
// A suspect is meant when the words name its file, near its line if they name one; or a test of that file, when it is the
// only suspect there; or when its claim is made of the same words.
func Blame(words string, changed []string, suspects []Suspect) (meant []int, missed []string) {
	hit := map[int]bool{}
	for i, s := range suspects {
		if retold(words, s.Claim) {
			hit[i] = true
		}
	}
	for _, m := range mentioned.FindAllStringSubmatch(words, 500) {
		file := oneOf(m[1], changed)
		if file == "" {
			continue
		}
		line, _ := strconv.Atoi(m[2]) // 0 where none is named
		near, there := beside(file, line, suspects)
		switch {
		case len(near) > 0:
			for _, i := range near {
				hit[i] = true
			}
		case !slices.ContainsFunc(there, func(i int) bool { return hit[i] }) && !slices.Contains(missed, subject(file, changed)):
			missed = append(missed, subject(file, changed))
		}
	}
	for i := range suspects {
		if hit[i] {
			meant = append(meant, i)
			missed = slices.DeleteFunc(missed, func(file string) bool { return stem(file) == stem(suspects[i].File) })
		}
	}
	return meant, missed
}

// beside finds the suspects that a place is about, and those in the same file.
func beside(file string, line int, suspects []Suspect) (near, there []int) {
	for i, s := range suspects {
		same := s.File == file
		if !same && stem(s.File) != stem(file) {
			continue
		}
		there = append(there, i)
		if same && (line == 0 || s.Line == 0 || s.Line-around <= line && line <= s.Line+around) {
			near = append(near, i)
		}
	}
	if len(near) == 0 && len(there) == 1 && suspects[there[0]].File != file { // a test tells no line of what it tests
		return there, there
	}
	return near, there
}

// oneOf is the changed file that a name means: as a whole, as the end of a path, or by its last part when only one has it.
func oneOf(name string, changed []string) string {
	name = strings.TrimPrefix(path.Clean(name), "./")
	var found []string
	for _, file := range changed {
		if name == file || strings.HasSuffix(name, "/"+file) {
			return file
		}
		if strings.HasSuffix(file, "/"+name) {
			found = append(found, file)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return ""
}

// subject is the changed file that a test is about, or the file itself.
func subject(file string, changed []string) string {
	for _, other := range changed {
		if other != file && stem(other) == stem(file) && weight(other) == 0 {
			return other
		}
	}
	return file
}

var testMark = regexp.MustCompile(`^test_|[._-](test|spec)$`)

// stem is a file's path without what makes it a test and without its ending.
func stem(file string) string {
	dir, base := path.Split(file)
	base = strings.TrimSuffix(base, path.Ext(base))
	dir = strings.Trim(strings.NewReplacer("tests/", "", "test/", "", "__tests__/", "").Replace(dir), "/")
	return path.Join(dir, testMark.ReplaceAllString(base, ""))
}

// retold reports whether the words hold most of a claim.
func retold(words, claim string) bool {
	have, want := wordSet(words), wordSet(claim)
	common := 0
	for w := range want {
		if have[w] {
			common++
		}
	}
	return common >= 4 && 3*common >= 2*len(want)
}
