//go:build ci

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lightsout/agents"
	"lightsout/agents/forge/forgetest"
	"lightsout/cmd/lightsout/sample"
	"lightsout/store"
)

// plight is a situation in which the daemon has something to do beyond the straight road, and is killed at it.
type plight struct {
	name   string
	hub    func(*forgetest.Options)
	begin  func(*rig)      // before the daemon starts
	act    func(*rig)      // what people do, at every look; nil: they approve what is ready
	over   func(*rig) bool // beside that everything has come to rest
	strike []blow          // the writes at which the daemon is killed, both before and after each
	once   []string        // the kinds of changes whose number no death may alter
}

// blow kills the daemon at the nth write of a kind, before or after it is committed.
type blow struct {
	kind  string
	nth   int
	phase string
}

// strikeAt kills the daemon at a blow and starts it again; counts tells how many writes of each kind there were.
func (r *rig) strikeAt(b blow) (struck func() bool, counts func() map[string]int) {
	var mutex sync.Mutex
	seen, fallen := map[string]int{}, false
	r.forge.OnWrite(func(_ int, kind, phase string) {
		mutex.Lock()
		seen[kind+" "+phase]++
		hit := !fallen && kind == b.kind && phase == b.phase && seen[kind+" "+phase] == b.nth
		fallen = fallen || hit
		mutex.Unlock()
		if hit {
			r.kill()
			r.start()
			if phase == "before" {
				panic(http.ErrAbortHandler)
			}
		}
	})
	return func() bool { mutex.Lock(); defer mutex.Unlock(); return fallen },
		func() map[string]int {
			mutex.Lock()
			defer mutex.Unlock()
			out := map[string]int{}
			for key, n := range seen {
				if kind, phase, _ := strings.Cut(key, " "); phase == "before" {
					out[kind] = n
				}
			}
			return out
		}
}

// go through a plight to its end.
func (p plight) run(t *testing.T, b blow) (r *rig, counts map[string]int, struck bool) {
	t.Helper()
	change := p.hub
	if change == nil {
		change = func(*forgetest.Options) {}
	}
	r = newRig(t, change)
	if p.begin != nil {
		p.begin(r)
	}
	fell, count := r.strikeAt(b)
	r.start()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	tapped := map[string]bool{}
	for !(p.over(r) && r.rests()) {
		if p.act != nil {
			p.act(r)
		}
		r.tapReady(tapped)
		select {
		case <-ctx.Done():
			t.Fatalf("it has not come to its end; lives %d, mutations:\n%s", r.lives, r.story())
		case <-time.After(20 * time.Millisecond):
		}
	}
	r.stop()
	r.checkRest()
	return r, count(), fell()
}

// rests tells that nobody works and everything was said.
func (r *rig) rests() bool {
	claims, err := r.store.Unreleased(r.t.Context())
	doubts, doubtsErr := r.store.InDoubt(r.t.Context())
	outgoing, incoming, backlog := r.store.Backlog(r.t.Context())
	return errors.Join(err, doubtsErr, backlog) == nil && len(claims)+len(doubts) == 0 && outgoing+incoming == 0
}

// changes counts what was changed on GitHub, by kind.
func (r *rig) changes() map[string]int {
	count := map[string]int{}
	for _, m := range r.forge.Mutations() {
		count[m.Kind]++
	}
	return count
}

// tap presses the newest living button with a label, once.
func (r *rig) tapOnce(label string, tapped map[string]bool) {
	for _, m := range r.chat.Messages(1001) {
		for _, button := range slices.Concat(m.Buttons...) {
			if strings.Contains(button.Text, label) && !m.Deleted && !tapped[button.Data] {
				tapped[button.Data] = true
				press(r.t, r.chat, m.ID, button.Text)
				return
			}
		}
	}
}

// solutions lays out what the k-th session for the ticket does: its total.sh, and files beside.
func (r *rig) solutions(files ...map[string]string) {
	r.t.Helper()
	for k, changed := range files {
		script := map[string][]byte{}
		for name, content := range tinySolution {
			script[strings.Replace(name, "/1/", fmt.Sprintf("/%d/", k+1), 1)] = content
		}
		for name, content := range changed {
			script[fmt.Sprintf("total-is-always-one/%d/%s", k+1, name)] = []byte(content)
		}
		must(r.t, sample.Write(filepath.Join(r.dir, "scripts"), script))
	}
}

// reconfigure changes the rig's configuration.
func (r *rig) reconfigure(old, new string) {
	r.t.Helper()
	text, err := os.ReadFile(r.config)
	must(r.t, err)
	if !bytes.Contains(text, []byte(old)) {
		r.t.Fatalf("no %q in the configuration", old)
	}
	must(r.t, os.WriteFile(r.config, bytes.Replace(text, []byte(old), []byte(new), 1), 0o600))
}

// unformatted is a total.sh that works and that CI's lint does not take.
func unformatted(n int) string {
	return fmt.Sprintf("# unformatted %d\n%s", n, tinySolution["total-is-always-one/1/files/total.sh"])
}

// linted adds a check to CI that names the file at fault.
func linted(o *forgetest.Options) {
	o.Checks = append(o.Checks, forgetest.Check{Name: "lint", Command: []string{"sh", "-c", `! grep -n unformatted total.sh || { echo "error: total.sh is unformatted"; exit 1; }`}})
	o.Required = append(o.Required, "lint")
}

func plights() []plight {
	return []plight{
		{name: "a red pull request is repaired", hub: linted,
			begin:  func(r *rig) { r.solutions(map[string]string{"files/total.sh": unformatted(1)}, nil) },
			over:   (*rig).landed,
			strike: []blow{{kind: "push", nth: 2}, {kind: "issue.label", nth: 1}, {kind: "issue.unlabel", nth: 1}, {kind: "issue.comment", nth: 1}, {kind: "comment.edit", nth: 1}, {kind: "pull.edit", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "issue.comment", "push"}},
		{name: "a review is answered",
			hub: func(o *forgetest.Options) {
				first := ""
				o.Reviewer = func(p forgetest.Pull) []forgetest.Review { // asked one at a time
					if first == "" || first == p.Head {
						first = p.Head
						return []forgetest.Review{{Author: "robot[bot]", State: "CHANGES_REQUESTED", Body: "Not yet.", Comments: []forgetest.ReviewComment{{Path: "total.sh", Line: 1, Body: "Say it in the README."}}}}
					}
					return []forgetest.Review{{Author: "robot[bot]", State: "APPROVED", Body: "Good."}}
				}
			},
			begin: func(r *rig) {
				r.reconfigure("[github]\n", "[github]\nreviewers = [\"robot[bot]\"]\n")
				r.solutions(nil, map[string]string{"files/README.md": "# Prices\n\nAdds up prices. `sh test.sh` runs the tests. `total 2 3` is 5.\n",
					"pull-request.md": string(tinySolution["total-is-always-one/1/pull-request.md"]) + "\n## Answers\n\n1. Said in the README.\n"})
			},
			over:   (*rig).landed,
			strike: []blow{{kind: "thread.reply", nth: 1}, {kind: "thread.resolve", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "thread.reply", "push"}},
		{name: "a flaky check runs again",
			hub: func(o *forgetest.Options) {
				var mutex sync.Mutex
				var heads []string // in the order in which CI met them: main first, then the pull request
				asked := map[string]bool{}
				o.Checks = append(o.Checks, forgetest.Check{Name: "flaky", Judge: func(sha string) (bool, string) {
					mutex.Lock()
					defer mutex.Unlock()
					if !slices.Contains(heads, sha) {
						heads = append(heads, sha)
					}
					again := asked[sha]
					asked[sha] = true
					return again || slices.Index(heads, sha) != 1, "FAIL: the moon is not full\n"
				}})
				o.Required = append(o.Required, "flaky")
			},
			over:   (*rig).landed,
			strike: []blow{{kind: "check.rerun", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "check.rerun"}},
		{name: "three attempts do not repair it", hub: linted,
			begin: func(r *rig) {
				var tries []map[string]string
				for n := range 5 {
					tries = append(tries, map[string]string{"files/total.sh": unformatted(n)})
				}
				r.solutions(tries...)
			},
			over: func(r *rig) bool {
				issue, _ := r.forge.Issue(r.ticket)
				pulls := r.forge.Pulls()
				return issue.Status == "Todo" && len(pulls) == 1 && pulls[0].Draft
			},
			strike: []blow{{kind: "issue.comment", nth: 2}, {kind: "pull.draft", nth: 1}, {kind: "issue.label", nth: 4}, {kind: "project.move", nth: 3}},
			once:   []string{"pull.create", "pull.draft", "issue.comment"}},
		{name: "the base has moved on", act: movesBase("notes.txt", "one\n"),
			over:   (*rig).landed,
			strike: []blow{{kind: "pull.update-branch", nth: 1}, {kind: "push", nth: 2}},
			once:   []string{"pull.create", "pull.merge", "dispatch"}},
		{name: "a conflict is settled", act: movesBase("total.sh", strings.Replace(string(tinyRepo["total.sh"]), "; }", "; } # of prices", 1)),
			begin:  func(r *rig) { r.solutions(nil, nil) },
			over:   (*rig).landed,
			strike: []blow{{kind: "push", nth: 3}, {kind: "comment.edit", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "push", "issue.comment"}},
		{name: "main is red for a while",
			hub: func(o *forgetest.Options) {
				o.Checks = append(o.Checks, forgetest.Check{Name: "site", Command: []string{"sh", "-c", "! grep broken site.txt"}})
				o.Required = append(o.Required, "site")
			},
			begin: func(r *rig) {
				r.reconfigure("[schedule]\n", "[merge]\nbase_red_ticket = true\n\n[schedule]\n")
				r.pushToMain("site.txt", "broken\n")
			},
			act: func(r *rig) {
				if _, filed := r.aboutMain(); filed && !r.tapped["repaired"] {
					r.tapped["repaired"] = true
					r.pushToMain("site.txt", "whole\n")
				}
			},
			over: func(r *rig) bool {
				ticket, filed := r.aboutMain()
				return filed && !ticket.Open && r.landed()
			},
			strike: []blow{{kind: "issue.create", nth: 1}, {kind: "issue.comment", nth: 1}, {kind: "issue.edit", nth: 1}},
			once:   []string{"issue.create", "issue.comment", "pull.create", "pull.merge", "dispatch"}},
		{name: "a merge is taken back",
			hub: func(o *forgetest.Options) {
				broken := ""
				o.Staging.Outcome = func(sha string) string { // asked one at a time
					if broken == "" || broken == sha {
						broken = sha
						return "failure"
					}
					return "success"
				}
			},
			act: func(r *rig) { r.tapOnce("Revert", r.tapped) },
			over: func(r *rig) bool {
				pulls, err := r.store.AllPulls(r.t.Context())
				return err == nil && len(pulls) == 2 && pulls[1].Staging == "up"
			},
			strike: []blow{{kind: "push", nth: 3}, {kind: "pull.create", nth: 2}, {kind: "pull.merge", nth: 2}, {kind: "dispatch", nth: 2}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "branch.delete"}},
	}
}

// pushToMain is a person's push.
func (r *rig) pushToMain(name, content string) {
	_, err := r.forge.PushAsPerson(r.t.Context(), "main", map[string][]byte{name: []byte(content)}, "by hand")
	check(r.t, err)
}

// aboutMain is the ticket that says that main is red. A request that dies half way uses up a number.
func (r *rig) aboutMain() (ticket forgetest.Issue, filed bool) {
	for n := r.ticket + 1; n < r.ticket+4; n++ {
		if ticket, filed = r.forge.Issue(n); filed && ticket.Title == "main is red" {
			return ticket, true
		}
	}
	return forgetest.Issue{}, false
}

// movesBase has somebody push to main when the pull request is ready, before it is approved.
func movesBase(name, content string) func(*rig) {
	var mutex sync.Mutex
	moved := map[*rig]bool{}
	return func(r *rig) {
		mutex.Lock()
		defer mutex.Unlock()
		for _, m := range r.chat.Messages(1001) {
			if _, _, ready := approveButton(m); ready && !moved[r] {
				moved[r] = true
				r.pushToMain(name, content)
			}
		}
	}
}

func TestADaemonKilledAtAnyEffectOfTheFixerAndTheMergerFinishesIt(t *testing.T) {
	for _, p := range plights() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			straight, writes, _ := p.run(t, blow{})
			want := straight.changes()
			t.Logf("writes %v, changes %v", writes, want)
			for _, b := range p.strike {
				if writes[b.kind] < b.nth {
					t.Errorf("the straight road has no %s %d", b.kind, b.nth)
				}
				for _, b.phase = range []string{"before", "after"} {
					t.Run(fmt.Sprintf("%s %s %d", b.phase, b.kind, b.nth), func(t *testing.T) {
						t.Parallel()
						r, _, struck := p.run(t, b)
						if !struck {
							t.Errorf("the daemon was not killed: there was no %s %d", b.kind, b.nth)
						}
						got := r.changes()
						for _, kind := range p.once {
							if got[kind] != want[kind] {
								t.Errorf("%d × %s, %d without a death; GitHub saw:\n%s", got[kind], kind, want[kind], r.story())
							}
						}
					})
				}
			}
		})
	}
}

// hookTaker is a service that takes signed webhooks, by which the daemon is killed.
type hookTaker struct {
	mutex sync.Mutex
	keys  map[string]int
	calls int
	at    string // phase of the first call
	kill  func()
	t     *testing.T
}

func (h *hookTaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("X-Hub-Signature-256") != agents.Signature("webhook-canary-secret", body) {
		h.t.Errorf("the signature does not fit: %v", err)
	}
	h.mutex.Lock()
	h.calls++
	first := h.calls == 1
	if !first || h.at != "before" {
		h.keys[r.Header.Get("Idempotency-Key")]++
	}
	h.mutex.Unlock()
	if first && h.at != "" {
		h.kill()
		if h.at == "before" {
			panic(http.ErrAbortHandler)
		}
	}
}

func TestADaemonKilledAtItsWebhookDeploysOnce(t *testing.T) {
	for _, phase := range []string{"", "before", "after"} {
		t.Run("killed "+phase, func(t *testing.T) {
			t.Parallel()
			taker := &hookTaker{keys: map[string]int{}, at: phase, t: t}
			server := httptest.NewServer(taker)
			t.Cleanup(server.Close)
			plight{begin: func(r *rig) {
				taker.kill = func() { r.kill(); r.start() }
				must(t, os.WriteFile(filepath.Join(r.dir, "staging.secret"), []byte("webhook-canary-secret\n"), 0o600))
				r.reconfigure("workflow = \"staging.yml\"\ninputs = { sha = \"{sha}\" }\n", fmt.Sprintf("webhook = %q\nsecret = { file = \"staging.secret\" }\n", server.URL+"/hook"))
			}, over: func(r *rig) bool {
				pulls, err := r.store.AllPulls(t.Context())
				return err == nil && len(pulls) == 1 && pulls[0].Verdict == store.Landed && pulls[0].Staging == "up"
			}}.run(t, blow{})
			if len(taker.keys) != 1 {
				t.Errorf("deployed under the keys %v", taker.keys)
			}
		})
	}
}
