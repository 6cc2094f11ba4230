package forge

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// asked is one request as a host saw it.
type asked struct{ url, authorization, agent string }

// hosts is a network: what each host answers, and what it was asked.
type hosts struct {
	answers map[string]http.HandlerFunc // by scheme://host
	seen    []asked
}

func (h *hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	h.seen = append(h.seen, asked{req.URL.String(), req.Header.Get("Authorization"), req.Header.Get("User-Agent")})
	answer, ok := h.answers[origin(req.URL)]
	if !ok {
		return nil, fmt.Errorf("no such host: %s", req.URL.Host)
	}
	return inProcess{answer}.RoundTrip(req)
}

func redirect(to string) http.HandlerFunc { return says(http.StatusFound, ``, "Location", to) }

func TestTheTokenGoesToGitHubsOwnAddressAndNowhereElse(t *testing.T) {
	const sha = `{"object":{"sha":"abc"}}`
	for _, test := range []struct {
		name    string
		options func(*Options)
		via     []string // each redirects to the next, the last one answers
		token   []bool
	}{
		{"github.com", nil, []string{"https://api.github.com"}, []bool{true}},
		{"redirect to another host", nil, []string{"https://api.github.com", "https://evil.example"}, []bool{true, false}},
		{"redirect to a host that begins alike", nil, []string{"https://api.github.com", "https://api.github.com.evil.example"}, []bool{true, false}},
		{"redirect to another port", nil, []string{"https://api.github.com", "https://api.github.com:8443"}, []bool{true, false}},
		{"redirect to plain http", nil, []string{"https://api.github.com", "http://api.github.com"}, []bool{true, false}},
		{"redirect away and back", nil, []string{"https://api.github.com", "https://evil.example", "https://api.github.com"}, []bool{true, false, true}},
		{"enterprise", func(o *Options) { o.RESTURL = "https://ghe.example:8443/api/v3/" }, []string{"https://ghe.example:8443"}, []bool{true}},
		{"enterprise to github.com", func(o *Options) { o.RESTURL = "https://ghe.example/api/v3" },
			[]string{"https://ghe.example", "https://api.github.com"}, []bool{true, false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			network := &hosts{answers: map[string]http.HandlerFunc{}}
			visits := map[string]int{}
			for i, host := range test.via {
				network.answers[host] = func(w http.ResponseWriter, r *http.Request) {
					at := i
					if host == test.via[0] && visits[host] == 0 {
						at = 0
					}
					visits[host]++
					if at == len(test.via)-1 {
						says(200, sha)(w, r)
						return
					}
					redirect(test.via[at+1]+"/elsewhere")(w, r)
				}
			}
			o := Options{HTTP: &http.Client{Transport: network}, Owner: "o", Repo: "r", Board: Board{Kind: "labels"}, Token: func() string { return "secret" }}
			if test.options != nil {
				test.options(&o)
			}
			c, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Branch(t.Context(), "main"); err != nil {
				t.Fatal(err)
			}
			if len(network.seen) != len(test.token) {
				t.Fatalf("asked %v, want %d requests", network.seen, len(test.token))
			}
			for i, want := range test.token {
				if got := network.seen[i].authorization == "Bearer secret"; got != want {
					t.Errorf("token sent to %s: %v, want %v", network.seen[i].url, got, want)
				}
				if network.seen[i].agent != userAgent {
					t.Errorf("user agent at %s is %q", network.seen[i].url, network.seen[i].agent)
				}
			}
		})
	}
}

func TestGraphQLCarriesTheTokenToItsOwnAddress(t *testing.T) {
	network := &hosts{answers: map[string]http.HandlerFunc{"https://graph.example": says(200, emptyProject)}}
	c, err := New(Options{HTTP: &http.Client{Transport: network}, RESTURL: "https://rest.example", GraphQLURL: "https://graph.example/q",
		Owner: "o", Repo: "r", Board: Board{Kind: "project", ProjectNumber: 1}, Token: func() string { return "secret" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := readBoard(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if want := (asked{"https://graph.example/q", "Bearer secret", userAgent}); len(network.seen) != 1 || network.seen[0] != want {
		t.Errorf("asked %v, want %v", network.seen, want)
	}
}

func TestARedirectedWriteIsDoneThereOrNotTakenForDone(t *testing.T) {
	const api = "https://api.github.com"
	for _, test := range []struct {
		status int
		want   string
	}{{307, "none"}, {308, "none"}, {301, "*forge.Refused 301"}, {302, "*forge.Refused 302"}} {
		network := &hosts{answers: map[string]http.HandlerFunc{api: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/repos/o/r/issues/7/comments" {
				says(test.status, ``, "Location", api+"/repositories/1/issues/7/comments")(w, r)
				return
			}
			if body, err := io.ReadAll(r.Body); r.Method != "POST" || !strings.Contains(string(body), "hello") {
				t.Errorf("%s %s with %q, %v", r.Method, r.URL, body, err)
			}
			says(201, `{}`)(w, r)
		}}}
		c, err := New(Options{HTTP: &http.Client{Transport: network}, Owner: "o", Repo: "r", Board: Board{Kind: "labels"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := comment(t.Context(), c); sortOf(err) != test.want {
			t.Errorf("after a %d: %v, want %s", test.status, err, test.want)
		}
	}
}

func TestTheTokenIsAskedForEachRequest(t *testing.T) {
	token := "first"
	network := &hosts{answers: map[string]http.HandlerFunc{"https://api.github.com": says(200, `{"object":{"sha":"abc"}}`)}}
	c, err := New(Options{HTTP: &http.Client{Transport: network}, Owner: "o", Repo: "r", Board: Board{Kind: "labels"}, Token: func() string { return token }})
	if err != nil {
		t.Fatal(err)
	}
	for _, token = range []string{"first", "second", ""} {
		if err := readBranch(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"Bearer first", "Bearer second", ""} {
		if got := network.seen[i].authorization; got != want {
			t.Errorf("authorization %d is %q, want %q", i, got, want)
		}
	}
}

func TestAJobLogIsFetchedWithoutTheTokenWhereverItLies(t *testing.T) {
	const api = "https://api.github.com"
	for _, home := range []string{"https://blob.example", api} {
		t.Run(home, func(t *testing.T) {
			network := &hosts{answers: map[string]http.HandlerFunc{}}
			network.answers["https://blob.example"] = says(200, "line 1\nline 2\nline 3\n")
			network.answers[api] = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/repos/o/r/actions/jobs/9/logs" {
					redirect(home+"/signed?sig=xyz")(w, r)
					return
				}
				network.answers["https://blob.example"](w, r)
			}
			c, err := New(Options{HTTP: &http.Client{Transport: network}, Owner: "o", Repo: "r", Board: Board{Kind: "labels"}, Token: func() string { return "secret" }})
			if err != nil {
				t.Fatal(err)
			}
			end, err := c.JobLog(t.Context(), Check{Name: "test", JobID: 9}, 10)
			if err != nil {
				t.Fatal(err)
			}
			if string(end) != " 2\nline 3\n" {
				t.Errorf("end of the log is %q", end)
			}
			if len(network.seen) != 2 || network.seen[0].authorization != "Bearer secret" || network.seen[1].authorization != "" {
				t.Errorf("asked %v, want the token at the first alone", network.seen)
			}
		})
	}
}

func TestALogThatCannotBeHadIsNotFoundAndTellsNoAddress(t *testing.T) {
	for _, test := range []struct {
		name string
		api  http.HandlerFunc
		blob http.HandlerFunc
	}{
		{"GitHub knows none", says(404, `{}`), nil},
		{"GitHub threw it away", says(410, `{}`), nil},
		{"the address has expired", redirect("https://blob.example/signed?sig=xyz"), says(403, `<Error/>`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			network := &hosts{answers: map[string]http.HandlerFunc{"https://api.github.com": test.api, "https://blob.example": test.blob}}
			c, err := New(Options{HTTP: &http.Client{Transport: network}, Owner: "o", Repo: "r", Board: Board{Kind: "labels"}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.JobLog(t.Context(), Check{Name: "test", JobID: 9}, 10)
			if sortOf(err) != "not found" || strings.Contains(err.Error(), "xyz") {
				t.Errorf("error is %v", err)
			}
		})
	}
	t.Run("the check is no job", func(t *testing.T) {
		s := newServer(t)
		if _, err := s.client(nil).JobLog(t.Context(), Check{Name: "lint"}, 10); sortOf(err) != "not found" || s.requests() != 0 {
			t.Errorf("asked %d times: %v", s.requests(), err)
		}
	})
}

func TestATroubleOfTheLogsHostIsTriedAgainFromGitHubsAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &hosts{answers: map[string]http.HandlerFunc{"https://api.github.com": redirect("https://blob.example/signed"),
			"https://blob.example": inTurn(says(503, ``), says(200, "log"))}}
		c, err := New(Options{HTTP: &http.Client{Transport: network}, Owner: "o", Repo: "r", Board: Board{Kind: "labels"}})
		if err != nil {
			t.Fatal(err)
		}
		if end, err := c.JobLog(t.Context(), Check{Name: "test", JobID: 9}, 10); err != nil || string(end) != "log" || len(network.seen) != 4 {
			t.Errorf("log is %q, %v after %d requests", end, err, len(network.seen))
		}
	})
}

func TestTheAddressOfALogIsInNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &hosts{answers: map[string]http.HandlerFunc{"https://api.github.com": redirect("https://down.example/signed?sig=xyz")}}
		c, err := New(Options{HTTP: &http.Client{Transport: network}, Owner: "o", Repo: "r", Board: Board{Kind: "labels"}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.JobLog(t.Context(), Check{Name: "test", JobID: 9}, 10)
		wantError[*Unreachable](t, err)
		if strings.Contains(err.Error(), "xyz") {
			t.Errorf("the error tells the signed address: %v", err)
		}
	})
}

// chunks is a reader that gives a little at a time.
type chunks struct {
	rest []byte
	size int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func FuzzTheEndOfALogIsItsEnd(f *testing.F) {
	f.Add([]byte("abcdef"), 3, 2)
	f.Add([]byte(""), 3, 1)
	f.Add([]byte("abc"), 0, 1)
	f.Add([]byte("abcdefghijklmnopqrstuvwxyz"), 5, 7)
	f.Fuzz(func(t *testing.T, log []byte, n, chunk int) {
		n, chunk = min(n, 1<<12), max(1, min(chunk, 64))
		got, err := readEnd(&chunks{log, chunk}, n)
		want := log[len(log)-max(0, min(n, len(log))):]
		if err != nil || string(got) != string(want) {
			t.Errorf("end of %q by %d is %q, %v, want %q", log, n, got, err, want)
		}
	})
}

func TestOptionsThatCannotWorkAreRefusedWithTheirName(t *testing.T) {
	good := Options{Owner: "o", Repo: "r", Board: Board{Kind: "labels"}}
	for _, test := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no repository", func(o *Options) { o.Repo = "" }, "owner and repo"},
		{"address without scheme", func(o *Options) { o.RESTURL, o.GraphQLURL = "ghe.example/api/v3", "https://ghe.example/api/graphql" }, "rest url"},
		{"address of another scheme", func(o *Options) { o.RESTURL = "ftp://ghe.example/api/v3" }, "rest url"},
		{"graphql cannot be derived", func(o *Options) { o.RESTURL = "https://ghe.example/v9" }, "graphql url must be set"},
		{"graphql malformed", func(o *Options) { o.GraphQLURL = "https://%zz" }, "graphql url"},
		{"no kind of board", func(o *Options) { o.Board.Kind = "" }, `want "project" or "labels"`},
		{"project without number", func(o *Options) { o.Board.Kind = "project" }, "needs the project's number"},
		{"column that is none of ours", func(o *Options) { o.Board.Columns = map[string]string{"Backlog": "x"} }, `"Backlog"`},
		{"column without a name", func(o *Options) { o.Board.Columns = map[string]string{Todo: ""} }, `"Todo"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := good
			test.change(&o)
			if _, err := New(o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q in it", err, test.want)
			}
		})
	}
	if _, err := New(good); err != nil {
		t.Errorf("the good options are refused: %v", err)
	}
}

func TestAddressesAreDerivedAsEnterpriseHasThem(t *testing.T) {
	for _, test := range []struct{ rest, graphQL, wantREST, wantGraphQL string }{
		{"", "", "https://api.github.com/", "https://api.github.com/graphql"},
		{"https://ghe.example/api/v3", "", "https://ghe.example/api/v3/", "https://ghe.example/api/graphql"},
		{"http://127.0.0.1:8080/api/v3/", "", "http://127.0.0.1:8080/api/v3/", "http://127.0.0.1:8080/api/graphql"},
		{"https://a.example", "https://b.example/q", "https://a.example/", "https://b.example/q"},
	} {
		rest, graph, err := endpoints(test.rest, test.graphQL)
		if err != nil || rest.String() != test.wantREST || graph.String() != test.wantGraphQL {
			t.Errorf("endpoints(%q, %q) = %v, %v, %v", test.rest, test.graphQL, rest, graph, err)
		}
	}
}

func TestTheClientItIsGivenStaysAsItWas(t *testing.T) {
	server := httptest.NewServer(says(200, `{"object":{"sha":"abc"}}`))
	defer server.Close()
	own := server.Client()
	before := *own
	c, err := New(Options{HTTP: own, RESTURL: server.URL + "/api/v3", Owner: "o", Repo: "r", Board: Board{Kind: "labels"}})
	if err != nil {
		t.Fatal(err)
	}
	if sha, err := c.Branch(t.Context(), "main"); err != nil || sha != "abc" {
		t.Fatalf("branch over a socket: %q, %v", sha, err)
	}
	if own.Transport != before.Transport || own.Timeout != before.Timeout {
		t.Error("the http.Client was changed")
	}
	own.CloseIdleConnections()
}
