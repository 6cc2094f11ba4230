package agents

import (
	"fmt"
	"strings"
	"testing"

	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

func TestOneTicketIsFiledWhileTheBaseIsRedAndClosedWhenItIsGreen(t *testing.T) {
	for _, kind := range append(interruptions(), "") {
		if !everything && kind == "" {
			continue
		}
		t.Run("interrupted: "+string(kind), func(t *testing.T) {
			journey(t, func(o *options) { o.settings.BaseRedTicket = true }, func(r *rig) {
				sha := r.pushTo("main", red)
				r.given(1, nil)
				r.given(2, nil)
				filed := r.did("issue.create", "")
				if kind != "" {
					r.hub.Fault(forgetest.Fault{Kind: kind, Write: "issue.create"})
					if _, err := (&Fixer{r.factory}).Run(r.ctx); err != nil {
						t.Logf("the interrupted tick: %v", err)
					}
					r.again()
				}
				for range 2 {
					r.fix()
					r.implement()
				}
				r.does(filed+1, "issue.create", "")
				r.tells(1, store.Trouble, 0, "test fails on main")
				number := 0
				for n := 1; n <= 10; n++ {
					if issue, ok := r.hub.Issue(n); ok && issue.Title == "main is red" {
						number = n
					}
				}
				issue, _ := r.hub.Issue(number)
				if !issue.Open || issue.Status != "" || issue.Milestone != 1 || !strings.Contains(issue.Body, "`test` fails on **main** at "+sha) {
					t.Errorf("the ticket: %+v", issue)
				}
				r.pushTo("main", clean)
				for range 2 {
					r.fix()
				}
				issue, _ = r.hub.Issue(number)
				if issue.Open || len(issue.Comments) != 1 || !strings.HasPrefix(issue.Comments[0].Body, "main is green again at ") {
					t.Errorf("the ticket when main is green: %+v", issue)
				}
				if r.cli.asked() != 0 {
					t.Errorf("%d sessions for a red base", r.cli.asked())
				}
			})
		})
	}
}

func TestOnlyARequiredCheckMakesTheBaseRed(t *testing.T) {
	snap := Snapshot{BaseChecks: []forge.Check{{Name: "test", State: forge.Success}, {Name: "coverage", State: forge.Failure}}}
	if red := redOnBase(snap); fmt.Sprint(red) != "[coverage]" {
		t.Errorf("red %v where nothing is required, so that every check counts", red)
	}
	snap.Required = []forge.Required{{Name: "test"}}
	if red := redOnBase(snap); len(red) != 0 {
		t.Errorf("red %v", red)
	}
}

func TestAllIsGreenIsSaidOnlyOfWhatWasReadJustNow(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, first := r.ready(1)
		r.ready(2)
		lift := r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Status: 500, Times: -1, Method: "GET", Path: fmt.Sprintf("/pulls/%d$", first)})
		r.fix()
		lift()
		beats := r.told(store.Heartbeat, 0)
		if line := beats[len(beats)-1].Data["line"]; line != fmt.Sprintf("Unknown: %s could not be read. 1 of 2 PRs green. Standing by.", ref(first)) {
			t.Errorf("the heartbeat says %q", line)
		}
		r.fix()
		beats = r.told(store.Heartbeat, 0)
		if line := beats[len(beats)-1].Data["line"]; line != "All PRs green. Standing by." {
			t.Errorf("the heartbeat says %q", line)
		}
	})
}
