package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"lightsout/agents"
	"lightsout/cmd/lightsout/sample"
	"lightsout/store"
)

func TestATicketOfTheDemoEndsAsItsBoardExpectsOrNot(t *testing.T) {
	staged := demoTicket{State: store.Landed, Staged: true}
	vague := demoTicket{State: store.Parked, Reason: agents.Vague}
	for name, row := range map[string]struct {
		end    demoTicket
		expect string
		want   bool
	}{
		"on staging":                          {staged, "", true},
		"on staging, as is written":           {staged, sample.Staged, true},
		"merged and not staged":               {demoTicket{State: store.Landed}, "", false},
		"parked where it should land":         {vague, "", false},
		"given up":                            {demoTicket{State: store.GivenUp}, "", false},
		"parked as vague, as it should be":    {vague, sample.Vague, true},
		"parked for another reason":           {demoTicket{State: store.Parked, Reason: "refused proof"}, sample.Vague, false},
		"landed though it is too vague":       {staged, sample.Vague, false},
		"nobody has looked at the vague one":  {demoTicket{State: "Todo"}, sample.Vague, false},
		"nobody has looked at the other ones": {demoTicket{State: "Todo"}, "", false},
	} {
		if got := row.end.endedAs(row.expect); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

func TestTheDemosAnswerHasAllItsKeysForEveryTicket(t *testing.T) {
	var out strings.Builder
	must(t, demoResult{Tickets: []demoTicket{{Number: 6, Title: "Make search better", State: store.Parked}}}.print(&out, true))
	var answer map[string]any
	must(t, json.Unmarshal([]byte(out.String()), &answer))
	keys := func(object any) []string { return slices.Sorted(maps.Keys(object.(map[string]any))) }
	if got, want := keys(answer), []string{"github", "merged", "messages", "parked", "seconds", "staged", "tickets"}; !slices.Equal(got, want) {
		t.Errorf("the answer has %q, want %q", got, want)
	}
	ticket := answer["tickets"].([]any)[0]
	if got, want := keys(ticket), []string{"approved_by", "attempts", "merged_sha", "number", "pr", "proof", "reason", "staged", "state", "title"}; !slices.Equal(got, want) {
		t.Errorf("a ticket that nobody worked on has %q, want %q", got, want)
	}
	if got, want := keys(answer["github"]), []string{"points", "requests"}; !slices.Equal(got, want) {
		t.Errorf("github has %q, want %q", got, want)
	}
}
