package review

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"lightsout/rules"
)

// points is what a bug of that severity is worth to the one who finds it.
func (s Severity) points() int {
	switch s {
	case Critical:
		return 10
	case High:
		return 5
	case Medium:
		return 3
	}
	return 1
}

// raisedBy makes findings of the Enthusiast's answer. The worst most are kept, the rest is counted. Repetitions are
// dropped; what is about a file that is not there is ruled on by the factory at once.
func raisedBy(answer findingsAnswer, t *tree, round, before, most int) (raised []Finding, surplus int) {
	seen := map[string]bool{}
	for _, a := range answer.Findings {
		f := Finding{Round: round, File: t.name(a.File), Line: a.Line, Severity: a.Severity, Claim: clip(a.Claim, maxWords), Trigger: clip(a.Trigger, maxWords)}
		key := fmt.Sprintf("%s:%d %s", cmp.Or(f.File, a.File), f.Line, strings.ToLower(f.Claim))
		if seen[key] {
			continue
		}
		seen[key] = true
		switch {
		case f.File == "":
			f.File = clip(a.File, 200)
			f.Ruling, f.By, f.Reason = FalsePositive, factory, "there is no such file"
		case f.Line > len(t.lines(f.File)):
			f.Line = 0
		}
		raised = append(raised, f)
	}
	slices.SortStableFunc(raised, func(a, b Finding) int {
		if there := cmp.Compare(len(a.By), len(b.By)); there != 0 { // what is there goes before what is not
			return there
		}
		return cmp.Compare(b.Severity.points(), a.Severity.points())
	})
	if len(raised) > most {
		surplus, raised = len(raised)-most, raised[:most]
	}
	for i := range raised {
		raised[i].ID = fmt.Sprintf("F%d", before+i+1)
	}
	return raised, surplus
}

// claim is what the other two are told of a finding.
type claim struct {
	ID       string   `json:"id"`
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`
	Severity Severity `json:"severity"`
	Claim    string   `json:"claim"`
	Trigger  string   `json:"trigger"`
	Refuted  string   `json:"refuted,omitempty"`
}

func claims(all []Finding, which func(Finding) bool) []claim {
	var list []claim
	for _, f := range all {
		if which(f) {
			list = append(list, claim{f.ID, f.File, f.Line, f.Severity, f.Claim, f.Trigger, f.Refuted})
		}
	}
	return list
}

// refute notes what the Adversary says. A refutation counts only with a place that exists; ids that nobody raised, and
// second thoughts about one id, are passed over.
func refute(raised []Finding, answer answersAnswer, t *tree) {
	answered := map[string]bool{}
	for _, a := range answer.Answers {
		i := slices.IndexFunc(raised, func(f Finding) bool { return f.ID == a.ID && f.By == "" })
		if i < 0 || answered[a.ID] {
			continue
		}
		answered[a.ID] = true
		if a.Kind != "stands" && t.hasPlace(a.Place) {
			raised[i].Refuted = clip(fmt.Sprintf("%s (%s): %s", a.Kind, clip(a.Place, 200), a.Reason), maxWords)
		}
	}
}

// needsReferee reports whether a finding is put before the Referee: all but what the factory has ruled on, and what is
// mild and refuted.
func needsReferee(f Finding) bool { return f.By == "" && (f.Refuted == "" || f.Severity != Low) }

// evidence is what the factory found out about a finding that the Referee calls a real bug.
type evidence struct {
	ran       bool   // the reproduction was run
	failed    bool   // and failed on the head
	output    string // what it printed
	untold    string // why the reproduction told nothing
	imprecise string // why the trace proves nothing; "" when it does
}

// evidence runs the reproduction and looks up the trace that the Referee gives for a real bug.
func (d *debate) evidence(ctx context.Context, f *Finding, said ruling) (evidence, error) {
	if said.Ruling != RealBug {
		return evidence{}, nil
	}
	e := evidence{imprecise: d.tree.precise(said.Trace)}
	if len(said.Reproduction) == 0 {
		return e, nil
	}
	size := 0
	for i := range said.Reproduction {
		file := &said.Reproduction[i]
		file.Path = d.tree.relative(file.Path)
		size += len(file.Path) + len(file.Content)
	}
	switch {
	case d.Reproduce == nil:
		e.untold = "nothing can be run here"
	case size > maxReproduction:
		e.untold = fmt.Sprintf("it has %d bytes, %d are run", size, maxReproduction)
	case d.attempts == maxReproduced:
		e.untold = fmt.Sprintf("%d others were run already", maxReproduced)
	default:
		var err error
		if e, err = d.reproduce(ctx, e, contents(said.Reproduction)); err != nil {
			return e, err
		}
		f.Reproduction = said.Reproduction
	}
	return e, nil
}

// reproduce runs test files on the head. That it could not be told what they show is no error; that the context ended is.
func (d *debate) reproduce(ctx context.Context, e evidence, files map[string][]byte) (evidence, error) {
	d.attempts++
	failed, output, err := d.Reproduce(ctx, files)
	if ended := context.Cause(ctx); ended != nil {
		return e, ended
	}
	e.output = tailText(output, maxOutput)
	if err != nil {
		e.untold = clip(err.Error(), maxWords)
	} else {
		e.ran, e.failed = true, failed
	}
	return e, nil
}

// judge is the ruling on a finding: by the Referee where it has ruled, as far as what the factory found out bears it
// out. Which way it falls when it cannot be known: nothing blocks without evidence, and nothing that is medium or worse
// is dismissed without the Referee.
func judge(f Finding, said ruling, ruled bool, e evidence) Finding {
	f.By, f.Output = rules.Referee, e.output
	switch {
	case !ruled && f.Refuted != "" && f.Severity == Low:
		f.Ruling, f.By, f.Reason = FalsePositive, rules.Adversary, f.Refuted
		return f
	case !ruled:
		f.Ruling, f.By, f.Reason = WorthNoting, factory, "nobody has ruled on it"
		return f
	}
	f.Ruling, f.Reason = said.Ruling, clip(said.Reason, maxWords)
	if said.Ruling != RealBug {
		return f
	}
	switch {
	case e.failed:
		f.Reproduced = true
	case e.ran:
		f.Ruling, f.By = WorthNoting, factory
		f.Reason = "the reproduction passes on the change; the Referee said: " + f.Reason
	case e.imprecise == "":
		f.Trace = said.Trace[:min(len(said.Trace), maxSteps)]
		for i := range f.Trace {
			f.Trace[i].File, f.Trace[i].Code = clip(f.Trace[i].File, 200), clip(f.Trace[i].Code, 200)
		}
	default:
		lack := e.imprecise
		if e.untold != "" {
			lack = "the reproduction tells nothing (" + e.untold + "), and " + lack
		}
		f.Ruling, f.By = WorthNoting, factory
		f.Reason = clip("not proven: "+lack+"; the Referee said: "+f.Reason, 2*maxWords)
	}
	return f
}

// maxSteps is how many steps of a trace are kept.
const maxSteps = 12

// recall takes over the findings of the round before, and runs again what was reproduced then: a test that passes now
// shows the repair better than any words.
func (d *debate) recall(ctx context.Context) error {
	for i := range d.verdict.Findings {
		f := &d.verdict.Findings[i]
		if !f.Blocks() || !f.Reproduced || d.Reproduce == nil {
			continue
		}
		e, err := d.reproduce(ctx, evidence{}, contents(f.Reproduction))
		if err != nil {
			return err
		}
		if e.ran { // else its test does not fit the code any more, and the sessions have to tell
			if f.Fixed = !e.failed; e.failed {
				f.Output = e.output // what it printed when it failed is what tells of the bug
			}
			d.settled[f.ID] = true
		}
	}
	return nil
}

func contents(list []TestFile) map[string][]byte {
	files := map[string][]byte{}
	for _, file := range list {
		files[file.Path] = []byte(file.Content)
	}
	return files
}

// earlier is what the Enthusiast of a second round is told of the first: what blocks still.
func (d *debate) earlier() (string, error) {
	open := claims(d.verdict.Findings, Finding.Blocks)
	if len(open) == 0 {
		return "", nil
	}
	return evidenceOf(open)
}

// repaired settles what was sent back. What the factory has run again stays as that showed, whatever is said. The rest is
// gone unless the Enthusiast, who was shown it and is paid for it, raises it again: then it is argued about anew, under its
// old name.
func repaired(before, raised []Finding, settled map[string]bool) (kept, open []Finding) {
	for _, f := range before {
		i := slices.IndexFunc(raised, func(r Finding) bool { return r.By == "" && r.File == f.File && similar(r.Claim, f.Claim) })
		switch {
		case !f.Blocks() && !settled[f.ID]:
		case settled[f.ID]:
			if i >= 0 && !f.Fixed { // it stands already
				raised = slices.Delete(raised, i, i+1)
			}
		case i >= 0:
			raised[i].ID = f.ID
			continue
		default:
			f.Fixed = true
		}
		kept = append(kept, f)
	}
	return kept, raised
}

// similar reports whether two claims are mostly made of the same words.
func similar(a, b string) bool {
	one, other := wordSet(a), wordSet(b)
	common := 0
	for w := range one {
		if other[w] {
			common++
		}
	}
	return a == b || common > 0 && 2*common >= min(len(one), len(other))
}

// wordSet is the words of a text that say something.
func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 0x80 }) {
		if len(w) > 2 {
			set[w] = true
		}
	}
	return set
}

// tailText keeps the last n bytes of a text, from a whole line on.
func tailText(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	if _, rest, ok := strings.Cut(s, "\n"); ok {
		s = rest
	}
	return strings.ToValidUTF8(s, "")
}
