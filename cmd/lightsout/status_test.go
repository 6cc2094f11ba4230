package main

import (
	"strings"
	"testing"
)

func TestTheStatusSaysWhoWorksAtWhat(t *testing.T) {
	said := statusReport{Running: []statusRun{
		{ID: 4, Role: "fixer", Ticket: 31, Engine: "claude", Step: "session", Doing: "reads a.go", Seconds: 2},
		{ID: 5, Role: "prover", Ticket: 32, Step: "proof anew", Seconds: 3},
	}}.String()
	for _, want := range []string{"run 4: fixer on #31, claude, session, reads a.go, 2 s,", "run 5: prover on #32, proof anew, 3 s,"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
}
