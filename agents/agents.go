// Package agents holds the three roles of the factory: Implementer, Fixer and Merger.
//
// From the bottom up: process ends what it started, worktree is git, forge is GitHub, engine is one coding CLI,
// isolation says which ticket stands most alone, proof says whether a change is done. A role is one file here, and
// every role has the same shape: reconcile what was intended and not finished, take one snapshot of the world
// (snapshot.go), decide with pure functions (verdict.go, gate.go), claim, act through effects that are logged before
// they happen (effect.go), and record what came of it in the same transaction as the event that tells of it.
//
// Roles know nothing of the chat: they read approvals and requests from the store and write events to it.
package agents

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/forge"
	"lightsout/agents/process"
	"lightsout/agents/proof"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// The roles' names, the same in the schedule, the store and the chat.
const (
	ImplementerRole = "implementer"
	FixerRole       = "fixer"
	MergerRole      = "merger"
)

// MaxAttempts is how many repairs of one pull request are tried before its ticket goes back to Todo.
const MaxAttempts = 3

// Runner is one coding CLI, real or scripted by a timer in tests of virtual time.
type Runner interface {
	Name() string
	Run(ctx context.Context, s engine.Session) (engine.Result, error)
}

// Settings are the configured facts that the roles need.
type Settings struct {
	Base           string                 // branch that pull requests go to
	Test           []string               // the repository's test command, the local gate; empty: found by proof
	Rounds         int                    // sessions in one run until the proof holds
	Review         Review                 // of what is proven
	Limits         process.Limits         // of one session
	Turns          int                    // of one session: answers of the model; 0: no limit
	Repeats        int                    // of one session: times that the same tool call may give the same result, with nothing new between; 0: any
	Budgets        Budgets                // tokens and money of a session, a ticket and a day
	ProofLimits    process.Limits         // of one command under test
	RunLimit       time.Duration          // of a whole run: sessions and proofs
	Lease          time.Duration          // of a claim; renewed at a third of it
	MaxWaiting     int                    // pull requests waiting for a person before intake stops; 0: no limit
	Contain        bool                   // Landlock around sessions and commands under test
	Namespace      bool                   // a process-id namespace around each of them, too
	Env            []string               // the allow-listed environment of sessions and commands under test
	Writable       []string               // build caches that sessions and tests may write
	Readable       []string               // beside the system's own folders
	MergeMethod    string                 // merge, squash or rebase
	Staging        Staging                // what follows a merge
	ChecksPatience time.Duration          // after which missing checks are said to be missing
	BaseRedTicket  bool                   // one ticket is filed while the base itself is red, and closed when it is green
	Observe        bool                   // decide and say, change nothing outside
	AnyAuthor      bool                   // tickets by people without write access are taken too
	Reviewers      []string               // logins of automated reviewers, whose requests for changes count as a member's
	Secrets        []string               // the daemon's own, which must not stand in a change
	Proof          proof.Settings         // how work is judged before it leaves
	FreeDisk       func() (uint64, error) // bytes that may still be written below Dir; nil: not looked at
}

// Factory is what the three roles share. All fields are set before the first role runs.
type Factory struct {
	Store       *store.Store
	Forge       *forge.Client
	Mirror      *worktree.Mirror
	Engines     []Runner            // the coding CLIs, the preferred first: the next takes over while one rests
	RoleEngines map[string][]Runner // for the roles that have their own
	RulesPath   string
	Dir         string              // worktrees, homes, logs and diffs live below it
	Instance    string              // this life of the daemon: the holder of its claims
	Redact      func(string) string // takes secrets out of a text that is about to leave; nil: nothing to take out
	Settings    Settings
	Log         *slog.Logger

	desk desk
}

// redact takes the daemon's secrets out of a text.
func (f *Factory) redact(text string) string {
	if f.Redact == nil {
		return text
	}
	return f.Redact(text)
}

// worktreeDir is where a ticket's session works; homeDir is that session's private HOME.
func (f *Factory) worktreeDir(ticket int) string {
	return filepath.Join(f.Dir, "worktrees", ticketName(ticket))
}
func (f *Factory) homeDir(ticket int) string {
	return filepath.Join(f.Dir, "homes", ticketName(ticket))
}

// proofDir is where a role's proofs run. It stays the same from ticket to ticket: Go's build cache goes by folder.
func (f *Factory) proofDir(role string) string { return filepath.Join(f.Dir, "proofs", role) }

// Report is what one tick of a role came to, in words for whoever asked for it.
type Report struct {
	Acted bool   // it changed something outside
	Said  string // "took #31", "nothing to do: the queue is empty"
}

// and is a report of this and then of that; what did nothing is left out.
func (r Report) and(next Report) Report {
	switch {
	case !next.Acted:
		return r
	case r.Acted:
		next.Said = r.Said + "; " + next.Said
	}
	return next
}
