package forgetest

import (
	"strings"
	"testing"
)

func TestAPullRequestFromAForkIsNotOfTheBranchOfItsName(t *testing.T) {
	r := newRig(t, judged)
	branch := "lightsout/1-greet"
	ctx := t.Context()
	n, err := r.OpenFromFork(ctx, "eve/greet", branch, map[string][]byte{"greet.txt": []byte("hello, hello\n")}, "Mine", "Closes #1")
	if err != nil {
		t.Fatal(err)
	}
	r.idle()
	path := "/pulls/" + strings.TrimPrefix(hash(n), "#")
	shown := r.want(200, "GET", path, nil)
	head := at(t, shown, "head").(map[string]any)
	if head["label"] != "eve:"+branch || at(t, shown, "head.repo.full_name") != "eve/greet" || at(t, shown, "head.repo.fork") != true ||
		at(t, shown, "base.repo.full_name") != "acme/greet" || shown["author_association"] != "NONE" || shown["changed_files"] != 1.0 {
		t.Errorf("shown as %v", shown)
	}
	r.pushed(branch, map[string]string{"notes.txt": "ours\n"})
	if after := r.want(200, "GET", path, nil); at(t, after, "head.sha") != head["sha"] {
		t.Error("a push to our branch moved the fork's pull request")
	}
	for query, want := range map[string]int{"head=acme:" + branch: 0, "head=eve:" + branch: 1} {
		if got := r.do("GET", "/pulls?state=all&"+query, nil); strings.Count(string(got.body), `"number"`) < want || want == 0 && strings.TrimSpace(string(got.body)) != "[]" {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	r.want(403, "PUT", path+"/update-branch", map[string]any{})
	if err := r.DeleteBranch(ctx, "acme", branch); err != nil {
		t.Fatal(err)
	}
	if err := r.DeleteFork(ctx, n); err != nil {
		t.Fatal(err)
	}
	gone := r.want(200, "GET", path, nil)
	if gone["state"] != "open" || at(t, gone, "head").(map[string]any)["repo"] != nil || at(t, gone, "head.sha") != head["sha"] {
		t.Errorf("after the fork is gone: %v", gone)
	}
	if err := r.DeleteFork(ctx, n+1); err == nil {
		t.Error("a fork that is none was deleted")
	}
	r.clean()
}
