package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"lightsout/agents"
	"lightsout/store"
)

// told counts the events of a kind.
func (c *clockwork) told(kind string) (count int) {
	c.Helper()
	events, err := c.store.Events(c.Context(), 0, 10_000)
	must(c.T, err)
	for _, e := range events {
		if e.Kind == kind {
			count++
		}
	}
	return count
}

func TestARoleThatGoesOnFailingRestsAndSaysSoOnce(t *testing.T) {
	inClockwork(t, ten, func(c *clockwork) {
		fails := c.job("implementer", "@every 1m", func(context.Context) (agents.Report, error) { return agents.Report{}, errors.New("no such repository") })
		c.lives(10*time.Hour, fails, c.job("fixer", "@every 1m", nil))
		if n := c.runs("implementer"); n < 10 || n > 20 {
			c.Errorf("it failed %d times in ten hours, want three times and then ever more rarely", n)
		}
		if n := c.runs("fixer"); n < 595 {
			c.Errorf("the other ran %d times in ten hours of minutes", n)
		}
		if n := c.told(store.Trouble); n != 1 {
			c.Errorf("it was told %d times", n)
		}
	})
}

func TestARoleThatIsRestingRunsForAPersonAndIsWholeAgainOnceItWorks(t *testing.T) {
	inClockwork(t, ten, func(c *clockwork) {
		broken := true
		j := c.job("implementer", "@every 1m", func(context.Context) (agents.Report, error) {
			if broken {
				return agents.Report{}, errors.New("no such repository")
			}
			return agents.Report{}, nil
		})
		sch, err := newSchedule(c.store, slog.New(slog.DiscardHandler), c.zone, []job{j})
		must(c.T, err)
		ctx, cancel := context.WithCancel(c.Context())
		done := make(chan error, 1)
		go func() { done <- sch.Run(ctx) }()
		time.Sleep(150 * time.Minute) // it rests for an hour by now
		before := c.runs("implementer")
		broken = false
		sch.Wake("implementer")
		time.Sleep(10 * time.Minute)
		if n := c.runs("implementer"); before > 12 || n < 10 {
			c.Errorf("it ran %d times while it failed, and %d times in the ten minutes after a person woke it", before, n)
		}
		c.troubled()
		cancel()
		must(c.T, <-done)
	})
}

func TestARoleThatNothingEndsIsSaidToBeStuckOnceAndLeavesTheOthersAlone(t *testing.T) {
	inClockwork(t, ten, func(c *clockwork) {
		stuck := c.job("merger", "@every 1m", func(context.Context) (agents.Report, error) {
			time.Sleep(5 * time.Hour) // whatever its context says
			return agents.Report{}, nil
		})
		ctx, cancel := context.WithCancel(c.Context())
		sch, err := newSchedule(c.store, slog.New(slog.DiscardHandler), c.zone, []job{stuck, c.job("fixer", "@every 1m", nil)})
		must(c.T, err)
		done := make(chan error, 1)
		go func() { done <- sch.Run(ctx) }()
		time.Sleep(4 * time.Hour)
		c.troubled("merger is stuck")
		if n := c.runs("fixer"); n < 235 {
			c.Errorf("the other ran %d times in four hours of minutes", n)
		}
		if n := c.told(store.Trouble); n != 1 {
			c.Errorf("it was told %d times", n)
		}
		time.Sleep(61 * time.Minute)
		c.troubled()
		cancel()
		must(c.T, <-done)
	})
}
