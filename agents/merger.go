package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lightsout/agents/forge"
	"lightsout/store"
)

// Merger lands what a person approved, one after the other, and stays with each until staging has it.
type Merger struct{ *Factory }

// Run is one tick.
func (m *Merger) Run(ctx context.Context) (Report, error) {
	if pause, paused, err := m.Store.PausedFor(ctx, MergerRole); err != nil || paused {
		return Report{Said: "paused by " + pause.ByName}, err
	}
	if err := m.reconcile(ctx); err != nil {
		return Report{}, err
	}
	if idle, err := m.idle(ctx); err != nil || idle {
		return Report{Said: "no pull request is open"}, err
	}
	report := Report{Said: "nothing approved waits to land"}
	reverted := false
	snap, err := m.snapshot(ctx, m.Forge)
	if err == nil {
		reverted, err = m.revertAll(ctx, snap)
		next, landErr := m.landNext(ctx, snap)
		report, err = next, errors.Join(err, landErr)
	}
	// What has merged is followed to staging whatever became of the others.
	followed, followErr := m.followAll(ctx)
	report.Acted = report.Acted || followed || reverted
	return report, errors.Join(err, followErr)
}

// idle tells whether the store knows of nothing that could land or be followed: then GitHub need not be asked.
func (m *Merger) idle(ctx context.Context) (bool, error) {
	open, err := m.Store.Pulls(ctx)
	if err != nil {
		return false, err
	}
	merged, err := m.Store.Unstaged(ctx)
	if err != nil {
		return false, err
	}
	reverts, err := m.Store.Asked(ctx, store.RequestRevert)
	return len(open)+len(merged)+len(reverts) == 0, err
}

// landNext works on the first approval, in the order of landing, that can go on. Only one pull request is landed or
// updated at a tick: each landing moves the base under the others, and each update restarts a CI. One that is refused lets
// the next go first.
func (m *Merger) landNext(ctx context.Context, snap Snapshot) (Report, error) {
	grants, err := m.Store.Grants(ctx)
	if err != nil {
		return Report{}, err
	}
	order, err := m.order(ctx, snap, grants)
	if err != nil {
		return Report{}, err
	}
	report := Report{Said: "nothing approved waits to land"}
	var failures []error
	for _, place := range order {
		s := snap.Standings[slices.IndexFunc(snap.Standings, func(s Standing) bool { return s.Pull.Number == place.Pull })]
		g := grants[slices.IndexFunc(grants, func(g store.Grant) bool { return g.Pull == place.Pull })]
		next, hold, err := m.advance(ctx, snap, s, g)
		if err == nil && next.Acted {
			err = m.tellOvertaking(ctx, s, grants, place)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("pull request #%d: %w", g.Pull, err))
			continue
		}
		if report = next; next.Acted {
			report.Said += ", first because " + place.Reason
		}
		if hold || next.Acted {
			break
		}
	}
	return report, errors.Join(failures...)
}

// tellOvertaking says why somebody's pull request, approved earlier, waits for this one.
func (m *Merger) tellOvertaking(ctx context.Context, s Standing, grants []store.Grant, first place) error {
	if grants[0].Pull == first.Pull || first.frees == 0 && !first.repair {
		return nil
	}
	_, err := m.Store.RecordChange(ctx, store.Event{Kind: store.Intake, Pull: first.Pull, Ticket: s.Pull.Ticket,
		Data: map[string]string{"reason": fmt.Sprintf("lands before #%d: %s", grants[0].Pull, first.Reason)}})
	return err
}

// order gathers what the order of landing goes by. What has merged or was closed has no place: the snapshot has told.
func (m *Merger) order(ctx context.Context, snap Snapshot, grants []store.Grant) ([]place, error) {
	tickets, err := m.Store.Tickets(ctx)
	if err != nil {
		return nil, err
	}
	q := queue{Open: map[int][]string{}, Waiting: map[int][]string{}}
	for _, t := range tickets {
		if t.Status == forge.Todo && t.Parked == "" && strings.HasPrefix(t.Refused, "overlaps ") {
			q.Waiting[t.Number] = t.Files
		}
	}
	for _, s := range snap.Standings {
		q.Open[s.Pull.Number] = s.Pull.Files
		i := slices.IndexFunc(grants, func(g store.Grant) bool { return g.Pull == s.Pull.Number })
		if i < 0 {
			continue
		}
		c := contender{Pull: s.Pull.Number, ApprovedAt: grants[i].At, Files: s.Pull.Files}
		c.InFlight = s.Facts.Current && s.Facts.PR.Head != grants[i].Head && (s.Verdict.Word == store.Approval || onItsWay(s))
		for _, check := range s.Facts.Checks {
			if check.State == forge.Success && len(alsoRed([]forge.Check{check}, snap.BaseChecks)) > 0 {
				c.Repairs = appendNew(c.Repairs, check.Name)
			}
		}
		q.Approved = append(q.Approved, c)
	}
	return landingOrder(q), nil
}

// onItsWay tells that nothing is wanted but time: CI, within its time, or a session.
func onItsWay(s Standing) bool {
	return s.Verdict.Word == store.Waiting && !s.Facts.overdue() || s.Verdict.Word == store.Running
}

// advance takes one approved pull request as far as it can go now. hold means that it is on its way, and that updating
// another one meanwhile would only have to be done again.
func (m *Merger) advance(ctx context.Context, snap Snapshot, s Standing, g store.Grant) (report Report, hold bool, err error) {
	switch s.Verdict.Word {
	case store.Approval:
		report, err = m.land(ctx, snap, s, g)
		return report, false, err
	case store.Landing:
		report, err = m.updateBranch(ctx, snap, s, MergerRole)
		return report, false, err
	case store.Ready: // approved since the snapshot was taken: the next one, which the approval has asked for, knows of it
		return Report{Said: fmt.Sprintf("#%d was approved just now", g.Pull)}, false, nil
	}
	report.Said = fmt.Sprintf("#%d is approved and cannot land yet: %s", g.Pull, s.Verdict.Reason)
	if onItsWay(s) {
		return report, s.Facts.Current, nil
	}
	if s.Verdict.Word == store.Unknown {
		return report, false, m.refuse(ctx, s, g, "it could not be read") // why is another thing at every try
	}
	return report, false, m.refuse(ctx, s, g, s.Verdict.Reason)
}

// refuse tells once why an approved pull request does not land.
func (m *Merger) refuse(ctx context.Context, s Standing, g store.Grant, reason string) error {
	_, err := m.Store.RecordChange(ctx, store.Event{Kind: store.MergeRefused, Pull: s.Pull.Number, Ticket: s.Pull.Ticket,
		Data: map[string]string{"reason": reason, "approval": strconv.FormatInt(g.ID, 10)}})
	return err
}
