package agents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"lightsout/agents/engine"
	"lightsout/agents/forge"
	"lightsout/agents/proof"
	"lightsout/agents/review"
	"lightsout/agents/worktree"
	"lightsout/rules"
	"lightsout/store"
)

// assignment is one piece of work: a ticket, where it starts, and what went wrong before, if anything did.
type assignment struct {
	role     string
	ticket   forge.Ticket
	pull     int // 0: none yet
	claim    store.Claim
	attempt  int
	base     string   // sha that the change is proven against
	start    string   // sha that the session starts from
	proven   string   // sha whose tests were proven before and may not be weakened; "" for none
	merge    string   // sha of the base that is merged into the worktree first; "" for none
	clashes  []string // files in which that merge conflicts
	branch   string
	files    []string
	evidence string            // failing log, both sides of a conflict, review words
	text     string            // the pull request's text so far
	told     map[string]string // goes into the event that tells of the run
}

// message is the subject of the commit that ends a session's work.
func (a assignment) message(base string) string {
	if a.merge != "" {
		return fmt.Sprintf("Merge %s into %s", base, a.branch)
	}
	return subject(a.ticket.Title)
}

// product is a proven change.
type product struct {
	head    string
	text    string
	receipt proof.Receipt
	run     store.Run

	verdict  *review.Verdict // of the debate on it; nil when nobody has looked
	evidence string          // what the reviewers send back
}

// maxText bounds the pull request text that is read from a session: GitHub takes 65,536 characters, and the factory
// adds its own lines.
const maxText = 32 << 10

// work runs sessions on an assignment until the proof holds or the rounds, the time or the session's luck run out.
// It ends the run row itself, except when it returns a product: then the caller ends it after publishing.
func (f *Factory) work(ctx context.Context, a assignment) (product, error) {
	marker, err := f.marker(ctx, a)
	if err != nil {
		return product{}, err
	}
	file, err := f.loadRules(ctx)
	if err != nil {
		return product{}, err
	}
	paths, err := f.Mirror.Tree(ctx, a.base)
	if err != nil {
		return product{}, err
	}
	home := f.homeDir(a.ticket.Number)
	task := rules.Task{Role: a.role, Title: a.ticket.Title, Body: a.ticket.Body, Files: a.files, Rules: file.Rules, TextFile: filepath.Join(home, "pull-request.md"),
		Evidence: a.evidence, Test: strings.Join(f.Settings.Test, " "), Docs: documents(paths)}
	prompt, err := rules.Render(task)
	if err != nil {
		return product{}, err
	}
	first, err := f.engineNow(ctx, a.role)
	if err != nil {
		return product{}, err
	}
	run, err := f.Store.StartRun(ctx, store.Run{Role: a.role, Ticket: a.ticket.Number, Pull: a.pull, Generation: a.claim.Generation, Engine: first, Attempt: a.attempt,
		Marker: marker, Step: "preparing", LogPath: f.logPath(a), Limit: f.Settings.Limits.Wall, PromptBytes: prompt.Bytes}, a.told)
	if err != nil {
		return product{}, err
	}
	made, err := f.rounds(ctx, a, run, task)
	if err == nil {
		made.run = run
		return made, nil
	}
	why := cause(err)
	return product{}, errors.Join(err, f.Store.EndRun(context.WithoutCancel(ctx), run.ID, why.outcome, why.reason))
}

// rounds does the work of one run under its clock, its lease and a person's /cancel.
func (f *Factory) rounds(ctx context.Context, a assignment, run store.Run, task rules.Task) (made product, err error) {
	kept, release := f.keepAlive(ctx, a.claim, run)
	begun := false
	defer func() {
		if stopped := release(); stopped != nil && err != nil {
			err = stopped // what ended the work is why it failed
		}
		if begun {
			err = errors.Join(err, f.setAside(context.WithoutCancel(ctx), a, task, err))
		}
		err = errors.Join(err, f.clean(context.WithoutCancel(ctx), a))
	}()
	dir, home := f.worktreeDir(a.ticket.Number), f.homeDir(a.ticket.Number)
	if err := f.Mirror.Add(kept, dir, a.start, a.branch); err != nil {
		return product{}, err
	}
	if a.merge != "" {
		if _, err := f.Mirror.Merge(kept, dir, a.merge); err != nil {
			return product{}, err
		}
	}
	if err := errors.Join(worktree.RemoveAll(home), os.MkdirAll(filepath.Join(home, "tmp"), 0o700)); err != nil {
		return product{}, fmt.Errorf("make the session's home: %w", err)
	}
	if a.text != "" {
		if err := os.WriteFile(task.TextFile, []byte(a.text), 0o600); err != nil {
			return product{}, fmt.Errorf("lay out the pull request text: %w", err)
		}
	}
	own, err := f.branchInstructions(kept, dir, a) // before an earlier session's work is laid over it
	if err != nil {
		return product{}, err
	}
	if err := f.goOn(kept, a, &task); err != nil {
		return product{}, err
	}
	begun = true
	book, err := f.openLogbook(run)
	if err != nil {
		return product{}, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	said, err := f.openDebate(kept, a)
	if err != nil {
		return product{}, err
	}
	for round := 1; ; round++ {
		made, refused, err := f.round(kept, a, own, run, task, round, book)
		if err == nil && refused == nil {
			if refused, err = f.argue(kept, said, a, run, task, &made, book); refused != nil {
				round = 0 // what is sent back has as many rounds again, once
			}
		}
		if err != nil || refused == nil {
			return made, err
		}
		if round == f.Settings.Rounds {
			return product{}, refused
		}
		task.Evidence = cmp.Or(made.evidence, made.receipt.Evidence(), refused.reason)
	}
}

// round is one session and the proof of what it left. refused is set when the work goes on: evidence, not an error.
func (f *Factory) round(ctx context.Context, a assignment, own originals, run store.Run, task rules.Task, round int, book *logbook) (made product, refused *setback, err error) {
	prompt, err := rules.Render(task)
	if err != nil {
		return made, nil, err
	}
	if err := f.Store.Step(ctx, run.ID, "session, round "+strconv.Itoa(round)); err != nil {
		return made, nil, err
	}
	book.note("prompt: %s bytes, %s of %s beside ticket, rules and evidence", thousands(int64(prompt.Bytes)), thousands(int64(prompt.Overhead)), thousands(rules.MaxOverhead))
	dir := f.worktreeDir(a.ticket.Number)
	if err := f.baseInstructions(ctx, dir, a.base); err != nil {
		return made, nil, err
	}
	result, err := f.crew(run, a.role, book).Run(ctx, engine.Session{Prompt: prompt.Text, Dir: dir, Home: f.homeDir(a.ticket.Number), Marker: run.Marker, Limits: f.Settings.Limits,
		Writable: f.Settings.Writable, Readable: append(slices.Clip(f.Settings.Readable), f.Mirror.Objects()), Contain: f.Settings.Contain, Namespace: f.Settings.Namespace, Env: f.Settings.Env, Log: book})
	if err = errors.Join(err, own.giveBack(dir)); err != nil {
		return made, nil, fmt.Errorf("session: %w", err)
	}
	if s := sessionSetback(result); s != nil {
		return made, nil, s
	}
	if err := f.Store.Step(ctx, run.ID, "proof, round "+strconv.Itoa(round)); err != nil {
		return made, nil, err
	}
	if made.text, err = readText(task.TextFile); err == nil {
		made.head, err = f.Mirror.Take(ctx, dir, f.redact(a.message(f.Settings.Base)))
	}
	switch refused = unusable(err); {
	case refused != nil && errors.Is(err, fs.ErrNotExist): // there is nothing left for another round to work on
		return made, nil, refused
	case refused != nil:
		return made, refused, f.tellRefused(ctx, a, run, round, "unusable work", refused.reason)
	case err != nil:
		return made, nil, fmt.Errorf("take the session's work: %w", err)
	}
	if made.head == a.start {
		refused = &setback{outcome: "no change", reason: "the session ended without changing a file", code: true}
		return made, refused, f.tellRefused(ctx, a, run, round, "empty change", refused.reason)
	}
	if marked, err := f.stillMarked(ctx, made.head, a.clashes); err != nil {
		return made, nil, err
	} else if len(marked) > 0 {
		refused = &setback{outcome: "refused", reason: "conflict markers are left in " + strings.Join(marked, ", "), code: true}
		return made, refused, f.tellRefused(ctx, a, run, round, "conflict markers", refused.reason)
	}
	made.receipt, err = f.prove(ctx, a, run, made.head, made.text, book)
	if book.note("proof of %.7s: %s", made.head, made.receipt.Line()); err != nil {
		book.note("proof: %v", err)
	}
	switch {
	case errors.Is(err, proof.ErrBaseRed):
		return made, nil, &setback{outcome: "base red", reason: err.Error()}
	case err != nil:
		return made, nil, fmt.Errorf("proof: %w", err)
	case made.receipt.Proven:
		return made, nil, nil
	}
	policy, detail := "not proven", made.receipt.Line()
	if len(made.receipt.Refusals) > 0 {
		policy, detail = made.receipt.Refusals[0].Policy, made.receipt.Refusals[0].Detail
	}
	refused = &setback{outcome: "refused", reason: policy + ": " + detail, code: true}
	return made, refused, f.tellRefused(ctx, a, run, round, policy, detail)
}

func (f *Factory) prove(ctx context.Context, a assignment, run store.Run, head, text string, log io.Writer) (proof.Receipt, error) {
	r := f.proofOf(a, run, head, log)
	r.Text = text
	return proof.Prove(ctx, r)
}

// proofOf is what the proof of a head, and the reproduction of a bug in it, are asked with.
func (f *Factory) proofOf(a assignment, run store.Run, head string, log io.Writer) proof.Request {
	return proof.Request{Mirror: f.Mirror, Base: a.base, Head: head, Against: f.Settings.Base, Test: f.Settings.Test, Dir: f.proofDir(a.role), Keep: true, Env: f.Settings.Env,
		Limits: f.Settings.ProofLimits, Contain: f.Settings.Contain, Apart: f.Settings.Namespace, Writable: f.Settings.Writable, Readable: f.Settings.Readable, Marker: run.Marker, Now: f.Store.Now, Log: log,
		Secrets: f.Settings.Secrets, Since: a.proven, Settings: f.Settings.Proof}
}

func (f *Factory) tellRefused(ctx context.Context, a assignment, run store.Run, round int, policy, detail string) error {
	return f.Store.Record(ctx, store.Event{Kind: store.ProofRefused, Ticket: a.ticket.Number, Pull: a.pull, Run: run.ID, Data: map[string]string{
		"round": strconv.Itoa(round), "rounds": strconv.Itoa(f.Settings.Rounds), "policy": policy, "detail": detail, "title": a.ticket.Title, "url": a.ticket.URL}})
}

// clean removes what a run needed and nobody needs after it. The mirror keeps the commits, the logs stay.
func (f *Factory) clean(ctx context.Context, a assignment) error {
	err := f.Mirror.Remove(ctx, f.worktreeDir(a.ticket.Number))
	return errors.Join(err, worktree.RemoveAll(f.homeDir(a.ticket.Number)), proof.Clear(ctx, f.Mirror, f.proofDir(a.role)))
}
