package agents

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lightsout/store"
)

// heartbeat says that all is well, and says it only from what was read in this tick.
func (x *Fixer) heartbeat(ctx context.Context, snap Snapshot) error {
	count := map[string]int{}
	var unread []string
	for _, s := range snap.Standings {
		count[s.Verdict.Word]++
		if s.Verdict.Word == store.Unknown {
			unread = append(unread, fmt.Sprintf("#%d", s.Pull.Number))
		}
	}
	running, err := x.Store.Running(ctx)
	if err != nil {
		return err
	}
	tickets, err := x.Store.Tickets(ctx)
	if err != nil {
		return err
	}
	queue := 0
	for _, t := range tickets {
		taken := slices.ContainsFunc(running, func(r store.Run) bool { return r.Ticket == t.Number })
		if t.Status == "Todo" && t.Parked == "" && !taken {
			queue++
		}
	}
	rate := x.Forge.Rate()
	return x.Store.Record(ctx, store.Event{Kind: store.Heartbeat, Data: map[string]string{
		"line": heartbeatLine(count, len(snap.Standings), unread, running), "open": strconv.Itoa(len(snap.Standings)), "ready": strconv.Itoa(count[store.Ready]),
		"waiting": strconv.Itoa(count[store.Waiting]), "fixing": strconv.Itoa(count[store.Running]), "queue": strconv.Itoa(queue), "running": strconv.Itoa(len(running)),
		"rate": fmt.Sprintf("%d/%d", rate.Remaining, rate.Limit), "read": snap.At.Format(time.RFC3339)}})
}

// heartbeatLine is the first line of a heartbeat: how the pull requests stand, and who is at work.
func heartbeatLine(count map[string]int, open int, unread []string, running []store.Run) string {
	line := "All PRs green."
	green := count[store.Ready] + count[store.Approval] + count[store.Landing]
	switch {
	case len(unread) > 0:
		// What was not read just now is not known to be green, whatever it was before.
		line = fmt.Sprintf("Unknown: %s could not be read. %d of %d PRs green.", strings.Join(unread, ", "), green, open)
	case open == 0:
		line = "No open PRs."
	case green < open && green+count[store.Waiting] == open:
		line = fmt.Sprintf("%d of %d PRs green, the rest waits for CI.", green, open)
	case green < open:
		line = fmt.Sprintf("%d of %d PRs green.", green, open)
	}
	if len(running) == 0 {
		return line + " Standing by."
	}
	for _, r := range running {
		line += fmt.Sprintf(" %s%s works on #%d.", strings.ToUpper(r.Role[:1]), r.Role[1:], r.Ticket)
	}
	return line
}
