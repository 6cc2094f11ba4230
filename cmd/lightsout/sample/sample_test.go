package sample

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"lightsout/agents/process"
	"lightsout/agents/worktree"
)

// What becomes of each ticket: how many sessions it takes, "" for the one nobody can take.
var journeys = []struct {
	title    string
	sessions int
	packages string // where its tests are
}{
	{"Paging shows the same item twice", 2, "./internal/query"},
	{"A refused transfer loses parts", 2, "./internal/stock"},
	{"Status counts change while being sent", 2, "./internal/stats"},
	{"CSV export gives prices in cents", 1, "./internal/export"},
	{"CSV export does not name the shelves", 1, "./internal/export"},
	{"Make search better", 0, ""},
}

func TestTheBoardHasTheTicketsTheSolutionsAreFor(t *testing.T) {
	board := readBoard(t)
	if len(board.Tickets) != len(journeys) || board.Milestone == "" {
		t.Fatalf("milestone %q with %d tickets, want %d", board.Milestone, len(board.Tickets), len(journeys))
	}
	sessions := map[string]bool{} // slug/k
	for path := range Solutions() {
		if strings.HasPrefix(path, "review/") {
			continue
		}
		parts := strings.SplitN(path, "/", 3)
		sessions[parts[0]+"/"+parts[1]] = true
	}
	want := map[string]bool{}
	for i, j := range journeys {
		if board.Tickets[i].Title != j.title {
			t.Errorf("ticket %d is %q, want %q", i+1, board.Tickets[i].Title, j.title)
		}
		if vague := board.Tickets[i].Expect == Vague; vague != (j.sessions == 0) {
			t.Errorf("%q is expected to be vague: %v", j.title, vague)
		}
		for k := range j.sessions {
			want[session(j.title, k+1)] = true
		}
	}
	if !maps.Equal(sessions, want) {
		t.Errorf("recorded sessions %v, want %v", sessions, want)
	}
}

func TestATicketThatCanBeTakenSaysWhatIsExpectedAndWhenItIsDone(t *testing.T) {
	files := Repo()
	path := regexp.MustCompile("`([a-z]+/[a-z/_]+\\.go|README\\.md)`")
	for i, ticket := range readBoard(t).Tickets {
		for _, part := range []string{"## Expected behaviour", "## Root cause", "## Acceptance"} {
			if vague := journeys[i].sessions == 0; strings.Contains(ticket.Body, part) == vague {
				t.Errorf("%q: has %q: %v", ticket.Title, part, !vague)
			}
		}
		for _, named := range path.FindAllStringSubmatch(ticket.Body, -1) {
			if files[named[1]] == nil {
				t.Errorf("%q names %s, which is not there", ticket.Title, named[1])
			}
		}
	}
}

func TestOnlyTheTwoExportTicketsTouchTheSameFile(t *testing.T) {
	touched := map[string]string{} // path to title
	for _, j := range journeys {
		own := map[string]bool{}
		for k := range j.sessions {
			for path := range changed(session(j.title, k+1)) {
				own[path] = true
			}
		}
		for path := range own {
			if other := touched[path]; other != "" && !(strings.HasPrefix(other, "CSV export") && strings.HasPrefix(j.title, "CSV export")) {
				t.Errorf("%q and %q both touch %s: the later one would undo the earlier", other, j.title, path)
			}
			touched[path] = j.title
		}
	}
}

func TestEverySessionSaysWhatItDidAndWhy(t *testing.T) {
	all := Solutions()
	for _, j := range journeys {
		for k := range j.sessions {
			text := string(all[session(j.title, k+1)+"/pull-request.md"])
			for _, part := range []string{"## What\n", "## Why\n", "## Tests\n"} {
				if !strings.Contains(text, part) {
					t.Errorf("%q, session %d: no %q in its text", j.title, k+1, part)
				}
			}
		}
	}
}

// TestTheTicketsAreDoneOneAfterTheOther goes the way of the demo, as plainly as possible: the base is
// green; the new tests of each solution fail on what was merged so far, by an assertion; with the
// solution everything passes, on the server too.
func TestTheTicketsAreDoneOneAfterTheOther(t *testing.T) {
	tree := newTree(t, Repo())
	tree.green("sh", "ci/check.sh")
	for _, j := range journeys {
		if j.sessions == 0 {
			continue
		}
		solution := changed(session(j.title, j.sessions))
		tests := maps.Clone(solution)
		maps.DeleteFunc(tests, func(path string, _ []byte) bool { return !strings.HasSuffix(path, "_test.go") })
		tree.write(tests)
		out := tree.red("go", "test", j.packages)
		if !strings.Contains(out, "--- FAIL: Test") || strings.Contains(out, "panic:") || strings.Contains(out, "build failed") {
			t.Errorf("%q: its tests do not fail by an assertion on the base:\n%s", j.title, out)
		}
		tree.write(solution)
		tree.green("go", "test", "./...")
	}
	tree.green("sh", "ci/check.sh")
}

// said is what a reviewer answers about the first session of the paging ticket.
func said(t *testing.T, role string, answer any) {
	t.Helper()
	content := Solutions()["review/"+role+"/"+session("Paging shows the same item twice", 1)+"/say"]
	if err := json.Unmarshal(content, answer); err != nil {
		t.Fatalf("the %s: %v in %q", role, err, content)
	}
}

func TestTheFirstPagingSessionHasABugThatOnlyTheReproductionSees(t *testing.T) {
	var answer struct {
		Rulings []struct {
			ID, Ruling   string
			Reproduction []struct{ Path, Content string }
		}
	}
	said(t, "referee", &answer)
	if len(answer.Rulings) != 3 || answer.Rulings[0].Ruling != "real bug" || answer.Rulings[1].Ruling != "false positive" || answer.Rulings[2].Ruling != "worth noting" {
		t.Fatalf("%+v", answer.Rulings)
	}
	tr := newTree(t, Repo())
	tr.write(changed(session("Paging shows the same item twice", 1)))
	tr.green("sh", "ci/check.sh")
	for _, file := range answer.Rulings[0].Reproduction {
		tr.write(map[string][]byte{file.Path: []byte(file.Content)})
	}
	if out := tr.red("go", "test", "./internal/query"); !strings.Contains(out, "want PART-0005 first") {
		t.Errorf("it fails otherwise:\n%s", out)
	}
	tr.write(changed(session("Paging shows the same item twice", 2)))
	tr.green("sh", "ci/check.sh")
}

func TestWhatTheReviewersPointAtStandsThere(t *testing.T) {
	var raised struct {
		Findings []struct {
			File string
			Line int
		}
	}
	var refuted struct {
		Answers []struct{ Kind, Place string }
	}
	said(t, "enthusiast", &raised)
	said(t, "adversary", &refuted)
	files := Repo()
	maps.Copy(files, changed(session("Paging shows the same item twice", 1)))
	for i, want := range []string{"if item.SKU == after", "next = items[end-1].SKU", "if item.SKU == after"} {
		f := raised.Findings[i]
		if lines := strings.Split(string(files[f.File]), "\n"); !strings.Contains(lines[f.Line-1], want) {
			t.Errorf("%s:%d is %q, want %q", f.File, f.Line, lines[f.Line-1], want)
		}
	}
	for i, want := range []string{"if item.SKU == after", "if end < len(items)", "query.Page("} {
		file, line, _ := strings.Cut(refuted.Answers[i].Place, ":")
		n, err := strconv.Atoi(line)
		if lines := strings.Split(string(files[file]), "\n"); err != nil || !strings.Contains(lines[n-1], want) {
			t.Errorf("%s is not %q", refuted.Answers[i].Place, want)
		}
	}
}

func TestTheFirstTransferSessionLeavesAStubThatItsOwnTestMeets(t *testing.T) {
	tree := newTree(t, Repo())
	tree.write(changed(session("A refused transfer loses parts", 1)))
	out := tree.red("go", "test", "./internal/stock")
	if !strings.Contains(out, "panic: not implemented") {
		t.Errorf("the tests fail for another reason:\n%s", out)
	}
}

func TestTheFirstStatusSessionPassesTheTestsAndFailsOnTheServer(t *testing.T) {
	tree := newTree(t, Repo())
	tree.write(changed(session("Status counts change while being sent", 1)))
	tree.green("go", "test", "./...")
	out := tree.red("sh", "ci/check.sh")
	if !strings.Contains(out, "Snapshot passes lock by value") {
		t.Errorf("the server complains of something else:\n%s", out)
	}
}

func TestAFaultyBoardIsRefusedWithAllItsFaults(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    []string
	}{
		"not TOML": {"milestone = \"x\"\nticket = maybe\n", []string{"board.toml:2: "}},
		"empty":    {"", []string{"no milestone", "no ticket"}},
		"many faults": {
			"milestone = \"x\"\nmilestones = 1\n[[ticket]]\nbody = \"b\"\n[[ticket]]\ntitle = \"A\"\nlabel = []\n[[ticket]]\ntitle = \"A\"\nbody = \"b\"\nexpect = \"merged\"\n",
			[]string{`unknown key "milestones"`, `unknown key "ticket.label"`, "ticket 1 has no title", `ticket 2, "A", has no body`, `tickets 2 and 3 are both called "A"`, `ticket 3, "A", expects "merged"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTickets("board.toml", []byte(c.content))
			if err == nil {
				t.Fatal("no fault was found")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing from: %v", want, err)
				}
			}
		})
	}
}

func readBoard(t *testing.T) Board {
	t.Helper()
	board, err := Tickets()
	if err != nil {
		t.Fatal(err)
	}
	return board
}

func session(title string, k int) string {
	return worktree.Slug(title) + "/" + string(rune('0'+k))
}

// changed returns the files that a session leaves in the worktree, by their paths there.
func changed(session string) map[string][]byte {
	files := map[string][]byte{}
	for path, content := range Solutions() {
		if name, ok := strings.CutPrefix(path, session+"/files/"); ok {
			files[name] = content
		}
	}
	return files
}

// A tree is a copy of the sample repository that commands can be run in.
type tree struct {
	t   *testing.T
	dir string
}

func newTree(t *testing.T, files map[string][]byte) tree {
	t.Helper()
	tr := tree{t, t.TempDir()}
	tr.write(files)
	return tr
}

func (tr tree) write(files map[string][]byte) {
	tr.t.Helper()
	if err := Write(tr.dir, files); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr tree) run(args ...string) (output string, err error) {
	out, err := process.Output(tr.t.Context(), process.Command{
		Args: args, Dir: tr.dir,
		Env: append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off", "GOTOOLCHAIN=local", "PWD="+tr.dir),
	})
	var exit *process.ExitError
	if err != nil && !errors.As(err, &exit) {
		tr.t.Fatalf("%s could not be run: %v", filepath.Base(args[0]), err)
	}
	if exit != nil {
		return string(out) + exit.Stderr, err
	}
	return string(out), nil
}

func (tr tree) green(args ...string) {
	tr.t.Helper()
	if out, err := tr.run(args...); err != nil {
		tr.t.Fatalf("%s is red:\n%s", strings.Join(args, " "), out)
	}
}

func (tr tree) red(args ...string) (output string) {
	tr.t.Helper()
	out, err := tr.run(args...)
	if err == nil {
		tr.t.Fatalf("%s is green:\n%s", strings.Join(args, " "), out)
	}
	return out
}
