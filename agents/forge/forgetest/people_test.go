package forgetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestRepositoryIsSeededFromAnotherWithItsHistory(t *testing.T) {
	r := newRig(t, judged)
	source := filepath.Join(t.TempDir(), "source")
	r.git("", "init", "--quiet", "--initial-branch=trunk", source)
	for _, content := range []string{"one\n", "two\n"} {
		if err := os.WriteFile(filepath.Join(source, "file"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		r.git(source, "add", "file")
		r.git(source, "commit", "--quiet", "-m", content)
	}
	before := r.git(source, "for-each-ref")
	s, err := New(t.Context(), Options{Dir: t.TempDir(), Owner: "acme", Repo: "copy", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	sha, err := s.SeedFrom(t.Context(), source, "trunk")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.git("", "--git-dir="+s.GitDir(), "log", "--format=%H %s", "main"); !strings.HasPrefix(got, sha+" two\n") || !strings.Contains(got, " one\n") {
		t.Errorf("history:\n%s", got)
	}
	if r.git(source, "for-each-ref") != before {
		t.Error("the source was changed")
	}
	if _, err := s.SeedFrom(t.Context(), source, "ghost"); err == nil {
		t.Error("there is no such branch")
	}
	if _, err := s.SeedFrom(t.Context(), filepath.Join(source, "ghost"), "trunk"); err == nil {
		t.Error("there is no such repository")
	}
}

func TestRepositoryIsSeededFromAFolder(t *testing.T) {
	r := newRig(t, judged)
	folder := fstest.MapFS{
		"a/b.txt": {Data: []byte("deep\n")}, "empty": {}, "run.sh": {Data: []byte("#!/bin/sh\n")}, ".git/config": {Data: []byte("no\n")},
		"with space": {Data: []byte("x")},
	}
	if _, err := r.SeedDir(t.Context(), folder, "More"); err != nil {
		t.Fatal(err)
	}
	listed := r.git("", "--git-dir="+r.GitDir(), "ls-tree", "-r", "--format=%(objectmode) %(path)", "main")
	want := "100644 a/b.txt\n100755 check.sh\n100644 empty\n100644 greet.txt\n100644 notes.txt\n100755 run.sh\n100644 with space\n"
	if listed != want {
		t.Errorf("files\n%s, want\n%s", listed, want)
	}
	if _, err := r.Seed(t.Context(), map[string][]byte{"a\nb": []byte("x")}, "Bad"); err == nil {
		t.Error("a name with a line break was taken")
	}
	if _, err := r.Seed(t.Context(), map[string][]byte{"empty": nil}, "Less"); err != nil {
		t.Error(err)
	}
	if got := r.git("", "--git-dir="+r.GitDir(), "ls-tree", "main", "empty"); got != "" {
		t.Errorf("not deleted: %s", got)
	}
	r.clean()
}

func TestPeopleDoWhatPeopleDo(t *testing.T) {
	r := newRig(t, judged)
	m := r.AddMilestone("Walking", r.start)
	ticket, err := r.AddIssue(Issue{Title: "One", Milestone: m, Status: "Todo"})
	if err != nil {
		t.Fatal(err)
	}
	n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	r.git("", "--git-dir="+r.GitDir(), "branch", "release", "main")
	other := r.committed("other", map[string]string{"greet.txt": "hello, all\n"})
	for name, act := range map[string]func() error{
		"edit":      func() error { return r.EditIssue("ana", ticket, "Uno", "Cuerpo") },
		"comment":   func() error { return r.AddComment("eve", n, "First!") },
		"retarget":  func() error { return r.Retarget("ana", n, "release") },
		"status":    func() error { return r.SetStatus("ana", head, "coverage", "failure", "12%") },
		"close":     func() error { return r.CloseIssue("ana", ticket) },
		"move":      func() error { return r.Move("ana", ticket, "Done") },
		"milestone": func() error { r.CloseMilestone(m); return nil },
		"force":     func() error { return r.ForcePush(t.Context(), "ana", "other", head) },
	} {
		if err := act(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	i, _ := r.Issue(ticket)
	if i.Title != "Uno" || i.Body != "Cuerpo" || i.Open || i.Status != "Done" {
		t.Errorf("issue: %+v", i)
	}
	p, _ := r.Pull(n)
	if p.BaseRef != "release" || len(p.Comments) != 1 || p.Comments[0].Author != "eve" {
		t.Errorf("pull request: %+v", p)
	}
	if got := r.want(200, "GET", "/commits/"+head+"/status", nil); got["state"] != "failure" {
		t.Errorf("status: %v", got["state"])
	}
	if got := r.list("/milestones"); len(got) != 0 {
		t.Errorf("open milestones: %v", got)
	}
	if r.Branches()["other"] != head || head == other {
		t.Errorf("branches: %v", r.Branches())
	}
	if err := r.Reopen("ana", ticket); err != nil {
		t.Error(err)
	}
	if got := r.want(200, "GET", fmt.Sprintf("/issues/%d", ticket), nil); got["state_reason"] != "reopened" {
		t.Errorf("state reason %v", got["state_reason"])
	}
	sha, err := r.Merge("ana", n, "squash")
	if err != nil || r.Branches()["release"] != sha {
		t.Errorf("merged as %s: %v, %v", sha, err, r.Branches())
	}
	if err := r.DeleteBranch(t.Context(), "ana", "topic"); err != nil || r.Branches()["topic"] != "" {
		t.Errorf("branches: %v, %v", r.Branches(), err)
	}
	for name, act := range map[string]func() error{
		"no such issue":      func() error { return r.CloseIssue("ana", 99) },
		"no pull request":    func() error { return r.AddReview(ticket, Review{Author: "ana", State: "APPROVED"}) },
		"no such base":       func() error { return r.Retarget("ana", n, "ghost") },
		"merged already":     func() error { _, err := r.Merge("ana", n, "merge"); return err },
		"no such column":     func() error { return r.Move("ana", ticket, "Limbo") },
		"no such milestone":  func() error { _, err := r.AddIssue(Issue{Title: "T", Milestone: 9}); return err },
		"no such branch":     func() error { return r.DeleteBranch(t.Context(), "ana", "ghost") },
		"no such commit":     func() error { return r.ForcePush(t.Context(), "ana", "other", strings.Repeat("1", 40)) },
		"number nothing has": func() error { return r.EditIssue("ana", 0, "", "") },
	} {
		if act() == nil {
			t.Errorf("%s: it was done", name)
		}
	}
	for _, m := range r.Mutations() {
		if m.Via == "person" && m.Actor == "" || m.N == 0 || m.At.IsZero() {
			t.Errorf("mutation: %+v", m)
		}
	}
	r.clean()
}

func TestOptionsThatAreMissingAreNamed(t *testing.T) {
	_, err := New(t.Context(), Options{Dir: t.TempDir(), Repo: "greet"})
	if err == nil || !strings.Contains(err.Error(), "Owner, Token") {
		t.Errorf("error %v", err)
	}
	for name, change := range map[string]func(*Options){
		"no folder": func(o *Options) { o.Dir = filepath.Join(o.Dir, "ghost") },
		"no board":  func(o *Options) { o.Board = "cork" },
		"no git":    func(o *Options) { o.Path = o.Dir },
	} {
		o := Options{Dir: t.TempDir(), Owner: "acme", Repo: "greet", Token: token}
		change(&o)
		if s, err := New(t.Context(), o); err == nil {
			t.Errorf("%s: it was made: %v", name, s.Close())
		}
	}
}
