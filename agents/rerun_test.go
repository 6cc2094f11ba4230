package agents

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// What CI prints when a test fails that has nothing to do with the change, and when its machine breaks.
const (
	elsewhere = "=== RUN TestElsewhere\n--- FAIL: TestElsewhere (0.10s)\n    elsewhere_test.go:3: want 2\nFAIL\n"
	lost      = "##[error]The self-hosted runner: box-3 lost communication with the server.\n"
)

// failing is a CI that fails on every head as often as there are logs, and then passes.
func failing(logs ...string) func(*options) {
	var mutex sync.Mutex
	looks := map[string]int{}
	return func(o *options) {
		judge := o.hub.Checks[0].Judge
		o.hub.Checks[0].Judge = func(sha string) (bool, string) {
			mutex.Lock()
			defer mutex.Unlock()
			looks[sha]++
			if pass, log := judge(sha); !pass || looks[sha] > len(logs) || len(looks) == 1 { // the first commit is the base
				return pass, log
			}
			return false, logs[looks[sha]-1]
		}
	}
}

func TestAFlakyCheckIsAskedForOnceMoreAndNamed(t *testing.T) {
	journey(t, failing(elsewhere), func(r *rig) {
		_, pull := r.given(1, nil)
		r.fix()
		r.does(1, "check.rerun", "")
		r.tells(1, store.Rerun, pull, "nothing that failed names a changed file")
		for range 2 {
			r.fix()
		}
		if p := r.stands(pull, store.Ready, ""); p.Attempts != 0 || r.cli.asked() != 0 {
			t.Errorf("%d attempts, %d sessions for a flaky check", p.Attempts, r.cli.asked())
		}
		r.tells(1, store.Flaky, pull, "check:test")
		r.does(1, "check.rerun", "")
	})
}

func TestACheckThatFailsTwiceIsRepaired(t *testing.T) {
	journey(t, failing(elsewhere, elsewhere), func(r *rig) {
		_, pull := r.given(1, nil)
		r.cli.next(leaving(described))
		r.fix()
		if r.cli.asked() != 0 {
			t.Error("a session was sent before the check was asked for once more")
		}
		r.fix()
		if r.cli.asked() != 1 || !strings.Contains(r.cli.last(), "elsewhere_test.go:3: want 2") {
			t.Errorf("%d sessions, the last was told\n%s", r.cli.asked(), r.cli.last())
		}
		r.tells(1, store.FixerClaimed, pull, "detail:--- FAIL: TestElsewhere (0.10s)")
		r.fix() // the new head has a run of its own to spare
		r.does(2, "check.rerun", "")
		r.tells(0, store.Flaky, pull, "")
	})
}

func TestABrokenRunnerIsAskedAgainWithPausesAndSpendsNothing(t *testing.T) {
	journey(t, failing(lost, lost), func(r *rig) {
		_, pull := r.given(1, nil)
		for range 3 {
			r.fix()
		}
		r.does(1, "check.rerun", "")
		virtualWait(backOff(1))
		r.fix()
		r.does(2, "check.rerun", "")
		r.fix()
		if p := r.stands(pull, store.Ready, ""); p.Attempts != 0 || r.cli.asked() != 0 {
			t.Errorf("%d attempts, %d sessions for a broken runner", p.Attempts, r.cli.asked())
		}
		r.tells(2, store.Rerun, pull, "lost communication with the server")
		r.tells(0, store.Flaky, pull, "")
	})
}

func TestAnotherRunIsAskedForOnceAfterAnInterruption(t *testing.T) {
	for _, kind := range interruptions() {
		t.Run(string(kind), func(t *testing.T) {
			journey(t, failing(elsewhere), func(r *rig) {
				_, pull := r.given(1, nil)
				r.hub.Fault(forgetest.Fault{Kind: kind, Write: "check.rerun"})
				if _, err := (&Fixer{r.factory}).Run(r.ctx); err != nil {
					t.Logf("the interrupted tick: %v", err)
				}
				r.settle()
				r.again()
				r.fix()
				r.fix()
				r.stands(pull, store.Ready, "")
				r.does(1, "check.rerun", "")
				r.tells(1, store.Rerun, pull, "")
				r.tells(1, store.Flaky, pull, "")
			})
		})
	}
}

func TestSessionsThatRunOutOfTimeArePausedAndSpendNoAttempt(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.given(1, red)
		r.savedTickets()
		slow := ending(engine.Result{Outcome: engine.Timeout, Reason: "30m are over"})
		r.cli.next(slow, slow, slow)
		for sessions := range repeatsAllowed {
			for range 2 {
				r.fix()
			}
			if r.cli.asked() != sessions+1 {
				t.Fatalf("%d sessions, want %d", r.cli.asked(), sessions+1)
			}
			virtualWait(backOff(sessions + 1))
		}
		r.fix()
		if p := r.stands(pull, store.Parked, "30m are over"); p.Attempts != 0 || r.cli.asked() != repeatsAllowed {
			t.Errorf("%d attempts, %d sessions", p.Attempts, r.cli.asked())
		}
		must(t, r.store.Unpark(r.ctx, ticket, "asked by Ana"))
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

func TestWhatMadeACheckFail(t *testing.T) {
	run := func(state forge.CheckState) forge.Check { return forge.Check{Name: "test", State: state, RunID: 1} }
	changed := []string{"csv/export.go", "csv/export_test.go"}
	for _, row := range []struct {
		name  string
		check forge.Check
		log   string
		cause string
	}{
		{"a test elsewhere", run(forge.Failure), elsewhere, store.CauseFlaky},
		{"nothing to read", run(forge.Failure), "", store.CauseFlaky},
		{"a changed test, by its name alone", run(forge.Failure), "--- FAIL: TestExport\n    export_test.go:12: got 3\n", ""},
		{"a changed file, by its path", run(forge.Failure), "csv/export.go:12:3: ineffassign error\n", ""},
		{"another file whose name ends alike", run(forge.Failure), "--- FAIL: TestExport\n    old_export_test.go:12: got 3\n", store.CauseFlaky},
		{"a changed file that is only listed", run(forge.Failure), "ok csv/export_test.go\nok\nok\n" + elsewhere, store.CauseFlaky},
		{"a compiler", run(forge.Failure), "# lightsout/x\nx.go:3:2: undefined: y\n", ""},
		{"a build that failed", run(forge.Failure), "FAIL\tlightsout/x [build failed]\n", ""},
		{"a runner that was lost", run(forge.Failure), lost, store.CauseInfrastructure},
		{"a network that broke", run(forge.Failure), "fatal: unable to access: Could not resolve host: github.com\n", store.CauseInfrastructure},
		{"a changed test that could not connect", run(forge.Failure), "--- FAIL: TestExport\n    export_test.go:12: connection refused\n", ""},
		{"a full disk", run(forge.Failure), "write error: No space left on device\n", store.CauseInfrastructure},
		{"cancelled", run(forge.Cancelled), "", store.CauseInfrastructure},
		{"could not be started", run(forge.Errored), "", store.CauseInfrastructure},
		{"timed out", run(forge.TimedOut), "", store.CauseFlaky},
		{"a commit status", forge.Check{Name: "test", State: forge.Failure}, elsewhere, ""},
	} {
		if cause, why := diagnose(failure{row.check, row.log}, changed); cause != row.cause || why == "" {
			t.Errorf("%s: %q because %q, want %q", row.name, cause, why, row.cause)
		}
	}
}

func TestAFailureIsTheCodesOwnOnceItsBudgetIsSpent(t *testing.T) {
	flaky, broken := failure{forge.Check{Name: "a", State: forge.Failure, RunID: 1}, elsewhere}, failure{forge.Check{Name: "b", State: forge.Failure, RunID: 2}, lost}
	code := failure{forge.Check{Name: "c", State: forge.Failure, RunID: 3}, "x.go:1: undefined: y"}
	spent := func(cause string, count int) []store.Setback { return []store.Setback{{Cause: cause, Count: count}} }
	for name, row := range map[string]struct {
		failures []failure
		before   []store.Setback
		cause    string // "" is a repair
	}{
		"flaky":                            {[]failure{flaky}, nil, store.CauseFlaky},
		"flaky again":                      {[]failure{flaky}, spent(store.CauseFlaky, 1), ""},
		"flaky after a broken runner":      {[]failure{flaky}, spent(store.CauseInfrastructure, 2), store.CauseFlaky},
		"broken":                           {[]failure{broken}, spent(store.CauseInfrastructure, 3), store.CauseInfrastructure},
		"broken too often":                 {[]failure{broken}, spent(store.CauseInfrastructure, 4), ""},
		"flaky and broken":                 {[]failure{flaky, broken}, nil, store.CauseFlaky},
		"flaky, broken and the code's own": {[]failure{flaky, broken, code}, nil, ""},
	} {
		plan := triageFailures(row.failures, []string{"x.go"}, row.before)
		if plan.repair != (row.cause == "") || !plan.repair && (plan.cause != row.cause || len(plan.again) != len(row.failures)) {
			t.Errorf("%s: %+v", name, plan)
		}
	}
}

func TestTheErrorIsKeptWholeInWhatIsShownOfALog(t *testing.T) {
	noise := func(n int) string {
		return strings.Repeat("2026-11-22T10:00:00.0000000Z \x1b[32mok\x1b[0m all is well\n", n)
	}
	log := noise(500) + "2026-11-22T10:00:01.0000000Z --- FAIL: TestQuotes\n2026-11-22T10:00:01.0000000Z     csv_test.go:88: want 2\n" + noise(500) + "2026-11-22T10:00:09.0000000Z exit status 1\n"
	got := relevant(log, 2048)
	if !strings.Contains(got, "--- FAIL: TestQuotes\n    csv_test.go:88: want 2\n") || !strings.HasSuffix(got, "exit status 1\n") || len(got) > 2200 || strings.Contains(got, "\x1b") || strings.Contains(got, "T10:00") {
		t.Errorf("%d bytes:\n%s", len(got), got)
	}
	if short := "FAIL\n"; relevant(short, 2048) != short {
		t.Errorf("a short log became %q", relevant(short, 2048))
	}
	if got := headline("csv.go:88: failure: unused variable rows\n"); got != "csv.go:88: unused variable rows" {
		t.Errorf("headline %q", got)
	}
	if got := headline(noise(3) + "##[error]Process completed with exit code 1.\n##[error]It failed.\n"); got != "It failed." {
		t.Errorf("headline %q", got)
	}
}

func TestPausesGrowToTheirLimit(t *testing.T) {
	var got []time.Duration
	for count := 1; count <= 8; count++ {
		got = append(got, backOff(count))
	}
	if want := "[5m0s 10m0s 20m0s 40m0s 1h20m0s 2h40m0s 4h0m0s 4h0m0s]"; fmt.Sprint(got) != want {
		t.Errorf("pauses %v, want %s", got, want)
	}
}
