package forge

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestAPullRequestIsReadWithItsFilesAndWithWhatGitHubDoesNotKnowYet(t *testing.T) {
	yes := true
	for _, test := range []struct {
		mergeable any
		want      *bool
	}{{nil, nil}, {true, &yes}} {
		s := newServer(t)
		s.on("GET", "/pulls/42", says(200, toJSON(t, object{
			"number": 42, "node_id": "PR_1", "state": "open", "draft": true, "mergeable": test.mergeable, "mergeable_state": "unknown",
			"user": object{"login": "bot"}, "author_association": "MEMBER", "merge_commit_sha": "trial", "changed_files": 120,
			"head": object{"sha": "abc", "ref": "lightsout/31-x", "repo": object{"full_name": "o/r"}}, "base": object{"sha": "def", "ref": "main"},
			"labels": []any{object{"name": "a"}},
		})))
		var files []any
		for range 120 {
			files = append(files, object{"filename": "new.go", "previous_filename": "old.go", "status": "renamed", "additions": 2, "deletions": 1})
		}
		s.on("GET", "/pulls/42/files", paged(t, files))
		pull, err := s.client(nil).PullRequest(t.Context(), 42)
		if err != nil {
			t.Fatal(err)
		}
		if (pull.Mergeable == nil) != (test.want == nil) || pull.Mergeable != nil && *pull.Mergeable != *test.want {
			t.Errorf("mergeable %v is read as %v", test.mergeable, pull.Mergeable)
		}
		if len(pull.Files) != 120 || pull.Files[119] != (File{"new.go", "renamed", 2, 1, "old.go"}) {
			t.Errorf("read %d files", len(pull.Files))
		}
		if pull.MergeSHA != "" || pull.Merged {
			t.Errorf("GitHub's trial merge %q is taken for a merge", pull.MergeSHA)
		}
		if pull.NodeID != "PR_1" || pull.Head != "abc" || pull.HeadRef != "lightsout/31-x" || pull.HeadRepo != "o/r" || pull.Base != "def" ||
			pull.BaseRef != "main" || !pull.Draft || pull.AuthorAssociation != "MEMBER" || pull.Labels[0] != "a" {
			t.Errorf("read %+v", pull)
		}
	}
}

func TestAListedPullRequestIsMergedWhenItHasTheTime(t *testing.T) {
	s := newServer(t)
	s.on("GET", "/pulls", func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("head") != "o:lightsout/31-x" || q.Get("state") != "all" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		own := object{"repo": object{"full_name": "O/R"}}
		paged(t, []any{
			object{"number": 1, "state": "closed", "merged_at": "2026-05-01T10:00:00Z", "merge_commit_sha": "fff", "head": own},
			object{"number": 2, "state": "closed", "merged_at": nil, "merge_commit_sha": "trial", "head": own},
			object{"number": 3, "state": "open", "head": object{"repo": object{"full_name": "o/fork"}}},
			object{"number": 4, "state": "open", "head": object{"repo": nil}}, // of a fork that is gone
		})(w, r)
	})
	pulls, err := s.client(nil).PullRequestsByHead(t.Context(), "lightsout/31-x")
	if err != nil || len(pulls) != 2 {
		t.Fatalf("%v, %v", pulls, err)
	}
	if at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC); !pulls[0].Merged || pulls[0].MergeSHA != "fff" || !pulls[0].MergedAt.Equal(at) || pulls[0].HeadRepo != "O/R" {
		t.Errorf("merged one is %+v", pulls[0])
	}
	if pulls[1].Merged || pulls[1].MergeSHA != "" || !pulls[1].MergedAt.IsZero() {
		t.Errorf("closed one is %+v", pulls[1])
	}
}

func TestOpeningASecondPullRequestFindsTheFirst(t *testing.T) {
	const duplicate = `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for o:b."}]}`
	s := newServer(t)
	s.on("POST", "/pulls", says(422, duplicate))
	s.on("GET", "/pulls", paged(t, []any{object{"number": 1, "state": "closed"}, object{"number": 2, "state": "open", "head": object{"ref": "b", "repo": object{"full_name": "o/r"}}}}))
	_, err := s.client(nil).OpenPullRequest(t.Context(), NewPullRequest{Title: "t", Head: "b", Base: "main"})
	if d := wantError[*Duplicate](t, err); d.PullRequest.Number != 2 {
		t.Errorf("found #%d, want the open #2", d.PullRequest.Number)
	}

	s = newServer(t)
	s.on("POST", "/pulls", says(422, `{"message":"Validation Failed","errors":[{"message":"No commits between main and b"}]}`))
	_, err = s.client(nil).OpenPullRequest(t.Context(), NewPullRequest{Title: "t", Head: "b", Base: "main"})
	wantError[*Refused](t, err)
}

func TestEveryAnswerToAMergeHasItsError(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
		sha    string
	}{
		{"merged", says(200, `{"sha":"fff","merged":true}`), nil, "fff"},
		{"head moved", says(409, `{"message":"Head branch was modified. Review and try the merge again."}`), ErrHeadMoved, ""},
		{"not mergeable", says(405, `{"message":"Pull Request is not mergeable"}`), ErrNotMergeable, ""},
		{"200 and not merged", says(200, `{"merged":false,"message":"no"}`), ErrNotMergeable, ""},
		{"gone", says(404, `{}`), ErrNotFound, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on("PUT", "/pulls/42/merge", func(w http.ResponseWriter, r *http.Request) {
				var body map[string]string
				decode(t, r, &body)
				if body["sha"] != "abc" || body["merge_method"] != "squash" || body["commit_title"] != "Title" || body["commit_message"] != "Text" {
					t.Errorf("asked to merge %v", body)
				}
				test.answer(w, r)
			})
			sha, err := s.client(nil).Merge(t.Context(), 42, MergeRequest{SHA: "abc", Method: "squash", Title: "Title", Message: "Text"})
			if sha != test.sha || !errors.Is(err, test.want) {
				t.Errorf("merged as %q, %v; want %q, %v", sha, err, test.sha, test.want)
			}
		})
	}
}

func TestNothingIsMergedWithoutNamingTheHead(t *testing.T) {
	s := newServer(t)
	if _, err := s.client(nil).Merge(t.Context(), 42, MergeRequest{}); err == nil || s.requests() != 0 {
		t.Errorf("asked %d times: %v", s.requests(), err)
	}
}

func TestEveryAnswerToAnUpdateHasItsError(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"accepted", says(202, `{"message":"Updating pull request branch."}`), nil},
		{"nothing to update", says(422, `{"message":"There are no new commits on the base branch."}`), nil},
		{"head moved", says(422, "{\"message\":\"expected head sha didn\u2019t match current head ref.\"}"), ErrHeadMoved},
		{"conflict", says(422, `{"message":"merge conflict between base and head"}`), ErrNotMergeable},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on("PUT", "/pulls/42/update-branch", func(w http.ResponseWriter, r *http.Request) {
				var body map[string]string
				decode(t, r, &body)
				if body["expected_head_sha"] != "abc" {
					t.Errorf("asked to update %v", body)
				}
				test.answer(w, r)
			})
			if err := s.client(nil).UpdateBranch(t.Context(), 42, "abc"); !errors.Is(err, test.want) {
				t.Errorf("error is %v, want %v", err, test.want)
			}
		})
	}
}

func TestABranchThatIsGoneIsDeletedAlready(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"there", says(204, ``), "none"},
		{"gone", says(422, `{"message":"Reference does not exist"}`), "none"},
		{"protected", says(422, `{"message":"Cannot delete this protected branch"}`), "*forge.Refused 422"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on("DELETE", "/git/refs/heads/lightsout/31-x", test.answer)
			if err := s.client(nil).DeleteBranch(t.Context(), "lightsout/31-x"); sortOf(err) != test.want {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
}
