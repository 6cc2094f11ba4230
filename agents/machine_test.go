package agents

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"lightsout/agents/engine"
	"lightsout/agents/forge/forgetest"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// notes collects what a walk of the machine got wrong, so that rapid can walk again to find a shorter way to it.
type notes struct {
	testing.TB
	mutex sync.Mutex
	lines []string
}

// errStop ends a walk, as t.FailNow ends a test.
var errStop = errors.New("stop")

func (n *notes) Errorf(format string, args ...any) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}
func (n *notes) Error(args ...any)                 { n.Errorf("%s", fmt.Sprint(args...)) }
func (n *notes) Fatalf(format string, args ...any) { n.Errorf(format, args...); panic(errStop) }
func (n *notes) Fatal(args ...any)                 { n.Fatalf("%s", fmt.Sprint(args...)) }
func (n *notes) Helper()                           {}
func (n *notes) Logf(string, ...any)               {} // the walk that rapid settles on is told as a whole

func (n *notes) Failed() bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return len(n.lines) > 0
}

// A step is what happens next, and to which of the pull requests.
type step struct {
	what string
	pull int
}

// What people, GitHub and the roles do. Those that happen more often stand here more often.
var happenings = []string{
	"land", "land", "land", "land", "fix", "fix", "fix", "approve", "approve", "approve", "approve",
	"push", "push red", "cancel out", "empty commit", "close", "reopen", "unapprove", "reject", "pause", "resume", "resume", "base moves", "base moves",
	"clash", "review rejects", "review rejects", "review approves", "remark", "draft", "retarget", "hand back", "hand back", "check fails", "check heals", "lose an answer", "refuse a write", "restart", "time passes",
}

func TestWhateverHappensTheInvariantsHold(t *testing.T) {
	must(t, flag.Set("rapid.checks", fmt.Sprint(machineWalks)))
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{what: rapid.SampledFrom(happenings).Draw(rt, "what"), pull: rapid.IntRange(0, 2).Draw(rt, "pull")}
		}), machineSteps, machineSteps).Draw(rt, "steps")
		var n *notes
		dir, err := os.MkdirTemp(t.TempDir(), "walk")
		must(t, err)
		story := ""
		synctest.Test(t, func(bubble *testing.T) {
			n = &notes{TB: bubble}
			story = walk(n, dir, steps)
		})
		if n.Failed() {
			rt.Fatalf("%s\n%s", strings.Join(n.lines, "\n"), story)
		}
	})
}

// walk goes through the steps on a rig of its own and returns what happened.
func walk(n *notes, dir string, steps []step) (story string) {
	r := newRig(n, dir, func(o *options) {
		o.hub.Required = []string{"test", manual}
		o.settings.Reviewers = []string{robot}
	})
	defer func() {
		if problem := recover(); problem != nil && problem != any(errStop) {
			n.Errorf("panic: %v\n%s", problem, debug.Stack())
		}
		story = r.story()
		r.close()
	}()
	m := &machine{rig: r, voided: map[int]bool{}, objected: map[int]bool{}}
	r.hub.AddPerson("ana", "MEMBER")
	r.pushTo("release", map[string]string{"notes.txt": "of the release\n"})
	for k := range 3 {
		carries := map[string]string(nil)
		if k == 0 {
			carries = red // the first needs a repair
		}
		_, pull := r.given(k+1, carries)
		m.pulls = append(m.pulls, pull)
	}
	m.tick("fix")
	for _, s := range steps {
		m.do(s)
	}
	m.comeToRest()
	r.holdInvariants()
	return ""
}

const (
	manual = "manual"     // a required check that a service of somebody else reports
	robot  = "robot[bot]" // the automated reviewer
)

// machine is the rig and what a person knows of it.
type machine struct {
	*rig
	pulls    []int
	voided   map[int]bool // what stands there is not what was approved
	objected map[int]bool // somebody asked for changes and has not approved since
	pushed   []string     // by people: never to be lost
	lift     []func()
	says     int
}

func (m *machine) do(s step) {
	pull := m.pulls[s.pull]
	shown, _ := m.hub.Pull(pull)
	row, err := m.store.Pull(m.ctx, pull)
	must(m.t, err)
	switch s.what {
	case "land", "fix":
		m.tick(s.what)
	case "restart":
		m.again()
	case "time passes":
		virtualWait(updatePatience)
	case "approve":
		_, err := m.store.Approve(m.ctx, pull, row.Head, row.PatchID, ana, "Ana")
		switch {
		case err == nil:
			m.voided[pull] = !m.sameDiff(row.Head, shown.Head)
		case !errors.Is(err, store.ErrAlready) && !errors.Is(err, store.ErrNotOpen) && !errors.Is(err, store.ErrStale):
			m.t.Fatal(err)
		}
	case "unapprove":
		if err := m.store.EndGrant(m.ctx, pull, store.ApprovalWithdrawn, "by Ana"); err != nil && !errors.Is(err, store.ErrNotFound) {
			m.t.Fatal(err)
		}
		m.voided[pull] = true
	case "reject":
		m.says++
		must(m.t, m.store.Ask(m.ctx, store.Request{Key: fmt.Sprint("reject", m.says), Kind: store.RequestReject, Pull: pull, Head: row.Head, Text: "Say what it prints.", ByID: ana, ByName: "Ana"}))
	case "pause":
		must(m.t, m.store.Pause(m.ctx, "", noTime, "Ana"))
	case "resume":
		_, err := m.store.Resume(m.ctx, "", "Ana")
		must(m.t, err)
	case "hand back":
		if row.Verdict == store.Foreign || row.Verdict == store.Draft || row.Verdict == store.Parked {
			m.handBack(row.Ticket, pull, row.Head)
		}
	case "clash":
		m.says++
		m.pushTo("main", map[string]string{fmt.Sprintf("part%d.sh", s.pull+1): fmt.Sprintf("part%d() { echo 0; } # %d\n", s.pull+1, m.says)})
	case "base moves":
		m.says++
		m.baseMoves(fmt.Sprint(m.says))
	case "lose an answer":
		m.lift = append(m.lift, m.hub.Fault(forgetest.Fault{Kind: forgetest.DropAfter, Match: writing}))
	case "refuse a write":
		m.lift = append(m.lift, m.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Match: writing}))
	default:
		if shown.Open {
			m.touch(s.what, pull, shown)
		} else if s.what == "reopen" && !shown.Merged {
			check(m.t, m.hub.Reopen("acme", pull))
		}
	}
	m.settle()
}

// touch is what a person or a service does to an open pull request.
func (m *machine) touch(what string, pull int, shown forgetest.Pull) {
	m.says++
	mine := fmt.Sprintf("mine%d.txt", m.says)
	switch what {
	case "push":
		m.pushes(pull, map[string]string{mine: "mine\n"})
	case "push red":
		m.pushes(pull, red)
	case "cancel out":
		m.pushes(pull, map[string]string{mine: "mine\n"})
		m.pushes(pull, map[string]string{mine: ""})
	case "empty commit":
		m.pushes(pull, nil)
	case "close":
		check(m.t, m.hub.CloseIssue("acme", pull))
	case "retarget": // there, and back
		base := "release"
		if shown.BaseRef == base {
			base = "main"
		}
		check(m.t, m.hub.Retarget("acme", pull, base))
	case "draft":
		pr, err := m.factory.Forge.Fresh().PullRequest(m.ctx, pull)
		check(m.t, err)
		check(m.t, m.factory.Forge.ConvertToDraft(m.ctx, pr))
	case "review rejects":
		m.objected[pull] = true
		check(m.t, m.hub.AddReview(pull, forgetest.Review{Author: "ana", State: "CHANGES_REQUESTED", Body: "Say what it prints.", Comments: []forgetest.ReviewComment{{Path: "part1.sh", Line: 1, Body: "Here."}}}))
	case "review approves":
		m.objected[pull] = false
		check(m.t, m.hub.AddReview(pull, forgetest.Review{Author: "ana", State: "APPROVED", Body: "Good."}))
	case "remark":
		check(m.t, m.hub.AddReview(pull, forgetest.Review{Author: robot, State: "COMMENTED", Body: "One remark.", Comments: []forgetest.ReviewComment{{Path: "part1.sh", Line: 1, Body: "Say what it prints."}}}))
	case "check fails":
		check(m.t, m.hub.SetStatus("acme", shown.Head, manual, "failure", "no"))
	case "check heals":
		check(m.t, m.hub.SetStatus("acme", shown.Head, manual, "success", "yes"))
	}
}

func (m *machine) pushes(pull int, files map[string]string) {
	m.pushed = append(m.pushed, m.push(pull, files))
	m.voided[pull] = true
}

// writing matches the API's writes.
func writing(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/graphql")
}

// sameDiff says by git alone whether one head of a branch is another one brought up to date.
func (m *machine) sameDiff(from, to string) bool {
	if from == to {
		return true
	}
	added, err := m.git("rev-list", "--count", "--no-merges", from+".."+to, "^main")
	return err == nil && added == "0"
}

// tick runs a role; a fault may fail it. Then every merge it made must have been allowed.
func (m *machine) tick(role string) {
	m.report()
	_, paused, err := m.store.PausedFor(m.ctx, MergerRole)
	must(m.t, err)
	before := map[int]forgetest.Pull{}
	for _, p := range m.pulls {
		before[p], _ = m.hub.Pull(p)
	}
	m.cli.turns = []turn{repair, repair, repair, repair}
	if role == "land" {
		_, err = (&Merger{m.factory}).Run(m.ctx)
	} else {
		_, err = (&Fixer{m.factory}).Run(m.ctx)
	}
	if err != nil && len(m.lift) == 0 {
		m.t.Errorf("the tick of the %s failed: %v", role, err)
	}
	m.settle()
	for _, pull := range m.pulls {
		was := before[pull]
		now, _ := m.hub.Pull(pull)
		switch {
		case now.Merged && !was.Merged:
			if paused || role != "land" || m.voided[pull] || m.objected[pull] || was.Draft || was.BaseRef != "main" || !was.Open || was.Checks["test"] != "success" || len(m.told(store.Approved, pull)) == 0 {
				m.t.Errorf("#%d was merged: paused %v, by %s, approval void %v, objected %v, open %v, draft %v, base %s, checks %v", pull, paused, role, m.voided[pull], m.objected[pull], was.Open, was.Draft, was.BaseRef, was.Checks)
			}
			m.holdTree(pull, was.Head)
		case !now.Merged && now.Open != was.Open:
			m.t.Errorf("#%d was opened or closed by the factory", pull)
		}
	}
}

// holdTree holds that what main has become is what CI saw on the head.
func (m *machine) holdTree(pull int, head string) {
	main, err := m.git("rev-parse", "main^{tree}")
	must(m.t, err)
	seen, err := m.git("rev-parse", head+"^{tree}")
	must(m.t, err)
	if main != seen {
		m.t.Errorf("the merge of #%d made a main that CI has not seen", pull)
	}
}

// report has the service report on heads that it has not seen.
func (m *machine) report() {
	for _, pull := range m.pulls {
		shown, _ := m.hub.Pull(pull)
		checks, err := m.factory.Forge.Fresh().Checks(m.ctx, shown.Head)
		must(m.t, err)
		reported := false
		for _, c := range checks {
			reported = reported || c.Name == manual
		}
		if !reported {
			must(m.t, m.hub.SetStatus("acme", shown.Head, manual, "success", "yes"))
		}
	}
}

// repair settles what conflicts, takes out what is red, or does what a reviewer asks.
func repair(_ context.Context, s engine.Session) (engine.Result, error) {
	n, err := partOf(s)
	if err != nil {
		return engine.Result{}, err
	}
	name := fmt.Sprintf("part%d.sh", n)
	if text, err := os.ReadFile(filepath.Join(s.Dir, name)); err == nil && worktree.Marked(text) {
		return leave(s, map[string]string{name: partFiles(n)[name]})
	}
	if _, err := os.Stat(filepath.Join(s.Dir, redMark)); err == nil {
		return leave(s, clean)
	}
	old, err := os.ReadFile(filepath.Join(s.Dir, "README.md"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return engine.Result{}, err
	}
	return leave(s, map[string]string{"README.md": string(old) + "It prints its number.\n"})
}

// comeToRest ends what goes wrong, and holds that the factory finds its way back and loses nothing.
func (m *machine) comeToRest() {
	for _, lift := range m.lift {
		lift()
	}
	m.lift = nil
	_, err := m.store.Resume(m.ctx, "", "Ana")
	must(m.t, err)
	for range 3 {
		m.tick("fix")
		m.tick("land")
	}
	for range 8 {
		m.tick("land")
		virtualWait(updatePatience)
	}
	for _, pull := range m.pulls {
		if p := m.pull(pull); p.Verdict == store.Approval || p.Verdict == store.Landing || p.Verdict == store.Running || p.Verdict == store.Unknown {
			m.t.Errorf("#%d is left %s: %s", pull, p.Verdict, p.Reason)
		}
		for _, e := range m.told(store.PullUpdated, pull) {
			if head := e.Data["head"]; head == "" {
				m.t.Errorf("an update of #%d without a head", pull)
			}
		}
	}
	for _, sha := range m.pushed {
		if holders, err := m.git("for-each-ref", "--contains", sha, "--format=%(refname)", "refs/heads/"); err != nil || holders == "" {
			m.t.Errorf("a person's commit %.7s is in no branch any more", sha)
		}
	}
}
