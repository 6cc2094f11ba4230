package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents"
	"lightsout/store"
)

// clockwork is a schedule of real cron and real SQLite under virtual time, whose roles note when they ran.
type clockwork struct {
	*testing.T
	store *store.Store
	now   func() time.Time // the store's clock; the bubble's own when nil
	zone  *time.Location

	mutex sync.Mutex
	ran   map[string][]time.Time
}

// inClockwork runs f in a bubble whose time begins at a moment after the start of the year 2000.
func inClockwork(t *testing.T, begins time.Time, f func(c *clockwork)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(begins))
		c := &clockwork{T: t, zone: time.UTC, ran: map[string][]time.Time{}}
		s, err := store.Open(t.Context(), filepath.Join(dir, "lightsout.db"), store.Options{Repo: "acme/shop", Now: func() time.Time {
			if c.now != nil {
				return c.now()
			}
			return time.Now()
		}})
		must(t, err)
		c.store = s
		f(c)
		must(t, s.Close())
	})
}

// job is a role that notes when it ran, and then does what it is told to.
func (c *clockwork) job(role, spec string, does func(context.Context) (agents.Report, error)) job {
	return job{role: role, spec: spec, limit: time.Hour, run: func(ctx context.Context) (agents.Report, error) {
		c.mutex.Lock()
		c.ran[role] = append(c.ran[role], c.store.Now())
		c.mutex.Unlock()
		if does == nil {
			return agents.Report{Said: "nothing to do"}, nil
		}
		return does(ctx)
	}}
}

// lives is a daemon's life of a length: its schedule runs, and comes to rest.
func (c *clockwork) lives(length time.Duration, jobs ...job) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), length)
	defer cancel()
	sch, err := newSchedule(c.store, slog.New(slog.DiscardHandler), c.zone, jobs)
	must(c.T, err)
	must(c.T, sch.Run(ctx))
}

// runs is how often a role has run since it was last asked.
func (c *clockwork) runs(role string) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	defer delete(c.ran, role)
	return len(c.ran[role])
}

// roles are the four, hourly.
func (c *clockwork) roles() (jobs []job) {
	for _, role := range []string{agents.ImplementerRole, agents.FixerRole, agents.MergerRole, agents.HousekeeperRole} {
		jobs = append(jobs, c.job(role, "0 * * * *", nil))
	}
	return jobs
}

// ten is a moment at which an hourly job is due.
var ten = time.Date(2000, 1, 1, 10, 0, 0, 0, time.UTC)

func TestAStartWakesTheRolesThatSomebodyWaitsFor(t *testing.T) {
	for name, row := range map[string]struct {
		asks  func(c *clockwork)
		wakes string
	}{
		"nobody asked": {func(*clockwork) {}, ""},
		"/run": {func(c *clockwork) {
			must(c.T, c.store.Ask(c.Context(), store.Request{Key: "a", Kind: store.RequestRun, Role: agents.ImplementerRole}))
		}, agents.ImplementerRole},
		"/reject": {func(c *clockwork) {
			must(c.T, c.store.Ask(c.Context(), store.Request{Key: "a", Kind: store.RequestReject, Role: agents.FixerRole, Pull: 42}))
		}, agents.FixerRole},
		"/retry of what a person had taken": {func(c *clockwork) {
			must(c.T, c.store.Ask(c.Context(), store.Request{Key: "a", Kind: store.RequestHandBack, Role: agents.FixerRole, Pull: 42}))
		}, agents.FixerRole},
		"/revert": {func(c *clockwork) {
			must(c.T, c.store.Ask(c.Context(), store.Request{Key: "a", Kind: store.RequestRevert, Role: agents.MergerRole, Pull: 42}))
		}, agents.MergerRole},
		"an approval": {func(c *clockwork) {
			_, err := c.store.UpdatePull(c.Context(), 42, func(p *store.Pull) { p.Verdict, p.Head, p.PatchID = store.Ready, "head", "patch" })
			must(c.T, err)
			_, err = c.store.Approve(c.Context(), 42, "head", "patch", 1001, "Ana")
			must(c.T, err)
		}, agents.MergerRole},
		"an approval taken back": {func(c *clockwork) {
			_, err := c.store.UpdatePull(c.Context(), 42, func(p *store.Pull) { p.Verdict, p.Head, p.PatchID = store.Ready, "head", "patch" })
			must(c.T, err)
			_, err = c.store.Approve(c.Context(), 42, "head", "patch", 1001, "Ana")
			must(c.T, err)
			must(c.T, c.store.EndGrant(c.Context(), 42, store.ApprovalWithdrawn, "withdrawn by Ana"))
		}, ""},
		"/run that was answered": {func(c *clockwork) {
			must(c.T, c.store.Ask(c.Context(), store.Request{Key: "a", Kind: store.RequestRun, Role: agents.ImplementerRole}))
			requests, err := c.store.Asked(c.Context(), store.RequestRun)
			must(c.T, err)
			must(c.T, c.store.Answer(c.Context(), requests[0].ID, "done"))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inClockwork(t, ten, func(c *clockwork) {
				c.lives(5*time.Minute, c.roles()...)
				clear(c.ran)
				row.asks(c)
				c.lives(5*time.Minute, c.roles()...)
				for _, j := range c.roles() {
					want := 0
					if j.role == row.wakes {
						want = 1
					}
					if n := c.runs(j.role); n != want {
						c.Errorf("the %s ran %d times at the start, want %d", j.role, n, want)
					}
				}
				requests, err := c.store.Asked(c.Context(), store.RequestRun)
				if err != nil || len(requests) > 0 {
					c.Errorf("unanswered: %v, %v", requests, err)
				}
			})
		})
	}
}

func TestARunThatTheEndCutShortIsAnsweredByTheNextLife(t *testing.T) {
	inClockwork(t, ten, func(c *clockwork) {
		must(c.T, c.store.Ask(c.Context(), store.Request{Key: "a", Kind: store.RequestRun, Role: agents.ImplementerRole}))
		c.lives(time.Minute, c.job(agents.ImplementerRole, "0 * * * *", func(ctx context.Context) (agents.Report, error) {
			<-ctx.Done()
			return agents.Report{}, ctx.Err()
		}))
		if requests, err := c.store.Asked(c.Context(), store.RequestRun); err != nil || len(requests) != 1 {
			c.Fatalf("unanswered after a run that was cut short: %v, %v", requests, err)
		}
		if problems, err := c.store.Problems(c.Context()); err != nil || len(problems) > 0 {
			c.Errorf("a stop is told as trouble: %v, %v", problems, err)
		}
		clear(c.ran)
		c.lives(time.Minute, c.job(agents.ImplementerRole, "0 * * * *", nil))
		requests, err := c.store.Asked(c.Context(), store.RequestRun)
		if n := c.runs(agents.ImplementerRole); n != 1 || err != nil || len(requests) != 0 {
			c.Errorf("%d runs, unanswered %v, %v", n, requests, err)
		}
	})
}

func TestTheFirstTickKeepsHowItEnded(t *testing.T) {
	inClockwork(t, ten, func(c *clockwork) {
		read := 0
		c.now = func() time.Time { read++; return time.Now().Add(time.Duration(read) * time.Millisecond) } // no two readings are the same
		c.lives(time.Second, c.job("fixer", "0 * * * *", func(context.Context) (agents.Report, error) { return agents.Report{}, errors.New("no network") }))
		last, err := c.store.LastTick(c.Context(), "fixer")
		if err != nil || last.EndedAt.IsZero() || last.Error != "no network" {
			c.Errorf("LastTick() = %+v, %v; want its end and its error", last, err)
		}
	})
}

func TestWhatWasMissedIsMadeUpOnce(t *testing.T) {
	for name, row := range map[string]struct {
		spec string
		away time.Duration
		want int
	}{
		"nothing missed":                 {"0 * * * *", 10 * time.Minute, 0},
		"one tick":                       {"0 * * * *", time.Hour, 1},
		"a week of ticks":                {"*/5 * * * *", 7 * 24 * time.Hour, 1},
		"a week of seconds":              {"@every 30s", 7 * 24 * time.Hour, 1},
		"a monthly one, for half a year": {"0 0 1 * *", 180 * 24 * time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inClockwork(t, ten.Add(time.Minute), func(c *clockwork) {
				c.lives(10*time.Second, c.job("fixer", row.spec, nil))
				if n := c.runs("fixer"); n != 1 {
					c.Fatalf("it ran %d times at the first start of all, want at once", n)
				}
				time.Sleep(row.away)
				c.lives(10*time.Second, c.job("fixer", row.spec, nil))
				if n := c.runs("fixer"); n != row.want {
					c.Errorf("it ran %d times after %v away, want %d", n, row.away, row.want)
				}
			})
		})
	}
}

func TestASpecThatIsNoScheduleIsRefused(t *testing.T) {
	for _, spec := range []string{"", "hourly", "60 * * * *", "@every", "@every 0s", "@every -5m", "@every half an hour"} {
		if _, err := parseSchedule(spec); err == nil || !strings.Contains(err.Error(), "write ") {
			t.Errorf("parseSchedule(%q) = %v, want what to write instead", spec, err)
		}
	}
	for _, spec := range []string{"0 * * * *", "0 0 29 2 *", "@every 30m", "@daily"} {
		if _, err := parseSchedule(spec); err != nil {
			t.Errorf("parseSchedule(%q) = %v", spec, err)
		}
	}
}

func TestOneMomentIsRunOnceWhoeverTicks(t *testing.T) {
	inClockwork(t, ten.Add(time.Minute), func(c *clockwork) {
		var lives sync.WaitGroup
		for range 3 {
			lives.Go(func() { c.lives(150*time.Minute, c.job("fixer", "0 * * * *", nil)) })
		}
		lives.Wait()
		if n := c.runs("fixer"); n != 3 { // at once, at eleven and at twelve
			c.Errorf("three schedules of one store ran a role %d times at three moments", n)
		}
	})
}

func TestAWishThatComesWithATickIsMetByTheSameRun(t *testing.T) {
	inClockwork(t, ten.Add(-time.Second), func(c *clockwork) {
		c.lives(500*time.Millisecond, c.job("fixer", "0 * * * *", nil))
		time.Sleep(time.Minute) // the tick of ten is missed
		must(c.T, c.store.Ask(c.Context(), store.Request{Key: "a", Kind: store.RequestRun, Role: "fixer"}))
		clear(c.ran)
		c.lives(time.Minute, c.job("fixer", "0 * * * *", nil))
		if n := c.runs("fixer"); n != 1 {
			c.Errorf("it ran %d times for a missed tick and a /run", n)
		}
	})
}

func TestEveryMomentOfADayWhoseClockIsChangedIsRunOnce(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	spring, autumn := time.Date(2000, 3, 26, 0, 0, 0, 0, berlin), time.Date(2000, 10, 29, 0, 0, 0, 0, berlin)
	for name, row := range map[string]struct {
		day  time.Time
		spec string
		want int // from midnight to midnight, with the run at the very first start
	}{
		"hourly in the day of 23 hours":    {spring, "0 * * * *", 23},
		"hourly in the day of 25 hours":    {autumn, "0 * * * *", 25},
		"half-hourly in 23 hours":          {spring, "15,45 * * * *", 1 + 46},
		"half-hourly in 25 hours":          {autumn, "15,45 * * * *", 1 + 50},
		"every 30 minutes in 23 hours":     {spring, "@every 30m", 46},
		"every 30 minutes in 25 hours":     {autumn, "@every 30m", 50},
		"daily, outside of the hour, 23":   {spring, housekeeping, 1 + 1},
		"daily, outside of the hour, 25":   {autumn, housekeeping, 1 + 1},
		"daily, in the hour that is twice": {autumn, "30 2 * * *", 1 + 2},
		"daily, in the hour that is not":   {spring, "30 2 * * *", 1},
	} {
		t.Run(name, func(t *testing.T) {
			inClockwork(t, row.day, func(c *clockwork) {
				c.zone = berlin
				c.lives(row.day.AddDate(0, 0, 1).Sub(row.day)-time.Second, c.job("fixer", row.spec, nil))
				ran := slices.Clone(c.ran["fixer"])
				if n := c.runs("fixer"); n != row.want {
					c.Errorf("it ran %d times, want %d: %v", n, row.want, ran)
				}
			})
		})
	}
}

func TestAClockThatJumpsAheadCostsOneRun(t *testing.T) {
	// As after a night's sleep of the machine: the wall clock has moved, the timers have not.
	inClockwork(t, ten.Add(time.Minute), func(c *clockwork) {
		began := time.Now()
		c.now = func() time.Time {
			if now := time.Now(); now.Sub(began) > 30*time.Minute {
				return now.Add(8 * time.Hour)
			}
			return time.Now()
		}
		c.lives(90*time.Minute, c.job("fixer", "0 * * * *", nil))
		if n := c.runs("fixer"); n != 2 {
			c.Errorf("it ran %d times, want at once and for all that the jump passed over", n)
		}
	})
}

func TestAClockThatWasAheadDoesNotSilenceARole(t *testing.T) {
	inClockwork(t, ten.Add(time.Minute), func(c *clockwork) {
		c.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
		c.lives(time.Second, c.job("fixer", "0 * * * *", nil))
		c.now = nil // set right
		clear(c.ran)
		c.lives(150*time.Minute, c.job("fixer", "0 * * * *", nil))
		if n := c.runs("fixer"); n != 3 { // at once, at eleven and at twelve
			c.Errorf("it ran %d times in two hours and a half after the clock was set right", n)
		}
		last, err := c.store.LastTick(c.Context(), "fixer")
		if err != nil || !last.ScheduledAt.Equal(ten.Add(2*time.Hour)) {
			c.Errorf("the newest tick is %v, %v", last.ScheduledAt, err)
		}
	})
}

func TestARoleThatPanicsOrHangsLeavesTheOthersAloneAndIsToldOf(t *testing.T) {
	inClockwork(t, ten.Add(time.Minute), func(c *clockwork) {
		broken := c.job("implementer", "0 * * * *", func(context.Context) (agents.Report, error) { panic("nil map") })
		stuck := c.job("merger", "0 * * * *", func(ctx context.Context) (agents.Report, error) {
			<-ctx.Done()
			return agents.Report{}, ctx.Err()
		})
		c.lives(190*time.Minute, broken, stuck, c.job("fixer", "0 * * * *", nil))
		for _, role := range []string{"implementer", "merger", "fixer"} {
			if n := c.runs(role); n < 3 {
				c.Errorf("the %s ran %d times in three hours", role, n)
			}
		}
		last, err := c.store.LastTick(c.Context(), "implementer")
		if err != nil || last.EndedAt.IsZero() || !strings.HasPrefix(last.Error, "panic: nil map") {
			c.Errorf("what is kept of the panic: %+v, %v", last, err)
		}
		c.troubled("implementer is failing", "merger is failing")
		c.lives(time.Hour, c.job("implementer", "0 * * * *", nil), c.job("merger", "0 * * * *", nil))
		c.troubled()
	})
}

// troubled holds what is told as wrong.
func (c *clockwork) troubled(want ...string) {
	c.Helper()
	problems, err := c.store.Problems(c.Context())
	must(c.T, err)
	var got []string
	for _, p := range problems {
		got = append(got, p.What)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		c.Errorf("told as wrong: %q, want %q", got, want)
	}
}
