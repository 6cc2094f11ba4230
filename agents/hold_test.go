package agents

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lightsout/store"
)

func (r *rig) pull(number int) store.Pull {
	r.t.Helper()
	p, err := r.store.Pull(r.ctx, number)
	must(r.t, err)
	return p
}

// stands holds that a pull request has a verdict, and why.
func (r *rig) stands(pull int, word, reason string) store.Pull {
	r.t.Helper()
	p := r.pull(pull)
	if p.Verdict != word || !strings.Contains(p.Reason, reason) {
		r.t.Errorf("#%d is %s (%s), want %s (…%s…)", pull, p.Verdict, p.Reason, word, reason)
	}
	return p
}

func (r *rig) onBoard(ticket int, status string) {
	r.t.Helper()
	if issue, _ := r.hub.Issue(ticket); issue.Status != status {
		r.t.Errorf("#%d is in %q, want %q", ticket, issue.Status, status)
	}
}

func (r *rig) parked(ticket int, reason string) {
	r.t.Helper()
	row, err := r.store.Ticket(r.ctx, ticket)
	must(r.t, err)
	if reason == "" && row.Parked != "" || !strings.Contains(row.Parked, reason) {
		r.t.Errorf("#%d is parked as %q, want …%s…", ticket, row.Parked, reason)
	}
}

// told returns the events of a kind about a pull request or, when it is 0, about all.
func (r *rig) told(kind string, pull int) []store.Event {
	r.t.Helper()
	events, err := r.store.Events(r.ctx, 0, 10_000)
	must(r.t, err)
	return slices.DeleteFunc(events, func(e store.Event) bool { return e.Kind != kind || pull != 0 && e.Pull != pull })
}

// tells holds how often a kind of event was told with these words.
func (r *rig) tells(times int, kind string, pull int, words string) {
	r.t.Helper()
	events := slices.DeleteFunc(r.told(kind, pull), func(e store.Event) bool { return !strings.Contains(fmt.Sprint(e.Data), words) })
	if len(events) != times {
		r.t.Errorf("%q with …%s… was told %d times, want %d: %v", kind, words, len(events), times, r.told(kind, pull))
	}
}

// did counts what was changed on GitHub.
func (r *rig) did(kind, target string) int {
	count := 0
	for _, m := range r.hub.Mutations() {
		if m.Kind == kind && (target == "" || m.Target == target) {
			count++
		}
	}
	return count
}

// does holds how often GitHub was changed in one way.
func (r *rig) does(times int, kind, target string) {
	r.t.Helper()
	if n := r.did(kind, target); n != times {
		r.t.Errorf("%d × %s of %q, want %d", n, kind, target, times)
	}
}

func ref(number int) string { return fmt.Sprintf("#%d", number) }

// story is what GitHub saw and what was told, for a test that failed.
func (r *rig) story() string {
	var b strings.Builder
	for _, m := range r.hub.Mutations() {
		fmt.Fprintf(&b, "%3d %-16s %-14s %-6s %-10s %s\n", m.N, m.Kind, m.Actor, m.Via, m.Target, m.Detail)
	}
	pulls, err := r.store.AllPulls(context.WithoutCancel(r.ctx))
	for _, p := range pulls {
		fmt.Fprintf(&b, "#%d %s (%s), attempts %d, staging %q\n", p.Number, p.Verdict, p.Reason, p.Attempts, p.Staging)
	}
	events, eventsErr := r.store.Events(context.WithoutCancel(r.ctx), 0, 10_000)
	for _, e := range events {
		fmt.Fprintf(&b, "%s ticket %d pull %d %v\n", e.Kind, e.Ticket, e.Pull, e.Data)
	}
	fmt.Fprintln(&b, err, eventsErr, r.hub.Unexpected())
	return b.String()
}

// holdInvariants holds what must be true whatever has happened, while nobody is at work.
func (r *rig) holdInvariants() {
	r.t.Helper()
	open := map[string]int{}
	for _, p := range r.hub.Pulls() {
		if p.Open {
			open[p.HeadRef]++
		}
		if n := r.did("pull.merge", ref(p.Number)); n > 1 {
			r.t.Errorf("#%d was merged %d times", p.Number, n)
		}
		if n := len(r.told(store.Merged, p.Number)); n > 1 {
			r.t.Errorf("the merge of #%d was told %d times", p.Number, n)
		}
	}
	for branch, n := range open {
		if n > 1 {
			r.t.Errorf("%d pull requests are open for %s", n, branch)
		}
	}
	claims, err := r.store.Unreleased(r.ctx)
	must(r.t, err)
	running, err := r.store.Running(r.ctx)
	must(r.t, err)
	doubts, err := r.store.InDoubt(r.ctx)
	must(r.t, err)
	if len(claims)+len(running)+len(doubts) != 0 {
		r.t.Errorf("left behind: claims %v, runs %v, effects in doubt %v", claims, running, doubts)
	}
	if unexpected := r.hub.Unexpected(); len(unexpected) > 0 {
		r.t.Errorf("GitHub met what it would not understand:\n%s", strings.Join(unexpected, "\n"))
	}
}
