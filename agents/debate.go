package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/agents/proof"
	"lightsout/agents/review"
	"lightsout/agents/worktree"
	"lightsout/rules"
	"lightsout/store"
)

// Review says how a proven change is argued about before it is published. Its zero value has nothing argued about.
type Review struct {
	Rounds int            // at most review.MaxRounds; with 1 nothing is sent back, with 0 nobody looks
	Limits process.Limits // of one session
}

// refusedByReview is the outcome of a change in which a real bug stands.
const refusedByReview = "refused by review"

// debate is the argument about what one run makes.
type debate struct {
	rounds  int             // led by this run
	verdict *review.Verdict // nil: nobody has looked
	head    string          // that the verdict is about
	before  int             // rounds that were led before this run
}

// openDebate goes on with what was said of a pull request before it was sent to repair: only the repair is looked at then.
func (f *Factory) openDebate(ctx context.Context, a assignment) (*debate, error) {
	d := &debate{}
	if a.pull == 0 {
		return d, nil
	}
	kept, err := f.Store.Review(ctx, a.pull)
	if errors.Is(err, store.ErrNotFound) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	var v review.Verdict
	if err := json.Unmarshal([]byte(kept.Verdict), &v); err != nil {
		return nil, fmt.Errorf("read what was said of #%d: %w", a.pull, err)
	}
	if v.Looked() {
		// Where the base is merged in, what changed since is all of the change: what it meets there is new.
		d.verdict, d.before, d.head = &v, v.Rounds, cmp.Or(a.merge, a.start)
	}
	return d, nil
}

// argue has a proven change argued about. sentBack is set when the author's session is to go on with the real bugs, which
// made then has as its evidence. Where a real bug stands after the last round, an Implementer's change is published as a
// draft that shows it, so that a person can judge both, and a Fixer's repair comes to nothing.
//
// It fails open: when nobody can be asked, or the time is over, the change goes on as it is proven, and its text and
// card say that it was not reviewed. A person approves it all the same. Only what ends the run is an error.
func (f *Factory) argue(ctx context.Context, d *debate, a assignment, run store.Run, task rules.Task, made *product, book *logbook) (sentBack *setback, err error) {
	made.verdict = d.verdict
	if f.Settings.Review.Rounds == 0 {
		return nil, nil
	}
	d.rounds++
	v, err := f.leadRound(ctx, d, a, run, task, made.head, book)
	switch {
	case context.Cause(ctx) != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		f.Log.Warn("a change could not be reviewed", "ticket", a.ticket.Number, "error", err)
	case d.verdict == nil && v.Rounds == 0, d.verdict != nil && v.Rounds == d.verdict.Rounds:
		return nil, nil // not worth a look
	}
	d.verdict, d.head, made.verdict = &v, made.head, &v
	var events []store.Event
	switch again := d.rounds < f.Settings.Review.Rounds; {
	case stands(v) == "":
	case again:
		sentBack = &setback{outcome: refusedByReview, reason: stands(v), code: true}
		made.evidence = v.Evidence()
		events = append(events, store.Event{Kind: store.ReviewSentBack, Ticket: a.ticket.Number, Pull: a.pull, Run: run.ID, Data: map[string]string{
			"round": strconv.Itoa(d.rounds), "rounds": strconv.Itoa(f.Settings.Review.Rounds), "line": v.Line(), "detail": stands(v), "title": a.ticket.Title, "url": a.ticket.URL}})
	case a.role == FixerRole:
		err = &setback{outcome: refusedByReview, reason: stands(v), code: true}
		return nil, errors.Join(err, f.keepReview(ctx, d, a, run))
	}
	return sentBack, f.keepReview(ctx, d, a, run, events...)
}

// stands names the worst real bug that is not repaired, in a line; "" when there is none.
func stands(v review.Verdict) string {
	if blocks := v.Blocks(); len(blocks) > 0 { // they are in the order of their severity
		return limitLine(blocks[0].Place()+": "+blocks[0].Claim, 300)
	}
	return ""
}

// doubt is the real bug that the reviewers found in a head and that stands; "" when there is none.
func (f *Factory) doubt(ctx context.Context, head string) (string, error) {
	r, err := f.Store.ReviewOfHead(ctx, head)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return r.Stands, err
}

// leadRound lays the change out for reading and has it argued about once.
func (f *Factory) leadRound(ctx context.Context, d *debate, a assignment, run store.Run, task rules.Task, head string, book *logbook) (v review.Verdict, err error) {
	// A tenth of the run's time is kept for publishing: a change that is proven is not lost because it was argued about for too long.
	left := run.StartedAt.Add(f.Settings.RunLimit - f.Settings.RunLimit/10).Sub(f.Store.Now())
	ctx, stop := context.WithTimeoutCause(ctx, left, errors.New("the run has no time left for it"))
	defer stop()
	dir := f.reviewDir(a.ticket.Number)
	request := review.Request{Dir: filepath.Join(dir, "change"), Title: task.Title, Body: task.Body, Rules: task.Rules, Round: d.rounds, Earlier: d.verdict}
	defer func() {
		if err != nil && v.Failure == "" { // it came to nothing before it began
			if d.verdict != nil {
				v = *d.verdict
			}
			v.Failure = limitLine(cmp.Or(context.Cause(ctx), err).Error(), 300)
		}
		err = errors.Join(err, worktree.RemoveAll(dir))
	}()
	if err := errors.Join(worktree.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil { // an earlier life of the daemon may have left it
		return v, err
	}
	if err := f.Mirror.Checkout(ctx, request.Dir, head); err != nil {
		return v, err
	}
	if request.Diff, err = f.Mirror.Diff(ctx, a.base, head); err != nil {
		return v, err
	}
	if d.verdict != nil {
		if request.Since, err = f.Mirror.Between(ctx, d.head, head); err != nil {
			return v, err
		}
	}
	request.Ask = f.ask(run, d, dir, request.Dir, book)
	request.Reproduce = func(ctx context.Context, files map[string][]byte) (bool, string, error) {
		return proof.Reproduce(ctx, f.proofOf(a, run, head, book), files)
	}
	return review.Run(ctx, request)
}

// ask is how the reviewers are asked: each session says what it does.
func (f *Factory) ask(run store.Run, d *debate, homes, change string, book *logbook) review.Ask {
	engines := review.Engines{Enthusiast: f.crew(run, rules.Enthusiast, book), Adversary: f.crew(run, rules.Adversary, book), Referee: f.crew(run, rules.Referee, book)}
	sessions := review.Sessions{Engines: engines, Dir: change, Homes: homes, Marker: run.Marker + "-review-" + strconv.Itoa(d.rounds), Session: engine.Session{
		Env: f.Settings.Env, Limits: f.Settings.Review.Limits, Contain: f.Settings.Contain, Namespace: f.Settings.Namespace, Writable: f.Settings.Writable,
		Readable: append(slices.Clip(f.Settings.Readable), f.Mirror.Objects()), Log: book}}
	return func(ctx context.Context, role, prompt string) (engine.Result, error) {
		if err := f.Store.Step(ctx, run.ID, fmt.Sprintf("review, round %d: %s", d.rounds, role)); err != nil {
			return engine.Result{}, err
		}
		return sessions.Ask(ctx, role, prompt)
	}
}

// reviewDir is where the change of a ticket lies for its reviewers, with their private folders.
func (f *Factory) reviewDir(ticket int) string {
	return filepath.Join(f.Dir, "reviews", ticketName(ticket))
}

// maxPoints is how many findings a card has room for.
const maxPoints = 6

// keepReview keeps where the debate stands, and what this run has raised.
func (f *Factory) keepReview(ctx context.Context, d *debate, a assignment, run store.Run, events ...store.Event) error {
	v := *d.verdict
	whole, err := json.Marshal(v)
	if err != nil {
		return err
	}
	kept := store.Review{Run: run.ID, Ticket: a.ticket.Number, Head: d.head, Line: v.Line(), Stands: stands(v), Verdict: f.redact(string(whole)), Debate: f.redact(v.Debate())}
	for _, p := range v.Findings {
		if len(kept.Points) < maxPoints {
			kept.Points = append(kept.Points, store.ReviewPoint{Fate: p.Fate(), Place: p.Place(), Claim: limitLine(p.Claim, 160)})
		}
	}
	var findings []store.Finding
	for _, p := range v.Findings {
		if p.Round > d.before {
			findings = append(findings, findingRow(v, p))
		}
	}
	return f.Store.KeepReview(context.WithoutCancel(ctx), kept, findings, events...)
}

// findingRow is a finding as it is kept, with what is known about it when the debate ends.
func findingRow(v review.Verdict, p review.Finding) store.Finding {
	row := store.Finding{Name: p.ID, File: p.File, Line: p.Line, Severity: string(p.Severity), Claim: p.Claim, Refuted: p.Refuted != "", Ruling: string(p.Ruling), RuledBy: p.By,
		Reproduced: p.Reproduced}
	who := spoke(v, p.Round)
	row.Enthusiast, row.Adversary, row.Referee = who.Enthusiast, who.Adversary, who.Referee
	if p.Fixed {
		row.Outcome, row.Because = string(review.Repaired), "sent back, and gone after it"
	}
	row.Marks = marksOf(row)
	return row
}

// spoke names the engines that gave an answer in a round, or last in any when it is 0; "" for a role that gave none.
func spoke(v review.Verdict, round int) (who struct{ Enthusiast, Adversary, Referee string }) {
	for _, t := range v.Turns {
		if round != 0 && t.Round != round || t.Problem != "" {
			continue
		}
		switch t.Role {
		case rules.Enthusiast:
			who.Enthusiast = t.Engine
		case rules.Adversary:
			who.Adversary = t.Engine
		case rules.Referee:
			who.Referee = t.Engine
		}
	}
	return who
}

// marksOf is what the three roles have earned by a finding.
func marksOf(row store.Finding) []store.Mark {
	booked := review.Booked{Missed: row.Missed, Severity: review.Severity(row.Severity), Refuted: row.Refuted, Ruling: review.Ruling(row.Ruling), By: row.RuledBy,
		Reproduced: row.Reproduced, Outcome: review.Outcome(row.Outcome), Enthusiast: row.Enthusiast, Adversary: row.Adversary, Referee: row.Referee}
	var marks []store.Mark
	for _, m := range booked.Marks() {
		marks = append(marks, store.Mark{Role: m.Role, Engine: m.Engine, Mark: m.Mark, Points: m.Points})
	}
	return marks
}

// limitLine is a text on one line, within n bytes.
func limitLine(s string, n int) string {
	s = strings.Join(strings.Fields(rules.Sanitize(s)), " ")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
