package agents

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"lightsout/agents/engine"
	"lightsout/store"
)

// How long a coding CLI rests whose provider did not say for how long.
const (
	quotaRest      = time.Hour       // most plans count in windows of hours
	overloadRest   = 5 * time.Minute // the CLI itself has tried for a while; doubled each time that it is met again
	maxRest        = time.Hour
	credentialRest = 6 * time.Hour // a person has to see to it; a restart, or /resume with its name, ends it
)

// crew is the coding CLIs that work for one role on one run, the preferred first. To whoever asks for a session it is one
// coding CLI. Behind it, one that its provider refuses rests, in the store, until it is said to be served again, and the
// next goes on in the same worktree. Every session is held to what the budgets leave, told of while it works, and kept
// with what it has used.
type crew struct {
	*Factory
	run  store.Run
	role string
	book *logbook
}

// crew puts together who works for a role: one of the roles of the schedule, or of the review.
func (f *Factory) crew(run store.Run, role string, book *logbook) *crew {
	return &crew{Factory: f, run: run, role: role, book: book}
}

// engines are those of the crew's role; reviewers without their own are the author's.
func (c *crew) engines() []Runner {
	if own := c.RoleEngines[c.role]; len(own) > 0 {
		return own
	}
	return c.enginesOf(c.run.Role)
}

// enginesOf are the coding CLIs of a role, the preferred first.
func (f *Factory) enginesOf(role string) []Runner {
	if own := f.RoleEngines[role]; len(own) > 0 {
		return own
	}
	return f.Engines
}

// Name is the preferred one's.
func (c *crew) Name() string { return c.engines()[0].Name() }

// Run has the first that does not rest do a session, and the next when its provider refuses it. The Result is the last
// one's, which it names. When all rest, nothing runs: the Result then says why. A *setback is the error when a budget is
// used up. Limits of s that are set stay; the others are the configured ones.
func (c *crew) Run(ctx context.Context, s engine.Session) (engine.Result, error) {
	var last engine.Result
	for {
		rests, err := c.Store.Rests(ctx)
		if err != nil {
			return last, err
		}
		chosen, first := choose(c.engines(), rests)
		if chosen == nil && last.Engine != "" {
			return last, nil
		}
		if chosen == nil {
			return engine.Result{Engine: first.Engine, Outcome: engine.Outcome(first.Outcome), ExitCode: -1, ResetAt: first.Until, Reason: restReason(first)}, nil
		}
		may, err := c.allowance(ctx)
		if err != nil {
			return last, err
		}
		if last, err = c.session(ctx, chosen, s, may); err != nil || ctx.Err() != nil {
			return last, err
		}
		if tired, err := c.rest(ctx, last); err != nil || !tired {
			return last, errors.Join(err, c.stopped(ctx, last))
		}
	}
}

// choose is the first that does not rest. When all do it is nil, with the rest that is over first.
func choose(engines []Runner, rests []store.Rest) (Runner, store.Rest) {
	var first store.Rest
	for _, e := range engines {
		i := slices.IndexFunc(rests, func(r store.Rest) bool { return r.Engine == e.Name() })
		if i < 0 {
			return e, store.Rest{}
		}
		if first.Engine == "" || rests[i].Until.Before(first.Until) {
			first = rests[i]
		}
	}
	return nil, first
}

func restReason(r store.Rest) string {
	return fmt.Sprintf("%s rests until %s (%s)", r.Engine, r.Until.UTC().Format("15:04 UTC on 2 January"), r.Outcome)
}

// allowance is what a session may use now.
func (c *crew) allowance(ctx context.Context) (Budget, error) {
	today, err := c.Store.SpentToday(ctx)
	if err != nil {
		return Budget{}, err
	}
	onTicket, err := c.Store.SpentOn(ctx, c.run.Ticket)
	if err != nil {
		return Budget{}, err
	}
	may, over := allow(c.Settings.Budgets, c.run.Ticket, onTicket, store.Total(today))
	if over == nil {
		return may, nil
	}
	// The day ends by itself; a ticket that has used up its budget waits for a person.
	return Budget{}, &setback{outcome: overBudget, reason: over.reason, person: !over.day}
}

// overBudget is the outcome of a run that has used up what it may use.
const overBudget = "over budget"

// stopped tells a session that its budget ended from one that failed.
func (c *crew) stopped(ctx context.Context, r engine.Result) error {
	if r.Outcome != engine.Failed {
		return nil
	}
	_, err := c.allowance(ctx)
	return err
}

// session has one coding CLI do one session, and keeps what it is doing and has used.
func (c *crew) session(ctx context.Context, chosen Runner, s engine.Session, may Budget) (engine.Result, error) {
	kept, err := c.Store.BeginSession(ctx, store.Session{Run: c.run.ID, Role: c.role, Ticket: c.run.Ticket, Engine: chosen.Name()})
	if err != nil {
		return engine.Result{}, err
	}
	c.book.note("%s asks %s", c.role, chosen.Name())
	after := context.WithoutCancel(ctx)
	var failures []error
	s.MaxTurns, s.MaxRepeats, s.MaxTokens, s.MaxCostUSD = c.Settings.Turns, c.Settings.Repeats, may.Tokens, may.CostUSD
	s.OnProgress = func(p engine.Progress) {
		if err := c.Store.Progress(after, kept, c.redact(Doing(p, s.Dir)), spendOf(p.Turns, p.Usage)); err != nil && len(failures) == 0 {
			failures = append(failures, err)
		}
	}
	watch := s.OnEvent
	s.OnEvent = func(e engine.Event) {
		c.book.event(e)
		if watch != nil {
			watch(e)
		}
	}
	result, err := chosen.Run(ctx, s)
	if result.Engine == "" {
		result.Engine = chosen.Name()
	}
	c.book.note("%s: %s after %.0f s; %s", chosen.Name(), strings.TrimSuffix(string(result.Outcome)+": "+result.Reason, ": "), result.Seconds, used(spendOf(result.Turns, result.Usage)))
	failures = append(failures, err, c.Store.EndSession(after, kept, string(result.Outcome), c.redact(result.Reason), spendOf(result.Turns, result.Usage)))
	return result, errors.Join(failures...)
}

func spendOf(turns int, u engine.Usage) store.Spend {
	return store.Spend{Turns: turns, Input: u.Input, Cached: u.Cached, Output: u.Output, CostUSD: u.CostUSD}
}

// rest keeps a coding CLI that its provider refuses from being asked again before it is served. It spends no attempt.
func (c *crew) rest(ctx context.Context, r engine.Result) (tired bool, err error) {
	inARow, err := c.Store.EndedAlike(ctx, r.Engine)
	if err != nil {
		return false, err
	}
	rest, tired := restAfter(r, inARow, c.Store.Now())
	if !tired {
		return false, nil
	}
	rest.Reason = c.redact(rest.Reason)
	rests, err := c.Store.Rests(ctx)
	if err != nil {
		return true, err
	}
	next, _ := choose(c.engines(), append(rests, rest))
	told := map[string]string{}
	if next != nil {
		told["next"] = next.Name()
	}
	return true, c.Store.Rest(context.WithoutCancel(ctx), rest, told)
}

var limitEpoch = regexp.MustCompile(`\|\d{10}\b`)

// restAfter is the rest that a session's end asks for, if any. inARow is how many sessions of the coding CLI, this one
// included, have ended so.
func restAfter(r engine.Result, inARow int, now time.Time) (store.Rest, bool) {
	var span time.Duration
	switch r.Outcome {
	case engine.Quota:
		span = quotaRest
	case engine.Overloaded:
		span = min(overloadRest<<min(max(inARow-1, 0), 6), maxRest)
	case engine.Authentication:
		span = credentialRest
	default:
		return store.Rest{}, false
	}
	until := now.Add(span)
	if r.ResetAt.After(now) {
		until = r.ResetAt
	}
	// "usage limit reached|1749924000" is for programs: until when is said beside it.
	reason := limitEpoch.ReplaceAllString(r.Reason, "")
	return store.Rest{Engine: r.Engine, Outcome: string(r.Outcome), Reason: reason, Until: until}, true
}

// engineNow is the name of the coding CLI that a session of a role would be asked of now.
func (f *Factory) engineNow(ctx context.Context, role string) (string, error) {
	rests, err := f.Store.Rests(ctx)
	if err != nil {
		return "", err
	}
	chosen, first := choose(f.enginesOf(role), rests)
	if chosen == nil {
		return first.Engine, nil
	}
	return chosen.Name(), nil
}

// unable says why no session of a role may begin now, "" when one may: every coding CLI of it rests, or today's budget is
// used up. The latter is told as trouble, once, until the day is over.
func (f *Factory) unable(ctx context.Context, role string) (string, error) {
	if err := f.Store.RouseRested(ctx); err != nil {
		return "", err
	}
	today, err := f.Store.SpentToday(ctx)
	if err != nil {
		return "", err
	}
	const what = "today's budget is used up"
	if _, over := allow(Budgets{Day: f.Settings.Budgets.Day}, 0, store.Spend{}, store.Total(today)); over != nil {
		return over.reason, f.Store.Trouble(ctx, store.Problem{What: what, Reason: over.reason, Cure: "no session begins before 00:00 UTC, unless limits.day is raised"})
	}
	if err := f.Store.Settled(ctx, what); err != nil {
		return "", err
	}
	rests, err := f.Store.Rests(ctx)
	if err != nil {
		return "", err
	}
	engines := f.enginesOf(role)
	if chosen, _ := choose(engines, rests); chosen != nil {
		return "", nil
	}
	var reasons []string
	for _, r := range rests {
		if slices.ContainsFunc(engines, func(e Runner) bool { return e.Name() == r.Engine }) {
			reasons = append(reasons, restReason(r))
		}
	}
	return strings.Join(reasons, ", "), nil
}
