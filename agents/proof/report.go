package proof

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Reports are files in which a tool says how each test ended. The tests could have written them too, so they are read in bounds, and
// only when all that ran is gone.

// maximumReport bounds what is read of one report; what stands behind is lost.
const maximumReport = 64 << 20

// readReport reads a report in dir, nil when there is none. Links out of dir, pipes and the like are none.
func readReport(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	defer func() { _ = root.Close() }()
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maximumReport))
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return content, nil
}

// dropReport removes what an earlier run or the repository left where the report is to be.
func dropReport(dir, name string) error {
	root, err := os.OpenRoot(dir)
	if err == nil {
		err = root.RemoveAll(name)
		_ = root.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make room for the report: %w", err)
	}
	return nil
}

// note adds how a test ended. One that is told twice has passed only if it passed both times.
func (r *results) note(t test, status, words string) {
	if t.name == "" || len(t.name) > maximumTestName || len(r.tests) >= maximumTests {
		return
	}
	if bad(r.tests[t]) {
		return
	}
	if status == Failed && doesNotLoad.MatchString(words) {
		status = Uncompiled
	}
	r.tests[t] = status
	if bad(status) {
		last := tail{limit: outputPerTest}
		last.add(words)
		r.output[t] = last.String()
	}
}

// junitCase is one test of a JUnit report, as far as it is of use.
type junitCase struct {
	Name      string      `xml:"name,attr"`
	Class     string      `xml:"classname,attr"`
	File      string      `xml:"file,attr"`
	Failures  []junitWord `xml:"failure"`
	Errors    []junitWord `xml:"error"`
	Skipped   []junitWord `xml:"skipped"`
	SystemOut string      `xml:"system-out"`
}

type junitWord struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// readJUnit reads a JUnit XML report, in whatever dialect. group names the program that the tests are part of, for those that name no file;
// nameOf makes the name of a test from the names of its suites and its own.
func readJUnit(group string, nameOf func(suites []string, c junitCase) test) func([]byte, *results) {
	return func(report []byte, r *results) {
		d := xml.NewDecoder(bytes.NewReader(report))
		d.Strict = false
		d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
		var suites []string
		for {
			token, err := d.Token()
			if err != nil {
				return // the end, or no XML from here on
			}
			switch token := token.(type) {
			case xml.StartElement:
				if token.Name.Local == "testsuite" {
					suites = append(suites, attribute(token, "name"))
				}
				if token.Name.Local != "testcase" {
					continue
				}
				var c junitCase
				if d.DecodeElement(&c, &token) != nil {
					return
				}
				t := nameOf(suites, c)
				if t.group == "" {
					t.group = group
				}
				status, words := c.ended()
				r.note(t, status, words)
			case xml.EndElement:
				if token.Name.Local == "testsuite" && len(suites) > 0 {
					suites = suites[:len(suites)-1]
				}
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// ended is how the test ended, with the words that say why.
func (c junitCase) ended() (status, words string) {
	for _, w := range append(c.Errors, c.Failures...) {
		return Failed, strings.TrimSpace(w.Message + "\n" + w.Text)
	}
	if len(c.Skipped) > 0 {
		return Skipped, ""
	}
	return Passed, ""
}

// anyName is the name of a test of a report whose maker is not known.
func anyName(_ []string, c junitCase) test { return test{c.Class, c.Name} }

// suitesName is the name of a test of node's runner: its suites, then its own.
func suitesName(suites []string, c junitCase) test {
	return test{name: strings.Join(append(suites[:len(suites):len(suites)], c.Name), "/")}
}

// jestReport is what jest and vitest write with their reporter json.
type jestReport struct {
	TestResults []struct {
		Name             string `json:"name"` // of the file, absolute
		Status           string `json:"status"`
		Message          string `json:"message"`
		AssertionResults []struct {
			AncestorTitles  []string `json:"ancestorTitles"`
			Title           string   `json:"title"`
			Status          string   `json:"status"`
			FailureMessages []string `json:"failureMessages"`
		} `json:"assertionResults"`
	} `json:"testResults"`
}

// readJest reads the report of jest or vitest. A file whose tests could not be loaded is a program that does not compile.
func readJest(report []byte, r *results) {
	var j jestReport
	if json.Unmarshal(report, &j) != nil {
		return
	}
	for _, f := range j.TestResults {
		group := f.Name
		if _, in, ok := strings.Cut(filepath.ToSlash(f.Name), "/"+treeName+"/"); ok {
			group = path.Clean(in)
		}
		for _, a := range f.AssertionResults {
			t := test{group, strings.Join(append(a.AncestorTitles, a.Title), "/")}
			switch words := strings.Join(a.FailureMessages, "\n"); a.Status {
			case "passed":
				r.note(t, Passed, "")
			case "failed":
				r.note(t, Failed, words)
			default: // pending, skipped, todo, disabled
				r.note(t, Skipped, "")
			}
		}
		if f.Status == "failed" && len(f.AssertionResults) == 0 {
			said := tail{limit: outputPerProgram}
			said.add(f.Message)
			if r.broken[group] = said.String(); !doesNotLoad.MatchString(f.Message) {
				delete(r.broken, group)
				r.crashed[group] = said.String()
			}
		}
	}
}
