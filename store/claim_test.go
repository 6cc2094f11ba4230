package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOneOfManyGetsTheClaim(t *testing.T) {
	s, _ := open(t)
	var won atomic.Int32
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			switch _, err := s.Claim(t.Context(), Claim{Ticket: 31, Holder: "a"}, time.Minute); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ErrClaimed):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 16 got the claim", won.Load())
	}
}

func TestALateHolderCanDoNothing(t *testing.T) {
	s, clock := open(t)
	old, err := s.Claim(t.Context(), Claim{Ticket: 31, Holder: "a"}, time.Minute)
	must(t, err)
	must(t, s.Holds(t.Context(), old))
	clock.pass(time.Minute)
	if err := s.Holds(t.Context(), old); !errors.Is(err, ErrLost) {
		t.Errorf("Holds() after the lease = %v, want ErrLost", err)
	}
	if err := s.Renew(t.Context(), old, time.Minute); !errors.Is(err, ErrLost) {
		t.Errorf("Renew() after the lease = %v, want ErrLost", err)
	}
	fresh, err := s.Claim(t.Context(), Claim{Ticket: 31, Holder: "b"}, time.Minute)
	must(t, err)
	if fresh.Generation <= old.Generation {
		t.Errorf("generation went from %d to %d", old.Generation, fresh.Generation)
	}
	must(t, s.Release(t.Context(), old, "late"))
	must(t, s.Holds(t.Context(), fresh)) // the late release freed nothing of the new holder's
}

func TestATakeoverEndsTheOldHolder(t *testing.T) {
	s, _ := open(t)
	old, err := s.Claim(t.Context(), Claim{Ticket: 31, Holder: "dead"}, time.Hour)
	must(t, err)
	stranded, err := s.Unreleased(t.Context())
	must(t, err)
	if len(stranded) != 1 {
		t.Fatalf("stranded claims: %v", stranded)
	}
	taken, err := s.TakeOver(t.Context(), stranded[0], "alive", time.Hour)
	must(t, err)
	if err := s.Holds(t.Context(), old); !errors.Is(err, ErrLost) {
		t.Errorf("the old holder Holds() = %v, want ErrLost", err)
	}
	if _, err := s.TakeOver(t.Context(), stranded[0], "third", time.Hour); !errors.Is(err, ErrLost) {
		t.Errorf("a second takeover of the same claim = %v, want ErrLost", err)
	}
	must(t, s.Release(t.Context(), taken, "done"))
}

// A model of claims by one ticket: at every moment at most one generation is held, and generations only grow.
func TestClaimsHoldTheirInvariants(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s, clock := open(t)
		var holder *Claim // by the model
		var known []Claim
		r.Repeat(map[string]func(*rapid.T){
			"claim": func(r *rapid.T) {
				c, err := s.Claim(t.Context(), Claim{Ticket: 1, Holder: "x"}, time.Minute)
				free := holder == nil || !holder.ExpiresAt.After(clock.now())
				if (err == nil) != free {
					r.Fatalf("claim: %v, model says free=%v", err, free)
				}
				if err == nil {
					if len(known) > 0 && c.Generation <= known[len(known)-1].Generation {
						r.Fatalf("generation %d after %d", c.Generation, known[len(known)-1].Generation)
					}
					known = append(known, c)
					holder = &c
				}
			},
			"release": func(r *rapid.T) {
				if len(known) == 0 {
					return
				}
				c := rapid.SampledFrom(known).Draw(r, "claim")
				must(t, s.Release(t.Context(), c, "test"))
				if holder != nil && holder.Generation == c.Generation {
					holder = nil
				}
			},
			"pass": func(r *rapid.T) {
				clock.pass(time.Duration(rapid.IntRange(1, 90).Draw(r, "seconds")) * time.Second)
			},
			"": func(r *rapid.T) {
				for _, c := range known {
					holds := s.Holds(t.Context(), c) == nil
					want := holder != nil && holder.Generation == c.Generation && holder.ExpiresAt.After(clock.now())
					if holds != want {
						r.Fatalf("generation %d holds=%v, model says %v", c.Generation, holds, want)
					}
				}
			},
		})
	})
}
