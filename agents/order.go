package agents

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// contender is one approved pull request, as far as the order of landing goes by it.
type contender struct {
	Pull       int
	ApprovedAt time.Time
	Files      []string
	InFlight   bool     // brought up to date for its landing, and CI runs or has ended well on that
	Repairs    []string // checks that fail on the base and are a success on its head
}

// queue is everybody whom a landing may set free.
type queue struct {
	Approved []contender
	Open     map[int][]string // every open pull request of the factory and its files, the approved ones too
	Waiting  map[int][]string // tickets in Todo that only overlaps keep from being picked, and the files they want
}

// place is a pull request's place in the order of landing, and why it has it.
type place struct {
	Pull   int
	Reason string
	frees  int
	repair bool
}

// landingOrder says which approved pull request lands first. What was brought up to date for its landing goes on, for
// whatever lands before it makes its CI run for nothing. Else the oldest approval goes first, unless another one sets
// others free: it repairs the base, on which everything waits, or more tickets and pull requests wait for its files.
func landingOrder(q queue) []place {
	at, inFlight := map[int]time.Time{}, map[int]bool{}
	places := make([]place, 0, len(q.Approved))
	for _, c := range q.Approved {
		at[c.Pull], inFlight[c.Pull] = c.ApprovedAt, c.InFlight
		places = append(places, q.place(c))
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(
			first(inFlight[a.Pull], inFlight[b.Pull]),
			first(a.repair, b.repair),
			cmp.Compare(b.frees, a.frees),
			at[a.Pull].Compare(at[b.Pull]),
			cmp.Compare(a.Pull, b.Pull),
		)
	})
	return places
}

// first puts what has a property before what has not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func (q queue) place(c contender) place {
	p := place{Pull: c.Pull, repair: len(c.Repairs) > 0}
	tickets, pulls := q.freedBy(c)
	p.frees = len(tickets) + len(pulls)
	switch {
	case c.InFlight:
		p.Reason = "it was brought up to date for its landing"
	case p.repair:
		p.Reason = "it repairs " + strings.Join(c.Repairs, ", ")
	case p.frees > 0:
		p.Reason = freed(tickets, pulls)
	default:
		p.Reason = "the oldest approval"
	}
	return p
}

// freedBy are the tickets that can be picked once a pull request has landed, because nothing else that is open wants
// their files, and the open pull requests that change files of it: they must be brought up to date with it, and it is
// known only then whether they still fit.
func (q queue) freedBy(c contender) (tickets, pulls []int) {
	for ticket, files := range q.Waiting {
		if !shareFiles(files, c.Files) {
			continue
		}
		alone := true
		for other, theirs := range q.Open {
			alone = alone && (other == c.Pull || !shareFiles(files, theirs))
		}
		if alone {
			tickets = append(tickets, ticket)
		}
	}
	for other, files := range q.Open {
		if other != c.Pull && shareFiles(files, c.Files) {
			pulls = append(pulls, other)
		}
	}
	slices.Sort(tickets)
	slices.Sort(pulls)
	return tickets, pulls
}

func shareFiles(a, b []string) bool {
	return slices.ContainsFunc(a, func(file string) bool { return slices.Contains(b, file) })
}

func freed(tickets, pulls []int) string {
	var words []string
	if len(tickets) > 0 {
		words = append(words, "it frees "+numbers("ticket", tickets))
	}
	if len(pulls) > 0 {
		words = append(words, numbers("pull request", pulls)+" must be brought up to date with it")
	}
	return strings.Join(words, ", and ")
}

// numbers writes "ticket #1" or "tickets #1, #2".
func numbers(noun string, list []int) string {
	if len(list) > 1 {
		noun += "s"
	}
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = fmt.Sprintf("#%d", n)
	}
	return noun + " " + strings.Join(words, ", ")
}
