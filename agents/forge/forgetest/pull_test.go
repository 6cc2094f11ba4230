package forgetest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestPushOverHTTPMovesThePullRequestHead(t *testing.T) {
	r := newRig(t, nil)
	n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	if got := r.want(200, "GET", fmt.Sprintf("/pulls/%d", n), nil); at(t, got, "head.sha") != head {
		t.Fatalf("head is %v, want %s", at(t, got, "head.sha"), head)
	}
	moved := r.pushed("topic", map[string]string{"notes.txt": "one\ntwo\n"})
	if got := r.want(200, "GET", fmt.Sprintf("/pulls/%d", n), nil); at(t, got, "head.sha") != moved {
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

func TestPushWithoutTheTokenIsRefused(t *testing.T) {
	r := newRig(t, nil)
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
