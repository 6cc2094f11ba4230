package forgetest

import (
	"net/http"
	"strings"
	"testing"
)

func TestWhatNoClientShouldSendIsRefusedAndWrittenDown(t *testing.T) {
	r := newRig(t, judged)
	plain := func(method, path, body string, change func(*http.Request)) *http.Request {
		req := r.request(method, path, nil)
		if body != "" {
			var err error
			if req, err = http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body)); err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "token "+token)
		}
		if change != nil {
			change(req)
		}
		return req
	}
	for _, c := range []struct {
		name    string
		request *http.Request
		status  int
		noted   string
	}{
		{"unknown route", plain("GET", api("/stargazers"), "", nil), 404, "no such route"},
		{"unknown method", plain("DELETE", api("/issues/1"), "", nil), 404, "no such route"},
		{"another repository", plain("GET", "/api/v3/repos/acme/other/issues", "", nil), 404, "no such repository"},
		{"unknown parameter", plain("GET", api("/issues?milestones=1"), "", nil), 200, `unknown parameter "milestones"`},
		{"unknown field", plain("POST", api("/issues"), `{"title":"T","colour":"red"}`, nil), 422, "colour"},
		{"no JSON", plain("POST", api("/issues"), `{"title":`, nil), 400, ""},
		{"no credentials", plain("GET", api("/issues"), "", func(r *http.Request) { r.Header.Del("Authorization") }), 401, "no credentials"},
		{"wrong credentials", plain("GET", api("/issues"), "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer no") }), 401, "bad credentials"},
		{"no user agent", plain("GET", api("/issues"), "", func(r *http.Request) { r.Header["User-Agent"] = []string{""} }), 403, "no User-Agent"},
		{"graphql by GET", plain("GET", "/api/graphql", "", nil), 404, "404"},
		{"unknown field of the graph", plain("POST", "/api/graphql", `{"query":"{ viewer { shoeSize } }"}`, nil), 200, "shoeSize"},
		{"missing variable", plain("POST", "/api/graphql", `{"query":"query($n: Int!) { repository(owner: \"a\", name: \"b\") { issue(number: $n) { id } } }"}`, nil), 200, "must be defined"},
		{"log without a signature", plain("GET", "/_logs/1", "", nil), 403, "no such log"},
		{"git with a bearer token", plain("GET", "/acme/greet.git/info/refs?service=git-upload-pack", "", nil), 401, "bad credentials for git"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(r.Unexpected())
			got, err := r.send(c.request)
			if err != nil || got.status != c.status {
				t.Fatalf("status %d, want %d: %v: %s", got.status, c.status, err, got.body)
			}
			noted := strings.Join(r.Unexpected()[before:], "; ")
			if c.noted == "" && noted != "" || !strings.Contains(noted, c.noted) {
				t.Errorf("written down: %q, want %q", noted, c.noted)
			}
			if strings.Contains(noted, token) {
				t.Errorf("the token stands in %q", noted)
			}
		})
	}
	if got := r.Mutations(); got[len(got)-1].Kind != "push" {
		t.Errorf("something was changed: %v", got[len(got)-1])
	}
}

func TestPagesAreLinked(t *testing.T) {
	r := newRig(t, judged)
	for _, title := range []string{"1", "2", "3", "4", "5"} {
		if _, err := r.AddIssue(Issue{Title: title}); err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	for path := "/issues?per_page=2&direction=asc"; path != ""; {
		got := r.do("GET", path, nil)
		for _, i := range r.list(path) {
			seen = append(seen, i["title"].(string))
		}
		path = ""
		for link := range strings.SplitSeq(got.header.Get("Link"), ", ") {
			if address, next := strings.CutSuffix(link, `>; rel="next"`); next {
				path = strings.TrimPrefix(address, "<")
			}
		}
	}
	if got := strings.Join(seen, " "); got != "1 2 3 4 5" {
		t.Errorf("seen by following the links: %s", got)
	}
	r.clean()
}

func TestTicketsAreListedWithPullRequestsAndFiltered(t *testing.T) {
	r := newRig(t, judged)
	walking := r.AddMilestone("Walking", r.start)
	for _, i := range []Issue{
		{Title: "a", Milestone: walking, Labels: []string{"bug"}},
		{Title: "b", Labels: []string{"Bug", "big"}, Author: "ana", Association: "MEMBER"},
		{Title: "c", Milestone: walking, Author: "eve"},
	} {
		if _, err := r.AddIssue(i); err != nil {
			t.Fatal(err)
		}
	}
	r.opened("topic", map[string]string{"notes.txt": "x"}, "")
	if err := r.CloseIssue("acme", 3); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"": "Change topic b a", "?state=all": "Change topic c b a", "?state=closed": "c", "?milestone=1&state=all": "c a",
		"?milestone=none": "Change topic b", "?milestone=*": "a", "?labels=bug": "b a", "?labels=bug,big": "b", "?creator=ana": "b",
		"?assignee=*": "", "?since=2099-01-01T00:00:00Z": "",
	} {
		var got []string
		for _, i := range r.list("/issues" + query) {
			got = append(got, i["title"].(string))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	if got := r.want(200, "GET", "/issues/2", nil); got["author_association"] != "MEMBER" || at(t, got, "user.login") != "ana" {
		t.Errorf("issue: %v by %v", got["author_association"], at(t, got, "user.login"))
	}
	if got := r.want(200, "GET", "/issues/4", nil); got["pull_request"] == nil {
		t.Error("the pull request does not say that it is one")
	}
	r.want(422, "GET", "/issues?milestone=9", nil)
	r.clean()
}

func TestTextsAndNamesThatGitHubRefusesAreRefused(t *testing.T) {
	r := newRig(t, judged)
	if _, err := r.AddIssue(Issue{Title: "One", Labels: []string{"bug"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"POST", "/issues", map[string]any{"title": " "}, 422},
		{"POST", "/issues", map[string]any{"title": "T", "milestone": 7}, 422},
		{"PATCH", "/issues/1", map[string]any{"state": "done"}, 422},
		{"PATCH", "/issues/9", map[string]any{"title": "T"}, 404},
		{"POST", "/issues/1/comments", map[string]any{"body": ""}, 422},
		{"POST", "/issues/1/comments", map[string]any{"body": strings.Repeat("ä", mostText+1)}, 422},
		{"POST", "/issues/9/comments", map[string]any{"body": "x"}, 404},
		{"PATCH", "/issues/comments/9", map[string]any{"body": "x"}, 404},
		{"POST", "/labels", map[string]any{"name": "BUG", "color": "ffffff"}, 422},
		{"POST", "/labels", map[string]any{"name": "new", "color": "#ffffff"}, 422},
		{"POST", "/labels", map[string]any{"name": strings.Repeat("l", 51)}, 422},
		{"DELETE", "/issues/1/labels/other", nil, 404},
		{"GET", "/milestones/1", nil, 404},
		{"GET", "//users/nobody", nil, 404},
		{"GET", "/assignees/nobody", nil, 404},
		{"GET", "/branches/main/protection", nil, 404},
		{"GET", "/commits/ghost/check-runs", nil, 422},
		{"GET", "/compare/main...ghost", nil, 404},
		{"GET", "/check-runs/1", nil, 404},
		{"GET", "/actions/runs/1", nil, 404},
	} {
		if got := r.do(c.method, c.path, c.body); got.status != c.status {
			t.Errorf("%s %s %v: status %d, want %d: %s", c.method, c.path, c.body, got.status, c.status, got.body)
		}
	}
	if i, _ := r.Issue(1); len(i.Comments) != 0 || !i.Open || len(r.list("/issues?state=all")) != 1 {
		t.Errorf("something was changed: %+v", i)
	}
	r.clean()
}

func TestPageShowsThePullRequestToAPerson(t *testing.T) {
	r := newRig(t, judged)
	n, _ := r.opened("topic", map[string]string{"notes.txt": "one\n<script>\n"}, "## Why\nBecause.")
	if n != 1 {
		t.Fatal(n)
	}
	req := r.request("GET", "/acme/greet/pull/1", nil)
	req.Header.Del("Authorization")
	got, err := r.send(req)
	if err != nil || got.status != http.StatusOK {
		t.Fatalf("status %d: %v", got.status, err)
	}
	for _, want := range []string{"Change topic", "Because.", "notes.txt", "&#43;&lt;script&gt;"} {
		if !strings.Contains(string(got.body), want) {
			t.Errorf("the page lacks %q:\n%s", want, got.body)
		}
	}
	if got := r.do("GET", r.checkRun("main", "test")["html_url"].(string), nil); !strings.Contains(string(got.body), "Z fine\n") {
		t.Errorf("the page of the job: %s", got.body)
	}
	if got := r.do("GET", r.url+"/acme/greet/pull/9", nil); got.status != http.StatusNotFound {
		t.Errorf("no such pull request: status %d", got.status)
	}
	r.clean()
}

func FuzzRoutesAreFoundWithoutHarm(f *testing.F) {
	f.Add("GET", "/api/v3/repos/acme/greet/branches/lightsout%2F1-x/protection")
	f.Add("GET", "/api/v3/repos/acme/greet/compare/main...a%20b/c")
	f.Add("POST", "/api/v3/repos/acme/greet/issues/comments/%zz")
	f.Add("GET", "/api/v3//")
	f.Fuzz(func(t *testing.T, verb, path string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://forge"+path, nil)
		if err != nil {
			return
		}
		req.Method = verb
		if rt, known := find(req); known && !strings.HasPrefix(rt.pattern, verb+" ") {
			t.Errorf("%s %s is taken for %s", verb, path, rt.pattern)
		}
	})
}
