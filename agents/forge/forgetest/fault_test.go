package forgetest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestReplyIsLostAfterTheCommit(t *testing.T) {
	r := newRig(t, judged)
	r.committed("topic", map[string]string{"notes.txt": "one\n"})
	r.Fault(Fault{Kind: DropAfter, Write: "pull.create"})
	body := map[string]any{"title": "T", "head": "topic", "base": "main"}
	if got, err := r.send(r.request("POST", api("/pulls"), body)); err == nil {
		t.Fatalf("an answer came: %d", got.status)
	}
	if pulls := r.Pulls(); len(pulls) != 1 || !pulls[0].Open {
		t.Fatalf("pull requests: %v", pulls)
	}
	r.want(422, "POST", "/pulls", body) // it is there
	r.clean()
}

func TestConnectionBreaksBeforeAnythingIsDone(t *testing.T) {
	r := newRig(t, judged)
	r.committed("topic", map[string]string{"notes.txt": "one\n"})
	r.Fault(Fault{Kind: DropBefore, Method: "POST", Path: `/pulls$`})
	body := map[string]any{"title": "T", "head": "topic", "base": "main"}
	if got, err := r.send(r.request("POST", api("/pulls"), body)); err == nil {
		t.Fatalf("an answer came: %d", got.status)
	}
	if pulls := r.Pulls(); len(pulls) != 0 {
		t.Fatalf("pull requests: %v", pulls)
	}
	r.want(201, "POST", "/pulls", body)
	r.clean()
}

func TestPushIsLostAfterTheCommitToo(t *testing.T) {
	r := newRig(t, judged)
	r.Fault(Fault{Kind: DropAfter, Write: "push"})
	if _, err := r.push("topic", map[string]string{"a": "b"}, token); err == nil {
		t.Fatal("git saw nothing")
	}
	if r.Branches()["topic"] == "" {
		t.Error("the branch is not there")
	}
	r.clean()
}

func TestStatusFaultStrikesAsOftenAsItSays(t *testing.T) {
	r := newRig(t, judged)
	lift := r.Fault(Fault{Kind: Status, Path: `/issues$`, Skip: 1, Times: 2})
	var got []string
	for range 4 {
		got = append(got, strconv.Itoa(r.do("GET", "/issues", nil).status))
	}
	if rest, _ := r.Requests(); strings.Join(got, " ") != "200 502 502 200" || rest != 4 {
		t.Errorf("statuses %v of %d requests", got, rest)
	}
	lift()
	lift = r.Fault(Fault{Kind: Status, Status: 503, Body: `{"message":"busy"}`, Times: -1})
	for range 3 {
		if got := r.do("GET", "/issues", nil); got.status != 503 || string(got.body) != `{"message":"busy"}` {
			t.Errorf("status %d: %s", got.status, got.body)
		}
	}
	lift()
	r.want(200, "GET", "", nil)
	r.clean()
}

func TestStaleReadsShowTheWorldAsItWas(t *testing.T) {
	r := newRig(t, judged)
	n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	if n != 1 {
		t.Fatal(n)
	}
	r.Fault(Fault{Kind: Stale, Path: `/pulls/|/issues/|graphql`, Times: 4})
	moved := r.committed("topic", map[string]string{"notes.txt": "two\n"})
	second := r.want(201, "POST", "/issues", map[string]any{"title": "New"}) // writes are never stale
	seen := func() any { return at(t, r.want(200, "GET", "/pulls/1", nil), "head.sha") }
	if got := seen(); got != head {
		t.Errorf("first read: %v, want the old %s", got, head)
	}
	if got := r.do("GET", fmt.Sprintf("/issues/%v", second["number"]), nil); got.status != http.StatusNotFound {
		t.Errorf("what was just made: status %d", got.status)
	}
	query := `{ repository(owner: "acme", name: "greet") { pullRequest(number: 1) { headRefOid } } }`
	if data, _ := r.graphql(query, nil); at(t, data, "repository.pullRequest.headRefOid") != head {
		t.Errorf("graphql: %v", data)
	}
	if got := seen(); got != head {
		t.Errorf("fourth read: %v", got)
	}
	if got := seen(); got != moved {
		t.Errorf("when it is over: %v, want %s", got, moved)
	}
	r.want(200, "GET", fmt.Sprintf("/issues/%v", second["number"]), nil)
	r.clean()
}

func TestLatencyDelaysTheAnswer(t *testing.T) {
	r := newRig(t, judged)
	r.Fault(Fault{Kind: Latency, Delay: 80 * time.Millisecond})
	began := time.Now()
	r.want(200, "GET", "", nil)
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	r.clean()
}

func TestRateLimitsAreToldAsGitHubTellsThem(t *testing.T) {
	now := time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)
	r := newRig(t, func(o *Options) { judged(o); o.Now = func() time.Time { return now } })
	r.Fault(Fault{Kind: RateLimit, RetryAfter: 10 * time.Minute})
	got := r.do("GET", "/issues", nil)
	reset := strconv.FormatInt(now.Add(10*time.Minute).Unix(), 10)
	if got.status != 403 || got.header.Get("X-RateLimit-Remaining") != "0" || got.header.Get("X-RateLimit-Reset") != reset {
		t.Errorf("primary: %d %v", got.status, got.header)
	}
	r.Fault(Fault{Kind: Secondary, Status: 429, RetryAfter: 90 * time.Second})
	got = r.do("GET", "/issues", nil)
	if got.status != 429 || got.header.Get("Retry-After") != "90" || !strings.Contains(string(got.body), "secondary rate limit") {
		t.Errorf("secondary: %d %v %s", got.status, got.header, got.body)
	}
	r.clean()
}

func TestHourlyLimitIsEnforcedAndEnds(t *testing.T) {
	var hours atomic.Int64
	now := func() time.Time {
		return time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC).Add(time.Duration(hours.Load()) * time.Hour)
	}
	r := newRig(t, func(o *Options) { judged(o); o.RateLimit, o.Now = 2, now })
	left := func() string { return r.do("GET", "/labels", nil).header.Get("X-RateLimit-Remaining") }
	if a, b := left(), left(); a != "1" || b != "0" {
		t.Errorf("remaining %s, %s", a, b)
	}
	got := r.do("GET", "/labels", nil)
	if got.status != 403 || !strings.Contains(string(got.body), "API rate limit exceeded") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got := r.want(200, "GET", "//rate_limit", nil); at(t, got, "resources.core.remaining") != 0.0 {
		t.Errorf("rate limit: %v", got)
	}
	if _, errors := r.graphql(`{ viewer { login } }`, nil); errors != nil {
		t.Errorf("graphql has a limit of its own: %v", errors)
	}
	hours.Store(1)
	if got := left(); got != "1" {
		t.Errorf("an hour later: %s", got)
	}
	r.clean()
}

func TestUnchangedAnswerIs304AndCostsNothing(t *testing.T) {
	r := newRig(t, judged)
	if _, err := r.AddIssue(Issue{Title: "One"}); err != nil {
		t.Fatal(err)
	}
	first := r.do("GET", "/issues", nil)
	conditional := func() reply {
		req := r.request("GET", api("/issues"), nil)
		req.Header.Set("If-None-Match", first.header.Get("ETag"))
		got, err := r.send(req)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := conditional()
	if got.status != http.StatusNotModified || len(got.body) != 0 || got.header.Get("ETag") != first.header.Get("ETag") {
		t.Errorf("status %d, %v", got.status, got.header)
	}
	if a, b := first.header.Get("X-RateLimit-Remaining"), got.header.Get("X-RateLimit-Remaining"); a == "" || a != b {
		t.Errorf("remaining went from %s to %s", a, b)
	}
	if err := r.EditIssue("acme", 1, "Two", ""); err != nil {
		t.Fatal(err)
	}
	if got := conditional(); got.status != http.StatusOK || !strings.Contains(string(got.body), "Two") {
		t.Errorf("after a change: status %d", got.status)
	}
	r.clean()
}

func TestHookIsCalledAroundEveryWrite(t *testing.T) {
	r := newRig(t, judged)
	var calls notes
	r.OnWrite(func(n int, kind, phase string) {
		calls.add("%d %s %s %d", n, kind, phase, len(r.Pulls())) // the server is not locked
	})
	r.pushed("topic", map[string]string{"notes.txt": "one\n"})
	r.want(201, "POST", "/pulls", map[string]any{"title": "T", "head": "topic", "base": "main"})
	r.want(422, "POST", "/pulls", map[string]any{"title": "T", "head": "topic", "base": "main"})
	r.want(200, "GET", "/pulls/1", nil)
	if _, errors := r.graphql(`mutation { convertPullRequestToDraft(input: {pullRequestId: "nonsense"}) { clientMutationId } }`, nil); errors == nil {
		t.Error("nonsense was taken")
	}
	want := "1 push before 0, 1 push after 0, 2 pull.create before 0, 2 pull.create after 1, 3 pull.create before 1, 4 pull.draft before 1"
	if got := calls.String(); got != want {
		t.Errorf("calls\n%s, want\n%s", got, want)
	}
	r.clean()
}

func TestHookCanKeepAWriteFromBeingDone(t *testing.T) {
	r := newRig(t, judged)
	var crash atomic.Bool
	crash.Store(true)
	r.OnWrite(func(int, string, string) {
		if crash.Load() {
			panic(http.ErrAbortHandler)
		}
	})
	if _, err := r.send(r.request("POST", api("/issues"), map[string]any{"title": "T"})); err == nil {
		t.Error("an answer came")
	}
	if _, err := r.push("topic", map[string]string{"a": "b"}, token); err == nil {
		t.Error("the push was answered")
	}
	crash.Store(false)
	if _, there := r.Branches()["topic"]; there || len(r.list("/issues")) != 0 {
		t.Error("it was done")
	}
	r.clean()
}

func TestWriteOfAClientThatDiedIsNotDone(t *testing.T) {
	r := newRig(t, judged)
	ctx, die := context.WithCancel(t.Context())
	seen := make(chan struct{})
	r.OnWrite(func(_ int, _, phase string) {
		if phase == "before" {
			die()
			<-seen
		}
	})
	gone := make(chan struct{})
	watch := func(req *http.Request) { go func() { <-req.Context().Done(); close(seen) }() }
	r.witness.Store(&watch)
	go func() {
		defer close(gone)
		if _, err := r.send(r.request("POST", api("/issues"), map[string]any{"title": "T"}).WithContext(ctx)); err == nil {
			t.Error("an answer came")
		}
	}()
	<-gone
	r.witness.Store(nil)
	if r.Writes() != 1 || len(r.list("/issues")) != 0 {
		t.Errorf("%d writes, issues %v", r.Writes(), r.list("/issues"))
	}
	r.clean()
}

func TestHookCanPushBetweenDecisionAndMerge(t *testing.T) {
	r := newRig(t, judged)
	n, head := r.opened("topic", map[string]string{"notes.txt": "one\n"}, "")
	r.OnWrite(func(_ int, kind, phase string) {
		if kind == "pull.merge" && phase == "before" {
			r.committed("topic", map[string]string{"notes.txt": "two\n"})
		}
	})
	r.want(409, "PUT", fmt.Sprintf("/pulls/%d/merge", n), map[string]any{"sha": head})
	r.clean()
}

func TestRejectedPushIsNotCommitted(t *testing.T) {
	r := newRig(t, judged)
	r.pushed("topic", map[string]string{"notes.txt": "one\n"})
	var calls notes
	r.OnWrite(func(_ int, kind, phase string) { calls.add("%s %s", kind, phase) })
	remote := strings.Replace(r.url, "http://", "http://x:"+token+"@", 1) + "/acme/greet.git"
	dir := t.TempDir()
	r.git("", "clone", "--quiet", r.GitDir(), dir)
	r.committed("topic", map[string]string{"notes.txt": "two\n"})
	if _, err := r.tryGit(dir, "push", "--quiet", remote, "main:topic"); err == nil {
		t.Error("the push went through")
	}
	if got := calls.String(); strings.Contains(got, "after") {
		t.Errorf("calls: %s", got)
	}
	r.clean()
}
