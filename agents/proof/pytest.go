package proof

import (
	"path"
	"slices"
	"strings"
)

// planPytest runs the changed test files of Python with pytest, where that is how the repository tests itself.
func planPytest(c *change, argv []string) (plan, bool) {
	prefix := pytestPrefix(argv)
	var paths []string
	for _, f := range c.tests() {
		if p := f.after(); p != "" && isPytestFile(p) {
			paths = append(paths, p)
		}
	}
	if prefix == nil || len(paths) == 0 {
		return plan{}, false
	}
	return c.planFiles(paths, testWordsOf["python"].test, func(manner) []command {
		return []command{pytestCommand(prefix, paths)}
	}), true
}

// pytestSuite is the repository's own pytest command, made to write a report.
func pytestSuite(argv []string) (command, bool) {
	prefix := pytestPrefix(argv)
	if prefix == nil {
		return command{}, false
	}
	c := reporting(append(slices.Clone(argv), pytestFlags...), readJUnit("", pytestName))
	c.again = func(failed map[test]string) (command, bool) {
		return pytestCommand(prefix, groupsOf(failed)), true
	}
	return c, true
}

var pytestFlags = []string{"--junitxml=" + reportPath, "-o", "junit_family=xunit1", "--continue-on-collection-errors", "-p", "no:cacheprovider"}

func pytestCommand(prefix, paths []string) command {
	return reporting(slices.Concat(prefix, []string{"-q"}, pytestFlags, paths), readJUnit("", pytestName))
}

// pytestPrefix is the command up to the word pytest, and the flags that say where its settings are; nil when it is no pytest.
func pytestPrefix(argv []string) []string {
	at := slices.IndexFunc(argv, func(a string) bool { return path.Base(a) == "pytest" || path.Base(a) == "py.test" })
	if at < 0 {
		return nil
	}
	prefix := slices.Clone(argv[:at+1])
	for i, a := range argv[at+1:] {
		switch {
		case (a == "-c" || a == "-p" || a == "-o") && at+i+2 < len(argv):
			prefix = append(prefix, a, argv[at+i+2])
		case strings.HasPrefix(a, "--import-mode="), strings.HasPrefix(a, "--rootdir="):
			prefix = append(prefix, a)
		}
	}
	return prefix
}

// isPytestFile reports whether pytest looks for tests in the file by itself.
func isPytestFile(p string) bool {
	name, ok := strings.CutSuffix(path.Base(p), ".py")
	return ok && (strings.HasPrefix(name, "test_") || strings.HasSuffix(name, "_test"))
}

var pytestParameters = lazily(`^([^\[]+)\[(.*)\]$`)

// pytestName names a test by its file, class and function; its parameters make it a subtest.
func pytestName(_ []string, c junitCase) test {
	if c.File == "" || c.Class == "" { // a file that could not be collected: its dotted name stands in place of the test's
		return test{group: strings.ReplaceAll(c.Name, ".", "/") + ".py", name: loading}
	}
	file := path.Clean(c.File)
	module := strings.ReplaceAll(strings.TrimSuffix(file, ".py"), "/", ".")
	class := strings.TrimPrefix(strings.TrimPrefix(c.Class, module), ".")
	name := c.Name
	if m := pytestParameters.FindStringSubmatch(name); m != nil {
		name = m[1] + "/" + m[2]
	}
	if class != "" && class != c.Class {
		name = class + "." + name
	}
	return test{file, name}
}
