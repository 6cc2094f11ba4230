package agents

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lightsout/store"
)

const hookSecret = "what-both-sides-know"

// receiver is staging as a service of somebody else: it takes signed webhooks, says how deployments go, and names the
// commit that it runs.
type receiver struct {
	mutex  sync.Mutex
	bodies []string // of every call
	keys   map[string]int
	forged int // calls whose signature does not fit

	hook   []int  // statuses of the calls to come; the last one stays
	follow string // address that a 202 names
	state  string // what that address says
	health func(w http.ResponseWriter)
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	switch r.URL.Path {
	case "/hook":
		s.bodies = append(s.bodies, string(body))
		if s.keys == nil {
			s.keys = map[string]int{}
		}
		s.keys[r.Header.Get("Idempotency-Key")]++
		if r.Method != http.MethodPost || r.Header.Get("X-Hub-Signature-256") != Signature(hookSecret, body) {
			s.forged++
		}
		status := s.hook[0]
		if len(s.hook) > 1 {
			s.hook = s.hook[1:]
		}
		if s.follow != "" {
			w.Header().Set("Location", s.follow)
		}
		w.WriteHeader(status)
	case "/deployments/1":
		fmt.Fprint(w, s.state)
	case "/health":
		s.health(w)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// says makes the health page say something.
func (s *receiver) says(status int, text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.health = func(w http.ResponseWriter) {
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

// custody is a journey with a receiver instead of the staging workflow.
func custody(t *testing.T, s *receiver, change func(*Staging), walk func(*rig)) {
	journey(t, nil, func(r *rig) {
		way := newWire(s)
		defer way.stop(r.t)
		r.factory.Settings.Staging = Staging{Webhook: "http://staging.invalid/hook", Secret: hookSecret, Limit: time.Hour, HealthLimit: 5 * time.Minute,
			HTTP: &http.Client{Transport: way}}
		if change != nil {
			change(&r.factory.Settings.Staging)
		}
		walk(r)
	})
}

func TestASignedWebhookIsToldOfAMergeOnceAndFollowedToItsEnd(t *testing.T) {
	s := &receiver{hook: []int{503, 429, 202}, follow: "/deployments/1", state: `{"state":"running"}`}
	custody(t, s, nil, func(r *rig) {
		ticket, pull := r.ready(1)
		r.approve(pull)
		for range 5 {
			r.land()
		}
		p := r.stands(pull, store.Landed, "")
		if p.Staging != stagingStarted {
			t.Errorf("staging %q", p.Staging)
		}
		s.mutex.Lock()
		if len(s.keys) != 1 || s.keys["acme/parts@"+p.MergedSHA] != 3 || s.forged != 0 {
			t.Errorf("keys %v, %d forged", s.keys, s.forged)
		}
		var told hook
		must(t, json.Unmarshal([]byte(s.bodies[0]), &told))
		if told.Event != "merged" || told.SHA != p.MergedSHA || told.PullRequest != pull || told.Ticket != ticket || told.ApprovedBy != "Ana" || told.Branch != "main" || s.bodies[0] != s.bodies[2] {
			t.Errorf("told %+v, then %s", told, s.bodies[2])
		}
		s.state = `{"state":"success"}`
		s.mutex.Unlock()
		r.land()
		if p := r.pull(pull); p.Staging != stagingUp {
			t.Errorf("staging %q", p.Staging)
		}
		r.tells(1, store.Staged, pull, "")
		r.tells(0, store.StagingFailed, pull, "")
	})
}

func TestAWebhookThatIsNeverThereIsToldWhenItsTimeIsOver(t *testing.T) {
	custody(t, &receiver{hook: []int{500}}, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		for range 4 {
			r.land()
			virtualWait(40 * time.Minute)
		}
		r.tells(1, store.StagingFailed, pull, "could not be started: start staging: the webhook answers with status 500")
		if p := r.pull(pull); p.Staging != stagingFailed {
			t.Errorf("staging %q", p.Staging)
		}
	})
}

// visited runs a receiver on loopback and returns staging as it is configured for it.
func visited(t *testing.T, s *receiver) Staging {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return Staging{Webhook: server.URL + "/hook", Health: server.URL + "/health", Secret: hookSecret}
}

func TestWhatAWebhookAnswersSaysWhatToFollow(t *testing.T) {
	for name, row := range map[string]struct {
		status   int
		location string
		want     string // the end of what is followed; "" for an error
		refused  bool
	}{
		"it deploys while it is told": {200, "", hookDone, false},
		"it deploys and says nothing": {204, "", hookDone, false},
		"it takes it":                 {202, "", hookTaken, false},
		"it can be followed":          {202, "/deployments/1", "/deployments/1", false},
		"it names another host":       {202, "https://elsewhere.invalid/deployments/1", hookTaken, false},
		"it refuses":                  {403, "", "", true},
		"it redirects":                {307, "https://elsewhere.invalid/hook", "", true},
		"it is busy":                  {429, "", "", false},
		"it is broken":                {500, "", "", false},
	} {
		s := &receiver{hook: []int{row.status}, follow: row.location}
		got, err := visited(t, s).post(t.Context(), "merged", "key", []byte("{}"))
		var refused *hookRefused
		if !strings.HasSuffix(got, row.want) || (err == nil) != (row.want != "") || errors.As(err, &refused) != row.refused {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if s.forged > 0 || len(s.bodies) != 1 {
			t.Errorf("%s: %d calls, %d of them forged", name, len(s.bodies), s.forged)
		}
	}
	if _, err := (Staging{Webhook: "http://127.0.0.1:1/hook?token=canary"}).post(t.Context(), "merged", "key", nil); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("nobody listens there: %v", err)
	}
}

func TestTheSignatureIsTheOneThatGitHubDocuments(t *testing.T) {
	const documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := Signature("It's a Secret to Everybody", []byte("Hello, World!")); got != documented {
		t.Errorf("signed %s", got)
	}
}

func TestStagingIsUpWhenItNamesTheCommit(t *testing.T) {
	s := &receiver{hook: []int{202}}
	s.says(502, "")
	custody(t, s, func(c *Staging) { c.Health, c.HealthField = "http://staging.invalid/health", "build.commit" }, func(r *rig) {
		_, pull := r.ready(1)
		_, next := r.ready(2)
		r.approve(pull)
		r.approve(next)
		r.land()
		for text, status := range map[string]int{`{"build":{"commit":"0123456"}}`: 200, `{"build":{}}`: 200, "up": 200, `{"build":{"commit":["x"]}}`: 200, "": 301} {
			s.says(status, text)
			r.land()
		}
		if p := r.pull(pull); p.Staging != stagingChecking {
			t.Errorf("staging %q", p.Staging)
		}
		s.says(200, fmt.Sprintf(`{"build":{"commit":"%.8s","at":"now"}}`, r.pull(pull).MergedSHA))
		r.land()
		r.tells(1, store.Staged, pull, "")
		// The next one shows within its time, and by a later commit that holds it.
		for r.pull(next).Verdict != store.Landed {
			r.land()
		}
		later := r.baseMoves("later")
		s.says(200, fmt.Sprintf(`{"build":{"commit":%q}}`, later))
		r.fix() // fetches it
		r.land()
		r.tells(1, store.Staged, next, "")
	})
}

func TestWhatTheHealthAddressShows(t *testing.T) {
	redirect := func(to string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	}
	text := func(text string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { fmt.Fprint(w, text) }
	}
	for name, row := range map[string]struct {
		health func(http.ResponseWriter)
		field  string
		want   string // commits, or the reason why there are none
	}{
		"a page with a commit":         {text("Shop 4, running 77BE01C9 since noon"), "", "77be01c9"},
		"a page with two":              {text("77be01c, before 9f3c2a1"), "", "77be01c 9f3c2a1"},
		"a page without one":           {text("ok"), "", "it names no commit"},
		"a field":                      {text(`{"build":{"commit":"9f3c2a1"},"old":"77be01c"}`), "build.commit", "9f3c2a1"},
		"a field that is a number":     {text(`{"commit":1234567}`), "commit", "1234567"},
		"a field that is not there":    {text(`{"build":{}}`), "build.commit", "its answer has no build.commit"},
		"a field that is no text":      {text(`{"commit":["9f3c2a1"]}`), "commit", "commit is no text in its answer"},
		"a field in no JSON":           {text("running 9f3c2a1"), "commit", "it does not answer in JSON"},
		"down":                         {func(w http.ResponseWriter) { w.WriteHeader(503) }, "", "it answers with status 503"},
		"gone in the middle":           {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "", "it does not answer: EOF"},
		"elsewhere":                    {redirect("https://elsewhere.invalid/health"), "", "it does not answer: it redirects to another host"},
		"in circles":                   {redirect("/health"), "", "it does not answer: it redirects without an end"},
		"a megabyte before the commit": {text(strings.Repeat(".", 1<<20) + " 9f3c2a1"), "", "it names no commit"},
	} {
		s := visited(t, &receiver{health: row.health})
		s.HealthField = row.field
		shown, err := s.Shown(t.Context())
		got := strings.Join(shown, " ")
		if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestAnUnhealthyStagingIsToldWithWhatItShows(t *testing.T) {
	s := &receiver{hook: []int{200}}
	s.says(200, "running 77be01c since noon")
	custody(t, s, func(c *Staging) { c.Health = "http://staging.invalid/health" }, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		for range 3 {
			r.land()
			virtualWait(4 * time.Minute)
		}
		r.tells(1, store.StagingFailed, pull, "unhealthy: after 5m0s it shows 77be01c")
		if p := r.pull(pull); p.Staging != stagingFailed {
			t.Errorf("staging %q", p.Staging)
		}
	})
}
