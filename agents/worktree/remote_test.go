package worktree

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lightsout/agents/process"
)

const canary = "ghp_canaryTokenThatMustNotLeave"

func TestPushMovesTheBranchOnlyFromWhereTheLeaseSays(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	ctx, m := t.Context(), w.mirror
	const branch = "lightsout/31-fix"
	path, base := w.add()
	writeFiles(t, path, map[string]string{"a.txt": "two\n"})
	first := w.take(path)
	writeFiles(t, path, map[string]string{"a.txt": "three\n"})
	second := w.take(path)

	if err := m.Push(ctx, branch, first, ""); err != nil {
		t.Fatal(err)
	}
	if err := m.Push(ctx, branch, first, ""); err != nil {
		t.Errorf("a repeated push, whose first reply was lost: %v", err)
	}
	if sha, ok, err := m.Remote(ctx, branch); sha != first || !ok || err != nil {
		t.Errorf("the remote has %s %t %v", sha, ok, err)
	}
	for _, lease := range []string{"", base, second[:39] + "0"} {
		var rejected *PushRejected
		if err := m.Push(ctx, branch, second, lease); !errors.As(err, &rejected) {
			t.Fatalf("push with lease %q: %v", lease, err)
		}
		if want := (PushRejected{Branch: branch, Want: lease, Have: first}); *rejected != want {
			t.Errorf("rejected as %+v, want %+v", *rejected, want)
		}
	}
	if err := m.Push(ctx, branch, second, first); err != nil {
		t.Error(err)
	}
	if err := m.Push(ctx, branch, base, second); err != nil {
		t.Errorf("a push that rewinds our own branch under its lease: %v", err)
	}
	if err := m.DeleteRemote(ctx, branch, second); err == nil {
		t.Error("a branch was deleted that had moved")
	}
	for range 2 {
		if err := m.DeleteRemote(ctx, branch, base); err != nil {
			t.Error(err)
		}
	}
	if _, ok, err := m.Remote(ctx, branch); ok || err != nil {
		t.Errorf("after its deletion the branch is there: %t %v", ok, err)
	}
}

func TestOfTwoRacingPushesOneIsRejected(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	const branch = "lightsout/31-fix"
	var heads []string
	for _, content := range []string{"mine\n", "yours\n"} {
		heads = append(heads, w.personPushes("tmp-"+strings.TrimSpace(content), map[string]string{"a.txt": content}))
	}
	w.fetch()
	mirrors := []*Mirror{w.mirror, w.open("other.git")}
	if err := mirrors[1].Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 2)
	var racers sync.WaitGroup
	for i := range 2 {
		racers.Go(func() { errs[i] = mirrors[i].Push(t.Context(), branch, heads[i], "") })
	}
	racers.Wait()
	winner := 0
	if errs[0] != nil {
		winner = 1
	}
	var rejected *PushRejected
	if errs[winner] != nil || !errors.As(errs[1-winner], &rejected) || rejected.Have != heads[winner] {
		t.Errorf("the race ended with %v and %v", errs[0], errs[1])
	}
}

func TestPushTouchesNoBranchThatIsNotOurs(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	other := w.personPushes("feature", map[string]string{"a.txt": "two\n"})
	w.fetch()
	base := w.resolve("main")
	for _, branch := range []string{"main", "feature", "lightsout/", "lightsout/fix", "lightsout/-x", "lightsout/1-", "lightsout/1-a..b",
		"lightsout/1-a:refs/heads/main", "+lightsout/1-a", "lightsout/1-a b", "-f", ""} {
		mustBe(t, w.mirror.Push(t.Context(), branch, other, base), ErrNotOurs)
		mustBe(t, w.mirror.DeleteRemote(t.Context(), branch, base), ErrNotOurs)
	}
	if got, _, err := w.mirror.Remote(t.Context(), "main"); got != base || err != nil {
		t.Errorf("main is at %s, %v", got, err)
	}
}

func TestAServerThatDeclinesIsNotALostRace(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	hook := filepath.Join(w.remote, "hooks", "pre-receive")
	writeFiles(t, w.remote, map[string]string{"hooks/pre-receive": "#!/bin/sh\necho protected branch >&2\nexit 1\n"})
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	err := w.mirror.Push(t.Context(), "lightsout/1-x", w.resolve("main"), "")
	var rejected *PushRejected
	if err == nil || errors.As(err, &rejected) || !strings.Contains(err.Error(), "protected branch") {
		t.Errorf("got %v", err)
	}
}

func TestTheBranchOfATicketIsFoundUnderItsOldTitle(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	old := Branch(31, "Fix the frobnicator")
	sha := w.personPushes(old, map[string]string{"a.txt": "two\n"})
	for _, other := range []string{"lightsout/310-x", "lightsout/3-x", "a/lightsout/31-x", "31-x"} {
		w.personPushes(other, map[string]string{"a.txt": other})
	}
	branch, got, ok, err := w.mirror.FindBranch(t.Context(), 31)
	if branch != old || got != sha || !ok || err != nil {
		t.Errorf("found %q at %s: %t %v", branch, got, ok, err)
	}
	if branch, _, ok, err := w.mirror.FindBranch(t.Context(), 1); ok || err != nil {
		t.Errorf("found %q for a ticket without one: %v", branch, err)
	}
	w.personPushes("lightsout/31-a-second", map[string]string{"a.txt": "x"})
	if branch, _, _, err := w.mirror.FindBranch(t.Context(), 31); branch != "lightsout/31-a-second" || err != nil {
		t.Errorf("of two it is %q, %v", branch, err)
	}
}

func TestFetchFollowsTheRemote(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	w.personPushes("gone", map[string]string{"a.txt": "two\n"})
	w.fetch()
	w.resolve("gone")
	w.git(w.remote, "branch", "--quiet", "-D", "gone")
	rewritten := w.personCommits("main", "", map[string]string{"a.txt": "a new beginning\n"})
	w.fetch()
	if got := w.resolve("main"); got != rewritten {
		t.Errorf("main is at %s after a force-push to %s", got, rewritten)
	}
	_, err := w.mirror.Resolve(t.Context(), "gone")
	mustBe(t, err, ErrNoRevision)
}

func TestFetchHealsAfterAGitThatWasKilled(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	lock := filepath.Join(w.mirror.Dir(), "refs/remotes/origin/main.lock")
	writeFiles(t, filepath.Dir(lock), map[string]string{"main.lock": "x"})
	head := w.personPushes("main", map[string]string{"a.txt": "two\n"})
	if err := w.mirror.Fetch(t.Context()); err == nil {
		t.Fatal("a lock that may be held was ignored")
	}
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(lock, past, past); err != nil {
		t.Fatal(err)
	}
	w.fetch()
	if got := w.resolve("main"); got != head {
		t.Errorf("main is at %s, want %s", got, head)
	}
}

func TestWaitingForTheMirrorEndsWithTheContext(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	release, err := w.mirror.hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.mirror.Fetch(ctx) }()
	if _, err := w.mirror.Tree(t.Context(), "main"); err != nil {
		t.Errorf("a question waited for the lock: %v", err)
	}
	cancel()
	mustBe(t, <-done, context.Canceled)
	release()
	w.fetch()
}

// echo is a server that puts the secret it was sent into everything it answers.
func echo(t *testing.T, seen chan<- string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		auth := r.Header.Get("Authorization")
		seen <- auth
		decoded, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(auth, "Basic "))
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.WriteHeader(http.StatusForbidden)
		rw.Write([]byte("bad token " + auth + " " + string(decoded) + "\n"))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestTheTokenReachesTheRemoteAndNothingElse(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	sha := w.resolve("main")
	seen := make(chan string, 100)
	server := echo(t, seen)
	argv := filepath.Join(w.dir, "argv")
	bin := filepath.Join(w.dir, "bin")
	gitPath := w.git("", "--exec-path") + "/git"
	writeFiles(t, bin, map[string]string{"git": "#!/bin/sh\nprintf '%s\\n' \"$@\" >>" + argv + "\nexec " + gitPath + " \"$@\"\n"})
	if err := os.Chmod(filepath.Join(bin, "git"), 0o755); err != nil {
		t.Fatal(err)
	}
	o := w.options("mirror.git") // the same mirror, whose remote has moved to the server
	o.URL, o.Path, o.Token = server.URL+"/o/r.git", bin+":"+o.Path, func() string { return canary }
	m, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + canary))
	_, _, remoteErr := m.Remote(t.Context(), "main")
	for what, err := range map[string]error{
		"fetch": m.Fetch(t.Context()), "ls-remote": remoteErr, "push": m.Push(t.Context(), "lightsout/1-x", sha, ""),
	} {
		if err == nil || !strings.Contains(err.Error(), "bad token") {
			t.Fatalf("%s: the server's words did not come back: %v", what, err)
		}
		var exit *process.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("%s: %T", what, err)
		}
		for _, text := range append(exit.Args, err.Error(), exit.Stderr) {
			if strings.Contains(text, canary) || strings.Contains(text, encoded) {
				t.Errorf("%s: the token stands in %q", what, text)
			}
		}
	}
	close(seen)
	for auth := range seen {
		if auth != "Basic "+encoded {
			t.Errorf("the server was sent %q", auth)
		}
	}
	if content, err := os.ReadFile(argv); err != nil || len(content) == 0 || strings.Contains(string(content), encoded) || strings.Contains(string(content), canary) {
		t.Errorf("command lines: %v\n%s", err, content)
	}
	for name, content := range readTree(t, w.dir) {
		if strings.Contains(content, canary) || strings.Contains(content, encoded) {
			t.Errorf("the token was written to %s", name)
		}
	}
}

func TestARedirectDoesNotCarryTheTokenAway(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	seen := make(chan string, 100)
	thief := echo(t, seen)
	server := httptest.NewServer(http.RedirectHandler(strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)+"/o/r.git/info/refs?service=git-upload-pack", http.StatusMovedPermanently))
	defer server.Close()
	o := w.options("other.git")
	o.URL, o.Token = server.URL+"/o/r.git", func() string { return canary }
	m, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Fetch(t.Context()); err == nil {
		t.Error("a redirect was followed")
	}
	close(seen)
	for auth := range seen {
		t.Errorf("the other host was asked, with %q", auth)
	}
}

func TestOpenRefusesWhatWouldLeakOrMislead(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	for name, change := range map[string]func(*Options){
		"a password in the URL": func(o *Options) { o.URL = "https://x-access-token:" + canary + "@example.com/o/r.git" },
		"a token as the user":   func(o *Options) { o.URL = "https://" + canary + "@example.com/o/r.git" },
		"an option as the URL":  func(o *Options) { o.URL = "--upload-pack=touch x" },
		"no clock":              func(o *Options) { o.Now = nil },
		"no author":             func(o *Options) { o.AuthorName = "" },
		"a name of two lines":   func(o *Options) { o.AuthorName = "x\n[core]" },
	} {
		o := w.options("never.git")
		change(&o)
		_, err := Open(t.Context(), o)
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "never.git")); err == nil {
		t.Error("a refused mirror was made")
	}
}

func TestOpenPutsBackAChangedConfiguration(t *testing.T) {
	w := newWorld(t, map[string]string{"a.txt": "one\n"})
	config := filepath.Join(w.mirror.Dir(), "config")
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	w.git(w.mirror.Dir(), "config", "remote.origin.url", "/elsewhere")
	w.mirror = w.open("mirror.git")
	if after, err := os.ReadFile(config); err != nil || string(after) != string(before) {
		t.Errorf("%v\n%s", err, after)
	}
	w.fetch()
}
