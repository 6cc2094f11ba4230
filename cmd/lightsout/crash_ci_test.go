//go:build ci

package main

import (
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
