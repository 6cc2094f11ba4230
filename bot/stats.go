package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lightsout/store"
)

// outcomes are what can come of a finding, in the order in which they are told, with their words. What is not known yet comes
// last.
func outcomes() [][2]string {
	return [][2]string{{"repaired", "repaired"}, {"ci failed", "failed in CI"}, {"rejected", "rejected for"}, {"reverted", "reverted for"}, {"nothing", "came to nothing"},
		{"not merged", "never merged"}, {"", "not known yet"}}
}

// stats tells how good the reviewers have been: points, precision and recall of each role and engine.
func (b *Bot) stats(ctx context.Context, c call) (answer, error) {
	word, _ := cutSpace(c.args)
	since, name := time.Time{}, "all that is known"
	switch strings.ToLower(word) {
	case "":
	case "day":
		since, name = c.at.Add(-24*time.Hour), "the last 24 hours"
	case "week":
		since, name = c.at.Add(-7*24*time.Hour), "the last 7 days"
	default:
		return b.tell("💬", "Stats of when?", "/stats, /stats day or /stats week")
	}
	tallies, err := b.Store.Tallies(ctx, since)
	if err != nil {
		return answer{}, err
	}
	if len(tallies) == 0 {
		return b.tell("📊", "No findings yet", "reviews look at every change before it is published", name)
	}
	counts, err := b.Store.Outcomes(ctx, since)
	if err != nil {
		return answer{}, err
	}
	var findings []string
	for _, o := range outcomes() {
		if n := counts[o[0]]; n > 0 {
			findings = append(findings, fmt.Sprintf("%d %s", n, o[1]))
		}
	}
	text, err := b.pages.render("stats", map[string]any{"Since": name, "Findings": findings, "Table": tallyTable(tallies)})
	return answer{text: text}, err
}

// tallyTable is 33 columns wide, so that it fits a phone: the engines below each role.
func tallyTable(tallies []store.Tally) string {
	var b strings.Builder
	role := ""
	for i, t := range tallies {
		if i == 0 {
			fmt.Fprintf(&b, "%-12s%5s%6s%5s%5s\n", "", "pts", "prec", "rec", "open")
		}
		if t.Role != role {
			role = t.Role
			fmt.Fprintln(&b, role)
		}
		precision, known := t.Precision()
		recall, any := t.Recall()
		fmt.Fprintf(&b, " %-11s%5d%6s%5s%5d\n", clip(11, oneLine(t.Engine)), t.Points, percent(precision, known), percent(recall, any), t.Unknown)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func percent(share float64, known bool) string {
	if !known {
		return "–"
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}
