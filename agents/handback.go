package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"lightsout/store"
)

// takeBack makes pull requests the factory's again that a person had taken and hands back: by a push, or as a draft.
func (x *Fixer) takeBack(ctx context.Context, snap Snapshot) (taken bool, err error) {
	asked, err := x.Store.Asked(ctx, store.RequestHandBack)
	if err != nil || x.Settings.Observe {
		return false, err
	}
	var failures []error
	for _, r := range asked {
		i := slices.IndexFunc(snap.Standings, func(s Standing) bool { return s.Pull.Number == r.Pull })
		if i >= 0 && snap.Standings[i].Verdict.Word == store.Unknown {
			continue // it is looked at again at the next tick
		}
		said := fmt.Sprintf("#%d is not open any more.", r.Pull)
		if i >= 0 {
			if said, err = x.adopt(ctx, snap.Standings[i], r); err != nil {
				failures = append(failures, fmt.Errorf("take back #%d: %w", r.Pull, err)) // the next tick tries again
				continue
			}
		}
		if err := x.Store.Answer(ctx, r.ID, said); err != nil {
			return taken, err
		}
		taken = true
	}
	return taken, errors.Join(failures...)
}

// adopt makes one pull request the factory's again, as it stands, and says what came of it.
func (x *Fixer) adopt(ctx context.Context, s Standing, r store.Request) (said string, err error) {
	pr := s.Facts.PR
	switch {
	case pr.BaseRef != x.Settings.Base:
		return fmt.Sprintf("#%d points at %s. Point it at %s again, and it is the factory's.", pr.Number, pr.BaseRef, x.Settings.Base), nil
	case r.Head != "" && r.Head != pr.Head:
		return fmt.Sprintf("#%d has moved on to %.7s since you asked. /retry %d again, if you mean that.", pr.Number, pr.Head, pr.Number), nil
	}
	if pr.Draft {
		if err := unlessPermanent(x.Forge.MarkReady(ctx, pr)); err != nil {
			return "", err
		}
	}
	_, err = x.Store.UpdatePull(ctx, pr.Number, func(p *store.Pull) { p.Pushed = pr.Head })
	return fmt.Sprintf("#%d is the factory's again, from %.7s on.", pr.Number, pr.Head), err
}
