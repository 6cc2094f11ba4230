package rules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var day = time.Date(2026, 3, 14, 23, 30, 0, 0, time.UTC)

func TestTheFoundingRulesAreTheFourOfTheDesign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.md")
	file, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Match existing patterns.",
		"No new dependencies without justification.",
		"Write tests for every behavioral change.",
		"Document the why, not just the what.",
	}
	if diff := cmp.Diff(want, texts(file)); diff != "" {
		t.Error(diff)
	}
	for _, r := range file.Rules {
		if r.Provenance != "founding rule" {
			t.Errorf("rule %d comes from %q", r.Number, r.Provenance)
		}
	}
	read, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file, read); diff != "" {
		t.Errorf("read back otherwise than created: %s", diff)
	}
	if mode := modeOf(t, path); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
}

func TestCreateLeavesAFileThatIsThereAlone(t *testing.T) {
	path := writeFile(t, "- My own rule.\n")
	_, err := Create(path)
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want one that is fs.ErrExist", err)
	}
	if got := readFile(t, path); got != "- My own rule.\n" {
		t.Errorf("the file became %q", got)
	}
	if got := leftovers(t, path); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestLoadSaysWhichFileIsMissing(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "absent.md"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "absent.md") {
		t.Errorf("error %v", err)
	}
}

func TestAddPutsTheRuleBehindTheLastOneAndKeepsAllElse(t *testing.T) {
	path := writeFile(t, "# Rules\n\n- First. <!-- founding rule -->\n- Second,\n  on two lines. <!-- from\n  PR #3 -->\n\n## Notes\n<!-- the end -->\n")
	before, after, err := Add(path, "  - Quote CSV fields. ", "CI of #42 <TestCSVQuotes>\n-->", day)
	if err != nil {
		t.Fatal(err)
	}
	want := "# Rules\n\n- First. <!-- founding rule -->\n- Second,\n  on two lines. <!-- from\n  PR #3 -->\n" +
		"- Quote CSV fields. <!-- CI of #42 TestCSVQuotes --, 2026-03-14 -->\n\n## Notes\n<!-- the end -->\n"
	if diff := cmp.Diff(want, readFile(t, path)); diff != "" {
		t.Error(diff)
	}
	if before.Hash == after.Hash || len(before.Rules) != 2 || len(after.Rules) != 3 {
		t.Errorf("before %d rules, version %s; after %d, %s", len(before.Rules), before.Version(), len(after.Rules), after.Version())
	}
	added := Rule{Number: 3, Text: "Quote CSV fields.", Provenance: "CI of #42 TestCSVQuotes --, 2026-03-14", Line: 7}
	if diff := cmp.Diff(added, after.Rules[2]); diff != "" {
		t.Error(diff)
	}
	if mode := modeOf(t, path); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
	if read, err := Load(path); err != nil || read.Hash != after.Hash {
		t.Errorf("read back as version %s, %v", read.Version(), err)
	}
}

func TestAddKeepsTheLineEndsOfTheFile(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"no final line feed": {"- One.", "- One.\n- Two. <!-- 2026-03-14 -->\n"},
		"carriage returns":   {"- One.\r\n", "- One.\r\n- Two. <!-- 2026-03-14 -->\r\n"},
		"byte order mark":    {"\uFEFF- One.\n", "\uFEFF- One.\n- Two. <!-- 2026-03-14 -->\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, c.before)
			if _, _, err := Add(path, "Two.", "", day); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.after, readFile(t, path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAddRefusesWhatIsNoRuleAndLeavesTheFileAlone(t *testing.T) {
	const content = "- Match existing patterns.\n"
	for name, c := range map[string]struct{ text, problem string }{
		"empty":                    {" - ", "empty"},
		"more than one line":       {"One.\nTwo.", "more than one line"},
		"too long":                 {strings.Repeat("a ", 200), "399 bytes"},
		"a duplicate":              {"match  existing patterns", "rule 1 says this already"},
		"a comment of its own":     {"Be kind. <!-- hidden -->", "HTML comment"},
		"invisible characters":     {"Be\u200b kind.", "cannot be seen"},
		"another bullet in itself": {"* ", "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, content)
			_, _, err := Add(path, c.text, "", day)
			var refusal *Error
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Problem, c.problem) || refusal.Cure == "" {
				t.Errorf("error %v, want a refusal that says %q and how to cure it", err, c.problem)
			}
			if got := readFile(t, path); got != content {
				t.Errorf("the file became %q", got)
			}
		})
	}
}

func TestAddTakesARuleThatLooksLikeMarkdownAsText(t *testing.T) {
	for _, text := range []string{"# no headings in pull requests", "**Never** panic.", "1. is where lists start", "`<T>` comes before `<U>`"} {
		path := writeFile(t, "- One.\n")
		_, after, err := Add(path, text, "", day)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := after.Rules[1].Text; got != text {
			t.Errorf("%q was read back as %q", text, got)
		}
	}
}

func TestAddToAFaultyFileSaysItsFaultsAndChangesNothing(t *testing.T) {
	path := writeFile(t, "- One.\n\nTwo.\n")
	_, _, err := Add(path, "Three.", "", day)
	if err == nil || !strings.Contains(err.Error(), path+":3:") {
		t.Errorf("error %v, want one that names line 3", err)
	}
	if got := readFile(t, path); got != "- One.\n\nTwo.\n" {
		t.Errorf("the file became %q", got)
	}
}

func TestAddFollowsALinkedFileAndKeepsTheLink(t *testing.T) {
	real := writeFile(t, "- One.\n")
	link := filepath.Join(t.TempDir(), "rules.md")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	_, after, err := Add(link, "Two.", "", day)
	if err != nil {
		t.Fatal(err)
	}
	if after.Path != link {
		t.Errorf("path %s, want the one that was asked for", after.Path)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
	if got := readFile(t, real); got != "- One.\n- Two. <!-- 2026-03-14 -->\n" {
		t.Errorf("the file became %q", got)
	}
}

func TestAddIsNotHinderedByWhatACrashLeftBehind(t *testing.T) {
	path := writeFile(t, "- One.\n")
	for _, name := range []string{path + ".new", path + ".lock"} {
		if err := os.WriteFile(name, []byte("- half a ru"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path+".lock", 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Add(path, "Two.", "", day); err != nil {
		t.Fatal(err)
	}
	if got := leftovers(t, path); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestRulesAddedAtOnceAreAllKeptAndNobodyReadsHalfAFile(t *testing.T) {
	path := writeFile(t, "- Rule of the beginning.\n")
	const writers, each = 8, 5
	var adding, reading sync.WaitGroup
	done := make(chan struct{})
	reading.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := Load(path); err != nil {
				t.Errorf("read while others write: %v", err)
				return
			}
		}
	})
	for w := range writers {
		adding.Go(func() {
			for i := range each {
				if _, _, err := Add(path, "Rule "+string(rune('a'+w))+string(rune('0'+i)), "", day); err != nil {
					t.Error(err)
				}
			}
		})
	}
	adding.Wait()
	close(done)
	reading.Wait()
	file, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(file.Rules); got != 1+writers*each {
		t.Errorf("%d rules, want %d", got, 1+writers*each)
	}
}

func texts(f File) []string {
	var all []string
	for _, r := range f.Rules {
		all = append(all, r.Text)
	}
	return all
}

func writeFile(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "rules.md")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// leftovers lists what stands beside the rules file, except its lock.
func leftovers(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "rules.md" && e.Name() != "rules.md.lock" {
			names = append(names, e.Name())
		}
	}
	return names
}
