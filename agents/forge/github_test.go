package forge_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
)

// boards are the two kinds, and the project of an organization and of a user.
var boards = map[string]func(*forgetest.Options, *forge.Options){
	"project of an organization": func(s *forgetest.Options, _ *forge.Options) { s.Board, s.OwnerType = "project", "Organization" },
	"project of a user":          func(s *forgetest.Options, _ *forge.Options) { s.Board, s.OwnerType = "project", "User" },
	"labels":                     func(s *forgetest.Options, f *forge.Options) { s.Board, f.Board = "labels", forge.Board{Kind: "labels"} },
}

func TestATicketWalksTheBoard(t *testing.T) {
	for name, kind := range boards {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, kind)
			now := r.hub.AddMilestone("now", time.Now().Add(24*time.Hour))
			r.hub.AddMilestone("later", time.Now().Add(48*time.Hour))
			first := r.ticket(forgetest.Issue{Title: "Greet by name", Body: "Please.", Milestone: now, Status: forge.Todo,
				Labels: []string{"bug"}, Author: "ana", Association: "MEMBER"})
			second := r.ticket(forgetest.Issue{Title: "Count greetings", Milestone: now})
			r.ticket(forgetest.Issue{Title: "Of another milestone", Milestone: 2, Status: forge.Todo})

			tickets := must(r.Tickets(t.Context()))(t)
			if len(tickets) != 2 || tickets[0].Number != first || tickets[1].Number != second {
				t.Fatalf("tickets are %+v", tickets)
			}
			if got := tickets[0]; got.Status != forge.Todo || got.Title != "Greet by name" || got.Body != "Please." || got.Milestone != "now" || got.Author != "ana" ||
				got.AuthorAssociation != "MEMBER" || !got.Open || !slices.Contains(got.Labels, "bug") || got.Position != 1 || got.CreatedAt.IsZero() || got.URL == "" {
				t.Errorf("first ticket is %+v", got)
			}
			if tickets[1].Status != "" {
				t.Errorf("a ticket that is not on the board stands in %q", tickets[1].Status)
			}
			for _, ticket := range tickets {
				for _, status := range []string{forge.InProgress, forge.InReview, forge.Todo, forge.Todo, forge.InReview} {
					moved, err := r.Move(t.Context(), ticket, status)
					if err != nil {
						t.Fatal(err)
					}
					seen, _ := r.hub.Issue(ticket.Number)
					read := must(r.Ticket(t.Context(), ticket.Number))(t)
					if moved.Status != status || read.Status != status || seen.Status != status {
						t.Errorf("#%d moved to %q: returned %q, read %q, stands in %q", ticket.Number, status, moved.Status, read.Status, seen.Status)
					}
					ticket = moved
				}
			}
			if moved := must(r.Move(t.Context(), tickets[0], forge.Done))(t); moved.Status != forge.Done {
				t.Errorf("done is %q", moved.Status)
			}
			if rate, points := r.Rate(), r.hub.Points(); rate.Points != int64(points) {
				t.Errorf("counted %d points, GitHub %d", rate.Points, points)
			}
			rest, graph := r.hub.Requests()
			if rate := r.Rate(); rate.Used != int64(rest+graph) || rate.Limit != 5000 || rate.Remaining <= 0 {
				t.Errorf("rate is %+v after %d and %d requests", rate, rest, graph)
			}
		})
	}
}

func TestTheBoardsColumnsAreMadeWhereTheyAreMissing(t *testing.T) {
	for name, kind := range boards {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(s *forgetest.Options, f *forge.Options) {
				kind(s, f)
				s.Columns = []string{forge.Todo, forge.InProgress, forge.Done} // as a new project has them
			})
			r.hub.AddMilestone("now", time.Time{})
			missing := must(r.Missing(t.Context()))(t)
			probe := must(r.Probe(t.Context()))(t)
			made := must(r.EnsureColumns(t.Context()))(t)
			if len(missing) == 0 || !slices.Equal(made, missing) || !slices.Equal(probe.Missing, missing) {
				t.Errorf("missing %q, probed %q, made %q", missing, probe.Missing, made)
			}
			if left := must(r.Missing(t.Context()))(t); len(left) != 0 {
				t.Errorf("still missing %q", left)
			}
			if probe.Login != "lightsout-bot" || !probe.Repository.CanPush || probe.Repository.DefaultBranch != "main" || !slices.Contains(probe.Scopes, "project") {
				t.Errorf("probe is %+v", probe)
			}
		})
	}
}

func TestAChangeGoesFromAPullRequestToStaging(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := t.Context()
	number := r.ticket(forgetest.Issue{Title: "Greet by name", Milestone: r.hub.AddMilestone("now", time.Time{}), Status: forge.InReview})

	// A red check, with its log.
	r.red.Store(true)
	pull := r.open("goodbye\n")
	r.idle()
	_, err := r.OpenPullRequest(ctx, forge.NewPullRequest{Title: "Again", Head: topic, Base: "main"})
	var twice *forge.Duplicate
	if !errors.As(err, &twice) || twice.PullRequest.Number != pull.Number {
		t.Errorf("a second pull request: %v", err)
	}
	checks := must(r.Checks(ctx, pull.Head))(t)
	if len(checks) != 1 || checks[0].Name != "test" || checks[0].State != forge.Failure || checks[0].SHA != pull.Head ||
		checks[0].App != "github-actions" || checks[0].WorkflowRunID == 0 {
		t.Fatalf("checks are %+v", checks)
	}
	if log := must(r.JobLog(ctx, checks[0], 4096))(t); !strings.Contains(string(log), "no hello here") {
		t.Errorf("log is %q", log)
	}
	if !slices.ContainsFunc(checks[0].Annotations, func(a forge.Annotation) bool { return a.Path == "greet.txt" && a.Line == 1 }) {
		t.Errorf("annotations are %+v", checks[0].Annotations)
	}
	if required := must(r.RequiredChecks(ctx, "main"))(t); !slices.Equal(required, []forge.Required{{Name: "test"}}) {
		t.Errorf("required are %v", required)
	}
	if _, err := r.Merge(ctx, pull.Number, forge.MergeRequest{SHA: pull.Head}); !errors.Is(err, forge.ErrNotMergeable) {
		t.Errorf("merged while red: %v", err)
	}
	if err := r.RerunFailed(ctx, checks[0]); err != nil {
		t.Error(err)
	}
	r.idle()
	if again := must(r.Checks(ctx, pull.Head))(t); len(again) != 1 || again[0].RunID <= checks[0].RunID {
		t.Errorf("checks after another attempt are %+v", again)
	}
	r.red.Store(false)

	// Repaired, reviewed, and brought up to date with a base that moved.
	repaired := r.push("hello NAME\n")
	if err := r.hub.AddReview(pull.Number, forgetest.Review{Author: "ana", State: "APPROVED", Body: "Good."}); err != nil {
		t.Fatal(err)
	}
	must(r.hub.PushAsPerson(ctx, "main", map[string][]byte{"notes.txt": []byte("two\n")}, "Note"))(t)
	if err := r.UpdateBranch(ctx, pull.Number, pull.Head); !errors.Is(err, forge.ErrHeadMoved) {
		t.Errorf("updated from a head of the past: %v", err)
	}
	for range 2 { // the second finds nothing to do
		now := must(r.PullRequest(ctx, pull.Number))(t)
		if err := r.UpdateBranch(ctx, pull.Number, now.Head); err != nil {
			t.Fatal(err)
		}
	}
	r.idle()
	full := must(r.Fresh().PullRequest(ctx, pull.Number))(t)
	if full.Head == repaired || full.Mergeable == nil || !*full.Mergeable || full.BaseRef != "main" || full.HeadRef != topic || full.HeadRepo != "acme/greet" {
		t.Errorf("pull request is %+v", full)
	}
	if len(full.Files) != 1 || full.Files[0].Path != "greet.txt" || full.Files[0].Additions != 1 || full.ChangedFiles != 1 {
		t.Errorf("files are %+v", full.Files)
	}
	reviews := must(r.Reviews(ctx, pull.Number))(t)
	if len(reviews) != 1 || reviews[0].Author != "ana" || reviews[0].State != "APPROVED" || reviews[0].CommitID != repaired {
		t.Errorf("reviews are %+v", reviews)
	}

	// Merged as it was read, and no other commit.
	if _, err := r.Merge(ctx, pull.Number, forge.MergeRequest{SHA: repaired}); !errors.Is(err, forge.ErrHeadMoved) {
		t.Errorf("merged a head of the past: %v", err)
	}
	sha := must(r.Merge(ctx, pull.Number, forge.MergeRequest{SHA: full.Head, Method: "squash"}))(t)
	merged := must(r.PullRequest(ctx, pull.Number))(t)
	if !merged.Merged || merged.MergeSHA != sha || merged.State != "closed" || merged.MergedAt.IsZero() {
		t.Errorf("merged pull request is %+v", merged)
	}
	if main := must(r.Branch(ctx, "main"))(t); main != sha {
		t.Errorf("main is at %s, merged as %s", main, sha)
	}
	if ticket := must(r.Ticket(ctx, number))(t); ticket.Open {
		t.Errorf("the ticket is open: %+v", ticket)
	}
	for range 2 {
		if err := r.DeleteBranch(ctx, topic); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Branch(ctx, topic); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("the branch is there: %v", err)
	}
	if list := must(r.PullRequestsByHead(ctx, topic))(t); len(list) != 1 || !list[0].Merged {
		t.Errorf("pull requests of the branch are %+v", list)
	}

	// Staged.
	since := time.Now()
	told := must(r.Dispatch(ctx, forge.Workflow{File: "staging.yml", Ref: "main", Inputs: map[string]string{"sha": sha}}))(t)
	r.idle()
	runs := must(r.WorkflowRuns(ctx, "staging.yml", since))(t)
	if len(runs) != 1 || runs[0].ID != told {
		t.Fatalf("run %d, runs are %+v", told, runs)
	}
	if run := must(r.WorkflowRun(ctx, runs[0].ID))(t); run.State != forge.Success {
		t.Errorf("run is %+v", run)
	}
	if d := r.hub.Deployments(); len(d) != 1 || d[0].SHA != sha || d[0].Run != runs[0].ID {
		t.Errorf("deployed %+v", d)
	}
}

func TestWordsLabelsAndPeopleAreReadBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := t.Context()
	milestone := r.hub.AddMilestone("now", time.Time{})
	ticket := must(r.CreateIssue(ctx, forge.NewIssue{Title: "Filed by us", Body: "Text", Labels: []string{"follow-up"}, Milestone: milestone}))(t)
	if ticket = must(r.Move(ctx, ticket, forge.Todo))(t); ticket.Status != forge.Todo {
		t.Errorf("filed ticket is %+v", ticket)
	}
	comment := must(r.Comment(ctx, ticket.Number, "Begun."))(t)
	must(r.EditComment(ctx, comment.ID, "Done."))(t)
	if err := r.hub.AddComment("ana", ticket.Number, "Thanks."); err != nil {
		t.Fatal(err)
	}
	comments := must(r.Comments(ctx, ticket.Number))(t)
	if len(comments) != 2 || comments[0].Body != "Done." || comments[0].ID != comment.ID || comments[1].Author != "ana" {
		t.Errorf("comments are %+v", comments)
	}
	labels := must(r.AddLabels(ctx, ticket.Number, "urgent", "two words"))(t)
	if !slices.Contains(labels, "two words") || !slices.Contains(labels, "follow-up") {
		t.Errorf("labels are %q", labels)
	}
	for range 2 {
		if err := r.RemoveLabel(ctx, ticket.Number, "two words"); err != nil {
			t.Error(err)
		}
	}
	assigned := must(r.Assign(ctx, ticket.Number, "lightsout-bot"))(t)
	read := must(r.Ticket(ctx, ticket.Number))(t)
	if !slices.Equal(assigned, []string{"lightsout-bot"}) || !slices.Equal(read.Assignees, assigned) ||
		slices.Contains(read.Labels, "two words") || !slices.Contains(read.Labels, "urgent") {
		t.Errorf("ticket is %+v", read)
	}

	pull := r.open("hello you\n")
	title, state := "Better", "closed"
	if edited := must(r.EditPullRequest(ctx, pull.Number, forge.PullRequestEdit{Title: &title}))(t); edited.Title != title || edited.Body != pull.Body {
		t.Errorf("edited to %+v", edited)
	}
	for range 2 {
		if err := r.ConvertToDraft(ctx, pull); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Merge(ctx, pull.Number, forge.MergeRequest{SHA: pull.Head}); !errors.Is(err, forge.ErrNotMergeable) {
		t.Errorf("merged a draft: %v", err)
	}
	if open := must(r.PullRequests(ctx))(t); len(open) != 1 || !open[0].Draft {
		t.Errorf("open are %+v", open)
	}
	for range 2 {
		if err := r.MarkReady(ctx, pull); err != nil {
			t.Fatal(err)
		}
	}
	if open := must(r.PullRequests(ctx))(t); len(open) != 1 || open[0].Draft {
		t.Errorf("open are %+v", open)
	}
	must(r.EditPullRequest(ctx, pull.Number, forge.PullRequestEdit{State: &state}))(t)
	if open := must(r.PullRequests(ctx))(t); len(open) != 0 {
		t.Errorf("open are %+v", open)
	}
	r.idle()
}

func TestAPullRequestThatWasOpenedWhileTheAnswerWasLostIsFound(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.push("hello you\n")
	r.hub.Fault(forgetest.Fault{Kind: forgetest.DropAfter, Write: "pull.create"})
	request := forge.NewPullRequest{Title: "Greet", Head: topic, Base: "main"}
	_, err := r.OpenPullRequest(t.Context(), request)
	var lost *forge.Unreachable
	if !errors.As(err, &lost) || !lost.MayHaveCommitted {
		t.Fatalf("error is %v", err)
	}
	list := must(r.PullRequestsByHead(t.Context(), topic))(t)
	_, err = r.OpenPullRequest(t.Context(), request)
	var twice *forge.Duplicate
	if len(list) != 1 || !errors.As(err, &twice) || twice.PullRequest.Number != list[0].Number {
		t.Errorf("listed %+v, opening again: %v", list, err)
	}
	r.idle()
}

func TestNoWriteIsSentTwiceAndEveryReadIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	number := r.ticket(forgetest.Issue{Title: "Greet by name"})
	for _, kind := range []forgetest.FaultKind{forgetest.DropBefore, forgetest.DropAfter, forgetest.Status} {
		lift := r.hub.Fault(forgetest.Fault{Kind: kind, Method: "POST", Times: -1})
		before := r.Rate().Used
		_, err := r.Comment(t.Context(), number, string(kind))
		var lost *forge.Unreachable
		if sent := r.Rate().Used - before; !errors.As(err, &lost) || !lost.MayHaveCommitted || sent != 1 {
			t.Errorf("%s: sent %d times: %v", kind, sent, err)
		}
		lift()
	}
	r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: "GET"})
	comments, err := r.Comments(t.Context(), number)
	if err != nil || len(comments) != 1 || comments[0].Body != string(forgetest.DropAfter) {
		t.Errorf("comments are %+v, %v", comments, err)
	}
}

func TestGitHubIsLeftAloneUntilItsLimitIsReset(t *testing.T) {
	t.Parallel()
	for _, kind := range []forgetest.FaultKind{forgetest.RateLimit, forgetest.Secondary} {
		for _, status := range []int{http.StatusForbidden, http.StatusTooManyRequests} {
			t.Run(fmt.Sprint(kind, " ", status), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, nil)
				r.hub.Fault(forgetest.Fault{Kind: kind, Status: status, RetryAfter: 10 * time.Minute})
				before := r.Rate().Used
				for range 3 {
					_, err := r.Branch(t.Context(), "main")
					var limited *forge.RateLimited
					if !errors.As(err, &limited) || limited.Secondary != (kind == forgetest.Secondary) {
						t.Fatalf("error is %v", err)
					}
					if wait := time.Until(limited.Until); wait < 9*time.Minute || wait > 11*time.Minute {
						t.Errorf("limited for %v, want ten minutes", wait)
					}
				}
				if asked := r.Rate().Used - before; asked != 1 {
					t.Errorf("asked %d times, want once", asked)
				}
			})
		}
	}
}

func TestAStaleAnswerIsNotKeptForTruth(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	old := must(r.Branch(t.Context(), "main"))(t)
	lift := r.hub.Fault(forgetest.Fault{Kind: forgetest.Stale, Times: -1})
	pushed := must(r.hub.PushAsPerson(t.Context(), "main", map[string][]byte{"notes.txt": []byte("two\n")}, "Note"))(t)
	if got := must(r.Branch(t.Context(), "main"))(t); got != old {
		t.Fatalf("the server is not stale: %s", got)
	}
	lift()
	for _, c := range []*forge.Client{r.Client, r.Fresh()} {
		if got := must(c.Branch(t.Context(), "main"))(t); got != pushed {
			t.Errorf("main is at %s, pushed %s", got, pushed)
		}
	}
	r.idle()
}

func TestWhatWasSaidAboutALineIsReadAnsweredAndResolved(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := t.Context()
	r.ticket(forgetest.Issue{Title: "Greet by name"})
	pull := r.open("hello NAME\n")
	r.hub.AddPerson("ana", "MEMBER")
	for _, author := range []string{"ana", "robot[bot]"} {
		err := r.hub.AddReview(pull.Number, forgetest.Review{Author: author, State: "COMMENTED", Body: "See below.",
			Comments: []forgetest.ReviewComment{{Path: "greet.txt", Line: 1, Body: "Whose name?"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	threads := must(r.Threads(ctx, pull.Number))(t)
	reviews := must(r.Reviews(ctx, pull.Number))(t)
	if len(threads) != 2 || len(threads[0].Remarks) != 1 || threads[0].Resolved || threads[0].Path != "greet.txt" || threads[0].Line != 1 {
		t.Fatalf("threads are %+v", threads)
	}
	if said := threads[0].Remarks[0]; said.Author != "ana" || said.AuthorAssociation != "MEMBER" || said.Ours || said.Body != "Whose name?" || said.CreatedAt.IsZero() {
		t.Errorf("the first remark is %+v", said)
	}
	if said := threads[1].Remarks[0]; said.Author != "robot[bot]" || reviews[1].Author != "robot[bot]" {
		t.Errorf("one app is %q in a thread and %q in a review", said.Author, reviews[1].Author)
	}
	if url := must(r.ReplyToThread(ctx, threads[1].ID, "Yours."))(t); url == "" {
		t.Error("the reply has no address")
	}
	for range 2 { // resolved is resolved
		if err := r.ResolveThread(ctx, threads[1].ID); err != nil {
			t.Error(err)
		}
	}
	threads = must(r.Threads(ctx, pull.Number))(t)
	if len(threads[1].Remarks) != 2 || !threads[1].Remarks[1].Ours || threads[1].Remarks[1].Body != "Yours." || !threads[1].Resolved || threads[0].Resolved {
		t.Errorf("after the answer: %+v", threads)
	}
	if _, err := r.ReplyToThread(ctx, "PRRT_gone", "Hm."); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("reply to nobody: %v", err)
	}
}
