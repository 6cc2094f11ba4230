//go:build ci

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// The footprint that the daemon is held to. Its nearest peers start in 13 to 220 ms and idle at 15 to 35 MB.
const (
	openPulls  = 20
	idleTime   = time.Minute
	idleShort  = tidying + 5*time.Second // with -short
	maxResided = 30 << 20                // bytes
	maxStart   = 100 * time.Millisecond
	starts     = 5 // the best of which counts: the machine may do other things as well
)

func TestAnIdleDaemonIsSmallAndQuickToListen(t *testing.T) {
	r := newRig(t)
	must(t, r.forge.Move("acme", r.ticket, "Done"))
	for i := range openPulls {
		r.openPull(i)
	}
	must(t, r.forge.Idle(t.Context()))
	r.relax()
	binary := r.build()

	// The first life reads the world, as the default schedule has it, and then has nothing to do. Once a role is due again
	// in between, that belongs to being idle.
	took := r.startBinary(binary)
	r.watch(r.readAll)
	idle := idleTime
	if testing.Short() {
		idle = idleShort
	}
	time.Sleep(idle) // idleness itself is measured
	m := memory(t, r.daemon.Process.Pid)
	t.Logf("after %s idle with %d open pull requests: %d KB resident, of them %d KB its own and %d KB of the program's file; %d KB at the most",
		idle, openPulls, m["VmRSS"], m["RssAnon"], m["RssFile"], m["VmHWM"])
	if m["VmRSS"]<<10 > maxResided {
		t.Errorf("%d KB resident, at most %d KB are allowed", m["VmRSS"], maxResided>>10)
	}
	if !r.readAll() {
		t.Error("the daemon did not keep its pull requests in view")
	}

	best := took
	for i := range starts {
		t.Logf("start %d: %s until the chat was polled", i+1, took.Round(time.Millisecond))
		best = min(best, took)
		r.stop()
		if i < starts-1 { // a restarted daemon finds the world in its store
			took = r.startBinary(binary)
		}
	}
	if best > maxStart {
		t.Errorf("%s from start to polling at best, at most %s are allowed", best, maxStart)
	}
}

// maxGrowth is how much the daemon may grow while a session prints 2 GB, in bytes: half of it in lines, half in one.
const maxGrowth = 5 << 20

func TestADaemonStaysSmallWhileItsSessionPrintsGigabytes(t *testing.T) {
	r := newRig(t)
	scripts := filepath.Join(r.dir, "scripts")
	must(t, os.WriteFile(filepath.Join(scripts, "total-is-always-one", "1", "mode"), []byte("wait 4s\nlines 1000000000\nprint 1000000000\n"), 0o600))
	must(t, replaceIn(r.config, "[schedule]\n", "[limits]\noutput_mb = 4000\n\n[review]\nrounds = 0\n\n[schedule]\n"))
	r.startBinary(r.build())
	step := func() string {
		running, err := r.store.Running(t.Context())
		must(t, err)
		if len(running) == 0 {
			return ""
		}
		return running[0].Step
	}
	r.watch(func() bool { return len(naming(scripts)) > 0 && strings.HasPrefix(step(), "session") }) // it thinks, before it prints
	before := memory(t, r.daemon.Process.Pid)["VmRSS"]
	most, samples := before, 0
	r.watchFor(5*time.Minute, func() bool {
		most, samples = max(most, memory(t, r.daemon.Process.Pid)["VmRSS"]), samples+1
		return !strings.HasPrefix(step(), "session")
	})
	t.Logf("%d KB before, %d KB at the most of %d looks: %d KB more", before, most, samples, most-before)
	if samples < 20 || (most-before)<<10 > maxGrowth {
		t.Errorf("it grew by %d KB, at most %d KB are allowed", most-before, maxGrowth>>10)
	}
	r.await(r.landed)
}

// build makes the program as the README does.
func (r *rig) build() string {
	r.t.Helper()
	binary := filepath.Join(r.dir, "lightsout")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // a libc would be resident, too
	if out, err := build.CombinedOutput(); err != nil {
		r.t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// openPull files a ticket, pushes a branch for it as the factory would, and opens its pull request.
func (r *rig) openPull(i int) {
	r.t.Helper()
	title := fmt.Sprintf("Price %d is missing", i)
	ticket, err := r.forge.AddIssue(forgetest.Issue{Title: title, Body: tinyBody, Milestone: 1, Status: "In Review"})
	must(r.t, err)
	branch := fmt.Sprintf("lightsout/%d-price-%d-is-missing", ticket, i)
	_, err = r.forge.PushAsPerson(r.t.Context(), branch, map[string][]byte{fmt.Sprintf("prices/%d.txt", i): []byte("12\n")}, title)
	must(r.t, err)
	body, err := json.Marshal(map[string]string{"title": title, "head": branch, "base": "main", "body": fmt.Sprintf("Closes #%d\n\n## Why\n\nIt was missing.\n", ticket)})
	must(r.t, err)
	request := httptest.NewRequest(http.MethodPost, "/api/v3/repos/acme/prices/pulls", bytes.NewReader(body))
	request.Header.Set("Authorization", "Bearer hub-token-canary")
	request.Header.Set("User-Agent", "footprint")
	request.Header.Set("Accept", "application/vnd.github+json")
	answer := httptest.NewRecorder()
	r.forge.ServeHTTP(answer, request)
	if answer.Code != http.StatusCreated {
		r.t.Fatalf("open pull request: status %d: %s", answer.Code, answer.Body)
	}
}

// relax takes the rig's hurry out of the configuration: the schedule is the one that a person gets.
func (r *rig) relax() {
	r.t.Helper()
	text, err := os.ReadFile(r.config)
	must(r.t, err)
	before, rest, found := strings.Cut(string(text), "[schedule]")
	_, after, ended := strings.Cut(rest, "[staging]")
	if !found || !ended {
		r.t.Fatalf("the rig's configuration has no schedule:\n%s", text)
	}
	must(r.t, os.WriteFile(r.config, []byte(before+"[staging]"+after), 0o600))
}

// startBinary starts the program itself rather than this test's binary, and tells how long it took until it polled.
func (r *rig) startBinary(binary string) time.Duration {
	r.t.Helper()
	before := r.chat.Requests()["getUpdates"]
	r.mutex.Lock()
	r.lives++
	r.daemon = exec.Command(binary, "run", "--config", r.config)
	r.daemon.Stderr = &r.output
	r.daemon.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}
	begun := time.Now()
	err := r.daemon.Start()
	r.mutex.Unlock()
	must(r.t, err)
	for r.chat.Requests()["getUpdates"] == before {
		if time.Since(begun) > time.Minute {
			r.t.Fatal("the chat has not been polled after a minute")
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(begun)
}

// readAll tells whether every pull request stands in the store with a verdict, and nothing waits to be said.
func (r *rig) readAll() bool {
	pulls, err := r.store.Pulls(r.t.Context())
	must(r.t, err)
	judged := 0
	for _, p := range pulls {
		if p.Verdict == store.Ready {
			judged++
		}
	}
	outgoing, incoming, err := r.store.Backlog(r.t.Context())
	must(r.t, err)
	return judged == openPulls && outgoing+incoming == 0
}
