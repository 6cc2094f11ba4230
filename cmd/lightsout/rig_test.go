package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lightsout/agents/forge/forgetest"
	"lightsout/agents/process"
	"lightsout/bot/bottest"
	"lightsout/cmd/lightsout/sample"
	"lightsout/store"
)

// rig is a factory whose daemon is a process of its own, between a GitHub and a Telegram that live in the test.
type rig struct {
	t      *testing.T
	dir    string
	forge  *forgetest.Server
	chat   *bottest.Server
	store  *store.Store // a second reader of the daemon's database
	config string
	ticket int

	lacking string // what the daemon's machine lacks, see poorWord
	user    int    // whose the daemon is, where not ours

	mutex  sync.Mutex
	daemon *exec.Cmd
	output bytes.Buffer
	lives  int
	tapped map[string]bool // buttons that a test has pressed by itself
}

// The tiny repository of the rig: a price list in shell, so that its tests end in milliseconds.
var tinyRepo = map[string][]byte{
	"README.md":           []byte("# Prices\n\nAdds up prices. `sh test.sh` runs the tests.\n"),
	"total.sh":            []byte("# total prints the sum of its arguments.\ntotal() { sum=0; for n in \"$@\"; do sum=$((sum + n)); done; echo 1; }\n"),
	"tests/empty_test.sh": []byte(". ./total.sh\n[ -n \"$(total)\" ] || { echo \"total of nothing says nothing\"; exit 1; }\n"),
	"test.sh":             []byte("for t in tests/*_test.sh; do sh \"$t\" || { echo \"FAIL $t\"; exit 1; }; echo \"ok $t\"; done\n"),
}

const (
	tinyTitle = "Total is always one"
	tinyBody  = "`total` in `total.sh` answers 1 whatever it is given.\n\n## Expected behaviour\n\n`total 2 3` prints 5.\n\n## Root cause\n\nIt echoes a constant instead of the sum.\n\n## Acceptance\n\n- A test in `tests/` adds two prices and finds their sum.\n"
)

// tinySolution is what the scripted CLI does about it.
var tinySolution = map[string][]byte{
	"total-is-always-one/1/files/total.sh":          []byte("# total prints the sum of its arguments.\ntotal() { sum=0; for n in \"$@\"; do sum=$((sum + n)); done; echo \"$sum\"; }\n"),
	"total-is-always-one/1/files/tests/sum_test.sh": []byte(". ./total.sh\ngot=$(total 2 3)\n[ \"$got\" = 5 ] || { echo \"total 2 3 = $got, want 5\"; exit 1; }\n"),
	"total-is-always-one/1/pull-request.md":         []byte("## What\n\n`total` prints the sum.\n\n## Why\n\nIt printed a constant, so every bill was wrong.\n"),
	"total-is-always-one/1/say":                     []byte("done\n"),
}

func newRig(t *testing.T, change ...func(*forgetest.Options)) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), tapped: map[string]bool{}}
	executable, err := os.Executable()
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(r.dir, "hub"), 0o700))
	options := forgetest.Options{Dir: filepath.Join(r.dir, "hub"), Owner: "acme", Repo: "prices", Token: "hub-token-canary",
		Checks: []forgetest.Check{{Name: "test", Command: []string{"sh", "test.sh"}}}, Required: []string{"test"}, Strict: true, Helper: executable,
		Env: []string{"PATH=" + os.Getenv("PATH")}, Path: os.Getenv("PATH")}
	for _, f := range change {
		f(&options)
	}
	r.forge, err = forgetest.New(t.Context(), options)
	must(t, err)
	t.Cleanup(func() { check(t, r.forge.Close()) })
	_, err = r.forge.Seed(t.Context(), tinyRepo, "Prices")
	must(t, err)
	r.ticket, err = r.forge.AddIssue(forgetest.Issue{Title: tinyTitle, Body: tinyBody, Milestone: r.forge.AddMilestone("Bills", time.Now().Add(time.Hour)), Status: "Todo"})
	must(t, err)
	hub := httptest.NewServer(r.forge)
	t.Cleanup(hub.Close)
	r.forge.SetBaseURL(hub.URL)
	r.chat = bottest.New(bottest.Options{})
	t.Cleanup(func() { check(t, r.chat.Close()) })
	r.chat.AddPerson(1001, "Ana")
	telegram := httptest.NewServer(r.chat)
	t.Cleanup(telegram.Close)
	r.configure(executable, hub.URL, telegram.URL)
	r.store, err = store.Open(t.Context(), filepath.Join(r.dir, "state", "lightsout.db"), store.Options{Repo: "acme/prices"})
	must(t, err)
	t.Cleanup(func() { check(t, r.store.Close()) })
	must(t, r.store.AddPerson(t.Context(), store.Person{ID: 1001, Name: "Ana", Role: store.Owner, Chat: 1001}))
	t.Cleanup(r.stop)
	return r
}

// configure writes the configuration as a person would.
func (r *rig) configure(executable, hub, telegram string) {
	r.t.Helper()
	scripts := filepath.Join(r.dir, "scripts")
	must(r.t, sample.Write(scripts, tinySolution))
	must(r.t, os.MkdirAll(filepath.Join(r.dir, "state"), 0o700))
	must(r.t, os.WriteFile(filepath.Join(r.dir, "hub.token"), []byte("hub-token-canary\n"), 0o600))
	must(r.t, os.WriteFile(filepath.Join(r.dir, "chat.token"), []byte(r.chat.Token()+"\n"), 0o600))
	r.config = filepath.Join(r.dir, "lightsout.toml")
	must(r.t, os.WriteFile(r.config, fmt.Appendf(nil, `
repository = "acme/prices"
engine = "recorded"
test = ["sh", "test.sh"]

[github]
token = { file = "hub.token" }
rest_url = "%[1]s/api/v3/"
graphql_url = "%[1]s/api/graphql"
git_url = "%[1]s/acme/prices.git"
board = "project"
project = 1
write_interval = "1ms"

[telegram]
token = { file = "chat.token" }
base_url = "%[2]s"
per_chat = "5ms"

[engines.recorded]
kind = "command"
path = "%[3]s"
args = ["scripted-cli", "%[4]s"]
writable = ["%[4]s"]

[schedule]
implementer = "@every 1s"
fixer = "@every 1s"
merger = "@every 1s"
follow_up = "50ms"

[staging]
workflow = "staging.yml"
inputs = { sha = "{sha}" }
limit = "45s"

[containment]
landlock = "auto"
`, hub, telegram, executable, scripts), 0o600))
}

// uncontain lets sessions reach what Landlock would keep from them, the daemon's process among it.
func (r *rig) uncontain() {
	r.t.Helper()
	text, err := os.ReadFile(r.config)
	must(r.t, err)
	must(r.t, os.WriteFile(r.config, bytes.Replace(text, []byte(`landlock = "auto"`), []byte(`landlock = "off"`), 1), 0o600))
}

// start starts the daemon as a process of its own, and returns when it polls: before that it may not yet know what TERM
// means.
func (r *rig) start(flags ...string) {
	r.t.Helper()
	before := r.chat.Requests()["getUpdates"]
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.lives++
	r.daemon = r.program(append([]string{"run", "--config", r.config}, flags...)...)
	r.daemon.Stderr = &r.output
	must(r.t, r.daemon.Start())
	for begun := time.Now(); r.chat.Requests()["getUpdates"] == before && !r.gone(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			r.t.Fatal("the chat has not been polled after a minute")
		}
	}
}

// program is lightsout with arguments, as a process of its own where the daemon is.
func (r *rig) program(args ...string) *exec.Cmd {
	r.t.Helper()
	executable, err := os.Executable()
	must(r.t, err)
	words := []string{daemonWord}
	if r.lacking != "" {
		words = []string{poorWord, r.lacking}
	}
	cmd := exec.Command(executable, append(words, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}
	if r.user != 0 {
		cmd.Path = filepath.Join(r.dir, "program")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(r.user), Gid: uint32(r.user)}}
	}
	return cmd
}

// kill ends the daemon as a power cut does. It returns when the process is gone.
func (r *rig) kill() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.daemon != nil {
		_ = r.daemon.Process.Kill()
		_ = r.daemon.Wait() // "signal: killed" is what was wanted
		r.daemon = nil
	}
}

// stop asks the daemon to end, and shows what it logged when the test failed.
func (r *rig) stop() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.daemon != nil {
		_ = r.daemon.Process.Signal(syscall.SIGTERM)
		if err := r.daemon.Wait(); err != nil {
			r.t.Errorf("the daemon ended with %v", err)
		}
		r.daemon = nil
	}
	if r.t.Failed() {
		r.t.Logf("what the daemon logged:\n%s", r.output.String())
	}
}

// died tells that the daemon has ended by itself, as one does that a session killed.
func (r *rig) died() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.gone()
}

// gone is died for who holds the mutex.
func (r *rig) gone() bool {
	if r.daemon == nil {
		return true
	}
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(r.daemon.Process.Pid, &status, syscall.WNOHANG, nil)
	if err == nil && pid == r.daemon.Process.Pid {
		r.daemon = nil
		return true
	}
	return false
}

// tapReady presses Approve on what the chat calls ready, once for each button.
func (r *rig) tapReady(tapped map[string]bool) {
	for _, m := range r.chat.Messages(1001) {
		if button, key, ok := approveButton(m); ok && !tapped[key] {
			tapped[key] = true
			press(r.t, r.chat, m.ID, button)
		}
	}
}

// press taps a button as a person does: one that was edited away between the look and the tap is no error.
func press(t *testing.T, chat *bottest.Server, message int, button string) {
	if err := chat.Press(1001, message, button); err != nil && !errors.Is(err, bottest.ErrUnknown) {
		t.Error(err)
	}
}

// landed tells whether the ticket is Done and staged and the factory has come to rest.
func (r *rig) landed() bool {
	issue, _ := r.forge.Issue(r.ticket)
	deployments := r.forge.Deployments()
	if issue.Status != "Done" || len(deployments) == 0 || deployments[0].State != "success" {
		return false
	}
	pulls, err := r.store.AllPulls(r.t.Context())
	if err != nil || len(pulls) == 0 || pulls[0].Staging != "up" {
		return false
	}
	claims, err := r.store.Unreleased(r.t.Context())
	outgoing, incoming, backlog := r.store.Backlog(r.t.Context())
	return errors.Join(err, backlog) == nil && len(claims) == 0 && outgoing+incoming == 0
}

// await looks until done holds, tapping Approve as a person would.
func (r *rig) await(done func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	tapped := map[string]bool{}
	for !done() {
		r.tapReady(tapped)
		select {
		case <-ctx.Done():
			r.t.Fatalf("it has not come to its end after a minute; lives %d, mutations:\n%s", r.lives, r.story())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// watch looks until done holds, a minute at the most, and taps nothing.
func (r *rig) watch(done func() bool) {
	r.t.Helper()
	r.watchFor(time.Minute, done)
}

func (r *rig) watchFor(limit time.Duration, done func() bool) {
	r.t.Helper()
	for begun := time.Now(); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > limit {
			r.t.Fatalf("it has not come to its end after %s:\n%s", limit, r.story())
		}
	}
}

// story is what GitHub and the chat saw, for a test that failed.
func (r *rig) story() string {
	var b strings.Builder
	for _, m := range r.forge.Mutations() {
		fmt.Fprintf(&b, "%3d %-16s %-14s %-10s %s\n", m.N, m.Kind, m.Actor, m.Target, m.Detail)
	}
	pulls, err := r.store.AllPulls(r.t.Context())
	for _, p := range pulls {
		fmt.Fprintf(&b, "#%d %s (%s), staging %q\n", p.Number, p.Verdict, p.Reason, p.Staging)
	}
	fmt.Fprintln(&b, err)
	if err := r.chat.WriteJSON(&b); err != nil {
		fmt.Fprintln(&b, err)
	}
	return b.String()
}

// checkInvariants holds what must be true however often the daemon died.
func (r *rig) checkInvariants() {
	t := r.t
	t.Helper()
	count := map[string]int{}
	for _, m := range r.forge.Mutations() {
		count[m.Kind]++
	}
	for kind, want := range map[string]int{"pull.create": 1, "pull.merge": 1, "dispatch": 1} {
		if count[kind] != want {
			t.Errorf("%d × %s, want %d; GitHub saw:\n%s", count[kind], kind, want, r.story())
		}
	}
	if n := len(r.forge.Deployments()); n != 1 {
		t.Errorf("%d deployments, want 1", n)
	}
	if branches := r.branches(); len(branches) != 1 || branches[0] != "main" {
		t.Errorf("branches left: %v, want main alone", branches)
	}
	r.checkRest()
	merged := 0
	for _, m := range r.chat.Messages(1001) {
		if !m.Deleted && strings.Contains(m.Plain, "merged as") && m.ReplyTo != 0 {
			merged++
		}
	}
	// A notice whose answer was lost may come twice, never not at all.
	if merged < 1 || merged > 2 {
		t.Errorf("the merge was told %d times", merged)
	}
}

// checkRest holds that nothing is left behind of a factory that has come to rest.
func (r *rig) checkRest() {
	t := r.t
	t.Helper()
	claims, err := r.store.Unreleased(t.Context())
	must(t, err)
	running, err := r.store.Running(t.Context())
	must(t, err)
	doubts, err := r.store.InDoubt(t.Context())
	must(t, err)
	if len(claims)+len(running)+len(doubts) != 0 {
		t.Errorf("left behind: claims %v, runs %v, effects in doubt %v", claims, running, doubts)
	}
	installation, err := r.store.Setting(t.Context(), "installation")
	must(t, err)
	if left, err := process.EndMarked(t.Context(), "lightsout-"+installation+"-"); err != nil || left != 0 {
		t.Errorf("%d processes left, %v", left, err)
	}
	if unexpected := append(r.forge.Unexpected(), r.chat.Unexpected()...); len(unexpected) > 0 {
		t.Errorf("the servers met what the real ones would not understand:\n%s", strings.Join(unexpected, "\n"))
	}
}

func (r *rig) branches() []string {
	out, err := process.Output(r.t.Context(), process.Command{Args: []string{"git", "for-each-ref", "--format=%(refname:short)", "refs/heads/"}, Dir: r.forge.GitDir(),
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}})
	must(r.t, err)
	return strings.Fields(string(out))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check notes an error that does not end the test.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
