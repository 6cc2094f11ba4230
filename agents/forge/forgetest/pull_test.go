package forgetest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPushOverHTTPMovesThePullRequestHead(t *testing.T) {
	r := newRig(t, judged)
	head := r.pushed("topic", map[string]string{"notes.txt": "one\n"})
	n := r.want(201, "POST", "/pulls", map[string]any{"title": "T", "head": "topic", "base": "main"})["number"]
	if got := r.want(200, "GET", fmt.Sprintf("/pulls/%v", n), nil); at(t, got, "head.sha") != head {
		t.Fatalf("head is %v, want %s", at(t, got, "head.sha"), head)
	}
	moved := r.pushed("topic", map[string]string{"notes.txt": "one\ntwo\n"})
	if got := r.want(200, "GET", fmt.Sprintf("/pulls/%v", n), nil); at(t, got, "head.sha") != moved {
		t.Fatalf("head is %v, want %s", at(t, got, "head.sha"), moved)
	}
	var kinds []string
	for _, m := range r.Mutations() {
		if m.Via == "git" && m.Actor == "lightsout-bot" {
			kinds = append(kinds, m.Kind+" "+m.Target)
		}
	}
	if got := strings.Join(kinds, ", "); got != "push topic, push topic" {
		t.Errorf("mutations by git: %s", got)
	}
	r.clean()
}

func TestPushByPathIsSeenByTheNextRequest(t *testing.T) {
	r := newRig(t, judged)
	n, _ := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	dir := filepath.Join(t.TempDir(), "clone")
	r.git("", "clone", "--quiet", "--branch", "topic", r.GitDir(), dir)
	r.git(dir, "commit", "--quiet", "--allow-empty", "-m", "More")
	r.git(dir, "push", "--quiet", "origin", "topic")
	want := strings.TrimSpace(r.git(dir, "rev-parse", "HEAD"))
	if got := r.want(200, "GET", fmt.Sprintf("/pulls/%d", n), nil); at(t, got, "head.sha") != want {
		t.Errorf("head is %v, want %s", at(t, got, "head.sha"), want)
	}
	r.idle()
	if p, _ := r.Pull(n); p.Checks["test"] != "success" {
		t.Errorf("checks: %v", p.Checks)
	}
	r.clean()
}

func TestAForcePushOfAnotherHistoryLeavesNothingToCompare(t *testing.T) {
	r := newRig(t, judged)
	n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	dir := filepath.Join(t.TempDir(), "clone")
	r.git("", "clone", "--quiet", "--branch", "topic", r.GitDir(), dir)
	r.git(dir, "checkout", "--quiet", "--orphan", "island")
	r.git(dir, "commit", "--quiet", "-m", "Alone")
	r.git(dir, "push", "--quiet", "--force", "origin", "island:topic")
	r.want(200, "GET", fmt.Sprintf("/pulls/%d", n), nil) // the first to ask is told that it is not known yet
	got := r.want(200, "GET", fmt.Sprintf("/pulls/%d", n), nil)
	if at(t, got, "head.sha") == head || got["mergeable"] != false || got["changed_files"] != 0.0 {
		t.Errorf("head %v, mergeable %v, %v files", at(t, got, "head.sha"), got["mergeable"], got["changed_files"])
	}
	if files := r.list(fmt.Sprintf("/pulls/%d/files", n)); len(files) != 0 {
		t.Errorf("files: %v", files)
	}
	r.want(405, "PUT", fmt.Sprintf("/pulls/%d/merge", n), map[string]any{})
	r.clean()
}

func TestAnAppHasOneLoginInRESTAndAnotherInGraphQL(t *testing.T) {
	r := newRig(t, judged)
	n, _ := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	if err := r.AddComment("robot[bot]", n, "Beep."); err != nil {
		t.Fatal(err)
	}
	said := r.list(fmt.Sprintf("/issues/%d/comments", n))
	if at(t, said[0], "user.login") != "robot[bot]" || at(t, said[0], "user.type") != "Bot" || !strings.HasSuffix(fmt.Sprint(at(t, said[0], "user.html_url")), "/apps/robot") {
		t.Errorf("in REST: %v", said[0]["user"])
	}
	data, errors := r.graphql(`query($n: Int!) { repository(owner: "acme", name: "greet") { pullRequest(number: $n) {
		comments(first: 1) { nodes { author { __typename login } } } } } }`, map[string]any{"n": n})
	author := at(t, data, "repository.pullRequest.comments.nodes.0.author")
	if errors != nil || at(t, author, "login") != "robot" || at(t, author, "__typename") != "Bot" {
		t.Errorf("in GraphQL: %v %v", author, errors)
	}
	r.clean()
}

func TestPushWithoutTheTokenIsRefused(t *testing.T) {
	r := newRig(t, judged)
	if _, err := r.push("topic", map[string]string{"a": "b"}, "wrong"); err == nil {
		t.Fatal("the push went through")
	}
	if got := r.do("GET", "/branches/topic", nil); got.status != http.StatusNotFound {
		t.Errorf("the branch is there: %s", got.body)
	}
	if len(r.Unexpected()) == 0 {
		t.Error("nothing was written down")
	}
}

// A push of more than http.postBuffer comes in chunks of unknown length, after a probe.
func TestLargePushGoesThroughAndCountsOnce(t *testing.T) {
	r := newRig(t, judged)
	var writes notes
	r.OnWrite(func(_ int, kind, phase string) { writes.add("%s %s", kind, phase) })
	noise := make([]byte, 3<<20)
	state := uint32(1)
	for i := range noise { // not to be compressed
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	head := r.pushed("large", map[string]string{"noise.bin": string(noise)})
	if got := r.want(200, "GET", "/branches/large", nil); at(t, got, "commit.sha") != head {
		t.Errorf("branch at %v, want %s", at(t, got, "commit.sha"), head)
	}
	if got := writes.String(); got != "push before, push after" {
		t.Errorf("writes: %s", got)
	}
	r.clean()
}

func TestPullRequestIsRefusedAsGitHubRefusesIt(t *testing.T) {
	r := newRig(t, judged)
	r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	if _, err := r.PushAsPerson(t.Context(), "empty", nil, "Nothing"); err != nil {
		t.Fatal(err)
	}
	r.git("", "--git-dir="+r.GitDir(), "branch", "same", "main")
	for _, c := range []struct {
		name string
		body map[string]any
		want string
	}{
		{"one is open for that head", map[string]any{"title": "T", "head": "topic", "base": "main"}, "A pull request already exists for acme:topic."},
		{"one is open for that head, qualified", map[string]any{"title": "T", "head": "acme:topic", "base": "main"}, "A pull request already exists for acme:topic."},
		{"the head does not exist", map[string]any{"title": "T", "head": "ghost", "base": "main"}, `"field":"head"`},
		{"the base does not exist", map[string]any{"title": "T", "head": "topic", "base": "ghost"}, `"field":"base"`},
		{"the head is in a fork that does not exist", map[string]any{"title": "T", "head": "eve:topic", "base": "main"}, `"field":"head"`},
		{"there is nothing between them", map[string]any{"title": "T", "head": "same", "base": "main"}, "No commits between main and same"},
		{"there is no title", map[string]any{"head": "empty", "base": "main"}, `"field":"title"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			got := r.do("POST", "/pulls", c.body)
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(string(got.body), c.want) {
				t.Errorf("status %d: %s", got.status, got.body)
			}
		})
	}
	if pulls := r.Pulls(); len(pulls) != 1 {
		t.Errorf("%d pull requests", len(pulls))
	}
	r.clean()
}

func TestListsOfPullRequestsAreFiltered(t *testing.T) {
	r := newRig(t, judged)
	first, _ := r.opened("a", map[string]string{"a": "a"}, "")
	second, _ := r.opened("b", map[string]string{"b": "b"}, "")
	r.want(200, "PATCH", fmt.Sprintf("/pulls/%d", first), map[string]any{"state": "closed"})
	for query, want := range map[string]string{
		"":                                "2",
		"?state=closed":                   "1",
		"?state=all":                      "2 1",
		"?state=all&direction=asc":        "1 2",
		"?state=all&head=acme:a":          "1",
		"?state=all&head=a":               "",
		"?head=acme:a":                    "",
		"?state=all&base=other":           "",
		"?state=all&per_page=1&page=2":    "1",
		"?state=all&sort=updated":         "2 1",
		"?state=all&sort=created&page=99": "",
	} {
		var got []string
		for _, p := range r.list("/pulls" + query) {
			got = append(got, fmt.Sprint(p["number"]))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	if second != 2 {
		t.Errorf("second is #%d", second)
	}
	r.clean()
}

func TestFilesTellWhatHappenedToEach(t *testing.T) {
	r := newRig(t, judged)
	dir := filepath.Join(t.TempDir(), "clone")
	r.git("", "clone", "--quiet", r.GitDir(), dir)
	r.git(dir, "checkout", "--quiet", "-b", "topic")
	r.git(dir, "mv", "notes.txt", "notes \"of\" old.txt")
	r.git(dir, "rm", "--quiet", "check.sh")
	for name, content := range map[string]string{"greet.txt": "hello\nworld\n", "new\tname.txt": "new\n", "blob.bin": "\x00\x01"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.git(dir, "add", "--all")
	r.git(dir, "commit", "--quiet", "-m", "All kinds")
	r.git(dir, "push", "--quiet", "origin", "topic")
	made := r.want(201, "POST", "/pulls", map[string]any{"title": "T", "head": "topic", "base": "main"})
	if made["changed_files"] != 5.0 || made["additions"] != 2.0 || made["commits"] != 1.0 {
		t.Errorf("%v files, +%v, %v commits", made["changed_files"], made["additions"], made["commits"])
	}
	got := map[string]string{}
	for _, f := range r.list(fmt.Sprintf("/pulls/%v/files", made["number"])) {
		got[f["filename"].(string)] = fmt.Sprint(f["status"], " ", f["additions"], " ", f["deletions"], " ", f["previous_filename"], " ", f["patch"] != nil)
	}
	want := map[string]string{
		"notes \"of\" old.txt": "renamed 0 0 notes.txt false",
		"check.sh":             "removed 0 4 <nil> true",
		"greet.txt":            "modified 1 0 <nil> true",
		"new\tname.txt":        "added 1 0 <nil> true",
		"blob.bin":             "added 0 0 <nil> false",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("files\n%v, want\n%v", got, want)
	}
	r.clean()
}

func TestDeletedHeadClosesThePullRequest(t *testing.T) {
	r := newRig(t, judged)
	n, _ := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	r.want(204, "DELETE", "/git/refs/heads/topic", nil)
	if p, _ := r.Pull(n); p.Open || p.Merged {
		t.Errorf("pull request: %+v", p)
	}
	r.want(422, "DELETE", "/git/refs/heads/topic", nil)
	r.want(422, "PATCH", fmt.Sprintf("/pulls/%d", n), map[string]any{"state": "open"})
	r.clean()
}

func TestReopenedPullRequestHasTheHeadOfItsBranch(t *testing.T) {
	r := newRig(t, judged)
	n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	path := fmt.Sprintf("/pulls/%d", n)
	r.want(200, "PATCH", path, map[string]any{"state": "closed"})
	moved := r.committed("topic", map[string]string{"notes.txt": "two\n"})
	if p, _ := r.Pull(n); p.Head != head {
		t.Errorf("closed, it follows its branch: %s", p.Head)
	}
	if got := r.want(200, "PATCH", path, map[string]any{"state": "open"}); at(t, got, "head.sha") != moved || got["state"] != "open" {
		t.Errorf("pull request: %v at %v", got["state"], at(t, got, "head.sha"))
	}
	r.clean()
}

func TestHeadPushedToTheBaseCountsAsMerged(t *testing.T) {
	r := newRig(t, judged)
	n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	if err := r.ForcePush(t.Context(), "ana", "main", head); err != nil {
		t.Fatal(err)
	}
	if p, _ := r.Pull(n); !p.Merged || p.MergedBy != "ana" || p.Open {
		t.Errorf("pull request: %+v", p)
	}
	r.clean()
}
