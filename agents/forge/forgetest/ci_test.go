package forgetest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// checkRun gives the latest check of a name on a commit, as the API shows it.
func (r *rig) checkRun(sha, name string) map[string]any {
	r.t.Helper()
	got := r.want(200, "GET", "/commits/"+sha+"/check-runs?check_name="+name, nil)
	if at(r.t, got, "total_count") != 1.0 {
		r.t.Fatalf("check runs named %s: %v", name, got)
	}
	return at(r.t, got, "check_runs.0").(map[string]any)
}

// log fetches the log of a job as GitHub wants it: the redirect is followed without the token.
func (r *rig) log(job string) string {
	r.t.Helper()
	moved := r.do("GET", "/actions/jobs/"+job+"/logs", nil)
	if moved.status != http.StatusFound || len(moved.body) > 0 {
		r.t.Fatalf("log: status %d: %s", moved.status, moved.body)
	}
	req := r.request("GET", moved.header.Get("Location"), nil)
	req.Header.Del("Authorization")
	got, err := r.send(req)
	if err != nil || got.status != http.StatusOK {
		r.t.Fatalf("log: status %d: %v: %s", got.status, err, got.body)
	}
	return string(got.body)
}

func TestPushOfABreakTurnsTheCheckRedWithItsLog(t *testing.T) {
	r := newRig(t, nil)
	n, head := r.opened("topic", map[string]string{"greet.txt": "bye\n"}, "")
	r.idle()
	red := r.checkRun(head, "test")
	if red["status"] != "completed" || red["conclusion"] != "failure" || red["head_sha"] != head {
		t.Fatalf("check: %v", red)
	}
	for path, want := range map[string]string{
		"output.title": "test failed", "output.summary": "`sh check.sh`: exit code 3", "output.text": "greet.txt:1: no hello here",
	} {
		if got := at(t, red, path).(string); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	log := r.log(id(red))
	for _, want := range []string{"Z ##[group]Run sh check.sh\n", "Z checking\n", "Z greet.txt:1: no hello here\n", "Z ##[error]Process completed with exit code 3.\n"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	notes := r.list("/check-runs/" + id(red) + "/annotations")
	if len(notes) != 2 || notes[0]["path"] != "greet.txt" || notes[0]["start_line"] != 1.0 || notes[0]["message"] != "no hello here" {
		t.Errorf("annotations: %v", notes)
	}
	if p, _ := r.Pull(n); p.Checks["test"] != "failure" {
		t.Errorf("checks: %v", p.Checks)
	}

	fixed := r.committed("topic", map[string]string{"greet.txt": "hello again\n"})
	r.idle()
	if green := r.checkRun(fixed, "test"); green["conclusion"] != "success" || !strings.Contains(r.log(id(green)), "Z fine\n") {
		t.Errorf("check after the repair: %v", green)
	}
	if still := r.checkRun(head, "test"); still["conclusion"] != "failure" {
		t.Errorf("the check of the broken commit changed: %v", still["conclusion"])
	}
	r.clean()
}

func TestCheckGoesFromQueuedOverInProgressToCompleted(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(o *Options) {
		o.TestCommand = nil
		o.Checks = []Check{
			{Name: "slow", Judge: func(sha string) (bool, string) {
				enter <- struct{}{}
				<-leave
				return true, ""
			}},
		}
		o.Dir = t.TempDir()
		go func() { <-enter; leave <- struct{}{} }() // the seed's
	})
	head := r.committed("topic", map[string]string{"notes.txt": "x"})
	<-enter
	running := r.checkRun(head, "slow")
	if running["status"] != "in_progress" || running["conclusion"] != nil || running["completed_at"] != nil {
		t.Errorf("while it runs: %v", running)
	}
	if got := r.do("GET", "/actions/jobs/"+id(running)+"/logs", nil); got.status != http.StatusNotFound {
		t.Errorf("log while it runs: status %d", got.status)
	}
	leave <- struct{}{}
	r.idle()
	if done := r.checkRun(head, "slow"); done["status"] != "completed" || done["conclusion"] != "success" {
		t.Errorf("at the end: %v", done)
	}
	r.clean()
}

func TestEachCheckStandsForItself(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.TestCommand = nil
		o.Checks = []Check{
			{Name: "test", Command: []string{"sh", "check.sh"}},
			{Name: "lint", Command: []string{"sh", "-c", "! grep -q three notes.txt"}},
		}
	})
	head := r.committed("topic", map[string]string{"greet.txt": "hello you\n"})
	r.idle()
	if got := r.checkRun(head, "test")["conclusion"]; got != "success" {
		t.Errorf("test: %v", got)
	}
	if got := r.checkRun(head, "lint")["conclusion"]; got != "failure" {
		t.Errorf("lint: %v", got)
	}
	run := at(t, r.want(200, "GET", "/actions/runs?head_sha="+head, nil), "workflow_runs.0").(map[string]any)
	if run["status"] != "completed" || run["conclusion"] != "failure" {
		t.Errorf("run: %v %v", run["status"], run["conclusion"])
	}
	r.clean()
}

func TestRerunMakesANewAttempt(t *testing.T) {
	var pass atomic.Bool
	r := newRig(t, func(o *Options) {
		o.TestCommand = nil
		o.Checks = []Check{
			{Name: "flaky", Judge: func(string) (bool, string) { return pass.Load(), "" }},
			{Name: "steady", Judge: func(string) (bool, string) { return true, "" }},
		}
	})
	head := r.committed("topic", map[string]string{"notes.txt": "x"})
	r.idle()
	first, steady := r.checkRun(head, "flaky"), r.checkRun(head, "steady")
	pass.Store(true)
	run := at(t, r.want(200, "GET", "/actions/runs?head_sha="+head, nil), "workflow_runs.0").(map[string]any)
	r.want(201, "POST", "/actions/runs/"+id(run)+"/rerun-failed-jobs", nil)
	r.idle()
	second := r.checkRun(head, "flaky")
	if second["conclusion"] != "success" || second["id"] == first["id"] {
		t.Errorf("second attempt: %v", second)
	}
	if r.checkRun(head, "steady")["id"] != steady["id"] {
		t.Error("the check that had passed ran again")
	}
	if all := r.want(200, "GET", "/commits/"+head+"/check-runs?filter=all", nil); all["total_count"] != 3.0 {
		t.Errorf("%v attempts in all, want 3", all["total_count"])
	}
	again := r.want(200, "GET", "/actions/runs/"+id(run), nil)
	if again["run_attempt"] != 2.0 || again["conclusion"] != "success" {
		t.Errorf("run: attempt %v, %v", again["run_attempt"], again["conclusion"])
	}
	r.want(403, "POST", "/actions/runs/"+id(run)+"/rerun-failed-jobs", nil)
	r.clean()
}

func TestCheckThatNeverEndsIsEnded(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.CILimit = 2 * time.Second
		o.TestCommand = []string{"sh", "-c", "echo begun; sleep 600"}
	})
	red := r.checkRun("main", "test")
	if red["conclusion"] != "failure" || !strings.Contains(at(t, red, "output.summary").(string), "wall limit") {
		t.Errorf("check: %v", red)
	}
	if log := r.log(id(red)); !strings.Contains(log, "begun") || !strings.Contains(log, "##[error]") {
		t.Errorf("log:\n%s", log)
	}
}

func TestCheckWhoseCommandDoesNotExistIsRed(t *testing.T) {
	r := newRig(t, func(o *Options) { o.TestCommand = []string{"no-such-program"} })
	if red := r.checkRun("main", "test"); red["conclusion"] != "failure" {
		t.Errorf("check: %v", red)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	s, err := New(t.Context(), Options{
		Dir: t.TempDir(), Owner: "acme", Repo: "greet", Token: token, TestCommand: []string{"sleep", "600"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seed(t.Context(), greeting, "Begin"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := s.Wait(context.Background(), func() bool { return false }); err == nil {
		t.Error("waiting on a closed forge succeeded")
	}
}

func TestTokenSentToTheStoreOfLogsIsNoticed(t *testing.T) {
	r := newRig(t, judged)
	elsewhere := httptest.NewServer(r.Server)
	defer elsewhere.Close()
	r.SetLogsURL(elsewhere.URL)
	moved := r.do("GET", "/actions/jobs/"+id(r.checkRun("main", "test"))+"/logs", nil)
	location := moved.header.Get("Location")
	if !strings.HasPrefix(location, elsewhere.URL) {
		t.Fatalf("location %s", location)
	}
	if got := r.do("GET", location, nil); got.status != http.StatusForbidden {
		t.Errorf("status %d", got.status)
	}
	if got := r.do("GET", strings.Replace(location, "sig=", "sig=0", 1), nil); got.status != http.StatusForbidden {
		t.Errorf("forged address: status %d", got.status)
	}
	if odd := r.Unexpected(); len(odd) != 2 {
		t.Errorf("unexpected: %q", odd)
	}
}

func TestAnnotationsPointToFilesOfTheCommit(t *testing.T) {
	files := []string{"a/x.go", "b/x.go", "b/y_test.go", "main.py"}
	log := strings.Join([]string{
		"    y_test.go:12: got 3, want 4", // Go names no folder
		"    x.go:1: which of them?",
		"./a/x.go:3:5: undefined: y",
		"main.py:7: SyntaxError",
		"https://example.com:80: is no file",
		"other.go:1: is not of this commit",
	}, "\n")
	var got []string
	for _, a := range annotate([]byte(log), files) {
		got = append(got, fmt.Sprintf("%s:%d %s", a.path, a.line, a.message))
	}
	want := "b/y_test.go:12 got 3, want 4, a/x.go:3 undefined: y, main.py:7 SyntaxError, .github:1 Process completed with a failure."
	if strings.Join(got, ", ") != want {
		t.Errorf("annotations\n%s, want\n%s", strings.Join(got, ", "), want)
	}
}

func FuzzAnnotationsStayWithinTheCommit(f *testing.F) {
	f.Add([]byte("    x.go:1: boom\n"))
	f.Add([]byte("../../x.go:99999999: far\nx.go:3:4: near\r\n"))
	f.Add([]byte("\xff:1: \x00"))
	f.Fuzz(func(t *testing.T, log []byte) {
		list := annotate(log, []string{"dir/x.go", "README.md"})
		if len(list) == 0 || len(list) > mostAnnotations {
			t.Fatalf("%d annotations", len(list))
		}
		for _, a := range list {
			if a.path != "dir/x.go" && a.path != "README.md" && a.path != ".github" {
				t.Errorf("path %q", a.path)
			}
		}
	})
}

func TestACommitThatAsksForNoCIGetsNone(t *testing.T) {
	r := newRig(t, nil)
	sha, err := r.PushAsPerson(t.Context(), "quiet", map[string][]byte{"greet.txt": []byte("hello\n")}, "Say hello\n\n[skip ci]")
	if err != nil {
		t.Fatal(err)
	}
	r.idle()
	if got := r.want(200, "GET", "/commits/"+sha+"/check-runs", nil); at(t, got, "total_count") != 0.0 {
		t.Errorf("checks of a commit with [skip ci]: %v", got)
	}
}
