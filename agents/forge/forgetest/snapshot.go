package forgetest

import (
	"maps"
	"slices"
	"time"
)

// Issue is an issue as it is put in, and as it stands.
type Issue struct {
	Number      int
	Title, Body string
	Author      string // default: the owner
	Association string // of the author: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE; empty leaves it as it is
	Labels      []string
	Assignees   []string
	Milestone   int    // number; 0: none
	Status      string // column of the board; empty: not on the board, or in no column
	Open        bool
	Comments    []Comment
}

// Comment is a comment on an issue or a pull request.
type Comment struct {
	ID           int64
	Author, Body string
	At           time.Time
}

// Thread is what was said about one line.
type Thread struct {
	Path     string
	Line     int
	Resolved bool
	Comments []Comment
}

// Pull is a pull request as it stands.
type Pull struct {
	Number               int
	Title, Body, Author  string
	Open, Draft, Merged  bool
	HeadRef, Head        string
	BaseRef, Base        string // Base: where the base stood when the head last moved
	MergeSHA, MergedBy   string
	Labels               []string
	Checks               map[string]string // name -> conclusion, or status while it is not completed
	Reviews              []Review
	Comments             []Comment
	Threads              []Thread
	UnresolvedThreads    int
	CreatedAt, UpdatedAt time.Time
}

// Issue tells how an issue stands.
func (s *Server) Issue(number int) (Issue, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call("")
	i, known := c.w.issues[number]
	return c.snapshotIssue(i), known
}

// Pull tells how a pull request stands.
func (s *Server) Pull(number int) (Pull, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call("")
	p, known := c.w.pulls[number]
	return c.snapshot(p), known
}

// Pulls tells how all pull requests stand, open or not, in the order of their numbers.
func (s *Server) Pulls() []Pull {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call("")
	var list []Pull
	for _, p := range sorted(c.w.pulls) {
		list = append(list, c.snapshot(p))
	}
	return list
}

// Branches tells where every branch stands, as last seen.
func (s *Server) Branches() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.w.heads)
}

func (c *call) snapshotIssue(i issue) Issue {
	return Issue{
		Number: i.number, Title: i.title, Body: i.body, Author: i.author, Association: c.association(i.author),
		Labels: slices.Clone(i.labels), Assignees: slices.Clone(i.assignees), Milestone: i.milestone, Open: i.open,
		Status: c.column(i.number), Comments: c.snapshotComments(i.number),
	}
}

func (c *call) snapshot(p pull) Pull {
	i := c.w.issues[p.number]
	shown := Pull{
		Number: p.number, Title: i.title, Body: i.body, Author: i.author, Open: i.open, Draft: p.draft, Merged: p.merged,
		HeadRef: p.headRef, Head: p.head, BaseRef: p.baseRef, Base: p.base, MergeSHA: p.mergeSHA, MergedBy: p.mergedBy,
		Labels: slices.Clone(i.labels), Checks: map[string]string{}, Comments: c.snapshotComments(p.number),
		CreatedAt: i.created, UpdatedAt: i.updated,
	}
	for _, k := range c.checksAt(p.head, true) {
		shown.Checks[k.name] = k.status
		if k.conclusion != "" {
			shown.Checks[k.name] = k.conclusion
		}
	}
	for _, r := range c.reviewsOf(p.number) {
		shown.Reviews = append(shown.Reviews, Review{Author: r.author, State: r.state, Body: r.body})
	}
	for _, t := range c.threadsOf(p.number) {
		shown.Threads = append(shown.Threads, c.snapshotThread(t))
		if !t.resolved {
			shown.UnresolvedThreads++
		}
	}
	return shown
}

func (c *call) snapshotThread(t thread) Thread {
	shown := Thread{Path: t.path, Line: t.line, Resolved: t.resolved}
	for _, r := range t.remarks() {
		shown.Comments = append(shown.Comments, Comment{ID: r.id, Author: r.author, Body: r.body, At: r.created})
	}
	return shown
}

func (c *call) snapshotComments(n int) []Comment {
	var list []Comment
	for _, m := range c.commentsOf(n) {
		list = append(list, Comment{ID: m.id, Author: m.author, Body: m.body, At: m.created})
	}
	return list
}
