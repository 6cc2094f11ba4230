package proof

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"lightsout/agents/process"
)

// corpusCase is one change of the corpus, with what has to come out. The comment of the archive says it, in lines of "key: value".
type corpusCase struct {
	name    string
	want    string // "proven" and the strength, or "refused" and a policy that has to be among the refusals
	text    string
	rare    bool // only run where time counts less
	changes files
}

func readCorpus(t testing.TB, dir string) (base files, cases []corpusCase) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "corpus", dir, "*.txtar"))
	if err != nil || len(names) < 2 {
		t.Fatalf("corpus: %v, %v", names, err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		archive := txtar.Parse(bytes.ReplaceAll(content, []byte("A-GITHUB-TOKEN"), []byte("gh"+"p_q8Zr4Tn2Lw6Vx0Ck3Bs7Hd9Fj1Mp5Ya0Ge4U")))
		c := corpusCase{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), text: reason, changes: files{}}
		for _, f := range archive.Files {
			c.changes[f.Name] = string(f.Data)
		}
		for l := range strings.Lines(string(archive.Comment)) {
			key, value, _ := strings.Cut(strings.TrimSpace(l), ": ")
			switch key {
			case "want":
				c.want = value
			case "text":
				c.text = value
			case "run":
				c.rare = value == "ci"
			case "delete":
				c.changes[value] = ""
			}
		}
		if c.name == "base" {
			base = c.changes
			continue
		}
		cases = append(cases, c)
	}
	return base, cases
}

// judgedUnrun are the policies that need no run: for the sake of time the corpus asks them alone, and other tests show
// that the proof asks them.
var judgedUnrun = words("no-why no-tests stub hard-coded protected-path secret new-dependency foreign-file too-large golden-rewritten")

// corpora are the languages of the corpus with their test commands. All but Go need tools that .ci/run installs.
func corpora(t testing.TB) map[string]func(*Request) {
	all := map[string]func(*Request){"go": func(*Request) {}}
	if !everything {
		return all
	}
	first := func(r *Request) { r.Env = append(r.Env, "PATH=/usr/bin:/bin:"+os.Getenv("PATH")) } // Debian's python3 is the one with Debian's pytest
	all["python"], all["javascript"] = first, first
	if cargo, err := process.LookPath("cargo", "/", os.Environ()); err == nil {
		homes := map[string]string{"CARGO_HOME": filepath.Dir(filepath.Dir(cargo)), "RUSTUP_HOME": filepath.Join(os.Getenv("HOME"), ".rustup")}
		all["rust"] = func(r *Request) {
			for name, home := range homes {
				r.Env, r.Readable = append(r.Env, name+"="+home), append(r.Readable, home)
			}
		}
	} else {
		t.Log("cargo is not there: the corpus of Rust is left out")
	}
	return all
}

// TestCorpusIsJudgedRight holds every change of the corpus to what has to come out, and prints the table (with -v). With the build tag ci
// it is all of the corpus, each change through all runs.
func TestCorpusIsJudgedRight(t *testing.T) {
	var lock sync.Mutex
	table := map[string]*[2]int{} // language and kind -> judged right, all
	t.Cleanup(func() {
		t.Logf("%-12s %-22s %s", "language", "changes", "judged right")
		for _, key := range slices.Sorted(maps.Keys(table)) {
			language, kind, _ := strings.Cut(key, "\t")
			t.Logf("%-12s %-22s %d of %d", language, kind, table[key][0], table[key][1])
		}
	})
	for language, prepare := range corpora(t) {
		base, cases := readCorpus(t, language)
		for _, c := range cases {
			if c.rare && !everything {
				continue // its judgement is in a table as well: TestWhatBecameOfGoTests and its neighbours
			}
			t.Run(language+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.hold(t, base, prepare)
				verdict, detail, _ := strings.Cut(c.want, " ")
				if verdict == "proven" {
					detail = "good, accepted"
				}
				lock.Lock()
				defer lock.Unlock()
				row := table[language+"\t"+detail]
				if row == nil {
					row = &[2]int{}
					table[language+"\t"+detail] = row
				}
				if row[1]++; !t.Failed() {
					row[0]++
				}
			})
		}
	}
}

// hold judges one change, by the policies alone where that is enough.
func (c corpusCase) hold(t *testing.T, base files, prepare func(*Request)) {
	_, detail, _ := strings.Cut(c.want, " ")
	if judgedUnrun[detail] && c.name != "fix-without-tests" && !everything { // one of them goes all the way
		if got := refusedBy(pretend(base, c.changes, c.text)); !slices.Contains(got, detail) {
			t.Errorf("refused by %v, want %s among them", got, detail)
		}
		return
	}
	c.judge(t, newRepository(t, base, c.changes), func(r *Request) {
		r.Text = c.text
		prepare(r)
	})
}

// judge proves the change and compares.
func (c corpusCase) judge(t *testing.T, r *repository, edit func(*Request)) {
	t.Helper()
	verdict, detail, _ := strings.Cut(c.want, " ")
	receipt, err := r.prove(t, edit)
	if err != nil {
		t.Error(err)
		return
	}
	switch verdict {
	case "proven":
		if !receipt.Proven || detail != "" && receipt.Strength != detail {
			t.Errorf("proven %v, strength %q, refusals %v", receipt.Proven, receipt.Strength, receipt.Refusals)
		}
	case "refused":
		named := slices.ContainsFunc(receipt.Refusals, func(f Refusal) bool { return f.Policy == detail })
		if receipt.Proven || !named {
			t.Errorf("proven %v, refusals %v, want one of %s", receipt.Proven, receipt.Refusals, detail)
		}
	default:
		t.Errorf("the case does not say what has to come out: %q", c.want)
	}
}
