// Package isolation says which ticket to take next, and why: the one whose change is least likely to meet another.
//
// It is a first, honest form. The files that a ticket will touch are predicted from the paths and identifiers in its
// own text, compared with the tree of the base branch and with the files of what is in flight. A ticket that overlaps
// something in flight waits; a ticket that does not say what is expected, or when it is done, waits for its author.
// The decision is a pure function of facts, so that the chat can show the same scores and reasons that decided.
package isolation

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"lightsout/agents/forge"
)

// DefaultLimit is the most files predicted for one ticket. They go into the prompt by name, where a longer list would
// be noise; a ticket that touches more is not isolated anyway.
const DefaultLimit = 10

// A Tree is what the base branch holds, as far as tickets talk of it. Survey reads it.
type Tree struct {
	Paths    []string
	Mentions map[string][]string // a word of some ticket -> the files that hold it
}

// Busy is work in flight: an open pull request, or a ticket that a session works on.
type Busy struct {
	Label  string // for people: "#42" or "ticket 31"
	Ticket int    // the ticket it is for; 0 when it is for none
	Files  []string
}

// Facts are all that a decision depends on.
type Facts struct {
	Tickets []forge.Ticket // in Todo, of the current milestone
	Tree    Tree
	Busy    []Busy         // what a ticket itself has in flight does not stand in its way: it would be continued
	Parked  map[int]string // ticket number -> why it is not to be picked
	Limit   int            // most predicted files of a ticket; 0 is DefaultLimit
}

// A Candidate is one ticket, judged.
type Candidate struct {
	Ticket   forge.Ticket
	Files    []string // predicted, likeliest first, at most Facts.Limit; none when the text names no code
	Score    float64  // 0..100, higher is more isolated; 0 when it overlaps what is in flight
	Reasons  []string // in plain words; the first one sums up: "touches 3 files, overlaps nothing"
	Lacks    []string // what the text does not say, in plain words
	Overlaps []string // one line for each thing in flight: "#42 in store/csv.go"
	Refused  string   // "" when it may be picked; else one of "parked: …", "vague: …", "overlaps …"
}

// A Decision is which ticket to take, and what was thought of the others.
type Decision struct {
	Picked *Candidate  // the first of Ranked, or nil when none may be picked
	Ranked []Candidate // all tickets: those that may be picked first, best first
	Reason string      // one line for the chat
}

const (
	perFile     = 4  // points less for each file beyond the first
	mentionOnly = 10 // points less when the files are known by words in them alone, none by its name
	sameFolder  = 5  // points less for each thing in flight in a folder of ours, three at most
	sameFiles   = 3  // points less for each other ticket in Todo that wants a file of ours, five at most
	leastKnown  = 25 // the least a ticket with known files scores: knowing is better than not
	unknown     = 20 // what a ticket scores of which no file is known
	unknownBusy = 10 // the same, while something is in flight that it may meet unforeseen
)

// Pick judges all tickets and picks the most isolated one. Equal scores go by the place on the board, then by number.
//
// When it cannot know the files of a ticket it fails open: the ticket may be picked, after all those that are known.
// The worst that follows is a merge conflict, while refusing it would leave it waiting as long as anything is open.
func Pick(f Facts) Decision {
	if f.Limit <= 0 {
		f.Limit = DefaultLimit
	}
	index := indexTree(f.Tree.Paths)
	predictions := make([]prediction, len(f.Tickets))
	for i, t := range f.Tickets {
		predictions[i] = predict(t, index, f.Tree.Mentions, f.Limit)
	}
	wanted := map[string][]int{} // file -> numbers of the tickets that want it
	for i, p := range predictions {
		for _, file := range p.files {
			wanted[file] = append(wanted[file], f.Tickets[i].Number)
		}
	}
	d := Decision{Ranked: make([]Candidate, len(f.Tickets))}
	for i, t := range f.Tickets {
		d.Ranked[i] = judge(t, predictions[i], f, wanted)
	}
	slices.SortStableFunc(d.Ranked, compare)
	if len(d.Ranked) > 0 && d.Ranked[0].Refused == "" {
		d.Picked = &d.Ranked[0]
	}
	d.Reason = d.summary()
	return d
}

func compare(a, b Candidate) int {
	refused := func(c Candidate) int { return min(len(c.Refused), 1) }
	place := func(c Candidate) int {
		if c.Ticket.Position <= 0 { // unknown
			return math.MaxInt
		}
		return c.Ticket.Position
	}
	return cmp.Or(
		cmp.Compare(refused(a), refused(b)),
		cmp.Compare(b.Score, a.Score),
		cmp.Compare(place(a), place(b)),
		cmp.Compare(a.Ticket.Number, b.Ticket.Number),
	)
}

func judge(t forge.Ticket, p prediction, f Facts, wanted map[string][]int) Candidate {
	c := Candidate{Ticket: t, Files: p.files, Lacks: Lacks(t)}
	var meets []string // labels of what overlaps
	neighbours := 0
	for _, b := range f.Busy {
		if b.Ticket == t.Number && t.Number != 0 {
			continue
		}
		switch shared, near := compareFiles(p.files, b.Files); {
		case len(shared) > 0:
			c.Overlaps = append(c.Overlaps, b.Label+" in "+listed(shared, 3))
			meets = append(meets, b.Label)
		case near != "":
			neighbours++
			c.Reasons = append(c.Reasons, "same folder as "+b.Label+": "+near)
		}
	}
	siblings := map[int]bool{}
	for _, file := range p.files {
		for _, n := range wanted[file] {
			if n != t.Number {
				siblings[n] = true
			}
		}
	}
	c.Score = score(p, len(f.Busy) > 0, len(meets), neighbours, len(siblings))
	if len(siblings) > 0 {
		c.Reasons = append(c.Reasons, "shares files with "+ticketList(siblings)+" in the queue")
	}
	c.Reasons = append(append([]string{headline(p, meets)}, p.reasons...), c.Reasons...)
	switch why, parked := f.Parked[t.Number]; {
	case parked:
		c.Refused = "parked: " + why
	case len(c.Lacks) > 0:
		c.Refused = "vague: " + strings.Join(c.Lacks, "; ")
	case len(c.Overlaps) > 0:
		c.Refused = "overlaps " + strings.Join(c.Overlaps, "; ")
	}
	return c
}

func score(p prediction, busy bool, overlaps, neighbours, siblings int) float64 {
	switch {
	case overlaps > 0:
		return 0
	case len(p.files) == 0 && busy:
		return unknownBusy
	case len(p.files) == 0:
		return unknown
	}
	points := 100 - perFile*(len(p.files)-1) - sameFolder*min(neighbours, 3) - sameFiles*min(siblings, 5)
	if !p.named {
		points -= mentionOnly
	}
	return float64(max(points, leastKnown))
}

func headline(p prediction, meets []string) string {
	if len(p.files) == 0 {
		return "unknown files: " + p.why
	}
	what := "nothing"
	if len(meets) > 0 {
		what = listed(meets, 3)
	}
	return fmt.Sprintf("touches %s, overlaps %s", count(len(p.files), "file"), what)
}

// compareFiles finds the files in both lists, and a folder, other than the top one, that both lists are in.
func compareFiles(ours, theirs []string) (shared []string, near string) {
	files, folders := map[string]bool{}, map[string]bool{}
	for _, f := range theirs {
		files[f], folders[path.Dir(f)] = true, true
	}
	for _, f := range ours {
		if files[f] {
			shared = append(shared, f)
		}
		if dir := path.Dir(f); near == "" && dir != "." && folders[dir] {
			near = dir
		}
	}
	return shared, near
}

func (d Decision) summary() string {
	if d.Picked != nil {
		return fmt.Sprintf("#%d: %s (score %.0f)", d.Picked.Ticket.Number, d.Picked.Reasons[0], d.Picked.Score)
	}
	if len(d.Ranked) == 0 {
		return "nothing to pick: no ticket in Todo"
	}
	kinds := map[string]int{}
	for _, c := range d.Ranked {
		kind, _, _ := strings.Cut(c.Refused, " ")
		kinds[strings.TrimSuffix(kind, ":")]++
	}
	var parts []string
	for _, k := range []struct{ kind, word string }{{"vague", "vague"}, {"overlaps", "overlapping"}, {"parked", "parked"}} {
		if n := kinds[k.kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k.word))
		}
	}
	return "nothing to pick: " + strings.Join(parts, ", ")
}

func ticketList(numbers map[int]bool) string {
	var sorted []int
	for n := range numbers {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	var labels []string
	for _, n := range sorted {
		labels = append(labels, fmt.Sprintf("#%d", n))
	}
	return listed(labels, 3)
}

// listed names the first few of a list and counts the rest.
func listed(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
