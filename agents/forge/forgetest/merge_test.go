package forgetest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// judged makes CI pass at once, for tests that are not about CI.
func judged(o *Options) {
	o.TestCommand = nil
	o.Checks = []Check{{Name: "test", Judge: func(string) (bool, string) { return true, "fine\n" }}}
}

func TestMergeByEachMethodLandsTheChange(t *testing.T) {
	for _, c := range []struct {
		method, subject string
		parents         int
	}{
		{"merge", "Merge pull request #%d from acme/topic", 2},
		{"squash", "Change topic (#%d)", 1},
		{"rebase", "Change topic", 1},
	} {
		t.Run(c.method, func(t *testing.T) {
			r := newRig(t, judged)
			n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
			if _, err := r.PushAsPerson(t.Context(), "main", map[string][]byte{"other.txt": []byte("x\n")}, "Meanwhile"); err != nil {
				t.Fatal(err)
			}
			merged := r.want(200, "PUT", fmt.Sprintf("/pulls/%d/merge", n), map[string]any{"merge_method": c.method, "sha": head})
			tip := r.want(200, "GET", "/branches/main", nil)
			if at(t, tip, "commit.sha") != merged["sha"] {
				t.Errorf("main is at %v, want %v", at(t, tip, "commit.sha"), merged["sha"])
			}
			subject := c.subject
			if strings.Contains(subject, "%d") {
				subject = fmt.Sprintf(subject, n)
			}
			line, _, _ := strings.Cut(at(t, tip, "commit.commit.message").(string), "\n")
			if parents := at(t, tip, "commit.parents").([]any); line != subject || len(parents) != c.parents {
				t.Errorf("commit %q with %d parents, want %q with %d", line, len(parents), subject, c.parents)
			}
			for file, want := range map[string]string{"notes.txt": "one\n", "other.txt": "x\n"} {
				if got := r.git("", "--git-dir="+r.GitDir(), "show", "main:"+file); got != want {
					t.Errorf("%s is %q, want %q", file, got, want)
				}
			}
			if p, _ := r.Pull(n); !p.Merged || p.Open || p.MergeSHA != merged["sha"] || p.MergedBy != "lightsout-bot" {
				t.Errorf("pull request: %+v", p)
			}
			r.clean()
		})
	}
}

func TestMergeIsRefusedAsGitHubRefusesIt(t *testing.T) {
	conflict := func(r *rig, _ int) {
		if _, err := r.PushAsPerson(r.t.Context(), "main", map[string][]byte{"notes.txt": []byte("three\n")}, "Clash"); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		options func(*Options)
		before  func(*rig, int)
		body    map[string]any
		status  int
		message string
	}{
		{"the head moved", nil, func(r *rig, _ int) { r.committed("topic", map[string]string{"notes.txt": "one!\n"}) },
			map[string]any{"sha": "HEAD"}, http.StatusConflict, "Head branch was modified"},
		{"it conflicts", nil, conflict, nil, http.StatusMethodNotAllowed, "not mergeable"},
		{"it is closed", nil, func(r *rig, n int) { _ = r.CloseIssue("acme", n) }, nil, http.StatusMethodNotAllowed, "not mergeable"},
		{"a required check is missing", func(o *Options) { o.Required = []string{"test", "audit"} }, nil, nil,
			http.StatusMethodNotAllowed, `Required status check "audit" is expected.`},
		{"it is behind and must not be", func(o *Options) { o.Required, o.Strict = []string{"test"}, true },
			func(r *rig, _ int) {
				if _, err := r.PushAsPerson(r.t.Context(), "main", map[string][]byte{"x": []byte("y")}, "Meanwhile"); err != nil {
					r.t.Fatal(err)
				}
			}, nil, http.StatusMethodNotAllowed, "out of date"},
		{"the method does not exist", nil, nil, map[string]any{"merge_method": "octopus"}, http.StatusUnprocessableEntity, "Validation Failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) {
				judged(o)
				if c.options != nil {
					c.options(o)
				}
			})
			n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
			r.idle()
			if c.before != nil {
				c.before(r, n)
			}
			r.idle()
			main := r.Branches()["main"]
			if c.body["sha"] == "HEAD" {
				c.body["sha"] = head
			}
			got := r.want(c.status, "PUT", fmt.Sprintf("/pulls/%d/merge", n), c.body)
			if message := got["message"].(string); !strings.Contains(message, c.message) {
				t.Errorf("message %q, want %q", message, c.message)
			}
			if r.Branches()["main"] != main {
				t.Error("main moved")
			}
			r.clean()
		})
	}
}

func TestDraftIsNotMerged(t *testing.T) {
	r := newRig(t, judged)
	r.committed("topic", map[string]string{"notes.txt": "one\n"})
	made := r.want(201, "POST", "/pulls", map[string]any{"title": "T", "head": "topic", "base": "main", "draft": true})
	path := fmt.Sprintf("/pulls/%v/merge", made["number"])
	if got := r.want(405, "PUT", path, nil); !strings.Contains(got["message"].(string), "draft") {
		t.Errorf("message %v", got["message"])
	}
	_, errors := r.graphql(`mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }`,
		map[string]any{"id": made["node_id"]})
	if errors != nil {
		t.Fatal(errors)
	}
	r.want(200, "PUT", path, nil)
	r.clean()
}

func TestMergeClosesWhatBodyAndCommitsName(t *testing.T) {
	r := newRig(t, func(o *Options) { judged(o); o.CloseMovesToDone = true })
	for _, c := range []struct {
		name, body, message string // %d is the number of the issue
		closed              bool
	}{
		{"body", "Adds it.\n\nCloses #%d", "", true},
		{"keyword with a colon", "FIXES: #%d", "", true},
		{"this repository by name", "resolves acme/greet#%d", "", true},
		{"another repository", "Closes other/place#%d", "", false},
		{"no keyword", "See #%d", "", false},
		{"part of a word", "Discloses #%d", "", false},
		{"commit message", "", "Land it\n\nfixed #%d", true},
	} {
		n, err := r.AddIssue(Issue{Title: c.name, Status: "In Review"})
		if err != nil {
			t.Fatal(err)
		}
		numbered := func(text string) string { return strings.ReplaceAll(text, "%d", strconv.Itoa(n)) }
		p, _ := r.opened(fmt.Sprintf("topic-%d", n), map[string]string{"notes.txt": c.name}, numbered(c.body))
		r.want(200, "PUT", fmt.Sprintf("/pulls/%d/merge", p), map[string]any{"commit_message": numbered(c.message)})
		i, _ := r.Issue(n)
		if i.Open == c.closed {
			t.Errorf("%s: open is %v", c.name, i.Open)
		}
		if want := map[bool]string{true: "Done", false: "In Review"}[c.closed]; i.Status != want {
			t.Errorf("%s: status %q, want %q", c.name, i.Status, want)
		}
	}
	r.clean()
}

func TestMergeabilityIsUnknownAtFirstAndAfterEveryChange(t *testing.T) {
	r := newRig(t, judged)
	n, _ := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	r.idle()
	expect := func(mergeable any, state string) {
		t.Helper()
		got := r.want(200, "GET", fmt.Sprintf("/pulls/%d", n), nil)
		if got["mergeable"] != mergeable || got["mergeable_state"] != state {
			t.Fatalf("mergeable %v, %v; want %v, %s", got["mergeable"], got["mergeable_state"], mergeable, state)
		}
	}
	expect(true, "clean") // the answer to the creation was the first to ask
	if _, err := r.PushAsPerson(t.Context(), "main", map[string][]byte{"notes.txt": []byte("other\n")}, "Clash"); err != nil {
		t.Fatal(err)
	}
	expect(nil, "unknown")
	expect(false, "dirty")
	r.committed("topic", map[string]string{"notes.txt": "one\ntwo\nthree\n"})
	expect(nil, "unknown")
	data, errors := r.graphql(`query($n: Int!) { repository(owner: "acme", name: "greet") { pullRequest(number: $n) { mergeable } } }`,
		map[string]any{"n": n})
	if errors != nil || at(t, data, "repository.pullRequest.mergeable") == "UNKNOWN" {
		t.Errorf("graphql: %v %v", data, errors)
	}
	r.clean()
}

func TestUpdateBranchMergesTheBaseIn(t *testing.T) {
	r := newRig(t, judged)
	n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	update := fmt.Sprintf("/pulls/%d/update-branch", n)
	if got := r.want(422, "PUT", update, nil); !strings.Contains(got["message"].(string), "no new commits") {
		t.Errorf("message %v", got["message"])
	}
	base, err := r.PushAsPerson(t.Context(), "main", map[string][]byte{"other.txt": []byte("x\n")}, "Meanwhile")
	if err != nil {
		t.Fatal(err)
	}
	r.want(422, "PUT", update, map[string]any{"expected_head_sha": base})
	r.want(202, "PUT", update, map[string]any{"expected_head_sha": head})
	p, _ := r.Pull(n)
	parents := strings.Fields(r.git("", "--git-dir="+r.GitDir(), "log", "-1", "--format=%P", "topic"))
	if p.Head == head || len(parents) != 2 || parents[0] != head || parents[1] != base {
		t.Errorf("head %s with parents %v", p.Head, parents)
	}
	r.idle()
	if p, _ = r.Pull(n); p.Checks["test"] != "success" {
		t.Errorf("checks of the new head: %v", p.Checks)
	}
	if _, err := r.PushAsPerson(t.Context(), "main", map[string][]byte{"notes.txt": []byte("clash\n")}, "Clash"); err != nil {
		t.Fatal(err)
	}
	if got := r.want(422, "PUT", update, nil); !strings.Contains(got["message"].(string), "merge conflict") {
		t.Errorf("message %v", got["message"])
	}
	r.clean()
}
