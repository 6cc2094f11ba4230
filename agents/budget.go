package agents

import (
	"fmt"
	"strconv"

	"lightsout/store"
)

// Budget bounds what may be used; 0 is no bound. Tokens out of a cache do not count.
type Budget struct {
	Tokens  int64
	CostUSD float64 // as far as the coding CLI, or the price table, tells the cost
}

// Budgets bound one session, all sessions on one ticket until a person has it tried again, and all sessions of a day.
type Budgets struct{ Session, Ticket, Day Budget }

// overspent is whose budget is used up.
type overspent struct {
	day    bool // today's, else the ticket's
	reason string
}

// allow is what one more session may use at the most: the least that is left of the budgets. Where one is used up already,
// none may begin, and over says which. What sessions at work have used so far is in the spend; two that begin at the same
// moment may together use more than was left, by one session's worth at the most.
func allow(b Budgets, ticket int, onTicket, today store.Spend) (may Budget, over *overspent) {
	if reason := b.Day.usedUp(today); reason != "" {
		return Budget{}, &overspent{day: true, reason: "today has used " + reason}
	}
	if reason := b.Ticket.usedUp(onTicket); reason != "" {
		return Budget{}, &overspent{reason: fmt.Sprintf("#%d has used %s", ticket, reason)}
	}
	may = b.Session
	may.atMost(b.Ticket, onTicket)
	may.atMost(b.Day, today)
	return may, nil
}

// usedUp says how much of a budget is gone when all of it is, else "".
func (b Budget) usedUp(spent store.Spend) string {
	switch {
	case b.CostUSD > 0 && spent.CostUSD >= b.CostUSD:
		return fmt.Sprintf("$%.2f of $%.2f", spent.CostUSD, b.CostUSD)
	case b.Tokens > 0 && spent.Tokens() >= b.Tokens:
		return fmt.Sprintf("%s of %s tokens", thousands(spent.Tokens()), thousands(b.Tokens))
	}
	return ""
}

// atMost narrows a budget to what is left of another.
func (b *Budget) atMost(other Budget, spent store.Spend) {
	if left := other.CostUSD - spent.CostUSD; other.CostUSD > 0 && (b.CostUSD == 0 || left < b.CostUSD) {
		b.CostUSD = left
	}
	if left := other.Tokens - spent.Tokens(); other.Tokens > 0 && (b.Tokens == 0 || left < b.Tokens) {
		b.Tokens = left
	}
}

// thousands writes a number with its thousands apart: 1,234,567.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
