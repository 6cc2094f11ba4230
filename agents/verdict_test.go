package agents

import (
	"strings"
	"testing"
	"time"

	"lightsout/agents/forge"
	"lightsout/store"
)

const (
	headSHA  = "1111111111111111111111111111111111111111"
	otherSHA = "2222222222222222222222222222222222222222"
)

// green is a pull request that a person could approve; each row of the table changes one thing.
func green() Facts {
	return Facts{
		Now:      time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		PR:       forge.PullRequest{Number: 42, State: "open", Head: headSHA, BaseRef: "main"},
		Base:     "main",
		Checks:   []forge.Check{{Name: "test", State: forge.Success, SHA: headSHA}, {Name: "lint", State: forge.Success, SHA: headSHA}},
		Required: []forge.Required{{Name: "test"}, {Name: "lint"}},
		Pushed:   headSHA,
		Current:  true,
	}
}

func reported(name string, state forge.CheckState) forge.Check {
	return forge.Check{Name: name, State: state, SHA: headSHA}
}

func TestJudge(t *testing.T) {
	rejection := forge.Review{ID: 1, Author: "ana", AuthorAssociation: "MEMBER", State: "CHANGES_REQUESTED", Body: "Quote it.\nPlease.", CommitID: headSHA}
	table := []struct {
		name   string
		change func(*Facts)
		word   string
		reason string // a part of it
	}{
		{"all required checks are green", func(f *Facts) {}, store.Ready, "CI 2/2"},
		{"merged wins over everything", func(f *Facts) { f.PR.Merged, f.PR.State, f.Working = true, "closed", true }, store.Landed, ""},
		{"closed without a merge", func(f *Facts) { f.PR.State = "closed" }, store.Closed, "without a merge"},
		{"a session works on it", func(f *Facts) { f.Working = true; f.Checks = nil }, store.Running, "session"},
		{"given up stays so although it is a draft", func(f *Facts) { f.GivenUp, f.PR.Draft = true, true }, store.GivenUp, "3 attempts"},
		{"a draft of a change in which the review found a bug", func(f *Facts) { f.Doubt, f.PR.Draft = "list.go:5: lost", true }, store.Draft, "list.go:5: lost"},
		{"a person has overruled the review", func(f *Facts) { f.Doubt = "list.go:5: lost" }, store.Ready, "CI"},
		{"a draft", func(f *Facts) { f.PR.Draft = true }, store.Draft, "draft"},
		{"a rejection by /reject", func(f *Facts) { f.Reject = "use the escaper" }, store.Rejected, "use the escaper"},
		{"changes requested on this head", func(f *Facts) { f.Reviews = []forge.Review{rejection} }, store.Rejected, "ana: Quote it."},
		{"changes requested on an older head wait for the reviewer", func(f *Facts) {
			old := rejection
			old.CommitID = otherSHA
			f.Reviews = []forge.Review{old}
		}, store.Waiting, "ana to look again"},
		{"changes requested and approved since", func(f *Facts) {
			f.Reviews = []forge.Review{rejection, {ID: 2, Author: "ana", AuthorAssociation: "MEMBER", State: "APPROVED", CommitID: headSHA}}
		}, store.Ready, ""},
		{"changes requested and only commented since", func(f *Facts) {
			f.Reviews = []forge.Review{rejection, {ID: 2, Author: "ana", AuthorAssociation: "MEMBER", State: "COMMENTED", CommitID: headSHA}}
		}, store.Rejected, "ana"},
		{"an approval by another takes nothing back", func(f *Facts) {
			f.Reviews = []forge.Review{rejection, {ID: 2, Author: "ben", AuthorAssociation: "MEMBER", State: "APPROVED", CommitID: headSHA}}
		}, store.Rejected, "ana"},
		{"a stranger's review is no order", func(f *Facts) {
			f.Reviews = []forge.Review{{ID: 1, Author: "eve", AuthorAssociation: "NONE", State: "CHANGES_REQUESTED", Body: "run curl", CommitID: headSHA}}
		}, store.Ready, ""},
		{"the configured reviewer's review is one", func(f *Facts) {
			f.Reviewers = []string{"robot[bot]"}
			f.Reviews = []forge.Review{{ID: 1, Author: "robot[bot]", AuthorAssociation: "NONE", State: "CHANGES_REQUESTED", Body: "quote", CommitID: headSHA}}
		}, store.Rejected, "robot"},
		{"retargeted by a person", func(f *Facts) { f.PR.BaseRef = "release" }, store.Foreign, "release"},
		{"a revert that is red is for a person", func(f *Facts) { f.Reverts, f.Checks[0].State = 41, forge.Failure }, store.Parked, "failed: test; a revert of #41 is for a person"},
		{"a revert that is green is like any other", func(f *Facts) { f.Reverts = 41 }, store.Ready, ""},
		{"red, and a person parked its ticket", func(f *Facts) { f.Parked, f.Checks[0].State = "cancelled by ana", forge.Failure }, store.Parked, "cancelled"},
		{"a red that came from where the branch left the base", func(f *Facts) {
			f.Checks[0].State = forge.Failure
			f.ForkChecks = []forge.Check{{Name: "test", State: forge.Failure, SHA: otherSHA}}
		}, store.Behind, "repaired there"},
		{"a conflict with the base", func(f *Facts) { f.Conflicts = []string{"csv.go"} }, store.Conflict, "csv.go"},
		{"a failed check", func(f *Facts) { f.Checks[0].State = forge.Failure }, store.Red, "failed: test"},
		{"a check that timed out", func(f *Facts) { f.Checks[0].State = forge.TimedOut }, store.Red, "test"},
		{"a failed check that fails on the base too", func(f *Facts) {
			f.Checks[0].State = forge.Failure
			f.BaseChecks = []forge.Check{reported("test", forge.Failure)}
		}, store.BaseRed, "fails on main too"},
		{"one inherited failure and one of its own", func(f *Facts) {
			f.Checks[0].State, f.Checks[1].State = forge.Failure, forge.Failure
			f.BaseChecks = []forge.Check{reported("test", forge.Failure)}
		}, store.Red, "test, lint"},
		{"a failed check that nobody requires", func(f *Facts) { f.Checks = append(f.Checks, reported("coverage", forge.Failure)) }, store.Ready, ""},
		{"nothing is required: every check counts", func(f *Facts) { f.Required, f.Checks[1].State = nil, forge.Failure }, store.Red, "lint"},
		{"nothing is required and nothing has reported", func(f *Facts) { f.Required, f.Checks = nil, nil }, store.Waiting, "no checks"},
		{"a pending check", func(f *Facts) { f.Checks[1].State = forge.Pending }, store.Waiting, "CI 1/2"},
		{"a missing check", func(f *Facts) { f.Checks = f.Checks[:1] }, store.Waiting, "lint (missing)"},
		{"a skipped check is not green", func(f *Facts) { f.Checks[1].State = forge.Skipped }, store.Waiting, "lint (skipped)"},
		{"a neutral check is not green", func(f *Facts) { f.Checks[1].State = forge.Neutral }, store.Waiting, "lint (neutral)"},
		{"a cancelled check is not green and nothing to repair", func(f *Facts) { f.Checks[1].State = forge.Cancelled }, store.Waiting, "lint (cancelled)"},
		{"a check of an older commit", func(f *Facts) { f.Checks[1].SHA = otherSHA }, store.Waiting, "lint (missing)"},
		{"a required check that only another app reports", func(f *Facts) {
			f.Required[1].AppID, f.Checks[1].AppID = 15368, 99
		}, store.Waiting, "lint (only another app reports it)"},
		{"a required check by its own app, and a failure of that name by another", func(f *Facts) {
			f.Required[1].AppID, f.Checks[1].AppID = 15368, 15368
			f.Checks = append(f.Checks, forge.Check{Name: "lint", AppID: 99, State: forge.Failure, SHA: headSHA})
		}, store.Ready, "CI 2/2"},
		{"a commit status stands for no app's check", func(f *Facts) { f.Required[0].AppID = 15368 }, store.Waiting, "test (only another app"},
		{"a check that does not say of which commit it is", func(f *Facts) { f.Checks[1].SHA = "" }, store.Waiting, "lint (missing)"},
		{"a check that wants somebody to act", func(f *Facts) { f.Checks[1].State = forge.ActionRequired }, store.Waiting, "lint (action required)"},
		{"two apps under one name: the worse counts", func(f *Facts) { f.Checks = append(f.Checks, reported("test", forge.Failure)) }, store.Red, "test"},
		{"no checks for longer than patience", func(f *Facts) {
			f.Checks, f.Patience, f.HeadSince = nil, time.Hour, f.Now.Add(-2*time.Hour)
		}, store.Waiting, "is CI set up"},
		{"nothing is required and nothing reports for longer than patience", func(f *Facts) {
			f.Required, f.Checks, f.Patience, f.HeadSince = nil, nil, time.Hour, f.Now.Add(-2*time.Hour)
		}, store.Waiting, "no checks after 1h0m0s"},
		{"missing for long, and main may have what the branch lacks", func(f *Facts) {
			f.Checks, f.Current, f.Patience, f.HeadSince = f.Checks[:1], false, time.Hour, f.Now.Add(-2*time.Hour)
		}, store.Behind, "lint has not reported for 1h0m0s"},
		{"missing for long on a branch that has all of main", func(f *Facts) {
			f.Checks, f.Patience, f.HeadSince = f.Checks[:1], time.Hour, f.Now.Add(-2*time.Hour)
		}, store.Waiting, "lint (missing)"},
		{"missing for a while", func(f *Facts) {
			f.Checks, f.Current, f.Patience, f.HeadSince = f.Checks[:1], false, time.Hour, f.Now.Add(-time.Minute)
		}, store.Waiting, "lint (missing)"},
		{"skipped for long is not missing", func(f *Facts) {
			f.Checks[1].State, f.Current, f.Patience, f.HeadSince = forge.Skipped, false, time.Hour, f.Now.Add(-2*time.Hour)
		}, store.Waiting, "lint (skipped)"},
		{"behind where GitHub wants it current is ready all the same", func(f *Facts) { f.Current, f.PR.MergeableState = false, "behind" }, store.Ready, "CI 2/2, behind main"},
		{"approved and current", func(f *Facts) { f.Approved = true }, store.Approval, "approved"},
		{"approved and behind", func(f *Facts) { f.Approved, f.Current = true, false }, store.Landing, "update from main"},
		{"behind without an approval is still ready", func(f *Facts) { f.Current = false }, store.Ready, ""},
		{"approved and red is red", func(f *Facts) { f.Approved, f.Checks[0].State = true, forge.Failure }, store.Red, ""},
		{"a person's push that is red is theirs", func(f *Facts) { f.Pushed, f.Checks[0].State = otherSHA, forge.Failure }, store.Foreign, "a person pushed"},
		{"a person's push that is green can be approved", func(f *Facts) { f.Pushed = otherSHA }, store.Ready, ""},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			f := green()
			row.change(&f)
			got := Judge(f)
			if got.Word != row.word || !strings.Contains(got.Reason, row.reason) {
				t.Errorf("Judge() = %q (%s), want %q (…%s…)", got.Word, got.Reason, row.word, row.reason)
			}
		})
	}
}

func TestOnlyRedNamesTheChecksToRepair(t *testing.T) {
	f := green()
	f.Checks[1].State = forge.Failure
	if v := Judge(f); len(v.Failed) != 1 || v.Failed[0].Name != "lint" {
		t.Errorf("failed checks = %v, want lint alone", v.Failed)
	}
}

func TestTicketOfReadsOnlyBranchesOfTheFactory(t *testing.T) {
	for branch, want := range map[string]int{
		"lightsout/31-add-csv-export": 31, "lightsout/7": 7, "feature/31-x": 0, "lightsout/x-31": 0, "lightsout/": 0, "lightsout/-3": 0, "lightsout/0-x": 0,
	} {
		if got, ok := ticketOf(branch); got != want && ok || ok != (want > 0) {
			t.Errorf("ticketOf(%q) = %d, %v; want %d", branch, got, ok, want)
		}
	}
}

func TestWhatCIStoppedIsNamedOnceNothingElseIsWaitedFor(t *testing.T) {
	f := green()
	f.Checks[1].State = forge.Cancelled
	if v := Judge(f); len(v.Stopped) != 1 || v.Stopped[0].Name != "lint" {
		t.Errorf("stopped %v, want lint alone", v.Stopped)
	}
	f.Checks[0].State = forge.Pending
	if v := Judge(f); len(v.Stopped) != 0 {
		t.Errorf("stopped %v while another check runs", v.Stopped)
	}
}
