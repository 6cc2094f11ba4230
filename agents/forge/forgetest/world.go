package forgetest

import (
	"maps"
	"slices"
	"time"
)

// world is everything the server remembers apart from what git itself remembers. It is plain data, kept by value, so
// that clone gives a picture of an earlier moment: a stale read is answered from such a picture. Slices and inner maps
// are never changed in place; who changes one stores a new one.
type world struct {
	heads      map[string]string // branch name -> commit
	people     map[string]person // by login
	labels     map[string]label  // by lower-case name, as GitHub tells labels apart
	milestones map[int]milestone
	issues     map[int]issue // pull requests too: they share the numbers, labels and comments of issues
	pulls      map[int]pull
	comments   map[int64]comment
	reviews    map[int64]review
	threads    map[int64]thread
	checks     map[int64]check
	runs       map[int64]run
	statuses   []status
	project    project
	lastNumber int
	lastID     int64
}

type person struct {
	id          int64
	login       string
	association string // OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE
}

type label struct {
	id                       int64
	name, color, description string
}

type milestone struct {
	id                    int64
	number                int
	title, description    string
	due, created, updated time.Time // due is zero when there is none
	open                  bool
}

type issue struct {
	id                       int64
	number                   int
	title, body, author      string
	labels                   []string // names, in the order they were added
	assignees                []string
	milestone                int // 0: none
	open, pull               bool
	reason, closedBy         string // reason: completed, not_planned, reopened
	created, updated, closed time.Time
}

type pull struct {
	id                 int64
	number             int
	fork               string // OWNER/REPO that the head is in; "" is this repository
	forkGone           bool
	headRef, baseRef   string
	head, base         string // commits; base is where the base stood when the head last moved, as on GitHub
	draft, merged      bool
	mergeSHA, mergedBy string
	mergedAt           time.Time
	judged             judgement
}

// judgement is the cached answer to "would it merge?". GitHub computes it after it was first asked for, so the first
// read after a change of head or base sees null.
type judgement struct {
	head, base string
	mergeable  bool
}

type comment struct {
	id               int64
	number           int
	author, body     string
	created, updated time.Time
}

type review struct {
	id                          int64
	number                      int
	author, state, body, commit string
	submitted                   time.Time
}

type thread struct {
	id, review         int64
	number, line       int
	path, author, body string
	commit             string
	resolvedBy         string
	resolved           bool
	created            time.Time
	replies            []remark
}

// remark is what was said in a thread after its first comment.
type remark struct {
	id           int64
	author, body string
	created      time.Time
}

type check struct {
	id, run                     int64
	name, sha                   string
	attempt                     int
	status, conclusion          string
	title, summary, text        string
	annotations                 []annotation
	log                         []byte
	created, started, completed time.Time
}

type annotation struct {
	path, title, message string
	line                 int
}

type run struct {
	id, suite             int64
	number, attempt       int
	file, name, event     string // file is the name of the workflow's file, e.g. ci.yml
	branch, sha, actor    string
	status, conclusion    string
	inputs                map[string]string
	created, begun, ended time.Time
}

type status struct {
	id                                         int64
	sha, context, state, description, url, who string
	created                                    time.Time
}

type project struct {
	id      int64
	present bool
	fields  []field
	items   []item
}

type field struct {
	id       int64
	name     string
	dataType string // TITLE, TEXT, SINGLE_SELECT …
	options  []option
}

type option struct{ id, name, color, description string }

type item struct {
	id               int64
	number           int    // of the issue or pull request; 0: a draft
	title, body      string // of a draft
	archived         bool
	values           map[int64]string // field id -> option id, or text
	created, updated time.Time
}

// clone is a picture of the world as it is now, which later changes do not touch.
func (w *world) clone() *world {
	c := *w
	c.heads = maps.Clone(w.heads)
	c.people = maps.Clone(w.people)
	c.labels = maps.Clone(w.labels)
	c.milestones = maps.Clone(w.milestones)
	c.issues = maps.Clone(w.issues)
	c.pulls = maps.Clone(w.pulls)
	c.comments = maps.Clone(w.comments)
	c.reviews = maps.Clone(w.reviews)
	c.threads = maps.Clone(w.threads)
	c.checks = maps.Clone(w.checks)
	c.runs = maps.Clone(w.runs)
	c.statuses = slices.Clone(w.statuses)
	c.project.fields = slices.Clone(w.project.fields)
	c.project.items = slices.Clone(w.project.items)
	return &c
}

func newWorld() *world {
	return &world{
		heads: map[string]string{}, people: map[string]person{}, labels: map[string]label{},
		milestones: map[int]milestone{}, issues: map[int]issue{}, pulls: map[int]pull{},
		comments: map[int64]comment{}, reviews: map[int64]review{}, threads: map[int64]thread{},
		checks: map[int64]check{}, runs: map[int64]run{},
		lastID: firstID,
	}
}

// firstID lies above 2^31, as GitHub's own ids have for years: a client that keeps one in 32 bits is found out.
const firstID = 3_000_000_000

func (w *world) nextID() int64 { w.lastID++; return w.lastID }

func (w *world) nextNumber() int { w.lastNumber++; return w.lastNumber }

// sorted gives the values of a map in the order of their keys: everything listed is listed in one known order.
func sorted[K interface{ ~int | ~int64 | ~string }, V any](m map[K]V) []V {
	values := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[k])
	}
	return values
}
