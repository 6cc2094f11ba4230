package agents

import (
	"net/http"
	"strings"
	"testing"

	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// leftUnpublished leaves a proven repair behind whose way out an error ended before it was pushed, as a dead daemon does,
// and begins the next life.
func (r *rig) leftUnpublished(pull int) {
	r.t.Helper()
	var lift func()
	r.cli.next(meanwhile(func() {
		lift = r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: http.MethodGet, Path: "/pulls/" + strings.TrimPrefix(ref(pull), "#") + "$", Times: -1})
	}, leaving(clean)))
	if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
		r.t.Fatal("the repair was published")
	}
	lift()
	r.again()
}

func TestARepairThatAnotherRolePublishesMeanwhileIsNotMadeTwice(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		r.leftUnpublished(pull)
		fixer := &Fixer{r.factory}
		snap, _, err := fixer.look(r.ctx) // while another role is at the ticket, so that reconcile passes over it
		must(t, err)
		if word := snap.Standings[0].Verdict.Word; word != store.Red {
			t.Fatalf("it was read as %s", word)
		}
		r.land() // publishes what the life before has proven
		if _, err := fixer.mend(r.ctx, snap, snap.Standings[0]); err != nil {
			t.Error(err)
		}
		r.settle()
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions: one worked on a head that is no more", r.cli.asked())
		}
		r.fix()
		if p := r.stands(pull, store.Ready, ""); p.Attempts != 1 {
			t.Errorf("%d attempts", p.Attempts)
		}
		r.savedTickets()
		r.parked(ticket, "")
	})
}
