package proof

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
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

func TestCorpusOfGoChangesIsJudgedRight(t *testing.T) {
	base, cases := readCorpus(t, "go")
	for _, c := range cases {
		if c.rare && !everything {
			continue // its judgement is in a table as well: TestWhatBecameOfGoTests and its neighbours
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			verdict, detail, _ := strings.Cut(c.want, " ")
			if judgedUnrun[detail] && c.name != "stub" && !everything { // one of them goes all the way
				if got := refusedBy(pretend(base, c.changes, c.text)); !slices.Contains(got, detail) {
					t.Errorf("refused by %v, want %s among them", got, detail)
				}
				return
			}
			r := newRepository(t, base, c.changes)
			receipt, err := r.prove(t, func(r *Request) { r.Text = c.text })
			if err != nil {
				t.Fatal(err)
			}
			switch verdict {
			case "proven":
				if !receipt.Proven || receipt.Strength != detail {
					t.Errorf("proven %v, strength %q, refusals %v", receipt.Proven, receipt.Strength, receipt.Refusals)
				}
			case "refused":
				named := slices.ContainsFunc(receipt.Refusals, func(f Refusal) bool { return f.Policy == detail })
				if receipt.Proven || !named {
					t.Errorf("proven %v, refusals %v, want one of %s", receipt.Proven, receipt.Refusals, detail)
				}
			default:
				t.Fatalf("the case does not say what has to come out: %q", c.want)
			}
		})
	}
}
