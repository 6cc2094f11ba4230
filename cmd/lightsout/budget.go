package main

import "time"

// The error budget of a role: so many failures in a row are taken as they come, by the next tick. Beyond them it rests,
// twice as long each time, so that what does not heal by itself costs neither limits nor money while people sleep.
const (
	toleratedFailures = 3
	firstRest         = 2 * time.Minute
	longestRest       = time.Hour
)

// budget is what a role has left of it. The zero budget is whole.
type budget struct {
	failures int // in a row
	until    time.Time
}

// spend takes one failure off it.
func (b *budget) spend(now time.Time) {
	b.failures++
	if b.failures <= toleratedFailures {
		return
	}
	rest := firstRest
	for range b.failures - toleratedFailures - 1 {
		if rest *= 2; rest >= longestRest {
			rest = longestRest
			break
		}
	}
	b.until = now.Add(rest)
}

// restore makes it whole again: the role has done its work.
func (b *budget) restore() { *b = budget{} }

// resting tells that no tick is to run the role now. A person may.
func (b *budget) resting(now time.Time) bool { return now.Before(b.until) }
