package bot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lightsout/store"
)

// What the texts ask of a subject beyond its fields. A key that an event lacks leaves its words out.

// Number is the pull request, or the ticket where there is none.
func (s *subject) Number() int { return either0(s.Event.Pull, s.Event.Ticket) }

// RunFacts are the number, the attempt and the limit of the run.
func (s *subject) RunFacts() []string {
	facts := []string{"run " + strconv.FormatInt(s.Event.Run, 10), s.Attempt(), ""}
	if d, err := time.ParseDuration(s.Data["limit"]); err == nil && d > 0 {
		facts[2] = "limit " + span(d)
	}
	return append(facts, either(s.Run.Engine, s.Data["engine"]))
}

// span writes a duration that somebody has chosen: 30m, 2h, 1h30m.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Attempt is which attempt this is.
func (s *subject) Attempt() string {
	n, err := strconv.Atoi(s.Data["attempt"])
	if err != nil || n < 1 {
		return ""
	}
	if n > repairs {
		return fmt.Sprintf("attempt %d", n)
	}
	return fmt.Sprintf("attempt %d/%d", n, repairs)
}

// Touches says how isolated the picked ticket is.
func (s *subject) Touches() string {
	if s.Data["touches"] == "" {
		return ""
	}
	return "touches " + count(len(strings.Split(s.Data["touches"], ", ")), "file") + ", overlaps nothing"
}

// Outcome is how a run ended.
func (s *subject) Outcome() string {
	switch o := s.Data["outcome"]; o {
	case "timeout":
		return "ran out of time"
	case "failed", "stalled":
		return o
	case "cancelled":
		return "was stopped"
	default:
		return "ended: " + o
	}
}

// Policy is what a refused proof offended against.
func (s *subject) Policy() string { return either(s.Data["policy"], "not proven") }

// LastRound tells whether no further round comes.
func (s *subject) LastRound() bool {
	return s.Data["round"] != "" && s.Data["round"] == s.Data["rounds"]
}

// CI counts the checks.
func (s *subject) CI() string {
	ci, _ := tally(s.Pull())
	return either(ci, "CI green")
}

// Detail is what the Fixer was called for, beyond the names of checks.
func (s *subject) Detail() string {
	if s.Data["check"] != "" && strings.HasPrefix(s.Data["detail"], "failed: ") {
		return ""
	}
	return s.Data["detail"]
}

// MergedSHA is the merge commit, StagedSHA the one that staging confirmed.
func (s *subject) MergedSHA() string {
	if sha := s.Pull().MergedSHA; sha != "" {
		return sha
	}
	return s.Data["sha"]
}

// StagedSHA is the commit that staging confirmed.
func (s *subject) StagedSHA() string {
	if s.Event.Kind == store.Staged && s.Data["sha"] != "" {
		return s.Data["sha"]
	}
	return s.MergedSHA()
}

// MergedBy is whose approval the merge used.
func (s *subject) MergedBy() string { return either(s.Pull().MergedBy, s.Data["by"]) }

// StagingURL is where a failed deployment can be looked at.
func (s *subject) StagingURL() string { return s.Data["url"] }

// Stands tells that an approval is still in force.
func (s *subject) Stands() bool { return s.grant != nil }

// Cost is what an attempt has cost.
func (s *subject) Cost() string {
	usd, err := strconv.ParseFloat(strings.TrimPrefix(s.Data["cost"], "$"), 64)
	if err != nil {
		return ""
	}
	return money(usd)
}

// Lacks is what a vague ticket does not say.
func (s *subject) Lacks() []string {
	if s.Data["lacks"] == "" {
		return nil
	}
	return strings.Split(s.Data["lacks"], "\n")
}

// Busy tells that a session worked while the heartbeat was taken.
func (s *subject) Busy() bool { return s.Data["running"] != "" && s.Data["running"] != "0" }

// Vitals are the lines of a heartbeat, at most 34 characters wide.
func (s *subject) Vitals() []string {
	var counts, limits []string
	for _, key := range []string{"open", "ready", "fixing", "queue"} {
		if v := s.Data[key]; v != "" {
			counts = append(counts, key+" "+v)
		}
	}
	if v := s.Data["rate"]; v != "" {
		limits = append(limits, "GitHub "+grouped(v))
	}
	if v := s.Data["disk"]; v != "" {
		limits = append(limits, "disk "+v)
	}
	next := either(s.Data["next"], s.Next)
	if next != "" && !strings.HasPrefix(next, "next") {
		next = "next " + next
	}
	return slices.DeleteFunc([]string{strings.Join(counts, "  "), next, strings.Join(limits, "  ")}, func(line string) bool { return line == "" })
}

// grouped writes the thousands of a text's numbers apart: 4812/5000 becomes 4,812/5,000.
func grouped(s string) string {
	parts := strings.Split(s, "/")
	for i, part := range parts {
		if n, err := strconv.Atoi(part); err == nil && n >= 1000 && n < 1_000_000 {
			parts[i] = fmt.Sprintf("%d,%03d", n/1000, n%1000)
		}
	}
	return strings.Join(parts, "/")
}
