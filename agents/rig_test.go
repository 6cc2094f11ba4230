package agents

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
	"lightsout/agents/process"
	"lightsout/agents/worktree"
	"lightsout/rules"
	"lightsout/store"
)

// rig is a factory without a schedule and without a chat: the test calls the roles and is the person. The GitHub is
// forgetest, git and SQLite are real, sessions are functions of the test, and time is virtual.
type rig struct {
	t       testing.TB
	ctx     context.Context
	dir     string
	hub     *forgetest.Server
	wire    *wire
	store   *store.Store
	mirror  *worktree.Mirror
	factory *Factory
	cli     *script

	mutex     sync.Mutex
	unhealthy map[string]bool // commits that CI calls red whatever they hold
}

// options are what a journey may want otherwise.
type options struct {
	hub      forgetest.Options
	settings Settings
	engines  map[string][]Runner // of single roles
}

// journey runs one journey on a rig of its own and holds at its end what must always be true.
func journey(t *testing.T, change func(*options), walk func(*rig)) {
	t.Helper()
	t.Parallel() // most of a journey is waiting for git
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dir, change)
		defer r.close()
		walk(r)
		r.holdInvariants()
	})
}

const (
	ana      = 1001 // the person who approves
	maxParts = 24
)

// partsRepo is a repository of scripts that each print zero and should print their number.
func partsRepo() map[string][]byte {
	files := map[string][]byte{
		"test.sh":              []byte("for t in tests/*_test.sh; do sh \"$t\" || { echo \"FAIL $t\"; exit 1; }; done\n"),
		"tests/always_test.sh": []byte("true\n"),
	}
	for n := 1; n <= maxParts; n++ {
		files[fmt.Sprintf("part%d.sh", n)] = fmt.Appendf(nil, "part%d() { echo 0; }\n", n)
	}
	return files
}

// partFiles is what solves the n-th ticket.
func partFiles(n int) map[string]string {
	return map[string]string{
		fmt.Sprintf("part%d.sh", n):            fmt.Sprintf("part%d() { echo %d; }\n", n, n),
		fmt.Sprintf("tests/part%d_test.sh", n): fmt.Sprintf(". ./part%d.sh\n[ \"$(part%d)\" = %d ]\n", n, n, n),
	}
}

// redMark is a file that CI does not want to see and that no test of the repository looks at.
const redMark = "red.txt"

func newRig(t testing.TB, dir string, change func(*options)) *rig {
	t.Helper()
	r := &rig{t: t, ctx: t.Context(), dir: dir, cli: &script{}, unhealthy: map[string]bool{}}
	// No two moments are the same, so that an order is one in virtual time too.
	var moments atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(moments.Add(1)) * time.Millisecond) }
	path := os.Getenv("PATH")
	o := options{
		hub: forgetest.Options{Dir: filepath.Join(dir, "hub"), Owner: "acme", Repo: "parts", Token: "token", Now: now, Path: path,
			Checks: []forgetest.Check{{Name: "test", Judge: r.judge}}, Required: []string{"test"}, Strict: true},
		settings: Settings{Base: "main", Test: []string{"sh", "test.sh"}, Rounds: 2, RunLimit: time.Hour, Lease: 15 * time.Minute, MergeMethod: "merge",
			Staging: Staging{Workflow: "staging.yml", Inputs: map[string]string{"sha": "{sha}"}, Limit: time.Hour}, ChecksPatience: time.Hour, Env: []string{"PATH=" + path}},
	}
	if change != nil {
		change(&o)
	}
	must(t, os.MkdirAll(o.hub.Dir, 0o700))
	var err error
	r.hub, err = forgetest.New(r.ctx, o.hub)
	must(t, err)
	_, err = r.hub.Seed(r.ctx, partsRepo(), "Parts")
	must(t, err)
	r.hub.AddMilestone("Parts", time.Now().Add(1000*time.Hour))
	r.hub.SetBaseURL("http://hub.invalid")
	r.wire = newWire(r.hub)
	state := filepath.Join(dir, "state")
	must(t, os.MkdirAll(filepath.Join(state, "git-home"), 0o700))
	r.store, err = store.Open(r.ctx, filepath.Join(state, "lightsout.db"), store.Options{Repo: "acme/parts", Now: now})
	must(t, err)
	must(t, r.store.AddPerson(r.ctx, store.Person{ID: ana, Name: "Ana", Role: store.Owner, Chat: ana}))
	board := forge.Board{Kind: "project", ProjectOwner: "acme", ProjectNumber: 1}
	if o.hub.Board != "" {
		board = forge.Board{Kind: o.hub.Board}
	}
	client, err := forge.New(forge.Options{HTTP: &http.Client{Transport: r.wire}, Token: func() string { return "token" }, RESTURL: "http://hub.invalid/api/v3/",
		GraphQLURL: "http://hub.invalid/api/graphql", Owner: "acme", Repo: "parts", Board: board, Now: now, WriteInterval: -1})
	must(t, err)
	r.mirror, err = worktree.Open(r.ctx, worktree.Options{Dir: filepath.Join(state, "mirror.git"), URL: r.hub.GitDir(), AuthorName: "factory", AuthorEmail: "factory@example.com",
		Now: now, PrivateDir: filepath.Join(state, "git-home"), Path: path})
	must(t, err)
	rulesPath := filepath.Join(dir, "rules.md")
	_, err = rules.Create(rulesPath)
	must(t, err)
	_, err = Marker(r.ctx, r.store, rand.Text)
	must(t, err)
	r.factory = &Factory{Store: r.store, Forge: client, Mirror: r.mirror, Engines: []Runner{r.cli}, RoleEngines: o.engines, RulesPath: rulesPath, Dir: state, Instance: "first life", Settings: o.settings,
		Log: slog.New(slog.DiscardHandler)}
	return r
}

func (r *rig) close() {
	if r.t.Failed() {
		r.t.Logf("what happened:\n%s", r.story())
	}
	r.wire.stop(r.t)
	check(r.t, r.hub.Close())
	check(r.t, r.store.Close())
	synctest.Wait()
}

// again is a later life of the daemon: the same store, mirror and GitHub, another instance with an empty desk.
func (r *rig) again() {
	old := r.factory
	r.factory = &Factory{Store: old.Store, Forge: old.Forge, Mirror: old.Mirror, Engines: old.Engines, RoleEngines: old.RoleEngines, RulesPath: old.RulesPath, Dir: old.Dir,
		Instance: old.Instance + " and the next", Settings: old.Settings, Log: old.Log}
	marker, err := Marker(r.ctx, r.store, nil)
	must(r.t, err)
	must(r.t, r.factory.Recover(r.ctx, marker))
}

// judge is CI: red where the commit carries the mark, or where the test has said so.
func (r *rig) judge(sha string) (pass bool, log string) {
	r.mutex.Lock()
	red := r.unhealthy[sha]
	r.mutex.Unlock()
	if !red {
		_, err := r.git("cat-file", "-e", sha+":"+redMark)
		red = err == nil
	}
	if red {
		return false, "--- FAIL: TestNothingRed\n    " + redMark + " must not be here\n"
	}
	return true, "ok\n"
}

// git asks the repository on GitHub's side.
func (r *rig) git(args ...string) (string, error) {
	out, err := process.Output(r.ctx, process.Command{Args: append([]string{"git"}, args...), Dir: r.hub.GitDir(), Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}})
	return strings.TrimSpace(string(out)), err
}

// ticket files the n-th ticket, ready to be taken.
func (r *rig) ticket(n int) int {
	r.t.Helper()
	body := fmt.Sprintf("`part%[1]d` in `part%[1]d.sh` prints 0.\n\n## Expected behaviour\n\n`part%[1]d` prints %[1]d.\n\n## Acceptance\n\n- A test in `tests/part%[1]d_test.sh` runs it.\n", n)
	number, err := r.hub.AddIssue(forgetest.Issue{Title: fmt.Sprintf("Part %d prints zero", n), Body: body, Milestone: 1, Status: "Todo"})
	must(r.t, err)
	return number
}

// The ticks, each to its end and to the end of what it set off on GitHub.
func (r *rig) implement() Report {
	r.t.Helper()
	return r.good((&Implementer{r.factory}).Run(r.ctx))
}

func (r *rig) fix() Report {
	r.t.Helper()
	return r.good((&Fixer{r.factory}).Run(r.ctx))
}

func (r *rig) land() Report {
	r.t.Helper()
	return r.good((&Merger{r.factory}).Run(r.ctx))
}

func (r *rig) good(report Report, err error) Report {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("the tick failed: %v", err)
	}
	r.settle()
	return report
}

// settle waits until GitHub has come to rest.
func (r *rig) settle() {
	r.t.Helper()
	must(r.t, r.hub.Sync(r.ctx))
	must(r.t, r.hub.Idle(r.ctx))
}

// opened takes the n-th ticket to an open pull request that CI has looked at, by the Implementer.
func (r *rig) opened(n int) (ticket, pull int) {
	r.t.Helper()
	ticket = r.ticket(n)
	r.implement()
	return ticket, r.pullOf(ticket)
}

// pullOf is the pull request of a ticket.
func (r *rig) pullOf(ticket int) int {
	r.t.Helper()
	for _, p := range slices.Backward(r.hub.Pulls()) {
		if t, _ := ticketOf(p.HeadRef); t == ticket {
			return p.Number
		}
	}
	r.t.Fatalf("no pull request for #%d", ticket)
	return 0
}

// approve approves what the store shows, as a person does who was shown it.
func (r *rig) approve(pull int) store.Grant {
	r.t.Helper()
	p := r.pull(pull)
	g, err := r.store.Approve(r.ctx, pull, p.Head, p.PatchID, ana, "Ana")
	must(r.t, err)
	return g
}

// push pushes to a pull request's branch as a person.
func (r *rig) push(pull int, files map[string]string) string {
	r.t.Helper()
	p, _ := r.hub.Pull(pull)
	return r.pushTo(p.HeadRef, files)
}

func (r *rig) pushTo(branch string, files map[string]string) string {
	r.t.Helper()
	bytes := map[string][]byte{}
	for name, content := range files {
		bytes[name] = []byte(content)
		if content == "" {
			bytes[name] = nil
		}
	}
	sha, err := r.hub.PushAsPerson(r.ctx, branch, bytes, "by hand")
	must(r.t, err)
	must(r.t, r.hub.Idle(r.ctx))
	return sha
}

// noTime is the end of a pause that has none.
var noTime time.Time

// virtualWait lets time pass.
func virtualWait(d time.Duration) { time.Sleep(d) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check notes an error that does not end the test.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// given is the n-th ticket with a pull request as the factory leaves it, without the session and the proof: for journeys
// that begin there.
func (r *rig) given(n int, more map[string]string) (ticket, pull int) {
	r.t.Helper()
	ticket = r.ticket(n)
	must(r.t, r.hub.Move("lightsout-bot", ticket, "In Review"))
	files := partFiles(n)
	maps.Copy(files, more)
	branch := worktree.Branch(ticket, fmt.Sprintf("Part %d prints zero", n))
	head := r.pushTo(branch, files)
	pr, err := r.factory.Forge.OpenPullRequest(r.ctx, forge.NewPullRequest{Title: fmt.Sprintf("Part %d prints zero", n), Body: fmt.Sprintf("## Why\n\nIt printed zero.\n\nCloses #%d\n", ticket), Head: branch, Base: "main"})
	must(r.t, err)
	_, err = r.store.UpdatePull(r.ctx, pr.Number, func(p *store.Pull) {
		p.Ticket, p.Title, p.URL, p.Branch, p.Base, p.Head, p.Pushed = ticket, pr.Title, pr.URL, branch, "main", head, head
		p.Verdict, p.Reason, p.OpenedAt = store.Waiting, "waiting for CI", pr.CreatedAt
	}, store.Event{Kind: store.PullOpened})
	must(r.t, err)
	return ticket, pr.Number
}

// ready is a given pull request that was read and is green.
func (r *rig) ready(n int) (ticket, pull int) {
	r.t.Helper()
	ticket, pull = r.given(n, nil)
	r.fix()
	r.stands(pull, store.Ready, "")
	return ticket, pull
}
