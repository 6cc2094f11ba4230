package agents

import (
	"context"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/store"
)

func TestASessionMayUseWhatTheBudgetsLeave(t *testing.T) {
	for _, c := range []struct {
		name            string
		budgets         Budgets
		onTicket, today store.Spend
		want            Budget
		over            string
		day             bool
	}{
		{"nothing is bounded", Budgets{}, store.Spend{CostUSD: 9}, store.Spend{CostUSD: 99}, Budget{}, "", false},
		{"a session's own", Budgets{Session: Budget{Tokens: 5, CostUSD: 2}}, store.Spend{CostUSD: 9}, store.Spend{}, Budget{5, 2}, "", false},
		{"less is left for the ticket", Budgets{Session: Budget{CostUSD: 2}, Ticket: Budget{CostUSD: 10}}, store.Spend{CostUSD: 9.5}, store.Spend{}, Budget{0, 0.5}, "", false},
		{"still less for the day", Budgets{Session: Budget{CostUSD: 2}, Ticket: Budget{CostUSD: 10}, Day: Budget{CostUSD: 20}}, store.Spend{CostUSD: 9.5}, store.Spend{CostUSD: 19.75}, Budget{0, 0.25}, "", false},
		{"more is left than a session may use", Budgets{Session: Budget{Tokens: 5}, Day: Budget{Tokens: 100}}, store.Spend{}, store.Spend{Input: 10}, Budget{Tokens: 5}, "", false},
		{"a day alone is bounded", Budgets{Day: Budget{Tokens: 100}}, store.Spend{}, store.Spend{Input: 10, Output: 5, Cached: 1000}, Budget{Tokens: 85}, "", false},
		{"the ticket's is used up", Budgets{Ticket: Budget{CostUSD: 10}}, store.Spend{CostUSD: 10}, store.Spend{}, Budget{}, "#31 has used $10.00 of $10.00", false},
		{"the day's is used up", Budgets{Ticket: Budget{CostUSD: 1}, Day: Budget{Tokens: 1_000_000}}, store.Spend{CostUSD: 2}, store.Spend{Input: 1_200_000, Output: 34_567}, Budget{}, "today has used 1,234,567 of 1,000,000 tokens", true},
	} {
		may, over := allow(c.budgets, 31, c.onTicket, c.today)
		if may != c.want || (over != nil) != (c.over != "") || over != nil && (over.reason != c.over || over.day != c.day) {
			t.Errorf("%s: %+v, %+v", c.name, may, over)
		}
	}
}

// using does its work and says what it used, as far as it may.
func using(costUSD float64, then turn) turn {
	return func(ctx context.Context, s engine.Session) (engine.Result, error) {
		result, err := then(ctx, s)
		result.Usage = engine.Usage{Input: 1000, Output: 100, CostUSD: costUSD}
		if s.MaxCostUSD > 0 && costUSD > s.MaxCostUSD {
			result.Outcome, result.Reason = engine.Failed, "ended by us: more than it may use"
		}
		return result, err
	}
}

func TestADayThatIsUsedUpBeginsNothingUntilTheNext(t *testing.T) {
	journey(t, func(o *options) { o.settings.Budgets.Day.CostUSD = 5 }, func(r *rig) {
		virtualWait(store.Midnight(r.store.Now()).Add(25 * time.Hour).Sub(r.store.Now())) // a day from its beginning
		first, second := r.ticket(1), r.ticket(2)
		r.cli.next(using(5.5, solve))
		r.implement() // it is over its budget in its first session, which is ended, and the work of it is not judged
		r.onBoard(first, "Todo")
		r.parked(first, "")
		r.tells(1, store.RunEnded, 0, "outcome:over budget")
		for range 2 {
			if said := r.implement().Said; !strings.Contains(said, "today has used $5.50 of $5.00") {
				t.Errorf("the Implementer said %q", said)
			}
		}
		r.tells(1, store.Trouble, 0, "today's budget is used up")
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions, want 1", r.cli.asked())
		}
		virtualWait(24 * time.Hour)
		r.implement()
		r.tells(1, store.TroubleOver, 0, "today's budget is used up")
		r.implement()
		r.onBoard(first, "In Review")
		r.onBoard(second, "In Review")
	})
}

func TestATicketThatHasUsedItsBudgetWaitsForAPerson(t *testing.T) {
	journey(t, func(o *options) { o.settings.Budgets.Ticket.CostUSD = 5 }, func(r *rig) {
		ticket := r.ticket(1)
		nothing := map[string]string{"part1.sh": "part1() { echo 7; }\n"} // which the proof refuses
		r.cli.next(using(2, leaving(nothing)), using(4, leaving(nothing)))
		r.implement()
		r.onBoard(ticket, "Todo")
		r.parked(ticket, "over budget: #1 has used $6.00 of $5.00")
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if len(runs) != 1 || runs[0].Outcome != overBudget || runs[0].CostUSD != 6 {
			t.Errorf("runs %+v", runs)
		}
		r.implement()
		if r.cli.asked() != 2 {
			t.Errorf("%d sessions, want 2", r.cli.asked())
		}
		must(t, r.store.Unpark(r.ctx, ticket, "asked by Ana")) // which grants it its budget again
		r.implement()
		r.onBoard(ticket, "In Review")
	})
}

func TestWhatASessionIsDoingAndHasUsedIsKeptWhileItWorks(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		r.factory.Settings.Turns, r.factory.Settings.Repeats, r.factory.Settings.Budgets.Session = 9, 4, Budget{Tokens: 77, CostUSD: 1.5}
		r.cli.next(func(ctx context.Context, s engine.Session) (engine.Result, error) {
			if s.MaxTurns != 9 || s.MaxRepeats != 4 || s.MaxTokens != 77 || s.MaxCostUSD != 1.5 {
				t.Errorf("the session may take %d turns, %d repeats, %d tokens, $%v", s.MaxTurns, s.MaxRepeats, s.MaxTokens, s.MaxCostUSD)
			}
			s.OnProgress(engine.Progress{Turns: 2, Tool: "Edit", Text: `{"file_path":"` + s.Dir + `/part1.sh","old_string":"0"}`, Usage: engine.Usage{Input: 40, Output: 4, CostUSD: 0.25}})
			running, err := r.store.Running(ctx)
			must(t, err)
			if len(running) != 1 || running[0].Doing != "Edit part1.sh" || running[0].Turns != 2 || running[0].InputTokens != 40 || running[0].CostUSD != 0.25 {
				t.Errorf("running %+v", running)
			}
			return using(0.5, solve)(ctx, s)
		})
		r.implement()
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if len(runs) != 1 || runs[0].InputTokens != 1000 || runs[0].CostUSD != 0.5 {
			t.Errorf("runs %+v", runs)
		}
	})
}
