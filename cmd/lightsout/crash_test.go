package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// strike kills the daemon at the n-th write to one of the servers, before or after it is committed, and starts it
// again.
type strike struct {
	server string // hub or chat
	n      int
	phase  string // before or after
}

func (s strike) String() string { return fmt.Sprintf("%s/%d-%s", s.server, s.n, s.phase) }

// arm sets the strike. The hook runs in the request's goroutine: the answer waits until the daemon is dead, and then
// finds nobody.
func (r *rig) arm(s strike) (struck func() bool) {
	var once sync.Once
	var done atomic.Bool
	hook := func(n int, _, phase string) {
		if n != s.n || phase != s.phase {
			return
		}
		first := false
		once.Do(func() { first = true })
		if !first {
			return
		}
		r.kill()
		_, err := r.chat.Say(1001, "/addrule Never print a constant for a sum.")
		check(r.t, err)
		r.start()
		done.Store(true)
		if phase == "before" {
			panic(http.ErrAbortHandler) // the write was not done, whatever the server has heard of its client's death
		}
	}
	if s.server == "hub" {
		r.forge.OnWrite(hook)
	} else {
		r.chat.OnWrite(hook)
	}
	return done.Load
}

// checkRule holds that a command that was sent while the daemon was down was done, once.
func (r *rig) checkRule() {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "rules.md"))
	must(r.t, err)
	if n := strings.Count(string(text), "Never print a constant for a sum."); n != 1 {
		r.t.Errorf("the rule stands in the file %d times:\n%s", n, text)
	}
}

func TestADaemonKilledAtAnyWriteFinishesWhatItBegan(t *testing.T) {
	// The straight road once, to know how many writes there are.
	straight := newRig(t)
	straight.start()
	straight.await(straight.landed)
	straight.stop()
	straight.checkInvariants()
	hub, chat := straight.forge.Writes(), straight.chat.Writes()
	t.Logf("the straight road has %d writes to GitHub and %d to the chat", hub, chat)
	if hub < 7 || chat < 8 {
		t.Fatalf("%d writes to GitHub and %d to the chat: the straight road is shorter than it can be", hub, chat)
	}
	var hit atomic.Int64
	t.Run("strikes", func(t *testing.T) {
		for _, server := range []string{"hub", "chat"} {
			n := hub
			if server == "chat" {
				n = chat
			}
			for i := 1; i <= n; i++ {
				for _, phase := range []string{"before", "after"} {
					s := strike{server: server, n: i, phase: phase}
					t.Run(s.String(), func(t *testing.T) {
						t.Parallel()
						r := newRig(t)
						struck := r.arm(s)
						r.start()
						r.await(func() bool { return r.landed() })
						switch {
						case struck():
							r.checkRule()
							if s.server == "chat" {
								hit.Add(1)
							}
						case s.server == "hub":
							t.Errorf("the strike has hit nothing: there were %d writes to GitHub", r.forge.Writes())
						}
						r.checkInvariants()
					})
				}
			}
		}
	})
	// How often a card is edited hangs on how fast things follow one another: the last writes to the chat may not come about.
	if strikes := int64(2 * chat); hit.Load() < strikes*3/4 {
		t.Errorf("%d of %d strikes at writes to the chat have hit anything", hit.Load(), strikes)
	}
}

func TestADaemonKilledByItsOwnSessionFinishesWhatItBegan(t *testing.T) {
	for _, mode := range []string{"kill-daemon", "kill-daemon-after"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.uncontain()
			solution := filepath.Join(r.dir, "scripts", "total-is-always-one")
			must(t, os.WriteFile(filepath.Join(solution, "1", "mode"), []byte(mode+"\n"), 0o600))
			must(t, os.CopyFS(filepath.Join(solution, "2"), os.DirFS(filepath.Join(solution, "1"))))
			must(t, os.Remove(filepath.Join(solution, "2", "mode")))
			r.start()
			r.await(r.died)
			_, err := r.chat.Say(1001, "/addrule Never print a constant for a sum.")
			must(t, err)
			r.start()
			r.await(r.landed)
			r.checkInvariants()
			r.checkRule()
		})
	}
}
