// Package review exists because models want to please: three sessions that please different masters look at a change
// before it is published. The Enthusiast is paid by the bug and reports too many; the Adversary is paid for refuting them
// and fined for refuting real ones; the Referee is paid for being right.
//
// What they say decides nothing by itself. Answers are JSON that must fit a schema; pure functions make of them a
// [Verdict], in which a bug blocks only with evidence that the factory has checked: a test that fails on the change when
// the factory runs it, or a trace whose every step quotes the code that really stands there. A session that gives no
// answer which can be read is silent, and is said to be.
//
// The way through the package, bottom up: diff.go bounds what is shown and radius.go tells how deep to look, answer.go and
// schema.go read what comes back, tree.go checks it against the files, debate.go turns it into rulings, verdict.go words
// them. [Run] leads through one round. sessions.go runs the three as real sessions, which can read the change and write
// nothing; score.go tells, from what later happened, how good they were.
package review

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"lightsout/agents/engine"
	"lightsout/rules"
)

// The bounds of a debate.
const (
	MaxRounds       = 2
	maxFindings     = 20       // of one round; what else is raised is counted only
	maxReproduction = 32 << 10 // bytes of test files for one finding
	maxReproduced   = 6        // reproductions that one round runs: each takes the time of a test run
	maxTicket       = 8 << 10  // bytes of the ticket's text that are shown
	maxWords        = 600      // bytes of what a session says about one finding, per field
	maxOutput       = 2 << 10  // bytes kept of what a reproduction printed
	maxKept         = 16 << 10 // bytes kept of an answer, word for word
)

// An Ask puts one prompt to a fresh session of a role ("enthusiast", "adversary", "referee"), which can read the change
// and write nothing, and returns when all of it is gone. Its error means that it could not be run or ended.
type Ask func(ctx context.Context, role, prompt string) (engine.Result, error)

// A Reproduce lays test files over the head and runs them. failed means that they fail there as a test fails, output is
// what they printed. The error says why it could not be told: they do not compile, they are no tests, a tool is missing.
type Reproduce func(ctx context.Context, files map[string][]byte) (failed bool, output string, err error)

// Request is one round on one change.
type Request struct {
	Ask       Ask
	Reproduce Reproduce // nil: nothing can be reproduced, so that only traces are evidence

	Dir   string // absolute: the head of the change, which the sessions can read
	Diff  []byte // of the whole change, as git prints it
	Title string // of the ticket
	Body  string // of the ticket
	Rules []rules.Rule

	Round   int      // 1, or 2 after what blocked was worked on; 0 is 1
	Earlier *Verdict // what the debate has come to so far: before round 2, and where a change that was reviewed is repaired later
	Since   []byte   // with Earlier: the diff since the head that it is about, which alone is looked at
}

// Severity is how bad a bug would be, if it were one.
type Severity string

// The severities, from the mildest.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Ruling is what became of a finding.
type Ruling string

// The rulings. Only a real bug blocks.
const (
	RealBug       Ruling = "real bug"
	FalsePositive Ruling = "false positive"
	WorthNoting   Ruling = "worth noting"
)

// factory is who has the last word where it is ours.
const factory = "factory"

// Step is one place of a trace.
type Step struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Code string `json:"code"`
}

// TestFile is one file of a reproduction.
type TestFile struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}

// Finding is one thing that the Enthusiast raised, and what became of it. All words are bounded and on one line.
type Finding struct {
	ID       string   `json:"id"` // F1, F2, …; unique over the rounds
	Round    int      `json:"round"`
	File     string   `json:"file"` // in the repository
	Line     int      `json:"line"` // 0 when it names none that exists
	Severity Severity `json:"severity"`
	Claim    string   `json:"claim"`
	Trigger  string   `json:"trigger"`

	Refuted string `json:"refuted,omitempty"` // the Adversary's words, when it refutes it with a place that exists
	Ruling  Ruling `json:"ruling"`
	By      string `json:"by"` // whose ruling it is: referee, adversary, or factory
	Reason  string `json:"reason"`

	Trace        []Step     `json:"trace,omitempty"`
	Reproduction []TestFile `json:"reproduction,omitempty"`
	Output       string     `json:"output,omitempty"` // what the reproduction printed, its last lines
	Reproduced   bool       `json:"reproduced"`       // it failed on the head when the factory ran it
	Fixed        bool       `json:"fixed"`            // it was sent back and is gone
}

// Blocks reports whether the change must not be published with it.
func (f Finding) Blocks() bool { return f.Ruling == RealBug && !f.Fixed }

// Turn is one session of the debate.
type Turn struct {
	Role        string         `json:"role"`
	Engine      string         `json:"engine"`
	Round       int            `json:"round"`
	PromptBytes int            `json:"prompt_bytes"`
	Outcome     engine.Outcome `json:"outcome"`
	Problem     string         `json:"problem,omitempty"` // why its answer could not be used
	Answer      string         `json:"answer,omitempty"`  // its last words as they were, at most maxKept bytes
	Note        string         `json:"note,omitempty"`    // what else is to be said of it: that it tried to write, say
	Usage       engine.Usage   `json:"usage"`
	Seconds     float64        `json:"seconds"`
}

// Verdict is what the debate on one change has come to, over all its rounds. It can be kept as JSON.
type Verdict struct {
	Radius   Radius       `json:"radius"`
	Rounds   int          `json:"rounds"`
	Findings []Finding    `json:"findings"`           // in the order they were raised
	Surplus  int          `json:"surplus,omitempty"`  // findings beyond the bound that nobody looked at
	LeftOut  []string     `json:"left_out,omitempty"` // of the diff shown last
	Silent   []string     `json:"silent,omitempty"`   // who gave no answer that counts in the last round, and why
	Failure  string       `json:"failure,omitempty"`  // why the last round came to no end; "" when it did
	Turns    []Turn       `json:"turns"`
	Usage    engine.Usage `json:"usage"`   // of all turns
	Seconds  float64      `json:"seconds"` // of all turns
}

// Run leads one round of the debate. An error means that the round came to no end, because a session or a reproduction
// could not be run or the context ended; whatever the sessions say is no error. The verdict then is what stood before the
// round, with its usage and its Failure.
func Run(ctx context.Context, r Request) (Verdict, error) {
	if r.Round == 0 {
		r.Round = 1
	}
	if err := r.check(); err != nil {
		return Verdict{}, fmt.Errorf("review: %w", err)
	}
	d := &debate{Request: r, settled: map[string]bool{}, verdict: begun(r)}
	if d.verdict.Rounds == 0 || r.Earlier != nil && d.verdict.Rounds == r.Earlier.Rounds {
		return d.verdict, nil
	}
	before := slices.Clone(d.verdict.Findings)
	if err := d.lead(ctx); err != nil {
		err = fmt.Errorf("review, round %d: %w", d.verdict.Rounds, err)
		d.verdict.Findings, d.verdict.Failure = before, clip(err.Error(), maxWords)
		return d.verdict, err
	}
	return d.verdict, nil
}

// begun is the verdict at the beginning of a round. It counts no further round when what is to be looked at is not worth it;
// but what was sent back is never forgotten because the change has become small.
func begun(r Request) Verdict {
	looked, v := r.Diff, Verdict{Findings: []Finding{}, Turns: []Turn{}}
	if r.Earlier != nil {
		v = *r.Earlier
		v.Findings, v.Turns, v.LeftOut, v.Silent, v.Failure = slices.Clone(v.Findings), slices.Clone(v.Turns), nil, nil, ""
		if r.Round == 1 {
			looked = r.Since
		}
	}
	switch radius := RadiusOf(looked); {
	case radius.Depth != Unread:
		v.Radius = radius
	case r.Round > 1:
		v.Radius, v.Radius.Depth = radius, Light
	case r.Earlier == nil:
		v.Radius = radius
		return v
	default:
		return v
	}
	v.Rounds++
	return v
}

func (r Request) check() error {
	switch {
	case r.Ask == nil:
		return errors.New("nobody to ask")
	case !filepath.IsAbs(r.Dir):
		return fmt.Errorf("the folder of the change %q is not absolute", r.Dir)
	case r.Round < 1 || r.Round > MaxRounds:
		return fmt.Errorf("there is no round %d, only %d", r.Round, MaxRounds)
	case r.Round > 1 && r.Earlier == nil:
		return errors.New("a second round needs the verdict of the first")
	}
	return nil
}

// lead opens the change and leads the round.
func (d *debate) lead(ctx context.Context) (err error) {
	if d.tree, err = openTree(d.Dir, d.Diff, d.Since); err != nil {
		return err
	}
	return errors.Join(d.round(ctx), d.tree.close())
}

// debate is one round on its way.
type debate struct {
	Request
	tree     *tree
	shown    string // the diff as the sessions see it
	verdict  Verdict
	attempts int             // reproductions run so far
	settled  map[string]bool // findings of the round before on which a test has decided
}

func (d *debate) round(ctx context.Context) error {
	diff := d.Diff
	if d.Earlier != nil {
		diff = d.Since
		if err := d.recall(ctx); err != nil {
			return err
		}
		if len(diff) == 0 { // nothing was done about what blocks
			return nil
		}
	}
	d.shown, d.verdict.LeftOut = bounded(diff, maxDiff)
	raised, heard, err := d.raise(ctx)
	if err != nil {
		return err
	}
	if d.Earlier != nil && heard {
		d.verdict.Findings, raised = repaired(d.verdict.Findings, raised, d.settled)
	}
	if err := d.oppose(ctx, raised); err != nil {
		return err
	}
	rulings, err := d.rule(ctx, raised)
	if err != nil {
		return err
	}
	for i := range raised {
		f := &raised[i]
		if f.By != "" { // the factory has ruled already
			continue
		}
		said, ruled := rulings[f.ID]
		proof, err := d.evidence(ctx, f, said)
		if err != nil {
			return err
		}
		*f = judge(*f, said, ruled, proof)
	}
	d.verdict.Findings = append(d.verdict.Findings, raised...)
	return nil
}

// raise asks the Enthusiast. heard is false when it stayed silent.
func (d *debate) raise(ctx context.Context) (raised []Finding, heard bool, err error) {
	var answer findingsAnswer
	earlier, err := d.earlier()
	if err != nil {
		return nil, false, err
	}
	heard, err = d.ask(ctx, rules.Review{Role: rules.Enthusiast, Most: d.verdict.Radius.Depth.findings(), Earlier: earlier}, "findings", &answer)
	if err != nil || !heard {
		return nil, heard, err
	}
	raised, surplus := raisedBy(answer, d.tree, d.verdict.Rounds, len(d.verdict.Findings), d.verdict.Radius.Depth.findings())
	d.verdict.Surplus += surplus
	return raised, true, nil
}

// oppose asks the Adversary about what was raised.
func (d *debate) oppose(ctx context.Context, raised []Finding) error {
	open := claims(raised, func(f Finding) bool { return f.By == "" })
	if len(open) == 0 {
		return nil
	}
	text, err := evidenceOf(open)
	if err != nil {
		return err
	}
	var answer answersAnswer
	heard, err := d.ask(ctx, rules.Review{Role: rules.Adversary, Findings: text}, "answers", &answer)
	if heard {
		refute(raised, answer, d.tree)
	}
	return err
}

// rule asks the Referee about all that is not dismissed for good.
func (d *debate) rule(ctx context.Context, raised []Finding) (map[string]ruling, error) {
	open := claims(raised, needsReferee)
	if len(open) == 0 {
		return nil, nil
	}
	text, err := evidenceOf(open)
	if err != nil {
		return nil, err
	}
	var answer rulingsAnswer
	if heard, err := d.ask(ctx, rules.Review{Role: rules.Referee, Findings: text}, "rulings", &answer); err != nil || !heard {
		return nil, err
	}
	rulings := map[string]ruling{}
	for _, r := range answer.Rulings {
		if _, twice := rulings[r.ID]; !twice {
			rulings[r.ID] = r
		}
	}
	return rulings, nil
}
